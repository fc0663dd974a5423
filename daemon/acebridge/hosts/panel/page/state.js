/**
 * What the panel remembers between visits: source, region, task, fields by task, earlier prompts, the job that is shown.
 * Each value has a name; whoever subscribes to a name is called when its value changes.
 */

const PLACE = "acebridge.panel";
/** Prompts that are remembered, the newest first. */
const MAX_PROMPTS = 40;
const START = { source: null, region: null, task: "text2music", fields: {}, prompts: [], job: "", engine: "", priority: "" };

/** @type {Map<string, Set<(value: any) => void>>} */
const subscribers = new Map();

function load() {
  try {
    const held = JSON.parse(localStorage.getItem(PLACE) || "{}");
    const known = Object.entries(held).filter(([name, value]) => name in START && typeof value === typeof START[name]);
    return { ...START, ...Object.fromEntries(known) };
  } catch {
    return { ...START };
  }
}

/**
 * @type {{source: any, region: {start_s: number, end_s: number}|null, task: string,
 *         fields: Object<string, Object<string, any>>, prompts: {caption: string, lyrics: string}[], job: string,
 *         engine: string, priority: string}}
 */
export const state = load();

/** Calls `act` now and whenever the value of a name changes. @returns {() => void} ends that */
export function subscribe(name, act) {
  if (!subscribers.has(name)) { subscribers.set(name, new Set()); }
  subscribers.get(name).add(act);
  act(state[name]);
  return () => subscribers.get(name).delete(act);
}

/** Sets a value, remembers it and tells those who subscribe to it. */
export function set(name, value) {
  const changed = JSON.stringify(state[name]) !== JSON.stringify(value);
  state[name] = value;
  save();
  if (changed) { for (const act of subscribers.get(name) || []) { act(value); } }
}

function save() {
  try {
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch {
    // Storage is full or closed: then the page works, and remembers nothing.
  }
}

/** Puts a prompt before the others; one that is there moves. */
export function rememberPrompt(caption, lyrics) {
  if (!caption && !lyrics) { return; }
  const others = state.prompts.filter((each) => each.caption !== caption || each.lyrics !== lyrics);
  set("prompts", [{ caption, lyrics }, ...others].slice(0, MAX_PROMPTS));
}
