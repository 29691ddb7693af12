"""A topic whose next event is published when the reader of the last one asks for it: so an event that is held back is found.

`/live/CODING` is what a client gets that takes this coding only; `/live/any` leaves that to the client.
"""

import json

from chirp_trio import App, AppConfig, CompressionDictionary, EventStream, Request, Response
from chirp_trio.asgi import ASGIApp, Receive, Scope, Send

COUNT = 60

sent: list[str] = []
asked: list[str] = []


def text_of(number: int) -> str:
    """Events of very different sizes, the largest beyond a piece of everything on the way."""
    return json.dumps({"number": number, "text": "word " * (number * number * 40 if number % 7 == 0 else number % 5)})


def choosing(inner: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith("/live/"):
            headers = dict(scope["headers"])
            asked.append(headers.get(b"available-dictionary", b"").decode())
            if not path.endswith("/any"):
                headers[b"accept-encoding"] = path.rpartition("/")[2].encode()
                scope = {**scope, "headers": list(headers.items())}
        await inner(scope, receive, send)

    return app


app = App(AppConfig(reconnection_time=0.1), middleware=[choosing])
topic = app.topic("events", history=1000, history_bytes=64 * 1024 * 1024)
dictionary = CompressionDictionary.of_events([text_of(1)])
dictionary_path = app.dictionary(dictionary, match="/live/*")


@app.route("/live/{coding}")
async def live(request: Request, coding: str) -> EventStream:
    return EventStream(topic.subscribe(request.last_event_id, buffer=1000), compress=dictionary, heartbeat_interval=1)


@app.post("/next")
async def publish_next() -> None:
    sent.append(text_of(len(sent)))
    await topic.publish(sent[-1])


@app.post("/cut")
async def cut() -> None:
    app.streams.close(lambda stream: True)


@app.get("/sent")
async def what_was_sent() -> list[str]:
    return sent


@app.get("/asked")
async def what_was_asked() -> dict[str, object]:
    return {"available": asked, "ours": dictionary.available}


@app.get("/page/{coding}")
async def page(coding: str) -> Response:
    return Response(PAGE % {"coding": coding, "count": COUNT, "dictionary": dictionary_path}, content_type="text/html")


PAGE = """<!doctype html><meta charset="utf-8"><title>reading</title>
<script>
window.shown = [];
window.read = [];
const post = (path) => fetch(path, {method: "POST"});
async function readBody() {
  const response = await fetch("/live/%(coding)s", {headers: {accept: "text/event-stream"}});
  window.coding = response.headers.get("content-encoding");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\\n\\n");
    text = events.pop();
    for (const event of events) {
      const line = event.split("\\n").find((line) => line.startsWith("data: "));
      if (line) { window.read.push(line.slice(6)); goOn(); }
    }
  }
}
let asked = -1, isCut = false;
async function goOn() {
  const number = window.shown.length;
  if (number == asked || (!isCut && window.read.length != number)) return;
  asked = number;
  if (number == %(count)d / 2) { isCut = true; await post("/cut"); }
  if (number == %(count)d) { source.close(); document.title = "done"; return; }
  await post("/next");
}
let source;
(async () => {
  await fetch("%(dictionary)s");
  source = new EventSource("/live/%(coding)s");
  source.onmessage = (event) => { window.shown.push(event.data); goOn(); };
  let begun = false;
  source.onopen = () => { if (!begun) { begun = true; readBody(); setTimeout(goOn, 300); } };
})();
</script>
"""
