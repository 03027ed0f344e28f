// Goes from page to page without loading the next one anew: asks the server for it and makes what is on the screen say the
// same. Every link and form works without this file; it makes them quicker, and keeps the focus and what was typed.
//
// rel="external"      a link that the browser follows itself; a form says so by data-external
// data-noscroll       a link that leaves the page where it is scrolled
// data-at-once        a form that asks as soon as something in it is chosen
// data-address        a form's page: the address that asks the same in the shortest way
// data-replace        a form whose answer takes the place of this page in the history
// data-answer         a form whose answer is shown in this page, by the template of that id
// data-again          an element that is asked for again after so many seconds: from this page, or from that of data-from
// data-scripted       a button that does nothing without scripts, and is off until then
// data-pending        what a button says while what it sends is on its way
import { morph } from "/morph.js";

const root = document.documentElement;
const HTML = { accept: "text/html" };
// Nobody asked: such a question does not keep a session from going idle.
const UNASKED = { ...HTML, "x-unasked": "1" };
// What a form that was not taken comes back with: it is shown, and not left in the address.
const [SENT_PATH, SENT_ERROR] = ["__path", "__err"];
const PENDING = 150; // Until then nobody has noticed that there is something to wait for.

let flight; // The question under way: { control, quiet }.
let sending = false;
const again = new Map(); // The places that are asked for again, with their timers.

const html = (response) => response.headers.get("content-type")?.startsWith("text/html");
const parse = (text) => new DOMParser().parseFromString(text, "text/html");
const styles = (from) => from.querySelector('link[rel="stylesheet"]')?.getAttribute("href");
const samePlace = (a, b) => a.pathname === b.pathname;

// Goes to `url`. `send`: the fields to be posted there; `quiet`: the same page again, with all that the reader did to it.
// Whether it was tried: not quietly while something else is on its way.
export async function visit(url, { send, replace, stay, back, quiet, form } = {}) {
  if (quiet && (flight || sending)) return false;
  flight?.control.abort();
  const own = (flight = { control: new AbortController(), quiet });
  const waits = quiet ? 0 : setTimeout(() => root.setAttribute("data-waits", ""), PENDING);
  try {
    const response = await fetch(url, {
      method: send ? "POST" : "GET",
      body: send,
      headers: quiet ? UNASKED : HTML,
      signal: own.control.signal,
    });
    const text = await response.text();
    if (flight !== own) return true;
    if (!html(response)) {
      if (send) trouble(text || `The server answered with ${response.status}.`);
      else if (!quiet) location.assign(url);
      return true;
    }
    const there = new URL(response.url);
    there.hash = new URL(url, location.href).hash;
    const page = parse(text);
    // Another release, or no longer this reader's: nothing to be pieced together.
    if (styles(page) !== styles(document) || (quiet && !samePlace(there, location))) {
      location.assign(there);
      return true;
    }
    show(page, there, { ...own, send, replace, stay, back, form, redirected: response.redirected });
  } catch (error) {
    if (flight !== own || error.name === "AbortError" || quiet) return true;
    trouble(
      send
        ? "Check the connection and send the form again. Sending it twice does nothing twice."
        : "Check the connection. What is on the page is as it was when it was last loaded.",
      "The server can't be reached",
    );
  } finally {
    if (flight === own) {
      flight = undefined;
      root.removeAttribute("data-waits");
    }
    clearTimeout(waits);
  }
  return true;
}

function show(page, there, { quiet, send, replace, stay, back, form, redirected }) {
  const here = new URL(location.href);
  const refused = there.searchParams.has(SENT_ERROR);
  there.searchParams.delete(SENT_PATH);
  there.searchParams.delete(SENT_ERROR);
  if (form && !redirected) {
    const forms = [...page.querySelectorAll("form[data-address]")];
    const same = forms.find((other) => other.getAttribute("action") === form);
    if (same) there.href = new URL(same.dataset.address, there);
  }
  if (!quiet && !back) {
    remember();
    const state = { y: 0 };
    if (replace || there.href === here.href) history.replaceState(state, "", there);
    else history.pushState(state, "", there);
  }
  document.title = page.title;
  // What was typed is unsent still after a refusal; what was opened stays on the same page.
  const open = stay && samePlace(there, here);
  const typed = quiet || (send && refused) || (open && form);
  morph(document.body, page.body, { typed, open: open || typed });
  if (send) forget();
  begin();
  if (quiet) return;
  if (back) scrollTo(0, history.state?.y ?? 0);
  else if (!stay || !samePlace(there, here)) {
    if (there.hash) document.getElementById(decodeURIComponent(there.hash.slice(1)))?.scrollIntoView();
    else scrollTo(0, 0);
  }
  const first = document.querySelector("[autofocus]");
  if (first) first.focus();
  else if (!samePlace(there, here)) document.getElementById("main")?.focus({ preventScroll: true });
}

