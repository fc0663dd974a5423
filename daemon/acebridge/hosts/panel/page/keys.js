/** Keys of the player, the same as on the pages to listen to. They work where no other element needs them. */

const STEP_S = 5;
/** Where people write, and where arrow keys move something. */
const WRITING = "input:not([type=checkbox], [type=button], [type=range]), textarea, select, [contenteditable]";
const MOVING = "[role=slider], [type=range], [type=radio]";
/** What these elements do with the space bar is their own. */
const NEEDS_SPACE = "button, a, [type=checkbox], summary";

/** Places where arrow keys and letters belong to a player. @type {WeakMap<object, Set<Element>>} */
const places = new WeakMap();

/**
 * Gives keys to a player. Space works wherever no other element needs it, the others where `place`, or nothing, has the focus.
 * @param {import("./player.js").Player} player
 * @param {Element} place
 * @returns {() => void} Ends it for that place.
 */
export function listenToKeys(player, place) {
  if (!places.has(player)) {
    places.set(player, new Set());
    document.addEventListener("keydown", (event) => act(player, event));
  }
  places.get(player).add(place);
  return () => places.get(player).delete(place);
}

function act(player, event) {
  const { target, key } = event, own = places.get(player);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !player.choices.size || !own.size) { return; }
  if (target.closest?.(WRITING) || /^(Arrow|Home)/.test(key) && target.closest?.(MOVING)) { return; }
  const isFree = target === document.body || [...own].some((place) => place.contains(target));
  const chosen = [...player.choices.values()].find((each) => each.key === key);
  if (key === " " && !target.closest?.(NEEDS_SPACE)) {
    player.toggle();
  } else if (!isFree) {
    return;
  } else if (chosen) {
    player.choose(chosen.id);
  } else if (Object.hasOwn(KEYS, key)) {
    KEYS[key](player);
  } else {
    return;
  }
  event.preventDefault();
}

const KEYS = {
  ArrowLeft: (player) => player.seek(player.time - STEP_S), ArrowRight: (player) => player.seek(player.time + STEP_S),
  ArrowUp: (player) => step(player, -1), ArrowDown: (player) => step(player, 1),
  Home: (player) => player.seek(player.span.start_s),
  l: (player) => player.setEqual(!player.isEqual), L: (player) => player.setEqual(!player.isEqual),
};

function step(player, by) {
  const ids = [...player.choices.values()].filter((each) => !each.isApart).map((each) => each.id);
  const next = ids[Math.max(0, Math.min(ids.length - 1, ids.indexOf(player.wanted ?? player.chosen) + by))];
  if (next) { player.choose(next); }
}
