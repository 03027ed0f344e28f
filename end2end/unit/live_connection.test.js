// @ts-check
// The stream of changes: when it is open, when it is opened again, and what it reports.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveConnection } from "../../public/live_connection.js";
import { Clock } from "./clock.js";

class FakeSource extends EventTarget {
  closed = false;
  /** @type {(() => void) | null} */
  onerror = null;

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = new URL(url, "http://ledgerscope");
  }

  close() {
    this.closed = true;
  }

  /**
   * @param {string} name
   * @param {object} [data]
   * @param {string} [id]
   */
  say(name, data = { now: "2026-03-01T10:00:00Z" }, id = "") {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId: id }));
  }
}

/** @param {string} [cursor] */
function start(cursor) {
  const clock = new Clock();
  /** @type {FakeSource[]} */
  const sources = [];
  /** @type {string[]} */
  const states = [];
  let changes = 0;
  const connection = new LiveConnection(
    { cursor, onState: (state) => states.push(state), onChange: () => changes++ },
    {
      openSource: (url) => {
        const source = new FakeSource(url);
        sources.push(source);
        return /** @type {any} */ (source);
      },
      after: clock.after,
      random: clock.random,
    },
  );
  const latest = () => sources[sources.length - 1] ?? assert.fail("no stream was opened");
  return { clock, connection, sources, states, latest, changes: () => changes };
}

test("a page with a topic opens one stream, from the position of the page", () => {
  const { connection, sources, states, latest } = start("41/0");
  connection.follow("wallet:W-1");
  assert.equal(latest().url.pathname, "/live");
  assert.deepEqual([...latest().url.searchParams], [["topic", "wallet:W-1"], ["from", "41/0"]]);
  assert.deepEqual([sources.length, states], [1, []]);
  latest().say("hello");
  assert.deepEqual(states, ["on"]);
});

test("a page without a topic has no stream", async () => {
  const { clock, connection, sources, states, latest } = start();
  connection.follow("all");
  connection.follow(undefined);
  assert.deepEqual([states, latest().closed], [["none"], true]);
  connection.show();
  connection.open();
  await clock.pass(600_000);
  assert.equal(sources.length, 1);
});

test("another topic closes the stream of the one before", () => {
  const { connection, sources, latest } = start();
  connection.follow("all");
  connection.follow("order:O-1");
  assert.deepEqual(sources.map((source) => source.closed), [true, false]);
  assert.equal(latest().url.searchParams.get("topic"), "order:O-1");
});

test("changes are reported, hello and beat are not", () => {
  const { connection, latest, changes } = start();
  connection.follow("all");
  latest().say("hello");
  latest().say("beat");
  assert.equal(changes(), 0);
  for (const name of ["changed", "reread", "stores"]) latest().say(name);
  assert.equal(changes(), 3);
});

test("a lost stream continues after the last message", async () => {
  const { clock, connection, sources, latest } = start("41/0");
  connection.follow("all");
  latest().say("changed", { now: "" }, "42/7");
  latest().onerror?.();
  assert.equal(latest().closed, true);
  await clock.pass(1_000);
  assert.equal(sources.length, 2);
  assert.equal(latest().url.searchParams.get("from"), "42/7");
});

test("a stream that opens again at once is not reported as off", async () => {
  const { clock, connection, states, latest } = start();
  connection.follow("all");
  latest().say("hello");
  latest().onerror?.();
  await clock.pass(1_000);
  latest().say("hello");
  assert.deepEqual(states, ["on", "on"]);
});

test("attempts back off up to half a minute, and a message resets the back-off", async () => {
  const { clock, connection, sources, states, latest } = start();
  connection.follow("all");
  // Every attempt fails at once. Collects the delays until the next attempts.
  const delays = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    const failedAt = clock.time;
    latest().onerror?.();
    const opened = sources.length;
    while (sources.length === opened) await clock.pass(100);
    delays.push(clock.time - failedAt);
  }
  assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(new Set(states), new Set(["off"]));
  latest().say("hello");
  assert.equal(states.at(-1), "on");
  latest().onerror?.();
  const opened = sources.length;
  await clock.pass(500);
  assert.equal(sources.length, opened + 1);
});

test("browsers that were cut off together do not return together", async () => {
  const early = start();
  early.clock.chance = 0;
  const late = start();
  late.clock.chance = 0.99;
  for (const { clock, connection, latest } of [early, late]) {
    connection.follow("all");
    latest().onerror?.();
    await clock.pass(300);
  }
  assert.equal(early.sources.length, 2);
  assert.equal(late.sources.length, 1);
});

test("a silent stream counts as lost, and any message ends the silence", async () => {
  const { clock, connection, sources, latest } = start();
  connection.follow("all");
  latest().say("hello");
  await clock.pass(39_000);
  latest().say("beat");
  await clock.pass(39_000);
  assert.deepEqual([sources.length, latest().closed], [1, false]);
  await clock.pass(2_000);
  assert.deepEqual([sources.length, sources[0]?.closed], [2, true]);
});

test("a bye of the server is a lost stream", async () => {
  for (const name of ["bye", "end"]) {
    const { clock, connection, sources, latest } = start();
    connection.follow("all");
    latest().say(name);
    assert.equal(latest().closed, true, name);
    await clock.pass(500);
    assert.equal(sources.length, 2, name);
  }
});

test("a hidden tab closes its stream after a minute and opens another when it is visible", async () => {
  const { clock, connection, sources, latest } = start();
  const beat = () => latest().say("beat");
  connection.follow("all");
  connection.hide();
  for (let second = 0; second < 50; second += 10, beat()) await clock.pass(10_000);
  assert.equal(latest().closed, false);
  await clock.pass(10_000);
  assert.equal(latest().closed, true);
  await clock.pass(600_000);
  assert.equal(sources.length, 1);
  connection.show();
  assert.equal(sources.length, 2);
});

test("a tab that is hidden for a moment keeps its stream", async () => {
  const { clock, connection, sources, latest } = start();
  connection.follow("all");
  connection.hide();
  await clock.pass(10_000);
  connection.show();
  latest().say("beat");
  await clock.pass(39_000);
  latest().say("beat");
  await clock.pass(39_000);
  assert.deepEqual([sources.length, latest().closed], [1, false]);
});

test("a tab that is visible again does not wait for the next attempt", async () => {
  const { clock, connection, sources, latest } = start();
  connection.follow("all");
  latest().onerror?.();
  connection.hide();
  connection.show();
  assert.equal(sources.length, 2);
  // The planned attempt does not run in addition.
  await clock.pass(30_000);
  assert.equal(sources.length, 2);
});
