// Live updates: appended events appear on the page in place, without a jump, and can be paused.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures.ts";
import type { Ledger } from "../support/ledger.ts";

let made = 0;

/** Appends events to a wallet of one test, as another program would. */
class Producer {
  readonly wallet = `W-LIVE-${process.pid}-${++made}`;
  private sequence = 0;

  constructor(private readonly ledger: Ledger) {}

  async append(type: string, data: object): Promise<void> {
    const sequence = ++this.sequence;
    const event = {
      specversion: "1.0",
      source: "/wallet",
      subject: this.wallet,
      id: `${this.wallet}-${sequence}`,
      type,
      sequence: String(sequence),
      time: new Date(Date.UTC(2026, 2, 1, 10, 0, sequence)).toISOString(),
      actor: "system:test",
      data,
    };
    const directory = await mkdtemp(join(tmpdir(), "ledgerscope-live-"));
    const file = join(directory, "events.jsonl");
    await writeFile(file, `${JSON.stringify(event)}\n`);
    await this.ledger.command("import", file);
    await rm(directory, { recursive: true });
  }

  async open(): Promise<this> {
    await this.append("wallet.opened", { currency: "EUR", owner: { id: "C-LIVE", name: "Grace Live" } });
    return this;
  }

  async credit(amount: string): Promise<void> {
    await this.append("wallet.credited", { amount: { amount, currency: "EUR" }, kind: "top_up" });
  }
}

async function listening(page: Page): Promise<void> {
  await expect(page.locator("html[data-live=on]")).toBeAttached();
}

test("a wallet's figures and timeline change in their place", async ({ page, open, ledger }) => {
  const producer = await new Producer(ledger).open();
  for (let n = 0; n < 8; n++) await producer.credit("1.00");
  await expect(async () => {
    await open(`/wallets/${producer.wallet}`);
    await expect(page.getByRole("region", { name: "Timeline" })).toContainText("9 events", { timeout: 500 });
  }).toPass();
  await listening(page);
  const link = page.getByRole("link", { name: "Wallets", exact: true }).first();
  await link.focus();
  await page.evaluate(() => {
    scrollTo(0, 300);
    Object.assign(window, { mark: true });
  });
  const before = await page.evaluate(() => scrollY);
  await producer.credit("2.50");
  const figure = page.locator(".figure").filter({ hasText: /^Available/ });
  await expect(figure).toContainText("10.50 EUR");
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("10 events");
  await expect(page.locator(".is-fresh").first()).toBeAttached();
  expect(await page.evaluate(() => [scrollY, "mark" in window])).toEqual([before, true]);
  await expect(link).toBeFocused();
});

test("a timeline can be paused and shows the number of new events", async ({ page, open, ledger }) => {
  const producer = await new Producer(ledger).open();
  await expect(async () => {
    await open(`/wallets/${producer.wallet}`);
    await expect(page.getByRole("region", { name: "Timeline" })).toContainText("1 event", { timeout: 500 });
  }).toPass();
  await listening(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await producer.credit("3.00");
  await producer.credit("4.00");
  await expect(page.getByRole("button", { name: "Resume · 2 new" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("1 event");
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("3 events");
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
});

test("a list and the overview show a new wallet", async ({ page, open, ledger, context }) => {
  await open("/");
  await listening(page);
  const producer = new Producer(ledger);
  const list = await context.newPage();
  await list.goto(`/wallets?q=${producer.wallet}`);
  await listening(list);
  await producer.open();
  await expect(list.getByRole("table").getByRole("link", { name: producer.wallet })).toBeVisible();
  await page.bringToFront();
  await expect(page.getByRole("main")).toContainText(producer.wallet);
  // The whole page was rendered anew. Only elements with a different text are marked and announced.
  await expect(page.locator("#live-said")).toHaveText(/^[1-9] places? on this page/);
});

test("a page of the past is not updated", async ({ page, open }) => {
  await open("/wallets/W-E2E-1?sequence=3");
  await expect(page.getByText("This page shows the past")).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause" })).not.toBeVisible();
  await expect(page.locator("#live")).not.toHaveAttribute("data-topic");
});

test("a lost stream is reported, and opened again", async ({ page, open, problems }) => {
  problems.allow(/\/live/);
  await page.route("**/live?*", (route) => route.abort());
  await open("/wallets");
  const banner = page.getByText("Live updates are interrupted");
  await expect(banner).toBeVisible();
  await page.unroute("**/live?*");
  await listening(page);
  await expect(banner).not.toBeVisible();
});

test("typed and chosen values are kept while the page changes", async ({ page, open, ledger }) => {
  const producer = new Producer(ledger);
  await open(`/wallets?q=${producer.wallet.slice(0, -2)}`);
  await listening(page);
  const search = page.getByLabel("Search", { exact: true });
  await search.fill("half a wo");
  const row = page.getByRole("table", { name: "Wallets" }).getByRole("link", { name: producer.wallet });
  await expect(row).not.toBeVisible();
  await producer.open();
  await expect(page.getByRole("main")).toContainText(producer.wallet);
  await expect(search).toHaveValue("half a wo");
  await expect(search).toBeFocused();
  // Typed text that was not sent is not kept on another page.
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Orders" }).click();
  await expect(page).toHaveURL("/orders");
  await expect(search).toHaveValue("");
  await page.goBack();
  await expect(page).toHaveURL(/\/wallets\?q=/);
  await expect(search).toHaveValue(producer.wallet.slice(0, -2));
});

test("rows keep their elements when others are added before them", async ({ page, open, ledger }) => {
  const producer = await new Producer(ledger).open();
  await expect(async () => {
    await open(`/wallets/${producer.wallet}`);
    await expect(page.getByRole("region", { name: "Timeline" })).toContainText("1 event", { timeout: 500 });
  }).toPass();
  await listening(page);
  const first = page.getByRole("link", { name: "Event 1", exact: true });
  await first.focus();
  await producer.credit("5.00");
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("2 events");
  await expect(first).toBeFocused();
});
