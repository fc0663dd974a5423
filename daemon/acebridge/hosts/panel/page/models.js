/** Models and adapters: what is there, what can be fetched with its progress, and how much disk and memory there is. */
import { call, panelCall, stream } from "./api.js";
import { button, fillList, make, say, showError, sizeText } from "./elements.js";

/** Memory and disk are looked at that often. */
const LOOK_MS = 15000;

export class Models {
  /** @param {HTMLElement} element @param {{onChange: () => void}} page */
  constructor(element, page) {
    this.page = page;
    this.room = make("p", { className: "note" });
    this.devices = make("ul", { className: "rows" });
    this.bar = make("progress", { max: 1, hidden: true, ariaLabel: "Progress of the pull" });
    this.stage = make("p", { className: "note" });
    this.stop = button("Stop the pull", () => panelCall("models/cancel", {}),
      { hidden: true, onfail: (error) => this.#fail(error) });
    this.fault = make("p", { className: "fault", hidden: true });
    this.list = make("ul", { className: "rows" });
    this.about = make("p", { className: "help" });
    element.append(make("h2", { id: "models-title" }, "Models"), this.room, this.devices, this.bar, this.stage, this.stop,
      this.fault, this.list, this.about);
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
    this.#look();
  }

  async #look() {
    clearTimeout(this.timer);
    try {
      const [held, loaded, status] = await Promise.all([
        panelCall("models"), call("ModelService", "ListModels"), call("DaemonService", "GetStatus"),
      ]);
      this.#show(held, loaded, status);
      if (this.isAway) { showError(this.fault, null); }
      this.isAway = false;
      if (held.pull) { this.#watch(held.pull.name); }
    } catch (error) {
      this.isAway = true;
      this.#fail(error);
    }
    if (!document.hidden) { this.timer = setTimeout(() => this.#look(), LOOK_MS); }
  }

  #fail(error) {
    showError(this.fault, error);
  }

  #show(held, loaded, status) {
    const parts = [];
    if (held.disk) { parts.push(`disk: ${sizeText(held.disk.free_bytes)} of ${sizeText(held.disk.total_bytes)} free`); }
    if (held.memory.total_bytes) {
      parts.push(`memory: ${sizeText(held.memory.free_bytes)} of ${sizeText(held.memory.total_bytes)} free`);
    }
    parts.push(`stored audio: ${sizeText(status.stored_bytes || 0)} of at most ${sizeText(status.quota_bytes || 0)}`);
    this.room.textContent = parts.join(" · ");
    fillList(this.devices, status.workers || [], (worker) => worker.device,
      (worker) => make("li", { className: "row" }, make("div", {},
      make("span", { className: "title" }, worker.label ? `${worker.device} · ${worker.label}` : worker.device),
      make("span", { className: "note" },
        [worker.job_id ? "works" : worker.pid ? "idle" : "asleep", worker.memory_bytes ? sizeText(worker.memory_bytes) : "",
        (worker.models || []).join(", ")].filter(Boolean).join(" · ")),
      worker.problem ? make("span", { className: "note bad" }, worker.problem) : null)));
    const inMemory = new Map((loaded.models || []).map((model) => [model.name, model.loaded]));
    const rows = held.models.map((model) => ({ ...model, loaded: inMemory.get(model.name),
      can_load: inMemory.has(model.name) }));
    const adapters = held.adapters
      .map((each) => ({ ...each, kind: "adapter", there: !each.fault, faults: each.fault ? [each.fault] : [], about: "" }));
    fillList(this.list, [...rows, ...adapters], (row) => `${row.kind} ${row.name}`, (row) => this.#draw(row));
    this.about.textContent = `They are in ${held.folder}. The draft engine needs none.`;
  }

  #draw(row) {
    const how = row.loaded ? "in memory" : row.there ? "there" : row.faults.length ? "there in part" : "not there";
    const acts = make("div", { className: "acts" });
    const act = (text, run) => acts.append(button(text, run,
      { className: "quiet", ariaLabel: `${text} ${row.name}`, onfail: (error) => this.#fail(error) }));
    if (row.can_pull && !row.there) { act("Pull", () => this.#pull(row.name)); }
    if (row.can_load) {
      act(row.loaded ? "Unload" : "Load", async () => {
        await call("ModelService", row.loaded ? "UnloadModel" : "LoadModel", { name: row.name });
        await this.#look();
      });
    }
    return make("li", { className: "row" },
      make("div", {}, make("span", { className: "title" }, row.name),
        make("span", { className: "note" }, [row.kind, sizeText(row.size_bytes), how].filter(Boolean).join(" · ")),
        row.about ? make("span", { className: "note" }, row.about) : null,
        row.faults.length ? make("span", { className: "note bad" }, row.faults.join("; ")) : null), acts);
  }

  /** Fetches a model; the pull goes on when the page is closed. */
  async #pull(name) {
    showError(this.fault, null);
    this.#watch(name);
  }

  async #watch(name) {
    if (this.isWatching) { return; }
    this.isWatching = true;
    this.bar.hidden = this.stop.hidden = false;
    this.bar.removeAttribute("value");
    this.stage.textContent = `Pulling ${name}`;
    say(`Pulling ${name}.`);
    try {
      await stream("/panel/api/models/pull", {
        method: "POST", body: { name }, resume: false,
        onEvent: (kind, step) => {
          if (kind !== "progress") { return; }
          if (step.total_bytes) { this.bar.value = step.done_bytes / step.total_bytes; }
          const size = step.total_bytes ? `${sizeText(step.done_bytes)} of ${sizeText(step.total_bytes)}` : "the Hub";
          this.stage.textContent = `${step.name}: ${step.stage} ${size}`;
        },
      });
      say(`${name} is there.`);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.isWatching = false;
      this.bar.hidden = this.stop.hidden = true;
      this.stage.textContent = "";
    }
    await this.#look();
    this.page.onChange();
  }
}
