"""python-h2's connection, changed to be more tolerant, stricter and cheaper.

More tolerant: an error of one stream ends only that stream (RFC 9113, 5.4.2), and a client that announces no more requests
still gets its responses (6.8). Stricter: useless frames, which only cost work, are counted. Cheaper: such frames, and
requests that the client gives up as soon as they come, are handled here, without python-h2.
"""

from collections.abc import Callable, Sequence
from typing import override

from h2.config import H2Configuration
from h2.connection import AllowedStreamIDs, H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, StreamReset, WindowUpdated
from h2.exceptions import DenialOfServiceError, FlowControlError, FrameDataMissingError, ProtocolError, StreamIDTooLowError
from h2.settings import SettingCodes, Settings
from h2.stream import H2Stream, StreamClosedBy, StreamInputs, StreamState
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, RstStreamFrame

from . import http2_reader as wire
from .http2_budget import RESET_POINTS, SETTINGS_POINTS, SMALL_DATA, Budget
from .http2_reader import FrameReader, divide_head, parse_settings, without_padding
from .http2_stream import Stream
from .messages import MAX_HEAD_BYTES

# The largest number of open requests of a connection.
MAX_STREAMS = 100
# The window of each request's body: the bytes that a client may send before the app takes them.
STREAM_WINDOW = 65_535
# The connection's window: it holds those of all streams, and bytes that were taken and not yet acknowledged.
_CONNECTION_WINDOW = 2 * MAX_STREAMS * STREAM_WINDOW
_MAX_WINDOW = 2**31 - 1

_PING_ANSWER = bytes([0, 0, 8, wire.PING, wire.ACK, 0, 0, 0, 0])
_SETTINGS_ANSWER = bytes([0, 0, 0, wire.SETTINGS, wire.ACK, 0, 0, 0, 0])

_TAKES_DATA = {StreamState.OPEN, StreamState.HALF_CLOSED_LOCAL}
type _Events = Sequence[Event]


