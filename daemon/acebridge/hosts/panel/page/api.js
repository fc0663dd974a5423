/**
 * Calls of the edge: one call and its answer, streams of events, uploads in pieces, audio. Nothing here knows the page.
 */

const KEY = "acebridge.key";
/** What a person may choose to upload. */
export const AUDIO_TYPES = "audio/*,.wav,.flac,.aiff,.aif,.ogg,.opus,.mp3,.caf,.w64";
/** Bytes of one piece of an upload: what a message of the contract holds. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Up to that size a file is hashed at once; a larger one in a worker, piece by piece. */
const HASH_AT_ONCE_BYTES = 64 * 2 ** 20;
/** Waits between two tries, in ms. */
const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 4000;
/** Reasons that say "not now": the daemon is away for a moment. */
const FOR_NOW = new Set(["UNAVAILABLE", "OFFLINE"]);

/** What a call says is wrong: a sentence, and what to do. */
export class ApiError extends Error {
  /** @param {{reason?: string, message?: string, remedy?: string, details?: Object<string, string>}} said */
  constructor(said, status = 0) {
    super(said.message || "Something went wrong.");
    this.name = "ApiError";
    this.reason = said.reason || "INTERNAL";
    this.remedy = said.remedy || "";
    this.details = said.details || {};
    this.status = status;
  }

  /** The field that is to blame, such as `output.takes`; empty where it is not one. */
  get field() {
    return this.details.field || "";
  }

  /** Whether the same call may succeed in a moment. */
  get isForNow() {
    return FOR_NOW.has(this.reason);
  }
}

/** @returns {string} the key of this browser; empty without one */
function panelKey() {
  return localStorage.getItem(KEY) || "";
}

export function forgetKey() {
  localStorage.removeItem(KEY);
}

/**
 * Changes the code in the address for a key, if there is one. The code is gone from the address afterwards.
 * @returns {Promise<boolean>} whether there is a key now
 */
export async function openSession() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) { return Boolean(panelKey()); }
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await fetch("/panel/session", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }),
  });
  if (answer.ok) { localStorage.setItem(KEY, (await answer.json()).key); }
  return Boolean(panelKey());
}

/** @param {Response} answer @returns {Promise<ApiError>} */
async function errorOf(answer) {
  try {
    return new ApiError((await answer.json()).error || {}, answer.status);
  } catch {
    return new ApiError({ message: `The edge answered with ${answer.status}.` }, answer.status);
  }
}

/**
 * Sends a request with the key. @returns {Promise<Response>} an answer that is no error
 * @param {{method?: string, body?: BodyInit, json?: any, headers?: Object<string, string>, signal?: AbortSignal}} options
 */
export async function request(path, { method, body, json, headers = {}, signal } = {}) {
  const all = { Authorization: `Bearer ${panelKey()}`, ...headers };
  if (json !== undefined) {
    all["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  let answer;
  try {
    answer = await fetch(path, { method: method || (body === undefined ? "GET" : "POST"), body, headers: all, signal });
  } catch (error) {
    if (signal?.aborted) { throw error; }
    throw new ApiError({
      reason: "OFFLINE", message: "The panel's program does not answer.", remedy: "Start it with `acebridge panel`.",
    });
  }
  if (!answer.ok) { throw await errorOf(answer); }
  return answer;
}

/** Calls a method of the contract. @returns {Promise<any>} its answer */
export async function call(service, method, body = {}, signal = undefined) {
  return (await request(`/v1/${service}/${method}`, { json: body, signal })).json();
}

/** Calls an endpoint of the panel: reads without a body, else sends it. @returns {Promise<any>} */
export async function panelCall(name, body = undefined, signal = undefined) {
  return (await request(`/panel/api/${name}`, { json: body, signal })).json();
}

/** Waits, unless `signal` ends it. */
export function sleep(ms, signal = undefined) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
  });
}

/**
 * Reads a stream of events until `completed`. A stream that breaks is opened again behind the last event that came.
 * @param {string} path
 * @param {{method?: string, body?: any, lastEventId?: number|string, onEvent: (kind: string, data: any) => void,
 *          onLost?: (error: ApiError) => void, resume?: boolean, signal?: AbortSignal}} options
 */
