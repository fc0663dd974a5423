"""The self-test for a real REAPER, in the simulated one: it reports the very way in which that behaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.fake_reaper.calls_dialogs import PastedText
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_report import (
    CHECKS,
    OF_SOME,
    SELFTEST,
    THEMES,
    find_unasked,
    last_lines,
    mismatches,
    to_markdown,
    way_name,
    write_media,
)  # fmt: skip
from tests.support.reaper_studio import RATE_HZ

#: All that needs no daemon.
ALONE = " ".join(theme for theme in THEMES if theme != "repaint")


def run(r: Reaper, themes: str = ALONE) -> dict[str, Any]:
    folder = r.folder / "selftest"
    folder.mkdir()
    write_media(folder)
    r.environment.update(
        ACEBRIDGE_SELFTEST=str(folder), ACEBRIDGE_SCRIPTS=f"{SCRIPTS}/", ACEBRIDGE_SELFTEST_THEMES=themes,
        ACEBRIDGE_SELFTEST_FORMS="ok paste",
    )  # fmt: skip
    r.form()
    r.form([PastedText("one\ntwo")])
    r.run(SELFTEST, timeout_s=120)
    return json.loads((folder / "report.json").read_text("utf-8"))


@pytest.mark.slow
def test_the_selftest_passes(reaper: Reaper) -> None:
    """With the scripts, the command and a daemon."""
    report = run(reaper, "repaint")
    assert mismatches(report) == []
    assert {name for name, holds in report["known"].items() if holds} == {n for n in CHECKS if n.startswith("repaint")}
    assert report["figures"]["s for a repaint"] > 0


@pytest.mark.parametrize("ways", [{}, *behaviour.others(*behaviour.OPEN)], ids=lambda ways: str(ways or "as usual"))
def test_every_question_gets_the_answer_of_this_reaper(tmp_path: Path, ways: dict[str, Any]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        report = run(r)
    assert report["faults"] == []
    assert report["open"] == {name: way_name(way) for name, way in behaviour.choose(ways).items()}
    assert mismatches(report) == []
    assert set(report["known"]) == {name for name in CHECKS if not name.startswith("repaint")}
    text = to_markdown(report)
    assert "REAPER 7.40" in text
    assert text.count("**") == 2 * len(ways)
    assert json.loads(text.partition("```json")[2].partition("```")[0]) == report


def test_reaper_6_is_asked_what_it_has(tmp_path: Path) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, version="6.80") as r:
        report = run(r)
    assert mismatches(report) == []
    assert set(CHECKS) - set(report["known"]) <= OF_SOME | {name for name in CHECKS if name.startswith("repaint")}
    assert set(behaviour.OPEN) - set(report["open"]) == {"lane_layout"}
    assert "| not asked |" in to_markdown(report)


def test_a_reaper_that_differs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.fake_reaper import routing

    monkeypatch.setattr(routing, "IN_PLACE", ())
    with Reaper(tmp_path, rate=RATE_HZ) as r:
        report = run(r, "mixing")
    assert any("solo_in_place_keeps_sends: solo ignores routing" in line for line in mismatches(report))
    assert "| **no** |" in to_markdown(report)


def test_an_answer_that_is_not_simulated_is_found() -> None:
    report = {"reaper": "7", "system": "Other", "open": {"tempo": "never"}, "known": {}, "figures": {}, "faults": []}
    assert mismatches(report) == ["tempo: never, which is not simulated; played are at once, UpdateTimeline"]
    assert "| **never** |" in to_markdown(report)


def test_a_question_that_fails_hinders_no_other(tmp_path: Path) -> None:
    with Reaper(tmp_path, rate=RATE_HZ) as r:
        r.fail_next("CreateTakeAudioAccessor")
        report = run(r, "accessors")
    (fault,) = report["faults"]
    assert fault.startswith("accessors: accessor_frames: ")
    assert "accessor_rate" in report["open"]
    assert last_lines(tmp_path / "selftest", 2) == "accessors: speed\nreport"


def test_checks_name_what_is_known() -> None:
    for text in CHECKS.values():
        assert text is None or sum(what.startswith(text) for what, _, _ in behaviour.KNOWN) == 1, text
    assert len(find_unasked()) == len(behaviour.KNOWN) - len({text for text in CHECKS.values() if text})
    page = Path(SCRIPTS.parent / "docs" / "reaper.md").read_text("utf-8")
    missing = [what for what in find_unasked() if what not in " ".join(page.split())]
    assert missing == [], "docs/reaper.md names what the self-test does not ask"
