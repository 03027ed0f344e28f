// @ts-check
// What the page shows of the stream of changes.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { LiveView } from "../../public/live_view.js";
import { Clock } from "./clock.js";
import { find, makePage } from "./page.js";

const MESSAGE = { now: "2026-03-01T10:20:30.123Z" };

let clock = new Clock();
let page = makePage("");
let view = new LiveView(page);

/** @param {string} selector */
const text = (selector) => find(page, selector).textContent;

beforeEach(() => {
  clock = new Clock();
  page = makePage(`
    <div id="live-off" hidden><p data-age></p></div>
    <p id="live-said"></p>
    <main>
      <button id="pause" data-shown="3" hidden>Pause</button>
      <div class="figure">Posted 1.00</div>
      <table><tbody>
        <tr id="a"><td>a <time>1 min ago</time><ul><li>fact</li></ul></td></tr>
        <tr id="b"><td>b</td></tr>
      </tbody></table>
    </main>`);
  globalThis.MutationObserver = page.defaultView?.MutationObserver ?? assert.fail();
  view = new LiveView(page, clock.now);
});

test("the banner is shown while the stream is off, with the age of the figures", async () => {
  const banner = find(page, "#live-off");
  view.publishState("off");
  assert.equal(page.documentElement.dataset.live, "off");
  assert.equal(banner.hidden, false);
  assert.equal(text("[data-age]"), "The figures are those that the page was loaded with.");
  view.publishState("on", MESSAGE);
  assert.equal(banner.hidden, true);
  view.publishState("off");
  assert.equal(text("[data-age]"), "Figures are from 2026-03-01 10:20:30 UTC.");
  await clock.pass(150_000);
  view.draw();
  assert.equal(text("[data-age]"), "Figures are from 2026-03-01 10:20:30 UTC (2 min ago).");
});

test("the button pauses the timeline and shows the number of new events", () => {
  const button = find(page, "#pause");
  view.publishState("none");
  assert.equal(button.hidden, true);
  view.publishState("on", { ...MESSAGE, events: 5 });
  assert.deepEqual([button.hidden, button.textContent, button.getAttribute("aria-pressed")], [false, "Pause", "false"]);
  view.setPaused(true);
  assert.deepEqual([button.textContent, button.getAttribute("aria-pressed")], ["Resume · 2 new", "true"]);
  // A message without a count does not change the button.
  view.publishState("on", MESSAGE);
  assert.equal(button.textContent, "Resume · 2 new");
  view.reset();
  view.draw();
  assert.equal(button.textContent, "Pause");
});

/** @param {() => void} change */
const change = (change) => view.markChanges(Promise.resolve().then(change).then(() => true));
const marked = () => [...page.querySelectorAll(".is-fresh")].map((place) => place.id || place.className);

test("a row with new text is marked as a whole, and announced", async () => {
  assert.equal(await change(() => (find(page, "#a li").firstChild.nodeValue = "new")), true);
  assert.deepEqual(marked(), ["a"]);
  assert.equal(text("#live-said"), "1 place on this page has changed.");
});

test("a row that is rendered anew with the same text is not marked, and neither is a new age", async () => {
  await change(() => {
    find(page, "#b").outerHTML = '<tr id="b"><td>b</td></tr>';
    find(page, "time").textContent = "2 min ago";
  });
  assert.deepEqual(marked(), []);
  assert.equal(text("#live-said"), "");
});

test("changes at other times are not marked", async () => {
  await change(() => {});
  find(page, "#b td").textContent = "typed";
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(marked(), []);
});

test("changes are announced at most every five seconds", async () => {
  const both = (/** @type {string} */ text) =>
    change(() => {
      find(page, "#b td").textContent = text;
      find(page, ".figure").textContent = `Posted ${text}`;
    });
  await both("2.00");
  assert.equal(text("#live-said"), "2 places on this page have changed.");
  find(page, "#live-said").textContent = "";
  await clock.pass(4_000);
  await both("3.00");
  assert.equal(text("#live-said"), "");
  await clock.pass(1_500);
  await both("4.00");
  assert.equal(text("#live-said"), "2 places on this page have changed.");
});
