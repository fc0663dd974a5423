/** One row of the takes: its waveform, what is known of it, its mixer where it has parts, and what one may do with it. */

import { dragOut } from "./drag_out.js";
import { make } from "./elements.js";
import { Mixer } from "./mixer.js";
import { Strip } from "./strip.js";
import { TakeActions } from "./take_actions.js";
import { factsOf, wordsOf } from "./take_parts.js";

/** Smaller differences of level are not said. */
const AUDIBLE_DB = 0.05;
let rows = 0;

export class TakeRow {
  /**
   * @param {{view: any, player: import("./player.js").Player, page: any, job: any, id: string, name: string, key: string,
   * title?: string, parts: {id: string, name: string, role: string, colour: string}[], along?: string[], isSet?: boolean,
   * isSource?: boolean}} what
   */
  constructor({ view, player, page, job, id, name, key, title = "", parts, along = [], isSet = false, isSource = false }) {
    Object.assign(this, { view, player, page, job, id, name, key, parts, along, isSet, isSource, take: null, start_s: 0,
      mixer: null, mark: null });
    const label = `take-row-${++rows}`;
    this.play = make("button", { type: "button", className: "take-play", onclick: () => this.#toggle() });
    this.state = make("span", { className: "note take-state" });
    this.link = make("span", { className: "take-link" });
    this.title = make("span", { className: "note take-title" }, title);
    this.strip = new Strip(player, { name, colour: parts[0].colour });
    this.facts = make("ul", { className: "take-facts" });
    this.words = make("ul", { className: "take-words" });
    this.mix = make("div", {});
    this.acts = make("div", {});
    this.element = make("article", { className: "take", "aria-labelledby": label },
      make("div", { className: "take-head" }, this.play, make("h3", { id: label }, name),
        key && make("kbd", { "aria-hidden": "true" }, key), this.title, this.state, this.link),
      this.strip.element, this.mix, this.facts, this.words, this.acts);
    if (isSet) { this.#drawMixer(); }
  }

  #drawMixer() {
    this.mixer = new Mixer(this.player, this.id, this.parts);
    this.mix.replaceChildren(this.mixer.element);
    this.strip.element.classList.add("thin");
  }

  /** Adds parts that were not known yet. @param {{id: string, name: string, role: string, colour: string}[]} parts */
  addParts(parts) {
    const more = parts.filter((part) => !this.parts.some((each) => each.id === part.id));
    if (!more.length) { return; }
    this.parts.push(...more);
    if (!this.isSet) { return; }
    this.#drawMixer();
    for (const [id, sound] of this.strip.sounds) { this.mixer.strips.get(id).show(id, sound); }
    this.setMark(this.mark);
  }

  /** @param {{kind: "new" | "old", start_s: number, end_s: number} | null} mark */
  setMark(mark) {
    this.mark = mark;
    this.strip.setMark(mark);
    for (const strip of this.mixer?.strips.values() ?? []) { strip.setMark(mark); }
  }

  #toggle() {
    const { player, id } = this;
    if (!player.choices.has(id)) {
      this.isWanted = true;
      this.load?.();
      this.load = null;
      return;
    }
    if (player.isPlaying && player.chosen === id) { player.pause(); return; }
    player.choose(id);
    player.play();
  }

  // ---- its sound ----

  /** @param {string} id Of the sound. */
  showSound(id, { audio, measurement }) {
    const { colour } = this.parts.find((part) => part.id === id);
    const sound = { audio, measurement, start_s: this.player.sounds.get(id).start_s, colour };
    this.strip.show(id, sound);
    this.mixer?.strips.get(id).show(id, sound);
    this.play.disabled = false;
  }

  setArrival(have_s, whole_s) {
    this.state.textContent = have_s < whole_s ? `${Math.floor(100 * have_s / whole_s)} %` : "";
  }

  setHearable() {
    this.element.classList.add("hearable");
  }

  setReady() {
    this.state.textContent = "";
  }

  setBroken(error) {
    this.state.textContent = `Cannot be played: ${error.message}`;
  }

  /** The sound is read when somebody wants to hear it. @param {() => void} load */
  setLater(load) {
    const before = this.load;
    this.load = () => { before?.(); load(); };
    this.state.textContent = "Is read when it is played";
  }

  // ---- what is known of it ----

  /** The take is complete. @param {any} take @param {any[]} outputs Those of this row. */
  finish(take, outputs) {
    const key = JSON.stringify(take);
    if (this.known === key) { return; }
    this.known = key;
    this.take = { number: take.take, metadata: take.metadata };
    const base = (this.view.source?.name ?? "").replace(/\.\w+$/, "");
    const file = [base, `take ${take.take}`].filter(Boolean).join(" ");
    if (this.isSet) {
      for (const output of outputs) {
        const { id, name } = this.parts.find((part) => part.id === `output ${output.output}`);
        this.mixer.offer(id, output.asset_id, `${file} ${name}`);
      }
    } else {
      this.link.replaceChildren(dragOut(outputs[0].asset_id, file));
    }
    this.facts.replaceChildren(...factsOf(take, this.view.job.task).map((fact) => make("li", {}, fact)));
    this.words.replaceChildren(...wordsOf(take).map((text) => make("li", {}, text)));
    this.actions = new TakeActions({ job: this.view.job, take: { ...take, outputs }, name: this.name, page: this.page });
    this.acts.replaceChildren(this.actions.element);
  }

  /** @param {Map<string, number>} levels Of equal loudness, in dB by sound. */
  draw(levels) {
    const { player, id } = this, isOn = player.isPlaying && (player.wanted ?? player.chosen) === id;
    const isChosen = player.chosen === id;
    this.play.setAttribute("aria-label", `${isOn ? "Pause" : "Play"} ${this.name}`);
    this.play.classList.toggle("playing", isOn);
    this.play.disabled = !player.choices.has(id) && !this.load;
    this.element.classList.toggle("chosen", isChosen);
    if (isChosen) {
      this.element.setAttribute("aria-current", "true");
    } else {
      this.element.removeAttribute("aria-current");
    }
    this.mixer?.draw();
    const level_db = this.isSet ? 0 : levels.get(this.parts[0].id) ?? 0;
    const lufs = this.isSet ? null : player.sounds.get(this.parts[0].id)?.lufs;
    const loudness = (lufs ?? null) === null ? "" : lufs <= -70 ? "silent" : `${number(lufs)} LUFS`;
    const match = player.isEqual && level_db <= -AUDIBLE_DB ? `${number(level_db)} dB for equal loudness` : "";
    const words = [loudness, match].filter(Boolean).join(", ");
    this.loudness ??= make("li", { className: "take-loudness" });
    if (this.loudness.textContent !== words) { this.loudness.textContent = words; }
    if (words && !this.loudness.isConnected) { this.facts.append(this.loudness); }
  }

  /** Leaves the page. */
  close() {
    this.element.remove();
    for (const strip of [this.strip, ...this.mixer?.strips.values() ?? []]) { strip.close(); }
  }

  setTime(time_s) {
    this.strip.setTime(time_s);
    this.mixer?.setTime(time_s);
  }
}

function number(value) {
  return value.toFixed(1).replace("-", "−");
}