// A password that was sent is not kept where it can be read.
function forget() {
  for (const field of document.querySelectorAll('input[type="password"]')) field.value = "";
}

// Says at the top of the page what did not work.
function trouble(text, title = "That did not work") {
  document.getElementById("page-trouble")?.remove();
  const told = document.getElementById("page-trouble-form")?.content.firstElementChild.cloneNode(true);
  if (!told) return;
  told.id = "page-trouble";
  told.querySelector(".notice-title").textContent = title;
  told.querySelector("p:not(.notice-title)").textContent = text;
  document.getElementById("main").prepend(told);
  told.focus();
}

// After every change of the page: what a script has to do about it.
function begin() {
  for (const button of document.querySelectorAll("[data-scripted]")) button.disabled = false;
  for (const place of document.querySelectorAll("[data-again]")) {
    if (!again.has(place)) again.set(place, setTimeout(askAgain, place.dataset.again * 1000, place));
  }
  dispatchEvent(new Event("page"));
}

// Only that place is made anew: the rest of the page may be something that a person is deciding about.
async function askAgain(place) {
  if (!document.hidden && !flight && !sending && place.isConnected) {
    try {
      const response = await fetch(place.dataset.from ?? location.href, { headers: UNASKED });
      const page = html(response) && !response.redirected && parse(await response.text());
      const fresh = page && !flight && page.getElementById(place.id);
      if (fresh) morph(place, fresh, { typed: true, open: true });
    } catch {
      // Whatever needs the server says so itself.
    }
  }
  again.delete(place);
  if (place.isConnected) begin();
}

function remember() {
  history.replaceState({ ...history.state, y: scrollY }, "");
}

addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.altKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download") || link.relList.contains("external")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin) return;
  event.preventDefault();
  visit(url.href, { stay: "noscroll" in link.dataset });
});

addEventListener("change", (event) => {
  const form = event.target.form;
  if (form && "atOnce" in form.dataset) form.requestSubmit();
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || "external" in form.dataset) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const action = form.getAttribute("action");
  const url = new URL(action, location.href);
  if (form.method === "get") {
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    url.search = fields;
    const asked = url.search !== location.search || !samePlace(url, location);
    visit(url.href, { stay: true, replace: "replace" in form.dataset || !asked, form: action });
    return;
  }
  // Once is enough, however often it is pressed.
  if (sending) return;
  sending = true;
  const button = event.submitter;
  const [word, pending] = [button?.textContent, button?.dataset.pending];
  if (button) button.disabled = true;
  if (pending) button.textContent = pending;
  const sent = "answer" in form.dataset ? answer(url, fields, form) : visit(url.href, { send: fields });
  sent.finally(() => {
    sending = false;
    if (!button) return;
    button.disabled = false;
    if (pending && button.textContent === pending) button.textContent = word;
  });
});

// Sends a form whose answer is seen once and is in no page.
async function answer(url, fields, form) {
  const { answer: id } = form.dataset;
  try {
    const response = await fetch(url, { method: "POST", body: fields, headers: { accept: "application/json" } });
    const text = await response.text();
    const back = new URL(location.href);
    if (!response.ok) {
      // As the server sends a form back that came without a script.
      back.searchParams.set(SENT_PATH, url.pathname);
      back.searchParams.set(SENT_ERROR, base64(text));
      await visit(back.href, { stay: true, replace: true, form: form.getAttribute("action") });
      forget();
      return;
    }
    await visit(back.href, { stay: true, replace: true });
    const told = document.getElementById(id).content.cloneNode(true);
    for (const [name, value] of Object.entries(JSON.parse(text))) {
      for (const place of told.querySelectorAll(`[data-put="${name}"]`)) place.textContent = value;
      if (value === null) for (const place of told.querySelectorAll(`[data-with="${name}"]`)) place.remove();
      else for (const place of told.querySelectorAll(`[data-without="${name}"]`)) place.remove();
    }
    document.getElementById("answer").replaceChildren(told);
  } catch {
    trouble("Check the connection and look whether it happened before you send it again.", "The server can't be reached");
  }
}

const base64 = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("+", "-").replaceAll("/", "_");

addEventListener("popstate", () => visit(location.href, { back: true }));
addEventListener("pagehide", remember);

history.scrollRestoration = "manual";
if (history.state?.y) scrollTo(0, history.state.y);

// The program, which replays in the browser, is fetched by the pages that have a use for it.
let program;
async function run() {
  if (!document.querySelector("[data-program]")) return;
  const [js, wasm] = document.querySelector('meta[name="program"]').content.split(" ");
  program ??= import(js).then(async (module) => {
    await module.default({ module_or_path: wasm });
    return module;
  });
  try {
    (await program).page(visit);
  } catch (error) {
    // The page reads without it; the next one that has a use for it tries again.
    program = undefined;
    console.error(error);
  }
}
addEventListener("page", run);
begin();
run().finally(() => root.setAttribute("data-ready", ""));
