// The same streams with Node's own http module, by hand. Arguments: PORT [FOLDER], a folder with key.pem and cert.pem for TLS,
// with HTTP/2 for the clients that ask for it.
const fs = require("node:fs");
const http = require("node:http");
const http2 = require("node:http2");

const INTERVAL = 200; // milliseconds
const HEARTBEAT_INTERVAL = 15000; // milliseconds
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

const publishers = { "fan-out": publishAtIntervals, saturated: saturate };

function answer(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const [, workload, streams] = request.url.split("/");
  if (workload === "firehose") return sendFirehose(response);
  response.write(encode(0));
  responses.add(response);
  const heartbeat = workload === "idle" ? setInterval(() => response.write(": heartbeat\n"), HEARTBEAT_INTERVAL) : undefined;
  response.on("close", () => { responses.delete(response); clearInterval(heartbeat); });
  if (workload in publishers && !publishing && responses.size >= Number(streams ?? 1)) {
    publishing = true;
    publishers[workload]();
  }
}

const [, , port, folder] = process.argv;
const read = (name) => fs.readFileSync(`${folder}/${name}.pem`);
const server = folder === undefined
  ? http.createServer(answer)
  : http2.createSecureServer({ key: read("key"), cert: read("cert"), allowHTTP1: true }, answer);
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
