/**
 * What a task has found or written where it makes no audio: facts, words, files to save,
 * and a way to use them in the next task.
 */
import { button, clock, make } from "./elements.js";
import { wordsOf } from "./take_parts.js";

const TEXTS = { caption: "Caption", lyrics: "Lyrics" };
const SCORES = { quality: "Quality", lyrics_alignment: "Lyrics", lm: "Language model", fit: "Fit" };
/** Values that a form takes over, by the path of its field. */
const USABLE = {
  "music.caption": "caption", "music.lyrics": "lyrics", "music.language": "language", "music.bpm": "bpm",
  "music.keyscale": "keyscale",
  "music.timesignature": "timesignature", duration_s: "duration_s",
};

/** @returns {[string, string][]} names and texts of what is known */
function facts(metadata) {
  const { certainty = {}, score = {} } = metadata;
  const perhaps = (name) => (certainty[name] === "perhaps" ? "perhaps " : "");
  const rounded = (value) => String(Math.round(100 * value) / 100);
  const known = [
    ["Tempo", metadata.bpm && `${perhaps("tempo")}${rounded(metadata.bpm)} bpm`],
    ["Key", metadata.keyscale && `${perhaps("key")}${metadata.keyscale}`],
    ["Meter", metadata.timesignature && `${perhaps("meter")}${metadata.timesignature} beats in a bar`],
    ["Length", metadata.duration_s && clock(Math.round(metadata.duration_s))],
    ["Language", metadata.language !== "unknown" && metadata.language], ["Genres", metadata.genres],
    ["Chords", chordText(metadata.chords || [])],
    ["Sections", (metadata.sections || []).map((section) => `${section.name} ${clock(Math.round(section.start_s || 0))}`)
      .join(", ")],
    ["Parts", (metadata.midi_parts || []).map((part) => `${part.name}: ${(part.notes || []).length} notes`).join(", ")],
    ...Object.entries(SCORES).map(([name, label]) => [label, score[name] !== undefined && rounded(score[name])]),
  ];
  return known.filter(([, text]) => text);
}

/** Chords without those that only repeat the one before. */
function chordText(chords) {
  const names = chords.map((chord) => chord.name);
  const changes = names.filter((name, at) => name !== names[at - 1]);
  return changes.length > 64 ? `${changes.slice(0, 64).join(" ")} …` : changes.join(" ");
}

/** Saves bytes or text as a file. */
function save(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Shows the answer of a job. @returns {boolean} whether it has one, which makes no audio
 * @param {HTMLElement} element @param {any} job as GetJob answers
 * @param {{name: string, onUse: (values: Object<string, any>) => void}} page `name` is that of the files to save
 */
export function showAnswer(element, job, { name, onUse }) {
  const take = (job.takes || [])[0], metadata = take?.metadata;
  element.hidden = true;
  element.replaceChildren();
  if (!metadata || (take.outputs || []).length) { return false; }
  const list = make("dl", { className: "facts" });
  for (const [label, text] of facts(metadata)) { list.append(make("dt", {}, label), make("dd", {}, text)); }
  const values = Object.fromEntries(Object.entries(USABLE).map(([path, key]) => [path, metadata[key]])
    .filter(([, value]) => value));
  const acts = make("div", { className: "line" });
  if (Object.keys(values).length) { acts.append(button("Make a song of it", () => onUse(values))); }
  if (metadata.lrc) { acts.append(button("Save as LRC", () => save(`${name}.lrc`, metadata.lrc, "text/plain"))); }
  if (metadata.midi) {
    acts.append(button("Save as MIDI",
      () => save(`${name}.mid`, Uint8Array.from(atob(metadata.midi), (letter) => letter.charCodeAt(0)), "audio/midi")));
  }
  element.append(make("h2", {}, "Answer"), list);
  for (const [key, label] of Object.entries(TEXTS)) {
    if (metadata[key]) { element.append(make("h3", {}, label), make("p", { className: "words" }, metadata[key])); }
  }
  if (metadata.lrc) { element.append(make("h3", {}, "Timed lyrics"), make("p", { className: "words" }, metadata.lrc)); }
  for (const sentence of wordsOf(take)) { element.append(make("p", { className: "note" }, sentence)); }
  element.append(acts);
  element.hidden = false;
  return true;
}
