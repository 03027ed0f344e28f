// One running Ledgerscope with stores of its own, filled with the demo and a few events that tests know by heart.

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
/** Besides the demo: wallet W-E2E-1 and order O-E2E-1, whose every figure is known. */
export const known = fileURLToPath(new URL("known.jsonl", import.meta.url));

export class Ledger {
  private constructor(
    /** Where it serves, such as `http://127.0.0.1:40123`. */
    readonly url: string,
    /** Present where the store is Redis. */
    readonly redis: RedisServers | undefined,
    /** What points a command at the same stores. */
    readonly environment: Record<string, string>,
    private readonly directory: string,
    private readonly program: Program,
  ) {}

  private readonly sessions = new Map<Role, Promise<Cookie>>();

  /** A session of the operator with this role; one is enough for all tests that do not end it. */
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
      // All tests of a worker share a few operators, who are in a hurry.
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

  /** Everything that the server printed so far. */
  log(): string {
    return this.program.output();
  }

  /** Runs a subcommand on the same stores; what it printed. */
  async command(...args: string[]): Promise<string> {
    return run(binary, args, this.environment);
  }

  /** Ends everything, and fails if the server did not end well. */
  async stop(): Promise<void> {
    const code = await this.program.stop();
    await this.redis?.stopAll();
    await rm(this.directory, { recursive: true, force: true });
    if (code !== 0) {
      throw new Error(`the server ended with ${code}\n${this.program.output()}`);
    }
  }
}

/** A server answers before it has read its stores; waits until no page says any more that it is reading. */
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
