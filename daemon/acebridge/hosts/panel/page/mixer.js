/** The mixer of sounds that are heard together: level, mute, solo of each, and each to be dragged out alone. */

import { dragOut } from "./drag_out.js";
import { make } from "./elements.js";
import { Strip } from "./strip.js";

const LOWEST_DB = -60, HIGHEST_DB = 6;

export class Mixer {
  /**
   * @param {import("./player.js").Player} player
   * @param {string} choice Id of the choice whose parts are mixed.
   * @param {{id: string, name: string, colour: string}[]} parts Its sounds.
   */
  constructor(player, choice, parts) {
    Object.assign(this, { player, choice });
    this.strips = new Map();
    this.links = new Map();
    this.switches = [];
    this.element = make("ul", { className: "mixer" }, ...parts.map((part) => this.#draw(part)));
  }

  #draw({ id, name, colour }) {
    const { player, choice } = this, strip = new Strip(player, { name, colour, canSeek: false });
    const output = make("output", { className: "mixer-level" }, "0 dB");
    const level = make("input", {
      type: "range", min: LOWEST_DB, max: HIGHEST_DB, step: 0.5, value: 0, "aria-label": `Level of ${name}`,
      "aria-valuetext": "0 dB",
      oninput: () => {
        const words = Number(level.value) <= LOWEST_DB ? "silent" : `${level.value.replace("-", "−")} dB`;
        output.textContent = words;
        level.setAttribute("aria-valuetext", words);
        player.setPart(choice, id, { gain_db: Number(level.value) });
        player.choose(choice);
      },
    });
    const dot = make("span", { className: "dot" }), links = make("span", { className: "mixer-link" });
    dot.style.background = colour;
    this.strips.set(id, strip);
    this.links.set(id, links);
    return make("li", {}, make("span", { className: "mixer-name" }, dot, name), this.#switch(id, "mute", "M", `Mute ${name}`),
      this.#switch(id, "solo", "S", `Solo ${name}`), level, output, links, strip.element);
  }

  #switch(id, what, text, label) {
    const { player, choice } = this;
    const part = () => player.choices.get(choice)?.parts.find((each) => each.sound === id);
    const onclick = () => {
      if (!part()) { return; }
      player.setPart(choice, id, { [what]: !part()[what] });
      player.choose(choice);
    };
    const button = make("button", { type: "button", className: "switch", "aria-pressed": "false", "aria-label": label,
      title: label, onclick }, text);
    this.switches.push(() => button.setAttribute("aria-pressed", String(Boolean(part()?.[what]))));
    return button;
  }

  /** Offers a part as a file. */
  offer(id, assetId, name) {
    this.links.get(id).replaceChildren(dragOut(assetId, name, { text: "WAV" }));
  }

  /** Shows what is muted and played alone. */
  draw() {
    for (const show of this.switches) { show(); }
  }

  setTime(time_s) {
    for (const strip of this.strips.values()) { strip.setTime(time_s); }
  }
}
