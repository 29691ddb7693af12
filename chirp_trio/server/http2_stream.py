"""python-h2's stream without its checks of headers, in which an error would end the connection."""

from collections.abc import Iterable
from typing import override

from h2.errors import ErrorCodes
from h2.events import Event, StreamReset, TrailersReceived
from h2.stream import H2Stream
from hpack.struct import Header
from hyperframe.frame import Frame


class Stream(H2Stream):
    """The stream of one request and its response."""

    @override
    def receive_headers(
        self, headers: Iterable[Header], end_stream: bool, header_encoding: bool | str | None
    ) -> tuple[list[Frame], list[Event]]:
        if self.state_machine.headers_received and not end_stream and self.open:  # trailers that do not end the stream
            reset = StreamReset(stream_id=self.stream_id, error_code=ErrorCodes.PROTOCOL_ERROR, remote_reset=False)
            events: list[Event] = [TrailersReceived(stream_id=self.stream_id, headers=[]), reset]
            return self.reset_stream(ErrorCodes.PROTOCOL_ERROR), events
        # A request must not have a status; python-h2 would not take one with an informational status for a request.
        judged = [(name, b"" if name == b":status" else value) for name, value in headers]
        return super().receive_headers(judged, end_stream, header_encoding)

    @override
    def _initialize_content_length(self, headers: Iterable[Header]) -> None:
        pass
