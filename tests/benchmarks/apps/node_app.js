// The same streams with Node's own http module, by hand. Arguments: PORT
const http = require("node:http");

const INTERVAL = 200; // milliseconds
const encode = (number) => {
  const nanoseconds = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
  const event = { event: `@${nanoseconds}${String(number).padStart(10, "0")}`, text: "hello" };
  return `data: ${JSON.stringify(event)}\n\n`;
};
const responses = new Set();
let publishing = false;

function sendFirehose(response) {
  let number = 0, open = true;
  response.on("close", () => { open = false; });
  const pump = () => {
    for (let i = 0; open && i < 1000; i++) {
      if (!response.write(encode(++number))) return response.once("drain", () => setImmediate(pump));
    }
    if (open) setImmediate(pump);
  };
  pump();
}

function publishAtIntervals() {
  let number = 0;
  setInterval(() => {
    const event = encode(++number);
    for (const response of responses) response.write(event);
  }, INTERVAL);
}

// As fast as the slowest takes it.
function saturate() {
  let number = 0;
  const publish = () => {
    const event = encode(++number);
    let full = null;
    for (const response of responses) if (!response.write(event)) full ??= response;
    if (full === null) return setImmediate(publish);
    full.once("drain", () => setImmediate(publish));
  };
  publish();
}

http.createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const [, workload, streams] = request.url.split("/");
  if (workload === "firehose") return sendFirehose(response);
  response.write(encode(0));
  responses.add(response);
  response.on("close", () => responses.delete(response));
  if (!publishing && responses.size >= Number(streams ?? 1)) {
    publishing = true;
    if (workload === "fan-out") publishAtIntervals(); else saturate();
  }
}).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
