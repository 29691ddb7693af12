"""The streams of `endings`, beside the pages of Quart-Trio."""

from quart_trio import QuartTrio
from recording import last_report, log_everything
from sources import stream_of

from chirp_trio import Limits, stream_lifespan

log_everything()

pages = QuartTrio(__name__)


@pages.get("/")
async def index():
    return "a page of Quart's"


@pages.while_serving
async def while_serving():
    async with last_report():
        yield


async def quart_and_streams(scope, receive, send):
    if scope["type"] == "http" and scope["path"] != "/":
        _, source, kind = scope["path"].split("/")
        await stream_of(source, kind)(scope, receive, send)
    else:
        await pages(scope, receive, send)


app = stream_lifespan(limits=Limits(max_streams=1)).wrap(quart_and_streams)
