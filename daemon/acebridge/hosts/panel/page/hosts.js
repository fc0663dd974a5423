/** The programs around: open projects of DAWs, instances of the plug-in, and the session of OSC; the last two can be edited. */
import { panelCall } from "./api.js";
import { button, fillList, make, showError } from "./elements.js";

const LOOK_MS = 5000;

export class Hosts {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.fault = make("p", { className: "fault", hidden: true });
    this.empty = make("p", { className: "note" }, "No DAW, plug-in or OSC bridge is here.");
    this.projects = make("ul", { className: "rows" });
    this.instances = make("ul", { className: "rows" });
    this.osc = make("details", { className: "history", hidden: true });
    element.append(make("h2", { id: "hosts-title" }, "Programs"), this.fault, this.empty, this.projects, this.instances,
      this.osc);
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
    this.#look();
  }

  async #look() {
    clearTimeout(this.timer);
    try {
      this.#show(await panelCall("hosts"));
    } catch (error) {
      if (!error.isForNow) { showError(this.fault, error); }
    }
    if (!document.hidden) { this.timer = setTimeout(() => this.#look(), LOOK_MS); }
  }

  #show({ projects, instances, osc }) {
    this.empty.hidden = Boolean(projects.length || instances.length || osc);
    fillList(this.projects, projects, (project) => project.id, (project) => make("li", { className: "row" }, make("div", {},
      make("span", { className: "title" }, `${project.host}: ${project.name}`),
      make("span", { className: "note" },
        [project.shown ? "shown" : "", project.recording ? "records" : "", project.folder].filter(Boolean).join(" · ")))));
    this.#keepFocus(this.instances,
      () => fillList(this.instances, instances, (each) => each.id, (each) => this.#drawInstance(each)));
    this.#keepFocus(this.osc, () => this.#showOsc(osc));
  }

  /** Draws again, unless somebody writes there. */
  #keepFocus(place, draw) {
    const active = document.activeElement;
    if (!(place.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName))) { draw(); }
  }

  #drawInstance(each) {
    const change = (what) => async () => { await panelCall(`instances/${each.id}`, what()); await this.#look(); };
    const field = (name, label, lines) => {
      const id = `${each.id}-${name}`;
      const area = make("textarea", { id, rows: lines, value: each[name], maxLength: 4096 });
      area.addEventListener("change", () => change(() => ({ [name]: area.value }))().catch((error) => showError(fault, error)));
      return [make("label", { htmlFor: id }, label), area];
    };
    const fault = make("p", { className: "fault", hidden: true });
    const press = (text, what) => button(text, change(() => ({ press: what })),
      { onfail: (error) => showError(fault, error), ariaLabel: `${text}, plug-in in ${each.host}` });
    return make("li", { className: "row stack" },
      make("details", { open: this.element.querySelector(`[data-key="${each.id}"] details`)?.open || false },
        make("summary", {}, `Plug-in in ${each.host || "a DAW"} · ${each.task || ""} · ${each.state}`),
        each.sentence ? make("p", { className: "note" }, each.sentence) : null,
        ...field("caption", "Caption", 2), ...field("lyrics", "Lyrics", 3),
        make("div", { className: "line" }, press("Go", "go"), press("Vary", "vary"),
          each.working ? press("Cancel", "cancel") : null), fault));
  }

  #showOsc(osc) {
    this.osc.hidden = !osc;
    const text = JSON.stringify(osc);
    if (!osc || text === this.oscText) { return; }
    this.oscText = text;
    const fault = make("p", { className: "fault", hidden: true });
    const inputs = osc.fields.map((field) => {
      const id = `osc-${field.name}`;
      const input = make("input", {
        type: "text", id, value: field.value ?? "", autocomplete: "off", inputMode: field.type === "text" ? "text" : "decimal",
        ariaDescription: `${field.about}${field.allowed ? `; ${field.allowed}` : ""}`, title: field.about,
      });
      input.addEventListener("change", async () => {
        try {
          await panelCall("osc", { [field.name]: input.value });
          showError(fault, null);
          input.removeAttribute("aria-invalid");
        } catch (error) {
          input.setAttribute("aria-invalid", "true");
          showError(fault, error);
        }
      });
      return make("div", { className: "pair" }, make("label", { htmlFor: id }, field.name), input);
    });
    const isSet = (field) => field.value !== null && field.value !== undefined;
    const words = `OSC session · port ${osc.port} · ${osc.fields.filter(isSet).length} set`;
    this.osc.replaceChildren(make("summary", {}, words), fault, ...inputs);
  }
}
