// @ts-check
// Goes from page to page in place: fetches the next page from the server and changes the one on the screen into it. Every link
// and form works without this file. With it they are quicker, and the page keeps the focus and what the reader typed.
//
// rel="external"      a link that the browser follows itself; a form has data-external instead
// data-noscroll       a link that keeps the scroll position
// data-at-once        a form that is submitted as soon as the reader chooses something in it
// data-address        a form's shortest address for the same query
// data-replace        a form whose answer replaces this page in the history
// data-answer         a form whose answer is shown on this page, in the template with that id
// data-refresh-seconds  an element that is fetched again after so many seconds, from this page or the one in data-refresh-from
// data-scripted       a button that works with scripts only, and is disabled until then
// data-pending        a button's text while its form is being submitted
import { morph } from "./morph.js";

/**
 * @typedef {object} NavigateOptions
 * @property {URLSearchParams} [fields] Sends these by POST.
 * @property {boolean} [replace] Replaces the current entry of the history.
 * @property {boolean} [stay] Keeps the scroll position, unless the path changes.
 * @property {boolean} [back] The browser has changed the address already, by its back or forward button.
 * @property {boolean} [quiet] Fetches the same page again in the background, and keeps what the reader typed and opened.
 * @property {string | null} [form] The `action` of the form whose answer this is.
 */

const root = document.documentElement;
const HTML = { accept: "text/html" };
// The header marks a background request, which does not keep the session from becoming idle.
const UNASKED = { ...HTML, "x-unasked": "1" };
// The server returns a refused form with these parameters. The page shows them; they are removed from the address.
const [SENT_PATH, SENT_ERROR] = ["__path", "__err"];
const PENDING_AFTER = 150; // Milliseconds until the page shows that it is loading.

/** @type {AbortController | undefined} The request of the latest navigation, until it is done. */
let request;
let submitting = false;
/** @type {Set<HTMLElement>} The elements with `data-refresh-seconds` that have a timer. */
const scheduled = new Set();

/** @param {Response} response */
const isHtml = (response) => response.headers.get("content-type")?.startsWith("text/html");
/** @param {string} text */
const parse = (text) => new DOMParser().parseFromString(text, "text/html");
/** @param {Document} page */
const styleSheet = (page) => page.querySelector('link[rel="stylesheet"]')?.getAttribute("href");
/**
 * @param {URL} a
 * @param {URL | Location} b
 */
const samePath = (a, b) => a.pathname === b.pathname;

/**
 * Navigates to `url`. A quiet navigation is skipped while another request is running.
 * @param {string} url
 * @param {NavigateOptions} [options]
 * @returns {Promise<boolean>} False if a quiet navigation was skipped.
 */
export async function navigate(url, options = {}) {
  const { fields, quiet } = options;
  if (quiet && (request || submitting)) return false;
  request?.abort();
  const own = (request = new AbortController());
  const pending = quiet ? undefined : setTimeout(() => root.setAttribute("data-waits", ""), PENDING_AFTER);
  try {
    const response = await fetch(url, {
      method: fields ? "POST" : "GET",
      body: fields,
      headers: quiet ? UNASKED : HTML,
      signal: own.signal,
    });
    const text = await response.text();
    if (request !== own) return true;
    if (!isHtml(response)) {
      if (fields) showProblem(text || `The server answered with ${response.status}.`);
      else if (!quiet) location.assign(url);
      return true;
    }
    const target = new URL(response.url);
    target.hash = new URL(url, location.href).hash;
    const page = parse(text);
    // The page is of another release, or a quiet navigation was redirected: the browser loads the page from scratch.
    if (styleSheet(page) !== styleSheet(document) || (quiet && !samePath(target, location))) {
      location.assign(target);
      return true;
    }
    show(page, target, response.redirected, options);
  } catch (error) {
    const stopped = error instanceof Error && error.name === "AbortError";
    if (request !== own || stopped || quiet) return true;
    showProblem(
      fields
        ? "Check the connection and send the form again. A repeated form has no second effect."
        : "Check the connection. The page shows what was loaded last.",
      "The server can't be reached",
    );
  } finally {
    if (request === own) {
      request = undefined;
      root.removeAttribute("data-waits");
    }
    clearTimeout(pending);
  }
  return true;
}

/**
 * Shows a page that was fetched.
 * @param {Document} page
 * @param {URL} target
 * @param {boolean} redirected
 * @param {NavigateOptions} options
 */
