// A store stops and starts again: pages that need it say so, the others keep working, and nothing has to be restarted.

import { expect, ready, test } from "../fixtures.ts";

test("without the wallet store its pages report that and refunds stay usable", { tag: "@redis" }, async ({
  page,
  open,
  redis,
  problems,
}) => {
  test.setTimeout(90_000);
  problems.allow(/503/);
  await open("/refunds");
  await redis.stop("wallet_store");

  const banner = page.getByRole("alert").filter({ hasText: "The wallet store has not answered since" });
  await expect(async () => {
    await page.reload();
    await expect(banner).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 30_000 });

  const response = await page.goto("/wallets/W-E2E-1");
  expect(response?.status()).toBe(503);
  await expect(page.getByRole("main")).toContainText("The wallet store does not answer");

  await open("/refunds?q=R-E2E-1");
  await expect(page.getByRole("table", { name: "Refunds" })).toContainText("12.34");
  await page.getByRole("checkbox", { name: "Approved" }).check();
  await expect(page).toHaveURL(/state=approved/);
  await expect(page.getByRole("table", { name: "Refunds" })).toContainText("R-E2E-1");

  await open("/refunds/R-E2E-1");
  await expect(page.getByRole("main")).toContainText("The wallet store does not answer");
  await expect(page.getByRole("region", { name: "Story" })).toContainText("Refund approved");

  await redis.start("wallet_store");
  await expect(async () => {
    const back = await page.goto("/wallets/W-E2E-1");
    expect(back?.status()).toBe(200);
    await expect(banner).not.toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await ready(page);
  await expect(page.getByRole("region", { name: "Timeline" })).toContainText("5 events");
});
