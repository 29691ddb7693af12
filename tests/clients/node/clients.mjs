// Reads each stream of ../app.py with each client of npm, and prints the texts that came, as JSON.
//     node clients.mjs http://127.0.0.1:8000
import { createRequire } from "node:module";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource as NpmEventSource } from "eventsource";
import { createParser } from "eventsource-parser";
import OpenAI from "openai";
import { EventSource as UndiciEventSource } from "undici";

const require = createRequire(import.meta.url);
const { EventSource: LaunchDarklyEventSource } = require("launchdarkly-eventsource");
const { EventSourcePolyfill } = require("event-source-polyfill");

// What fetch-event-source wants of a browser.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

const base = process.argv[2];
const textOf = (data) => JSON.parse(data).text;

/** The texts until the last one, and what else comes in the time that the client takes to come back. */
const texts = (make) => (url) => new Promise((resolve) => {
  const found = [];
  const source = make(url);
  setTimeout(() => resolve([...found, "no more has come"]), 10_000);
  source.onerror = () => {}; // a connection that ended; it comes back
  source.onmessage = (event) => {
    try {
      found.push(textOf(event.data));
    } catch (error) {
      found.push(String(error));
    }
    if (found.at(-1) === "end") {
      source.close();
      resolve(found);
    }
  };
});
const eventSources = {
  eventsource: (url) => new NpmEventSource(url),
  "undici, EventSource": (url) => new UndiciEventSource(url),
  "launchdarkly-eventsource": (url) => new LaunchDarklyEventSource(url),
  "event-source-polyfill": (url) => new EventSourcePolyfill(url),
};

const byFetchEventSource = (method) => async (url) => {
  const found = [];
  await fetchEventSource(`${url}/values`, {
    method,
    openWhenHidden: true,
    onmessage: (event) => found.push(textOf(event.data)),
    onerror: (error) => { throw error; },
  });
  return found;
};

const clients = {
  ...Object.fromEntries(Object.entries(eventSources).map(([name, make]) => [name, (url) => texts(make)(`${url}/values`)])),
  "fetch-event-source, GET": byFetchEventSource("GET"),
  "fetch-event-source, POST": byFetchEventSource("POST"),
  "fetch and eventsource-parser": async (url) => {
    const found = [];
    const parser = createParser({ onEvent: (event) => found.push(textOf(event.data)), onError: (error) => { throw error; } });
    const response = await fetch(`${url}/values`);
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
    return found;
  },
  "openai (Node)": async (url) => {
    const found = [];
    const client = new OpenAI({ baseURL: `${url}/openai`, apiKey: "-", maxRetries: 0 });
    const answer = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "?" }], stream: true });
    for await (const chunk of answer) found.push(chunk.choices[0].delta.content);
    return found;
  },
};

const read = (client, url) => client(url).catch((error) => [String(error)]);
const reading = [];
for (const [name, client] of Object.entries(clients)) {
  for (const kind of ["plain", "ids", "topic", "merged"]) reading.push([`${name}, ${kind}`, read(client, `${base}/${kind}`)]);
}
for (const [name, make] of Object.entries(eventSources)) {
  reading.push([`${name}, resume`, texts(make)(`${base}/resume/${encodeURIComponent(name)}`)]);
}
const result = {};
for (const [name, found] of reading) result[name] = await found;
console.log(JSON.stringify(result));
process.exit(0);
