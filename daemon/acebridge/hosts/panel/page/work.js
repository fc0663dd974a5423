/**
 * The job that is shown: its place in the queue and why it waits, its progress with the time to go, cancel, and its end. It is
 * followed through broken lines, and after the page was loaded again.
 */
import { ApiError, call, stream } from "./api.js";
import { button, clock, make, say, showError } from "./elements.js";
import { isUnderWay } from "./job.js";

/** Progress is said no more often than that, for those who hear the page. */
const SAY_MS = 10000;

export class Work {
  /**
   * @param {HTMLElement} element
   * @param {{tables: any, onEvent: (kind: string, event: any, job: any) => void, onEnd: (job: any) => void}} page
   */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.labels = new Map(page.tables.tasks.map((task) => [task.name, task.label]));
    this.title = make("h2", { id: "work-title" });
    this.bar = make("progress", { max: 1, value: 0, ariaLabel: "Progress of the job" });
    this.words = make("p", { className: "stage" });
    this.fault = make("p", { className: "fault", hidden: true });
    this.cancel = button("Cancel", () => call("JobService", "CancelJob", { job_id: this.job.id }), {
      onfail: (error) => showError(this.fault, error),
    });
    element.append(this.title, this.bar, this.words, make("div", { className: "line" }, this.cancel), this.fault);
    this.saidAt = 0;
  }

  /** Shows a job and follows it to its end. @param {any} job */
  async follow(job) {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.job = job;
    this.element.hidden = false;
    this.title.textContent = this.labels.get(job.task) || job.task;
    showError(this.fault, null);
    this.#showBar(isUnderWay(job), job.progress?.fraction || 0);
    this.words.textContent = "";
    try {
      await stream(`/v1/jobs/${job.id}/events`, {
        signal: abort.signal,
        onEvent: (kind, event) => { showError(this.fault, null); this.#onEvent(kind, event); },
        onLost: (error) => this.#onLost(job, error, abort),
      });
      if (this.job === job) { await this.#end(job, null); }
    } catch (error) {
      if (!abort.signal.aborted && this.job === job) { await this.#end(job, error); }
    }
  }

  /** The stream broke: the daemon is away, or the job itself has failed for the same reason. */
  async #onLost(job, error, abort) {
    this.#say("The daemon is away. The job goes on when it is back.", true);
    if (error.reason !== "UNAVAILABLE") { return; }
    const now = await call("JobService", "GetJob", { job_id: job.id }).catch(() => null);
    if (now?.state !== "failed" || this.job !== job) { return; }
    abort.abort();
    await this.#end(job, error);
  }

  /** Shows nothing, and follows nothing. */
  close() {
    this.abort?.abort();
    this.job = null;
    this.element.hidden = true;
  }

  #onEvent(kind, event) {
    const said = event[kind] || {};
    if (kind === "queued") {
      const place = said.position ? `${said.position} ${said.position === 1 ? "job is" : "jobs are"} before it.`
        : "It is next.";
      this.#say(`Waits. ${said.reason || place}`, true);
    } else if (kind === "started") {
      this.#say(`${said.engine} on ${said.device}${said.attempt > 1 ? `, attempt ${said.attempt}` : ""}`, true);
    } else if (kind === "progress") {
      this.#showBar(true, said.fraction || 0);
      const left = said.eta_s ? `, ${clock(Math.round(said.eta_s))} to go` : "";
      this.#say(`${sentence(said.stage)} ${Math.round(100 * (said.fraction || 0))} %${left}`);
    }
    this.page.onEvent(kind, event, this.job);
  }

  #say(text, isAtOnce = false) {
    this.words.textContent = text;
    if (isAtOnce || Date.now() - this.saidAt > SAY_MS) {
      this.saidAt = Date.now();
      say(text);
    }
  }

  #showBar(isUnderWay, fraction) {
    this.bar.hidden = !isUnderWay;
    this.cancel.hidden = !isUnderWay;
    this.bar.value = fraction;
  }

  /** The job has ended, with an error or without: shows what it says, and gives the job with its takes away. */
  async #end(job, error) {
    this.#showBar(false, 1);
    try {
      Object.assign(job, await call("JobService", "GetJob", { job_id: job.id }));
    } catch (lost) {
      error ||= lost;
    }
    if (error instanceof ApiError && error.reason === "CANCELLED") {
      this.#say("It was cancelled.", true);
    } else if (error) {
      this.words.textContent = "";
      showError(this.fault, error);
    } else {
      this.#say(job.takes?.length > 1 ? `Done: ${job.takes.length} takes.` : "Done.", true);
    }
    this.page.onEnd(job, error);
  }
}

function sentence(stage) {
  return stage ? stage[0].toUpperCase() + stage.slice(1) : "";
}
