// Listens to what changes and tells the page: one stream a tab, while the tab is seen. It is a file of its own, not
// part of the program: the browser has all of it (EventSource, attributes, observers), and this way it costs the
// program nothing. What the page is about stands in the attribute data-topic of #live; what is known of the stream goes
// into attributes of the root, with the event "live" for whoever wants to read them.
const root = document.documentElement;
const HIDDEN_FOR = 60_000; // A tab that nobody sees lets go of its stream after a minute.
const SILENCE = 40_000; // The server says something every 15 seconds; after this there is nobody.
const PACE = 1_200; // In a storm the page asks again so often, which is less than a reader may ask.
let source, topic, last, retry, tries = 0, hush, away, moved = false, asked = 0, waiting, heardAt = Date.now();

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
    root.dataset.liveNow = data.now;
    if (data.events != null) root.dataset.liveEvents = data.events;
    if (data.stores) root.dataset.liveStores = JSON.stringify(data.stores);
  }
  root.dataset.liveMinutes = Math.floor((Date.now() - heardAt) / 60_000);
  dispatchEvent(new Event("live"));
};
const news = () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    asked = Date.now();
    moved = true;
    root.dataset.liveNews = +(root.dataset.liveNews ?? 0) + 1;
    dispatchEvent(new Event("live"));
    // While the question is on its way.
    setTimeout(() => (before = new Set([...document.querySelectorAll(PLACES)].map(words))));
  }, Math.max(0, asked + PACE - Date.now()));
};
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
  delete root.dataset.liveEvents;
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
let said = 0;
const say = (count) => {
  const place = document.getElementById("live-said");
  if (!place || !count || Date.now() - said < 5_000) return;
  said = Date.now();
  place.textContent = count === 1 ? "1 place on this page has changed." : `${count} places on this page have changed.`;
};
const observer = new MutationObserver((records) => {
  look();
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
  for (const place of fresh) {
    if (before.has(words(place))) {
      fresh.delete(place);
      continue;
    }
    place.classList.remove("is-fresh");
    void place.offsetWidth; // Begins the animation anew.
    place.classList.add("is-fresh");
  }
  say(fresh.size);
});
const begin = () => {
  last = document.querySelector('meta[name="live-from"]')?.content;
  // Before the program has taken over, it would change what it expects to find.
  new MutationObserver((_, own) => {
    if (!("hydrated" in root.dataset)) return;
    own.disconnect();
    look();
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["data-topic"] });
  }).observe(root, { attributes: true, attributeFilter: ["data-hydrated"] });
};
begin();
