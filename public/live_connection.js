// @ts-check
// The stream of changes of one tab: server-sent events from `GET /live`. Reports the state of the stream, and changes.
//
//   state   when
//   none    the page has no topic
//   on      a message arrived
//   off     the stream was lost and the first attempt to open it again failed
//
// A stream is lost on an error, after a silence, and when the server ends it. Attempts to open it again have an exponential
// back-off with random jitter, so that browsers that were cut off together do not return together.

/**
 * @typedef {"none" | "on" | "off"} LiveState
 *
 * @typedef {object} LiveMessage
 * @property {string} now The server's clock.
 * @property {number} [events] How many events the topic's subject has.
 *
 * @typedef {object} Options
 * @property {string} [cursor] The feed position at which the page was rendered.
 * @property {(state: LiveState, message?: LiveMessage) => void} onState
 * @property {() => void} onChange Called when the page may be out of date.
 */

const HIDDEN_MS = 60_000; // The stream of a hidden tab is closed after this time.
const SILENCE_MS = 40_000; // The server sends something every 15 seconds.
const RETRY_MS = 500;
const RETRY_MAX_MS = 30_000;

// Functions that tests replace.
const BROWSER = {
  /** @param {string} url */
  openSource: (url) => new EventSource(url),
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

const NOTHING = () => {};

export class LiveConnection {
  /** @type {string | undefined} */
  topic;
  #options;
  #host;
  /** @type {string | undefined} The id of the last message. */
  #cursor;
  /** @type {Pick<EventSource, "close"> | undefined} */
  #source;
  #failures = 0;
  // Each of these cancels a timer.
  #stopRetry = NOTHING;
  #stopSilence = NOTHING;
  #stopHidden = NOTHING;

  /**
   * @param {Options} options
   * @param {typeof BROWSER} host
   */
  constructor(options, host = BROWSER) {
    this.#options = options;
    this.#host = host;
    this.#cursor = options.cursor;
  }

  /**
   * Changes the topic.
   * @param {string | undefined} topic
   */
  follow(topic) {
    this.topic = topic;
    this.close();
    if (topic) this.open();
    else this.#options.onState("none");
  }

  open() {
    this.close();
    if (!this.topic) return;
    const query = new URLSearchParams({ topic: this.topic });
    if (this.#cursor) query.set("from", this.#cursor);
    const source = this.#host.openSource(`/live?${query}`);
    this.#source = source;
    source.onerror = () => this.#lost();
    for (const name of ["hello", "beat"]) source.addEventListener(name, (event) => this.#onMessage(event));
    for (const name of ["changed", "reread", "stores"]) {
      source.addEventListener(name, (event) => {
        this.#onMessage(event);
        this.#options.onChange();
      });
    }
    for (const name of ["bye", "end"]) source.addEventListener(name, () => this.#lost());
    this.#awaitMessage();
  }

  close() {
    this.#stopRetry();
    this.#stopSilence();
    this.#source?.close();
    this.#source = undefined;
  }

  /** Called when the tab is hidden. */
  hide() {
    this.#stopHidden();
    this.#stopHidden = this.#host.after(() => this.close(), HIDDEN_MS);
  }

  /** Called when the tab is visible again. */
  show() {
    this.#stopHidden();
    if (this.topic && !this.#source) this.open();
  }

  /** @param {MessageEvent} event */
  #onMessage(event) {
    this.#failures = 0;
    this.#cursor = event.lastEventId || this.#cursor;
    this.#awaitMessage();
    this.#options.onState("on", JSON.parse(event.data));
  }

  #awaitMessage() {
    this.#stopSilence();
    this.#stopSilence = this.#host.after(() => this.#lost(), SILENCE_MS);
  }

  #lost() {
    this.close();
    // A stream that opens again at the first attempt is not reported as off.
    if (this.#failures > 0) this.#options.onState("off");
    const delay = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.#failures++) * (0.5 + this.#host.random());
    this.#stopRetry = this.#host.after(() => this.open(), delay);
  }
}
