// @ts-check
// Decides when the page is fetched again after changes: not too often, and not while it is paused or the slider is held.

/**
 * @typedef {object} Options
 * @property {() => Promise<boolean>} reload Fetches the page again. False if another request was running.
 * @property {() => boolean} isSliding The reader holds the slider of time travel.
 */

// The shortest time between two fetches while there are many changes. The server's limit allows more than that.
const PACE_MS = 1_200;

// Functions that tests replace.
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
  /** The reader has paused the timeline. */
  paused = false;
  #options;
  #host;
  // A change came while the page was paused or the slider was held.
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

  /** Schedules a fetch after a change, at a random moment, so that readers do not fetch at the same time. */
  request() {
    this.#stopWaiting();
    const pace = PACE_MS * (0.75 + this.#host.random() / 2);
    this.#stopWaiting = this.#host.after(() => this.#run(), Math.max(0, this.#lastAt + pace - this.#host.now()));
  }

  togglePause() {
    this.paused = !this.paused;
    this.catchUp();
  }

  /** Fetches the page if it missed a change and is not paused any more. */
  catchUp() {
    if (this.#missed && !this.paused) this.#run();
  }

  /** Called when another page is shown. */
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
