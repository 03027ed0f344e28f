// @ts-check
// A clock that a test advances by hand.

export class Clock {
  time = 1_000_000;
  /** @type {Set<{ at: number, run: () => void }>} */
  #timers = new Set();
  /** The value that `random` returns. */
  chance = 0.5;

  now = () => this.time;
  random = () => this.chance;

  /**
   * @param {() => void} run
   * @param {number} ms
   */
  after = (run, ms) => {
    const timer = { at: this.time + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /**
   * Advances the clock by `ms` and runs all timers that are due, in order.
   * @param {number} ms
   */
  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.time = due.at;
      due.run();
      await settled();
    }
    this.time = end;
    await settled();
  }
}

/** Waits until all callbacks of resolved promises have run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
