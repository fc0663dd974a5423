"""Tables of docs/QUALITY.md: rows from figures, files of figures, and sections of the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quality import figures, made, page, rows, run, tables
from tests.quality.split import is_held_out
from tests.support.paths import ROOT

FIGURES = {"song a 0:10": 0.8, "song b 0:10": 0.6, "song c 0:10": 1.0, "song d 0:10": 0.4, "song e 0:10": 0.9}


def test_a_row_shows_held_out_songs_apart() -> None:
    held = [value for name, value in FIGURES.items() if is_held_out(name)]
    assert 0 < len(held) < len(FIGURES)
    row = rows.build_row("task", "measure", "70%", FIGURES, rows.judge_mean(0.7))
    assert (row.value, row.met) == ("74% (40% to 100%)", True)
    mean = float(np.mean(held))
    assert row.held_out == f"{mean:.0%} ({min(held):.0%} to {max(held):.0%})"
    assert row.met_held_out == (mean >= 0.7)


def test_a_row_without_figures_was_not_measured() -> None:
    assert rows.build_row("task", "measure", "goal", {}, rows.judge_mean()).value == "not measured"
    assert rows.absent_row("task", "measure", "goal", "no font").value == "not measured: no font"


@pytest.mark.parametrize(("values", "met"), [([True] * 9 + [False], True), ([True] * 8 + [False] * 2, False)])
def test_a_share_of_songs(values: list[bool], met: bool) -> None:
    assert rows.judge_share(0.9)(values) == (f"{sum(values)} of 10", met)


def test_figures_are_kept_as_plain_numbers(tmp_path: Path) -> None:
    figures.save(
        "one", {"a": np.float32(0.1), "b": (np.int64(3), np.bool_(True)), "c": {"d": None}, "e": float("nan")}, tmp_path
    )
    assert json.loads((tmp_path / "one.json").read_text()) == {"a": 0.1, "b": [3, True], "c": {"d": None}, "e": None}


def test_a_section_has_a_line_for_each_row() -> None:
    row = rows.build_row("task", "measure", "", FIGURES, rows.judge_mean())
    table = {"title": "Title", "about": "\nWords.\n", "missing": ["fluidsynth"], "rows": [row.__dict__]}
    lines = tables.section(table).splitlines()
    assert lines[:2] == ["## Title", ""]
    assert "Words." in lines
    assert "Not installed when this was measured: fluidsynth." in lines
    assert lines[-1].startswith("| task | measure | – | 74% (40% to 100%) |  | ")


@given(st.dictionaries(st.sampled_from(["draft", "corpus", "judges", "fit", "song"]), st.text("ab |#\n-", max_size=40)))
def test_a_page_keeps_the_tables_that_were_not_measured(sections: dict[str, str]) -> None:
    text = page.write(sections, ["judges", "corpus", "draft"])
    assert page.read(text) == {name: body.strip() + "\n" for name, body in sections.items()}
    order = [name for name in ("judges", "corpus", "draft", "fit", "song") if name in sections]
    assert list(page.read(text)) == order
    assert page.write(page.read(text), ["judges", "corpus", "draft"]) == text


def test_the_page_is_as_the_suite_writes_it() -> None:
    text = (ROOT / "docs" / "QUALITY.md").read_text("utf-8")
    assert page.write(page.read(text), [*tables.names(), run.DRAFT]) == text


def test_every_module_of_rows_says_what_it_is() -> None:
    assert tables.names()[:2] == ["judges", "corpus"]
    for name in tables.names():
        assert Path(tables.__file__).with_name(f"rows_{name}.py").read_text("utf-8").count("\nTITLE = ") == 1


def test_an_unknown_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no table is named nonsense; there are judges, corpus.*, draft"):
        run.main(str(tmp_path), ["nonsense"])


def test_songs_of_the_suite_have_notes_and_beats() -> None:
    song = made.load("rock 140")
    assert song.notes.keys() == song.stems.keys()
    assert len(song.beats_s) == len(song.chords) + 1
    assert song.bpm == pytest.approx(140)
    assert song.downbeats_s == pytest.approx(song.beats_s[:-1:4])
