// Compensations in the browser: preview, guard, issue, propose, approve. With and without JavaScript, and with double
// clicks, the back button, two tabs and a session that ends.

import type { Browser, Page } from "@playwright/test";
import { expect, ready, test } from "../fixtures.ts";
import { PASSWORD, signIn, type Role } from "../support/operators.ts";
import { read, story, append, topUp, type Order, type Wallet } from "../support/story.ts";

/** The page of a test, and whether scripts run on it. */
interface Walk {
  page: Page;
  scripted: boolean;
}

let count = 0;
/** A name for the entities of one test. Each worker has its own stores. */
const fresh = () => `CMP${(count += 1)}`;

async function walk(browser: Browser, url: string, role: Role, scripted: boolean): Promise<Walk> {
  const context = await browser.newContext({
    javaScriptEnabled: scripted,
    baseURL: url,
    // A new session, so that its password proof is recent.
    storageState: { cookies: [await signIn(url, role)], origins: [] },
  });
  return { page: await context.newPage(), scripted };
}

async function go({ page, scripted }: Walk, path: string): Promise<void> {
  await page.goto(path);
  if (scripted) {
    await ready(page);
  }
}

/** Fills in the first step and requests the preview. */
async function preview({ page }: Walk, fields: { amount?: string; reason: string; note: string }): Promise<void> {
  if (fields.amount !== undefined) {
    await page.getByLabel("Amount", { exact: true }).fill(fields.amount);
  }
  await page.getByLabel("Reason").selectOption(fields.reason);
  await page.getByLabel("Note").fill(fields.note);
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.getByRole("heading", { name: "What would be appended" })).toBeVisible();
}

async function follow({ page, scripted }: Walk, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Corrections" }).getByRole("link", { name }).click();
  await expect(page).toHaveURL(/\/compensate\?/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
  if (scripted) {
    await ready(page);
  }
}

for (const scripted of [true, false]) {
  test.describe(scripted ? "with JavaScript" : "without JavaScript", () => {
    test("finance credits a wallet within their own limit", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const finance = await walk(browser, ledger.url, "finance", scripted);
      const { page } = finance;
      await go(finance, `/wallets/W-${name}`);
      await follow(finance, "Credit the wallet");
      await preview(finance, { amount: "7.5", reason: "goodwill", note: "It came late" });
      const figures = page.getByRole("region", { name: "Before and after", exact: true });
      await expect(figures).toContainText("100.00");
      await expect(figures).toContainText("107.50");
      await expect(page.getByRole("region", { name: "What would be appended" })).toContainText("wallet.credited");
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("100.00");

      await page.getByRole("button", { name: "Issue", exact: true }).click();
      await expect(page).toHaveURL(/\/compensations\/CMP-/);
      await expect(page.getByRole("main")).toContainText("Issued");
      await expect(page.getByRole("main")).toContainText("It came late");
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("107.50");
      await page.context().close();
    });

    test("support proposes, finance approves, and both domains agree", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const support = await walk(browser, ledger.url, "support", scripted);
      await expect(async () => {
        await go(support, `/refunds/R-${name}`);
        await expect(support.page.getByRole("main")).toContainText("10.00", { timeout: 1_000 });
      }).toPass();
      await expect(support.page.getByRole("main")).not.toContainText("Grace Whole-Name");
      await follow(support, "Settle the refund");
      await preview(support, { reason: "return", note: "The provider forgot it" });
      await support.page.getByRole("button", { name: "Propose", exact: true }).click();
      await expect(support.page).toHaveURL(/\/compensations\/CMP-/);
      const id = new URL(support.page.url()).pathname.split("/").pop() ?? "";
      await expect(support.page.getByRole("button", { name: "Approve and issue" })).toHaveCount(0);
      expect((await read<Order>(ledger.environment, "order", `O-${name}`)).refunds[0]?.state).toBe("approved");

      const finance = await walk(browser, ledger.url, "finance", scripted);
      await go(finance, "/");
      await finance.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^Cases/ }).click();
      await expect(finance.page).toHaveURL("/cases?state=proposed");
      await finance.page.getByRole("link", { name: id }).click();
      await expect(finance.page.getByRole("main")).toContainText("The provider forgot it");
      if (scripted) {
        await ready(finance.page);
      }
      await finance.page.getByLabel("Note (optional)").fill("Seen the receipt");
      await finance.page.getByRole("button", { name: "Approve and issue" }).click();
      await expect(finance.page.getByRole("region", { name: "What was appended" })).toBeVisible();
      await expect(finance.page.getByRole("main")).toContainText("Seen the receipt");
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("110.00");
      expect((await read<Order>(ledger.environment, "order", `O-${name}`)).refunds[0]?.state).toBe("succeeded");
      await support.page.context().close();
      await finance.page.context().close();
    });

    test("above the limit finance proposes and can't approve it alone", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const finance = await walk(browser, ledger.url, "finance2", scripted);
      const { page } = finance;
      await go(finance, `/compensate?command=credit_wallet&subject=W-${name}`);
      await preview(finance, { amount: "120", reason: "billing_error", note: "Charged twice" });
      await page.getByLabel("The amount again").fill("12");
      await page.getByRole("button", { name: "Propose", exact: true }).click();
      await expect(page.getByRole("alert")).toContainText("Nothing was issued");
      if (scripted) {
        await ready(page);
      }
      await page.getByLabel("The amount again").fill("120.00");
      await page.getByRole("button", { name: "Propose", exact: true }).click();
      await expect(page).toHaveURL(/\/compensations\/CMP-/);
      await expect(page.getByRole("main")).toContainText("You can't approve or decline your own proposal");
      await expect(page.getByRole("button", { name: "Approve and issue" })).toHaveCount(0);      await page.getByText("Withdraw the proposal").click();
      await page.getByRole("button", { name: "Withdraw", exact: true }).click();
      await expect(page.getByRole("main")).toContainText("Withdrawn: it was not issued");
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("100.00");
      await page.context().close();
    });

    test("new events since the preview are shown, and nothing is issued", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const finance = await walk(browser, ledger.url, "finance", scripted);
      const { page } = finance;
      await go(finance, `/compensate?command=debit_wallet&subject=W-${name}`);
      await preview(finance, { amount: "3", reason: "billing_error", note: "Credited too much" });
      await append(ledger.environment, topUp(name));
      await page.getByRole("button", { name: "Issue", exact: true }).click();
      await expect(page.getByRole("main")).toContainText("Events were appended since the preview");
      await expect(page.getByRole("main")).toContainText("1 event appended since the preview");
      await expect(page.getByRole("region", { name: "Before and after", exact: true })).toContainText("98.00");
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("101.00");
      if (scripted) {
        await ready(page);
      }
      await page.getByRole("button", { name: "Issue", exact: true }).click();
      await expect(page).toHaveURL(/\/compensations\/CMP-/);
      await expect(page.getByRole("region", { name: "What was appended" })).toBeVisible();
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("98.00");
      await page.context().close();
    });

    test("a session that ends keeps what was typed", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const finance = await walk(browser, ledger.url, "finance", scripted);
      const { page } = finance;
      await go(finance, `/compensate?command=credit_wallet&subject=W-${name}`);
      await preview(finance, { amount: "2", reason: "goodwill", note: "Kept over the login" });
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Issue", exact: true }).click();
      await expect(page).toHaveURL(/\/sign-in\?next=/);
      await page.getByLabel("Name").fill("finance");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page).toHaveURL(/\/compensate\?/);
      await expect(page.getByLabel("Note")).toHaveValue("Kept over the login");
      if (scripted) {
        await ready(page);
      }
      await page.getByRole("button", { name: "Issue", exact: true }).click();
      await expect(page).toHaveURL(/\/compensations\/CMP-/);
      expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("102.00");
      await page.context().close();
    });

    test("a double click and the back button issue once", async ({ browser, ledger }) => {
      const name = fresh();
      await append(ledger.environment, story(name));
      const finance = await walk(browser, ledger.url, "finance", scripted);
      const { page } = finance;
      await go(finance, `/compensate?command=release_hold&subject=W-${name}&item=H-${name}`);
      await preview(finance, { reason: "customer_request", note: "The order was given up" });
      await page.getByRole("button", { name: "Issue", exact: true }).dblclick();
      await expect(page).toHaveURL(/\/compensations\/CMP-/);
      await page.goBack();
      if (scripted) {
        await ready(page);
      }
      // Pressing the button again changes nothing, whatever the page shows now.
      const again = page.getByRole("button", { name: "Issue", exact: true });
      if (await again.isVisible()) {
        await again.click();
        await expect(page.getByRole("main")).toContainText(/Issued|Events were appended|no open hold/i);
      }
      const wallet = await read<Wallet>(ledger.environment, "wallet", `W-${name}`);
      expect(wallet.held).toBe("0.00");
      expect(wallet.entries.filter(({ type }) => type === "wallet.hold_released")).toHaveLength(1);
      expect(wallet.complete).toBe(true);
      await page.context().close();
    });
  });
}