function show(page, target, redirected, { fields, replace, stay, back, quiet, form }) {
  const here = new URL(location.href);
  const refused = target.searchParams.has(SENT_ERROR);
  target.searchParams.delete(SENT_PATH);
  target.searchParams.delete(SENT_ERROR);
  if (form && !redirected) {
    /** @type {NodeListOf<HTMLFormElement>} */
    const forms = page.querySelectorAll("form[data-address]");
    const same = [...forms].find((other) => other.getAttribute("action") === form);
    if (same) target.href = new URL(same.dataset.address ?? "", target).href;
  }
  if (!quiet && !back) {
    saveScroll();
    const state = { y: 0 };
    if (replace || target.href === here.href) history.replaceState(state, "", target);
    else history.pushState(state, "", target);
  }
  document.title = page.title;
  // After a refusal, typed text is kept. On the same page, opened elements stay open.
  const open = Boolean(stay && samePath(target, here));
  const typed = Boolean(quiet || (fields && refused) || (open && form));
  morph(document.body, page.body, { typed, open: open || typed });
  if (fields) clearPasswords();
  afterChange();
  if (quiet) return;
  if (back) scrollTo(0, history.state?.y ?? 0);
  else if (!stay || !samePath(target, here)) {
    if (target.hash) document.getElementById(decodeURIComponent(target.hash.slice(1)))?.scrollIntoView();
    else scrollTo(0, 0);
  }
  /** @type {HTMLElement | null} */
  const first = document.querySelector("[autofocus]");
  if (first) first.focus();
  else if (!samePath(target, here)) document.getElementById("main")?.focus({ preventScroll: true });
}

// Clears the passwords, so that a submitted password can't be read from the page.
function clearPasswords() {
  /** @type {NodeListOf<HTMLInputElement>} */
  const fields = document.querySelectorAll('input[type="password"]');
  for (const field of fields) field.value = "";
}

/**
 * Shows an error at the top of the page.
 * @param {string} text
 * @param {string} [title]
 */
function showProblem(text, title = "The request failed") {
  document.getElementById("page-trouble")?.remove();
  const notice = instantiate("page-trouble-form")?.firstElementChild;
  if (!(notice instanceof HTMLElement)) return;
  notice.id = "page-trouble";
  for (const place of notice.querySelectorAll(".notice-title")) place.textContent = title;
  for (const place of notice.querySelectorAll("p:not(.notice-title)")) place.textContent = text;
  document.getElementById("main")?.prepend(notice);
  notice.focus();
}

/**
 * Copies the content of a template.
 * @param {string} id
 */
function instantiate(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) return undefined;
  return /** @type {DocumentFragment} */ (template.content.cloneNode(true));
}

// Runs after every change of the page.
function afterChange() {
  /** @type {NodeListOf<HTMLButtonElement>} */
  const buttons = document.querySelectorAll("[data-scripted]");
  for (const button of buttons) button.disabled = false;
  /** @type {NodeListOf<HTMLElement>} */
  const places = document.querySelectorAll("[data-refresh-seconds]");
  for (const place of places) {
    if (scheduled.has(place)) continue;
    scheduled.add(place);
    setTimeout(refreshPlace, Number(place.dataset.refreshSeconds) * 1000, place);
  }
  dispatchEvent(new Event("page"));
}

/**
 * Fetches one element again. The rest of the page is not changed, because the reader may be working on it.
 * @param {HTMLElement} place
 */
async function refreshPlace(place) {
  if (!document.hidden && !request && !submitting && place.isConnected) {
    try {
      const response = await fetch(place.dataset.refreshFrom ?? location.href, { headers: UNASKED });
      const page = isHtml(response) && !response.redirected && parse(await response.text());
      const fresh = page && !request && page.getElementById(place.id);
      if (fresh) morph(place, fresh, { typed: true, open: true });
    } catch {
      // The next attempt may work. Parts of the page that need the server report the problem themselves.
    }
  }
  scheduled.delete(place);
  if (place.isConnected) afterChange();
}

function saveScroll() {
  history.replaceState({ ...history.state, y: scrollY }, "");
}

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.altKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement)) return;
  if (link.target || link.hasAttribute("download") || link.relList.contains("external")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin) return;
  event.preventDefault();
  navigate(url.href, { stay: "noscroll" in link.dataset });
});

