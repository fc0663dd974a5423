/** How the outputs of a take are heard: a mix alone; stems and new tracks together, new ones with the source. */

import { taskOf } from "./job.js";

const MIX = "mix";
/** Tasks whose tracks are played to the source. */
const LAYERS = new Set(["lego"]);
const TITLES = { extract: "stems", lego: "new tracks" };

/**
 * @param {any} job @param {any} take With its outputs.
 * @returns {{isSet: boolean, along: boolean, title: string, outputs: any[]}[]} `along` says that the source is heard with them.
 */
export function partsOf(job, take) {
  const outputs = take.outputs ?? [], task = taskOf(job) || job.task;
  const mixes = outputs.filter((output) => (output.role ?? MIX) === MIX);
  const tracks = outputs.filter((output) => (output.role ?? MIX) !== MIX);
  const parts = mixes.map((output) => ({ isSet: false, along: false, title: "", outputs: [output] }));
  if (tracks.length) { parts.push({ isSet: true, along: LAYERS.has(task), title: TITLES[task] ?? "tracks", outputs: tracks }); }
  return parts;
}

const SCORES = ["quality", "lyrics_alignment", "lm", "fit"];

/** What is known of a take, in short texts. Stems are drawn from no seed. @returns {string[]} */
export function factsOf(take, task = "") {
  const { metadata = {} } = take, { score = {}, certainty = {} } = metadata, facts = [];
  const perhaps = (name) => (certainty[name] === "perhaps" ? "perhaps " : "");
  if (metadata.bpm) { facts.push(`${perhaps("tempo")}${Math.round(10 * metadata.bpm) / 10} bpm`); }
  if (metadata.keyscale) { facts.push(`${perhaps("key")}${metadata.keyscale}`); }
  for (const name of SCORES) {
    if (score[name] !== undefined) { facts.push(`${name.replace("_", " ")} ${score[name].toFixed(2)}`); }
  }
  if (task === "extract") { return facts; }
  const steps = (metadata.variations ?? []).map(({ amount = 0, seed = 0 }) => `${amount} towards ${seed}`);
  facts.push([`seed ${take.seed ?? 0}`, ...steps].join(" varied by "));
  return facts;
}

/** Sentences on a take, those of the fit first. @returns {string[]} */
export function wordsOf(take) {
  const { score = {}, notes = [], warnings = [], score_missing, lrc_missing } = take.metadata ?? {};
  const missing = [score_missing, lrc_missing, ...Object.values(score.missing ?? {})].filter(Boolean);
  return [...new Set([...(score.notes ?? []), ...warnings, ...notes, ...missing])];
}
