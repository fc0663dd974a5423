"""The panel's page as a person uses it: opened with a code, files dropped on it, a region dragged with the mouse."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.daemon import PATIENCE_S, until
from tests.support.panel import Panel

DESKTOP, PHONE = (1280, 900), (390, 844)
_DROP = """async ([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const held = new DataTransfer();
    held.items.add(new File([bytes], name, { type: "audio/wav" }));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.getElementById("source").dispatchEvent(
            new DragEvent(kind, { dataTransfer: held, bubbles: true, cancelable: true }));
    }
}"""


@contextmanager
def open_page(browser: Browser, panel: Panel, size: tuple[int, int] = DESKTOP, **options: Any) -> Iterator[Page]:
    """Open the panel in a browser without memory. At the end the page has had no fault."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, accept_downloads=True, **options)
    context.set_default_timeout(1000 * PATIENCE_S)
    expect.set_options(timeout=1000 * PATIENCE_S)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        page.goto(panel.page_url())
        expect(page.locator("#start")).to_be_visible()
        yield page
        assert faults == []
    finally:
        context.close()


def drop(page: Page, file: Path) -> None:
    """Drop a file on the page, as a browser reports it."""
    page.evaluate(_DROP, [file.name, base64.b64encode(file.read_bytes()).decode()])


def wait_for_wave(page: Page) -> Locator:
    """Wait until the waveform of the source is there, and return its surface."""
    surface = page.locator("#source .wave-surface")
    expect(surface).to_be_visible()
    return surface


def drag_region(page: Page, start: float, end: float) -> None:
    """Drag a region over the waveform with the mouse, from one share of its width to another."""
    surface = wait_for_wave(page)
    size = surface.bounding_box()
    assert size is not None
    # Hovering waits until the page stands still there: what is pressed by mistake may be dragged in place of the region.
    surface.hover(position={"x": start * size["width"], "y": size["height"] / 2})
    box = surface.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + (start + (end - start) * step / 5) * box["width"], y)
    page.mouse.up()


def field(page: Page, path: str) -> Locator:
    """The input of a field of the form; one below "More" is brought to light."""
    block = page.locator(f'#task [data-path="{path}"]')
    more = page.locator("#task details.more")
    if block.evaluate("each => Boolean(each.closest('details.more:not([open])'))"):
        more.evaluate("each => { each.open = true; }")
    return block.locator("input, textarea, select").first


def start(page: Page) -> None:
    page.locator("#start").click()


def job_on_page(page: Page) -> str:
    """Return the id of the job that is shown, or ""."""
    job_id: str = page.evaluate("async () => (await import('/panel/state.js')).state.job")
    return job_id


def wait_for_end(page: Page, *, before: str = "") -> str:
    """Wait until the job that is shown has ended; return what the page says of it.

    ``before`` is the job that was shown before another one was asked for: until the daemon has answered, it is shown still.
    """
    until(lambda: job_on_page(page) not in {"", before}, "the job that was asked for")
    expect(page.locator("#work progress")).to_be_hidden()
    expect(page.locator("#work .stage")).to_contain_text("Done")
    return page.locator("#work .stage").inner_text()
