"""What is measured: this library, and its peers, each as its own documentation would have it. An app, and a server for it."""

from .processes import Stack

OURS = Stack("chirp_trio, chirp-trio run", "ours:app", server="chirp-trio")
STOCK = Stack("chirp_trio, hypercorn", "ours:app")
WITHOUT_APP = Stack("chirp_trio, EventStream without App, hypercorn", "ours:without_app")
BARE = Stack("bare ASGI app, hypercorn", "bare:app")
GRANIAN = Stack("bare ASGI app, granian", "asyncio_app:app", server="granian", needs="granian")
JOINING = Stack("the same, joining what waits in a queue", "asyncio_app:joining", server="granian", needs="granian")
UVICORN = Stack("bare ASGI app, uvicorn", "asyncio_app:app", server="uvicorn", needs="uvicorn")
NODE = Stack("Node, http", "node_app.js", server="node", needs="node")

SSE_STARLETTE = Stack("sse-starlette, uvicorn", "sse_starlette_app:app", server="uvicorn", needs="sse_starlette")
STARLETTE = Stack("Starlette, StreamingResponse, uvicorn", "starlette_app:app", server="uvicorn", needs="starlette")
FASTAPI = Stack("FastAPI, uvicorn", "fastapi_app:app", server="uvicorn", needs="fastapi")
LITESTAR = Stack("Litestar, uvicorn", "litestar_app:app", server="uvicorn", needs="litestar")
AIOHTTP_SSE = Stack("aiohttp-sse, aiohttp", "aiohttp_sse_app", server="its own", needs="aiohttp_sse")
QUART_TRIO = Stack("Quart-Trio, hypercorn", "quart_trio_app:app", needs="quart_trio")
BENGAL_CHIRP = Stack("bengal-chirp, pounce", "bengal_chirp_app", server="its own", needs="chirp")

# The same with TLS, for HTTP/1.1 and HTTP/2.
OURS_TLS = Stack("chirp_trio, chirp-trio run", "ours:app", server="chirp-trio, TLS")
STOCK_TLS = Stack("chirp_trio, hypercorn", "ours:app", server="hypercorn, TLS")
GRANIAN_TLS = Stack("bare ASGI app, granian", "asyncio_app:app", server="granian, TLS", needs="granian")
NODE_TLS = Stack("Node, https and http2", "node_app.js", server="node, TLS", needs="node")

# What applications do.
APPLICATION = Stack("chirp_trio, chirp-trio run", "performing:app", server="chirp-trio")
APPLICATION_STOCK = Stack("chirp_trio, hypercorn", "performing:app")
REPLAYING = Stack("chirp_trio, chirp-trio run", "replaying:app", server="chirp-trio")
NODE_REPLAYING = Stack("Node, http, from an array", "node_replaying.js", server="node", needs="node")

LIBRARIES = {
    "sse_starlette": SSE_STARLETTE,
    "fastapi": FASTAPI,
    "litestar": LITESTAR,
    "aiohttp_sse": AIOHTTP_SSE,
    "quart_trio": QUART_TRIO,
    "bengal_chirp": BENGAL_CHIRP,
}
# Quart-Trio's app has no queue for each client, of which saturated streams are made.
WITH_QUEUES = {key: stack for key, stack in LIBRARIES.items() if key != "quart_trio"}
BY_HAND = {"starlette": STARLETTE, "uvicorn": UVICORN}
QUICK = frozenset({"ours", "stock", "bare", "granian", "node"})  # what a quick run has
OWN = frozenset({"ours", "stock"})  # what a trial has


def missing():
    """Those that are not installed."""
    return [stack for stack in (GRANIAN, UVICORN, STARLETTE, NODE, *LIBRARIES.values()) if not stack.is_installed]
