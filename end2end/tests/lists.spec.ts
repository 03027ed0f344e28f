// Every list with its filters: the address filters it, a chip removes a filter, and the file has the same rows.

import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures.ts";

interface List {
  path: string;
  table: string;
  query: string;
  /** A text in the only row. */
  row: string;
  /** A chip, and the query without its filter. */
  chip: string;
  rest: string;
}

const LISTS: List[] = [
  {
    path: "/wallets",
    table: "Wallets",
    query: "status=open&currency=EUR&min=90.50&max=90.50&from=2026-03-05&to=2026-03-06&customer=C-E2E-1",
    row: "W-E2E-1",
    chip: "Last event: before 2026-03-06",
    rest: "status=open&currency=EUR&min=90.50&max=90.50&from=2026-03-05&customer=C-E2E-1",
  },
  {
    path: "/orders",
    table: "Orders",
    query: "status=paid&currency=EUR&min=30&max=30&from=2026-03-07&to=2026-03-08&customer=C-E2E-1&wallet=W-E2E-1",
    row: "O-E2E-1",
    chip: "Status: Paid",
    rest: "currency=EUR&min=30&max=30&from=2026-03-07&to=2026-03-08&customer=C-E2E-1&wallet=W-E2E-1",
  },
  {
    path: "/refunds",
    table: "Refunds",
    query: "state=approved&currency=EUR&min=12.34&max=12.34&from=2026-03-06&to=2026-03-07&customer=C-E2E-1&overdue=1&age=24&destination=wallet&reason=damaged",
    row: "R-E2E-1",
    chip: "Reason: damaged",
    rest: "state=approved&currency=EUR&min=12.34&max=12.34&from=2026-03-06&to=2026-03-07&customer=C-E2E-1&overdue=1&age=24&destination=wallet",
  },
  {
    path: "/holds",
    table: "Holds",
    query: "state=captured&currency=EUR&min=30&max=30&from=2026-03-03&to=2026-03-04&customer=C-E2E-1&wallet=W-E2E-1",
    row: "H-E2E-1",
    chip: "Wallet: W-E2E-1",
    rest: "state=captured&currency=EUR&min=30&max=30&from=2026-03-03&to=2026-03-04&customer=C-E2E-1",
  },
];

/** The lines of the file behind the page's link. */
async function file(page: Page): Promise<string[]> {
  const link = page.getByRole("link", { name: "Download as CSV" });
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const text = await readFile(await download.path(), "utf8");
  return text.trimEnd().split("\n");
}

for (const { path, table, query, row, chip, rest } of LISTS) {
  test(`${path} is filtered, unfiltered by a chip, and downloaded`, async ({ page, open }) => {
    await open(`${path}?${query}`);
    const rows = page.getByRole("table", { name: table }).locator("tbody tr");
    await expect(rows).toHaveCount(1);
    await expect(rows).toContainText(row);
    await expect(page.getByText("These parts of the address have no effect")).toHaveCount(0);
    const lines = await file(page);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`"${row}"`);

    await page.getByRole("link", { name: `Remove the filter ${chip}` }).click();
    await expect(page).toHaveURL(`${path}?${rest}`);
    await expect(rows.filter({ hasText: row })).toHaveCount(1);
    await expect(page.getByRole("link", { name: `Remove the filter ${chip}` })).toHaveCount(0);
    // The chosen filter stays open, and the form matches the address.
    await expect(page.getByRole("checkbox", { name: "EUR" })).toBeChecked();

    await page.getByRole("link", { name: "Clear all" }).click();
    await expect(page).toHaveURL(path);
    await expect(page.getByRole("checkbox", { name: "EUR" })).not.toBeChecked();
  });
}

