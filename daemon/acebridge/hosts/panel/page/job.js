/** What a job is, whatever its task: the name of the task, its request, whether it has ended. */

/** @returns {string} the name of the task as the request has it; empty without one */
export function taskOf(job) {
  return Object.keys(job.request ?? {})[0] ?? "";
}

/** @returns {any} the fields of the request */
export function requestOf(job) {
  return job.request?.[taskOf(job)] ?? {};
}

/** @returns {boolean} whether a job waits or runs */
export function isUnderWay(job) {
  return job.state === "queued" || job.state === "running";
}
