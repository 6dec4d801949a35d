// Answers each request by handing it to Pushpin, subscribed to its path without the slash.
import { createServer } from "node:http";

createServer((request, response) => {
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Grip-Hold": "stream",
    "Grip-Channel": request.url.slice(1),
  });
  response.end();
}).listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
