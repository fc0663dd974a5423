"""How soon the panel paints in a browser on loopback, and what it loads for that."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench.running import load
from tests.support.browser import CHROMIUM
from tests.support.edge import Edge
from tests.support.panel import Panel

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_RUNS = 5
_ENTRIES = """() => {
    const files = performance.getEntries().filter((each) => ["navigation", "resource"].includes(each.entryType))
        .filter((each) => !/\\/(v1|panel\\/api|panel\\/session)\\b/.test(new URL(each.name).pathname));
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return { paint_ms: paint.startTime, bytes: files.reduce((sum, each) => sum + each.transferSize, 0), files: files.length };
}"""


class _Load(NamedTuple):
    """One load of the page: its first paint and when its form is there, in ms; the bytes of its files, and their number."""

    paint_ms: float
    ready_ms: float
    bytes: int
    files: int


def report(edge: Edge) -> None:
    """Measure the page of an edge; says so where there is no browser."""
    if CHROMIUM is None:
        print("panel: not measured, as there is no Chromium")
        return
    from playwright.sync_api import sync_playwright

    panel = Panel(edge.port, edge.key)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        loads = [_load(browser, panel) for _ in range(_RUNS)]
        browser.close()
    paint_ms, ready_ms = (
        statistics.median(times) for times in ([x.paint_ms for x in loads], [x.ready_ms for x in loads])
    )
    print(
        f"panel: first paint {paint_ms:.0f} ms, form there {ready_ms:.0f} ms, {loads[-1].bytes / 1e3:.0f} kB in"
        f" {loads[-1].files} files (median of {_RUNS}, each with nothing kept, {load()})"
    )


def _load(browser: Browser, panel: Panel) -> _Load:
    context = browser.new_context()
    page = context.new_page()
    page.goto(panel.page_url())
    page.locator("#start").wait_for()
    ready_ms = page.evaluate("performance.now()")
    found: dict[str, Any] = page.evaluate(_ENTRIES)
    context.close()
    return _Load(ready_ms=ready_ms, **found)


def main() -> None:
    """Measure beside a daemon and an edge of their own."""
    from tests.bench.edge import run_edge
    from tests.bench.running import run_daemon

    with run_daemon() as daemon, run_edge(daemon.home) as edge:
        report(edge)


if __name__ == "__main__":
    main()