test("one form in two tabs is one case", async ({ browser, ledger }) => {
  const name = fresh();
  await append(ledger.environment, story(name));
  const finance = await walk(browser, ledger.url, "finance", true);
  await go(finance, `/compensate?command=credit_wallet&subject=W-${name}`);
  await preview(finance, { amount: "1", reason: "goodwill", note: "Two tabs" });
  const second = await finance.page.context().newPage();
  await second.goto(finance.page.url());
  await ready(second);
  await finance.page.getByRole("button", { name: "Issue", exact: true }).click();
  await expect(finance.page).toHaveURL(/\/compensations\/CMP-/);
  await second.getByRole("button", { name: "Issue", exact: true }).click();
  await expect(second.getByRole("main")).toContainText("Events were appended since the preview");
  expect((await read<Wallet>(ledger.environment, "wallet", `W-${name}`)).posted).toBe("101.00");
  await finance.page.context().close();
});

test("a refund's page offers the possible commands, only to roles that may propose", async ({ browser, ledger }) => {
  const name = fresh();
  await append(ledger.environment, story(name));
  for (const [role, offered] of [["finance", 1], ["support", 1], ["viewer", 0]] as const) {
    const reader = await walk(browser, ledger.url, role, true);
    await expect(async () => {
      await go(reader, `/refunds/R-${name}`);
      await expect(reader.page.getByRole("main")).toContainText("10.00", { timeout: 1_000 });
    }).toPass();
    const offers = reader.page.getByRole("navigation", { name: "Corrections" });
    await expect(offers.getByRole("link", { name: "Settle the refund" })).toHaveCount(offered);
    await expect(offers.getByRole("link", { name: "Approve the refund" })).toHaveCount(0);
    await reader.page.context().close();
  }
});
