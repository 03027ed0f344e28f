// Customers: found by name, with all their entities, and without names for roles that may not read them.

import { expect, test } from "../fixtures.ts";

test("a name finds the customer, and the customer's page has all their entities", async ({ page, open }) => {
  await open("/customers");
  const search = page.getByLabel("Search", { exact: true });
  // Parts of words, in any order, without regard to case and accents.
  await search.fill("éndTO ada");
  await search.press("Enter");
  const rows = page.getByRole("table", { name: "Customers" }).locator("tbody tr");
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("Ada Endtoend");
  await rows.getByRole("link", { name: "C-E2E-1" }).click();
  await expect(page).toHaveURL("/customers/C-E2E-1");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Customer C-E2E-1");
  await expect(page.getByText("Ada Endtoend").first()).toBeVisible();
  await expect(page.getByRole("table", { name: "Refunds of this customer" })).toContainText("R-E2E-1");
  await expect(page.getByRole("table", { name: "Wallets of this customer" })).toContainText("90.50");
  await expect(page.getByRole("table", { name: "Orders of this customer" })).toContainText("O-E2E-1");
  await page.getByRole("link", { name: "All 1 refund" }).click();
  await expect(page).toHaveURL("/refunds?state=all&customer=C-E2E-1");
  await expect(page.getByRole("table", { name: "Refunds" }).locator("tbody tr")).toHaveCount(1);
  await page.getByRole("table", { name: "Refunds" }).getByRole("link", { name: "C-E2E-1" }).click();
  await expect(page).toHaveURL("/customers/C-E2E-1");
});

test("an unknown customer is not found", async ({ page, problems }) => {
  problems.allow(/404/);
  const answer = await page.goto("/customers/C-NOBODY");
  expect(answer?.status()).toBe(404);
  await expect(page.getByText("C-NOBODY").first()).toBeVisible();
});

test.describe("support", () => {
  test.use({ role: "support" });

  test("reads customers without their names, and can't search them", async ({ page, open }) => {
    await open("/customers?q=endtoend");
    await expect(page.getByText("No customer matches")).toBeVisible();
    await expect(page.getByText("Names are hidden from your role")).toBeVisible();
    await open("/customers?q=c-e2e-1");
    await expect(page.getByRole("table", { name: "Customers" })).toContainText("(masked)");
    await open("/customers/C-E2E-1");
    await expect(page.getByRole("table", { name: "Wallets of this customer" })).toContainText("90.50");
    await expect(page.getByText("Endtoend")).toHaveCount(0);
  });
});
