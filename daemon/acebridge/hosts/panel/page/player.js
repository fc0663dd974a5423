/**
 * The player of the panel: versions of a song in step on one clock, of which one is heard, at the same place and equally loud.
 *
 * The pages to listen to (acebridge/pages/player.js) have a player of their own: a page that is sent to somebody is one file
 * whose only script may be inside of it, and it holds whole files of FLAC. Here sound arrives while it is generated and songs
 * are long, so samples are held once, as float32, and go to the audio thread in pieces of a second.
 */

import { equalLevelsDb } from "./loudness.js";
import { FADE_S, LEAD_S, Run, availableOf, lengthOf } from "./run.js";

export { FADE_S };
/** How far ahead pieces are scheduled: the page may be busy for that long. */
const AHEAD_S = 2.5;
const FILL_MS = 100;
/** Nearer to its end, a recording is played from its beginning. */
const LATE_S = 0.05;

/**
 * A recording. `start` is its place on the time line in frames of the player; `have` of its `frames` are there.
 * @typedef {{id: string, name: string, rate: number, channels: Float32Array[], frames: number, have: number, start: number,
 * start_s: number, role: string, lufs: number | null}} Sound
 */
/**
 * What one may listen to: a sound, or several together; `along` are sounds that are heard with them, a song with its new
 * layers.
 * @typedef {{id: string, name: string, parts: {sound: string, gain_db: number, mute: boolean, solo: boolean}[],
 * along: string[]}} Choice
 */

export class Player {
  /**
   * @param {{context?: BaseAudioContext, out?: AudioNode, ahead_s?: number}} [options] A context to play in, and the node to
   * play into; by default the device, opened when the first sound is played, at the rate of that sound.
   */
  constructor({ context = null, out = null, ahead_s = AHEAD_S } = {}) {
    Object.assign(this, { context, out, ahead_s, ownsContext: !context });
    /** @type {Map<string, Sound>} */
    this.sounds = new Map();
    /** @type {Map<string, Choice>} */
    this.choices = new Map();
    /** @type {string | null} */
    this.chosen = null;
    /** What was chosen and is not there yet. */
    this.wanted = null;
    this.isPlaying = false;
    this.isEqual = true;
    this.loop = null;
    /** Times that sound which is still generated did not come in time. */
    this.stalls = 0;
    /** What clocks show at the zero of the takes: where the region begins that they are made of. */
    this.zero_s = 0;
    this.run = null;
    this.place = 0;
    /** What calls it: a timer, and the next picture of the browser. */
    this.timer = this.picture = null;
    this.listeners = { time: new Set(), change: new Set() };
  }

  /** Samples per second of the time line and of the clock. */
  get rate() {
    return this.context ? this.context.sampleRate : this.sounds.values().next().value?.rate ?? 48000;
  }

  // ---- sounds ----

