"""The page of `acebridge jobs top`, from fixed facts, in terminals of many widths."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from acebridge.cli.top_page import KEYS, Facts, length_s, sort_jobs, speed_text, top_page, top_rows
from acebridge.client.client import request_of
from acebridge.contract.tasks import wrap
from acebridge.v1 import audio_pb2, daemon_pb2, jobs_pb2, tasks_pb2

NOW_S = 1_700_000_100
SONG = "5f" * 32


def id_of(number: int) -> str:
    """The id of a job, which differs from others in what is shown of it."""
    return f"{number:012x}".ljust(32, "0")


def job(number: int, state: str, task: str = "text2music", **more: Any) -> jobs_pb2.Job:
    """A job whose request has these fields; ``fraction``, ``eta_s``, ``position``, ``began_s`` and ``ended_s`` are its own."""
    own = {
        name: more.pop(name)
        for name in ("fraction", "eta_s", "position", "began_s", "ended_s", "stage")
        if name in more
    }
    source = audio_pb2.AudioInput(asset_id=SONG, name="song.wav") if task != "text2music" else None
    kinds = {"text2music": tasks_pb2.TASK_KIND_TEXT_TO_MUSIC, "repaint": tasks_pb2.TASK_KIND_REPAINT}
    made = jobs_pb2.Job(
        id=id_of(number), task=kinds[task], engine="draft", state=f"JOB_STATE_{state.upper()}",
        position=own.get("position", 0), request=wrap(request_of(task, more, source)),
        progress={"fraction": own.get("fraction", 0.0), "stage": own.get("stage", ""), "eta_s": own.get("eta_s")},
        create_time=Timestamp(seconds=NOW_S - 100 + number), origin={"host": "REAPER 7"},
    )  # fmt: skip
    for name, field in (("began_s", "start_time"), ("ended_s", "end_time")):
        if name in own:
            getattr(made, field).FromSeconds(NOW_S + own[name])
    return made


JOBS = [
    job(1, "succeeded", duration_s=30.0, fraction=1.0, began_s=-40, ended_s=-30),
    job(2, "queued", duration_s=10.0, position=2),
    job(3, "running", "repaint", start_s=4.0, end_s=8.0, fraction=0.5, eta_s=7.4, began_s=-4, stage="denoising"),
    job(4, "queued", duration_s=10.0, position=1),
]  # fmt: skip
STATUS = daemon_pb2.DaemonStatus(
    version="1.2.3", running_jobs=1, waiting_jobs=2, stored_bytes=3 << 30, quota_bytes=20 << 30,
    workers=[
        {"device": "cuda:0", "label": "H200", "job_id": id_of(3), "memory_bytes": 5 << 30, "models": ["turbo"]},
        {"device": "cpu", "problem": "It cannot start: no memory."},
    ],
)  # fmt: skip
FACTS = Facts("127.0.0.1:50710", STATUS, JOBS, {SONG: 60.0}, NOW_S)


def page(facts: Facts = FACTS, width: int = 120, height: int = 40, chosen: str = "") -> list[str]:
    """The lines that a terminal of this size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(top_page(facts, chosen=chosen, width=width, height=height))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", range(60, 201, 7))
def test_every_job_has_one_line_in_every_terminal(width: int) -> None:
    lines = page(width=width)
    assert all(len(line) <= width for line in lines)
    assert len(lines) == 12  # heading, devices with theirs, a gap, the jobs with theirs, a gap, keys
    assert lines[0].startswith("AceBridge 1.2.3 at 127.0.0.1:50710")
    for number in (1, 2, 3, 4):
        assert sum(id_of(number)[:12] in line for line in lines[5:]) == 1
    running = lines[6]
    assert "repaint" in running
    assert "50%" in running
    assert ("7 s" in running) == (width >= 70)
    assert ("0.5 ×" in running) == (width >= 80)
    assert ("draft" in running) == (width >= 90)
    assert ("REAPER 7" in running) == (width >= 122)
    assert ("song.wav 4 to 8 s" in running) == (width >= 88)
    assert lines[-1].startswith(KEYS[: width - 1])


def test_running_jobs_come_first_then_those_that_wait_in_their_order() -> None:
    assert [each.id for each in sort_jobs(JOBS)] == [id_of(number) for number in (3, 4, 2, 1)]
    lines = page()
    assert "2 before it" in lines[8]
    assert "cuda:0 (H200)" in lines[2]
    assert "5.0 GiB" in lines[2]
    assert "It cannot start: no memory." in lines[3]


def test_speed_is_audio_by_time() -> None:
    assert speed_text(JOBS[2], FACTS) == "0.5 ×", "2 of 4 s in 4 s"
    assert speed_text(JOBS[0], FACTS) == "3 ×", "30 s in 10 s"
    assert speed_text(JOBS[1], FACTS) == ""
    stepping = job(5, "running", "repaint", sampling={"steps": 8}, fraction=0.5, began_s=-2)
    assert speed_text(stepping, dataclasses.replace(FACTS, lengths_s={})) == "2 steps/s", "4 of 8 steps in 2 s"
    assert speed_text(stepping, FACTS) == "15 ×", "half of 60 s in 2 s"


def test_the_length_counts_takes_and_regions() -> None:
    assert length_s(job(1, "queued", duration_s=5.0, output={"takes": 3}), {}) == 15
    assert length_s(job(1, "queued", duration_s=5.0, output={"takes": 1, "tries": 4}), {}) == 20
    assert length_s(job(1, "queued"), {}) is None
    assert length_s(job(1, "queued", "repaint"), {SONG: 60.0}) == 60
    assert length_s(job(1, "queued", "repaint", start_s=50.0), {SONG: 60.0}) == 10
    assert length_s(job(1, "queued", "repaint", start_s=50.0), {}) is None


def test_the_chosen_job_is_marked_and_stays_in_sight() -> None:
    many = [job(number, "queued", duration_s=1.0, position=number) for number in range(50)]
    facts = dataclasses.replace(FACTS, jobs=many)
    for chosen in (0, 20, 49):
        lines = page(facts, height=24, chosen=id_of(chosen))
        assert len(lines) <= 24
        (marked,) = [line for line in lines if line.startswith("▸")]
        assert id_of(chosen)[:12] in marked
    assert any("more" in line for line in lines)


def test_a_daemon_that_is_away_stands_above_what_it_said_last() -> None:
    lines = page(dataclasses.replace(FACTS, problem="The daemon does not answer any more. It is looked for again."))
    assert lines[1].startswith("The daemon does not answer any more.")
    assert len(lines) == 13
    nothing = page(Facts(problem="No AceBridge daemon runs. It is looked for again."))
    assert nothing[:2] == ["AceBridge", "No AceBridge daemon runs. It is looked for again."]
    assert "no jobs" in nothing


def test_names_of_others_do_not_change_the_terminal() -> None:
    made = job(9, "running", duration_s=1.0)
    made.origin.host = "\x1b[31mDAW\x07\n"
    made.progress.stage = "a\x1b]0;title\x07"
    text = "\n".join(page(dataclasses.replace(FACTS, jobs=[made]), width=200))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "DAW" in text


def test_rows_hold_all_columns_for_pipes() -> None:
    names, rows = top_rows(FACTS)
    assert names == ["job", "task", "engine", "state", "progress", "left", "speed", "from", "about"]
    assert rows[0][:4] == [id_of(3)[:12], "repaint", "draft", "running"]
    assert all(len(row) == len(names) for row in rows)
