/**
 * One input for each type of field. An input is `{element, get, set, focus, fault}`: `get` gives the value as the contract
 * takes it, `undefined` for one that is left to the daemon, and throws an error that names the field.
 */
import { ApiError, AUDIO_TYPES, upload } from "./api.js";
import { button, make, say, showError } from "./elements.js";

/** Largest MIDI file, in bytes, as the contract has it. */
const MAX_MIDI_BYTES = 512 * 1024;
/** Lines of a field of text, where it needs more or fewer than two. */
const LINES = { "music.lyrics": 8, "music.caption": 3 };
let count = 0;

/**
 * @param {any} field a field of /panel/api/tables
 * @param {{lists: Object<string, any[]>, tracks: string[], roles: any, onInput: () => void}} page
 */
export function makeInput(field, page) {
  const id = `field-${++count}`;
  const make = MAKERS[field.type] || MAKERS.text;
  const input = make(field, page, id);
  if (!input) { return null; }
  input.element.dataset.path = field.path;
  input.element.classList.add("field");
  const showFault = addFault(input.element, input.control || input.element, id);
  input.fault = (error) => {
    if (error) { nameByLabel(error, field); }
    showFault(error);
  };
  input.element.addEventListener("input", () => { input.fault(null); page.onInput(); });
  input.element.addEventListener("change", () => page.onInput());
  return input;
}

/** Has the sentence of an error begin with the label of a field, where it begins with the name that the contract has for it. */
function nameByLabel(error, { label }) {
  if (error.field && error.message.startsWith(`${error.field} `)) {
    error.message = label + error.message.slice(error.field.length);
  }
}

function addFault(element, control, id) {
  const place = make("p", { className: "fault", id: `${id}-fault`, hidden: true });
  element.append(place);
  return (error) => {
    showError(place, error);
    const others = (control.getAttribute("aria-describedby") || "").split(" ").filter((each) => each && each !== place.id);
    control.setAttribute("aria-describedby", [...others, ...(error ? [place.id] : [])].join(" "));
    if (error) {
      control.setAttribute("aria-invalid", "true");
      const more = element.closest("details");
      if (more) { more.open = true; }
    } else {
      control.removeAttribute("aria-invalid");
    }
  };
}

/** A label, a control and its help in one block. */
function labelled(field, control, id) {
  control.id = id;
  const label = make("label", { htmlFor: id }, field.label,
    field.unit ? make("span", { className: "unit" }, ` ${field.unit}`) : null);
  const help = helpOf(field, id);
  if (help) { control.setAttribute("aria-describedby", help.id); }
  return make("div", {}, label, control, help);
}

/** The help of a field: its beginning, and all of it after a click; those who hear the page hear all of it. */
function helpOf(field, id) {
  if (!field.help) { return null; }
  return make("p", { className: "help", id: `${id}-help`, title: field.help,
    onclick: (event) => event.target.classList.toggle("whole") }, field.help);
}

function bad(field, message, remedy) {
  return new ApiError({ reason: "INVALID_VALUE", message, remedy, details: { field: field.path } });
}

function range(field) {
  if (field.low !== undefined && field.high !== undefined) { return `${field.low} to ${field.high}`; }
  return field.low !== undefined ? `at least ${field.low}` : field.high !== undefined ? `at most ${field.high}` : "a number";
}

function readNumber(field, text, isWhole) {
  const number = Number(text.trim().replace(",", "."));
  const fits = Number.isFinite(number) && (!isWhole || Number.isInteger(number))
    && number >= (field.low ?? -Infinity) && number <= (field.high ?? Infinity);
  if (!fits) {
    throw bad(field, `${field.label} is ${text.trim()}; allowed: ${range(field)}${isWhole ? ", a whole number" : ""}.`);
  }
  return number;
}

function textInput(field, _page, id) {
  const control = make("input", { type: "text", autocomplete: "off", maxLength: field.max_len || 4096 });
  return plain(field, control, id, (text) => text.trim() || undefined);
}

function linesInput(field, _page, id) {
  const control = make("textarea", { rows: LINES[field.path] || 2, maxLength: field.max_len, spellcheck: true });
  return plain(field, control, id, (text) => (text.trim() ? text : undefined));
}

