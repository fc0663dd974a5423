/**
 * The region in numbers, and bars: tempo, meter, where the first bar begins. Beside the waveform, for keys and exact values.
 */

import { Bars } from "./bars.js";
import { make } from "./elements.js";

const NEEDS_TEMPO = "Bars need a tempo: write it, or have the task Understand find it.";

export class RegionFields {
  /** @param {import("./waveform.js").Waveform} waveform */
  constructor(waveform) {
    this.waveform = waveform;
    const number = (text, properties) => {
      const input = make("input", { type: "number", inputMode: "decimal", ...properties });
      return [input, make("label", { className: "wave-field" }, text, input)];
    };
    const region = { step: "any", onchange: () => this.#readRegion() }, bars = { onchange: () => this.#readBars() };
    const [start, startField] = number("Start, s", region), [end, endField] = number("End, s", region);
    const byBar = { step: 1, onchange: () => this.#readBarRegion() };
    const [first, firstField] = number("From bar", byBar), [last, lastField] = number("To bar", byBar);
    const [bpm, bpmField] = number("Tempo, bpm", { min: 30, max: 300, step: "any", ...bars });
    const [beats, beatsField] = number("Beats in a bar", { min: 1, max: 16, step: 1, value: 4, ...bars });
    const [offset, offsetField] = number("Bar 1 at, s", { step: "any", value: 0, ...bars });
    const snap = make("input", { type: "checkbox", onchange: () => this.#showBars() });
    this.inputs = { start, end, first, last, bpm, beats, offset, snap };
    this.needsTempo = make("p", { className: "help", role: "status" });
    this.barFields = make("div", { className: "wave-fields" }, firstField, lastField, bpmField, beatsField, offsetField);
    this.clear = make("button", { type: "button", onclick: () => { waveform.setRegion(null); start.focus(); } }, "No region");
    this.element = make("div", { className: "wave-numbers", role: "group", "aria-label": "Region" },
      make("div", { className: "wave-fields" }, startField, endField, this.clear,
        make("label", { className: "wave-check" }, snap, "By bars")), this.barFields, this.needsTempo);
    this.#showBars();
  }

  /** Whether a region begins and ends on bars. */
  get snaps() {
    return this.inputs.snap.checked;
  }

  /** Fills in what is known of a song. @param {import("./waveform.js").Marks} marks */
  show({ bpm, timesignature, offset_s, downbeats }) {
    this.inputs.bpm.value = bpm ? String(Math.round(1000 * bpm) / 1000) : "";
    this.inputs.beats.value = String(timesignature || 4);
    this.inputs.offset.value = String(Math.round(1000 * (downbeats?.[0] ?? offset_s ?? 0)) / 1000);
    this.#showBars();
  }

  /** @param {import("./waveform.js").Region | null} region */
  showRegion(region) {
    const { start, end, first, last } = this.inputs, { bars } = this.waveform;
    start.value = region ? region.start_s.toFixed(3) : "";
    end.value = region ? region.end_s.toFixed(3) : "";
    first.value = region && bars ? String(bars.at(region.start_s + 1e-3)) : "";
    last.value = region && bars ? String(bars.at(region.end_s - 1e-3)) : "";
    this.clear.disabled = !region;
  }

  #showBars() {
    this.barFields.hidden = !this.snaps;
    const hasTempo = Number(this.inputs.bpm.value) > 0;
    for (const input of [this.inputs.first, this.inputs.last]) { input.disabled = !hasTempo; }
    this.needsTempo.textContent = this.snaps && !hasTempo ? NEEDS_TEMPO : "";
  }

  #readRegion() {
    const { start, end } = this.inputs;
    if (start.value === "" || end.value === "") { return; }
    this.waveform.setRegion({ start_s: Number(start.value), end_s: Number(end.value) });
  }

  #readBars() {
    const bpm = Number(this.inputs.bpm.value), beats = Number(this.inputs.beats.value) || 4;
    this.waveform.setBars(bpm > 0 ? new Bars({ bpm, beats, offset_s: Number(this.inputs.offset.value) }) : null);
    this.#showBars();
    this.showRegion(this.waveform.getRegion());
  }

  #readBarRegion() {
    const { first, last } = this.inputs, { bars } = this.waveform;
    if (!bars || first.value === "" || last.value === "") { return; }
    const [from, to] = [Number(first.value), Number(last.value)].sort((a, b) => a - b);
    this.waveform.setRegion({ start_s: bars.start(from), end_s: bars.start(to + 1) });
  }
}
