// @ts-check
// Shows the stream of changes on the page: its state, the age of the figures, and marks on elements that have just changed.

/** @import { LiveMessage, LiveState } from "./live_connection.js" */

// The elements that are marked when they change. A row is marked as a whole.
const PLACES = "main :is(tr, .figure, li:not(tr li))";
const ANNOUNCE_MS = 5_000; // The shortest time between two announcements for screen readers.

/**
 * The text of an element, without its ages, which change by themselves.
 * @param {Element} place
 */
function textOf(place) {
  const copy = /** @type {Element} */ (place.cloneNode(true));
  for (const time of copy.querySelectorAll("time")) time.remove();
  return copy.textContent ?? "";
}

export class LiveView {
  #page;
  #now;
  /** @type {string | undefined} The server's time at the last message. */
  #serverTime;
  #messageAt;
  /** @type {number | undefined} The number of events of the page's subject. */
  #events;
  #paused = false;
  #announcedAt = 0;

  /**
   * @param {Document} page
   * @param {() => number} now
   */
  constructor(page, now = () => Date.now()) {
    this.#page = page;
    this.#now = now;
    this.#messageAt = now();
  }

  /**
   * Shows the state of the stream. The style sheet and tests read it from `data-live` of the root.
   * @param {LiveState} state
   * @param {LiveMessage} [message]
   */
  publishState(state, message) {
    this.#page.documentElement.dataset.live = state;
    if (message) {
      this.#messageAt = this.#now();
      this.#serverTime = message.now;
      this.#events = message.events ?? this.#events;
    }
    this.draw();
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    this.#paused = paused;
    this.draw();
  }

  /** Called when another page is shown. */
  reset() {
    this.#events = undefined;
    this.#paused = false;
  }

  /** Updates the banner and the button "Pause" of the page that is shown. */
  draw() {
    const { live: state } = this.#page.documentElement.dataset;
    const banner = this.#page.getElementById("live-off");
    if (banner) {
      banner.hidden = state !== "off";
      const age = banner.querySelector("[data-age]");
      if (age && !banner.hidden) age.textContent = this.#age();
    }
    const button = this.#page.getElementById("pause");
    if (!button) return;
    button.hidden = state !== "on" && state !== "off";
    button.setAttribute("aria-pressed", String(this.#paused));
    const more = Math.max(0, (this.#events ?? 0) - Number(button.dataset.shown));
    if (!this.#paused) button.textContent = "Pause";
    else button.textContent = more ? `Resume · ${more} new` : "Resume";
  }

  #age() {
    if (!this.#serverTime) return "The figures are those that the page was loaded with.";
    const minutes = Math.floor((this.#now() - this.#messageAt) / 60_000);
    const at = `${this.#serverTime.slice(0, 19).replace("T", " ")} UTC`;
    return minutes ? `Figures are from ${at} (${minutes} min ago).` : `Figures are from ${at}.`;
  }

  /**
   * Marks the elements that are different when `change` is done, and announces their number.
   * @param {Promise<boolean>} change
   */
  async markChanges(change) {
    const before = new Set([...this.#page.querySelectorAll(PLACES)].map(textOf));
    const observer = new MutationObserver((records) => this.#mark(records, before));
    observer.observe(this.#page.body, { subtree: true, childList: true, characterData: true });
    const result = await change;
    this.#mark(observer.takeRecords(), before);
    observer.disconnect();
    return result;
  }

  /**
   * @param {MutationRecord[]} records
   * @param {Set<string>} before The texts before the change. An element that was only created anew has the same text.
   */
  #mark(records, before) {
    /** @type {Set<Element>} */
    const changed = new Set();
    for (const { type, target, addedNodes } of records) {
      for (const node of type === "characterData" ? [target] : addedNodes) {
        const element = /** @type {Element | null} */ (node.nodeType === 1 ? node : node.parentElement);
        if (!element) continue;
        if (element === node) for (const place of element.querySelectorAll(PLACES)) changed.add(place);
        const around = element.closest(PLACES);
        if (around) changed.add(around);
      }
    }
    for (const place of changed) if (before.has(textOf(place))) changed.delete(place);
    for (const place of changed) place.classList.remove("is-fresh");
    void this.#page.body.offsetWidth; // Restarts the animation of an element.
    for (const place of changed) place.classList.add("is-fresh");
    this.#announce(changed.size);
  }

  /** @param {number} count */
  #announce(count) {
    const place = this.#page.getElementById("live-said");
    if (!place || !count || this.#now() - this.#announcedAt < ANNOUNCE_MS) return;
    this.#announcedAt = this.#now();
    place.textContent = count === 1 ? "1 place on this page has changed." : `${count} places on this page have changed.`;
  }
}
