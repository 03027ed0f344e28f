// One running Ledgerscope with its own stores. They have the demo ledger and a few events with known figures.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addOperators, signIn, type Cookie, type Role } from "./operators.ts";
import { run, start, type Program } from "./process.ts";
import { RedisServers } from "./redis.ts";

export type StoreKind = "sqlite" | "redis";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
export const binary = join(target, "debug", "ledgerscope");
export const site = join(root, "target", "site");
/** In addition to the demo: wallet W-E2E-1 and order O-E2E-1, whose figures are all known. */
export const known = fileURLToPath(new URL("known.jsonl", import.meta.url));

export class Ledger {
  private constructor(
    /** The address of the server, such as `http://127.0.0.1:40123`. */
    readonly url: string,
    /** Only present if the store is Redis. */
    readonly redis: RedisServers | undefined,
    /** The environment that makes a command use the same stores. */
    readonly environment: Record<string, string>,
    private readonly directory: string,
    private readonly program: Program,
  ) {}

  private readonly sessions = new Map<Role, Promise<Cookie>>();

  /** A session of the operator with this role. All tests that do not end it share it. */
  session(role: Role): Promise<Cookie> {
    const known = this.sessions.get(role) ?? signIn(this.url, role);
    this.sessions.set(role, known);
    return known;
  }

  static async start(store: StoreKind): Promise<Ledger> {
    const directory = await mkdtemp(join(tmpdir(), "ledgerscope-"));
    try {
      return await Ledger.startIn(directory, store);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  private static async startIn(directory: string, store: StoreKind): Promise<Ledger> {
    const redis = store === "redis" ? await RedisServers.start(join(directory, "redis")) : undefined;
    const environment = {
      LEDGERSCOPE_SITE: site,
      LEDGERSCOPE_LISTEN: "127.0.0.1:0",
      // The tests of a worker share a few operators and send many requests.
      LEDGERSCOPE_READS_A_MINUTE: "100000",
      LEDGERSCOPE_WRITES_A_MINUTE: "100000",
      LEDGERSCOPE_STRANGERS_A_MINUTE: "100000",
      LEDGERSCOPE_WALLET_STORE: `embedded:${directory}/wallet`,
      LEDGERSCOPE_ORDER_STORE: `embedded:${directory}/order`,
      LEDGERSCOPE_COMPENSATION_STORE: `embedded:${directory}/compensation`,
      LEDGERSCOPE_ACCESS_STORE: `embedded:${directory}/access`,
      LEDGERSCOPE_READ_MODEL: `${directory}/read-model`,
      ...redis?.environment(),
    };
    await run(binary, ["seed", "--if-empty"], environment);
    await run(binary, ["import", known], environment);
    await addOperators(environment);
    const program = await start(binary, ["serve"], environment, /^(http:\/\/\S+)$/m);
    const ledger = new Ledger(program.captured, redis, environment, directory, program);
    await readToTheEnd(program.captured, await ledger.session("finance"));
    return ledger;
  }

  /** The output of the server so far. */
  log(): string {
    return this.program.output();
  }

  /** Runs a subcommand on the same stores and returns its output. */
  async command(...args: string[]): Promise<string> {
    return run(binary, args, this.environment);
  }

  /** Stops everything. Fails if the server did not exit with code 0. */
  async stop(): Promise<void> {
    const code = await this.program.stop();
    await this.redis?.stopAll();
    await rm(this.directory, { recursive: true, force: true });
    if (code !== 0) {
      throw new Error(`the server ended with ${code}\n${this.program.output()}`);
    }
  }
}

/** Waits until the stores are read. A server answers before that, and its pages say that it is still reading. */
async function readToTheEnd(url: string, { name, value }: Cookie): Promise<void> {
  const deadline = Date.now() + 60_000;
  const headers = { cookie: `${name}=${value}` };
  while ((await (await fetch(`${url}/refunds`, { headers })).text()).includes("store is being read")) {
    if (Date.now() > deadline) {
      throw new Error("the stores are not read to their end in time");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
