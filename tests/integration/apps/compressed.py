"""A topic that a page reads in all codings at a time, and whose next event it asks for when all of them have shown the last.

So an event that is held back is found. `/live/CODING` is what a client gets that takes this coding only; `/live/any` leaves
that to the client. `/page/KIND` reads by `EventSource`, by `fetch`, or by htmx. `/publish/COUNT` publishes at random times,
and each event says when: that is for `tests/browser/delays.py`, whose pages have a second plain stream, `control`, in the
midst of the others. `/end` ends all streams; who comes back is told with a 204 that they are over.
"""

import random
import time
from pathlib import Path

import trio

from chirp_trio import App, AppConfig, CompressionDictionary, EventStream, Request, Response
from chirp_trio.asgi import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).parents[3] / "examples" / "static"
CODINGS = ["identity", "gzip", "zstd", "any"]
CONTROLLED = ["identity", "gzip", "control", "zstd", "any"]
SIZES = [
    0,
    0,
    20,
    20,
    300,
    300,
    3000,
    3000,
    3000,
    70_000,
]  # bytes of text; the largest is more than a piece of everything on the way

sent: list[str] = []
asked: list[str] = []
chance = random.Random(12)  # whose first dozen has every size, and so has what follows


def next_text() -> str:
    return f"<i title='{time.time() * 1000:.1f}'>{len(sent)} {'word ' * (chance.choice(SIZES) // 5)}</i>"


def choosing(inner: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith("/live/"):
            headers = dict(scope["headers"])
            asked.append(headers.get(b"available-dictionary", b"").decode())
            if not path.endswith("/any"):
                headers[b"accept-encoding"] = path.rpartition("/")[2].replace("control", "identity").encode()
                scope = {**scope, "headers": list(headers.items())}
        await inner(scope, receive, send)

    return app


app = App(AppConfig(reconnection_time=0.1), middleware=[choosing])
topic = app.topic("events", history=1000, history_bytes=64 * 1024 * 1024)
dictionary = CompressionDictionary.of_events([next_text()], id=topic.cursor)
dictionary_path = app.dictionary(dictionary, match="/live/*")


@app.route("/live/{coding}")
async def live(request: Request, coding: str) -> EventStream | None:
    if topic.is_closed:
        return None
    return EventStream(topic.subscribe(request.last_event_id, buffer=1000), compress=dictionary, heartbeat_interval=1)


@app.post("/next")
async def publish_next() -> None:
    sent.append(next_text())
    await topic.publish(sent[-1])


@app.post("/publish/{count:int}")
async def publish(count: int) -> None:
    for _ in range(count):
        await trio.sleep(chance.uniform(0, 0.08))
        await publish_next()


@app.post("/end")
async def end() -> None:
    topic.close()


@app.get("/sent")
async def what_was_sent() -> list[str]:
    return sent


@app.get("/asked")
async def what_was_asked() -> dict[str, object]:
    return {"available": asked, "ours": dictionary.available}


@app.get("/static/{file}")
async def static(file: str) -> Response:
    return Response((STATIC / Path(file).name).read_bytes(), content_type="text/javascript")


@app.get("/page/{kind}")
async def page(request: Request, kind: str) -> Response:
    head, element = KINDS[kind]
    codings = CONTROLLED if "controlled" in request.query else CODINGS
    elements = "".join(f"<div hidden id='{coding}' {element.format(coding=coding)}></div>" for coding in codings)
    text = PAGE % {"head": head, "elements": elements, "dictionary": dictionary_path, "codings": codings}
    return Response(text, content_type="text/html")


# The dictionary has to be there before the first stream is asked for, and htmx before the elements that it looks for.
KINDS = {
    "EventSource": ("[]", "class='native'"),
    "fetch": ("[]", "class='fetched'"),
    "htmx2": (
        "['htmx-2.0.11.min.js', 'htmx-ext-sse-2.2.4.min.js']",
        "hx-ext='sse' sse-connect='/live/{coding}' sse-swap='message' hx-swap='beforeend'",
    ),
    "htmx4": (
        "['htmx-4.0.1.min.js', 'hx-sse-4.0.1.min.js']",
        "hx-sse:connect='/live/{coding}' hx-swap='beforeend'",
    ),
}

PAGE = """<!doctype html><meta charset="utf-8"><title>reading</title>
<body><template id="elements">%(elements)s</template>
<script>
const codings = %(codings)s;
window.shown = {}, window.times = {}, window.used = {}, window.ids = {}, window.ends = {};
const post = (path) => fetch(path, {method: "POST"});
let waiting = [];
const changed = () => { for (const goOn of waiting.splice(0)) goOn(); };
const until = async (holds) => { while (!holds()) await new Promise((resolve) => waiting.push(resolve)); return true; };
const note = (coding, html) => {
  shown[coding].push(html);
  times[coding].push(performance.timeOrigin + performance.now());
  changed();
};
const end = (coding, how) => { ends[coding] = how; changed(); };
const haveShown = (count) => codings.every((coding) => shown[coding].length >= count);
// Publishes an event when all have shown the one before it, until there are so many.
window.reach = async (count) => {
  while (true) {
    const number = shown.identity.length;
    await until(() => haveShown(number));
    if (number >= count) return true;
    await post("/next");
    await until(() => haveShown(number + 1));
  }
};
window.wait = (count) => until(() => haveShown(count));
// Of an EventSource that is told with a 204 not to come back, and of a response whose body has its proper end.
window.haveEnded = () => until(() => codings.every((coding) => ends[coding] == "over"));
async function read(coding) {
  let id = "";
  while (true) {
    try {
      const headers = {accept: "text/event-stream"};
      if (id) headers["last-event-id"] = id;
      const response = await fetch(`/live/${coding}`, {headers});
      if (response.status == 204) return;
      ends[coding] = "";
      used[coding] = response.headers.get("content-encoding");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (true) {
        const {value, done} = await reader.read();
        if (done) { end(coding, "over"); break; }
        text += value;
        const events = text.split("\\n\\n");
        text = events.pop();
        for (const event of events) {
          for (const line of event.split("\\n")) {
            if (line.startsWith("id: ")) id = line.slice(4);
            if (line.startsWith("data: ")) { note(coding, line.slice(6)); ids[coding].push(id); }
          }
        }
      }
    } catch (error) { ends[coding] = `${error}`; /* the network is away */ }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
(async () => {
  for (const coding of codings) shown[coding] = [], times[coding] = [], ids[coding] = [], ends[coding] = "";
  await (await fetch("%(dictionary)s")).text();
  for (const name of %(head)s) {
    const script = document.createElement("script");
    script.src = `/static/${name}`;
    document.head.append(script);
    await new Promise((resolve) => { script.onload = resolve; });
  }
  document.body.append(document.getElementById("elements").content);
  for (const coding of codings) {
    const element = document.getElementById(coding);
    if (element.className == "native") {
      const source = new EventSource(`/live/${coding}`);
      source.onmessage = (event) => { note(coding, event.data); ids[coding].push(event.lastEventId); };
      source.onerror = () => { if (source.readyState == EventSource.CLOSED) end(coding, "over"); };
    } else if (element.className == "fetched") {
      read(coding);
    } else {
      new MutationObserver((changes) => {
        for (const {addedNodes} of changes)
          for (const node of addedNodes)
            if (node.localName == "i") {
              note(coding, `<i title='${node.title}'>${node.textContent}</i>`);
              node.remove();  // a page that grows becomes slow, in all codings
            }
      }).observe(element, {childList: true});
    }
  }
  if (window.htmx) htmx.process(document.body);
})();
</script>
"""
