/** Peaks of a waveform: the lowest, highest and mean (RMS) level of each span of SPAN frames, over all channels. */

/** Frames in a span. 20 minutes at 48 kHz are 225,000 of them, 2.7 MB. */
export const SPAN = 256;

/** Finds the peaks of audio while it comes in, in blocks of any length. */
export class PeakMeter {
  constructor() {
    this.frames = 0;
    this.low = Infinity;
    this.high = -Infinity;
    this.power = 0;
  }

  /**
   * Takes the next frames and returns the spans that they touch, the last of which may get more.
   * @param {Float32Array[]} channels
   * @returns {{first: number, low: Float32Array, high: Float32Array, rms: Float32Array}}
   */
  push(channels) {
    const count = channels.length ? channels[0].length : 0;
    const first = Math.floor(this.frames / SPAN), end = Math.ceil((this.frames + count) / SPAN);
    const size = count ? end - first : 0;
    const out = { first, low: new Float32Array(size), high: new Float32Array(size), rms: new Float32Array(size) };
    for (let at = 0, span = 0; at < count; span++) {
      const inside = this.frames % SPAN, stop = Math.min(count, at + SPAN - inside);
      for (const samples of channels) { this.#take(samples, at, stop); }
      const held = inside + stop - at;
      out.low[span] = this.low;
      out.high[span] = this.high;
      out.rms[span] = Math.sqrt(this.power / (held * channels.length));
      this.frames += stop - at;
      at = stop;
      if (held === SPAN) {
        this.low = Infinity;
        this.high = -Infinity;
        this.power = 0;
      }
    }
    return out;
  }

  #take(samples, at, stop) {
    let { low, high, power } = this;
    for (let i = at; i < stop; i++) {
      const x = samples[i];
      if (x < low) { low = x; }
      if (x > high) { high = x; }
      power += x * x;
    }
    this.low = low;
    this.high = high;
    this.power = power;
  }
}

/** The peaks of one recording, which may still grow. */
export class Peaks {
  constructor() {
    this.spans = 0;
    this.low = new Float32Array(1024);
    this.high = new Float32Array(1024);
    this.rms = new Float32Array(1024);
  }

  /** Takes what PeakMeter.push returns. */
  put({ first, low, high, rms }) {
    this.spans = Math.max(this.spans, first + low.length);
    for (const name of ["low", "high", "rms"]) {
      if (this[name].length < this.spans) {
        const wider = new Float32Array(Math.max(2 * this[name].length, this.spans));
        wider.set(this[name]);
        this[name] = wider;
      }
    }
    this.low.set(low, first);
    this.high.set(high, first);
    this.rms.set(rms, first);
  }

  /** The largest level, whatever its sign. */
  get highest() {
    let found = 0;
    for (let i = 0; i < this.spans; i++) { found = Math.max(found, this.high[i], -this.low[i]); }
    return found;
  }

  /**
   * Peaks of equal columns between two frames; a column without audio has low > high.
   * @param {number} start @param {number} end Frames, not whole ones either.
   * @param {number} columns
   * @param {Float32Array[]} channels The samples themselves, for columns that are shorter than a span.
   */
  between(start, end, columns, channels) {
    const out = { low: new Float32Array(columns), high: new Float32Array(columns), rms: new Float32Array(columns) };
    const width = (end - start) / columns, bySpan = width >= 2 * SPAN;
    for (let column = 0; column < columns; column++) {
      const from = start + column * width;
      this.#fill(out, column, from, from + width, bySpan ? null : channels);
    }
    return out;
  }

  #fill(out, column, from, to, channels) {
    const unit = channels ? 1 : SPAN, limit = channels ? channels[0].length : this.spans;
    const first = Math.max(0, Math.floor(from / unit));
    const stop = to > 0 ? Math.min(limit, Math.max(first + 1, Math.floor(to / unit))) : first;
    let low = Infinity, high = -Infinity, power = 0;
    for (let i = first; i < stop; i++) {
      if (!channels) {
        low = Math.min(low, this.low[i]);
        high = Math.max(high, this.high[i]);
        power += this.rms[i] ** 2;
        continue;
      }
      for (const samples of channels) {
        low = Math.min(low, samples[i]);
        high = Math.max(high, samples[i]);
        power += samples[i] ** 2 / channels.length;
      }
    }
    out.low[column] = low;
    out.high[column] = high;
    out.rms[column] = stop > first ? Math.sqrt(power / (stop - first)) : 0;
  }
}
