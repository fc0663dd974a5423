/** Audio out of the page: a link that downloads it, and that can be dragged into a DAW, a folder or another page. */

import { link } from "./api.js";
import { make, say } from "./elements.js";

/** A link is good for an hour; an older one is made again before it is used. */
const FRESH_MS = 45 * 60 * 1000;

/**
 * @param {string} assetId
 * @param {string} name Of the file, without its ending.
 * @param {{text?: string, label?: string}} [options] What the link says, and its name for those who do not see it.
 * @returns {HTMLAnchorElement}
 */
export function dragOut(assetId, name, { text = "Drag or download", label = `${text} ${name}` } = {}) {
  const title = "Drag it into a DAW or a folder, or click to save it";
  const anchor = make("a", { className: "drag-out", draggable: true, "aria-label": label, title }, text);
  let madeAt = 0, isUnderWay = false;
  const renew = async () => {
    if (isUnderWay || performance.now() - madeAt < FRESH_MS && madeAt) { return; }
    isUnderWay = true;
    try {
      anchor.href = new URL(await link(assetId, name), location.href).href;
      anchor.download = fileName(anchor.href);
      madeAt = performance.now();
    } catch (error) {
      anchor.removeAttribute("href");
      anchor.title = `${error.message} ${error.remedy ?? ""}`;
    } finally {
      isUnderWay = false;
    }
  };
  // A drag has to have its address at once, so that is made before.
  anchor.addEventListener("pointerenter", renew);
  anchor.addEventListener("focus", renew);
  anchor.addEventListener("dragstart", (event) => {
    if (!anchor.href) {
      event.preventDefault();
      say("The audio is not ready to be dragged. Try it again.");
      renew();
      return;
    }
    event.dataTransfer.clearData();
    event.dataTransfer.setData("DownloadURL", `audio/x-wav:${fileName(anchor.href)}:${anchor.href}`);
    event.dataTransfer.setData("text/uri-list", anchor.href);
    event.dataTransfer.setData("text/plain", anchor.href);
    event.dataTransfer.effectAllowed = "copy";
  });
  renew();
  return anchor;
}

/** The name of the file at an address. A colon in it would end it in a drag. */
function fileName(href) {
  return decodeURIComponent(new URL(href).pathname.split("/").pop()).replace(/:/g, "-");
}