addEventListener("change", (event) => {
  const { target } = event;
  const form = target instanceof Element && "form" in target ? target.form : null;
  if (form instanceof HTMLFormElement && "atOnce" in form.dataset) form.requestSubmit();
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || "external" in form.dataset) return;
  event.preventDefault();
  if (form.method === "get") submitQuery(form, event.submitter);
  else submit(form, event.submitter);
});

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
function fieldsOf(form, submitter) {
  const fields = new URLSearchParams();
  // These forms have no files.
  for (const [name, value] of new FormData(form, submitter)) fields.append(name, String(value));
  return fields;
}

/**
 * Submits a form by GET. Empty fields are left out of the address.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
function submitQuery(form, submitter) {
  const action = form.getAttribute("action");
  const url = new URL(action ?? "", location.href);
  const fields = fieldsOf(form, submitter);
  for (const [name, value] of [...fields]) if (!value) fields.delete(name);
  url.search = fields.toString();
  const changed = url.search !== location.search || !samePath(url, location);
  navigate(url.href, { stay: true, replace: "replace" in form.dataset || !changed, form: action });
}

/**
 * Submits a form by POST. A second press while the first request is running does nothing.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function submit(form, submitter) {
  if (submitting) return;
  const url = new URL(form.getAttribute("action") ?? "", location.href);
  const fields = fieldsOf(form, submitter);
  const button = submitter instanceof HTMLButtonElement ? submitter : undefined;
  const [text, pending] = [button?.textContent, button?.dataset.pending];
  submitting = true;
  if (button) {
    button.disabled = true;
    if (pending) button.textContent = pending;
  }
  try {
    if (form.dataset.answer) await submitForAnswer(form, url, fields, form.dataset.answer);
    else await navigate(url.href, { fields });
  } finally {
    submitting = false;
    if (button) {
      button.disabled = false;
      if (pending && button.textContent === pending) button.textContent = text ?? "";
    }
  }
}

/**
 * Submits a form whose answer is shown once and is not part of a page, such as a new password.
 * @param {HTMLFormElement} form
 * @param {URL} url
 * @param {URLSearchParams} fields
 * @param {string} template The id of the template that shows the answer.
 */
async function submitForAnswer(form, url, fields, template) {
  try {
    const response = await fetch(url, { method: "POST", body: fields, headers: { accept: "application/json" } });
    const text = await response.text();
    const back = new URL(location.href);
    if (!response.ok) {
      // The server returns a form in the same way to a browser without scripts.
      back.searchParams.set(SENT_PATH, url.pathname);
      back.searchParams.set(SENT_ERROR, base64(text));
      await navigate(back.href, { stay: true, replace: true, form: form.getAttribute("action") });
      clearPasswords();
      return;
    }
    await navigate(back.href, { stay: true, replace: true });
    const notice = instantiate(template);
    if (!notice) return;
    for (const [name, value] of Object.entries(JSON.parse(text))) {
      for (const place of notice.querySelectorAll(`[data-fill="${name}"]`)) place.textContent = value;
      const unfit = value === null ? "data-with" : "data-without";
      for (const place of notice.querySelectorAll(`[${unfit}="${name}"]`)) place.remove();
    }
    document.getElementById("answer")?.replaceChildren(notice);
  } catch {
    showProblem("Check the connection. Check whether the change was made before you send the form again.", "The server can't be reached");
  }
}

/** @param {string} text */
const base64 = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("+", "-").replaceAll("/", "_");

addEventListener("popstate", () => navigate(location.href, { back: true }));
addEventListener("pagehide", saveScroll);

history.scrollRestoration = "manual";
if (history.state?.y) scrollTo(0, history.state.y);

/** @type {Promise<{ page: (go: typeof navigate) => void }> | undefined} The WebAssembly, which replays a wallet's history. */
let program;

// Runs the WebAssembly on pages that use it. It is fetched for the first of them.
async function runProgram() {
  if (!document.querySelector("[data-program]")) return;
  /** @type {HTMLMetaElement | null} */
  const meta = document.querySelector('meta[name="program"]');
  const [js, wasm] = (meta?.content ?? "").split(" ");
  program ??= import(js).then(async (module) => {
    await module.default({ module_or_path: wasm });
    return module;
  });
  try {
    (await program).page(navigate);
  } catch (error) {
    // The page works without the WebAssembly. The next page that uses it tries again.
    program = undefined;
    console.error(error);
  }
}
addEventListener("page", runProgram);
afterChange();
runProgram().finally(() => root.setAttribute("data-ready", ""));
