"""What every watcher of an inbox has to get right, whatever it is written in: see PROTOCOL.md, "The inbox".

The test of a watcher derives a class from `InboxConformance` and provides the fixture ``open_watcher``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import soundfile

from acebridge.hosts.jobfolder.inbox import Answer, Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import OpenProject, open_projects
from tests.support import schemas
from tests.support.daemon import PATIENCE_S

RATE_HZ = 44_100


class Watcher(Protocol):
    """A watcher as the checks drive it: all of them look into one inbox, and have the same saved project open."""

    inbox: Path

    def look(self) -> None:
        """Look into the inbox, until everything is done that can be."""

    def record(self, on: bool) -> None:
        """Begin or end a recording."""

    def list_files(self) -> list[tuple[str, float]]:
        """Return the files that were placed in the project, with their positions in seconds."""

    def die(self) -> None:
        """End without a word, as in a crash."""


class InboxConformance:
    """The checks."""

    @pytest.fixture
    def tone(self, tmp_path: Path) -> Path:
        """Return half a second of audio."""
        path = tmp_path / "tone 기타.wav"
        soundfile.write(path, np.full((RATE_HZ // 2, 1), 0.25, np.float32), RATE_HZ, subtype="FLOAT")
        return path

    @classmethod
    def projects(cls, watcher: Watcher) -> list[OpenProject]:
        """Return what is open, however long ago that was said."""
        cls.refresh(watcher)
        return open_projects(watcher.inbox)

    @classmethod
    def send(cls, watcher: Watcher, tone: Path, at: dict[str, Any] | None = None) -> Placement:
        """Put a file into the inbox for what the newest watcher has open."""
        placement = Placement(watcher.inbox, cls.projects(watcher)[-1])
        content = files_source([tone])(placement.project.media, placement.folder)
        placement.send(content.result, at or {"kind": "seconds", "position_s": 2.0}, title="tone")  # type: ignore[arg-type]
        return placement

    @staticmethod
    def change(placement: Placement, name: str, **keys: Any) -> None:
        """Change keys of a document that was sent."""
        file = placement.folder / name
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **keys}), "utf-8")

    @staticmethod
    def refresh(watcher: Watcher) -> None:
        """Have a watcher be there now and for some seconds, however long this machine takes between two looks."""
        for file in watcher.inbox.glob("presence-*.json"):
            file.write_text(
                json.dumps({**json.loads(file.read_text("utf-8")), "update_time": int(time.time()) + 9}), "utf-8"
            )

    @staticmethod
    def answer(placement: Placement) -> Answer:
        """Return the answer, after a look at its document."""
        for file in placement.inbox.glob(f"{placement.id}.*/answer.json"):
            schemas.check("answer", json.loads(file.read_text("utf-8")))
        return placement.answer()

    def test_it_says_what_is_open(self, open_watcher: Callable[[], Watcher]) -> None:
        watcher = open_watcher()
        watcher.look()
        (file,) = watcher.inbox.glob("presence-*.json")
        said = json.loads(file.read_text("utf-8"))
        schemas.check("presence", said)
        assert abs(time.time() - said["update_time"]) < PATIENCE_S
        (project,) = self.projects(watcher)
        assert project.shown
        assert project.media.is_absolute()

    def test_it_places_once_and_answers(self, open_watcher: Callable[[], Watcher], tone: Path) -> None:
        watcher = open_watcher()
        watcher.look()
        placement = self.send(watcher, tone)
        watcher.look()
        answer = self.answer(placement)
        assert (answer.state, answer.position_s) == ("placed", 2.0)
        assert answer.message
        watcher.look()
        ((file, position_s),) = watcher.list_files()
        assert (Path(file).parent, position_s) == (placement.project.media, 2.0)
        placement.discard()
        watcher.look()
        assert len(watcher.list_files()) == 1

    def test_what_is_still_written_is_left_alone(self, open_watcher: Callable[[], Watcher]) -> None:
        watcher = open_watcher()
        watcher.look()
        placement = Placement(watcher.inbox, self.projects(watcher)[0])
        watcher.look()
        assert placement.hidden.exists()

    def test_of_two_one_places_it(self, open_watcher: Callable[[], Watcher], tone: Path) -> None:
        one, other = open_watcher(), open_watcher()
        for watcher in (one, other):
            watcher.look()
        placement = self.send(one, tone)
        self.change(placement, "place.json", instance="gone0000")
        for watcher in (one, other, one, other):
            watcher.look()
        assert self.answer(placement).state == "placed"
        assert len(one.list_files()) + len(other.list_files()) == 1

    def test_what_is_for_another_one_is_left_to_it(self, open_watcher: Callable[[], Watcher], tone: Path) -> None:
        one = open_watcher()
        one.look()
        placement = self.send(one, tone)  # before the other one is there, whose project might be taken for the newest
        self.refresh(one)
        other = open_watcher()
        other.look()
        assert self.answer(placement).state == "sent"
        one.look()
        assert [len(one.list_files()), len(other.list_files())] == [1, 0]

    def test_it_waits_for_the_end_of_a_recording(self, open_watcher: Callable[[], Watcher], tone: Path) -> None:
        watcher = open_watcher()
        watcher.look()
        placement = self.send(watcher, tone)
        watcher.record(True)
        watcher.look()
        assert (self.answer(placement).state, watcher.list_files()) == ("waiting", [])
        watcher.record(False)
        watcher.look()
        assert (self.answer(placement).state, len(watcher.list_files())) == ("placed", 1)

    def test_what_one_had_that_is_gone_is_placed_by_the_next(
        self, open_watcher: Callable[[], Watcher], tone: Path
    ) -> None:
        gone = open_watcher()
        gone.look()
        placement = self.send(gone, tone)
        gone.record(True)
        gone.look()
        assert self.answer(placement).state == "waiting"
        gone.die()
        following = open_watcher()
        self.refresh(gone)
        following.look()
        assert following.list_files() == [], "it may still be there"
        for file in gone.inbox.glob("presence-*.json"):
            state = json.loads(file.read_text("utf-8"))
            file.write_text(json.dumps({**state, "update_time": time.time() - 60.0}), "utf-8")
        following.look()
        assert (self.answer(placement).state, len(following.list_files())) == ("placed", 1)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"parts": 7}', '{"parts": [{"takes": [{"outputs": [{}]}]}]}'])
    def test_what_is_damaged_is_refused(self, open_watcher: Callable[[], Watcher], tone: Path, content: str) -> None:
        watcher = open_watcher()
        watcher.look()
        placement = self.send(watcher, tone)
        (placement.folder / "result.json").write_text(content, "utf-8")
        watcher.look()
        answer = self.answer(placement)
        assert (answer.state, watcher.list_files()) == ("refused", [])
        assert answer.message
        assert answer.remedy

    def test_audio_that_is_gone_is_refused(self, open_watcher: Callable[[], Watcher], tone: Path) -> None:
        watcher = open_watcher()
        watcher.look()
        placement = self.send(watcher, tone)
        for file in placement.project.media.iterdir():
            file.unlink()
        watcher.look()
        assert (self.answer(placement).state, watcher.list_files()) == ("refused", [])
