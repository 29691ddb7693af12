"""`EventStream` as a response of Starlette's own kind; this is the public one wherever Starlette is installed.

Starlette calls whatever a route returns. FastAPI asks for its class first, and turns what is no Starlette response into JSON.
"""

from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from .asgi import HeadersInput, Receive, Scope, Send, encode_headers, header_pairs
from .stream import EventStream as ASGIEventStream


class EventStream(ASGIEventStream, Response):  # noqa: D101 - assigned
    __doc__ = ASGIEventStream.__doc__

    status_code = 200
    media_type = "text/event-stream"
    background: BackgroundTask | None = None

    @property
    def headers(self) -> MutableHeaders:
        """The headers that go along with those of every event stream. They can be changed until it is served."""
        return MutableHeaders(raw=self.raw_headers)

    @headers.setter
    def headers(self, headers: HeadersInput) -> None:
        self.raw_headers = list(encode_headers(header_pairs(headers)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream as an ASGI response, and then run Starlette's background task, if there is one."""
        await super().__call__(scope, receive, send)
        if self.background is not None:
            await self.background()
