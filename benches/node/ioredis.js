// A replay with ioredis: `node ioredis.js PORT THREADS`.
import { Redis } from "ioredis";
import { run } from "./crew.js";

async function connect(port) {
  const client = new Redis({ host: "127.0.0.1", port });
  return {
    async *keys() {
      let cursor = "0";
      do {
        const [next, keys] = await client.scan(cursor, "MATCH", "wallet:*", "COUNT", 5000, "TYPE", "stream");
        yield keys;
        cursor = next;
      } while (cursor !== "0");
    },
    async pages(ranges) {
      const replies = await client.pipeline(ranges).exec();
      return replies.map(([error, page]) => {
        if (error) throw error;
        return page;
      });
    },
    close: () => client.quit(),
  };
}

await run(connect, import.meta.url);