export async function stream(path, { method, body, lastEventId = 0, onEvent, onLost, resume = true, signal }) {
  let last = lastEventId, wait = FIRST_WAIT_MS;
  for (;;) {
    try {
      const headers = { Accept: "text/event-stream" };
      if (Number(last)) { headers["Last-Event-ID"] = String(last); }
      const answer = await request(path, { method, json: body, headers, signal });
      for await (const event of eventsOf(answer.body)) {
        if (event.id) { last = event.id; }
        wait = FIRST_WAIT_MS;
        const data = event.data ? JSON.parse(event.data) : {};
        if (event.kind === "error") { throw new ApiError(data.error || data); }
        onEvent(event.kind, data);
        if (event.kind === "completed") { return; }
      }
      if (!resume) { return; }
    } catch (error) {
      if (signal?.aborted || (error instanceof ApiError && (!error.isForNow || !resume))) { throw error; }
      onLost?.(error instanceof ApiError ? error : new ApiError({ reason: "OFFLINE", message: "The line broke." }));
    }
    await sleep(wait, signal);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

/** Yields the events of a body of server-sent events. @param {ReadableStream<Uint8Array>} body */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) { return; }
      text += value;
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event) { yield event; }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @returns {{id: string, kind: string, data: string}|null} an event; null for what has no data, such as a comment */
function parseEvent(block) {
  const event = { id: "", kind: "message", data: "" };
  const lines = [];
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) || [];
    if (name === "id") {
      event.id = value;
    } else if (name === "event") {
      event.kind = value;
    } else if (name === "data") {
      lines.push(value);
    }
  }
  event.data = lines.join("\n");
  return lines.length ? event : null;
}

/** @param {Blob} file @returns {Promise<string>} its SHA-256 in hexadecimal */
export async function hashFile(file, signal = undefined) {
  if (file.size <= HASH_AT_ONCE_BYTES) {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return hashInWorker(file, signal);
}

/** Hashes a file piece by piece, so that it is never in memory as a whole. @returns {Promise<string>} */
export function hashInWorker(file, signal = undefined) {
  return new Promise((done, fail) => {
    const worker = new Worker("/panel/hash_worker.js", { type: "module" });
    const end = (act, value) => { worker.terminate(); act(value); };
    worker.onmessage = ({ data }) => (data.error ? end(fail, unreadable(data.error)) : end(done, data.hash));
    worker.onerror = (event) => end(fail, unreadable(event.message));
    signal?.addEventListener("abort", () => end(fail, signal.reason), { once: true });
    worker.postMessage(file);
  });
}

function unreadable(why) {
  return new ApiError({ reason: "UNREADABLE_AUDIO", message: `The file cannot be read: ${why}`, remedy: "Choose it again." });
}

/**
 * Stores a file, in pieces; what arrived before the line broke, or before the page was closed, is not sent again.
 * @param {File} file @param {(fraction: number, stage: string) => void} onProgress
 * @returns {Promise<any>} the asset
 */
export async function upload(file, onProgress = () => {}, signal = undefined) {
  if (!file.size) {
    throw new ApiError({ reason: "INVALID_VALUE", message: `${file.name} is empty.`, remedy: "Choose another file." });
  }
  onProgress(0, "Reading");
  const id = await hashFile(file, signal);
  const where = `/v1/uploads/${id}?size_bytes=${file.size}`;
  const name = file.name.slice(-200);
  let wait = FIRST_WAIT_MS;
  for (;;) {
    try {
      let state = await (await request(where, { signal })).json();
      while (!state.asset) {
        const from = state.received_bytes || 0, to = Math.min(from + PIECE_BYTES, file.size);
        onProgress(from / file.size, "Sending");
        state = await (await request(`${where}&name=${encodeURIComponent(name)}`, {
          method: "PUT", body: file.slice(from, to), signal,
          headers: { "Content-Range": `bytes ${from}-${to - 1}/${file.size}`, "Content-Type": "application/octet-stream" },
        })).json();
        wait = FIRST_WAIT_MS;
      }
      onProgress(1, "Sent");
      return state.asset;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isForNow) { throw error; }
      onProgress(0, "Waiting for the daemon");
      await sleep(wait, signal);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
  }
}

/** @returns {Promise<string>} an address of a stored file that needs no key, for an hour */
export async function link(assetId, name = "") {
  const made = await (await request("/v1/links", { json: { asset_id: assetId, ...(name ? { name } : {}) } })).json();
  return new URL(made.url, location.href).href;
}
