/** The waveform of the source with its region: reads the recording, shows it, plays it. */

import { button, clock, make } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { assetPath, hear } from "./live_audio.js";
import { player as pagePlayer } from "./player.js";
import { Waveform } from "./waveform.js";

const ID = "source";

export class SourceWave {
  /**
   * @param {HTMLElement} element
   * @param {{onRegion?: (region: import("./waveform.js").Region | null) => void, player?: import("./player.js").Player}}
   * [options]
   */
  constructor(element, { player = pagePlayer, onRegion = () => {} } = {}) {
    Object.assign(this, { player, asset: null, recording: null, reading: null });
    this.play = button("", () => this.#toggle(), { className: "take-play", disabled: true });
    this.time = make("output", { className: "takes-time", "aria-live": "off" });
    this.words = make("span", { className: "note", role: "status" });
    element.append(make("div", { className: "wave-listen" }, this.play, this.time, this.words));
    this.repeat = make("input", { type: "checkbox", onchange: () => this.#repeat() });
    const listen = make("label", { className: "takes-check" }, this.repeat, "Repeat the region");
    element.lastElementChild.append(listen);
    this.waveform = new Waveform(element, {
      onSeek: (time_s) => this.#seek(time_s),
      onRegion: (region) => {
        if (this.repeat.checked) { this.#repeat(); }
        onRegion(region);
      },
    });
    listenToKeys(player, element);
    player.onTime((time_s) => this.#setTime(time_s));
    player.onChange(() => this.#draw());
    this.#draw();
  }

  /**
   * Shows an asset, or nothing.
   * @param {any} asset As the daemon answers. @param {import("./waveform.js").Marks} [marks]
   */
  async show(asset, marks = {}) {
    if (asset?.id && asset.id === this.asset?.id) { return; }
    this.reading?.abort();
    const reading = this.reading = new AbortController();
    Object.assign(this, { asset, recording: null });
    this.waveform.clear();
    this.player.removeSound(ID);
    this.words.textContent = "";
    this.#draw();
    if (!asset) { return; }
    let isShown = false;
    try {
      this.recording = await hear(this.player, { id: ID, name: "Source" }, assetPath(asset.id), {
        rate: asset.sample_rate, signal: reading.signal,
        onStart: ({ audio, measurement }) => {
          isShown = true;
          this.player.addChoice({ id: ID, name: "Source", isApart: true, sounds: [ID] });
          this.waveform.show(audio, marks, measurement);
          this.onShow?.();
        },
        onFrames: (have_s, whole_s) => {
          this.words.textContent = have_s < whole_s ? `Reads the source, ${Math.floor(100 * have_s / whole_s)} %` : "";
        },
      });
    } catch (error) {
      if (reading.signal.aborted) { return; }
      this.words.textContent = `The source cannot be ${isShown ? "read to its end" : "shown"}: ${error.message}`;
    }
  }

  #toggle() {
    const { player } = this;
    if (player.isPlaying && player.chosen === ID) { player.pause(); return; }
    player.choose(ID);
    player.play();
  }

  #seek(time_s) {
    if (!this.player.isPlaying) { this.player.choose(ID); }
    this.player.seek(time_s);
  }

  #repeat() {
    this.player.setLoop(this.repeat.checked ? this.waveform.getRegion() : null);
  }

  #setTime(time_s) {
    this.waveform.setTime(time_s, this.player.isPlaying);
    this.time.textContent = `${clock(time_s)} / ${clock(this.player.spanOf(true).end_s)}`;
  }

  #draw() {
    const { player } = this, isOn = player.isPlaying && player.chosen === ID;
    this.play.disabled = !player.choices.has(ID);
    this.play.classList.toggle("playing", isOn);
    this.repeat.checked &&= Boolean(player.loop) || !this.waveform.region;
    this.play.setAttribute("aria-label", isOn ? "Pause the source" : "Play the source");
    this.#setTime(player.time);
  }
}
