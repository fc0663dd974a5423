/**
 * Changes the rate of a sound for playing it beside sounds of another rate, any stretch alone: stretches that follow one
 * another fit together. What is saved or dragged out is never changed so.
 */

/** Zero crossings of the sinc on each side. */
const REACH = 24;
const STEPS = 512;
/** One side of a sinc under a Kaiser window (beta 9), STEPS values for each zero crossing. */
let table = null;

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function kernel() {
  if (!table) {
    table = new Float32Array(REACH * STEPS + 2);
    for (let i = 0; i < REACH * STEPS; i++) {
      const x = i / STEPS, window = bessel(9 * Math.sqrt(1 - (x / REACH) ** 2)) / bessel(9);
      table[i] = (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
    }
  }
  return table;
}

/** Frames of the sound, at its own rate, that a frame depends on at each side. */
export function reachOf(from, to) {
  return Math.ceil(REACH * Math.max(1, from / to));
}

/**
 * Samples `start` to `start + count` of a sound at another rate.
 * @param {Float32Array} samples The sound at the rate `from`.
 * @param {number} from @param {number} to Hz.
 * @param {number} start @param {number} count Frames at the rate `to`.
 */
export function resample(samples, from, to, start, count) {
  const out = new Float32Array(count), values = kernel();
  const step = from / to, cut = Math.min(1, to / from), reach = reachOf(from, to);
  for (let i = 0; i < count; i++) {
    const at = (start + i) * step, middle = Math.floor(at);
    const last = Math.min(samples.length - 1, middle + reach);
    let sum = 0;
    for (let k = Math.max(0, middle - reach + 1); k <= last; k++) {
      const x = Math.abs(at - k) * cut * STEPS, cell = Math.floor(x);
      if (cell < REACH * STEPS) { sum += samples[k] * (values[cell] + (x - cell) * (values[cell + 1] - values[cell])); }
    }
    out[i] = sum * cut;
  }
  return out;
}
