/**
 * The takes of a job beside their source: heard in turn at the same place and equally loud, what has changed in them marked,
 * and what one may do with each. A take appears as soon as its first samples are generated.
 */

import { clock, make, showError } from "./elements.js";
import { isUnderWay, requestOf } from "./job.js";
import { listenToKeys } from "./keys.js";
import { assetPath, hear, outputPath, Arrival, remember } from "./live_audio.js";
import { player as pagePlayer } from "./player.js";
import { set } from "./state.js";
import { partsOf } from "./take_parts.js";
import { TakeRow } from "./take_row.js";
import { TimedLyrics } from "./timed_lyrics.js";

/** Samples of recordings that are read without being asked for, in bytes. */
const READ_BYTES = 1.5e9;
const HINT = "Space plays and pauses, the left and right arrows go by 5 seconds, up, down and the keys beside the names choose"
  + " what is heard, at the same place.";
/** The source on the time line of the takes; that of source_wave.js is another one. */
const SOURCE = "source of the takes", SOURCE_WAVE = "source";

/**
 * What the takes need of the page; all of it may be left out. `variation` is how far Vary goes towards another take, 0 to 1,
 * `origin` what the daemon notes of the program that asks for jobs.
 * @typedef {{player?: import("./player.js").Player, roles?: Object<string, {label: string, colour: string}>,
 * variation?: number, origin?: {host: string}, onJob?: (id: string) => void,
 * onUse?: (asset: any, region: any, task: string | null) => void,
 * onError?: (error: Error, place: HTMLElement) => void}} Page
 */

/**
 * Shows the takes of a job, which may still run.
 * @param {HTMLElement} element What they fill.
 * @param {any} job As JobService.GetJob answers.
 * @param {any} source The asset that it was made from, or null.
 * @param {Page} [page]
 * @returns {Takes}
 */
export function showTakes(element, job, source, page = {}) {
  return new Takes(element, job, source, page);
}

function use(asset, region, task) {
  set("source", asset);
  set("region", region);
  if (task) { set("task", task); }
}

