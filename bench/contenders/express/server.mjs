// A set of responses for each topic, as many programs have it; a path names topics with commas between. Each line of a POST is `{path} {data}`.
import express from "express";

const app = express();
const topics = new Map();
let last = 0;

app.get("/{*path}", (request, response) => {
  const paths = request.url.slice(1).split(",").map(topic => `/${topic}`);
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  response.flushHeaders();
  for (const path of paths) {
    if (!topics.has(path)) topics.set(path, new Set());
    topics.get(path).add(response);
  }
  request.on("close", () => paths.forEach(path => topics.get(path).delete(response)));
});

app.post("/", express.text({ type: "*/*", limit: "16mb" }), (request, response) => {
  for (const line of request.body.split("\n")) {
    const space = line.indexOf(" ");
    if (space < 1) continue;
    const event = `id: ${++last}\ndata: ${line.slice(space + 1)}\n\n`;
    for (const reader of topics.get(line.slice(0, space)) ?? []) reader.write(event);
  }
  response.end();
});

app.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
