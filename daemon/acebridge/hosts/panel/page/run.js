/**
 * A stretch of playing without a jump that a person asked for: sounds on one clock, in pieces that follow one another to the
 * frame. Each jump (another take, another place, another loop) is a new run, and the player fades from one to the other.
 *
 *     pieces of a sound ─► level of that sound ─┐
 *     pieces of a sound ─► level of that sound ─┴─► edge (waits for sound) ─► bus (fades in and out) ─► out
 *
 * All times are frames: on the clock of the context, or on the time line of the music, which has the same rate.
 */

import { reachOf, resample } from "./resample.js";

export const FADE_S = 0.005;
/** What is scheduled is this far ahead at least, so that the audio thread gets it before it is due. */
export const LEAD_S = 0.01;
const PIECE_S = 1;

/** An AudioParam whose value at any frame is known, so that a ramp may begin within another one. */
export class Level {
  /** @param {AudioParam} param @param {number} rate @param {number} value */
  constructor(param, rate, value) {
    Object.assign(this, { param, rate, from: value, to: value, start: 0, end: 0 });
    param.setValueAtTime(value, 0);
  }

  at(frame) {
    if (frame >= this.end) { return this.to; }
    if (frame <= this.start) { return this.from; }
    return this.from + (this.to - this.from) * (frame - this.start) / (this.end - this.start);
  }

  /** Goes to a value from `frame` on, in FADE_S. */
  ramp(value, frame) {
    const from = this.at(frame), end = frame + Math.round(FADE_S * this.rate);
    this.param.cancelScheduledValues(frame / this.rate);
    this.param.setValueAtTime(from, frame / this.rate);
    this.param.linearRampToValueAtTime(value, end / this.rate);
    Object.assign(this, { from, to: value, start: frame, end });
  }

  /** Takes a ramp back that has not begun. */
  cancel() {
    this.param.cancelScheduledValues(this.start / this.rate);
    Object.assign(this, { to: this.from, end: this.start });
  }
}

export class Run {
  /**
   * @param {BaseAudioContext} context
   * @param {AudioNode} out
   * @param {{sounds: Map<object, number>, end: number, loop: {start: number, end: number} | null}} what The sounds with their
   * levels, the end of the music, and the stretch to repeat.
   * @param {number} frame When it begins.
   * @param {number} place Where in the music.
   * @param {boolean} fadesIn
   */
  constructor(context, out, what, frame, place, fadesIn) {
    const rate = context.sampleRate;
    Object.assign(this, { context, rate, end: what.end, loop: what.loop, stalls: 0, over: null });
    this.busNode = context.createGain();
    this.edgeNode = context.createGain();
    this.edgeNode.connect(this.busNode).connect(out);
    this.bus = new Level(this.busNode.gain, rate, fadesIn ? 0 : 1);
    this.edge = new Level(this.edgeNode.gain, rate, 1);
    if (fadesIn) { this.bus.ramp(1, frame); }
    /** @type {Map<object, Level>} */
    this.levels = new Map();
    for (const [sound, level] of what.sounds) {
      const node = context.createGain();
      node.connect(this.edgeNode);
      this.levels.set(sound, Object.assign(new Level(node.gain, rate, level), { node }));
    }
    this.sources = new Set();
    /** What is scheduled, in order. @type {{at: number, place: number, frames: number}[]} */
    this.segments = [];
    this.next = { at: frame, place };
    this.start = { at: frame, place };
    this.isWaiting = false;
  }

  /** Frames of the music that all its sounds have, from its beginning. */
  get available() {
    return Math.min(Infinity, ...[...this.levels.keys()].map((sound) => availableOf(sound, this.rate)));
  }

