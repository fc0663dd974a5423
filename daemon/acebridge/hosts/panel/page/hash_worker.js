/**
 * The SHA-256 of a large file (FIPS 180-4), piece by piece: crypto.subtle would need all of it in memory.
 */

const PIECE_BYTES = 8 * 2 ** 20;
const PRIMES = firstPrimes(64);
const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));

function firstPrimes(count) {
  const found = [];
  for (let number = 2; found.length < count; number++) { if (found.every((prime) => number % prime)) { found.push(number); } }
  return found;
}

/** @returns {number} the first 32 bits behind the point */
function fraction(root) {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

/** The running hash of bytes that come in pieces. */
class Sha256 {
  constructor() {
    this.state = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(64);
    this.restBytes = 0;
    this.bytes = 0;
  }

  /** @param {Uint8Array} data */
  update(data) {
    this.bytes += data.length;
    let at = 0;
    if (this.restBytes) {
      at = Math.min(64 - this.restBytes, data.length);
      this.rest.set(data.subarray(0, at), this.restBytes);
      this.restBytes += at;
      if (this.restBytes < 64) { return this; }
      this.#block(this.rest, 0);
      this.restBytes = 0;
    }
    for (; at + 64 <= data.length; at += 64) { this.#block(data, at); }
    this.rest.set(data.subarray(at), 0);
    this.restBytes = data.length - at;
    return this;
  }

  /** @returns {string} the hash in hexadecimal */
  hex() {
    const bits = this.bytes * 8, length = this.restBytes < 56 ? 64 : 128;
    const end = new Uint8Array(length);
    end.set(this.rest.subarray(0, this.restBytes));
    end[this.restBytes] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(length - 4, bits >>> 0);
    for (let at = 0; at < length; at += 64) { this.#block(end, at); }
    return Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #block(data, at) {
    const w = this.words, state = this.state;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + low + w[i - 7] + high) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const upper = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + upper + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const lower = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (lower + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
  }
}

self.onmessage = async ({ data: file }) => {
  try {
    const hash = new Sha256();
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      hash.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
    }
    self.postMessage({ hash: hash.hex() });
  } catch (error) {
    self.postMessage({ error: String(error.message || error) });
  }
};
