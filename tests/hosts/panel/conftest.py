"""A browser and a server for the sound of the panel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import CHROMIUM
from tests.support.daemon import PATIENCE_S
from tests.support.npm import read_axe
from tests.support.panel_page import CARRY, HEAD, PanelServer, serve_panel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPTIONS = ("--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PanelServer]:
    """What serves the page's files."""
    with serve_panel() as held:
        held.pages["/"] = f"{HEAD}<main></main></html>"
        yield held


@pytest.fixture
def page(chromium: Browser, server: PanelServer) -> Iterator[Page]:
    """An empty page of the panel's origin. No script of it may fail, and none may be refused by the policy."""
    context = chromium.new_context()
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.add_init_script(CARRY)
    page.goto(server.address)
    yield page
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from its package for JavaScript."""
    return read_axe(tmp_path_factory.mktemp("axe"))
