// Search over everything: by name, amount and any id. An exact id opens its page.

import { expect, test } from "../fixtures.ts";
import type { Page } from "@playwright/test";

const FINDER = { name: "Search everything" };

async function search(page: Page, text: string): Promise<void> {
  const finder = page.getByRole("searchbox", FINDER);
  await finder.fill(text);
  await finder.press("Enter");
}

test("a name on the phone leads to the refund in two actions", async ({ page, open }) => {
  await open("/");
  await search(page, "endtoend");
  await expect(page).toHaveURL("/search?q=endtoend");
  await page.getByRole("region", { name: "Refunds", exact: true }).getByRole("link", { name: "R-E2E-1", exact: true }).click();
  await expect(page).toHaveURL(/\/refunds\/R-E2E-1\?order=O-E2E-1/);
});

for (const [what, text, path] of [
  ["a wallet", "W-E2E-1", /\/wallets\/W-E2E-1$/],
  ["an order", "O-E2E-1", /\/orders\/O-E2E-1$/],
  ["a refund", "R-E2E-1", /\/refunds\/R-E2E-1\?order=O-E2E-1$/],
  ["a hold", "H-E2E-1", /\/holds\?q=H-E2E-1&state=all&wallet=W-E2E-1$/],
  ["a customer", "C-E2E-1", /\/customers\/C-E2E-1$/],
  ["a payment", "P-E2E-1", /\/orders\/O-E2E-1$/],
] as const) {
  test(`the whole id of ${what} opens its page`, async ({ page, open }) => {
    await open("/");
    await search(page, ` ${text} `);
    await expect(page).toHaveURL(path);
    await expect(page.getByRole("main")).toContainText("E2E-1");
  });
}

test("the head's search finds every kind by a part of its id", async ({ page, open }) => {
  await open("/");
  await search(page, "e2e-1");
  await expect(page).toHaveURL("/search?q=e2e-1");
  for (const [section, id] of [
    ["Customers", "C-E2E-1"], ["Refunds", "R-E2E-1"], ["Orders", "O-E2E-1"], ["Wallets", "W-E2E-1"],
  ] as const) {
    const region = page.getByRole("region", { name: section, exact: true });
    await expect(region.getByRole("link", { name: id, exact: true }).first()).toBeVisible();
  }
  await expect(page.getByRole("region", { name: "Holds", exact: true })).toContainText("H-E2E-1");
  // Only one kind, and back to all.
  const kinds = page.getByRole("navigation", { name: "Kinds" });
  await kinds.getByRole("link", { name: /^Orders \d/ }).click();
  await expect(page).toHaveURL("/search?q=e2e-1&kind=order");
  await expect(page.getByRole("region", { name: "Wallets", exact: true })).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Orders", exact: true })).toContainText("O-E2E-1");
  await kinds.getByRole("link", { name: "All", exact: true }).click();
  await expect(page.getByRole("region", { name: "Wallets", exact: true })).toBeVisible();
});

test("an amount is found, and a link corrects a decimal comma", async ({ page, open }) => {
  await open("/search?q=12%2C34");
  await expect(page.getByText("Nothing is found for this text")).toBeVisible();
  await page.getByRole("link", { name: "12.34", exact: true }).click();
  await expect(page).toHaveURL("/search?q=12.34");
  await expect(page.getByRole("region", { name: "Refunds", exact: true })).toContainText("R-E2E-1");
});

test("a text without hits says so", async ({ page, open }) => {
  for (const text of ["no such thing", "\" OR 1=1 *", "\u0301", "<b>%_"]) {
    await open(`/search?q=${encodeURIComponent(text)}`);
    await expect(page.getByText("Nothing is found for this text")).toBeVisible();
  }
  await open(`/search?q=${"x".repeat(5_000)}`);
  await expect(page.getByText("Nothing is found for this text")).toBeVisible();
  await expect(page.getByText("after its first 100 characters")).toBeVisible();
});

test.describe("support", () => {
  test.use({ role: "support" });

  test("a name on the phone leads to the refund in four actions, by the look-up", async ({ page, open }) => {
    await open("/");
    await search(page, "ada endtoend");
    await expect(page.getByText("Names are hidden from your role; search an id or an amount.")).toBeVisible();
    await expect(page.getByLabel("Whole name")).toHaveValue("ada endtoend");
    // Filling in and sending one form counts as one action.
    await page.getByLabel("Order of the customer").fill("O-E2E-1");
    await page.getByRole("button", { name: "Look up" }).click();
    await expect(page).toHaveURL("/customers/C-E2E-1");
    await page.getByRole("table", { name: "Refunds of this customer" }).getByRole("link", { name: "R-E2E-1", exact: true }).click();
    await expect(page).toHaveURL(/\/refunds\/R-E2E-1\?order=O-E2E-1/);
    expect(await page.content()).not.toContain("Endtoend");
  });

  test("a wrong fact has no match, and no address contains the name", async ({ page, open }) => {
    await open("/look-up");
    await page.getByLabel("Whole name").fill("Ada Endtoend");
    await page.getByLabel("Order of the customer").fill("O-00001");
    await page.getByRole("button", { name: "Look up" }).click();
    await expect(page.getByText("No match", { exact: false }).first()).toBeVisible();
    expect(page.url()).not.toMatch(/endtoend/i);
  });
});
