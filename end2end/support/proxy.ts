// A proxy between the server and its Redis servers. It counts appends and can stop all traffic at one of them: before
// it reaches Redis, or after it, so that its answer never arrives.

import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** The call of the append function in the Redis protocol. */
const APPEND = Buffer.from("$18\r\nledgerscope_append\r\n");

export type Moment = "before" | "after";

/** Counts the appends of all its gates together. */
export class GateProxy {
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private appends = 0;
  private target?: { number: number; moment: Moment; reached: () => void };
  private stopped = false;

  /** Opens a gate to a local port and returns the port of the gate. */
  async gate(port: number): Promise<number> {
    const server = createServer((client) => this.join(client, connect(port, "127.0.0.1")));
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  /** Stops all traffic at the append with this number, counted from now. Resolves when that has happened. */
  stopAt(number: number, moment: Moment): Promise<void> {
    this.appends = 0;
    return new Promise((reached) => (this.target = { number, moment, reached }));
  }

  /** Appends since `stopAt`. */
  count(): number {
    return this.appends;
  }

  /** Closes every connection and lets new ones through. */
  reset(): void {
    this.target = undefined;
    this.stopped = false;
    this.sockets.forEach((socket) => socket.destroy());
  }

  async close(): Promise<void> {
    this.reset();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private join(client: Socket, redis: Socket): void {
    for (const [socket, other] of [[client, redis], [redis, client]] as const) {
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (data) => {
      if (this.stopped) {
        return;
      }
      for (let at = data.indexOf(APPEND); at >= 0; at = data.indexOf(APPEND, at + 1)) {
        this.appends += 1;
        if (this.appends === this.target?.number) {
          this.stopped = true;
          if (this.target.moment === "after") {
            // Redis gets the append. Its answer is held back below.
            redis.write(data);
            setTimeout(this.target.reached, 100);
          } else {
            this.target.reached();
          }
          return;
        }
      }
      redis.write(data);
    });
    redis.on("data", (data) => {
      if (!this.stopped) {
        client.write(data);
      }
    });
  }
}
