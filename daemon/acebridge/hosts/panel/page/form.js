/**
 * The form of a task, made from /panel/api/tables: the usual fields first, the others under "More". It remembers what was
 * entered by task, makes the request, and shows an error beside the field that it names.
 */
import { makeInput } from "./inputs.js";
import { helpWithLyrics } from "./lyrics_helper.js";
import { button, make, showError } from "./elements.js";
import { rememberPrompt, set, state, subscribe } from "./state.js";

const PREFETCH = {
  path: "submission.prefetch_next", label: "Make the next takes meanwhile", type: "boolean", group: "submission",
};
/** What a task without values of its own takes over from the one before. */
const SHARED = /^(music\.|tracks$|output\.takes$|sampling\.(model|adapters)$)/;

export class Form {
  /**
   * @param {HTMLElement} element
   * @param {{tables: any, lists: Object<string, any[]>, engines: any[], onStart: () => Promise<void>}} page
   */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.inputs = new Map();
    this.counters = [];
    this.fault = make("p", { className: "fault", hidden: true });
    this.choice = make("select", { id: "task-choice", onchange: () => this.choose(this.choice.value) });
    for (const task of page.tables.tasks) { this.choice.append(make("option", { value: task.name }, task.label)); }
    this.about = make("p", { className: "help", id: "task-about" });
    this.choice.setAttribute("aria-describedby", "task-about");
    this.first = make("div", { className: "first" });
    this.more = make("details", { className: "more" });
    this.history = make("details", { className: "history" }, make("summary", {}, "Earlier prompts"));
    this.start = button("Start", () => page.onStart(), { className: "main", id: "start", title: "Ctrl+Enter" });
    this.startNote = make("p", { className: "note keys" }, "Ctrl+Enter starts, too.");
    element.append(
      make("h2", { id: "task-title" }, "What to make"),
      make("div", { className: "field" }, make("label", { htmlFor: "task-choice" }, "Task"), this.choice, this.about),
      this.first, this.history, this.more, this.fault, make("div", { className: "go" }, this.start, this.startNote),
    );
    element.addEventListener("keydown", (event) => this.#onKey(event));
    subscribe("prompts", () => this.#showHistory());
    this.choose(state.task);
  }

  /** @returns {any} the task that is chosen, as the tables have it */
  get task() {
    return this.page.tables.tasks.find((task) => task.name === state.task) || this.page.tables.tasks[0];
  }

  /** Shows the form of a task with what was entered for it, or with what fits of the task before. */
  choose(name) {
    const before = state.fields[state.task] || {};
    const known = this.page.tables.tasks.some((task) => task.name === name);
    set("task", known ? name : this.page.tables.tasks[0].name);
    if (!state.fields[state.task]) {
      const shared = Object.entries(before).filter(([path]) => SHARED.test(path));
      set("fields", { ...state.fields, [state.task]: Object.fromEntries(shared) });
    }
    this.choice.value = state.task;
    this.about.textContent = this.task.about;
    this.draw();
    this.page.onTask?.(this.task);
  }

  draw() {
    this.inputs.clear();
    this.counters = [];
    showError(this.fault, null);
    const groups = new Map();
    this.first.replaceChildren();
    this.more.replaceChildren(make("summary", {}, "More"));
    const fields = [...this.task.fields, ...this.#queueFields()];
    for (const field of fields) {
      const input = makeInput(field, {
        lists: this.page.lists, tracks: this.page.tables.tracks, roles: this.page.tables.roles, onInput: () => this.#remember(),
      });
      if (!input) { continue; }
      this.inputs.set(field.path, input);
      if (field.path === "music.lyrics") { this.counters.push(helpWithLyrics(input.element, input.control)); }
      if (field.first) {
        this.first.append(input.element);
        continue;
      }
      if (!groups.has(field.group || "")) {
        const title = this.page.tables.groups[field.group || ""] || field.group;
        groups.set(field.group || "", make("fieldset", { className: "group" }, make("legend", {}, title)));
      }
      groups.get(field.group || "").append(input.element);
    }
    this.more.append(...groups.values());
    this.#fill(state.fields[state.task] || {});
  }

  /** How the job is queued: the same for all tasks. */
  #queueFields() {
    const engines = this.page.engines.map((engine) => engine.name);
    return [
      { path: "submission.engine", label: "Engine", type: "choice", choices: engines, default: "auto", group: "submission" },
      {
        path: "submission.priority", label: "Priority", type: "choice", choices: this.page.tables.priorities, default: "normal",
        group: "submission",
      },
      ...(this.task.has_seeds ? [PREFETCH] : []),
    ];
  }

  /** Sets values by path; fields that are not named are cleared. */
  #fill(values) {
    for (const [path, input] of this.inputs) { input.set(values[path]); }
    for (const show of this.counters) { show(); }
  }

  /** Sets some values and remembers them. @param {Object<string, any>} values by path */
  change(values) {
    for (const [path, value] of Object.entries(values)) { this.inputs.get(path)?.set(value); }
    for (const show of this.counters) { show(); }
    this.#remember();
  }

  #remember() {
    const held = {};
    for (const [path, input] of this.inputs) {
      const value = input.text();
      if (value !== undefined && value !== "" && !(Array.isArray(value) && !value.length)) { held[path] = value; }
    }
    set("fields", { ...state.fields, [state.task]: held });
  }

  /** @returns {Object<string, any>} the fields of the request, nested. Throws an error that names its field. */
  values() {
    const request = {};
    for (const [path, input] of this.inputs) {
      const value = input.get();
      if (value === undefined) { continue; }
      const names = path.split(".");
      const last = names.pop();
      let inner = request;
      for (const name of names) { inner = inner[name] ||= {}; }
      inner[last] = value;
    }
    return request;
  }

  /** Remembers caption and lyrics among the earlier prompts. */
  notePrompt() {
    const text = (path) => String(this.inputs.get(path)?.text() || "").trim();
    rememberPrompt(text("music.caption") || text("description"), text("music.lyrics"));
  }

  /** Shows an error beside the field that it names, or else above the button. @returns {boolean} whether a field was found */
  showError(error) {
    this.clearErrors();
    if (!error) { return false; }
    const input = this.#find(error.field || "");
    if (!input) {
      showError(this.fault, error);
      return false;
    }
    input.fault(error);
    input.focus();
    return true;
  }

  clearErrors() {
    showError(this.fault, null);
    for (const input of this.inputs.values()) { input.fault(null); }
  }

  /** @param {string} field as errors name it: with or without the groups before it */
  #find(field) {
    if (!field) { return null; }
    const plain = field.replace(/\[\d+\]/g, "");
    const paths = [...this.inputs.keys()];
    const path = paths.find((each) => each === plain) || paths.find((each) => plain.startsWith(`${each}.`))
      || paths.find((each) => each.endsWith(`.${plain}`));
    return path ? this.inputs.get(path) : null;
  }

  #onKey(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.start.click();
    }
  }

  #showHistory() {
    const list = make("ul", { className: "rows" });
    for (const { caption, lyrics } of state.prompts) {
      const words = caption || lyrics.split("\n").find((line) => line.trim()) || "";
      const use = button(words.slice(0, 120), () => {
        this.change({ "music.caption": caption, "music.lyrics": lyrics,
          ...(this.inputs.has("description") ? { description: caption } : {}) });
        this.history.open = false;
        (this.inputs.get("music.caption") || this.inputs.get("description"))?.focus();
      }, { className: "prompt" });
      list.append(make("li", {}, use));
    }
    this.history.replaceChildren(make("summary", {}, "Earlier prompts"), list);
    this.history.hidden = !state.prompts.length;
  }
}
