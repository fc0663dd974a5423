"""A program that chats makes a song and puts it on a track of REAPER: a fixed list of calls of tools."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.jobfolder.presence import open_projects
from tests.support.fake_reaper import Reaper
from tests.support.mcp_clients import error, over_stdio, talk, values
from tests.support.reaper_studio import RATE_HZ, Studio

LIST = "AceBridge_Job list.lua"
#: What the model says, in order; text in braces stands for what an earlier call answered.
SCRIPT: list[tuple[str, dict[str, Any]]] = [
    ("capabilities", {}),
    ("create_sample", {"description": "a calm piano piece", "seed": 81, "submission": {"engine": "draft"}}),
    (
        "text2music",
        {"music": {"caption": "calm piano", "bpm": 100}, "duration_s": 2, "submission": {"engine": "draft"},
         "output": {"seeds": [82], "sample_rate": RATE_HZ}},
    ),
    ("place_audio", {"job_id": "{job_id}", "at": "3.5"}),
    ("place_audio", {"audio": ["{file}"], "at": "bar 3"}),
]  # fmt: skip


@pytest.fixture
def chat_home(studio: Studio, tmp_path: Path) -> Path:
    """A folder of settings that leads to the simulated REAPER's own."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "REAPER").symlink_to(studio.reaper.resource)
    return folder


def chat(reaper: Reaper, config: Path, results: Path, script: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Have a program make these calls while REAPER goes on; return what they answered, errors as they are."""
    answers: list[dict[str, Any]] = []
    failed: list[BaseException] = []

    async def speak() -> None:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(config)}
        async with over_stdio(environment, results) as client:
            known: dict[str, Any] = {}
            for tool, arguments in script:
                given = _fill_in(arguments, known)
                result = await client.call_tool(tool, given)
                answers.append(error(result) if result.is_error else values(result))
                if "job_id" in answers[-1] and answers[-1]["takes"][0].get("outputs"):
                    known = {"job_id": answers[-1]["job_id"], "file": answers[-1]["takes"][0]["outputs"][0]["file"]}

    def run() -> None:
        try:
            talk(speak)
        except BaseException as fault:
            failed.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    reaper.until(lambda: (time.sleep(0.002), not thread.is_alive())[1])
    thread.join()
    if failed:
        raise failed[0]
    return answers


def _fill_in(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _fill_in(held, known) for name, held in value.items()}
    if isinstance(value, list):
        return [_fill_in(held, known) for held in value]
    return known[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value


def test_a_chat_makes_a_song_and_puts_it_on_a_track(studio: Studio, chat_home: Path, tmp_path: Path) -> None:
    reaper = studio.reaper
    reaper.start(LIST)
    reaper.until(lambda: open_projects(reaper.resource / "AceBridge" / "inbox"))
    before = len(studio.project.tracks)
    able, _, song, placed, again = chat(reaper, chat_home, tmp_path / "results", SCRIPT)
    assert any(engine["name"] == "draft" and engine["available"] for engine in able["engines"])
    assert placed["state"] == again["state"] == "placed"
    reaper.check()
    first, second = studio.project.tracks[before:]
    assert first.name == "calm piano"
    (item,) = first.items
    assert (item.position, item.length) == (3.5, pytest.approx(2.0))
    made = song["takes"][0]["outputs"][0]["file"]
    assert np.array_equal(soundfile.read(item.active.source.path)[0], soundfile.read(made)[0])
    (copy,) = second.items
    assert copy.position == pytest.approx(4.8), "bar 3 at 100 beats a minute"
    assert np.array_equal(soundfile.read(copy.active.source.path)[0], soundfile.read(made)[0])
    assert Path(copy.active.source.path).parent == studio.project.media_folder


def test_without_a_project_that_watches_the_chat_reads_what_to_do(
    studio: Studio, chat_home: Path, tmp_path: Path
) -> None:
    *_, song, refused = chat(studio.reaper, chat_home, tmp_path / "results", SCRIPT[2:4])
    assert song["state"] == "succeeded"
    assert refused["message"] == "No REAPER watches for what is to be placed."
    assert "AceBridge_Job list" in refused["remedy"]
