// @ts-check
// Decides when the page is fetched again after changes: not too often, and not while the reader holds it still.

/**
 * @typedef {object} Options
 * @property {() => Promise<boolean>} reload Fetches the page again. False if something else was under way.
 * @property {() => boolean} isSliding The reader holds the slider of time travel.
 */

// In a storm of changes the page is fetched again this often. The server allows a reader more than that.
const PACE_MS = 1_200;

// What tests replace.
const BROWSER = {
  now: () => Date.now(),
  /**
   * @param {() => void} run
   * @param {number} ms
   */
  after: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

export class LiveRefresh {
  /** The reader holds the timeline still. */
  paused = false;
  #options;
  #host;
  // Something changed while the page was held still.
  #missed = false;
  #lastAt = 0;
  #stopWaiting = () => {};

  /**
   * @param {Options} options
   * @param {typeof BROWSER} host
   */
  constructor(options, host = BROWSER) {
    this.#options = options;
    this.#host = host;
  }

  /** Something changed. Fetches the page soon, and not at the same moment as every other reader. */
  request() {
    this.#stopWaiting();
    const pace = PACE_MS * (0.75 + this.#host.random() / 2);
    this.#stopWaiting = this.#host.after(() => this.#run(), Math.max(0, this.#lastAt + pace - this.#host.now()));
  }

  togglePause() {
    this.paused = !this.paused;
    this.catchUp();
  }

  /** Fetches the page if it missed something and is no longer held still. */
  catchUp() {
    if (this.#missed && !this.paused) this.#run();
  }

  /** Another page is shown. */
  reset() {
    this.paused = false;
    this.#missed = false;
  }

  async #run() {
    this.#missed = this.paused || this.#options.isSliding();
    if (this.#missed) return;
    this.#lastAt = this.#host.now();
    if (!(await this.#options.reload())) this.request();
  }
}
