// @ts-check
// When the page is fetched again after changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveRefresh } from "../../public/live_refresh.js";
import { Clock } from "./clock.js";

function start() {
  const clock = new Clock();
  const page = { reloads: 0, sliding: false, busy: false };
  const refresh = new LiveRefresh(
    {
      reload: async () => {
        if (page.busy) return false;
        page.reloads++;
        return true;
      },
      isSliding: () => page.sliding,
    },
    clock,
  );
  return { clock, page, refresh };
}

test("the page is fetched at once after the first change", async () => {
  const { clock, page, refresh } = start();
  refresh.request();
  await clock.pass(0);
  assert.equal(page.reloads, 1);
});

test("many changes are one request every 1.2 seconds", async () => {
  const { clock, page, refresh } = start();
  for (let n = 0; n < 120; n++) {
    refresh.request();
    await clock.pass(100);
  }
  assert.ok(page.reloads >= 9 && page.reloads <= 11, `${page.reloads} requests in 12 seconds`);
  // The last change is fetched, too.
  refresh.request();
  const before = page.reloads;
  await clock.pass(1_200);
  assert.equal(page.reloads, before + 1);
});

test("readers do not fetch at the same moment", async () => {
  const [early, late] = [start(), start()];
  [early.clock.chance, late.clock.chance] = [0, 0.99];
  for (const { clock, refresh } of [early, late]) {
    refresh.request();
    await clock.pass(0);
    refresh.request();
    await clock.pass(1_000);
  }
  assert.deepEqual([early.page.reloads, late.page.reloads], [2, 1]);
});

test("a paused page catches up when it is resumed", async () => {
  const { clock, page, refresh } = start();
  refresh.togglePause();
  refresh.request();
  await clock.pass(10_000);
  assert.deepEqual([refresh.paused, page.reloads], [true, 0]);
  refresh.togglePause();
  await clock.pass(0);
  assert.deepEqual([refresh.paused, page.reloads], [false, 1]);
});

test("a page that missed nothing is not fetched when it is resumed", async () => {
  const { clock, page, refresh } = start();
  refresh.togglePause();
  refresh.togglePause();
  refresh.catchUp();
  await clock.pass(10_000);
  assert.equal(page.reloads, 0);
});

test("nothing is fetched while the reader holds the slider", async () => {
  const { clock, page, refresh } = start();
  page.sliding = true;
  refresh.request();
  await clock.pass(10_000);
  assert.equal(page.reloads, 0);
  page.sliding = false;
  refresh.catchUp();
  await clock.pass(0);
  assert.equal(page.reloads, 1);
});

test("releasing the slider does not end a pause", async () => {
  const { clock, page, refresh } = start();
  refresh.togglePause();
  refresh.request();
  await clock.pass(0);
  refresh.catchUp();
  await clock.pass(10_000);
  assert.equal(page.reloads, 0);
});

test("a fetch that was skipped is repeated", async () => {
  const { clock, page, refresh } = start();
  page.busy = true;
  refresh.request();
  await clock.pass(5_000);
  page.busy = false;
  await clock.pass(1_200);
  assert.equal(page.reloads, 1);
  await clock.pass(10_000);
  assert.equal(page.reloads, 1);
});

test("another page starts without a pause and without missed changes", async () => {
  const { clock, page, refresh } = start();
  refresh.togglePause();
  refresh.request();
  await clock.pass(0);
  refresh.reset();
  refresh.catchUp();
  await clock.pass(10_000);
  assert.deepEqual([refresh.paused, page.reloads], [false, 0]);
});