function numberInput(field, _page, id) {
  const isWhole = field.type === "integer";
  const control = make("input", {
    type: "text", inputMode: isWhole ? "numeric" : "decimal", autocomplete: "off", className: "short",
    placeholder: field.default === undefined ? "" : String(field.default),
  });
  return plain(field, control, id, (text) => (text.trim() ? readNumber(field, text, isWhole) : undefined));
}

function numbersInput(field, _page, id) {
  const isWhole = field.type === "integers";
  const hasSeeds = field.path.endsWith("seeds");
  const control = make("input", { type: "text", autocomplete: "off", placeholder: hasSeeds ? "drawn at random" : "" });
  return plain(field, control, id, (text) => {
    const parts = text.split(/[,;\s]+/).filter(Boolean);
    return parts.length ? parts.map((part) => readNumber(field, part, isWhole)) : undefined;
  });
}

function plain(field, control, id, read) {
  return {
    element: labelled(field, control, id), control,
    get: () => read(control.value),
    text: () => control.value,
    set: (value) => { control.value = Array.isArray(value) ? value.join(", ") : value ?? ""; },
    focus: () => control.focus(),
  };
}

function choiceInput(field, _page, id, choices = field.choices) {
  const first = field.default === undefined ? "Default" : `Default (${words(field.default)})`;
  const control = make("select", {}, make("option", { value: "" }, first));
  for (const choice of choices) { control.append(make("option", { value: choice }, words(choice))); }
  return {
    element: labelled(field, control, id), control,
    get: () => choices.find((choice) => String(choice) === control.value) ?? (control.value || undefined),
    text: () => control.value,
    set: (value) => {
      const known = value === undefined || value === null || value === ""
        || choices.some((each) => String(each) === String(value));
      if (!known) { control.append(make("option", { value }, `${value} (not there)`)); }
      control.value = value ?? "";
    },
    focus: () => control.focus(),
  };
}

const LANGUAGE_NAMES = new Intl.DisplayNames(["en"], { type: "language" });

function words(choice) {
  return String(choice).replaceAll("_", " ");
}

function listInput(field, page, id) {
  const entries = page.lists[field.list] || [];
  if (field.list !== "languages" && !entries.length) { return null; }
  const input = choiceInput({ ...field, default: undefined }, page, id, entries);
  if (field.list === "languages") {
    for (const option of input.control.options) {
      if (option.value && option.value !== "unknown") {
        option.textContent = `${LANGUAGE_NAMES.of(option.value)} (${option.value})`;
      }
    }
  }
  return input;
}

function booleanInput(field, _page, id) {
  const control = make("input", { type: "checkbox", checked: Boolean(field.default), id });
  const help = helpOf(field, id);
  if (help) { control.setAttribute("aria-describedby", help.id); }
  return {
    element: make("div", { className: "tick" }, make("label", {}, control, " ", field.label), help), control,
    get: () => (control.checked === Boolean(field.default) ? undefined : control.checked),
    text: () => control.checked,
    set: (value) => { control.checked = value === undefined || value === "" ? Boolean(field.default) : Boolean(value); },
    focus: () => control.focus(),
  };
}

function tracksInput(field, page, id) {
  const boxes = page.tracks.map((track) => make("input", { type: "checkbox", value: track, className: "unseen" }));
  const set = make("fieldset", { className: "tracks" }, make("legend", {}, field.label));
  if (field.help) {
    set.append(helpOf(field, id));
    set.setAttribute("aria-describedby", `${id}-help`);
  }
  const row = make("div", { className: "chips" });
  for (const box of boxes) {
    const role = page.roles[box.value];
    const dot = make("span", { className: "dot" });
    dot.style.background = role.colour;
    row.append(make("label", { className: "chip" }, box, dot, role.label));
  }
  set.append(row);
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return {
    element: set,
    get: () => (chosen().length ? chosen() : undefined),
    text: chosen,
    set: (value) => { for (const box of boxes) { box.checked = Array.isArray(value) && value.includes(box.value); } },
    focus: () => boxes[0].focus(),
  };
}

