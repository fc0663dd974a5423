/** A small waveform on the time line that all takes share: where the sound lies, what is new in it, where it plays. */

import { colour, drawPeaks, openCanvas } from "./draw.js";
import { clock, make } from "./elements.js";

export class Strip {
  /**
   * @param {import("./player.js").Player} player
   * @param {{name: string, colour: string, canSeek?: boolean}} what
   */
  constructor(player, { name, colour: fill, canSeek = true }) {
    Object.assign(this, { player, fill, mark: null });
    /** Sounds that are shown, one over the other, by id. */
    this.sounds = new Map();
    this.drawSoon = () => this.#drawSoon();
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.shade = make("div", { className: "strip-mark", hidden: true });
    this.head = make("div", { className: "strip-head" });
    this.seek = make("input", {
      type: "range", className: "strip-seek", min: 0, max: 1, step: "any", value: 0, "aria-label": `Place in ${name}`,
      oninput: () => player.seek(Number(this.seek.value)), onkeydown: (event) => this.#key(event),
    });
    this.element = make("div", { className: canSeek ? "strip" : "strip small" }, this.canvas, this.shade, this.head,
      canSeek ? this.seek : null);
    new ResizeObserver(() => this.draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /**
   * @param {string} id
   * @param {{audio: object, measurement: object, start_s: number, colour?: string}} sound May still grow.
   */
  show(id, sound) {
    this.sounds.get(id)?.measurement.listeners.delete(this.drawSoon);
    this.sounds.set(id, sound);
    sound.measurement.listeners.add(this.drawSoon);
    this.draw();
  }

  /** Shows nothing more. */
  close() {
    for (const { measurement } of this.sounds.values()) { measurement.listeners.delete(this.drawSoon); }
    this.sounds.clear();
  }

  /** Marks what a task has changed. @param {{kind: "new" | "old", start_s: number, end_s: number} | null} mark */
  setMark(mark) {
    this.mark = mark;
    this.draw();
  }

  #key(event) {
    const by = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 }[event.key];
    if (by === undefined) { return; }
    event.preventDefault();
    this.player.seek(this.player.time + by);
  }

  #drawSoon() {
    this.isDue ||= requestAnimationFrame(() => {
      this.isDue = 0;
      this.draw();
    });
  }

  draw() {
    const { start_s, end_s } = this.player.spanOf(false), whole_s = Math.max(1e-3, end_s - start_s);
    const open = openCanvas(this.canvas);
    this.shade.hidden = !this.mark;
    if (this.mark) {
      this.shade.className = `strip-mark ${this.mark.kind}`;
      this.shade.style.left = `${100 * (this.mark.start_s - start_s) / whole_s}%`;
      this.shade.style.width = `${100 * (this.mark.end_s - this.mark.start_s) / whole_s}%`;
    }
    if (!open) { return; }
    const { context, width, height } = open;
    for (const { audio, measurement, start_s: at_s, colour: own } of this.sounds.values()) {
      const from = (start_s - at_s) * audio.rate, to = (end_s - at_s) * audio.rate;
      const peaks = measurement.peaks.between(from, to, Math.max(1, Math.round(width)), audio.channels);
      drawPeaks(context, peaks, { width, height, colour: own || this.fill || colour(this.element, "song", "#64748b") });
    }
  }

  /** Shows the place that is heard. @param {number} time_s */
  setTime(time_s) {
    const { start_s, end_s } = this.player.spanOf(false), { zero_s } = this.player, whole_s = Math.max(1e-3, end_s - start_s);
    this.head.style.left = `${100 * (time_s - start_s) / whole_s}%`;
    if (Number(this.seek.min) !== start_s || Number(this.seek.max) !== end_s) {
      this.seek.min = String(start_s);
      this.seek.max = String(end_s);
      this.draw();
    }
    this.seek.value = String(time_s);
    const words = `${clock(time_s + zero_s)} of ${clock(end_s + zero_s)}`;
    if (this.words !== words) {
      this.words = words;
      this.seek.setAttribute("aria-valuetext", words);
    }
  }
}
