"use strict";

/** Output by phase and step, in lines with numbers that can be linked; keeps the newest lines when there are very many. */
class Log {
  static most = 20000;

  constructor(page) {
    const find = name => page.querySelector(`[data-${name}]`);
    this.root = find("log"); this.field = find("find"); this.found = find("found"); this.follow = find("follow"); this.list = find("parts");
    this.parts = new Map(); this.pending = []; this.lines = []; this.hits = []; this.at = -1; this.dropped = 0;
    this.field.addEventListener("input", () => this.search(this.field.value));
    this.field.addEventListener("keydown", e => { if (e.key === "Enter") { e.preventDefault(); this.next(e.shiftKey ? -1 : 1); } });
    find("next").addEventListener("click", () => this.next(1));
    find("previous").addEventListener("click", () => this.next(-1));
    this.root.addEventListener("wheel", () => this.look(), { passive: true });
    this.root.addEventListener("keydown", e => { if (["ArrowUp", "PageUp", "Home"].includes(e.key)) this.follow.checked = false; });
    window.addEventListener("hashchange", () => { this.jumped = false; this.jump(); });
    document.addEventListener("grid:key", e => this.key(e.detail));
    // A link to a line is looked at, not run past.
    if (location.hash.startsWith("#L")) this.follow.checked = false;
  }

  key(event) {
    const keys = { "/": () => this.field.focus(), n: () => this.next(1), p: () => this.next(-1), e: () => { this.follow.checked = true; this.root.scrollTop = this.root.scrollHeight; } };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** Who scrolls up wants to read; who scrolls to the end, to follow. */
  look() { requestAnimationFrame(() => { this.follow.checked = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 30; }); }

  add(phase, text, isError) { this.plan({ phase, text, isError }); }

  /** What follows in this phase is a step's. */
  step(phase, name) { this.plan({ phase, heading: name }); }

  plan(piece) {
    this.pending.push(piece);
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => { this.planned = false; this.write(); });
  }

  write() {
    for (const { phase, text, isError, heading } of this.pending.splice(0)) {
      const part = this.part(phase);
      if (heading !== undefined) { part.heading = heading; part.open = null; continue; }
      // Output comes in pieces: a line that has no end yet goes on with the next one.
      const lines = text.split("\n");
      for (let i = 0; i < lines.length; i++) {
        if (i > 0 || !part.open) part.open = i < lines.length - 1 || lines[i] !== "" ? this.line(part, isError) : null;
        if (part.open && lines[i]) this.ansi(part, lines[i]);
        if (i < lines.length - 1) part.open = null;
      }
    }
    this.drop();
    if (this.field.value) this.search(this.field.value, false);
    if (this.follow.checked) this.root.scrollTop = this.root.scrollHeight;
    this.jump();
  }

  drop() {
    const more = this.lines.length - Log.most;
    if (more <= 0) return;
    for (const line of this.lines.splice(0, more)) line.remove();
    this.dropped += more;
    this.note ??= this.root.insertBefore(element("div", "part"), this.root.firstChild);
    this.note.textContent = `${this.dropped} earlier lines are in the text of the log`;
  }

  jump() {
    const line = location.hash.startsWith("#L") ? document.getElementById(location.hash.slice(1)) : null;
    if (this.jumped || !line) return;
    this.jumped = true;
    this.root.querySelector(".target")?.classList.remove("target");
    line.classList.add("target");
    this.show(line, "center");
  }

  part(phase) {
    let part = this.parts.get(phase);
    if (!part) {
      const box = element("div");
      box.id = `log-${phase}`;
      box.append(element("div", "part", words(phase)));
      const link = element("a", "", words(phase));
      link.href = `#${box.id}`;
      this.list.append(link, " ");
      this.root.append(box);
      this.parts.set(phase, part = { element: box, open: null, css: "", number: 0, name: phase });
    }
    return part;
  }

  line(part, isError) {
    if (part.heading) { part.element.append(element("div", "part step", part.heading)); part.heading = null; }
    const line = element("div", "l" + (isError ? " err" : ""));
    line.id = `L${part.name}-${++part.number}`;
    const link = element("a", "", String(part.number));
    link.href = "#" + line.id;
    link.tabIndex = -1;
    link.setAttribute("aria-label", `Link to line ${part.number} of ${words(part.name)}`);
    const text = element("span");
    line.append(link, text);
    part.element.append(line);
    this.lines.push(line);
    return text;
  }

  /** Colours and weights; every other control sequence is left out, and a carriage return starts the line again, as on a terminal. */
  ansi(part, text) {
    const last = text.replace(/\r$/, "").lastIndexOf("\r");
    if (last >= 0) { part.open.replaceChildren(); text = text.slice(last + 1); }
    for (const piece of text.split(/(\x1b\[[0-9;?]*[ -\/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.)/)) {
      const colour = /^\x1b\[([0-9;]*)m$/.exec(piece);
      if (colour) { part.css = style(part.css, colour[1]); continue; }
      if (piece.startsWith("\x1b")) continue;
      const clean = piece.replace(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, "");
      if (!clean) continue;
      part.open.append(part.css ? element("span", part.css, clean) : clean);
    }
  }

  search(text, move = true) {
    for (const hit of this.hits) hit.classList.remove("hit", "at");
    const wanted = text.toLowerCase();
    this.hits = wanted ? this.lines.filter(l => l.lastChild.textContent.toLowerCase().includes(wanted)) : [];
    for (const hit of this.hits) hit.classList.add("hit");
    if (move) { this.at = -1; this.next(1); }
    this.tell(wanted);
  }

  next(step) {
    if (!this.hits.length) return;
    this.hits[this.at]?.classList.remove("at");
    this.at = (this.at + step + this.hits.length) % this.hits.length;
    this.hits[this.at].classList.add("at");
    this.follow.checked = false;
    this.show(this.hits[this.at], "nearest");
    this.tell(this.field.value);
  }

  tell(wanted) {
    const many = `${this.hits.length} ${this.hits.length === 1 ? "line" : "lines"}`;
    this.found.textContent = wanted ? this.at >= 0 && this.hits.length ? `${this.at + 1} of ${many}` : many : "";
  }

  show(line, block) { line.scrollIntoView({ block }); }
}

function style(css, codes) {
  let [colour, ...weights] = [/f\d/.exec(css)?.[0] ?? "", ...["b", "d", "i", "u"].filter(w => css.split(" ").includes(w))];
  const weight = (name, on) => { weights = weights.filter(w => w !== name); if (on) weights.push(name); };
  const list = codes === "" ? [0] : codes.split(";").map(Number);
  for (let n = 0; n < list.length; n++) {
    const code = list[n];
    if (code === 0) [colour, weights] = ["", []];
    else if (code === 1) weight("b", true);
    else if (code === 2) weight("d", true);
    else if (code === 3) weight("i", true);
    else if (code === 4) weight("u", true);
    else if (code === 22) { weight("b", false); weight("d", false); }
    else if (code === 23) weight("i", false);
    else if (code === 24) weight("u", false);
    else if (code === 39) colour = "";
    else if (code >= 30 && code <= 37) colour = "f" + (code - 30);
    else if (code >= 90 && code <= 97) colour = "f" + (code - 90);
    else if (code === 38 || code === 48) {
      // Of 256 colours the first sixteen have names here; of others only the text is shown.
      if (code === 38 && list[n + 1] === 5 && list[n + 2] < 16) colour = "f" + list[n + 2] % 8;
      n += list[n + 1] === 2 ? 4 : 2;
    }
  }
  return [colour, ...weights].filter(Boolean).join(" ");
}
