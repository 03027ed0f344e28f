// Follows links from the overview, a few of each kind. Every page must answer, be taken over by the browser part
// without errors, and have a heading.

import { expect, ready, test } from "../fixtures.ts";

/** Number of pages of one shape that are visited. */
const EACH = 2;

/** The shape of an address: without ids and the values of the query. */
function shape(url: URL): string {
  const path = url.pathname.split("/").slice(0, 2).join("/");
  const depth = url.pathname.split("/").length;
  return `${path} ${depth} ${[...url.searchParams.keys()].sort().join()}`;
}

/** The demo has invalid events: an event may name an order that does not exist. Its page has status 404. */
const MAY_BE_UNKNOWN = /^\/(orders|refunds|wallets)\/[^/]+$/;

test("every linked page loads without errors", async ({ page, baseURL, problems }) => {
  test.setTimeout(600_000);
  const queue = [new URL("/", baseURL)];
  const seen = new Set<string>();
  const visits = new Map<string, number>();
  for (let url = queue.shift(); url; url = queue.shift()) {
    const visited = visits.get(shape(url)) ?? 0;
    if (seen.has(url.href) || visited >= EACH) {
      continue;
    }
    seen.add(url.href);
    visits.set(shape(url), visited + 1);
    await test.step(url.pathname + url.search, async () => {
      const response = await page.goto(url.href);
      const status = response?.status() ?? 0;
      expect(MAY_BE_UNKNOWN.test(url.pathname) ? [200, 404] : [200]).toContain(status);
      if (status === 404) {
        problems.allow(new RegExp(`404.*${url.pathname}`));
      }
      await ready(page);
      await expect(page.getByRole("heading", { level: 1 })).toHaveCount(1);
      await expect(page).toHaveTitle(/\S · Ledgerscope|^Ledgerscope$/);
      const links = await page.locator("a[href]:not([download])").evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href));
      for (const link of links.map((href) => new URL(href))) {
        link.hash = "";
        if (link.origin === new URL(page.url()).origin) {
          queue.push(link);
        }
      }
    });
  }
  expect(seen.size).toBeGreaterThan(10);
});
