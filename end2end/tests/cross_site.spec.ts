// A page of another site in the browser of a signed-in user tries a form, a fetch, a frame, a link and a WebSocket.
// None of them may act or read as that user.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test as base } from "../fixtures.ts";
import { Client } from "../support/operators.ts";

/** The other site: `localhost`, while the ledger is `127.0.0.1`. It serves the page that a test gives it. */
const test = base.extend<{ evil: (html: string) => Promise<string> }>({
  evil: async ({}, use) => {
    let page = "";
    const server: Server = createServer((_, response) => {
      response.setHeader("content-type", "text/html").end(`<!doctype html><title>evil</title>${page}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await use(async (html) => {
      page = html;
      return `http://localhost:${port}/`;
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
});

/** The fields that the finance operator's own page would send, valid for issuing. */
async function readyForm(url: string): Promise<Record<string, string>> {
  const client = await Client.signedIn(url, "finance2");
  return client.preview({
    command: "credit_wallet", subject: "W-E2E-1", amount: "1.00", reason: "goodwill", note: "from another site",
  });
}

async function posted(ledger: { command(...args: string[]): Promise<string> }): Promise<string> {
  return (JSON.parse(await ledger.command("wallet", "W-E2E-1", "--json")) as { posted: string }).posted;
}

test("a form of another site does nothing", async ({ page, ledger, evil, problems }) => {
  problems.allow(/403|401/);
  const before = await posted(ledger);
  const fields = Object.entries(await readyForm(ledger.url))
    .map(([name, value]) => `<input name="form[${name}]" value="${value}">`);
  const target = `${ledger.url}/api/compensation-issue`;
  await page.goto(await evil(`<form method="post" action="${target}">${fields.join("")}<button>Win</button></form>`));
  const answer = page.waitForResponse(target);
  await page.getByRole("button", { name: "Win" }).click();
  expect((await answer).status()).toBe(403);
  expect(await posted(ledger)).toBe(before);
});

test("a script of another site neither acts nor reads", async ({ page, ledger, evil, problems }) => {
  problems.allow(/CORS|403|401|ERR_FAILED|ERR_BLOCKED|Cross-Origin|opaque/i);
  const before = await posted(ledger);
  const fields = await readyForm(ledger.url);
  await page.goto(await evil(""));
  const seen = await page.evaluate(
    async ([url, fields]) => {
      const body = new URLSearchParams(Object.entries(fields).map(([name, value]) => [`form[${name}]`, value]));
      const tries = [
        () => fetch(`${url}/api/compensation-issue`, { method: "POST", body, credentials: "include", mode: "no-cors" }),
        () => fetch(`${url}/api/compensation-issue`, { method: "POST", body, credentials: "include" }),
        () => fetch(`${url}/wallets/W-E2E-1`, { credentials: "include" }),
        () => fetch(`${url}/export/refunds.csv`, { credentials: "include", mode: "no-cors" }),
      ];
      const read: string[] = [];
      for (const attempt of tries) {
        // The text that was read, if any. An opaque response has no text.
        read.push(await attempt().then((response) => response.text()).catch(() => ""));
      }
      return read;
    },
    [ledger.url, fields] as const,
  );
  expect(seen).toEqual(["", "", "", ""]);
  expect(await posted(ledger)).toBe(before);
});

test("another site can't put a page into a frame", async ({ page, ledger, evil, problems }) => {
  problems.allow(/frame-ancestors|Refused to frame|Framing|ERR_BLOCKED|violates/i);
  await page.goto(await evil(`<iframe src="${ledger.url}/wallets/W-E2E-1" title="trap"></iframe>`));
  const frame = page.frames().find((frame) => frame !== page.mainFrame());
  await expect(async () => expect(problems.seen.join()).toContain("frame-ancestors")).toPass();
  expect(await frame?.locator("body").innerText()).not.toContain("W-E2E-1");
});

test("a link from another site leads to the page to sign in", async ({ page, ledger, evil }) => {
  await page.goto(await evil(`<a href="${ledger.url}/wallets/W-E2E-1">free money</a>`));
  await page.getByRole("link").click();
  await expect(page).toHaveURL(/\/sign-in\?next=/);
});

test("a WebSocket of another site is not opened", async ({ page, ledger, evil, problems }) => {
  problems.allow(/WebSocket/);
  await page.goto(await evil(""));
  for (const path of ["/", "/api/wallets", "/api/health"]) {
    const outcome = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        }),
      `${ledger.url.replace("http", "ws")}${path}`,
    );
    expect(outcome, path).toBe("refused");
  }
});
