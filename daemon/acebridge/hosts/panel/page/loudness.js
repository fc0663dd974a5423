/**
 * Integrated loudness by Recommendation ITU-R BS.1770-4, measured while audio comes in: the same sums as
 * acestep_runtime/audio/loudness.py. Stores ten numbers a second.
 */

const HEAD_HZ = 1681.974450955533, HEAD_DB = 3.999843853973347, HEAD_Q = 0.7071752369554196;
const LOW_HZ = 38.13547087602444, LOW_Q = 0.5003270373238773;
/** Loudness of silence: the absolute gate. */
export const SILENT_LUFS = -70;
const RELATIVE_GATE_LU = -10;
const STEP_S = 0.1;
/** For equal loudness nothing is turned down by more: beside something next to silent, all else would vanish. */
export const MAX_EQUAL_DB = 15;

/**
 * The K-weighting at a sample rate as two second-order sections [b0, b1, b2, a1, a2].
 * @param {number} rate
 */
function kWeighting(rate) {
  let k = Math.tan(Math.PI * HEAD_HZ / rate);
  const high = 10 ** (HEAD_DB / 20), middle = high ** 0.4996667741545416;
  let whole = 1 + k / HEAD_Q + k * k;
  const head = [
    (high + middle * k / HEAD_Q + k * k) / whole, 2 * (k * k - high) / whole, (high - middle * k / HEAD_Q + k * k) / whole,
    2 * (k * k - 1) / whole, (1 - k / HEAD_Q + k * k) / whole,
  ];
  k = Math.tan(Math.PI * LOW_HZ / rate);
  whole = 1 + k / LOW_Q + k * k;
  return [head, [1, -2, 1, 2 * (k * k - 1) / whole, (1 - k / LOW_Q + k * k) / whole]];
}

/** @param {number} power Weighted power, all channels together. */
function powerToLufs(power) {
  return -0.691 + 10 * Math.log10(Math.max(power, 1e-20));
}

function mean(values) {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

/** Measures audio in blocks of any length. */
export class LoudnessMeter {
  /** @param {number} rate Hz. */
  constructor(rate) {
    [this.head, this.low] = kWeighting(rate);
    this.step = Math.round(STEP_S * rate);
    /** Powers of whole steps, then the sum of the one that has begun. */
    this.steps = [];
    this.sum = 0;
    this.count = 0;
    /** Memories of both filters, for each channel. @type {Float64Array[]} */
    this.state = [];
  }

  /** @param {Float32Array[]} channels The next frames, one array for each channel, all of one length. */
  push(channels) {
    const frames = channels.length ? channels[0].length : 0;
    for (let at = 0; at < frames;) {
      const stop = Math.min(frames, at + this.step - this.count);
      channels.forEach((samples, number) => { this.sum += this.#power(samples, number, at, stop); });
      this.count += stop - at;
      at = stop;
      if (this.count === this.step) {
        this.steps.push(this.sum / this.step);
        this.sum = this.count = 0;
      }
    }
  }

  /** The sum of squares of weighted samples `at` to `stop` of a channel. */
  #power(samples, number, at, stop) {
    const state = this.state[number] ??= new Float64Array(4);
    const [b0, b1, b2, a1, a2] = this.head, [c0, c1, c2, d1, d2] = this.low;
    let [p, q, r, s] = state, sum = 0;
    for (let i = at; i < stop; i++) {
      const x = samples[i], y = b0 * x + p;
      p = b1 * x - a1 * y + q;
      q = b2 * x - a2 * y;
      const z = c0 * y + r;
      r = c1 * y - d1 * z + s;
      s = c2 * y - d2 * z;
      sum += z * z;
    }
    state.set([p, q, r, s]);
    return sum;
  }

  /** The gated loudness so far in LUFS, SILENT_LUFS for silence; below 400 ms, the ungated one. */
  lufs() {
    let blocks;
    if (this.steps.length < 4) {
      const frames = this.steps.length * this.step + this.count;
      const sum = this.steps.reduce((total, each) => total + each * this.step, this.sum);
      blocks = frames ? [sum / frames] : [];
    } else {
      blocks = this.steps.slice(3).map((_, i) => mean(this.steps.slice(i, i + 4)));
    }
    const loud = blocks.filter((power) => powerToLufs(power) > SILENT_LUFS);
    if (!loud.length) { return SILENT_LUFS; }
    const gate = powerToLufs(mean(loud)) + RELATIVE_GATE_LU;
    return powerToLufs(mean(loud.filter((power) => powerToLufs(power) > gate)));
  }
}

/**
 * The level, 0 dB or below, of each recording at which all are equally loud. The louder ones are turned down to the quietest
 * that is not MAX_EQUAL_DB below the loudest, so nothing clips; what is silent or far below stays as it is.
 * @param {number[]} loudness LUFS.
 */
export function equalLevelsDb(loudness) {
  const heard = loudness.filter((lufs) => lufs > SILENT_LUFS);
  const loudest = Math.max(...heard);
  const quietest = Math.min(...heard.filter((lufs) => lufs >= loudest - MAX_EQUAL_DB));
  return loudness.map((lufs) => (lufs > SILENT_LUFS ? Math.min(0, quietest - lufs) : 0));
}
