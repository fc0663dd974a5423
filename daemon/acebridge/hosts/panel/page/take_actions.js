/** What one may do with a take: keep, vary, again, extend, use as source, place in a DAW, export. */

import { call, panelCall, stream } from "./api.js";
import { button, make, say } from "./elements.js";
import { requestOf, taskOf } from "./job.js";

/** How much Extend adds, in seconds. */
const EXTENSION_S = 30;
/** Fields of an output that name takes of another request. */
const OF_OTHER_TAKES = ["seeds", "takes", "preview_id", "variation", "variation_seeds", "base_variations"];
const NO_PROJECT = "No project is open. Open one in REAPER or Ardour with AceBridge's script, or drag the take there.";
const FORMATS = { dawproject: "DAWproject", rpp: "REAPER project", aaf: "AAF" };

/** The request of a job that varies one of its takes by an amount, 0 to 1, with the program that asks for it. */
function variationOf(job, take, { variation, origin }) {
  const fields = requestOf(job), output = { ...fields.output };
  const chooses = (output.tries ?? 0) > 1 || output.min_score !== undefined;
  for (const name of OF_OTHER_TAKES) {
    if (name !== "takes" || !chooses) { delete output[name]; }
  }
  Object.assign(output, { seeds: [take.seed ?? 0], variation });
  const steps = take.metadata?.variations ?? [];
  if (steps.length) { output.base_variations = steps; }
  const { idempotency_key: _, ...submission } = fields.submission ?? {};
  return { [taskOf(job)]: { ...fields, submission: { ...submission, origin }, output } };
}

/** Asks for the next batch of a job and returns its id as soon as that is known. @returns {Promise<string>} */
async function nextBatch(jobId) {
  const known = new AbortController();
  let id = "";
  try {
    await stream("/v1/JobService/NextBatch", {
      body: { job_id: jobId }, signal: known.signal, resume: false,
      onEvent: (_, event) => {
        id = event.job_id;
        known.abort();
      },
    });
  } catch (error) {
    if (!id) { throw error; }
  }
  return id;
}

/** The pieces of audio of a take, in order of the job. */
function outputsOf(take) {
  return take.outputs ?? [];
}

export class TakeActions {
  /**
   * @param {{job: any, take: any, name: string, page: any}} what `page` is what showTakes was given.
   */
  constructor({ job, take, name, page }) {
    Object.assign(this, { job, take, name, page, isDecided: false });
    this.fault = make("p", { className: "fault", hidden: true });
    const onfail = (error) => page.onError(error, this.fault), label = (text) => `${text} ${name}`;
    const act = (text, does) => button(text, does, { onfail, "aria-label": label(text) });
    this.keep = act("Keep", () => this.#keep());
    this.keep.setAttribute("aria-pressed", "false");
    const task = taskOf(job), isMade = Boolean(task) && task !== "extract", isAlone = outputsOf(take).length === 1;
    this.element = make("div", { className: "take-actions", role: "group", "aria-label": label("What to do with") },
      this.keep, isMade && act("Vary", () => this.#vary()),
      isMade && act("Again", async () => page.onJob(await nextBatch(job.id))),
      isAlone && act("Extend", () => this.#extend()), isAlone && act("Use as source", () => this.#use()),
      this.#place(label, onfail), this.#export(label, onfail), this.fault);
    this.#readKept().catch(() => {});
  }

  /** Shows whether the take is kept, unless somebody has decided that before the answer is there. */
  async #readKept() {
    const assets = await Promise.all(outputsOf(this.take)
      .map(({ asset_id }) => call("AssetService", "GetAsset", { asset_id })));
    if (!this.isDecided) { this.#showKept(assets.length > 0 && assets.every((asset) => asset.pinned)); }
  }

  #showKept(isKept) {
    this.keep.setAttribute("aria-pressed", String(isKept));
  }

  async #keep() {
    const isKept = this.keep.getAttribute("aria-pressed") !== "true", method = isKept ? "PinAsset" : "UnpinAsset";
    this.isDecided = true;
    for (const { asset_id } of outputsOf(this.take)) { await call("AssetService", method, { asset_id }); }
    this.#showKept(isKept);
    say(isKept ? `${this.name} stays until you let it go.` : `${this.name} may be removed when space is needed.`);
  }

  async #vary() {
    const job = await call("JobService", "CreateJob", { request: variationOf(this.job, this.take, this.page) });
    this.page.onJob(job.id);
  }

  /** The audio of the take, with what is known of its bars. */
  async #asset() {
    const asset = await call("AssetService", "GetAsset", { asset_id: outputsOf(this.take)[0].asset_id });
    const { bpm, timesignature } = this.take.metadata ?? {};
    return { ...asset, marks: { bpm, timesignature } };
  }

  async #use() {
    this.page.onUse(await this.#asset(), null, null);
  }

  async #extend() {
    const asset = await this.#asset(), end_s = asset.frames / asset.sample_rate;
    this.page.onUse(asset, { start_s: end_s, end_s: end_s + EXTENSION_S }, "repaint");
  }

  /** A list of the projects that are open now, read when it is opened. */
  #place(label, onfail) {
    const list = make("div", { className: "take-menu" });
    const menu = make("details", {}, make("summary", { "aria-label": label("Place in a DAW:") }, "Place in a DAW"), list);
    menu.addEventListener("toggle", async () => {
      if (!menu.open) { return; }
      try {
        const { projects = [] } = await panelCall("hosts"), open = projects.filter((project) => project.open !== false);
        const row = (project) => button(`${project.name} in ${project.host}`, () => this.#placeIn(project, menu), { onfail });
        list.replaceChildren(...(open.length ? open.map(row) : [make("p", { className: "note" }, NO_PROJECT)]));
      } catch (error) {
        onfail(error);
      }
    });
    return menu;
  }

  async #placeIn(project, menu) {
    const outputs = outputsOf(this.take);
    for (const output of outputs) {
      const name = outputs.length > 1 ? `${this.name} ${output.role}` : this.name;
      const position_s = Math.max(0, (output.start_frame ?? 0) / output.sample_rate);
      await panelCall("place", { asset_id: output.asset_id, project_id: project.id, position_s, name });
    }
    menu.open = false;
    say(`${this.name} is on its way into ${project.name}.`);
  }

  #export(label, onfail) {
    const act = (format) => button(FORMATS[format], async () => {
      const { url } = await panelCall("export", { job_id: this.job.id, format });
      make("a", { href: url, download: "" }).click();
      say(`${FORMATS[format]} of the job is saved.`);
    }, { onfail });
    const summary = make("summary", { "aria-label": label("Export the job of") }, "Export");
    return make("details", {}, summary, make("div", { className: "take-menu" }, ...Object.keys(FORMATS).map(act)));
  }
}
