// Fixtures of every browser test: `import { test, expect } from "../fixtures.ts"`. Each worker has a server with its
// own stores. Each test has a page on it, and fails on any error of that page that the test has not allowed.

import { test as base, expect, type Page } from "@playwright/test";
import { Ledger, type StoreKind } from "./support/ledger.ts";
import type { Role } from "./support/operators.ts";
import type { RedisServers } from "./support/redis.ts";

export { expect };

export interface StoreOption {
  /** Set by the project. */
  store: StoreKind;
}

interface WorkerFixtures extends StoreOption {
  ledger: Ledger;
}

interface TestFixtures {
  /** The role that is signed in: `test.use({ role: "support" })`. */
  role: Role | "nobody";
  /** Errors of the page that the test expects: `problems.allow(/503/)`. */
  problems: Problems;
  /** Opens a path and waits until the browser part is ready. */
  open: (path: string) => Promise<void>;
  /** A page without JavaScript. */
  plainPage: Page;
  /** The Redis servers. Stopped servers are started again after the test. Only in tests tagged `@redis`. */
  redis: RedisServers;
}

export class Problems {
  private readonly allowed: RegExp[] = [];
  readonly seen: string[] = [];

  /** Allows errors that match, whether they came before or come later. */
  allow(expected: RegExp): void {
    this.allowed.push(expected);
  }

  watch(page: Page): void {
    page.on("pageerror", (error) => this.seen.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.seen.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
  }

  unexpected(): string[] {
    return this.seen.filter((problem) => !this.allowed.some((allowed) => allowed.test(problem)));
  }
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  store: ["sqlite", { scope: "worker", option: true }],

  ledger: [
    async ({ store }, use) => {
      const ledger = await Ledger.start(store);
      await use(ledger);
      await ledger.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],

  role: ["finance", { option: true }],

  storageState: async ({ ledger, role }, use) => {
    const cookies = role === "nobody" ? [] : [await ledger.session(role)];
    await use({ cookies, origins: [] });
  },

  baseURL: async ({ ledger }, use) => use(ledger.url),

  problems: [
    async ({ context, ledger }, use, testInfo) => {
      const problems = new Problems();
      context.on("page", (page) => problems.watch(page));
      const before = ledger.log().length;
      await use(problems);
      if (testInfo.status !== testInfo.expectedStatus || problems.unexpected().length > 0) {
        await testInfo.attach("server log", { body: ledger.log().slice(before), contentType: "text/plain" });
      }
      expect(problems.unexpected(), "errors and warnings of the page").toEqual([]);
    },
    { auto: true },
  ],

  open: async ({ page }, use) => {
    await use(async (path) => {
      await page.goto(path);
      await ready(page);
    });
  },

  plainPage: async ({ browser, baseURL, storageState }, use) => {
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL, storageState });
    await use(await context.newPage());
    await context.close();
  },

  redis: async ({ ledger }, use) => {
    if (!ledger.redis) {
      throw new Error("tag this test @redis: there are no Redis servers here");
    }
    await use(ledger.redis);
    await ledger.redis.startAll();
  },
});

/** Waits until the browser part is ready. */
export async function ready(page: Page): Promise<void> {
  await expect(page.locator("html[data-ready]")).toBeAttached();
}
