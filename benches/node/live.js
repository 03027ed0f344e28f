// Measures the time from an event in Redis to the DOM of a wallet's page. `node live.js PORT REDIS_PORT COOKIE CHROMIUM
// COUNT` prints the times in microseconds as JSON. An observer in the page records when the new balance appears, with
// the same clock.
import { Redis } from "ioredis";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../end2end/package.json", import.meta.url))("playwright-core");
const [port, redisPort, cookie, executablePath, count] = process.argv.slice(2);
const [name, value] = cookie.split("=");
const redis = new Redis({ host: "127.0.0.1", port: Number(redisPort) });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext();
await context.addCookies([{ name, value, url: `http://127.0.0.1:${port}` }]);
const page = await context.newPage();
await page.goto(`http://127.0.0.1:${port}/wallets/W-LIVE`, { waitUntil: "load" });

// Resolves when `text` is in the page, with the time in milliseconds since 1970.
const appears = (text) =>
  page.evaluate(
    (text) =>
      new Promise((done, fail) => {
        const now = () => performance.timeOrigin + performance.now();
        const there = () => document.body.textContent.replace(/[\s,\u00a0\u202f]/g, "").includes(text);
        const timeout = setTimeout(() => fail(new Error(`${text} does not appear`)), 20000);
        const look = () => {
          if (!there()) return false;
          clearTimeout(timeout);
          done(now());
          return true;
        };
        if (look()) return;
        const observer = new MutationObserver(() => look() && observer.disconnect());
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      }),
    text,
  );

const times = [];
let sequence = Number(await redis.xlen("wallet:{0}:W-LIVE"));
const warmUp = 5;
for (let n = 0; n < Number(count) + warmUp; n++) {
  // A page refreshes at once after a change, and then not again for 1.2 seconds. The pause is longer than that.
  await new Promise((done) => setTimeout(done, 1500));
  sequence += 1;
  // An amount that occurs nowhere else on the page.
  const amount = `${70000 + n}.37`;
  const data = JSON.stringify({ amount: { amount, currency: "EUR" }, kind: "top_up" });
  const seen = appears(amount);
  // The page runs this call after the one of `appears`, so the observer is active now. (`waitForFunction` needs `eval`,
  // which the page's policy forbids.)
  await page.evaluate(() => document.readyState);
  const begin = performance.timeOrigin + performance.now();
  await redis
    .multi()
    .xadd("wallet:{0}:W-LIVE", "*", "id", `live-${n}`, "type", "wallet.credited", "sequence", String(sequence), "time", new Date().toISOString(), "data", data)
    .xadd("wallet:{0}:feed", "*", "subject", "W-LIVE", "sequence", String(sequence))
    .exec();
  const at = await seen;
  if (n >= warmUp) times.push(Math.max(0, Math.round((at - begin) * 1000)));
}
console.log(JSON.stringify(times));
await browser.close();
await redis.quit();