  /** The last frame of what follows `place` without a jump. */
  #stop(place) {
    return this.loop && place < this.loop.end ? this.loop.end : this.end;
  }

  /** Schedules what is due before the frame `until`; `now` is the clock. */
  fill(now, until) {
    while (this.next.at < until && this.over === null) {
      const { place } = this.next;
      if (place >= this.#stop(place)) {
        this.over = this.next.at;
        return;
      }
      const piece = Math.round(PIECE_S * this.rate);
      const stop = Math.min(place + piece, this.#stop(place), this.available);
      if (stop <= place) {
        this.#wait();
        return;
      }
      if (this.isWaiting) { this.#goOn(now); }
      for (const sound of this.levels.keys()) { this.#schedule(sound, place, stop - place, this.next.at); }
      this.segments.push({ at: this.next.at, place, frames: stop - place });
      this.next.at += stop - place;
      this.next.place = this.loop && stop === this.loop.end ? this.loop.start : stop;
    }
    this.segments = this.segments.filter((each) => each.at + each.frames > now - 2 * this.rate);
  }

  #wait() {
    if (this.isWaiting) { return; }
    this.isWaiting = true;
    // Should no more come in time, the sound ends in a fade and not in a click.
    if (this.segments.length) { this.edge.ramp(0, this.next.at - Math.round(FADE_S * this.rate)); }
  }

  #goOn(now) {
    this.isWaiting = false;
    const lead = Math.round(LEAD_S * this.rate);
    if (now + lead < this.edge.start) {
      this.edge.cancel();
    } else if (this.segments.length || this.next.at < now + lead) {
      this.stalls += this.segments.length ? 1 : 0;
      this.next.at = Math.max(this.next.at, now + lead);
      if (this.segments.length) { this.edge.ramp(1, this.next.at); }
    }
  }

  #schedule(sound, place, frames, at) {
    const own = Math.max(place, sound.start), stop = Math.min(place + frames, sound.start + lengthOf(sound, this.rate));
    if (stop <= own) { return; }
    const buffer = pieceOf(this.context, sound, own - sound.start, stop - own), source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.levels.get(sound).node);
    source.start((at + own - place) / this.rate);
    this.sources.add(source);
    source.onended = () => {
      source.disconnect();
      this.sources.delete(source);
    };
  }

  /** Whether at that frame a sound is due and there. */
  sounds(frame) {
    return this.segments.some(({ at, frames }) => frame >= at && frame < at + frames);
  }

  /** The place in the music at a frame of the clock. */
  placeAt(frame) {
    if (frame <= this.start.at) { return this.start.place; }
    const last = this.segments.findLast((each) => each.at <= frame);
    return last ? last.place + Math.min(frame - last.at, last.frames) : this.start.place;
  }

  /** Sets the level of a sound from a frame on. */
  setLevel(sound, level, frame) {
    const held = this.levels.get(sound);
    if (held && held.to !== level) { held.ramp(level, frame); }
  }

  /** Fades out from a frame on and ends. */
  leave(frame) {
    const end = (frame + Math.round(FADE_S * this.rate)) / this.rate;
    this.bus.ramp(0, frame);
    for (const source of this.sources) { source.stop(end); }
    const gone = this.context.createConstantSource();
    gone.connect(this.busNode);
    gone.offset.value = 0;
    gone.start();
    gone.stop(end);
    gone.onended = () => { this.busNode.disconnect(); };
  }
}

/** Length of a sound in frames of a rate. */
export function lengthOf(sound, rate) {
  return Math.round(sound.frames * rate / sound.rate);
}

/** Frames of the time line, at a rate, up to which a sound is there. */
export function availableOf(sound, rate) {
  if (sound.have >= sound.frames) { return Infinity; }
  const reach = sound.rate === rate ? 0 : reachOf(sound.rate, rate);
  return sound.start + Math.floor(Math.max(0, sound.have - reach) * rate / sound.rate);
}

function pieceOf(context, sound, start, count) {
  const rate = context.sampleRate, buffer = context.createBuffer(sound.channels.length, count, rate);
  sound.channels.forEach((samples, number) => {
    const piece = sound.rate === rate ? samples.subarray(start, start + count)
      : resample(samples, sound.rate, rate, start, count);
    buffer.copyToChannel(piece, number);
  });
  return buffer;
}
