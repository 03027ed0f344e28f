// @ts-check
// Keeps the page current. A stream of server-sent events reports changes; then the page is fetched again.
//
// live_connection.js  the stream: when it is open, and when it is opened again
// live_refresh.js     when the page is fetched again
// live_view.js        what the page shows of both
//
// The page names its topic in the attribute data-topic of #live. A page without a topic has no stream.
import { LiveConnection } from "./live_connection.js";
import { LiveRefresh } from "./live_refresh.js";
import { LiveView } from "./live_view.js";
import { navigate } from "./page.js";

const root = document.documentElement;
const view = new LiveView(document);
const refresh = new LiveRefresh({
  reload: () => view.markChanges(navigate(location.href, { quiet: true })),
  isSliding: () => "sliding" in root.dataset,
});
/** @type {HTMLMetaElement | null} The feed position at which the page was rendered. */
const from = document.querySelector('meta[name="live-from"]');
const connection = new LiveConnection({
  cursor: from?.content,
  onState: (state, message) => view.publishState(state, message),
  onChange: () => refresh.request(),
});

// Follows the topic of the page that is shown.
function syncTopic() {
  const topic = document.getElementById("live")?.dataset.topic || undefined;
  if (topic === connection.topic) return;
  refresh.reset();
  view.reset();
  connection.follow(topic);
}

function pageChanged() {
  syncTopic();
  view.draw();
}

addEventListener("page", pageChanged);
addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || event.target.id !== "pause") return;
  refresh.togglePause();
  view.setPaused(refresh.paused);
});
// The reader released the slider of time travel.
addEventListener("slid", () => refresh.catchUp());
document.addEventListener("visibilitychange", () => (document.hidden ? connection.hide() : connection.show()));
addEventListener("pagehide", () => connection.close());
addEventListener("pageshow", (event) => event.persisted && connection.open());
pageChanged();
