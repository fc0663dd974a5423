/** The list of jobs, of all programs: the newest first, with what they wait for, and a way to see their takes. */
import { call } from "./api.js";
import { agoText, button, fillList, make, showError } from "./elements.js";
import { isUnderWay, requestOf } from "./job.js";
import { state } from "./state.js";

/** Jobs that are shown at first, and that are added each time; all that run are shown anyway. */
const SHOWN = 30, MOST = 1000;
/** How long a question waits for the second click. */
const ASK_MS = 5000;
const BUSY_MS = 1500, IDLE_MS = 5000;
const STATES = { queued: "waits", running: "runs", succeeded: "done", failed: "failed", cancelled: "cancelled" };

export class Jobs {
  /**
   * @param {HTMLElement} element
   * @param {{tables: any, onShow: (id: string) => void, onJobs: (jobs: any[], status: any) => void,
   *          onLost: (error: any) => void, onDelete?: (id: string) => void}} page
   */
  constructor(element, page) {
    this.page = page;
    this.labels = new Map(page.tables.tasks.map((task) => [task.name, task.label]));
    this.fault = make("p", { className: "fault", hidden: true });
    this.list = make("ul", { className: "rows" });
    this.empty = make("p", { className: "note" }, "There are no jobs yet.");
    this.shown = SHOWN;
    this.more = button("Earlier jobs", () => { this.shown = Math.min(MOST, this.shown + SHOWN); return this.look(); },
      { className: "quiet", hidden: true });
    element.append(make("h2", { id: "jobs-title" }, "Jobs"), this.fault, this.empty, this.list, this.more);
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
    this.look();
  }

  /** Reads the list now, and again in a while. */
  async look() {
    clearTimeout(this.timer);
    const round = (this.round = (this.round || 0) + 1);
    let pause = IDLE_MS;
    try {
      const [{ jobs: newest = [], next_page_token: next }, { jobs: running = [] }, status] = await Promise.all([
        call("JobService", "ListJobs", { page_size: this.shown }), call("JobService", "ListJobs", { states: ["running"] }),
        call("DaemonService", "GetStatus"),
      ]);
      if (round !== this.round) { return; }
      const known = new Set(newest.map((job) => job.id)), jobs = [...running.filter((job) => !known.has(job.id)), ...newest];
      this.more.hidden = !next || this.shown >= MOST;
      this.#show(jobs, status);
      if (jobs.some(isUnderWay)) { pause = BUSY_MS; }
      this.page.onLost(null);
    } catch (error) {
      if (round !== this.round) { return; }
      pause = BUSY_MS;
      this.page.onLost(error);
    }
    if (!document.hidden) { this.timer = setTimeout(() => this.look(), pause); }
  }

  #show(jobs, status) {
    showError(this.fault, null);
    this.empty.hidden = jobs.length > 0;
    const rows = jobs.map((job) => ({
      id: job.id, state: job.state, task: job.task, time: agoText(job.create_time), from: job.origin?.host || "",
      caption: requestOf(job).music?.caption || requestOf(job).description || "", position: job.position || 0,
      fraction: job.state === "running" ? Math.round(100 * (job.progress?.fraction || 0)) : 0,
      reason: job.state === "queued" ? job.progress?.stage || "" : "", prefetched: Boolean(job.prefetched),
      failure: job.state === "failed" ? job.error?.message || "" : "", takes: (job.takes || []).length,
      shown: job.id === state.job,
    }));
    fillList(this.list, rows, (row) => row.id, (row) => this.#draw(row));
    this.page.onJobs(jobs, status);
  }

  #draw(row) {
    const label = this.labels.get(row.task) || row.task;
    const how = row.state === "running" ? `runs, ${row.fraction} %`
      : row.state === "queued" && row.position ? `waits, ${row.position} before it` : STATES[row.state] || row.state;
    const facts = [row.prefetched ? "made ahead" : "", how, row.takes > 1 ? `${row.takes} takes` : "", row.from, row.time]
      .filter(Boolean).join(" · ");
    const text = make("div", {},
      make("span", { className: "title" }, label,
        row.caption ? make("span", { className: "caption" }, ` ${row.caption.slice(0, 80)}`) : null),
      make("span", { className: "note" }, facts),
      row.reason ? make("span", { className: "note" }, row.reason) : null,
      row.failure ? make("span", { className: "note bad" }, row.failure) : null);
    const acts = make("div", { className: "acts" },
      button("Show", () => this.page.onShow(row.id), { ariaLabel: `Show ${label}, ${row.time}` }));
    if (isUnderWay(row)) {
      acts.append(this.#act("Cancel", "CancelJob", row, label));
    } else {
      acts.append(this.#act("Delete", "DeleteJob", row, label));
    }
    return make("li", { className: `row job ${row.state}`, ariaCurrent: row.shown ? "true" : undefined }, text, acts);
  }

  #act(text, method, row, label) {
    return button(text, async (made) => {
      // What a click deletes is gone: where there are takes, a second one has to say so.
      if (method === "DeleteJob" && row.takes && !made.dataset.asked) {
        made.dataset.asked = "yes";
        made.textContent = "Delete?";
        made.classList.add("bad");
        const question = row.takes > 1 ? `Delete? All ${row.takes} takes go` : "Delete? Its take goes";
        made.ariaLabel = `${question}, ${label}, ${row.time}`;
        setTimeout(() => { made.replaceWith(this.#act(text, method, row, label)); }, ASK_MS);
        return;
      }
      await call("JobService", method, { job_id: row.id });
      if (method === "DeleteJob") { this.page.onDelete?.(row.id); }
      await this.look();
    }, { className: "quiet", ariaLabel: `${text} ${label}, ${row.time}`, onfail: (error) => showError(this.fault, error) });
  }
}
