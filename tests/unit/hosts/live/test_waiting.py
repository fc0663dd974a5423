"""Results that no Set has: their places survive in the request, and damaged notes are left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acebridge.hosts.live.clock import Clock
from acebridge.hosts.live.job import close_job, jobs_folder, make_job_folder, write_request
from acebridge.hosts.live.plan import Target
from acebridge.hosts.live.waiting import note_targets, read_targets, waiting_results
from tests.support import schemas

CLOCKS = (Clock(44_100, ((0, 4.0), (22_050, 5.0), (44_100, 6.0)), 120.0), Clock(48_000, ((0, 0.0), (9, 1.0)), None))


@pytest.mark.parametrize("clock", CLOCKS)
def test_notes_read_back_as_they_were(clock: Clock) -> None:
    notes = json.loads(json.dumps(note_targets([Target(clock, "Sängerin")])))
    assert read_targets(notes) == (Target(clock, "Sängerin"),)
    assert notes[0]["lane"] is False


def job(place: object, state: str = "done") -> Path:
    """A job folder with a result of one part."""
    folder = make_job_folder()
    parts: list[dict[str, object]] = [{"task": "text2music", "fields": {"duration_s": 2.0}}]
    write_request(
        folder, action="generate", title="Generate here", parts=parts, place=place, engine="fake", live="1.0.0"
    )  # type: ignore[arg-type]
    (folder / "status.json").write_text(json.dumps({"state": state, "update_time": 1.0}))
    (folder / "result.json").write_text(json.dumps({"parts": [{"task": "text2music", "takes": []}]}))
    return folder


def test_a_request_is_one_of_the_protocol() -> None:
    folder = job(note_targets([Target(CLOCKS[0], "New music")]))
    request = json.loads((folder / "request.json").read_text("utf-8"))
    schemas.check("request", request)
    assert request["host"] == {"name": "Ableton Live", "version": "1.0.0"}
    assert folder.parent == jobs_folder()


def test_only_results_that_are_done_and_whole_wait() -> None:
    assert waiting_results() == []
    target = note_targets([Target(CLOCKS[0], "New music")])
    waits = job(target)
    working = job(target)
    job(target, state="failed")
    job([{"name": "no clock"}])
    job([*target, *target])  # type: ignore[misc]
    job(None)
    close_job(job(target))
    assert [each.folder for each in waiting_results({working})] == [waits]
    assert waiting_results({working})[0].lanes == (False,)
