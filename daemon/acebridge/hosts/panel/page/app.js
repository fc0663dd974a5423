/**
 * The panel: puts the parts together. A request is made of the form, the source and the region; its job is followed; its takes
 * are heard, kept, varied and placed.
 */
import { showAnswer } from "./answer.js";
import { ApiError, call, forgetKey, openSession, panelCall } from "./api.js";
import { Bars } from "./bars.js";
import { make, say, showError } from "./elements.js";
import { Form } from "./form.js";
import { Hosts } from "./hosts.js";
import { requestOf } from "./job.js";
import { Jobs } from "./jobs.js";
import { Models } from "./models.js";
import { Source } from "./source.js";
import { SourceWave } from "./source_wave.js";
import { set, state } from "./state.js";
import { showTakes } from "./takes.js";
import { Work } from "./work.js";

const at = (id) => document.getElementById(id);
/** How long the daemon may be away before it is looked for again, in ms. */
const RETRY_MS = 2000;
/** How far a repaint may reach beyond its source, in seconds, as far as one draws it. */
const BEYOND_S = 600;

/** Shows what is to be done without a key. */
function showClosed(error) {
  at("closed").hidden = false;
  at("panel").hidden = true;
  at("closed-reason").textContent = error ? `${error.message} ${error.remedy}` : "";
}

