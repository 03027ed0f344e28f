// A replay with node-redis: `node node_redis.js PORT THREADS`. The client writes commands of one event-loop turn
// together.
import { createClient } from "redis";
import { run } from "./crew.js";

async function connect(port) {
  const client = createClient({ socket: { host: "127.0.0.1", port } });
  await client.connect();
  return {
    async *keys() {
      let cursor = "0";
      do {
        const [next, keys] = await client.sendCommand(["SCAN", cursor, "MATCH", "wallet:*", "COUNT", "5000", "TYPE", "stream"]);
        yield keys;
        cursor = next;
      } while (cursor !== "0");
    },
    pages: (ranges) => Promise.all(ranges.map((range) => client.sendCommand(range))),
    close: () => client.close(),
  };
}

await run(connect, import.meta.url);
