/** Bars of a song: where they begin, from a tempo, a meter and the first bar, or from beats that were measured. */

export class Bars {
  /**
   * @param {{bpm: number, beats?: number, offset_s?: number, downbeats?: number[]}} song `beats` of a bar; bar 1 begins at
   * `offset_s`. With `downbeats`, in seconds and in order, bars begin there, and by the tempo before and after them.
   */
  constructor({ bpm, beats = 4, offset_s = 0, downbeats = [] }) {
    this.length_s = 60 * beats / bpm;
    this.offset_s = downbeats.length ? downbeats[0] : offset_s;
    this.downbeats = downbeats;
  }

  /** When a bar begins, in seconds; bars count from 1, and those before the first are 0, -1, … @param {number} bar */
  start(bar) {
    const at = bar - 1, { downbeats } = this, last = downbeats.length - 1;
    if (at < 0 || last < 0) { return this.offset_s + at * this.length_s; }
    return at <= last ? downbeats[at] : downbeats[last] + (at - last) * this.length_s;
  }

  /** The bar that sounds at a time. @param {number} time_s */
  at(time_s) {
    const { downbeats } = this, last = downbeats.length - 1;
    if (last < 0 || time_s < downbeats[0]) { return 1 + Math.floor((time_s - this.offset_s) / this.length_s + 1e-9); }
    if (time_s >= downbeats[last]) { return 1 + last + Math.floor((time_s - downbeats[last]) / this.length_s + 1e-9); }
    return downbeats.findLastIndex((each) => each <= time_s + 1e-9) + 1;
  }

  /** The beginning of a bar that is nearest to a time, in seconds. @param {number} time_s */
  snap(time_s) {
    const bar = this.at(time_s), before = this.start(bar), after = this.start(bar + 1);
    return time_s - before <= after - time_s ? before : after;
  }
}
