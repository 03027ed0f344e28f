// What all pages have in common: the document, its security policy, files and their caching, and the end of the server.

import { expect, ready, test } from "../fixtures.ts";

test("a page is taken over by the browser part", async ({ page, open }) => {
  await open("/");
  await expect(page).toHaveTitle(/Ledgerscope/);
});

test("a page is readable without JavaScript", async ({ plainPage }) => {
  const response = await plainPage.goto("/");
  expect(response?.status()).toBe(200);
  await expect(plainPage.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(plainPage.locator("html[data-ready]")).not.toBeAttached();
});

test("an unknown address is a page with a way back", async ({ page, problems }) => {
  problems.allow(/404/);
  const response = await page.goto("/no/such/page");
  expect(response?.status()).toBe(404);
  await ready(page);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator('a[href="/"]').first()).toBeVisible();
});

test("a script in injected markup does not run", async ({ page, open, problems }) => {
  problems.allow(/Content Security Policy/);
  await open("/");
  await page.evaluate(() => {
    const injected = document.createElement("div");
    injected.innerHTML = '<button onclick="document.title = this.textContent">injected</button>';
    document.body.append(injected);
  });
  await page.getByRole("button", { name: "injected" }).click();
  await expect(page).not.toHaveTitle("injected");
  expect(problems.seen.join()).toContain("Content Security Policy");
});

test("each response has its own nonce and is not cached", async ({ request }) => {
  const nonces = new Set<string>();
  for (let i = 0; i < 2; i++) {
    const headers = (await request.get("/")).headers();
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    const [, nonce] = /script-src 'nonce-([^']+)'/.exec(headers["content-security-policy"] ?? "") ?? [];
    expect(nonce).toBeTruthy();
    nonces.add(nonce ?? "");
  }
  expect(nonces.size).toBe(2);
});

test("the browser part is compressed and cached for ever", async ({ request }) => {
  const html = await (await request.get("/")).text();
  const paths = [...html.matchAll(/\/pkg\/[^" ]+/g)].map(([path]) => path);
  expect(paths.length).toBeGreaterThanOrEqual(3);
  for (const path of paths) {
    const response = await request.get(path, { headers: { "accept-encoding": "br" } });
    expect(response.status(), path).toBe(200);
    expect(response.headers()["cache-control"], path).toContain("immutable");
    if (!path.endsWith(".css")) {
      expect(response.headers()["content-encoding"], path).toBe("br");
    }
  }
  const missing = await request.get("/pkg/none.js");
  expect(missing.status()).toBe(404);
  expect(missing.headers()["cache-control"] ?? "").not.toContain("immutable");
});

test("the document names every script, so that they load in parallel", async ({ page, open }) => {
  const loaded: string[] = [];
  page.on("request", (request) => {
    if (request.resourceType() === "script") loaded.push(new URL(request.url()).pathname);
  });
  await open("/");
  const named = await page
    .locator("script[src], link[rel=modulepreload]")
    .evaluateAll((elements) => elements.map((element) => element.getAttribute("src") ?? element.getAttribute("href")));
  expect(named.length).toBeGreaterThan(2);
  expect(loaded.filter((path) => !path.startsWith("/pkg/")).sort()).toEqual(named.sort());
});

test("another host name and another site's form are refused", async ({ request }) => {
  const rebound = await request.get("/", { headers: { host: "evil.example" } });
  expect(rebound.status()).toBe(421);
  const forged = await request.post("/api/wallets", {
    headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    data: {},
  });
  expect(forged.status()).toBe(403);
});