export class Takes {
  constructor(element, job, source, page) {
    const onJob = (id) => set("job", id), onError = (error, place) => showError(place, error);
    const defaults = { player: pagePlayer, roles: {}, onJob, onUse: use, onError };
    Object.assign(this, { element, job, source, page: { ...defaults, ...page }, bytes: 0 });
    this.player = this.page.player;
    this.ended = new AbortController();
    /** @type {Map<string, TakeRow>} By the id of the choice. */
    this.rows = new Map();
    /** Recordings by the id of the sound: held, so that they are not read again. */
    this.recordings = new Map();
    /** Takes that are complete, by number. */
    this.finished = new Map();
    /** Reads that are under way, by sound. @type {Map<string, AbortController>} */
    this.reads = new Map();
    this.queue = Promise.resolve();
    this.#build();
    this.#clearPlayer();
    this.endings = [this.player.onTime((time_s) => this.#setTime(time_s)), this.player.onChange(() => this.#draw())];
    this.endings.push(listenToKeys(this.player, element));
    if (source) { this.#addSource(); }
    this.update(job);
  }

  // ---- what happens to the job ----

  /** Takes the job as it is now: finished takes appear. @param {any} job */
  update(job) {
    this.job = job;
    for (const take of job.takes ?? []) { this.#finish(take); }
    if (!isUnderWay(job)) { this.#dropUnfinished(); }
    this.#draw();
  }

  /**
   * Takes an event of the job's stream.
   * @param {string} kind @param {any} event The TaskEvent.
   */
  onEvent(kind, event) {
    if (kind === "audio_header") { this.#hearOutput(event.audio_header); }
    if (kind === "take_finished") { this.#finish(event.take_finished); }
    if (kind === "completed") {
      const kept = new Set((event.completed.takes ?? []).map((take) => take.take));
      for (const number of [...this.finished.keys()]) { if (!kept.has(number)) { this.finished.delete(number); } }
      for (const row of [...this.rows.values()]) {
        if (row.take && !kept.has(row.take.number)) { this.#remove(row.id); }
      }
      for (const take of event.completed.takes ?? []) { this.#finish(take); }
    }
  }

  /** Ends all reading; the player forgets the takes. */
  close() {
    this.ended.abort();
    for (const end of this.endings) { end(); }
    for (const id of [...this.rows.keys()]) { this.#remove(id); }
    this.element.replaceChildren();
  }

  // ---- sounds ----

  #clearPlayer() {
    for (const id of [...this.player.sounds.keys()]) { if (id !== SOURCE_WAVE) { this.player.removeSound(id); } }
    this.player.zero_s = 0;
  }

  #addSource() {
    const { source } = this, from_s = this.player.zero_s = requestOf(this.job).source?.region?.start_s ?? 0;
    const parts = [{ id: SOURCE, name: "Source", role: "mix", colour: "" }];
    const row = this.#addRow({ id: SOURCE, name: "Source", key: "0", isSource: true, title: source.name ?? "", parts });
    row.setMark(this.#mark("old"));
    const sound = { id: SOURCE, name: "Source", role: "mix", start_s: -from_s };
    this.#read(row, sound, assetPath(source.id), { rate: source.sample_rate, bytes: 4 * source.frames * source.channels });
  }

  /** The region that the job makes anew, in seconds of the source. */
  #mark(kind) {
    const { repaint, lego } = this.job.request ?? {}, fields = repaint ?? lego, { source } = this;
    if (!fields || fields.start_s === undefined && fields.end_s === undefined) { return null; }
    const end_s = fields.end_s ?? (source ? source.frames / source.sample_rate : undefined);
    return end_s === undefined ? null : { kind, start_s: fields.start_s ?? 0, end_s };
  }

  /** An output begins: its take is heard while it is generated. */
  #hearOutput(header) {
    const row = this.#rowFor({ take: header.take, outputs: [header] }), id = soundId(header);
    const known = this.player.sounds.get(id);
    // A job that was interrupted announces its outputs again, and goes on where it was; another engine makes another sound.
    const isSame = known && known.rate === header.sample_rate && known.channels.length === header.channels;
    if (this.recordings.has(id) || this.reads.has(id) && (isSame || !known)) { return; }
    this.#read(row, soundOf(header, row), outputPath(this.job.id, header.output), { isLive: true });
  }

  /** A take is complete: what is not read yet is read as it is stored. */
  #finish(take) {
    this.finished.set(take.take, take);
    for (const parts of partsOf(this.job, take)) {
      const row = this.#rowFor(take, parts);
      row.finish(take, parts.outputs);
      for (const output of parts.outputs) {
        const id = soundId(output);
        if (this.recordings.has(id)) {
          remember(assetPath(output.asset_id), this.recordings.get(id));
        } else if (!this.reads.has(id)) {
          const size = { rate: output.sample_rate, bytes: 4 * output.frames * output.channels };
          this.#read(row, soundOf(output, row), assetPath(output.asset_id), size);
        }
      }
    }
    this.#draw();
  }

  /**
   * Reads a sound: a live one at once, stored ones one after the other, and beyond READ_BYTES when they are to be heard.
   */
  #read(row, sound, path, { rate, bytes = 0, isLive = false }) {
    const read = async () => {
      if (this.recordings.has(sound.id) || this.ended.signal.aborted) { return; }
      const stop = new AbortController();
      this.reads.set(sound.id, stop);
      this.ended.signal.addEventListener("abort", () => stop.abort());
      try {
        this.recordings.set(sound.id, await this.#hear(row, sound, path, rate, stop.signal, isLive));
        row.setReady(sound.id);
      } catch (error) {
        if (!stop.signal.aborted && !isLive) { row.setBroken(error); }
      } finally {
        if (this.reads.get(sound.id) === stop) { this.reads.delete(sound.id); }
        this.#draw();
        if (isLive && !this.ended.signal.aborted) { for (const take of this.finished.values()) { this.#finish(take); } }
      }
    };
    this.bytes += bytes;
    if (isLive) { read(); return; }
    if (this.bytes > READ_BYTES && sound.id !== SOURCE) { row.setLater(() => { this.queue = this.queue.then(read); }); return; }
    this.queue = this.queue.then(read);
  }

  #hear(row, sound, path, rate, signal, isLive) {
    const arrival = new Arrival();
    let isHeard = false;
    return hear(this.player, sound, path, {
      rate, signal,
      onStart: (recording) => {
        row.showSound(sound.id, recording);
        const ids = row.parts.map((part) => part.id), along = row.along.filter((id) => this.player.sounds.has(id));
        if (ids.every((id) => this.player.sounds.has(id))) {
          this.player.addChoice({ id: row.id, name: row.name, key: row.key, sounds: ids, along });
          if (row.isWanted) { this.#play(row); }
        }
      },
      onFrames: (have_s, whole_s) => {
        row.setArrival(have_s, whole_s);
        if (!isLive || isHeard || !arrival.playsThrough(have_s, whole_s) || !this.player.choices.has(row.id)) { return; }
        isHeard = true;
        row.setHearable();
        if (this.listen.checked && navigator.userActivation.hasBeenActive && !this.player.isPlaying) { this.#play(row); }
      },
    });
  }

  #play(row) {
    row.isWanted = false;
    this.player.choose(row.id);
    this.player.play();
  }

  /** Takes of a job that has ended without them are gone. */
  #dropUnfinished() {
    for (const row of [...this.rows.values()]) {
      if (!row.isSource && !row.take) { this.#remove(row.id); }
    }
  }

  #remove(id) {
    const row = this.rows.get(id);
    for (const part of row.parts) {
      this.reads.get(part.id)?.abort();
      this.player.removeSound(part.id);
      this.recordings.delete(part.id);
    }
    this.rows.delete(id);
    row.close();
  }

  // ---- rows ----

  #rowFor(take, parts = partsOf(this.job, take)[0]) {
    const id = `take ${take.take}${parts.isSet ? " parts" : ""}`, known = this.rows.get(id);
    const sounds = parts.outputs.map((output) => ({ id: soundId(output), role: output.role ?? "mix",
      ...this.#role(output.role ?? "mix", take.take) }));
    if (known) {
      known.addParts(sounds);
      return known;
    }
    const sets = [...this.rows.values()].filter((row) => row.isSet).length;
    const key = parts.isSet ? "abcdefgh"[sets] ?? "" : take.take <= 9 ? String(take.take) : "";
    const name = parts.isSet ? `Take ${take.take}, ${parts.title}` : `Take ${take.take}`;
    const along = parts.along && this.source ? [SOURCE] : [];
    const row = this.#addRow({ id, name, key, isSet: parts.isSet, parts: sounds, along });
    row.setMark(this.#mark("new"));
    return row;
  }

  #role(role, take) {
    const known = this.page.roles[role];
    const name = known?.label ?? role.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
    const plain = ["#0ea5e9", "#f97316", "#22c55e", "#a855f7", "#eab308", "#ec4899", "#14b8a6", "#3b82f6"];
    return { name, colour: role === "mix" ? plain[(take - 1) % plain.length] : known?.colour ?? plain[0] };
  }

  #addRow(what) {
    const row = new TakeRow({ view: this, player: this.player, page: this.page, job: this.job, ...what });
    this.rows.set(row.id, row);
    this.list.append(row.element);
    return row;
  }

  // ---- the page ----

  #build() {
    this.playButton = make("button", { type: "button", className: "take-play", onclick: () => this.player.toggle() });
    this.clock = make("output", { className: "takes-time", "aria-live": "off" }, "0:00");
    this.now = make("span", { className: "takes-now" });
    const check = (text, isChecked, act, key = null) => {
      const box = make("input", { type: "checkbox", checked: isChecked, onchange: () => act(box.checked) });
      return [box, make("label", { className: "takes-check" }, box, text, key && make("kbd", { "aria-hidden": "true" }, key))];
    };
    const [equal, equalField] = check("Equal loudness", this.player.isEqual, (is) => this.player.setEqual(is), "L");
    const [loop, loopField] = check("Repeat the region", false, (is) => this.#setLoop(is));
    const [listen, listenField] = check("Listen while it is made", true, () => {});
    Object.assign(this, { equal, loop, listen, loopField, listenField });
    this.list = make("div", { className: "takes-list" });
    this.words = make("div", { className: "lyrics" });
    const bar = make("div", { className: "takes-bar", role: "group", "aria-label": "Player" },
      this.playButton, this.clock, this.now, equalField, loopField, listenField);
    const hint = make("p", { className: "note keys" }, HINT);
    this.element.replaceChildren(make("h2", { id: "takes-title" }, "Takes"), bar, this.list, this.words, hint);
    this.lyrics = new TimedLyrics(this.words, this.player);
  }

  #setLoop(isOn) {
    const mark = this.#mark("new");
    this.player.setLoop(isOn && mark ? mark : null);
    const { time } = this.player;
    if (isOn && mark && (time < mark.start_s - 1 || time >= mark.end_s)) { this.player.seek(Math.max(0, mark.start_s - 1)); }
  }

  #setTime(time_s) {
    for (const row of this.rows.values()) { row.setTime(time_s); }
    const { zero_s } = this.player, end_s = this.player.spanOf(false).end_s;
    this.clock.textContent = `${clock(time_s + zero_s)} / ${clock(end_s + zero_s)}`;
  }

  #draw() {
    const { player } = this, chosen = this.rows.get(player.chosen);
    const takes = [...this.rows.values()].filter((row) => !row.isSource).length;
    this.element.hidden = !takes;
    this.playButton.setAttribute("aria-label", player.isPlaying ? "Pause" : "Play");
    this.playButton.classList.toggle("playing", player.isPlaying);
    this.playButton.disabled = !player.choices.size;
    this.now.textContent = chosen?.name ?? "";
    this.equal.checked = player.isEqual;
    this.loopField.hidden = !this.#mark("new");
    this.listenField.hidden = !isUnderWay(this.job);
    this.loop.checked = Boolean(player.loop);
    const levels = player.equalLevels();
    for (const row of this.rows.values()) { row.draw(levels); }
    const lyrics = chosen?.take?.metadata ?? {};
    this.lyrics.show({ lines: lyrics.lines, sections: lyrics.sections, offset_s: chosen?.start_s ?? 0 });
    this.#setTime(player.time);
  }
}

function soundId(output) {
  return `output ${output.output}`;
}

function soundOf(output, row) {
  const start_s = (output.start_frame ?? 0) / output.sample_rate;
  row.start_s = start_s;
  return { id: soundId(output), name: row.name, role: output.role ?? "mix", start_s };
}
