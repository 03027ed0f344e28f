// Listens to what changes, and has the page asked for again: one stream a tab, while the tab is seen. What the page is about
// stands in the attribute data-topic of #live; how the stream is, in data-live of the root.
import { visit } from "/page.js";

const root = document.documentElement;
const HIDDEN_FOR = 60_000; // A tab that nobody sees lets go of its stream after a minute.
const SILENCE = 40_000; // The server says something every 15 seconds; after this there is nobody.
const PACE = 1_200; // In a storm the page asks again so often, which is less than a reader may ask.
let source, topic, last, retry, tries = 0, hush, away, moved = false, asked = 0, waiting, heardAt = Date.now();
let said, events, paused = false, missed = false; // The server's clock, events of the subject; what the reader holds back.

const PLACES = "main :is(tr, .figure, li)";
// What a place says. A page may make a place anew to say the same; and ages grow by themselves.
const words = (place) => {
  const copy = place.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.remove();
  return copy.textContent;
};
let before = new Set();

const tell = (state, data) => {
  root.dataset.live = state;
  if (data) {
    said = data.now;
    events = data.events ?? events;
  }
  draw();
};
// What the page says of the stream: how old the figures are where it is cut, and what a paused timeline lacks.
function draw() {
  const state = root.dataset.live;
  const banner = document.getElementById("live-off");
  if (banner) {
    banner.hidden = state !== "off";
    if (!banner.hidden) banner.querySelector("[data-age]").textContent = age();
  }
  const button = document.getElementById("pause");
  if (!button) return;
  button.hidden = state !== "on" && state !== "off";
  const more = Math.max(0, (events ?? 0) - Number(button.dataset.shown));
  button.setAttribute("aria-pressed", paused);
  button.textContent = paused ? (more ? `Resume · ${more} new` : "Resume") : "Pause";
}
const age = () => {
  if (!said) return "The figures are those that the page was loaded with.";
  const minutes = Math.floor((Date.now() - heardAt) / 60_000);
  const at = `${said.slice(0, 19).replace("T", " ")} UTC`;
  return minutes ? `Figures are from ${at} (${minutes} min ago).` : `Figures are from ${at}.`;
};
const news = () => {
  clearTimeout(waiting);
  // Not all readers at the same moment.
  const pace = PACE * (0.75 + Math.random() / 2);
  waiting = setTimeout(ask, Math.max(0, asked + pace - Date.now()));
};
async function ask() {
  // What comes while the reader is in the middle of something is asked for when that is over.
  missed = paused || "sliding" in root.dataset;
  if (missed) return;
  asked = Date.now();
  const visited = visit(location.href, { quiet: true });
  // While the question is on its way.
  before = new Set([...document.querySelectorAll(PLACES)].map(words));
  moved = true;
  const tried = await visited;
  moved = false;
  if (!tried) news();
}
addEventListener("click", (event) => {
  if (event.target.id !== "pause") return;
  paused = !paused;
  if (!paused && missed) ask();
  draw();
});
addEventListener("slid", () => missed && ask());
const close = () => {
  clearTimeout(retry);
  clearTimeout(hush);
  source?.close();
  source = undefined;
};
const broken = () => {
  close();
  // What comes back at once was not worth a word.
  if (tries > 0) tell("off");
  // Everybody who was cut off at once does not come back at once.
  retry = setTimeout(open, Math.min(30_000, 500 * 2 ** tries++) * (0.5 + Math.random()));
};
const listen = () => {
  clearTimeout(hush);
  hush = setTimeout(broken, SILENCE);
};
const heard = (event) => {
  const data = JSON.parse(event.data);
  last = event.lastEventId || last;
  heardAt = Date.now();
  listen();
  return data;
};
function open() {
  close();
  if (!topic) return;
  const query = new URLSearchParams({ topic });
  if (last) query.set("from", last);
  source = new EventSource(`/live?${query}`);
  source.onerror = broken;
  source.addEventListener("hello", (event) => {
    tries = 0;
    tell("on", heard(event));
  });
  source.addEventListener("beat", (event) => tell("on", heard(event)));
  for (const name of ["changed", "reread", "stores"]) {
    source.addEventListener(name, (event) => {
      tries = 0;
      const data = heard(event);
      news();
      tell("on", data);
    });
  }
  source.addEventListener("bye", broken);
  source.addEventListener("end", broken);
  listen();
}
function look() {
  const wanted = document.getElementById("live")?.dataset.topic || undefined;
  if (wanted === topic) return;
  topic = wanted;
  events = undefined;
  paused = missed = false;
  close();
  if (topic) open();
  else tell("none");
}
document.addEventListener("visibilitychange", () => {
  clearTimeout(away);
  if (document.hidden) away = setTimeout(close, HIDDEN_FOR);
  else if (topic && !source) open();
});
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && open());

// What changes in its place after news is marked for a moment, and said, though not more often than somebody can listen.
const marked = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(PLACES);
let told = 0;
const say = (count) => {
  const place = document.getElementById("live-said");
  if (!place || !count || Date.now() - told < 5_000) return;
  told = Date.now();
  place.textContent = count === 1 ? "1 place on this page has changed." : `${count} places on this page have changed.`;
};
const observer = new MutationObserver((records) => {
  if (!moved) return;
  const fresh = new Set();
  for (const { type, target, addedNodes } of records) {
    const parts = type === "characterData" ? [target] : addedNodes;
    for (const part of parts) {
      if (part.nodeType === 1) for (const place of part.querySelectorAll(PLACES)) fresh.add(place);
      const place = marked(part);
      if (place) fresh.add(place);
    }
  }
  for (const place of fresh) if (before.has(words(place))) fresh.delete(place);
  for (const place of fresh) place.classList.remove("is-fresh");
  void document.body.offsetWidth; // Begins the animations anew.
  for (const place of fresh) place.classList.add("is-fresh");
  say(fresh.size);
});
last = document.querySelector('meta[name="live-from"]')?.content;
observer.observe(document.body, { subtree: true, childList: true, characterData: true });
addEventListener("page", () => {
  look();
  draw();
});
look();
draw();
