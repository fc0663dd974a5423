/**
 * The waveform of a song: zoom, the region that a task changes, the place that is heard. Everything that the mouse does is also
 * done by keys, and a person who sees no picture has sliders and fields.
 */

import { Bars } from "./bars.js";
import { colour, drawPeaks, openCanvas } from "./draw.js";
import { clock, make } from "./elements.js";
import { Measurement } from "./measure.js";
import { RegionFields } from "./region_fields.js";

/** Below that many pixels a press of the mouse is a click. */
const DRAG_PX = 3;
const ZOOM = 1.5, MIN_FRAMES = 64;
/** Steps of the arrow keys in seconds, and with Shift. */
const STEP_S = 0.1, FINE_S = 0.001;
/** Nearer to each other, bar lines are left out. */
const BAR_PX = 14;

/**
 * @typedef {{start_s: number, end_s: number, start_frame: number, end_frame: number}} Region
 * @typedef {{bpm?: number, timesignature?: number, offset_s?: number, downbeats?: number[],
 * sections?: {start_s: number, end_s: number, name: string}[]}} Marks
 */
export class Waveform {
  /**
   * @param {HTMLElement} element What it fills.
   * @param {{onRegion?: (region: Region | null) => void, onSeek?: (time_s: number) => void, min_s?: number, max_s?: number}}
   * [options] `min_s` and `max_s` are how far a region may reach beyond the song, before its beginning and behind its end, in
   * seconds.
   */
  constructor(element, { onRegion = () => {}, onSeek = () => {}, min_s = 0, max_s = 0 } = {}) {
    Object.assign(this, { element, onRegion, onSeek, before_s: min_s, after_s: max_s });
    /** @type {{rate: number, channels: Float32Array[], frames?: number} | null} */
    this.audio = null;
    /** @type {{start: number, end: number} | null} In frames. */
    this.region = null;
    this.view = { start: 0, end: 1 };
    this.measurement = null;
    this.bars = null;
    this.marks = {};
    this.time_s = 0;
    this.drawSoon = () => this.#drawSoon();
    this.#build();
    new ResizeObserver(() => this.draw()).observe(this.surface);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /**
   * Shows a sound from its beginning to its end.
   * @param {{rate: number, channels: Float32Array[]}} audio
   * @param {Marks} [marks]
   * @param {Measurement} [measurement] Where its peaks are measured already.
   */
  show(audio, marks = {}, measurement = null) {
    this.#leave();
    this.audio = audio;
    this.marks = marks;
    this.isOwn = !measurement;
    this.measurement = measurement ?? new Measurement(audio.rate);
    this.measurement.listeners.add(this.drawSoon);
    if (!measurement) { this.measurement.push(audio.channels); }
    this.region = null;
    this.time_s = 0;
    this.fields.show(marks);
    const { bpm, timesignature: beats, offset_s, downbeats } = marks;
    this.setBars(bpm ? new Bars({ bpm, beats, offset_s, downbeats }) : null);
    this.root.hidden = false;
    this.showAll();
    this.#tellRegion(false);
  }

  /** Shows nothing. */
  clear() {
    this.#leave();
    Object.assign(this, { audio: null, measurement: null, region: null });
    this.root.hidden = true;
  }

  /** Ends the measurement, unless others show it too. */
  #leave() {
    this.measurement?.listeners.delete(this.drawSoon);
    if (this.isOwn) { this.measurement?.forget(); }
  }

  get frames() {
    return this.audio ? this.audio.channels[0].length : 0;
  }

  // ---- region ----

  /** @returns {Region | null} */
  getRegion() {
    if (!this.region) { return null; }
    const { start, end } = this.region, { rate } = this.audio;
    return { start_s: start / rate, end_s: end / rate, start_frame: start, end_frame: end };
  }

