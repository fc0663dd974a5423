"""The dialogs in Live, in a browser: what is typed is what is sent, and each page fits the window that it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from ableton_extensions import Ui

from acebridge.hosts.live.actions import ACTIONS, Action
from acebridge.hosts.live.form import read_values
from acebridge.hosts.live.pages import WIDTH, form_page, message_page, read_answer
from tests.support.browser import CHROMIUM, Page, browser

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
#: What Live's window gives a page to answer with.
WINDOW = "window.sent = []; window.chrome = { webview: { postMessage: (message) => sent.push(message) } };"
FORMS = [action for action in ACTIONS if action.form]
TEXTS = {
    "style": 'warm "pop" & <b>',
    "lyrics": "Über\nden Fluss",
    "takes": "2",
    "seed": "7",
    "strength": "0.5",
    "mode": "aggressive",
    "notes": "no",
    "amount": "0.5",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


def show(page: Page, folder: Path, html: str, height: int) -> None:
    """Open a page as the package's client hands it to Live."""
    urls: list[str] = []
    Ui(SimpleNamespace(call=lambda _method, url, *_, **__: urls.append(url))).modal(html, WIDTH, height)  # type: ignore[arg-type]
    file = folder / "dialog.html"
    file.write_text(unquote(urls[0].removeprefix("data:text/html,")), "utf-8")
    page.open(file, WINDOW)
    page.resize(WIDTH, height)
    assert page.faults == []


def answer(page: Page) -> Any:
    """What Live gets."""
    (message,) = page.eval("sent")
    assert message["method"] == "close_and_send"
    return message["params"][0]


@pytest.mark.parametrize("action", FORMS, ids=lambda action: action.key)
def test_what_is_typed_is_sent(page: Page, tmp_path: Path, action: Action) -> None:
    show(page, tmp_path, *form_page(action.title, action.form, {}, "Takes is '9'; allowed: 1 to 8."))
    assert page.eval("document.documentElement.scrollHeight <= innerHeight"), page.eval(
        "document.documentElement.scrollHeight"
    )
    assert page.eval("document.activeElement.name") == action.form[0].key
    texts = {field.key: TEXTS.get(field.key, "drums, bass") for field in action.form}
    for key, text in texts.items():
        page.eval(f"document.getElementById({json.dumps(key)}).value = {json.dumps(text)}")
    page.eval("document.querySelector('button.primary').click()")
    sent = read_answer(answer(page))
    assert sent is not None
    assert {key: str(text).replace("\r\n", "\n") for key, text in sent.items()} == texts
    first = action.form[0].key
    assert str(read_values(action.form, sent)[first]) == texts[first]


@pytest.mark.parametrize(
    "close",
    [
        "document.getElementById('cancel').click()",
        "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))",
    ],
)
def test_cancel_and_escape_send_no_answer(page: Page, tmp_path: Path, close: str) -> None:
    show(page, tmp_path, *form_page("Cover", FORMS[0].form, TEXTS))
    page.eval(close)
    assert read_answer(answer(page)) is None


def test_a_message_fits_and_closes(page: Page, tmp_path: Path) -> None:
    lines = ["Live does not render the track Group (operation failed).", "Select tracks with audio clips of their own."]
    show(page, tmp_path, *message_page("Repaint selection", lines))
    assert page.eval("document.documentElement.scrollHeight <= innerHeight")
    page.eval("document.querySelector('button.primary').click()")
    assert read_answer(answer(page)) == {}
