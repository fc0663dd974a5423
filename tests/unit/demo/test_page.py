"""The page of the demo from synthetic results: well-formed, self-contained, and true to its figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from acebridge.demo import steps, waveform
from acebridge.demo.checks import RegionCheck
from acebridge.demo.page import page_html
from acebridge.demo.results import Results, page_content, section_frames
from acebridge.demo.steps import Outcome

FRAMES = 30_000
PATCH = (10_000, 14_000)
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


def results(**changes: object) -> Results:
    rng = np.random.default_rng(5)
    names = ["song.wav", "repainted.wav", "backing.wav", "layered.wav"]
    names += [file for step in (steps.EXTRACT, steps.LAYER) for file in step.files.values()]
    files = {name: rng.uniform(-0.4, 0.4, (FRAMES, 2)).astype(np.float32) for name in names}
    files["repainted-bars.wav"] = files["repainted.wav"][slice(*PATCH)]
    facts = {
        "text2music": {"sections": [{"name": "Verse <1>", "start_s": 0.0, "end_s": 0.25}]},
        "understand": {
            "bpm": 111.96, "keyscale": "B minor", "timesignature": 4.0, "confidence": {"key": 0.5},
            "chords": [{"start_s": 0.0, "end_s": 0.3, "name": "F#m7"}, {"start_s": 0.3, "end_s": 0.6, "name": "N"}],
        },
    }  # fmt: skip
    outcomes = [
        Outcome(step, "draft", 0.021, None if step is steps.UNDERSTAND else 0.43, 4.0, facts.get(step.task, {}))
        for step in steps.STEPS
    ]
    fields = {
        "outcomes": outcomes, "files": files, "patch": PATCH, "region_check": RegionCheck(26_000, 4_000, 0.9996),
        "stem_error": 2.4e-7, "took_s": 21.4,
    }  # fmt: skip
    return Results(**{**fields, **changes})  # type: ignore[arg-type]


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
            assert value is None or value == "data:," or re.fullmatch(r"[\w/-]+\.(wav|rpp)", value), (tag, value)


def test_every_file_has_a_player_with_names(page: str) -> None:
    checker = Checker(page)
    files = {attrs["src"] for attrs in checker.all("audio")}
    assert files == set(results().files)
    for tag in ("audio", "button", "input"):
        labels = [attrs["aria-label"] for attrs in checker.all(tag)]
        assert all(labels)
        assert len(set(labels)) == len(labels) == len(files)
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


def test_waveform_peaks_miss_no_sample() -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[617, 1], samples[40, 0] = 0.75, -0.5
    found = waveform.peaks(samples, 7)
    assert (found.high.max(), found.high.argmax()) == (0.75, 617 * 7 // 1000)
    assert (found.low.min(), found.low.argmin()) == (-0.5, 0)
    assert np.isclose(np.mean(found.rms[1:4]), 0)


def test_waveform_of_fewer_frames_than_columns() -> None:
    found = waveform.peaks(np.full((3, 1), 0.5, np.float32), 9)
    assert np.allclose([found.low, found.high, found.rms], 0.5)


def test_waveform_rms_is_that_of_a_sine() -> None:
    sine = 0.5 * np.sin(2 * np.pi * np.arange(48_000) / 48)[:, None].astype(np.float32)
    assert np.allclose(waveform.peaks(sine, 10).rms, 0.5 / np.sqrt(2), rtol=1e-4)


def test_outline_fills_the_height_at_full_scale_and_is_a_line_in_silence() -> None:
    one = np.ones(2, np.float32)
    numbers = [int(n) for n in re.findall(r"\d+", waveform.outline(-one, one))]
    assert (min(numbers[1::2]), max(numbers[1::2])) == (0, waveform.HEIGHT)
    silent = [int(n) for n in re.findall(r"\d+", waveform.outline(0 * one, 0 * one))]
    assert 0 < max(silent[1::2]) - min(silent[1::2]) <= 2