/** Reads what the forms are made from; waits where the daemon is away. */
async function readTables() {
  const tables = await panelCall("tables");
  for (;;) {
    try {
      const [able, listed] = await Promise.all([call("ModelService", "GetCapabilities"), call("ModelService", "ListModels")]);
      at("away").hidden = true;
      return { tables, ...listsOf(tables, able, listed) };
    } catch (error) {
      if (!error.isForNow) { throw error; }
      showStatus(error);
      at("away").hidden = false;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

function listsOf(tables, able, listed) {
  const engines = (able.engines || []).filter((engine) => engine.available && engine.name !== "fake");
  const names = (what) => [...new Set(engines.flatMap((engine) => engine[what] || []))];
  const models = (listed.models || []).map((model) => model.name);
  const isLanguage = (name) => /(^|[-_])lm([-_]|$)/i.test(name);
  return {
    engines,
    lists: {
      models: models.filter((name) => !isLanguage(name)), language_models: models.filter(isLanguage),
      adapters: (listed.adapters || []).map((adapter) => adapter.name), languages: tables.languages,
      samplers: names("samplers"), guidance_methods: names("guidance_methods"),
    },
  };
}

function showStatus(error, words = "") {
  const place = at("status"), text = error ? `${error.message} ${error.remedy}`.trim() : words;
  place.classList.toggle("bad", Boolean(error));
  if (place.textContent !== text) { place.textContent = text; }
}

class Panel {
  constructor({ tables, engines, lists }) {
    this.tables = tables;
    this.takes = null;
    /** Events that came before the takes were there to show them. */
    this.missed = [];
    this.source = new Source(at("source"), {
      onSource: (asset) => this.#showSource(asset), onRegion: (region) => this.#showRegion(region),
    });
    this.wave = new SourceWave(at("wave"), {
      onRegion: (region) => set("region", region && { start_s: region.start_s, end_s: region.end_s }),
    });
    this.wave.onShow = () => this.#showRegion(state.region);
    this.#showSource(state.source);
    this.work = new Work(at("work"), {
      tables, onEvent: (kind, event) => this.#onEvent(kind, event), onEnd: (job) => this.#onEnd(job),
    });
    this.form = new Form(at("task"),
      { tables, engines, lists, onStart: () => this.#start(), onTask: (task) => this.#showTask(task) });
    this.#showTask(this.form.task);
    this.jobs = new Jobs(at("jobs"), {
      tables, onShow: (id) => this.#show(id), onJobs: (jobs, status) => this.#onJobs(jobs, status),
      onLost: (error) => this.#onLost(error), onDelete: (id) => id === state.job && this.#close(),
    });
    this.hosts = new Hosts(at("hosts"));
    this.models = new Models(at("models"), { onChange: () => this.#readLists() });
    addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) { this.form.start.click(); }
    });
    if (state.job) { this.#show(state.job, true); }
  }

  #showTask(task) {
    this.source.showTask(task);
    this.wave.waveform.before_s = this.wave.waveform.after_s = task.reaches_past_source ? BEYOND_S : 0;
  }

  async #showSource(asset) {
    if (!this.wave) { return; }
    await this.wave.show(asset, asset?.marks);
    if (asset?.id === state.source?.id) { this.source.showNumbers(!asset || Boolean(this.wave.waveform.audio)); }
  }

  /** Marks the region of the state on the waveform. */
  #showRegion(region) {
    const waveform = this.wave?.waveform;
    if (!waveform?.audio) { return; }
    const held = waveform.getRegion(), isNear = (one, other) => Math.abs(one - other) < 0.5 / waveform.audio.rate;
    const isSame = held && region ? isNear(held.start_s, region.start_s) && isNear(held.end_s, region.end_s) : !held && !region;
    if (!isSame) { waveform.setRegion(region); }
  }

  /** Makes a job of the form, the source and the region, and follows it. */
  async #start() {
    this.form.clearErrors();
    this.source.clearErrors();
    let job;
    try {
      const request = this.#request();
      this.form.notePrompt();
      job = await call("JobService", "CreateJob", { request: { [this.form.task.field]: request } });
    } catch (error) {
      if (!this.source.showError(error)) { this.form.showError(error); }
      say(`${error.message} ${error.remedy || ""}`);
      return;
    }
    say("The job is on its way.");
    await this.#open(job);
  }

  /** What the daemon notes of the program that asks for a job. */
  get origin() {
    return { host: `AceBridge panel ${this.tables.version}` };
  }

  /** @returns {any} the fields of the request */
  #request() {
    const task = this.form.task, request = this.form.values();
    request.submission = {
      ...request.submission, idempotency_key: crypto.randomUUID(), origin: this.origin,
    };
    const { source, region } = state;
    if (!task.needs_source) { return request; }
    if (!source) {
      throw new ApiError({
        reason: "INVALID_VALUE", message: `${task.label} needs a source.`, remedy: "Drop an audio file, or choose one.",
        details: { field: "source" },
      });
    }
    request.source = { asset_id: source.id, ...(source.name ? { name: source.name.slice(0, 200) } : {}) };
    if (region && task.has_region) {
      Object.assign(request, { start_s: region.start_s, end_s: region.end_s });
    } else if (region) {
      request.source.region = { start_s: Math.max(0, region.start_s), end_s: region.end_s };
    }
    return request;
  }

  /** Follows a job; its takes appear as they are made. */
  async #open(job) {
    set("job", job.id);
    this.#clear();
    const task = this.tables.tasks.find((each) => each.name === job.task);
    const following = this.work.follow(job);
    if (task?.kind === "audio") { this.#openTakes(job); }
    this.jobs.look();
    at("work").scrollIntoView({ block: "nearest" });
    void following;
  }

  /** Shows what there is of the takes of a job, beside its source if that is still stored. */
  async #openTakes(job) {
    const assetId = requestOf(job).source?.asset_id;
    const turn = (this.turn = {});
    const source = assetId ? await call("AssetService", "GetAsset", { asset_id: assetId }).catch(() => null) : null;
    if (turn !== this.turn) { return; }
    this.takes = showTakes(at("takes"), job, source, {
      roles: this.tables.roles,
      variation: this.tables.variation,
      origin: this.origin,
      onJob: (id) => this.#show(id),
      onUse: (asset, region, task) => this.#use(asset, region, task),
      onError: (error, place) => showError(place, error),
    });
    for (const [kind, event] of this.missed.splice(0)) { this.takes.onEvent(kind, event); }
  }

  /** Makes a take the source of what comes next. */
  #use(asset, region, task) {
    this.source.use(asset);
    if (task) { this.form.choose(task); }
    set("region", region);
    at("source").scrollIntoView({ block: "start" });
  }

  /** Shows a job by its id. @param {boolean} isQuiet nothing is said where it is not there any more */
  async #show(id, isQuiet = false) {
    try {
      await this.#open(await call("JobService", "GetJob", { job_id: id }));
    } catch (error) {
      if (error.reason === "NOT_FOUND") { set("job", ""); }
      if (!isQuiet || error.reason !== "NOT_FOUND") { this.form.showError(error); }
    }
  }

  #clear() {
    this.takes?.close();
    this.takes = this.turn = null;
    this.missed = [];
    at("takes").replaceChildren();
    at("answer").hidden = true;
  }

  #close() {
    set("job", "");
    this.work.close();
    this.#clear();
  }

  #onEvent(kind, event) {
    if (this.takes) { this.takes.onEvent(kind, event); } else { this.missed.push([kind, event]); }
  }

  #onEnd(job) {
    this.jobs.look();
    if (job.id !== state.job) { return; }
    this.takes?.update(job);
    this.#showBars(job);
    const name = requestOf(job).source?.name?.replace(/\.[^.]*$/, "") || job.task;
    showAnswer(at("answer"), job, { name, onUse: (values) => this.#useAnswer(values) });
  }

  /** Draws the bars of the source, where a job has found its tempo. */
  #showBars(job) {
    const { bpm, timesignature, downbeats } = job.takes?.[0]?.metadata || {}, { waveform } = this.wave;
    if (job.task !== "understand" || !bpm || !waveform.audio || requestOf(job).source?.asset_id !== state.source?.id) {
      return;
    }
    const from_s = requestOf(job).source.region?.start_s || 0, bars = (downbeats || []).map((time_s) => time_s + from_s);
    waveform.fields.show({ bpm, timesignature, downbeats: bars });
    waveform.setBars(new Bars({ bpm, beats: timesignature, downbeats: bars }));
  }

  /** Begins a new song from what a task has found or written. */
  #useAnswer(values) {
    this.form.choose("text2music");
    this.form.change(values);
    this.form.inputs.get("music.caption").focus();
  }

  #onJobs(jobs, { running_jobs: running = 0, waiting_jobs: waiting = 0 }) {
    this.source.noteJobs(jobs);
    const runs = `${running} ${running === 1 ? "job runs" : "jobs run"}`;
    const waits = `${waiting} ${waiting === 1 ? "waits" : "wait"}`;
    showStatus(null, running || waiting ? `${runs}, ${waits}` : "Ready");
  }

  #onLost(error) {
    if (!error) { return; }
    if (error.status === 401) {
      forgetKey();
      showClosed(error);
    }
    showStatus(error);
  }

  /** Reads models and adapters again, for the form. */
  async #readLists() {
    const [able, listed] = await Promise.all([call("ModelService", "GetCapabilities"), call("ModelService", "ListModels")]);
    Object.assign(this.form.page, listsOf(this.tables, able, listed));
    this.form.draw();
  }
}

async function begin() {
  try {
    if (!(await openSession())) { return showClosed(null); }
    at("panel").hidden = false;
    window.acebridge = new Panel(await readTables());
  } catch (error) {
    if (error.status === 401 || error.status === 403) { forgetKey(); }
    if (error.status === 401 || error.status === 403 || error.reason === "OFFLINE") {
      showClosed(error);
    } else {
      at("panel").prepend(make("p", { className: "fault", role: "alert" }, `${error.message} ${error.remedy || ""}`));
    }
    throw error;
  }
  return undefined;
}

begin();
