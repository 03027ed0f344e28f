// Filters: only the address decides what a list shows, and the form only changes the address.

import { expect, test } from "../fixtures.ts";

test("an address filters refunds by text, state, age and overdue", async ({ page, open }) => {
  await open("/refunds?q=R-E2E-1&state=approved&age=24&currency=EUR&overdue=1");
  const table = page.getByRole("table", { name: "Refunds" });
  await expect(table.locator("tbody tr")).toHaveCount(1);
  await expect(table).toContainText("R-E2E-1");
  await expect(page.getByRole("checkbox", { name: "Approved" })).toBeChecked();
  await expect(page.getByRole("checkbox", { name: "Overdue only" })).toBeChecked();
  await expect(page.getByLabel("In its state for")).toHaveValue("24");
  await expect(page.getByRole("checkbox", { name: "EUR" })).toBeChecked();
  await expect(page.getByLabel("Search", { exact: true })).toHaveValue("R-E2E-1");
});

test("a filter without matches says so and has a way back", async ({ page, open }) => {
  await open("/refunds?q=R-E2E-1&state=failed");
  await expect(page.getByText("No refund matches")).toBeVisible();
  await page.getByRole("link", { name: "Clear all" }).click();
  await expect(page).toHaveURL("/refunds");
  await expect(page.getByRole("table", { name: "Refunds" })).toBeVisible();
});

test("the form for refunds changes the address, step by step and back", async ({ page, open }) => {
  await open("/refunds");
  await page.getByRole("checkbox", { name: "Approved" }).check();
  await expect(page).toHaveURL("/refunds?state=approved");
  await page.getByRole("checkbox", { name: "Overdue only" }).check();
  await expect(page).toHaveURL("/refunds?state=approved&overdue=1");
  await page.getByText("More filters").click();
  await page.getByRole("checkbox", { name: "EUR" }).check();
  await expect(page).toHaveURL("/refunds?state=approved&currency=EUR&overdue=1");
  await page.getByLabel("In its state for").selectOption("48");
  await expect(page).toHaveURL("/refunds?state=approved&currency=EUR&overdue=1&age=48");
  const search = page.getByLabel("Search", { exact: true });
  await search.fill("R-E2E");
  await search.press("Enter");
  await expect(page).toHaveURL("/refunds?q=R-E2E&state=approved&currency=EUR&overdue=1&age=48");
  await expect(page.getByRole("table", { name: "Refunds" }).locator("tbody tr")).toHaveCount(1);
  await page.goBack();
  await expect(page).toHaveURL("/refunds?state=approved&currency=EUR&overdue=1&age=48");
  await expect(search).toHaveValue("");
  await page.getByRole("link", { name: "Clear all" }).click();
  await expect(page).toHaveURL("/refunds");
  await expect(page.getByRole("checkbox", { name: "Approved" })).not.toBeChecked();
});

test("heads sort refunds in both directions, by amount within one currency", async ({ page, open }) => {
  await open("/refunds");
  const head = page.getByRole("columnheader", { name: "Amount" });
  await expect(head).toHaveAttribute("title", /exactly one currency/);
  await expect(head.getByRole("link")).toHaveCount(0);
  await open("/refunds?currency=EUR");
  await head.getByRole("link").click();
  await expect(page).toHaveURL("/refunds?currency=EUR&sort=amount_down");
  await expect(head).toHaveAttribute("aria-sort", "descending");
  await head.getByRole("link").click();
  await expect(page).toHaveURL("/refunds?currency=EUR&sort=amount_up");
  await expect(head).toHaveAttribute("aria-sort", "ascending");
});

test("refunds are paged by links", async ({ page, open }) => {
  await open("/refunds?state=all");
  const pages = page.getByRole("navigation", { name: "Refunds: pages" });
  const rows = page.getByRole("table", { name: "Refunds" }).locator("tbody tr");
  const head = rows.first().getByRole("rowheader").getByRole("link");
  const first = await head.innerText();
  await pages.getByRole("link", { name: "Next" }).click();
  await expect(page).toHaveURL(/\/refunds\?state=all&after=[\w-]+$/);
  await expect(head).not.toHaveText(first);
  await pages.getByRole("link", { name: "Previous" }).click();
  await expect(page).toHaveURL(/\/refunds\?state=all&before=[\w-]+$/);
  await expect(head).toHaveText(first);
  await pages.getByRole("link", { name: "First" }).click();
  await expect(page).toHaveURL("/refunds?state=all");
  await expect(pages.getByRole("link", { name: "Previous" })).toHaveCount(0);
});

test("ignored parts of an address are reported", async ({ page, open }) => {
  await open("/refunds?state=lost&page=x");
  await expect(page.getByRole("note").filter({ hasText: "These parts of the address have no effect" })).toContainText("lost");
});

for (const [path, table, id, status] of [
  ["/wallets", "Wallets", "W-E2E-1", "Open"],
  ["/orders", "Orders", "O-E2E-1", "Paid"],
] as const) {
  test(`the form of ${path} searches, filters and sorts`, async ({ page, open }) => {
    await open(path);
    const search = page.getByLabel("Search", { exact: true });
    await search.fill("endtoend");
    await search.press("Enter");
    await expect(page).toHaveURL(`${path}?q=endtoend`);
    const rows = page.getByRole("table", { name: table }).locator("tbody tr");
    await expect(rows).toHaveCount(1);
    await expect(rows).toContainText(id);
    await page.getByRole("checkbox", { name: status, exact: true }).check();
    await expect(page).toHaveURL(`${path}?q=endtoend&status=${status.toLowerCase()}`);
    await expect(rows).toHaveCount(1);
    await page.getByRole("link", { name: "Clear all" }).click();
    await expect(page).toHaveURL(path);
    await page.getByRole("navigation", { name: `${table}: pages` }).getByRole("link", { name: "Next" }).click();
    await expect(page).toHaveURL(new RegExp(`${path}\\?after=[\\w-]+$`));
    await page.getByRole("columnheader", { name: table.slice(0, -1), exact: true }).getByRole("link").click();
    await expect(page).toHaveURL(`${path}?sort=id`);
  });
}
