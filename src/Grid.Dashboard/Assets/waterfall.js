"use strict";

/** Phases and steps on one time axis. Drawn at most once a frame, however fast events come, and once a second while something runs. */
class Waterfall {
  static marks = { Cached: "cached", Shared: "run once for another build", Restored: "from the previous image" };

  constructor(root) {
    this.root = root; this.rows = new Map(); this.begin = null; this.last = null; this.over = false;
    this.axis = this.makeAxis();
    root.replaceChildren(this.axis);
    this.clock = setInterval(() => this.draw(), 1000);
  }

  add(event, at) {
    this.begin ??= at;
    this.last = at;
    this.heard = performance.now();
    const key = event.step ? `${event.phase} ${event.step.number} ${event.step.file} ${event.step.line}` : event.phase;
    switch (event.event) {
      case "phase-started": this.open(key, words(event.phase), "", "phase", at); break;
      case "phase-finished": this.close(key, at, event.state.toLowerCase(), event.message); break;
      case "step-started":
        this.open(key, event.step.text, stepPlace(event.step), "step", at, event.phase);
        this.explain(this.rows.get(key), event);
        break;
      case "step-finished":
        if (!this.rows.has(key)) this.open(key, event.step.text, stepPlace(event.step), "step", at, event.phase);
        this.close(key, at, event.source === "Ran" ? "done" : "cached", null, Waterfall.marks[event.source]);
        break;
    }
    this.draw();
  }

  makeAxis() {
    const axis = element("div", "row axis");
    axis.setAttribute("aria-hidden", "true");
    const lane = element("span", "lane");
    this.ticks = [0, 25, 50, 75].map(percent => {
      const tick = element("span", `tick t${percent}`);
      lane.append(tick);
      return tick;
    });
    axis.append(element("span", "name"), lane, this.whole = element("span", "time"));
    return axis;
  }

  open(key, name, place, kind, at, under) {
    if (this.rows.has(key)) return;
    const line = element("div", `row ${kind} busy`);
    line.setAttribute("role", "row");
    const cell = (css, text) => {
      const e = element("span", css, text);
      e.setAttribute("role", "cell");
      line.append(e);
      return e;
    };
    const title = cell("name", name);
    title.title = place ? `${name}\n${place}` : name;
    if (place) title.append(element("small", "", place));
    const lane = cell("lane");
    lane.setAttribute("aria-hidden", "true");
    const bar = element("i");
    lane.append(bar);
    const row = { element: line, title, bar, time: cell("time"), from: at, to: null, under: under ?? key };
    const before = [...this.rows.values()].filter(r => r.under === row.under).pop();
    this.rows.set(key, row);
    before ? before.element.after(line) : this.root.append(line);
  }

  /** Why a step runs: in which fields its key differs from the nearest one in the cache. */
  explain(row, event) {
    if (row.why || !(event.missReason || event.waitsForAnother)) return;
    row.why = element("div", "why");
    row.why.setAttribute("role", "cell");
    const changed = event.miss?.changed ?? [];
    const text = event.missReason ? "ran because " + event.missReason : "another build runs it";
    if (changed.length === 0) row.why.textContent = text;
    else {
      const details = element("details");
      const list = element("dl");
      details.append(element("summary", "", text), list);
      for (const field of changed) {
        const pair = element("div");
        pair.append(element("dt", "", field.name), element("dd", "", `${field.before ?? "not there"} → ${field.after ?? "not there"}`));
        list.append(pair);
      }
      if (event.miss.nearestBuild) details.append(element("p", "", "compared with what build " + event.miss.nearestBuild + " ran"));
      row.why.append(details);
    }
    row.element.append(row.why);
  }

  close(key, at, css, note, mark) {
    const row = this.rows.get(key);
    if (!row) return;
    row.to = at;
    row.element.classList.remove("busy");
    row.element.classList.add(css);
    if (note) row.time.title = note;
    if (mark) row.title.after(row.mark = element("b", "mark", mark));
    if (row.mark) row.element.classList.add("marked");
  }

  end(at) {
    this.last = at;
    this.over = true;
    clearInterval(this.clock);
    this.draw();
  }

  draw() {
    if (this.planned || !this.begin) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      const now = this.over ? +this.last : +this.last + (performance.now() - this.heard);
      const whole = Math.max(1, now - this.begin);
      this.ticks.forEach((tick, n) => { tick.textContent = seconds(whole * n / 4); });
      this.whole.textContent = seconds(whole);
      for (const row of this.rows.values()) {
        const to = row.to ?? now;
        row.bar.style.left = 100 * (row.from - this.begin) / whole + "%";
        row.bar.style.width = 100 * (to - row.from) / whole + "%";
        row.time.textContent = seconds(to - row.from);
      }
    });
  }
}

function element(tag, css, text) {
  const e = document.createElement(tag);
  if (css) e.className = css;
  if (text) e.textContent = text;
  return e;
}

function words(phase) { return phase.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase(); }

function stepPlace(step) { return `${step.extension} ${step.file}:${step.line}`; }

function stepName(step) { return `${stepPlace(step)} ${step.text}`; }
