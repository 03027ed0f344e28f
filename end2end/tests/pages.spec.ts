// The content of each page: known figures, and links to other pages.

import { expect, test } from "../fixtures.ts";

test("the overview sums up pending refunds and links to them", async ({ page, open }) => {
  await open("/");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  for (const region of ["Pending by state", "Pending by age", "Longest overdue", "Findings", "Just recorded"]) {
    await expect(page.getByRole("region", { name: region, exact: true }).first()).toBeVisible();
  }
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Refunds" }).click();
  await expect(page).toHaveURL("/refunds");
  await expect(page.getByRole("heading", { level: 1, name: "Refunds" })).toBeVisible();
});

test("a refund shows its state and the events of both domains", async ({ page, open }) => {
  await open("/refunds/R-E2E-1");
  const state = page.getByRole("region", { name: "State", exact: true });
  await expect(state).toContainText("12.34 EUR");
  await expect(state).toContainText("Approved");
  await expect(state).toContainText("Overdue");
  const story = page.getByRole("region", { name: "Story" });
  await expect(story).toContainText("2 events of the refund, 4 events of its order and wallet");
  for (const event of ["Placed", "Held", "Paid", "Hold captured", "Refund requested", "Refund approved"]) {
    await expect(story.getByText(event, { exact: true }).first()).toBeVisible();
  }
  await page.getByRole("complementary", { name: "Details" }).getByRole("link", { name: "O-E2E-1" }).click();
  await expect(page).toHaveURL("/orders/O-E2E-1");
});

test("a wallet shows its balances and every event with the figures after it", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  await expect(page).toHaveTitle(/W-E2E-1/);
  await expect(figure(page, "Posted")).toContainText("90.50 EUR");
  await expect(figure(page, "Held")).toContainText("0.00 EUR");
  await expect(figure(page, "Available")).toContainText("90.50 EUR");
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("5 events");
  await page.getByRole("region", { name: "Orders", exact: true }).getByRole("link", { name: "O-E2E-1" }).click();
  await expect(page).toHaveURL("/orders/O-E2E-1");
});

test("an order shows its lines, refunds and timeline", async ({ page, open }) => {
  await open("/orders/O-E2E-1");
  await expect(page.getByRole("region", { name: "Lines", exact: true }).first()).toContainText("Looking glass");
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("4 events");
  await page.getByRole("region", { name: "Refunds", exact: true }).first().getByRole("link", { name: "R-E2E-1" }).click();
  await expect(page).toHaveURL(/\/refunds\/R-E2E-1/);
});

test("an event shows its payload verbatim", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  await page.getByRole("region", { name: "Timeline" }).locator('a[href^="/events/wallet/W-E2E-1/"]').first().click();
  await expect(page).toHaveURL(/\/events\/wallet\/W-E2E-1\//);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("20.50");
  await expect(page.getByText("top_up").first()).toBeVisible();
});

test("the overview links to the findings of a kind", async ({ page, open }) => {
  await open("/");
  const kinds = page.getByRole("table", { name: "Findings by kind" });
  const kind = await kinds.getByRole("link").first().innerText();
  await kinds.getByRole("link").first().click();
  await expect(page).toHaveURL(/\/findings\?kind=\w+/);
  await expect(page.getByRole("checkbox", { name: kind, exact: true })).toBeChecked();
  await expect(page.getByRole("table", { name: "Findings" }).locator("tbody tr").first()).toContainText(kind);
});

test("a wallet links to its holds", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  await page.getByRole("link", { name: "All holds" }).click();
  await expect(page).toHaveURL("/holds?state=all&wallet=W-E2E-1");
  const rows = page.getByRole("table", { name: "Holds" }).locator("tbody tr");
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("H-E2E-1");
  await rows.getByRole("link", { name: "O-E2E-1" }).click();
  await expect(page).toHaveURL("/orders/O-E2E-1");
});

for (const path of ["/wallets/W-NONE", "/orders/O-NONE", "/refunds/R-NONE", "/events/wallet/W-NONE/1"]) {
  test(`${path} does not exist and says so`, async ({ page, problems }) => {
    problems.allow(/404/);
    const response = await page.goto(path);
    expect(response?.status()).toBe(404);
    await expect(page.getByRole("alert")).toContainText("does not exist");
  });
}

function figure(page: import("@playwright/test").Page, name: string) {
  return page.locator(".figures-row .figure").filter({ hasText: new RegExp(`^${name}`) });
}