  /**
   * Adds a sound, or replaces the one of that id.
   * @param {{id: string, name?: string, rate: number, channels: Float32Array[] | number, frames?: number, have?: number,
   * start_s?: number, role?: string, lufs?: number}} sound `channels` are its samples, of which `have` frames are filled, by
   * default all; or their number where nothing is there yet, `frames` being the whole length: then `append` adds samples.
   */
  addSound({ id, name = id, rate, channels, frames, have, start_s = 0, role = "mix", lufs = null }) {
    const isThere = Array.isArray(channels), before = this.sounds.get(id);
    const whole = frames ?? channels[0].length;
    this.sounds.delete(id);
    if (this.ownsContext && this.context && !this.sounds.size && this.context.sampleRate !== rate) { this.#close(); }
    const held = isThere ? channels : Array.from({ length: channels }, () => new Float32Array(whole));
    const sound = { id, name, rate, channels: held, frames: whole, have: have ?? (isThere ? whole : 0), start_s, start: 0, role,
      lufs };
    this.sounds.set(id, sound);
    this.#place();
    if (before && this.run?.levels.has(before)) { this.#restart(this.#placeAt(this.#soon())); }
    this.#changed();
    return sound;
  }

  /**
   * Adds the next samples of a sound that is generated while it is heard.
   * @param {string} id @param {Float32Array[]} channels
   */
  append(id, channels) {
    const sound = this.sounds.get(id), room = sound.frames - sound.have;
    const count = Math.min(room, channels[0].length);
    sound.channels.forEach((samples, number) => { samples.set(channels[number].subarray(0, count), sound.have); });
    this.extend(id, sound.have + count);
  }

  /** Says that more of the samples that addSound was given are filled. @param {string} id @param {number} frames In all. */
  extend(id, frames) {
    const sound = this.sounds.get(id);
    sound.have = Math.min(frames, sound.frames);
    this.#settle();
    if (this.run?.levels.has(sound)) { this.#fill(); }
  }

  /** Says that a sound is as long as what is there of it. @param {string} id */
  finish(id) {
    const sound = this.sounds.get(id);
    if (sound.frames === sound.have) { return; }
    sound.frames = sound.have;
    this.#settle();
    if (this.run?.levels.has(sound)) { this.#restart(this.#placeAt(this.#soon())); }
    this.#changed();
  }

  /** @param {string} id @param {number} lufs */
  setLoudness(id, lufs) {
    const sound = this.sounds.get(id);
    if (sound) {
      sound.lufs = lufs;
      this.#level();
      this.#changed();
    }
  }

  /** Removes a sound and every choice that has it. @param {string} id */
  removeSound(id) {
    for (const choice of [...this.choices.values()]) {
      if (soundsOf(choice).includes(id)) { this.removeChoice(choice.id); }
    }
    this.sounds.delete(id);
    this.#changed();
  }

  #place() {
    for (const sound of this.sounds.values()) { sound.start = Math.round(sound.start_s * this.rate); }
  }

  // ---- choices ----

  /**
   * Adds what one may choose, or replaces it; then its mix stays.
   * @param {{id: string, name?: string, key?: string, isApart?: boolean, sounds: string[], along?: string[]}} choice Ids of
   * sounds, and the key of the keyboard that chooses it. The arrow keys pass one by that is apart.
   */
  addChoice({ id, name = id, key = "", isApart = false, sounds, along = [] }) {
    const before = this.choices.get(id);
    const part = (sound) => before?.parts.find((each) => each.sound === sound)
      ?? { sound, gain_db: 0, mute: false, solo: false };
    this.choices.set(id, { id, name, key, isApart, parts: sounds.map(part), along });
    this.chosen ??= id;
    if (this.chosen === id && this.run) { this.#restart(this.#placeAt(this.#soon())); }
    this.#changed();
  }

  /** @param {string} id */
  removeChoice(id) {
    this.choices.delete(id);
    if (this.wanted === id) { this.wanted = null; }
    if (this.chosen !== id) { return; }
    this.pause();
    this.chosen = this.choices.keys().next().value ?? null;
    this.#changed();
  }

  /**
   * Chooses what is heard, at the same place. What plays goes on until the other can, which may still be generated.
   * @param {string} id
   */
  choose(id) {
    if (!this.choices.has(id)) { return; }
    this.wanted = id;
    this.#settle();
    this.#changed();
  }

  #settle() {
    const id = this.wanted;
    if (id === null || this.run && id !== this.chosen && !this.#isThere(this.choices.get(id))) { return; }
    this.wanted = null;
    if (id === this.chosen) { return; }
    this.chosen = id;
    if (this.run) {
      this.#restart(this.#inChoice(this.#placeAt(this.#soon())));
    } else {
      this.place = this.#inChoice(this.place);
    }
    this.#changed();
  }

  /**
   * Mixes a part of a choice.
   * @param {string} id Of the choice. @param {string} sound
   * @param {{gain_db?: number, mute?: boolean, solo?: boolean}} values `gain_db` of -60 or less is silence.
   */
  setPart(id, sound, values) {
    Object.assign(this.choices.get(id).parts.find((each) => each.sound === sound), values);
    this.#level();
    this.#changed();
  }

  /** @param {boolean} isEqual Whether single versions of one role are equally loud. */
  setEqual(isEqual) {
    this.isEqual = isEqual;
    this.#level();
    this.#changed();
  }

  /**
   * The levels in dB that make versions equally loud. Only what has the same role is compared, a short part with others and not
   * with the song; parts that are heard together keep their levels in the mix.
   * @returns {Map<string, number>} By sound.
   */
  equalLevels() {
    const single = [...this.choices.values()].filter((each) => soundsOf(each).length === 1);
    const all = new Set(single.map((each) => this.sounds.get(each.parts[0].sound)));
    const sounds = [...all].filter((each) => each && each.lufs !== null);
    const length = (sound) => sound.frames / sound.rate, longest = new Map();
    for (const sound of sounds) { longest.set(sound.role, Math.max(longest.get(sound.role) ?? 0, length(sound))); }
    const kind = (sound) => `${sound.role} ${length(sound) >= longest.get(sound.role) / 2}`, levels = new Map();
    for (const each of new Set(sounds.map(kind))) {
      const alike = sounds.filter((sound) => kind(sound) === each);
      equalLevelsDb(alike.map((sound) => sound.lufs)).forEach((level, i) => levels.set(alike[i].id, level));
    }
    return levels;
  }

  /** Whether a second of a choice is there, from where it would begin. */
  #isThere(choice) {
    const { start, end } = this.#span(choice), now = this.#placeAt(this.#soon());
    const place = now < start || now > end - LATE_S * this.rate ? start : now;
    return soundsOf(choice).every((id) => availableOf(this.sounds.get(id), this.rate) > Math.min(end - 1, place + this.rate));
  }

  /** The sounds of a choice with their levels, as factors. */
  #levels(choice) {
    const levels = new Map(), isAlone = choice.parts.some((part) => part.solo);
    const match = soundsOf(choice).length === 1 && this.isEqual ? this.equalLevels() : new Map();
    for (const part of choice.parts) {
      const isHeard = isAlone ? part.solo : !part.mute, level_db = part.gain_db + (match.get(part.sound) ?? 0);
      levels.set(this.sounds.get(part.sound), isHeard && part.gain_db > -60 ? 10 ** (level_db / 20) : 0);
    }
    for (const id of choice.along) { levels.set(this.sounds.get(id), isAlone ? 0 : 1); }
    levels.delete(undefined);
    return levels;
  }

  #level() {
    if (!this.run) { return; }
    for (const [sound, level] of this.#levels(this.choices.get(this.chosen))) { this.run.setLevel(sound, level, this.#soon()); }
  }

  // ---- places ----

  /** Frames at which a choice begins and ends. */
  #span(choice) {
    const sounds = choice ? soundsOf(choice).map((id) => this.sounds.get(id)).filter(Boolean) : [];
    if (!sounds.length) { return { start: 0, end: 0 }; }
    return {
      start: Math.min(...sounds.map((sound) => sound.start)),
      end: Math.max(...sounds.map((sound) => sound.start + lengthOf(sound, this.rate))),
    };
  }

  #inChoice(place) {
    const { start, end } = this.#span(this.choices.get(this.chosen));
    return place < start || place > end - LATE_S * this.rate ? start : place;
  }