test("findings are filtered by severity, kind and amount at risk", async ({ page, open }) => {
  await open("/findings");
  const rows = page.getByRole("table", { name: "Findings" }).locator("tbody tr");
  await page.getByRole("checkbox", { name: "High", exact: true }).check();
  await expect(page).toHaveURL("/findings?severity=high");
  await expect(rows.first()).toContainText("High");
  await expect(rows.filter({ hasNotText: "High" })).toHaveCount(0);
  const count = await rows.count();
  expect((await file(page)).length).toBeGreaterThan(count);

  await page.getByText("More filters").click();
  await page.getByRole("checkbox", { name: "EUR" }).check();
  await expect(page).toHaveURL("/findings?severity=high&currency=EUR");
  await page.getByLabel("Sorted by").selectOption("risk");
  await expect(page).toHaveURL("/findings?severity=high&currency=EUR&sort=risk");
  await page.getByLabel("At risk, at least").fill("0.01");
  await page.getByLabel("At risk, at least").press("Enter");
  await expect(page).toHaveURL("/findings?severity=high&currency=EUR&min=0.01&sort=risk");
  await expect(rows.first()).toContainText("EUR");
  // Without a currency, the filter by amount is removed, too.
  await page.getByRole("link", { name: "Remove the filter Currency: EUR" }).click();
  await expect(page).toHaveURL("/findings?severity=high");
});

test("cases are listed by tab, state and operator", async ({ page, open }) => {
  await open("/approvals");
  await expect(page).toHaveURL("/cases?state=proposed");
  const tabs = page.getByRole("navigation", { name: "Lists of cases" });
  await expect(tabs.getByRole("link", { name: "Waiting for approval" })).toHaveAttribute("aria-current", "page");
  await expect(page.getByRole("checkbox", { name: "Proposed" })).toBeChecked();
  await tabs.getByRole("link", { name: "Mine" }).click();
  await expect(page).toHaveURL("/cases?operator=finance");
  await expect(page.getByLabel("Proposed or decided by")).toHaveValue("finance");
  await page.getByRole("link", { name: "Remove the filter Operator: finance" }).click();
  await expect(page).toHaveURL("/cases");
  await expect(tabs.getByRole("link", { name: "All" })).toHaveAttribute("aria-current", "page");
  expect((await file(page))[0]).toContain('"case","command","state"');
  await open("/compensations?list=mine");
  await expect(page).toHaveURL("/cases?operator=finance");
});

test("an amount without a currency is reported and kept", async ({ page, open }) => {
  await open("/orders");
  await page.getByText("More filters").click();
  const least = page.getByLabel("Total, at least");
  await least.fill("30");
  await least.press("Enter");
  await expect(page.getByRole("note").filter({ hasText: "no effect" })).toContainText("min");
  await expect(least).toHaveValue("30");
  await page.getByRole("checkbox", { name: "EUR" }).check();
  await expect(page).toHaveURL("/orders?currency=EUR&min=30");
  await expect(page.getByRole("note").filter({ hasText: "no effect" })).toHaveCount(0);
});

test("the focus stays on the link to the next page, and beside it on the last page", async ({ page, open }) => {
  // Ten wallets: W-00010 to W-00019.
  await open("/wallets?q=W-0001&sort=id&limit=4");
  const pages = page.getByRole("navigation", { name: "Wallets: pages" });
  const next = pages.getByRole("link", { name: "Next" });
  const row = (id: string) => page.getByRole("table", { name: "Wallets" }).getByRole("link", { name: id, exact: true });
  await next.focus();
  await page.keyboard.press("Enter");
  await expect(row("W-00014")).toBeVisible();
  await expect(next).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(row("W-00018")).toBeVisible();
  await expect(next).toHaveCount(0);
  await expect(pages).toBeFocused();
  // Enter has no effect here, and the Tab key continues from here.
  const last = page.url();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(pages.getByRole("link", { name: "First" })).toBeFocused();
  expect(page.url()).toBe(last);
  // The same in the other direction.
  const previous = pages.getByRole("link", { name: "Previous" });
  await previous.focus();
  await page.keyboard.press("Enter");
  await expect(row("W-00014")).toBeVisible();
  await expect(previous).toBeFocused();
});
