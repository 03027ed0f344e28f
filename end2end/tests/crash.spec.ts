// The server is killed at every step of issuing a compensation, before the step reaches Redis or before its answer
// arrives, and started again. In every case the compensation ends, the money has moved once or not at all, and both
// domains agree. No browser is used: the requests are those of a page.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { binary, site } from "../support/ledger.ts";
import { addOperators, Client } from "../support/operators.ts";
import { start, type Program } from "../support/process.ts";
import { GateProxy, type Moment } from "../support/proxy.ts";
import { RedisServers, ROLES } from "../support/redis.ts";
import { read, story, append, type Order, type Wallet } from "../support/story.ts";

/** More steps than any compensation has: the audit trail, the day's limit, the case and two streams. */
const STEPS_MAX = 30;

class Site {
  private program?: Program & { captured: string };

  private constructor(
    private readonly redis: RedisServers,
    readonly gates: GateProxy,
    /** The stores without the gates. */
    readonly direct: Record<string, string>,
    private readonly gated: Record<string, string>,
  ) {}

  static async open(directory: string): Promise<Site> {
    const redis = await RedisServers.start(directory);
    const gates = new GateProxy();
    const gated: Record<string, string> = {};
    for (const role of ROLES.filter((role) => role.endsWith("store"))) {
      gated[`LEDGERSCOPE_${role.toUpperCase()}`] = `redis://127.0.0.1:${await gates.gate(redis.port(role))}`;
    }
    const direct = { ...redis.environment() };
    delete direct.LEDGERSCOPE_WALLET_QUEUE;
    delete direct.LEDGERSCOPE_ORDER_QUEUE;
    return new Site(redis, gates, direct, gated);
  }

  async serve(): Promise<string> {
    const environment = {
      ...this.direct,
      ...this.gated,
      LEDGERSCOPE_SITE: site,
      LEDGERSCOPE_LISTEN: "127.0.0.1:0",
      LEDGERSCOPE_READ_MODEL: "none",
      // Another process recovers an unfinished case after this time, instead of half a minute.
      LEDGERSCOPE_TAKEOVER: "2s",
    };
    this.program = await start(binary, ["serve"], environment, /^(http:\/\/\S+)$/m);
    return this.program.captured;
  }

  async crash(): Promise<void> {
    await this.program?.crash();
    this.gates.reset();
  }

  async close(): Promise<void> {
    await this.program?.stop();
    await this.gates.close();
    await this.redis.stopAll();
  }
}

for (const moment of ["before", "after"] as const satisfies Moment[]) {
  test(`killed ${moment} each step of settling a refund`, { tag: "@redis" }, async () => {
    test.setTimeout(300_000);
    const directory = await mkdtemp(join(tmpdir(), "ledgerscope-crash-"));
    const site = await Site.open(directory);
    try {
      await addOperators(site.direct);
      const stories = Array.from({ length: STEPS_MAX }, (_, index) => story(`${index + 1}`));
      await append(site.direct, stories.join(""));
      let killed = 0;
      const ends = new Map<string, number>();
      for (let step = 1; step <= STEPS_MAX; step++) {
        let url = await site.serve();
        let client = await Client.signedIn(url, "finance2");
        const form = await client.preview({
          command: "settle_refund", subject: `O-${step}`, item: `R-${step}`, reason: "return", note: "crash test",
        });
        const stopped = site.gates.stopAt(step, moment);
        const answered = client.send("compensation-issue", form).catch(() => undefined);
        const first = await Promise.race([stopped.then(() => "stopped"), answered.then(() => "answered")]);
        await site.crash();
        url = await site.serve();
        client = await Client.signedIn(url, "finance2");
        const end = await finalStatus(client, form.case ?? "");
        ends.set(end, (ends.get(end) ?? 0) + 1);
        const wallet = await read<Wallet>(site.direct, "wallet", `W-${step}`);
        const order = await read<Order>(site.direct, "order", `O-${step}`);
        const settled = end === "issued";
        expect({ step, end, posted: wallet.posted, refunded: order.refunded, state: order.refunds[0]?.state }).toEqual({
          step,
          end,
          posted: settled ? "110.00" : "100.00",
          refunded: settled ? "10.00" : "0.00",
          state: settled ? "succeeded" : "approved",
        });
        expect(wallet.complete && order.complete).toBe(true);
        if (first === "answered") {
          // All steps were done before the kill. The answer arrived, so the case is issued.
          expect(end).toBe("issued");
          break;
        }
        killed += 1;
        await site.crash();
      }
      console.log(`killed ${moment} ${killed} steps; cases ended: ${JSON.stringify([...ends])}`);
      // At least the case, the credit, the order and the case again.
      expect(killed).toBeGreaterThanOrEqual(4);
      expect(killed).toBeLessThan(STEPS_MAX);
    } finally {
      await site.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
}

/** Waits until the case has ended and returns its status; `none` if there is no case. */
async function finalStatus(client: Client, id: string): Promise<string> {
  let status = "";
  await expect(async () => {
    try {
      status = (await client.ask<{ row: { status: string } }>("compensation", { id })).row.status;
    } catch (error) {
      expect(String(error)).toContain("404");
      status = "none";
    }
    expect(["issued", "refused", "lapsed", "none"]).toContain(status);
  }).toPass({ timeout: 40_000 });
  return status;
}
