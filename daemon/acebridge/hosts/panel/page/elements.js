/** Small help for building the page: elements, words for sizes and times. */

/**
 * Makes an element. Properties that begin with `on` are listeners, `data` is its data set, others are properties or attributes.
 * @param {string} tag @param {Object<string, any>} properties @param {...(Node|string|null|false)} inside
 */
export function make(tag, properties = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) { continue; }
    if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (name === "data") {
      Object.assign(made.dataset, value);
    } else if (name in made && name !== "list" && name !== "form") {
      made[name] = value;
    } else {
      made.setAttribute(name, value);
    }
  }
  made.append(...inside.filter((each) => each !== null && each !== false && each !== undefined));
  return made;
}

/** A button that does not do anything else while its work is under way; `onfail` gets what it throws. */
export function button(text, act, { onfail, ...properties } = {}) {
  const made = make("button", { type: "button", ...properties }, text);
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-disabled") === "true") { return; }
    made.setAttribute("aria-disabled", "true");
    try {
      await act(made);
    } catch (error) {
      if (!onfail) { throw error; }
      onfail(error);
    } finally {
      made.removeAttribute("aria-disabled");
    }
  });
  return made;
}

/** Says something to those who do not see the page. */
export function say(text) {
  const place = document.getElementById("say");
  if (place && place.textContent !== text) { place.textContent = text; }
}

/** Shows an error as a sentence with its remedy; nothing where there is none. @param {HTMLElement} place */
export function showError(place, error) {
  place.replaceChildren();
  place.hidden = !error;
  if (!error) { return; }
  place.setAttribute("role", "alert");
  place.append(make("strong", {}, error.message || String(error)));
  if (error.remedy) { place.append(" ", error.remedy); }
}

/** @returns {string} a size such as 4.8 GB */
export function sizeText(bytes) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= size) { return `${(bytes / size).toFixed(bytes >= 100 * size ? 0 : 1)} ${unit}`; }
  }
  return `${bytes} bytes`;
}

/**
 * Without `digits` a part of a second is left out: a clock shows what has passed.
 * @param {number} seconds @param {number} [digits] behind the point @returns {string} such as 1:05, −0:00.250 or 1:02:03
 */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits, count = digits ? Math.round(Math.abs(seconds) * unit) : Math.floor(Math.abs(seconds) + 1e-6);
  const whole_s = count / unit, hours = Math.floor(whole_s / 3600), minutes = Math.floor(whole_s / 60) % 60;
  const rest = (whole_s - 3600 * hours - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  const before = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes;
  return `${seconds < 0 && whole_s > 0 ? "−" : ""}${before}:${rest}`;
}

/** @returns {string} how long a sound is: as `clock` says it, and below a second as 0.1 s */
export function lengthText(seconds) {
  return seconds < 1 ? `${Number(seconds.toPrecision(1))} s` : clock(Math.round(seconds));
}

/** @returns {string} how long ago a time was */
export function agoText(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (!(seconds >= 60)) { return "just now"; }
  if (seconds < 3600) { return `${Math.floor(seconds / 60)} min ago`; }
  if (seconds < 86400) { return `${Math.floor(seconds / 3600)} h ago`; }
  return new Date(time).toLocaleDateString();
}

/** Replaces the rows of a list without touching those that are equal, so that the focus stays. */
export function fillList(list, entries, keyOf, draw) {
  const held = new Map(Array.from(list.children, (row) => [row.dataset.key, row]));
  const rows = entries.map((entry) => {
    const key = String(keyOf(entry)), text = JSON.stringify(entry), row = held.get(key);
    if (row && row.dataset.text === text) { return row; }
    const made = draw(entry);
    made.dataset.key = key;
    made.dataset.text = text;
    if (row?.contains(document.activeElement)) {
      const place = Array.from(row.querySelectorAll("button, input, textarea")).indexOf(document.activeElement);
      queueMicrotask(() => made.querySelectorAll("button, input, textarea")[place]?.focus());
    }
    return made;
  });
  if (rows.length !== list.children.length || rows.some((row, at) => row !== list.children[at])) {
    list.replaceChildren(...rows);
  }
}
