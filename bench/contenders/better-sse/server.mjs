// A channel of better-sse for each topic; a path names topics with commas between. Each line of a POST is `{path} {data}`.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createChannel, createSession } from "better-sse";

const channels = new Map();
const channel = path => {
  if (!channels.has(path)) channels.set(path, createChannel());
  return channels.get(path);
};

const server = createServer(async (request, response) => {
  if (request.method === "GET") {
    const session = await createSession(request, response, { keepAlive: Number(process.argv[3]) * 1000 });
    for (const topic of request.url.slice(1).split(",")) channel(`/${topic}`).register(session);
    return;
  }
  for (const line of (await text(request)).split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) channel(line.slice(0, space)).broadcast(JSON.parse(line.slice(space + 1)));
  }
  response.end();
});
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
