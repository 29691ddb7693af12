// The same by hand on Node: the history is an array, and an id is a place in it.
const http = require("http");
const history = [], EVENTS = 20, INTERVAL = 50;
const now = () => Number(process.hrtime.bigint()) / 1e6; // the clock that Python's time.monotonic() reads
const subscribers = new Set();
const head = { "content-type": "text/event-stream", "cache-control": "no-store" };
const text = (id) => `id: ${id}\ndata: ${history[id]}\n\n`;

http.createServer((request, response) => {
  if (request.url === "/events") {
    response.writeHead(200, head);
    const last = request.headers["last-event-id"];
    let missed = ": hello\n\n";
    if (last !== undefined) for (let id = Number(last) + 1; id < history.length; id++) missed += text(id);
    response.write(missed);
    subscribers.add(response);
    response.on("close", () => subscribers.delete(response));
  } else if (request.url === "/publish") {
    for (let number = 0; number < EVENTS; number++) {
      const id = history.push(JSON.stringify({ number, text: "x".repeat(60) })) - 1;
      for (const subscriber of subscribers) subscriber.write(text(id));
    }
    response.end("published");
  } else {
    response.writeHead(200, head);
    let due = now(), timer;
    const tick = () => {
      response.write(`data: ${(due / 1000).toFixed(6)}\n\n`);
      due += INTERVAL;
      timer = setTimeout(tick, Math.max(0, due - now()));
    };
    tick();
    response.on("close", () => clearTimeout(timer));
  }
}).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 8192 });
