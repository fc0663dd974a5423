/** Lyrics in time with the player: the line and the word that are sung stand out, and a line starts the song there. */

import { clock, make } from "./elements.js";

/**
 * @typedef {{start_s: number, end_s: number, text: string}} Word
 * @typedef {{start_s: number, end_s: number, text: string, words?: Word[], translations?: string[]}} Line
 */
export class TimedLyrics {
  /** @param {HTMLElement} element @param {import("./player.js").Player} player */
  constructor(element, player) {
    Object.assign(this, { element, player, lines: [], current: null });
    player.onTime((time_s) => this.#mark(time_s));
    element.hidden = true;
  }

  /**
   * Shows lines, or nothing where there are none.
   * @param {{lines?: Line[], sections?: {start_s: number, name: string}[], offset_s?: number}} lyrics Times count from
   * `offset_s` on the time line of the player.
   */
  show({ lines = [], sections = [], offset_s = 0 }) {
    const key = JSON.stringify([lines, sections, offset_s]);
    if (key === this.key) { return; }
    this.key = key;
    this.current = null;
    this.element.hidden = !lines.length;
    const later = (words) => words
      .map((word) => ({ ...word, start_s: (word.start_s ?? 0) + offset_s, end_s: (word.end_s ?? 0) + offset_s }));
    this.lines = later(lines).map((line) => ({ ...line, words: later(line.words ?? []) }));
    const titles = later(sections), list = make("ol", { className: "lyrics-lines" });
    for (const line of this.lines) {
      while (titles.length && titles[0].start_s <= line.start_s + 1e-3) {
        list.append(make("li", { className: "lyrics-section" }, titles.shift().name));
      }
      list.append(this.#draw(line));
    }
    this.element.replaceChildren(make("h3", {}, "Lyrics"), list);
    this.list = list;
    this.#mark(this.player.time);
  }

  #draw(line) {
    const inside = [];
    line.spans = line.words.map((word) => make("span", { className: "lyrics-word" }, word.text));
    line.spans.forEach((span, i) => inside.push(...(i ? [" ", span] : [span])));
    const onclick = () => this.player.seek(line.start_s), title = `Go to ${clock(line.start_s + this.player.zero_s)}`;
    line.button = make("button", { type: "button", className: "lyrics-line", dir: "auto", title, onclick },
      ...(inside.length ? inside : [line.text]));
    for (const text of line.translations ?? []) {
      line.button.append(make("span", { className: "lyrics-translation", dir: "auto" }, text));
    }
    return make("li", {}, line.button);
  }

  #mark(time_s) {
    if (!this.lines.length) { return; }
    const line = this.lines.findLast((each) => each.start_s <= time_s + 1e-6) ?? null;
    const isSung = line && time_s < Math.max(line.end_s, line.start_s + 0.01);
    if (this.current !== (isSung ? line : null)) {
      this.current?.button.removeAttribute("aria-current");
      this.current = isSung ? line : null;
      this.current?.button.setAttribute("aria-current", "true");
      this.#reveal();
    }
    for (const each of [line, this.before]) {
      each?.spans.forEach((span, i) => {
        const { start_s, end_s } = each.words[i];
        span.classList.toggle("sung", each === line && time_s >= start_s && time_s < end_s);
        span.classList.toggle("over", each === line && time_s >= end_s);
      });
    }
    this.before = line;
  }

  /** Scrolls the list, and nothing but the list, to the line that is sung. */
  #reveal() {
    if (!this.current || !this.player.isPlaying) { return; }
    const { list } = this, row = this.current.button.parentElement;
    const top = row.offsetTop - list.offsetTop - (list.clientHeight - row.clientHeight) / 2;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    list.scrollTo({ top, behavior: isCalm ? "auto" : "smooth" });
  }
}
