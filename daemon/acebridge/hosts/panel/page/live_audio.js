/**
 * Sound from the daemon into the player: a stored recording, or an output while it is generated. Both come as a WAV file whose
 * header says how long it will be, and both can be heard before they are complete.
 */

import { request } from "./api.js";
import { readAudio } from "./audio.js";
import { Measurement } from "./measure.js";

/** Before a sound that arrives faster than it plays begins, this much of it is there, in seconds. */
const HEADSTART_S = 1;
/** Sound that arrives more slowly begins when the rest will have come in time, with this share to spare. */
const SPARE = 0.15;

/** Says when a sound that arrives can be played to its end without a gap. */
export class Arrival {
  /** @param {() => number} [now] A clock, in ms. */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.start = null;
    this.first_s = 0;
  }

  /**
   * @param {number} have_s What has arrived, in seconds. @param {number} whole_s All of it.
   * @returns {boolean} Whether what is still to come will be there in time.
   */
  playsThrough(have_s, whole_s) {
    if (have_s >= whole_s) { return true; }
    if (this.start === null) {
      // What lies there already says nothing of how fast the rest comes.
      this.start = this.now();
      this.first_s = have_s;
      return false;
    }
    const waited_s = (this.now() - this.start) / 1000, speed = waited_s > 0 ? (have_s - this.first_s) / waited_s : 0;
    if (speed <= 0 || have_s < Math.min(HEADSTART_S, whole_s)) { return false; }
    return (whole_s - have_s) / speed * (1 + SPARE) <= whole_s;
  }
}

/**
 * A sound that is read.
 * @typedef {{audio: import("./audio.js").Audio | null, measurement: Measurement | null, lufs: number | null}} Recording
 */

/**
 * Recordings that somebody still holds, by where they came from: a song is read once.
 * @type {Map<string, WeakRef<Recording>>}
 */
const known = new Map();
/** What is read now: its recording so far, who waits for it, and what ends it when nobody does any more. */
const reads = new Map();

/**
 * Reads a sound. What was read before and is still in use is not read again, nor is what is read for somebody else now.
 * @param {string} path Where it is.
 * @param {{rate?: number, onFrames?: (recording: Recording, have: number) => void, signal?: AbortSignal}} [options] `rate` is
 * needed for what is no WAV; `onFrames` is called when `have` frames are there.
 * @returns {Promise<Recording>} Complete, with its loudness.
 */
function readRecording(path, { rate, onFrames = () => {}, signal } = {}) {
  const before = known.get(path)?.deref();
  if (before) {
    onFrames(before, before.audio.frames);
    return Promise.resolve(before);
  }
  if (!reads.has(path)) { startRead(path, rate); }
  const read = reads.get(path);
  read.listeners.add(onFrames);
  if (read.recording.audio) { onFrames(read.recording, read.have); }
  return new Promise((done, fail) => {
    signal?.addEventListener("abort", () => {
      read.listeners.delete(onFrames);
      if (!read.listeners.size) { read.stop.abort(); }
      fail(signal.reason);
    });
    read.promise.then(done, fail);
  });
}

function startRead(path, rate) {
  const read = { recording: { audio: null, measurement: null, lufs: null }, have: 0, listeners: new Set(),
    stop: new AbortController() };
  reads.set(path, read);
  read.promise = readWhole(path, rate, read).finally(() => { if (reads.get(path) === read) { reads.delete(path); } });
  read.stop.signal.addEventListener("abort", () => { if (reads.get(path) === read) { reads.delete(path); } });
}

async function readWhole(path, rate, read) {
  const { recording, listeners, stop } = read, { signal } = stop, answer = await request(path, { signal });
  const take = (audio, from, to) => {
    if (!recording.audio) { Object.assign(recording, { audio, measurement: new Measurement(audio.rate) }); }
    read.have = to;
    recording.measurement.push(audio.channels.map((samples) => samples.subarray(from, to)));
    for (const listener of listeners) { listener(recording, to); }
  };
  try {
    const audio = await readAudio(answer.body, { rate, onFrames: take, signal });
    if (!recording.audio) { take(audio, 0, 0); }
    recording.lufs = await recording.measurement.loudness();
  } finally {
    recording.measurement?.forget();
  }
  known.set(path, new WeakRef(recording));
  return recording;
}

/**
 * Remembers a recording under another path too: an output under that of its asset.
 * @param {string} path
 * @param {Recording} recording
 */
export function remember(path, recording) {
  known.set(path, new WeakRef(recording));
}

/** @param {string} assetId */
export function assetPath(assetId) {
  return `/v1/assets/${assetId}/audio`;
}

/** @param {string} jobId @param {number} output Its number, from 1. */
export function outputPath(jobId, output) {
  return `/v1/jobs/${jobId}/outputs/${output}/audio`;
}

/**
 * Reads a sound into a player, where it can be heard while it arrives.
 * @param {import("./player.js").Player} player
 * @param {{id: string, name: string, role?: string, start_s?: number}} sound As Player.addSound takes it.
 * @param {string} path
 * @param {{rate?: number, signal?: AbortSignal, onStart?: () => void, onFrames?: (have_s: number, whole_s: number) => void}}
 * [options] `onStart` is called when the player has the sound.
 * @returns {Promise<Recording>} When it is complete.
 */
export async function hear(player, sound, path, { rate, signal, onStart = () => {}, onFrames = () => {} } = {}) {
  let isThere = false;
  const recording = await readRecording(path, {
    rate, signal,
    onFrames: ({ audio, measurement, lufs }, have) => {
      const whole = audio.channels[0].length;
      if (!isThere) {
        isThere = true;
        player.addSound({ ...sound, rate: audio.rate, channels: audio.channels, frames: whole, have, lufs });
        onStart({ audio, measurement });
      }
      player.extend(sound.id, have);
      onFrames(have / audio.rate, whole / audio.rate);
    },
  });
  player.finish(sound.id);
  player.setLoudness(sound.id, recording.lufs);
  return recording;
}