class FrameConnection(H2Connection):
    """The state of one client's connection, on top of python-h2: all received frames, and most of the sent ones."""

    def __init__(self) -> None:
        # The headers of requests are checked in `http2_rules`, those of responses in `http2_exchange`.
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
        self.budget = Budget()
        self.requests = 0  # received ones, whether answered or not
        self._reader = FrameReader()
        self._last_settings: bytes | None = None
        self._streams_to_keep = MAX_STREAMS
        self._takers: dict[int, Callable[[int, int, bytes], _Events]] = {
            wire.DATA: self._take_data,
            wire.HEADERS: self._take_headers,
            wire.PRIORITY: self._take_priority,
            wire.RST_STREAM: self._take_reset,
            wire.SETTINGS: self._take_settings,
            wire.PUSH_PROMISE: self._take_what_may_not_come,
            wire.PING: self._take_ping,
            wire.GOAWAY: self._take_go_away,
            wire.WINDOW_UPDATE: self._take_window_update,
            wire.CONTINUATION: self._take_what_may_not_come,
        }

    @override
    def initiate_connection(self) -> None:
        """Write the server's first frames."""
        told = {
            SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        }
        self.local_settings = Settings(client=False, initial_values=told)
        super().initiate_connection()
        # More requests than that are refused one by one, and the others go on.
        self.local_settings = Settings(client=False, initial_values={**told, SettingCodes.MAX_CONCURRENT_STREAMS: 2**31 - 1})
        self.decoder.max_header_list_size = wire.MAX_BLOCK_SIZE
        self.increment_flow_control_window(_CONNECTION_WINDOW - STREAM_WINDOW)

    def add(self, frame: bytes) -> int:
        """Write a frame that is complete, after those that wait to be sent; return the bytes that wait then."""
        self._data_to_send += frame
        return len(self._data_to_send)

    def go_away(self) -> None:
        """Write the frame that tells the client to send no more requests (GOAWAY); those that have come go on."""
        self.add(GoAwayFrame(last_stream_id=self.highest_inbound_stream_id, error_code=ErrorCodes.NO_ERROR).serialize())

    def end(self, code: int) -> None:
        """Write the end of the open streams and of the connection (RFC 9113, 5.4.1)."""
        for stream_id, stream in self.streams.items():
            if not stream.closed:  # browsers wait for the rest of a response until the connection is closed
                self._data_to_send += RstStreamFrame(stream_id, error_code=code).serialize()
        self.close_connection(code)

    def charge_for_refusal(self) -> None:
        """Count a malformed request.

        Raises:
            DenialOfServiceError: There were too many useless frames lately.
        """
        self.budget.charge(RESET_POINTS)

    # -- what comes -----------------------------------------------------------------------------------------------------

    @override
    def receive_data(self, data: bytes) -> list[Event]:  # type: ignore[override]  # nothing else comes
        """Take received bytes; return the events of the streams in them.

        Raises:
            ProtocolError: An error that ends the connection.
        """
        self.budget.refill()
        events: list[Event] = []
        frames = self._reader.read(data)
        given_up = {stream_id for kind, _, stream_id, _ in frames if kind == wire.RST_STREAM}
        for kind, flags, stream_id, payload in frames:
            if kind == wire.HEADERS and stream_id in given_up and self._is_new(stream_id):
                self._skip_request(flags, stream_id, payload)
            else:
                events += self._takers.get(kind, self._take_unknown)(flags, stream_id, payload)
        return events

    def _take_data(self, flags: int, stream_id: int, payload: bytes) -> _Events:
        if not stream_id:
            raise ProtocolError("data of no stream")
        data = without_padding(flags, payload)
        stream = self.streams.get(stream_id)
        if len(data) < SMALL_DATA and not flags & wire.END_STREAM:
            self.budget.charge_for_small_data(len(data))
            if not payload and stream is not None and stream.state_machine.state in _TAKES_DATA:
                return ()
        if stream is not None and len(payload) > stream.inbound_flow_control_window:
            self._inbound_flow_control_window_manager.window_consumed(len(payload))
            events = self._fail(stream_id, ErrorCodes.FLOW_CONTROL_ERROR)
            self.acknowledge_received_data(len(payload), stream_id)
            return events
        frame = DataFrame(stream_id, data, flags=["END_STREAM"] if flags & wire.END_STREAM else ())
        if flags & wire.PADDED:
            frame.flags.add("PADDED")
            frame.pad_length = payload[0]
        return self._receive_frame(frame)

    def _take_headers(self, flags: int, stream_id: int, payload: bytes) -> _Events:
        if not stream_id:
            raise ProtocolError("a head of no stream")
        block, depends_on = divide_head(flags, payload)
        frame_flags = ["END_HEADERS", "END_STREAM"] if flags & wire.END_STREAM else ["END_HEADERS"]
        events = self._receive_frame(HeadersFrame(stream_id, block, flags=frame_flags))
        return self._fail(stream_id, ErrorCodes.PROTOCOL_ERROR) if depends_on == stream_id else events

    def _is_new(self, stream_id: int) -> bool:
        return stream_id > self.highest_inbound_stream_id and stream_id % 2 == 1

    def _skip_request(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Take a request that the client resets within the same bytes: it changes only the table of headers."""
        block, _ = divide_head(flags, payload)
        try:
            self.decoder.decode(block, raw=True)
        except OversizedHeaderListError as error:
            raise DenialOfServiceError("a head is too large") from error
        except HPACKError as error:
            raise ProtocolError("a head is no HPACK") from error
        self.requests += 1
        self.highest_inbound_stream_id = stream_id
        self._closed_streams[stream_id] = StreamClosedBy.RECV_RST_STREAM
        self.budget.charge(RESET_POINTS - 1)

    def _take_priority(self, _flags: int, stream_id: int, payload: bytes) -> _Events:
        """Check a PRIORITY frame, and ignore it: priorities are deprecated (RFC 9113, 5.3.2)."""
        self.budget.charge(1)
        if not stream_id:
            raise ProtocolError("a priority of no stream")
        if len(payload) != 5:
            return self._fail(stream_id, ErrorCodes.FRAME_SIZE_ERROR)
        if int.from_bytes(payload[:4]) & 0x7FFFFFFF == stream_id:
            return self._fail(stream_id, ErrorCodes.PROTOCOL_ERROR)
        return ()

    def _take_reset(self, _flags: int, stream_id: int, payload: bytes) -> _Events:
        self.budget.charge(1)
        if len(payload) != 4:
            raise FrameDataMissingError("a reset of another size")
        self._check_begun(stream_id)
        stream = self.streams.get(stream_id)
        if stream is None or stream.closed:
            return ()
        self.budget.charge(RESET_POINTS - 1)
        events: _Events = stream.state_machine.process_input(StreamInputs.RECV_RST_STREAM)
        return events

    def _take_settings(self, flags: int, stream_id: int, payload: bytes) -> _Events:
        self.budget.charge(SETTINGS_POINTS)
        if payload == self._last_settings and not flags & wire.ACK and not stream_id:
            self._data_to_send += _SETTINGS_ANSWER
            return ()
        events = self._receive_frame(parse_settings(flags, stream_id, payload))
        if not flags & wire.ACK:
            self._last_settings = payload
        return events

    def _take_ping(self, flags: int, stream_id: int, payload: bytes) -> _Events:
        self.budget.charge(1)
        if stream_id:
            raise ProtocolError("a ping of a stream")
        if len(payload) != 8:
            raise FrameDataMissingError("a ping of another size")
        if not flags & wire.ACK:
            self._data_to_send += _PING_ANSWER + payload
        return ()

    def _take_go_away(self, _flags: int, stream_id: int, payload: bytes) -> _Events:
        self.budget.charge(1)
        if stream_id:
            raise ProtocolError("a good-bye of a stream")
        if len(payload) < 8:
            raise FrameDataMissingError("a good-bye of another size")
        return [ConnectionTerminated()]

    def _take_window_update(self, _flags: int, stream_id: int, payload: bytes) -> _Events:
        self.budget.charge(1)
        if len(payload) != 4:
            raise FrameDataMissingError("a window of another size")
        increment = int.from_bytes(payload) & _MAX_WINDOW
        if not stream_id:
            if not increment:
                raise ProtocolError("a window of nothing more")
            if (window := self.outbound_flow_control_window) + increment > _MAX_WINDOW:
                raise FlowControlError("too large a window")
            self.outbound_flow_control_window = window + increment
            return [WindowUpdated(stream_id=0)] if window <= 0 else ()
        self._check_begun(stream_id)
        stream = self.streams.get(stream_id)
        if stream is None or stream.closed:
            return ()
        if not increment:
            return self._fail(stream_id, ErrorCodes.PROTOCOL_ERROR)
        if (window := stream.outbound_flow_control_window) + increment > _MAX_WINDOW:
            return self._fail(stream_id, ErrorCodes.FLOW_CONTROL_ERROR)
        stream.outbound_flow_control_window = window + increment
        return [WindowUpdated(stream_id=stream_id)] if window <= 0 else ()

    def _take_unknown(self, _flags: int, _stream_id: int, _payload: bytes) -> _Events:
        self.budget.charge(1)
        return ()

    def _take_what_may_not_come(self, _flags: int, _stream_id: int, _payload: bytes) -> _Events:
        raise ProtocolError("a frame that may not come here")

    def _check_begun(self, stream_id: int) -> None:
        if not stream_id or stream_id > self.highest_inbound_stream_id or stream_id % 2 == 0:
            raise ProtocolError("something of a stream that has not begun")  # RFC 9113, 5.1

    def _fail(self, stream_id: int, code: ErrorCodes) -> _Events:
        """Reset a stream because of an error of its own (RFC 9113, 5.4.2)."""
        self.charge_for_refusal()
        if stream_id > self.highest_inbound_stream_id or stream_id % 2 == 0:
            error = ProtocolError("something of a stream that has not begun, and cannot be reset")
            error.error_code = code
            raise error
        stream = self.streams.get(stream_id)
        if stream is None or stream.closed:
            return ()
        self.reset_stream(stream_id, code)
        return [StreamReset(stream_id=stream_id, error_code=code, remote_reset=False)]

    # -- streams --------------------------------------------------------------------------------------------------------

    @override
    def _begin_new_stream(self, stream_id: int, allowed_ids: AllowedStreamIDs) -> H2Stream:
        if stream_id % 2 == 0:
            raise ProtocolError("a request with an even number")
        if stream_id <= self.highest_inbound_stream_id:
            raise StreamIDTooLowError(stream_id, self.highest_inbound_stream_id)
        stream = Stream(
            stream_id, self.config, self.local_settings.initial_window_size, self.remote_settings.initial_window_size
        )
        stream.max_outbound_frame_size = self.max_outbound_frame_size
        self.streams[stream_id] = stream
        self.highest_inbound_stream_id = stream_id
        self.requests += 1
        return stream

    @property
    @override
    def open_inbound_streams(self) -> int:
        # Open streams are counted elsewhere: python-h2 would count all of them anew for each request.
        if len(self.streams) > self._streams_to_keep:
            self._streams_to_keep = super().open_inbound_streams + MAX_STREAMS
        return 0
