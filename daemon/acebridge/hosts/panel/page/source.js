/**
 * The source: a file that is dropped or chosen, or what another program has just sent; its waveform; and the region.
 */
import { AUDIO_TYPES, call, upload } from "./api.js";
import { agoText, button, fillList, lengthText, make, say, showError } from "./elements.js";
import { requestOf } from "./job.js";
import { set, state, subscribe } from "./state.js";

const REPAINT_HINT = "The region is made again, and the rest stays as it is. A start below 0 or an end past the source adds"
  + " music there.";
/** How many recordings of the daemon are offered. */
const OFFERED = 12;

export class Source {
  /**
   * @param {HTMLElement} element
   * @param {{onSource: (asset: any) => void, onRegion: (region: any) => void}} page
   */
  constructor(element, page) {
    this.page = page;
    this.task = null;
    this.jobs = [];
    this.file = make("input", { type: "file", id: "file", className: "unnamed", accept: AUDIO_TYPES,
      onchange: () => this.file.files[0] && this.#take(this.file.files[0]) });
    this.name = make("p", { className: "source-name" });
    this.remove = button("Remove", () => { set("region", null); set("source", null); this.file.focus(); },
      { className: "quiet" });
    this.progress = make("progress", { max: 1, value: 0, hidden: true, ariaLabel: "Upload of the source" });
    this.stage = make("p", { className: "note", role: "status" });
    this.fault = make("p", { className: "fault", hidden: true });
    this.wave = make("div", { id: "wave" });
    this.offered = make("ul", { className: "rows" });
    this.offers = make("details", { className: "history", id: "offers" }, make("summary", {}, "Recordings that are here"),
      this.offered);
    this.offers.addEventListener("toggle", () => this.offers.open && this.#offer());
    element.append(
      make("h2", { id: "source-title" }, "Source"),
      make("div", { className: "drop" },
        make("label", { htmlFor: "file" }, "Drop an audio file anywhere on the page, or choose one"), this.file),
      this.progress, this.stage, this.fault,
      make("div", { className: "line" }, this.name, this.remove),
      this.wave, this.#makeRegion(), this.offers,
    );
    this.#acceptDrops();
    subscribe("source", (asset) => this.#show(asset));
    subscribe("region", (region) => this.#showRegion(region));
  }

  /** The region: the waveform has its fields; where there is none, for a format that browsers do not read, there are these. */
  #makeRegion() {
    const input = (id) => make("input", {
      type: "text", inputMode: "decimal", className: "short", id, autocomplete: "off", onchange: () => this.#readRegion(),
    });
    this.from = input("region-from");
    this.to = input("region-to");
    this.hint = make("p", { className: "help", id: "region-hint" });
    this.regionFault = make("p", { className: "fault", id: "region-fault", hidden: true });
    for (const each of [this.from, this.to]) { each.setAttribute("aria-describedby", "region-hint region-fault"); }
    this.whole = button("No region", () => { set("region", null); this.from.focus(); }, { className: "quiet" });
    this.numbers = make("fieldset", { className: "region", hidden: true },
      make("legend", {}, "Region"),
      make("div", { className: "line" },
        make("label", { htmlFor: "region-from" }, "From ", make("span", { className: "unit" }, "s")), this.from,
        make("label", { htmlFor: "region-to" }, "to ", make("span", { className: "unit" }, "s")), this.to, this.whole));
    this.region = make("div", { className: "field", hidden: true }, this.numbers, this.hint, this.regionFault);
    return this.region;
  }

  #acceptDrops() {
    const isFile = (event) => Array.from(event.dataTransfer?.types || []).includes("Files");
    let depth = 0;
    const show = (isOver) => document.body.classList.toggle("dropping", isOver);
    addEventListener("dragenter", (event) => { if (isFile(event)) { depth += 1; show(true); } });
    addEventListener("dragleave", (event) => { if (isFile(event) && --depth <= 0) { depth = 0; show(false); } });
    addEventListener("dragover", (event) => { if (isFile(event)) { event.preventDefault(); } });
    addEventListener("drop", (event) => {
      if (!isFile(event)) { return; }
      event.preventDefault();
      depth = 0;
      show(false);
      if (event.dataTransfer.files.length > 1) { say("Several files were dropped; the first one is the source."); }
      const [file] = event.dataTransfer.files;
      if (file) { this.#take(file); }
    });
  }

  /** Stores a file and makes it the source. @param {File} file */
  async #take(file) {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    showError(this.fault, null);
    this.progress.hidden = false;
    try {
      const asset = await upload(file, (fraction, stage) => {
        this.progress.value = fraction;
        this.stage.textContent = `${stage} ${file.name}, ${Math.round(100 * fraction)} %`;
      }, abort.signal);
      this.use(asset);
    } catch (error) {
      if (!abort.signal.aborted) { showError(this.fault, error); }
    } finally {
      if (this.abort === abort) {
        this.progress.hidden = true;
        this.stage.textContent = "";
        this.file.value = "";
      }
    }
  }

  /** Makes a stored recording the source, without a region. @param {any} asset */
  use(asset) {
    if (asset.id !== state.source?.id) { set("region", null); }
    set("source", asset);
    say(`${asset.name || "The recording"} is the source.`);
  }

  #show(asset) {
    showError(this.fault, null);
    const facts = asset && [asset.name || asset.id.slice(0, 8), lengthText(asset.frames / asset.sample_rate),
      `${asset.sample_rate / 1000} kHz`, asset.channels === 1 ? "mono" : "stereo"];
    this.name.textContent = facts?.join(" · ") ?? "There is no source.";
    this.remove.hidden = !asset;
    this.region.hidden = !asset;
    this.numbers.hidden = true;
    this.page.onSource(asset);
  }

  /** Shows fields for the region where there is no waveform to mark it on. @param {boolean} hasWave */
  showNumbers(hasWave) {
    this.numbers.hidden = hasWave;
  }

  /** Says what the region means for a task. @param {any} task as the tables have it */
  showTask(task) {
    this.task = task;
    this.hint.textContent = !task.needs_source
      ? `${task.label} uses no source. To change this one, choose another task, such as Repaint.`
      : task.reaches_past_source ? REPAINT_HINT
      : task.has_region ? "The new tracks play in the region."
      : "Only the region is used. Without one, the whole source is.";
  }

  #showRegion(region) {
    const text = (value) => (value === undefined || value === null ? "" : String(Math.round(1e6 * value) / 1e6));
    this.from.value = text(region?.start_s);
    this.to.value = text(region?.end_s);
    this.whole.hidden = !region;
    this.#showRegionError(null);
    this.page.onRegion(region);
  }

  #readRegion() {
    const read = (input) => {
      const text = input.value.trim().replace(",", ".");
      if (!text) { return null; }
      const parts = text.split(":").map(Number);
      return parts.some(Number.isNaN) ? NaN : parts.reduce((sum, part) => 60 * sum + part, 0);
    };
    const length_s = state.source.frames / state.source.sample_rate;
    const start_s = read(this.from) ?? 0, end_s = read(this.to) ?? length_s;
    if (!this.from.value.trim() && !this.to.value.trim()) { return set("region", null); }
    if (!(start_s < end_s)) {
      return this.#showRegionError({ message: `The region is from ${this.from.value || 0} to ${this.to.value || "the end"}.`,
        remedy: "Write seconds, or 1:30.5, with the start before the end." });
    }
    return set("region", { start_s, end_s });
  }

  #showRegionError(error) {
    showError(this.regionFault, error);
    for (const each of [this.from, this.to]) {
      if (error) { each.setAttribute("aria-invalid", "true"); } else { each.removeAttribute("aria-invalid"); }
    }
    if (error && !this.numbers.hidden) { this.from.focus(); }
  }

  /** @returns {boolean} whether an error is about the source, which is then shown here */
  showError(error) {
    const field = error?.field || "";
    if (/^(source\.region\.)?(start_s|end_s)$/.test(field) && state.source) {
      this.#showRegionError(error);
      return true;
    }
    if (!field.startsWith("source")) { return false; }
    showError(this.fault, error);
    this.file.focus();
    return true;
  }

  clearErrors() {
    showError(this.fault, null);
    this.#showRegionError(null);
  }

  /** Takes note of the jobs: they say where recordings came from. */
  noteJobs(jobs) {
    this.jobs = jobs;
    if (this.offers.open) { this.#offer(); }
  }

  /** Offers the newest recordings of the daemon, each with the program that it came from. */
  async #offer() {
    let assets;
    try {
      ({ assets = [] } = await call("AssetService", "ListAssets", { page_size: OFFERED }));
    } catch (error) {
      showError(this.fault, error);
      return;
    }
    const origins = originsOf(this.jobs);
    const rows = assets.map((asset) => ({ ...asset, from: origins.get(asset.id) || "" }));
    fillList(this.offered, rows, (asset) => asset.id, (asset) => {
      const length = lengthText(asset.frames / asset.sample_rate);
      const facts = [asset.from, length, agoText(asset.create_time)].filter(Boolean).join(" · ");
      return make("li", { className: "row" },
        make("div", {}, make("span", { className: "title" }, asset.name || asset.id.slice(0, 8)),
          make("span", { className: "note" }, facts)),
        button("Use", () => { const { from, ...plain } = asset; this.offers.open = false; this.use(plain); },
          { ariaLabel: `Use ${asset.name || "this recording"} as the source` }));
    });
    if (!assets.length) {
      this.offered.replaceChildren(make("li", { className: "note" }, "The daemon holds no recordings yet."));
    }
  }
}

/** @returns {Map<string, string>} asset → what it is: the source of a program, or what a task made */
function originsOf(jobs) {
  const found = new Map();
  for (const job of jobs) {
    const host = job.origin?.host || "";
    const { source } = requestOf(job);
    if (source?.asset_id && host) { found.set(source.asset_id, `from ${host}`); }
    for (const take of job.takes || []) {
      for (const output of take.outputs || []) {
        found.set(output.asset_id, `${job.task}, take ${take.take}${host ? `, for ${host}` : ""}`);
      }
    }
  }
  return found;
}