function adaptersInput(field, page, id) {
  const known = page.lists.adapters || [];
  if (!known.length) { return null; }
  const set = make("fieldset", {}, make("legend", {}, field.label));
  const rows = known.map((name, at) => {
    const box = make("input", { type: "checkbox", id: `${id}-${at}` });
    const scale = make("input", { type: "text", inputMode: "decimal", className: "short", value: "1",
      ariaLabel: `Strength of ${name}, -2 to 2` });
    set.append(make("div", { className: "pair" }, make("label", {}, box, " ", name), scale));
    return { name, box, scale };
  });
  return {
    element: set,
    get: () => {
      const chosen = rows.filter((row) => row.box.checked);
      const limits = { ...field, label: "Strength", low: -2, high: 2 };
      return chosen.length ? chosen.map(({ name, scale }) => ({ name, scale: readNumber(limits, scale.value, false) }))
        : undefined;
    },
    text: () => rows.filter((row) => row.box.checked).map((row) => ({ name: row.name, scale: row.scale.value })),
    set: (value) => {
      for (const row of rows) {
        const held = Array.isArray(value) ? value.find((each) => each.name === row.name) : undefined;
        row.box.checked = Boolean(held);
        row.scale.value = held?.scale ?? "1";
      }
    },
    focus: () => rows[0].box.focus(),
  };
}

function fileInput(field, _page, id) {
  let held;
  const control = make("input", { type: "file", accept: ".mid,.midi,audio/midi" });
  const element = labelled(field, control, id);
  const clear = button("Leave out", () => { held = undefined; control.value = ""; clear.hidden = true; control.focus(); },
    { hidden: true, className: "quiet" });
  element.append(clear);
  const input = {
    element, control,
    get: () => held,
    text: () => undefined,
    set: () => {},
    focus: () => control.focus(),
  };
  control.addEventListener("change", async () => {
    const file = control.files[0];
    held = undefined;
    clear.hidden = !file;
    if (!file) { return; }
    if (file.size > MAX_MIDI_BYTES) {
      control.value = "";
      clear.hidden = true;
      input.fault(bad(field, `${file.name} has ${file.size} bytes; allowed: at most ${MAX_MIDI_BYTES}.`,
        "Choose a smaller MIDI file."));
      return;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) { text += String.fromCharCode(...bytes.subarray(at, at + 32768)); }
    held = btoa(text);
  });
  return input;
}

function audioInput(field, _page, id) {
  let held;
  const control = make("input", { type: "file", className: "unnamed", accept: AUDIO_TYPES });
  const element = labelled(field, control, id);
  const state = make("p", { className: "note", role: "status" });
  const leaveOut = () => {
    input.set(undefined);
    control.focus();
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const clear = button("Leave out", leaveOut, { hidden: true, className: "quiet" });
  element.append(state, clear);
  const input = {
    element, control,
    get: () => (held ? { asset_id: held.id, ...(held.name ? { name: held.name } : {}) } : undefined),
    text: () => held,
    set: (value) => {
      held = value && value.id ? value : undefined;
      control.value = "";
      state.textContent = held ? held.name || held.id.slice(0, 8) : "";
      clear.hidden = !held;
    },
    focus: () => control.focus(),
  };
  control.addEventListener("change", async () => {
    const file = control.files[0];
    if (!file) { return; }
    try {
      const asset = await upload(file, (part, stage) => { state.textContent = `${stage} ${Math.round(100 * part)} %`; });
      input.set({ id: asset.id, name: asset.name });
      say(`${asset.name} is the reference.`);
      element.dispatchEvent(new Event("change", { bubbles: true }));
    } catch (error) {
      state.textContent = "";
      input.fault(error);
    }
  });
  return input;
}

const MAKERS = {
  text: (field, page, id) => (field.list ? listInput(field, page, id) : textInput(field, page, id)),
  lines: linesInput, number: numberInput, integer: numberInput, numbers: numbersInput, integers: numbersInput,
  choice: choiceInput, boolean: booleanInput, tracks: tracksInput, adapters: adaptersInput, file: fileInput, audio: audioInput,
};
