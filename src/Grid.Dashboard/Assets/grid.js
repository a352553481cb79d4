// Makes the pages live: events of builds come from the API as server-sent events; text from builds only ever becomes text nodes.
"use strict";

for (const time of document.querySelectorAll("time")) {
  const date = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = date.toLocaleString();
}

// Rows of builds that run say how they end.
for (const row of document.querySelectorAll("tr[data-build]")) {
  const started = new Date(row.querySelector("time").dateTime);
  const source = new EventSource(row.dataset.build + "/events");
  source.onmessage = message => {
    const event = JSON.parse(message.data);
    if (event.event !== "build-finished") return;
    source.close();
    const state = row.querySelector(".state");
    state.className = "state " + event.state.toLowerCase();
    state.textContent = event.state.toLowerCase();
    row.querySelector(".took").textContent = seconds(new Date(event.at) - started);
    row.querySelector(".result").textContent = event.image ? event.image.digest : event.failure ? event.failure.message.split("\n")[0] : "";
  };
}

for (const news of document.querySelectorAll("[data-news]")) {
  const source = new EventSource(news.dataset.news);
  source.addEventListener("news", () => { source.close(); news.hidden = false; });
}

function seconds(milliseconds) {
  const s = Math.max(0, milliseconds) / 1000;
  return s < 60 ? s.toFixed(s < 10 ? 2 : 1) + " s" : Math.floor(s / 60) + " min " + Math.round(s % 60) + " s";
}

function watchBuild(root) {
  const waterfall = new Waterfall(root.querySelector("[data-waterfall]"));
  const log = new Log(root.querySelector("[data-log]"), root.querySelector("[data-find]"), root.querySelector("[data-found]"));
  const set = (name, text) => { root.querySelector(`[data-${name}]`).textContent = text; };
  let started = null;
  const source = new EventSource(root.dataset.events);
  source.onmessage = message => {
    const event = JSON.parse(message.data);
    const at = new Date(event.at);
    started ??= at;
    waterfall.add(event, at);
    if (event.event === "output") log.add(event.phase, event.text, event.isError);
    if (event.event !== "build-finished") return;
    source.close();
    waterfall.end(at);
    const word = event.state.toLowerCase();
    const state = root.querySelector("[data-state]");
    state.className = "state " + word;
    state.textContent = word;
    set("took", seconds(at - started));
    if (event.image) set("digest", event.image.digest);
    root.querySelector("[data-cancel]")?.remove();
    if (event.failure) {
      root.querySelector("[data-failure]").hidden = false;
      set("failure-text", event.failure.message);
      set("failure-output", event.failure.output ?? "");
    }
  };
}

/** Phases and steps on one time axis. Drawn at most once a frame, however fast events come. */
class Waterfall {
  constructor(root) { this.root = root; root.replaceChildren(); this.rows = new Map(); this.begin = null; this.last = null; this.over = false; }

  add(event, at) {
    this.begin ??= at;
    this.last = at;
    const key = event.step ? `${event.phase} ${event.step.number} ${event.step.file} ${event.step.line}` : event.phase;
    switch (event.event) {
      case "phase-started": this.open(key, words(event.phase), "phase", at); break;
      case "phase-finished": this.close(key, at, event.state.toLowerCase(), event.message); break;
      case "step-started": this.open(key, stepName(event.step), "step", at, event.missReason ? "ran because " + event.missReason : event.waitsForAnother ? "another build runs it" : "", event.phase); break;
      case "step-finished":
        if (!this.rows.has(key)) this.open(key, stepName(event.step), "step", at, "", event.phase);
        this.close(key, at, event.source === "Cached" || event.source === "Shared" ? "cached" : event.source === "Config" ? "cached" : "done",
          { Cached: "cached", Shared: "run once for another build", Config: "" }[event.source]);
        break;
    }
    this.draw();
  }

  open(key, name, kind, at, why, under) {
    if (this.rows.has(key)) return;
    const element = document.createElement("div");
    element.className = `row ${kind} busy`;
    element.setAttribute("role", "row");
    const cell = (tag, css, text) => { const e = document.createElement(tag); e.className = css; if (text) e.textContent = text; element.append(e); return e; };
    const title = cell("span", "name", name);
    title.title = name;
    const bar = document.createElement("i");
    cell("span", "lane").append(bar);
    const row = { element, bar, time: cell("span", "time"), from: at, to: null, under: under ?? key };
    if (why) cell("span", "why", why);
    this.rows.set(key, row);
    const after = [...this.rows.values()].filter(r => r.under === row.under && r !== row).pop();
    after ? after.element.after(element) : this.root.append(element);
  }

  close(key, at, css, note) {
    const row = this.rows.get(key);
    if (!row) return;
    row.to = at;
    row.element.classList.remove("busy");
    row.element.classList.add(css);
    if (note) row.time.title = note;
    if (css === "cached" && note) row.note = note;
  }

  end(at) { this.last = at; this.over = true; this.draw(); }

