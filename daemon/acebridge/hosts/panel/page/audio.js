/**
 * Audio files as samples, exactly as they are stored: WAV of any rate is read here, because a browser's own decoder would
 * change the rate to that of its clock. All else goes to that decoder, at the file's own rate where that is known.
 */

export { LoudnessMeter, SILENT_LUFS, equalLevelsDb } from "./loudness.js";

/**
 * Sound in memory. Arrays are as long as the whole sound; `frames` of them are filled.
 * @typedef {{rate: number, channels: Float32Array[], frames: number}} Audio
 */

/** How samples are stored, by tag of the format and bits: bytes, and how to read one of them as full scale ±1. */
const ENCODINGS = {
  "1/8": [1, (view, at) => (view.getUint8(at) - 128) / 128],
  "1/16": [2, (view, at) => view.getInt16(at, true) / 32768],
  "1/24": [3, (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8388608],
  "1/32": [4, (view, at) => view.getInt32(at, true) / 2147483648],
  "3/32": [4, (view, at) => view.getFloat32(at, true)],
  "3/64": [8, (view, at) => view.getFloat64(at, true)],
};
const EXTENSIBLE = 0xfffe, UNKNOWN_SIZE = 0xffffffff;
/** Frames that are converted before the page may do something else. */
const BLOCK = 1 << 16;
const MAX_HEADER_BYTES = 64 << 20;

/** Audio that cannot be read. Its message says why and what to do. */
export class UnreadableAudio extends Error {}

function nameAt(view, at) {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

/**
 * Reads the chunks before the samples of a WAV file.
 * @param {Uint8Array} bytes The beginning of the file.
 * @returns {{rate: number, width: number, frames: number, offset: number, bytes: number, read: Function} | null} `width` is the
 * number of channels, `frames` Infinity where the file does not say, `offset` where the samples begin, `bytes` those of a
 * frame; null where more of the file is needed.
 */
function readWavHeader(bytes) {
  if (bytes.length < 12) { return null; }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!["RIFF", "RF64"].includes(nameAt(view, 0)) || nameAt(view, 8) !== "WAVE") {
    throw new UnreadableAudio("This is not a WAV file.");
  }
  let format = null, dataBytes = null;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = nameAt(view, at), size = view.getUint32(at + 4, true), body = at + 8;
    if (name === "data") {
      if (!format) { throw new UnreadableAudio("The WAV file does not say how its samples are stored. Export it again."); }
      const whole = size === UNKNOWN_SIZE ? dataBytes ?? Infinity : size;
      return { ...format, frames: Math.floor(whole / format.bytes), offset: body };
    }
    if (body + Math.min(size, 40) > bytes.length) { return null; }
    if (name === "ds64") { dataBytes = Number(view.getBigUint64(body + 8, true)); }
    if (name === "fmt ") { format = readFormat(view, body, size); }
    at = body + size + size % 2;
  }
  if (bytes.length > MAX_HEADER_BYTES) { throw new UnreadableAudio("The WAV file holds no samples. Export it again."); }
  return null;
}

function readFormat(view, at, size) {
  let tag = view.getUint16(at, true);
  const width = view.getUint16(at + 2, true), rate = view.getUint32(at + 4, true), bits = view.getUint16(at + 14, true);
  if (tag === EXTENSIBLE && size >= 26) { tag = view.getUint16(at + 24, true); }
  const known = ENCODINGS[`${tag}/${bits}`];
  if (!known || !width || !rate) {
    const kind = `format ${tag}, ${bits} bits`;
    throw new UnreadableAudio(`The samples of the WAV file (${kind}) cannot be read. Use 16 or 24 bits, or float.`);
  }
  return { rate, width, bytes: known[0] * width, sample: known[0], read: known[1] };
}

/** Decodes a WAV file while its bytes come in. */
class WavReader {
  /** @param {(audio: Audio, from: number, to: number) => void} [onFrames] Called for frames that were added. */
  constructor(onFrames = () => {}) {
    this.onFrames = onFrames;
    this.format = null;
    /** @type {Audio | null} */
    this.audio = null;
    this.rest = new Uint8Array(0);
    this.isGrowing = false;
  }

  /** Takes the next bytes of the file. Raises UnreadableAudio. @param {Uint8Array} bytes */
  push(bytes) {
    if (this.rest.length) {
      const joined = new Uint8Array(this.rest.length + bytes.length);
      joined.set(this.rest);
      joined.set(bytes, this.rest.length);
      bytes = joined;
    }
    if (!this.format) {
      this.format = readWavHeader(bytes);
      if (!this.format) {
        this.rest = bytes.slice();
        return;
      }
      this.#open();
      bytes = bytes.subarray(this.format.offset);
    }
    this.rest = this.#decode(bytes).slice();
  }

