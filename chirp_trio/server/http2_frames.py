"""python-h2's connection, where it has to be kinder, and where it has to be stricter.

Kinder: what is wrong with one request is that request's own error (RFC 9113, 8.1.1), and a client that says that it will come
with no more requests still gets its responses (6.8). Stricter: frames that cost work and bring nobody anything are counted.
"""

from collections.abc import Iterable
from typing import override

import trio
from h2.config import H2Configuration
from h2.connection import AllowedStreamIDs, H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, StreamReset, TrailersReceived
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.settings import SettingCodes, Settings
from h2.stream import H2Stream
from hpack.struct import Header
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from .exchange import MAX_HEAD_BYTES

# How many requests a connection may have open at a time.
MAX_STREAMS = 100
# The window of each request's body: what a client may send of it ahead of the app.
STREAM_WINDOW = 65_535
# The connection's: all streams' fit into it, and what has been taken of it but not yet told.
_CONNECTION_WINDOW = 2 * MAX_STREAMS * STREAM_WINDOW

# What frames cost that bring nobody anything, in points: how many there may be at once, and how many more each second.
_POINTS = 1_000.0
_POINTS_A_SECOND = 100.0
# A client may tell of each frame of a body that it has taken it: for the stream, and for the connection.
_POINTS_FOR_DATA = 2.0
_RESET_POINTS = 3.0
_SETTINGS_POINTS = 10.0
# A frame of a body that carries less than this is hardly worth its head.
_SMALL_DATA = 128
_SMALL_DATA_POINTS = 0.25


class FrameConnection(H2Connection):
    """The state of one client's connection, as python-h2 has it: the frames that come, and most of those that go."""

    def __init__(self) -> None:
        # Headers are judged in `http2_rules`, for the requests that come, and in `http2_exchange` for the responses.
        super().__init__(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._points = _POINTS
        self._counted = trio.current_time()

    @override
    def initiate_connection(self) -> None:
        """Write what the client has to know first."""
        told = {
            SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        }
        self.local_settings = Settings(client=False, initial_values=told)
        super().initiate_connection()
        # More requests than that are refused one by one, and the others go on.
        self.local_settings = Settings(client=False, initial_values={**told, SettingCodes.MAX_CONCURRENT_STREAMS: 2**31 - 1})
        # A head that is too large is answered, and has to be read for it; one that is many times too large is an attack.
        self.decoder.max_header_list_size = 4 * MAX_HEAD_BYTES
        self.increment_flow_control_window(_CONNECTION_WINDOW - STREAM_WINDOW)

    def go_away(self) -> bytes:
        """The frame that tells the client to come with no more requests (GOAWAY); those that have come go on."""
        return GoAwayFrame(last_stream_id=self.highest_inbound_stream_id, error_code=ErrorCodes.NO_ERROR).serialize()

    # -- what it costs --------------------------------------------------------------------------------------------------

    def charge(self, points: float) -> None:
        """Count something that is of no use to anybody.

        Raises:
            DenialOfServiceError: There was too much of it lately.
        """
        now = trio.current_time()
        self._points = min(_POINTS, self._points + (now - self._counted) * _POINTS_A_SECOND) - points
        self._counted = now
        if self._points < 0:
            raise DenialOfServiceError("the client sends too much that is of no use")

    def charge_for_refusal(self) -> None:
        """Count a request that is none.

        Raises:
            DenialOfServiceError: There was too much of it lately.
        """
        self.charge(_RESET_POINTS)

    def forgive_for_data(self) -> None:
        """Note that a frame of a body is sent, which the client may acknowledge."""
        self._points = min(_POINTS, self._points + _POINTS_FOR_DATA)

    @override
    def _receive_frame(self, frame: Frame) -> list[Event]:
        self.charge(_points(frame))
        if isinstance(frame, RstStreamFrame) and frame.stream_id > self.highest_inbound_stream_id:
            raise ProtocolError("a stream is reset that has not begun")  # RFC 9113, 6.4
        return super()._receive_frame(frame)

    # -- where it is kinder ---------------------------------------------------------------------------------------------

    @override
    def _begin_new_stream(self, stream_id: int, allowed_ids: AllowedStreamIDs) -> H2Stream:
        begun = super()._begin_new_stream(stream_id, allowed_ids)
        stream = _Stream(
            stream_id, self.config, self.local_settings.initial_window_size, self.remote_settings.initial_window_size
        )
        stream.max_outbound_frame_size = begun.max_outbound_frame_size
        self.streams[stream_id] = stream
        return stream

    @override
    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        return [], [ConnectionTerminated()]


class _Stream(H2Stream):
    """A stream whose headers are judged elsewhere: here they would end the connection."""

    @override
    def receive_headers(
        self, headers: Iterable[Header], end_stream: bool, header_encoding: bool | str | None
    ) -> tuple[list[Frame], list[Event]]:
        if self.state_machine.headers_received and not end_stream and self.open:  # trailers that end nothing
            reset = StreamReset(stream_id=self.stream_id, error_code=ErrorCodes.PROTOCOL_ERROR, remote_reset=False)
            events: list[Event] = [TrailersReceived(stream_id=self.stream_id, headers=[]), reset]
            return self.reset_stream(ErrorCodes.PROTOCOL_ERROR), events
        # The status of a response is nothing that a request may have; an informational one would not be taken for a request.
        judged = [(name, b"" if name == b":status" else value) for name, value in headers]
        return super().receive_headers(judged, end_stream, header_encoding)

    @override
    def _initialize_content_length(self, headers: Iterable[Header]) -> None:
        pass


def _points(frame: Frame) -> float:
    if isinstance(frame, DataFrame):
        if len(frame.data) >= _SMALL_DATA or "END_STREAM" in frame.flags:
            return 0
        return _SMALL_DATA_POINTS if frame.data else 1
    if isinstance(frame, HeadersFrame):
        return 0
    if isinstance(frame, RstStreamFrame):
        return _RESET_POINTS
    if isinstance(frame, SettingsFrame):
        return _SETTINGS_POINTS
    return 1
