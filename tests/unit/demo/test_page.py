"""The page of the demo from synthetic results: well-formed, self-contained, and true to its figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from acebridge.demo import steps
from acebridge.demo.page import page_html, sound_file
from acebridge.demo.results import page_content, section_frames
from acebridge.pages.sound import flac, sound_script
from tests.support.browser import CHROMIUM, browser
from tests.support.demo_results import results

VOID = {"meta", "link", "input", "path"}


class Checker(HTMLParser):
    """Takes note of every tag and sees to it that they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return page_html(page_content(results()))


def test_page_is_well_formed_and_has_one_title(page: str) -> None:
    checker = Checker(page)
    assert [tag for tag, _ in checker.seen].count("h1") == 1
    assert "Brighter piano in bars\N{NO-BREAK SPACE}9–12" in checker.text
    assert "$" not in page


def test_page_loads_nothing_from_the_network(page: str) -> None:
    assert not re.findall(r"https?://|//\w|@import|url\(", re.sub(r"\s//.*", "", page))
    for tag, attrs in Checker(page).seen:
        for name in ("src", "href"):
            value = attrs.get(name)
            assert value is None or value == "data:," or re.fullmatch(r"[\w/-]+\.(wav|rpp|dawproject|aaf)", value), (
                tag,
                value,
            )


def test_every_file_has_a_player_with_names(page: str) -> None:
    checker = Checker(page)
    files = {attrs["src"] for attrs in checker.all("audio")}
    assert files == set(results().files)
    for tag in ("audio", "input"):
        labels = [attrs["aria-label"] for attrs in checker.all(tag)]
        assert all(labels)
        assert len(set(labels)) == len(labels) == len(files)
    buttons = [attrs["aria-label"] for attrs in checker.all("button")]
    assert all(buttons)
    assert len(set(buttons)) == len(buttons)
    assert sum(str(label).startswith("Play ") for label in buttons) == len(files) + 1  # and all stems together
    sounds = {attrs["data-sound"] for attrs in checker.all("div") if "data-sound" in attrs}
    assert sounds == {sound_file(file) for file in results().files}
    assert len(sounds) == len(files)
    assert "lang" in checker.all("html")[0]


def test_figures_are_shown_as_measured(page: str) -> None:
    text = Checker(page).text
    for figure in (
        "26,000",
        "−132 dBFS",
        "2.4\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁷",
        "0.43 s",
        "112.0 bpm",
        "B minor",
        "50 % sure",
        "100 % have changed",
    ):
        assert figure in text
    assert text.count("4.00 s") == len(steps.STEPS)
    for step in steps.STEPS:
        assert step.title in text
        assert step.caption in text
        assert f"{step.audio_s / 4:.1f} ×" in text


def test_text_of_the_engine_is_escaped(page: str) -> None:
    assert "Verse &lt;1&gt;" in page
    assert section_frames(results()) == [("Verse <1>", 0, 12_000)]


def test_sections_are_moved_onto_nearby_bar_lines() -> None:
    found = results()
    found.outcomes[0].metadata["sections"][0]["end_s"] = round(12 * steps.BAR_S, 3)  # type: ignore[index]
    assert section_frames(found) == [("Verse <1>", 0, steps.region_frames()[1])]


def test_page_states_that_draft_is_not_a_neural_model(page: str) -> None:
    assert "No neural model was at work here." in Checker(page).text


def test_page_without_sections_chords_or_stem_error() -> None:
    bare = results(stem_error=0.0)
    for outcome in bare.outcomes:
        for name in ("sections", "chords"):
            outcome.metadata.pop(name, None)  # type: ignore[attr-defined]
    Checker(page_html(page_content(bare)))


# ---- in a browser ----


@pytest.mark.host
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_players_of_the_page_play_from_its_folder(tmp_path: Path) -> None:
    start, stop = 80_000, 112_000
    files = {name: np.tile(samples, (8, 1)) for name, samples in results().files.items()}
    files["repainted-bars.wav"] = files["repainted.wav"][start:stop]
    for name, samples in files.items():
        script = tmp_path / sound_file(name)
        script.parent.mkdir(exist_ok=True)
        script.write_bytes(sound_script(flac(samples, steps.RATE_HZ)))
    page = page_html(page_content(results(files=files, patch=(start, stop))))
    (tmp_path / "index.html").write_text(page, "utf-8")
    place = "Number(document.querySelector('.seek').value)"
    with browser(tmp_path / "profile") as window:
        window.open(tmp_path / "index.html")
        window.eval("document.querySelector('[aria-label^=\"Play Only\"]').click()")
        window.until(f"{place} > {start / steps.RATE_HZ + 0.05}")  # where the bars begin in the song
        window.eval("document.querySelector('[aria-label=\"Play All stems together\"]').click()")
        window.until("document.querySelector('.together').classList.contains('chosen')")
        assert window.eval(place) > start / steps.RATE_HZ
        window.key(" ")
        assert window.eval("document.querySelectorAll('.playing').length") == 0
        assert window.faults == []
        assert all(address.startswith(("file:", "data:")) for address in window.asked)
