// Without JavaScript: every page is readable, and every form works.

import { expect, test } from "../fixtures.ts";

for (const [path, heading, content] of [
  ["/", "Overview", "Pending by state"],
  ["/refunds", "Refunds", "R-"],
  ["/refunds/R-E2E-1", "R-E2E-1", "Hold captured"],
  ["/wallets", "Wallets", "W-"],
  ["/wallets/W-E2E-1", "W-E2E-1", "90.50"],
  ["/orders", "Orders", "O-"],
  ["/orders/O-E2E-1", "O-E2E-1", "Looking glass"],
  ["/findings", "Findings", "finding"],
  ["/holds?wallet=W-E2E-1&state=all", "Holds", "H-E2E-1"],
  ["/cases", "Cases", "case"],
  ["/search?q=E2E-1", "Search", "W-E2E-1"],
] as const) {
  test(`${path} reads as plain HTML`, async ({ plainPage }) => {
    const response = await plainPage.goto(path);
    expect(response?.status()).toBe(200);
    await expect(plainPage.getByRole("heading", { level: 1 })).toContainText(heading);
    await expect(plainPage.getByRole("main")).toContainText(content);
  });
}

test("the button of the refunds' form submits it", async ({ plainPage }) => {
  await plainPage.goto("/refunds");
  await plainPage.getByLabel("Search", { exact: true }).fill("R-E2E-1");
  await plainPage.getByRole("checkbox", { name: "Approved" }).check();
  await plainPage.getByRole("button", { name: "Apply" }).click();
  await expect(plainPage.getByRole("table", { name: "Refunds" }).locator("tbody tr")).toHaveCount(1);
  await expect(plainPage.getByRole("checkbox", { name: "Approved" })).toBeChecked();
});

for (const [path, table, id] of [["/wallets", "Wallets", "W-E2E-1"], ["/orders", "Orders", "O-E2E-1"]] as const) {
  test(`the button of the form of ${path} submits it`, async ({ plainPage }) => {
    await plainPage.goto(path);
    await plainPage.getByLabel("Search", { exact: true }).fill(id);
    await plainPage.getByRole("button", { name: "Apply" }).click();
    await expect(plainPage.getByRole("table", { name: table }).locator("tbody tr")).toHaveCount(1);
    await plainPage.getByRole("link", { name: id, exact: true }).click();
    await expect(plainPage).toHaveURL(`${path}/${id}`);
  });
}

test("more filters can be opened, submitted and removed one by one", async ({ plainPage }) => {
  await plainPage.goto("/orders");
  await plainPage.getByText("More filters").click();
  await plainPage.getByRole("checkbox", { name: "EUR" }).check();
  await plainPage.getByLabel("Total, at least").fill("30");
  await plainPage.getByLabel("Total, at most").fill("30");
  await plainPage.getByLabel("Wallet", { exact: true }).fill("W-E2E-1");
  await plainPage.getByRole("button", { name: "Apply" }).click();
  const rows = plainPage.getByRole("table", { name: "Orders" }).locator("tbody tr");
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("O-E2E-1");
  await plainPage.getByRole("link", { name: "Remove the filter Total: at least 30 EUR" }).click();
  await expect(plainPage).toHaveURL("/orders?currency=EUR&max=30&wallet=W-E2E-1");
  await expect(plainPage.getByLabel("Total, at least")).toHaveValue("");
  await expect(plainPage.getByLabel("Total, at most")).toHaveValue("30");
});

test("a wallet's form shows a past moment", async ({ plainPage }) => {
  await plainPage.goto("/wallets/W-E2E-1");
  await plainPage.getByText("Go to an exact moment").click();
  await plainPage.getByLabel("Up to event no.").fill("3");
  await plainPage.getByRole("button", { name: "Show" }).click();
  await expect(plainPage.getByText("As of event 3, not now")).toBeVisible();
});

test("the search in the head works", async ({ plainPage }) => {
  await plainPage.goto("/");
  const finder = plainPage.getByRole("searchbox", { name: "Search everything" });
  await finder.fill("r-e2e-1");
  await finder.press("Enter");
  await expect(plainPage).toHaveURL("/search?q=r-e2e-1");
  await expect(plainPage.getByRole("link", { name: "R-E2E-1", exact: true })).toBeVisible();
});

test("controls that need a script are not shown", async ({ plainPage }) => {
  await plainPage.goto("/wallets/W-E2E-1");
  await expect(plainPage.getByRole("region", { name: "Timeline" })).toBeVisible();
  await expect(plainPage.locator("#pause")).not.toBeVisible();
  await expect(plainPage.locator("#live-off")).not.toBeVisible();
});
