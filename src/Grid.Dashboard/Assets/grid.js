// Makes the pages live and usable by keyboard. Text from builds only ever becomes text nodes, or comes encoded from the server.
"use strict";

/** Moments as people say them; the exact one, in the reader's zone, is in the title. */
function localTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    time.title ||= at.toLocaleString();
    const text = distance(at, Date.now());
    if (time.textContent !== text) time.textContent = text;
  }
  for (const place of root.querySelectorAll("[data-origin]")) place.textContent = location.origin;
}

function distance(at, now) {
  const minutes = Math.floor(Math.abs(now - at) / 60000);
  if (minutes < 1) return "just now";
  if (minutes >= 7 * 24 * 60) return at.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
  const text = minutes < 60 ? minutes + " min" : minutes < 24 * 60 ? Math.floor(minutes / 60) + " h" : Math.floor(minutes / 60 / 24) + " d";
  return at > now ? "in " + text : text + " ago";
}

function seconds(milliseconds) {
  const s = Math.max(0, milliseconds) / 1000;
  return s < 60 ? s.toFixed(s < 10 ? 2 : 1) + " s" : s < 3600 ? Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s" : Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}

/** Replaces the parts of this page that the server renders differently now. At most once a second, and one at a time. */
const parts = {
  busy: false, again: false,

  async refresh() {
    if (this.busy) { this.again = true; return; }
    this.busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      // A session that ended leads to the sign-in page.
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) this.replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* The network is away: the stream tells when it is back, and the page is read again then. */ }
    setTimeout(() => {
      this.busy = false;
      if (this.again) { this.again = false; this.refresh(); }
    }, 1000);
  },

  replace(fresh) {
    localTimes(fresh);
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = fresh.getElementById(part.id);
      if (!next || next.isEqualNode(part)) continue;
      const focus = part.contains(document.activeElement) ? [...part.querySelectorAll("a, button, summary, input, select")].indexOf(document.activeElement) : -1;
      const open = [...part.querySelectorAll("details")].map(d => d.open);
      next.querySelectorAll("details").forEach((d, n) => { if (n in open) d.open = open[n]; });
      part.replaceWith(next);
      if (focus >= 0) next.querySelectorAll("a, button, summary, input, select")[focus]?.focus();
    }
    document.dispatchEvent(new Event("grid:parts"));
  },
};

/**
 * A stream of events that rests while nobody looks at the page: browsers have few connections to a host, for all their tabs together. It goes on behind
 * the last event that was seen, whose id the query has as `place`.
 */
function listen(url, place, { message, open, error }) {
  const address = new URL(url, location.href);
  let source = null, isOver = false;
  const stop = () => { source?.close(); source = null; };
  const start = () => {
    if (source || isOver) return;
    source = new EventSource(address);
    source.onopen = () => open?.();
    source.onerror = () => error?.();
    source.onmessage = news => {
      if (news.lastEventId) address.searchParams.set(place, news.lastEventId);
      message(news);
    };
  };
  document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
  start();
  return { close() { isOver = true; stop(); } };
}

/** The page's stream of news: whenever it names another state than the one that is shown, the page is read again. */
function watch(url) {
  const state = document.querySelector("[data-live-state]");
  let seen = new URL(url, location.href).searchParams.get("known");
  listen(url, "known", {
    open() { tell(state, true, "Live: what changes shows here by itself."); },
    error() { tell(state, false, "Not live: the grid does not answer. Trying again …"); },
    message(news) {
      if (news.lastEventId === seen) return;
      seen = news.lastEventId;
      parts.refresh();
    },
  });
}

function tell(state, isLive, text) {
  state.classList.toggle("on", isLive);
  state.classList.toggle("off", !isLive);
  state.textContent = text;
}

/** On a narrow screen the sections are wider than it: the one that is looked at is seen. */
function showSection() {
  const bar = document.querySelector("nav.sections");
  const here = bar?.querySelector("[aria-current]");
  if (here) bar.scrollLeft = here.offsetLeft - bar.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
}

/** Keys that do something by themselves; whoever needs them for something else switches them off. */
function shortcuts() {
  const dialog = document.querySelector("[data-shortcuts]");
  const on = dialog.querySelector("[data-shortcuts-on]");
  on.checked = localStorage.getItem("grid-keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("grid-keys", on.checked ? "on" : "off"));
  for (const help of document.querySelectorAll("[data-help]")) {
    help.hidden = false;
    help.addEventListener("click", () => dialog.showModal());
  }
  let leader = false;
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input:not([type=checkbox]), select, textarea") || dialog.open) return;
    if (event.key === "?") { dialog.showModal(); return; }
    if (!on.checked) return;
    if (leader) {
      leader = false;
      const link = document.querySelector(`nav.sections a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") leader = true;
    else document.dispatchEvent(new CustomEvent("grid:key", { detail: event }));
  });
}

localTimes(document);
setInterval(() => { if (!document.hidden) localTimes(document); }, 30000);
shortcuts();
showSection();
if (document.body.dataset.live) watch(document.body.dataset.live);
