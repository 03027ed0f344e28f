// Time travel on a wallet: on the server by address, and in the browser by the slider, with the same figures.

import { expect, test } from "../fixtures.ts";
import type { Page } from "@playwright/test";

async function balances(page: Page, posted: string, held: string, available: string): Promise<void> {
  for (const [name, amount] of [["Posted", posted], ["Held", held], ["Available", available]] as const) {
    const figure = page.locator(".figures-row .figure").filter({ hasText: new RegExp(`^${name}`) });
    await expect(figure).toContainText(`${amount} EUR`);
  }
}

for (const [term, headline] of [
  ["sequence=3", "As of event 3, not now"],
  ["at=2026-03-03T12:00:00Z", "As of 2026-03-03 12:00:00 UTC, not now"],
] as const) {
  test(`the server shows the wallet at ${term}`, async ({ page, plainPage, open }) => {
    await plainPage.goto(`/wallets/W-E2E-1?${term}`);
    await expect(plainPage.getByText(headline)).toBeVisible();
    await balances(plainPage, "100.00", "30.00", "70.00");
    await open(`/wallets/W-E2E-1?${term}`);
    await balances(page, "100.00", "30.00", "70.00");
    await page.getByRole("link", { name: "Back to now" }).click();
    await expect(page).toHaveURL("/wallets/W-E2E-1");
    await balances(page, "90.50", "0.00", "90.50");
    await expect(page.getByText(headline)).not.toBeVisible();
  });
}

test("events that were not recorded yet are left out", async ({ page, open, problems }) => {
  problems.allow(/404/);
  await open("/wallets/W-E2E-1?known=2026-03-31T00:00:00Z");
  await expect(page.getByRole("alert").filter({ hasText: "did not exist yet" })).toBeVisible();
  await open("/wallets/W-E2E-1?known=2999-01-01T00:00:00Z");
  await expect(page.getByText("As known on 2999-01-01 00:00:00 UTC, not now")).toBeVisible();
  await balances(page, "90.50", "0.00", "90.50");
});

test("the slider replays in the browser, and its stop is in the address after its release", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  const slider = page.getByRole("slider", { name: "Moment" });
  const history = page.waitForResponse((response) => response.url().includes("/api/"));
  await slider.focus();
  await history;
  await expect(page.getByText("Reading the history …")).not.toBeVisible();
  // The slider is moved but not released: the browser computes the figures, and the address does not change.
  await slider.evaluate((input: HTMLInputElement) => {
    input.value = "1";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await balances(page, "100.00", "0.00", "100.00");
  await expect(slider).toHaveAttribute("aria-valuetext", "Event 2 of 5");
  await expect(page).toHaveURL("/wallets/W-E2E-1");
  await slider.press("ArrowRight");
  await expect(page).toHaveURL("/wallets/W-E2E-1?sequence=3");
  await balances(page, "100.00", "30.00", "70.00");
  await page.goBack();
  await expect(page).toHaveURL("/wallets/W-E2E-1");
  await balances(page, "90.50", "0.00", "90.50");
});

test("one event earlier and later are links", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  await page.getByRole("link", { name: "One event earlier" }).click();
  await expect(page).toHaveURL("/wallets/W-E2E-1?sequence=4");
  await balances(page, "70.00", "0.00", "70.00");
  await page.getByRole("link", { name: "One event later" }).click();
  await expect(page).toHaveURL("/wallets/W-E2E-1");
});

test("the form shows an exact moment", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  await page.getByText("Go to an exact moment").click();
  await page.getByLabel("Happened by (UTC)").fill("2026-03-02T11:00");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/[?&]at=2026-03-02T11/);
  await balances(page, "100.00", "0.00", "100.00");
});

test("the focus stays on the slider from now into the past and back", async ({ page, open }) => {
  await open("/wallets/W-E2E-1");
  const slider = page.getByRole("slider", { name: "Moment" });
  const history = page.waitForResponse((response) => response.url().includes("/api/"));
  await slider.focus();
  await history;
  await expect(page.getByText("Reading the history …")).not.toBeVisible();
  for (const [key, query] of [["ArrowLeft", "?sequence=4"], ["ArrowLeft", "?sequence=3"], ["End", ""]] as const) {
    await page.keyboard.press(key);
    await expect(page).toHaveURL(`/wallets/W-E2E-1${query}`);
    await expect(page.getByText("This page shows the past")).toHaveCount(query ? 1 : 0);
    await expect(slider).toBeFocused();
  }
});

for (const [path, events] of [["/wallets/W-E2E-1", 5], ["/orders/O-E2E-1", 4]] as const) {
  test(`the focus stays on the links from moment to moment of ${path}`, async ({ page, open }) => {
    await open(path);
    const earlier = page.getByRole("link", { name: "One event earlier" });
    await earlier.focus();
    for (let event = events - 1; event >= 1; event--) {
      await expect(earlier).toBeFocused();
      await page.keyboard.press("Enter");
      await expect(page).toHaveURL(`${path}?sequence=${event}`);
      await expect(page.getByText(`As of event ${event}, not now`)).toBeVisible();
    }
    // There is nothing before the first event. The focus moves to the element around the links.
    await expect(earlier).toHaveCount(0);
    await expect(page.locator(".neighbours")).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "One event later" })).toBeFocused();
  });
}
