/**
 * Measures recordings in a worker: their peaks and their loudness. Samples go there in slices, so what is held twice at a time
 * is a few MB, however long the song is.
 */

import { Peaks } from "./peaks.js";
import { SILENT_LUFS } from "./loudness.js";

/** Frames of a slice: 2 MB in stereo. */
const SLICE = 1 << 18;

let worker = null, turns = 0, ids = 0;
/** @type {Map<number, (message: object) => void>} */
const answers = new Map();

function ask(message, handOver = []) {
  if (!worker) {
    worker = new Worker(new URL("./sound_worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      answers.get(data.turn)?.(data);
      answers.delete(data.turn);
    };
  }
  const turn = ++turns;
  return new Promise((done) => {
    answers.set(turn, done);
    worker.postMessage({ ...message, turn }, handOver);
  });
}

/** The measurement of one recording, which may still grow. */
export class Measurement {
  /** @param {number} rate Hz. */
  constructor(rate) {
    this.id = ++ids;
    this.rate = rate;
    this.peaks = new Peaks();
    /** Called when more peaks are known. @type {Set<() => void>} */
    this.listeners = new Set();
    this.isOver = false;
    /** What was sent last: slices are measured one after the other. */
    this.last = Promise.resolve();
  }

  /**
   * Takes the next frames, of which a copy is sent. Resolves when they are measured.
   * @param {Float32Array[]} channels
   */
  push(channels) {
    this.last = this.last.then(() => this.#send(channels));
    return this.last;
  }

  async #send(channels) {
    const frames = channels.length ? channels[0].length : 0;
    for (let at = 0; at < frames && !this.isOver; at += SLICE) {
      const copies = channels.map((samples) => samples.slice(at, at + SLICE));
      const message = { kind: "push", id: this.id, rate: this.rate, channels: copies };
      const { spans } = await ask(message, copies.map((samples) => samples.buffer));
      this.peaks.put(spans);
      for (const listener of this.listeners) { listener(); }
    }
  }

  /** The integrated loudness of all that was pushed, in LUFS. @returns {Promise<number>} */
  async loudness() {
    await this.last;
    if (this.isOver) { return SILENT_LUFS; }
    return (await ask({ kind: "loudness", id: this.id })).lufs ?? SILENT_LUFS;
  }

  /** Ends it; what is still to be sent is not. */
  forget() {
    this.isOver = true;
    worker?.postMessage({ kind: "forget", id: this.id });
  }
}