  /** Marks a region, or none. It is cut to what is allowed. @param {{start_s: number, end_s: number} | null} region */
  setRegion(region) {
    if (!this.audio) { return; }
    this.#mark(region && this.#frame(region.start_s), region && this.#frame(region.end_s));
    if (region) { this.#reveal(); }
    this.#fit();
  }

  /** Bars that regions begin and end at, and that are drawn. @param {Bars | null} bars */
  setBars(bars) {
    this.bars = bars;
    this.#drawSoon();
  }

  #frame(time_s) {
    return Math.round(time_s * this.audio.rate);
  }

  /** A frame on a bar, if regions are to begin there. */
  #snap(frame) {
    return this.bars && this.fields.snaps ? this.#frame(this.bars.snap(frame / this.audio.rate)) : frame;
  }

  #mark(start, end) {
    const { rate } = this.audio, low = Math.round(-this.before_s * rate), high = this.frames + Math.round(this.after_s * rate);
    const cut = (frame) => Math.max(low, Math.min(high, frame));
    this.region = start === null || cut(start) === cut(end) ? null
      : { start: cut(Math.min(start, end)), end: cut(Math.max(start, end)) };
    this.#tellRegion(true);
  }

  #tellRegion(isNew) {
    const region = this.getRegion();
    this.fields.showRegion(region);
    this.#place();
    if (isNew) { this.onRegion(region); }
  }

  // ---- view ----

  /** Frames that may be shown: the song, and what of the region lies beyond it. */
  #whole() {
    const { start = 0, end = 0 } = this.region ?? {};
    return { start: Math.min(0, start), end: Math.max(this.frames, end, 1) };
  }

  showAll() {
    this.view = this.#whole();
    this.draw();
  }

  /** Zooms in (above 1) or out around a frame, by default the middle. @param {number} factor */
  zoom(factor, around = (this.view.start + this.view.end) / 2) {
    const whole = this.#whole(), size = (this.view.end - this.view.start) / factor;
    const length = Math.max(MIN_FRAMES, Math.min(whole.end - whole.start, size));
    const share = (around - this.view.start) / (this.view.end - this.view.start);
    this.#look(around - share * length, length);
  }

  #look(start, length = this.view.end - this.view.start) {
    const whole = this.#whole(), first = Math.max(whole.start, Math.min(whole.end - length, start));
    this.view = { start: first, end: first + length };
    this.draw();
  }

  /** Widens the view where the region is not in it. */
  #reveal() {
    const { start, end } = this.region ?? this.view;
    if (start < this.view.start || end > this.view.end) { this.showAll(); }
  }

  /** Leaves nothing in view that is neither of the song nor of the region. */
  #fit() {
    const whole = this.#whole(), { start, end } = this.view;
    if (start < whole.start || end > whole.end) { this.#look(start, Math.min(end - start, whole.end - whole.start)); }
  }

  #frameAt(clientX) {
    const { left, width } = this.surface.getBoundingClientRect();
    return Math.round(this.view.start + Math.max(0, Math.min(1, (clientX - left) / width)) * (this.view.end - this.view.start));
  }

  #share(frame) {
    return (frame - this.view.start) / (this.view.end - this.view.start);
  }

  // ---- the page ----

  #build() {
    const slider = (name, kind) => make("div", {
      className: `wave-handle ${kind}`, tabIndex: 0, role: "slider", "aria-label": name, data: { kind },
    });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.shade = make("div", { className: "wave-region", hidden: true });
    this.head = slider("Place that is heard", "place");
    this.handles = { start: slider("Start of the region", "start"), end: slider("End of the region", "end") };
    this.surface = make("div", { className: "wave-surface" }, this.canvas, this.shade, this.head, this.handles.start,
      this.handles.end);
    this.scroll = make("input", {
      type: "range", className: "wave-scroll", min: 0, step: "any", "aria-label": "Part of the song that is shown",
      oninput: () => this.#look(Number(this.scroll.value)),
    });
    const button = (text, name, act) => make("button", { type: "button", "aria-label": name, title: name, onclick: act }, text);
    this.fields = new RegionFields(this);
    this.root = make("div", { className: "waveform", hidden: true }, this.surface, this.scroll,
      make("div", { className: "wave-tools", role: "group", "aria-label": "View" },
        button("+", "Zoom in", () => this.zoom(ZOOM)), button("−", "Zoom out", () => this.zoom(1 / ZOOM)),
        button("Whole song", "Whole song", () => this.showAll())),
      this.fields.element);
    this.element.append(this.root);
    this.surface.addEventListener("pointerdown", (event) => this.#press(event));
    this.surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  #press(event) {
    if (!this.audio || event.button !== 0) { return; }
    const kind = event.target.dataset.kind, held = this.region, from = event.clientX;
    // The edge that stays where it is.
    const anchor = kind === "start" && held ? held.end : kind === "end" && held ? held.start : this.#snap(this.#frameAt(from));
    let isDrag = false;
    const move = ({ clientX }) => {
      isDrag ||= Math.abs(clientX - from) >= DRAG_PX;
      if (!isDrag) { return; }
      const frame = this.#frameAt(clientX);
      if (kind === "place") {
        this.onSeek(frame / this.audio.rate);
      } else {
        this.#mark(anchor, this.#snap(frame));
      }
    };
    const end = ({ clientX, type }) => {
      this.surface.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) { this.surface.removeEventListener(name, end); }
      if (isDrag) { this.#fit(); }
      if (!isDrag && type === "pointerup" && !kind) { this.onSeek(this.#frameAt(clientX) / this.audio.rate); }
    };
    this.surface.setPointerCapture(event.pointerId);
    this.surface.addEventListener("pointermove", move);
    this.surface.addEventListener("pointerup", end);
    this.surface.addEventListener("pointercancel", end);
    (kind ? event.target : this.head).focus({ preventScroll: true });
    event.preventDefault();
  }

  #wheel(event) {
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    // Without the focus or Ctrl the wheel scrolls the page, as people who only pass by expect.
    if (!event.ctrlKey && !event.metaKey && !this.surface.contains(document.activeElement)) { return; }
    event.preventDefault();
    const pixel = (this.view.end - this.view.start) / this.surface.clientWidth;
    if (isSideways) {
      this.#look(this.view.start + (event.deltaX || event.deltaY) * pixel);
    } else {
      this.zoom(ZOOM ** (-event.deltaY / 100), this.#frameAt(event.clientX));
    }
  }

  #key(event) {
    const kind = event.target.dataset.kind, { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.audio || event.target.matches("input, select")) { return; }
    if (key === "+" || key === "-") {
      this.zoom(key === "+" ? ZOOM : 1 / ZOOM, this.#frame(this.time_s));
    } else if (kind && this.#moves(key, event.shiftKey)(0) !== null) {
      this.#step(kind, this.#moves(key, event.shiftKey));
    } else if (key === "Escape" && this.region) {
      this.#mark(null, null);
      this.#fit();
      this.head.focus({ preventScroll: true });
    } else { return; }
    event.preventDefault();
    event.stopPropagation();
  }

  /** What a key does to a time: null for other keys. */
  #moves(key, isFine) {
    const { bars, fields } = this, step = isFine ? FINE_S : STEP_S;
    const byBars = bars && fields.snaps && !isFine;
    const forward = (time_s) => (byBars ? bars.start(bars.at(time_s) + 1) : time_s + step);
    const back = (time_s) => (byBars ? bars.start(bars.at(time_s - 1e-3)) : time_s - step);
    const table = {
      ArrowRight: forward, ArrowUp: forward, ArrowLeft: back, ArrowDown: back,
      PageUp: (time_s) => time_s + 5, PageDown: (time_s) => time_s - 5,
      Home: () => 0, End: () => this.frames / this.audio.rate,
    };
    return table[key] ?? (() => null);
  }

  #step(kind, move) {
    if (kind === "place") {
      this.onSeek(Math.max(0, Math.min(this.frames / this.audio.rate, move(this.time_s))));
      return;
    }
    const { start, end } = this.region ?? { start: this.#frame(this.time_s), end: this.#frame(this.time_s) };
    const moved = this.#frame(move((kind === "start" ? start : end) / this.audio.rate));
    if (kind === "start") {
      this.#mark(Math.min(moved, this.region ? end - 1 : moved), this.region ? end : this.#frame(this.time_s));
    } else {
      this.#mark(this.region ? start : this.#frame(this.time_s), Math.max(moved, this.region ? start + 1 : moved));
    }
  }

  /** Shows what is heard; a view that is smaller than the song follows it. @param {number} time_s */
  setTime(time_s, follows = false) {
    if (!this.audio) { return; }
    this.time_s = time_s;
    const frame = this.#frame(time_s), size = this.view.end - this.view.start;
    if (follows && (frame < this.view.start || frame > this.view.end)) { this.#look(frame - size / 10); }
    this.#put(this.head, this.time_s, true);
  }

  /** Puts a handle to its place, and says where that is. */
  #put(handle, time_s, isShown) {
    const { rate } = this.audio, share = this.#share(time_s * rate);
    handle.style.left = `${100 * Math.max(0, Math.min(1, share))}%`;
    handle.classList.toggle("away", !isShown || share < 0 || share > 1);
    const numbers = { valuemin: -this.before_s, valuemax: this.frames / rate + this.after_s, valuenow: time_s };
    for (const [name, value] of Object.entries(numbers)) { handle.setAttribute(`aria-${name}`, value.toFixed(3)); }
    handle.setAttribute("aria-valuetext", this.#words(time_s, isShown));
  }

  /** Puts the handles and the region. */
  #place() {
    if (!this.audio) { return; }
    const { rate } = this.audio, { region } = this;
    this.#put(this.head, this.time_s, true);
    this.#put(this.handles.start, region ? region.start / rate : this.time_s, Boolean(region));
    this.#put(this.handles.end, region ? region.end / rate : this.time_s, Boolean(region));
    this.shade.hidden = !region;
    if (region) {
      const [left, right] = [region.start, region.end].map((frame) => 100 * Math.max(0, Math.min(1, this.#share(frame))));
      this.shade.style.left = `${left}%`;
      this.shade.style.width = `${right - left}%`;
    }
  }

  #words(time_s, isShown) {
    if (!isShown) { return "no region"; }
    return `${clock(time_s, 3)}${this.bars ? `, bar ${this.bars.at(time_s)}` : ""}`;
  }

  // ---- drawing ----

  #drawSoon() {
    this.isDue ||= requestAnimationFrame(() => {
      this.isDue = 0;
      this.draw();
    });
  }

  draw() {
    const open = this.audio && openCanvas(this.canvas);
    if (!open) { return; }
    const { context, width, height } = open, { start, end } = this.view, { channels } = this.audio;
    this.#drawMarks(context, width, height);
    const peaks = this.measurement.peaks.between(start, end, Math.max(1, Math.round(width)), channels);
    drawPeaks(context, peaks, { width, height, colour: colour(this.element, "song", "#64748b") });
    const whole = this.#whole(), size = end - start;
    this.scroll.max = String(Math.max(0, whole.end - size));
    this.scroll.min = String(whole.start);
    this.scroll.value = String(start);
    this.scroll.hidden = size >= whole.end - whole.start;
    this.#place();
  }

  #drawMarks(context, width, height) {
    const { rate } = this.audio, x = (time_s) => this.#share(time_s * rate) * width, { bars } = this;
    context.fillStyle = colour(this.element, "line", "#d5dce6");
    if (bars) {
      const every = 2 ** Math.max(0,
        Math.ceil(Math.log2(BAR_PX / (bars.length_s * rate / (this.view.end - this.view.start) * width))));
      const last = bars.at(this.view.end / rate);
      for (let bar = bars.at(this.view.start / rate); bar <= last; bar++) {
        if ((bar - 1) % every === 0) { context.fillRect(Math.round(x(bars.start(bar))), 0, 1, height); }
      }
    }
    context.font = "12px system-ui, sans-serif";
    for (const { start_s, name } of this.marks.sections ?? []) {
      context.fillStyle = colour(this.element, "soft", "#4c5668");
      context.fillRect(Math.round(x(start_s)), 0, 1, 14);
      context.fillText(name, x(start_s) + 4, 11);
    }
  }
}
