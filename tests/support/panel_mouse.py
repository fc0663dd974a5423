"""Drags with the mouse, within a page and from one page to another, as the browser itself runs them."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from tests.support.daemon import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

#: A page of another program that takes what is dropped on it and notes every kind of data.
TARGET = """<!doctype html><html lang="en"><title>Target</title><body><p>Drop it here</p><script>
window.dropped = null;
document.addEventListener("dragover", (event) => { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  window.dropped = Object.fromEntries([...event.dataTransfer.types].map((type) => [type, event.dataTransfer.getData(type)]));
});
</script></body></html>"""


def drop_file(page: Page, file: Path) -> None:
    """Drag a file from outside the browser onto the source of the panel and drop it, as the system hands it over."""
    area = page.locator("#source .drop")
    x, y = middle(area)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    session.detach()


def middle(element: Locator) -> tuple[float, float]:
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag_to_other_page(element: Locator, target: Page) -> tuple[dict[str, str], dict[str, str]]:
    """Drag an element with the mouse out of its page and drop it on another.

    The browser starts the drag from the movements of the mouse. Returns what it hands to the system, by type (``downloadurl``
    tells a file manager or a DAW what to fetch), and what the other page got; pages are not given ``downloadurl``.
    """
    page = element.page
    x, y = middle(element)
    here, there = page.context.new_cdp_session(page), target.context.new_cdp_session(target)
    begun: list[Any] = []
    here.on("Input.dragIntercepted", lambda message: begun.append(message["data"]))
    here.send("Input.setInterceptDrags", {"enabled": True})

    def mouse(kind: str, at: float, **more: Any) -> None:
        here.send("Input.dispatchMouseEvent", {"type": kind, "x": at, "y": y, "button": "left", **more})

    mouse("mouseMoved", x, buttons=0)
    mouse("mousePressed", x, clickCount=1)
    end = time.monotonic() + PATIENCE_S
    for step in itertools.cycle(range(1, 8)):  # the drag starts a moment after a movement
        mouse("mouseMoved", x + 4 * step, buttons=1)
        if begun:
            break
        assert time.monotonic() < end, "the browser started no drag"
        page.wait_for_timeout(50)
    for kind in ("dragEnter", "dragOver", "drop"):
        there.send("Input.dispatchDragEvent", {"type": kind, "x": 60, "y": 40, "data": begun[0]})
    mouse("mouseReleased", x + 40)
    for kind in ("dragEnter", "dragCancel"):  # the first page hears of the end, and takes clicks again
        here.send("Input.dispatchDragEvent", {"type": kind, "x": 60, "y": 40, "data": begun[0]})
    here.send("Input.setInterceptDrags", {"enabled": False})
    target.wait_for_function("window.dropped !== null")
    dropped: dict[str, str] = target.evaluate("window.dropped")
    return {item["mimeType"]: item["data"] for item in begun[0]["items"]}, dropped
