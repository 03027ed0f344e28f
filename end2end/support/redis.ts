// Redis servers, one a role, on free local ports. Each can be stopped and started again with its data.

import { mkdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { start, type Program } from "./process.ts";

export const ROLES = [
  "wallet_store", "wallet_queue", "order_store", "order_queue", "compensation_store", "access_store",
] as const;
export type Role = (typeof ROLES)[number];

interface Server {
  directory: string;
  port: number;
  program?: Program;
}

export class RedisServers {
  private constructor(private readonly servers: Record<Role, Server>) {}

  /** Starts all servers with their data under `directory`. */
  static async start(directory: string): Promise<RedisServers> {
    const servers = {} as Record<Role, Server>;
    for (const role of ROLES) {
      servers[role] = { directory: join(directory, role), port: await freePort() };
      await mkdir(servers[role].directory, { recursive: true });
    }
    const all = new RedisServers(servers);
    await all.startAll();
    return all;
  }

  /** The settings that make Ledgerscope use the servers. */
  environment(): Record<string, string> {
    return Object.fromEntries(
      ROLES.map((role) => [`LEDGERSCOPE_${role.toUpperCase()}`, `redis://127.0.0.1:${this.servers[role].port}`]),
    );
  }

  port(role: Role): number {
    return this.servers[role].port;
  }

  /** Starts a server on the same port with the same data. Does nothing if it is running. */
  async start(role: Role): Promise<void> {
    const server = this.servers[role];
    server.program ??= await start(
      "redis-server",
      ["--port", `${server.port}`, "--bind", "127.0.0.1", "--dir", server.directory]
        .concat(["--appendonly", "yes", "--appendfsync", "no", "--save", ""]),
      {},
      /Ready to accept connections/,
    );
  }

  /** Stops a server: connections to it are refused. */
  async stop(role: Role): Promise<void> {
    const server = this.servers[role];
    this.thaw(role);
    await server.program?.stop();
    server.program = undefined;
  }

  /** Freezes a server: it accepts connections and never answers. */
  freeze(role: Role): void {
    this.servers[role].program?.child.kill("SIGSTOP");
  }

  /** Continues a frozen server. */
  thaw(role: Role): void {
    this.servers[role].program?.child.kill("SIGCONT");
  }

  /** Starts or continues all servers. */
  async startAll(): Promise<void> {
    for (const role of ROLES) {
      this.thaw(role);
      await this.start(role);
    }
  }

  async stopAll(): Promise<void> {
    for (const role of ROLES) {
      await this.stop(role);
    }
  }
}

/** A port that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