  /** The whole sound. What the file says to hold and does not is left out. @returns {Audio} */
  finish() {
    if (!this.audio) { throw new UnreadableAudio("This is not a WAV file, or its beginning alone."); }
    const { audio } = this;
    if (audio.frames < audio.channels[0].length) {
      audio.channels = audio.channels.map((samples) => samples.subarray(0, audio.frames));
    }
    return audio;
  }

  #open() {
    const { frames, width, rate } = this.format;
    this.isGrowing = frames === Infinity;
    try {
      const size = this.isGrowing ? BLOCK : frames;
      this.audio = { rate, frames: 0, channels: Array.from({ length: width }, () => new Float32Array(size)) };
    } catch (error) {
      const length_s = Math.round(frames / rate);
      throw new UnreadableAudio(`${length_s} s of audio do not fit into the memory of the browser. Use a part of it.`,
        { cause: error });
    }
  }

  /** Reads whole frames and returns the bytes that are left. */
  #decode(bytes) {
    const { audio, format } = this;
    const count = Math.min(Math.floor(bytes.length / format.bytes), format.frames - audio.frames);
    if (count <= 0) { return audio.frames >= format.frames ? bytes.subarray(0, 0) : bytes; }
    if (this.isGrowing) { this.#widen(audio.frames + count); }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), from = audio.frames, { read } = format;
    audio.channels.forEach((samples, channel) => {
      for (let i = 0, at = channel * format.sample; i < count; i++, at += format.bytes) { samples[from + i] = read(view, at); }
    });
    audio.frames += count;
    this.onFrames(audio, from, audio.frames);
    return bytes.subarray(count * format.bytes);
  }

  #widen(frames) {
    const { audio } = this, size = audio.channels[0].length;
    if (frames <= size) { return; }
    audio.channels = audio.channels.map((samples) => {
      const wider = new Float32Array(Math.max(frames, Math.ceil(1.5 * size)));
      wider.set(samples);
      return wider;
    });
  }
}

/** Lets the page handle what a person did meanwhile. */
function giveWay() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); done(); };
    port2.postMessage(null);
  });
}

/**
 * Decodes a WAV file from a stream of bytes, of which never more than a block is held.
 * @param {ReadableStream<Uint8Array>} stream
 * @param {{onFrames?: (audio: Audio, from: number, to: number) => void, signal?: AbortSignal}} [options]
 * @returns {Promise<Audio>}
 */
export async function readWav(stream, { onFrames, signal } = {}) {
  const wav = new WavReader(onFrames), reader = stream.getReader();
  const stop = () => { reader.cancel().catch(() => {}); };
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) { return wav.finish(); }
      for (let at = 0; at < value.length; at += 8 * BLOCK) {
        wav.push(value.subarray(at, at + 8 * BLOCK));
        await giveWay();
      }
    }
  } catch (error) {
    stop();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * Decodes a file of any kind from a stream. WAV is read as it is, and `onFrames` called while it comes in; all else is read by
 * the browser, at `rate` where it is known.
 * @param {ReadableStream<Uint8Array>} stream
 * @param {{rate?: number, onFrames?: (audio: Audio, from: number, to: number) => void, signal?: AbortSignal}} [options]
 * @returns {Promise<Audio>}
 */
export async function readAudio(stream, { rate, onFrames = () => {}, signal } = {}) {
  const { start, whole } = await peek(stream);
  if (/^(RIFF|RF64)....WAVE$/s.test(String.fromCharCode(...start))) { return readWav(whole, { onFrames, signal }); }
  const audio = await decodeOther(await new Response(whole).arrayBuffer(), rate);
  signal?.throwIfAborted();
  onFrames(audio, 0, audio.frames);
  return audio;
}

/** The first 12 bytes of a stream, and a stream of all of it. */
async function peek(stream) {
  const reader = stream.getReader(), first = [];
  let count = 0, isOver = false;
  while (count < 12 && !isOver) {
    const { done, value } = await reader.read();
    isOver = done;
    if (value) { first.push(value); count += value.length; }
  }
  const start = new Uint8Array(await new Blob(first).slice(0, 12).arrayBuffer());
  const whole = new ReadableStream({
    async pull(out) {
      if (first.length) { out.enqueue(first.shift()); return; }
      const { done, value } = await reader.read();
      if (done) { out.close(); } else { out.enqueue(value); }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { start, whole };
}

/** @param {ArrayBuffer} bytes @param {number} [rate] @returns {Promise<Audio>} */
async function decodeOther(bytes, rate) {
  const context = new OfflineAudioContext(1, 1, rate || 48000);
  try {
    const buffer = await context.decodeAudioData(bytes);
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, number) => buffer.getChannelData(number));
    return { rate: buffer.sampleRate, channels, frames: buffer.length };
  } catch (error) {
    throw new UnreadableAudio("This browser cannot read the file. Convert it to WAV or FLAC.", { cause: error });
  }
}