  draw() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      const whole = Math.max(1, this.last - this.begin);
      for (const row of this.rows.values()) {
        const to = row.to ?? this.last;
        row.bar.style.left = 100 * (row.from - this.begin) / whole + "%";
        row.bar.style.width = 100 * (to - row.from) / whole + "%";
        row.time.textContent = row.note === "cached" ? "cached" : seconds(to - row.from);
      }
    });
  }
}

function words(phase) { return phase.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase(); }

function stepName(step) { return `${step.extension} ${step.file}:${step.line} ${step.text}`; }

/** Output by phase, in lines with numbers; keeps the newest lines when there are very many. */
class Log {
  static most = 20000;

  constructor(root, find, found) {
    this.root = root; this.parts = new Map(); this.count = 0; this.pending = [];
    this.found = found;
    find.addEventListener("input", () => this.search(find.value));
    find.addEventListener("keydown", e => { if (e.key === "Enter") this.next(e.shiftKey ? -1 : 1); });
  }

  add(phase, text, isError) {
    this.pending.push([phase, text, isError]);
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => { this.planned = false; this.write(); });
  }

  write() {
    const stuck = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 30;
    for (const [phase, text, isError] of this.pending.splice(0)) {
      const part = this.part(phase);
      // Output comes in pieces: a line that has no end yet goes on with the next one.
      const lines = text.split("\n");
      for (let i = 0; i < lines.length; i++) {
        if (i > 0 || !part.open) part.open = i < lines.length - 1 || lines[i] !== "" ? this.line(part, isError) : null;
        if (part.open && lines[i]) this.ansi(part, lines[i]);
        if (i < lines.length - 1) part.open = null;
      }
    }
    while (this.root.querySelectorAll(".l").length > Log.most) this.root.querySelector(".l").remove();
    if (stuck) this.root.scrollTop = this.root.scrollHeight;
    if (!this.jumped && location.hash.startsWith("#L") && document.getElementById(location.hash.slice(1))) { this.jumped = true; document.getElementById(location.hash.slice(1)).scrollIntoView({ block: "center" }); }
  }

  part(phase) {
    let part = this.parts.get(phase);
    if (!part) {
      const element = document.createElement("div");
      const title = document.createElement("div");
      title.className = "part";
      title.textContent = words(phase);
      element.append(title);
      this.root.append(element);
      this.parts.set(phase, part = { element, open: null, css: "", number: 0, name: phase });
    }
    return part;
  }

  line(part, isError) {
    const line = document.createElement("div");
    line.className = "l" + (isError ? " err" : "");
    line.id = `L${part.name}-${++part.number}`;
    const link = document.createElement("a");
    link.href = "#" + line.id;
    link.textContent = part.number;
    link.tabIndex = -1;
    const text = document.createElement("span");
    line.append(link, text);
    part.element.append(line);
    return text;
  }

  /** Colours and bold; every other control sequence is left out, and a carriage return starts the line again, as on a terminal. */
  ansi(part, text) {
    const last = text.replace(/\r$/, "").lastIndexOf("\r");
    if (last >= 0) { part.open.replaceChildren(); text = text.slice(last + 1); }
    for (const piece of text.split(/(\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.)/)) {
      const colour = /^\x1b\[([0-9;]*)m$/.exec(piece);
      if (colour) { part.css = style(part.css, colour[1]); continue; }
      if (piece.startsWith("\x1b")) continue;
      const clean = piece.replace(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, "");
      if (!clean) continue;
      if (!part.css) { part.open.append(clean); continue; }
      const span = document.createElement("span");
      span.className = part.css;
      span.textContent = clean;
      part.open.append(span);
    }
  }

  search(text) {
    for (const hit of this.root.querySelectorAll(".hit")) hit.classList.remove("hit");
    const wanted = text.toLowerCase();
    this.hits = wanted ? [...this.root.querySelectorAll(".l")].filter(l => l.lastChild.textContent.toLowerCase().includes(wanted)) : [];
    for (const hit of this.hits) hit.classList.add("hit");
    this.at = -1;
    this.found.textContent = wanted ? `${this.hits.length} ${this.hits.length === 1 ? "line" : "lines"}` : "";
    this.next(1);
  }

  next(step) {
    if (!this.hits?.length) return;
    this.at = (this.at + step + this.hits.length) % this.hits.length;
    this.hits[this.at].scrollIntoView({ block: "nearest" });
  }
}

function style(css, codes) {
  let [colour, bold] = [/f\d/.exec(css)?.[0] ?? "", css.includes("b") ? "b" : ""];
  for (const code of codes === "" ? [0] : codes.split(";").map(Number)) {
    if (code === 0) [colour, bold] = ["", ""];
    else if (code === 1) bold = "b";
    else if (code === 22) bold = "";
    else if (code === 39) colour = "";
    else if (code >= 30 && code <= 37) colour = "f" + (code - 30);
    else if (code >= 90 && code <= 97) colour = "f" + (code - 90);
  }
  return [colour, bold].filter(Boolean).join(" ");
}

const page = document.querySelector(".build");
if (page) watchBuild(page);
