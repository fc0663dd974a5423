/** Buttons for the sections of lyrics, and how many sections, lines and characters there are. */
import { make } from "./elements.js";

const SECTIONS = ["Intro", "Verse", "Pre-Chorus", "Chorus", "Bridge", "Instrumental", "Outro"];
/** Sections that a song has several of, each with words of its own: they get a number. */
const NUMBERED = new Set(["Verse"]);
const TAG = /^\s*\[([^\]]+)\]\s*$/;

/** @returns {{sections: number, lines: number}} sections, and lines that are sung */
function countLyrics(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  const sections = lines.filter((line) => TAG.test(line)).length;
  return { sections, lines: lines.length - sections };
}

/** @returns {string} the tag of one more section, such as [Verse 2] */
function nextTag(text, name) {
  if (!NUMBERED.has(name)) { return `[${name}]`; }
  const tags = text.split("\n").map((line) => (TAG.exec(line) || [])[1]).filter(Boolean);
  const held = tags.filter((tag) => tag.toLowerCase().startsWith(name.toLowerCase())).length;
  return `[${name} ${held + 1}]`;
}

/** @returns {{text: string, at: number}} a text with a tag on a line of its own, and where to write on */
function withTag(text, at, tag) {
  const before = text.slice(0, at).replace(/[ \t]+$/, ""), after = text.slice(at).replace(/^\n+/, "");
  const gap = !before ? "" : before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  const start = `${before}${gap}${tag}\n`;
  return { text: after ? `${start}\n${after}` : start, at: start.length };
}

/**
 * Puts the buttons before a field of lyrics, and the counts behind it.
 * @param {HTMLElement} element
 * @param {HTMLTextAreaElement} area
 */
export function helpWithLyrics(element, area) {
  const bar = make("div", { className: "chips", role: "group", ariaLabel: "Add a section to the lyrics" });
  for (const name of SECTIONS) {
    bar.append(make("button", {
      type: "button", className: "chip", onclick: () => {
        const made = withTag(area.value, area.selectionStart ?? area.value.length, nextTag(area.value, name));
        if (made.text.length > area.maxLength) { return; }
        area.value = made.text;
        area.focus();
        area.setSelectionRange(made.at, made.at);
        area.dispatchEvent(new Event("input", { bubbles: true }));
      },
    }, `[${name}]`));
  }
  const counts = make("p", { className: "note", id: `${area.id}-counts` });
  area.before(bar);
  area.after(counts);
  area.setAttribute("aria-describedby", `${area.getAttribute("aria-describedby") || ""} ${counts.id}`.trim());
  const show = () => {
    const { sections, lines } = countLyrics(area.value);
    const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    counts.textContent = `${count(sections, "section")}, ${count(lines, "line")}, ${area.value.length.toLocaleString("en")} of`
      + ` ${area.maxLength.toLocaleString("en")} characters`;
  };
  area.addEventListener("input", show);
  show();
  return show;
}