  /** Frame from which on a change is heard. */
  #soon() {
    return this.#now() + Math.round(LEAD_S * this.rate);
  }

  /** The clock, in frames. */
  #now() {
    return Math.round(this.context.currentTime * this.rate);
  }

  #placeAt(frame) {
    return this.run ? this.run.placeAt(frame) : this.place;
  }

  /** Place in the music, in seconds. */
  get time() {
    return (this.run ? this.run.placeAt(this.#now()) : this.place) / this.rate;
  }

  /** Start and end in seconds of what may be heard beside the choice, which has the same zero. */
  get span() { return this.spanOf(Boolean(this.choices.get(this.chosen)?.isApart)); }

  /** Start and end in seconds of all choices that are apart, or of all others. @param {boolean} isApart */
  spanOf(isApart) {
    const spans = [...this.choices.values()].filter((each) => each.isApart === isApart).map((each) => this.#span(each));
    if (!spans.length) { return { start_s: 0, end_s: 0 }; }
    const start = Math.min(...spans.map((each) => each.start)), end = Math.max(...spans.map((each) => each.end));
    return { start_s: start / this.rate, end_s: end / this.rate };
  }

  /** Whether it waits for sound that is still generated. */
  get isWaiting() {
    return Boolean(this.run?.isWaiting && !this.run.sounds(this.#now()));
  }

  // ---- playing ----

  /** Plays from where it is. */
  play() {
    if (!this.choices.has(this.chosen) || this.isPlaying) { return; }
    if (!this.context) { this.#open(); }
    this.isPlaying = true;
    this.place = this.#inChoice(this.place);
    if (this.ownsContext) { this.context.resume().catch(() => {}); }
    this.#restart(this.place);
    this.timer = setInterval(() => this.#tick(), FILL_MS);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) { this.#animate(); }
    this.#changed();
  }

  /** Says the time with each picture that the browser draws; in a page that is not shown the ticks do. */
  #animate() {
    this.picture = requestAnimationFrame(() => {
      this.#tell("time");
      this.#animate();
    });
  }

  #open() {
    const { rate } = this;
    try { this.context = new AudioContext({ sampleRate: rate }); } catch { this.context = new AudioContext(); }
    this.place = Math.round(this.place * this.rate / rate);
    this.#place();
  }

  pause() {
    if (!this.isPlaying) { return; }
    const frame = this.#soon();
    this.place = this.#placeAt(frame);
    this.isPlaying = false;
    this.run.leave(frame);
    this.run = null;
    clearInterval(this.timer);
    cancelAnimationFrame(this.picture);
    this.#changed();
    this.#tell("time");
  }

  toggle() {
    if (this.isPlaying) { this.pause(); } else { this.play(); }
  }

  /** @param {number} time_s */
  seek(time_s) {
    const { start, end } = this.#span(this.choices.get(this.chosen));
    this.place = Math.max(start, Math.min(Math.round(time_s * this.rate), end));
    if (this.run) { this.#restart(this.place); }
    this.#tell("time");
  }

  /** Repeats a region, or nothing. @param {{start_s: number, end_s: number} | null} region */
  setLoop(region) {
    this.loop = region;
    if (this.run) { this.#restart(this.#placeAt(this.#soon())); }
    this.#changed();
  }

  /** Begins a run at a place, and fades to it from the one before. */
  #restart(place) {
    const choice = this.choices.get(this.chosen), { start, end } = this.#span(choice), frame = this.#soon(), { rate } = this;
    const inside = (time_s) => Math.max(start, Math.min(end, Math.round(time_s * rate)));
    const loop = this.loop && { start: inside(this.loop.start_s), end: inside(this.loop.end_s) };
    const what = { sounds: this.#levels(choice), end, loop: loop && loop.end > loop.start ? loop : null };
    const before = this.run;
    before?.leave(frame);
    this.run = new Run(this.context, this.out ?? this.context.destination, what, frame, place,
      Boolean(before) || place > start);
    this.#fill();
  }

  #fill() {
    const now = this.#now(), { stalls } = this.run;
    this.run.fill(now, now + this.ahead_s * this.rate);
    this.stalls += this.run.stalls - stalls;
  }

  #tick() {
    this.#fill();
    if (this.run.over !== null && this.#now() >= this.run.over) {
      const { start } = this.#span(this.choices.get(this.chosen));
      this.pause();
      this.place = start;
    }
    this.#tell("time");
  }

  // ---- who listens ----

  /** Calls `listener` with the time in seconds while it plays, and after a jump. Returns what ends that. */
  onTime(listener) {
    return this.#listen("time", listener);
  }

  /** Calls `listener` when anything but the time has changed. Returns what ends that. */
  onChange(listener) {
    return this.#listen("change", listener);
  }

  #listen(kind, listener) {
    this.listeners[kind].add(listener);
    return () => this.listeners[kind].delete(listener);
  }

  #tell(kind) {
    for (const listener of this.listeners[kind]) { listener(this.time); }
  }

  #changed() {
    this.#tell("change");
  }

  /** Ends the sound and forgets everything. */
  clear() {
    this.pause();
    this.choices.clear();
    this.sounds.clear();
    Object.assign(this, { chosen: null, wanted: null, place: 0, loop: null });
    this.#changed();
  }

  #close() {
    this.pause();
    this.context.close().catch(() => {});
    this.context = null;
  }
}

function soundsOf(choice) {
  return [...choice.parts.map((part) => part.sound), ...choice.along];
}

/** The only player of the page: whatever begins to sound ends what sounded before. */
export const player = new Player();
