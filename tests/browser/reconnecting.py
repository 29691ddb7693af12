"""Two apps with the same pages: `stopping` goes on until its server stops, `lasting` ends each of its streams by itself."""

from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path

import trio

from chirp_trio import App, AppConfig, EventStream, Response
from tests.docs.runner import ROOT

STATIC = ROOT / "examples" / "static"
FAREWELL = 4.0
NORMAL = 0.1

# Notes what is shown, and when; and the names of events that have no data.
NOTING = """
<div id="shown"{attributes}></div>
<script>
  window.shown = [];
  window.named = [];
  const element = document.getElementById("shown");
  new MutationObserver(() => window.shown.push([element.textContent, performance.now()]))
    .observe(element, {{childList: true, characterData: true, subtree: true}});
  const note = (event) => window.named.push(event.type);
</script>
"""
NATIVE = """
<script>
  const source = new EventSource("/live");
  source.onmessage = (event) => { element.textContent = event.data; };
  for (const name of ["chirp:hello", "chirp:bye"]) source.addEventListener(name, note);
</script>
"""
HTMX4 = """
<script>for (const name of ["chirp:hello", "chirp:bye"]) document.addEventListener(name, note);</script>
<script src="/static/htmx-4.0.1.min.js"></script>
<script src="/static/hx-sse-4.0.1.min.js"></script>
"""
PAGES = {
    "EventSource": NOTING.format(attributes="") + NATIVE,
    "htmx 4": NOTING.format(attributes=' hx-sse:connect="/live"') + HTMX4,
}


def app_of(name: str, ticks: int | None) -> App:
    app = App(AppConfig(reconnect_after=(FAREWELL, FAREWELL), reconnection_time=NORMAL))
    connections = count(1)

    @app.route("/live")
    async def live() -> EventStream:
        connection = f"{name} {next(connections)}"

        async def source() -> AsyncGenerator[str]:
            for _ in range(ticks) if ticks is not None else count():
                yield connection
                await trio.sleep(0.05)

        return EventStream(source)

    @app.route("/static/{file}")
    async def static(file: str) -> Response:
        return Response((STATIC / Path(file).name).read_bytes(), content_type="text/javascript")

    @app.route("/pages/{kind}")
    async def page(kind: str) -> Response:
        return Response(f"<!doctype html><title>{kind}</title>{PAGES[kind]}")

    return app


stopping = app_of("stopping", None)
lasting = app_of("lasting", 5)
