// Accessibility in both colour schemes, and the width on a phone. The security policy is bypassed only for axe's own
// script.

import { AxeBuilder } from "@axe-core/playwright";
import { expect, ready, test } from "../fixtures.ts";

const PAGES = [
  "/", "/refunds", "/refunds/R-E2E-1", "/wallets", "/wallets/W-E2E-1", "/wallets/W-E2E-1?sequence=3",
  "/orders", "/orders/O-E2E-1", "/findings", "/holds?state=all", "/cases", "/customers", "/customers/C-E2E-1", "/search?q=E2E-1", "/no/such/page",
  "/refunds?currency=EUR&min=1&reason=damaged&sort=amount_down",
];

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ bypassCSP: true, colorScheme });
    for (const path of PAGES) {
      test(`${path} has no violation that axe finds`, async ({ page, problems }) => {
        problems.allow(/404/);
        await page.goto(path);
        await ready(page);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        // The types of axe are for another minor version of Playwright.
        const { violations } = await new AxeBuilder({ page: page as never }).analyze();
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n")}`)).toEqual([]);
      });
    }
  });
}

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 } });
  for (const path of PAGES) {
    test(`${path} does not scroll sideways`, async ({ page, problems }) => {
      problems.allow(/404/);
      await page.goto(path);
      await ready(page);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      const { scroll, client } = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        client: document.documentElement.clientWidth,
      }));
      expect(scroll).toBeLessThanOrEqual(client);
    });
  }
});
