"""AAF files, read back with pyaaf2: clips on exact frames, and the samples of the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aaf2
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings

from acebridge.project_files import write_project
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from tests.support.arrangements import ARRANGEMENTS, FILES, RATE_HZ, write_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the audio files."""
    folder = tmp_path_factory.mktemp("project")
    write_files(folder)
    return folder


def clips(slot: Any) -> list[tuple[str, int, int, int]]:
    """The clips of a slot: name of the audio, first frame in the sequence, length, first frame in the audio."""
    found, at = [], 0
    for part in slot.segment.components:
        if isinstance(part, aaf2.components.SourceClip):
            found.append((part.mob.name, at, part.length, part.start))
        at += part.length
    return found


def audio_name(file: str, channel: int, sides: dict[int, list[str]]) -> str:
    """What the audio of a channel is called: a mono file is on both sides."""
    return Path(file).stem + sides[FILES[file][1]][channel]


def audible(tracks: tuple[Track, ...], folder: str = "") -> list[tuple[str, tuple[Item, ...]]]:
    found = []
    for track in tracks:
        if not track.muted:
            found += [(folder + track.name, track.items)] if track.items else []
            found += audible(track.children, f"{folder}{track.name} / ")
    return found


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(arrangement=ARRANGEMENTS)
def test_everything_lies_on_its_frame(folder: Path, arrangement: Arrangement) -> None:
    path = folder / "song.aaf"
    write_project(arrangement, path, {name: folder / name for name in FILES})
    wanted = []
    for title, items in audible(arrangement.tracks):
        played = [item for item in items if not item.muted]
        channels = max((FILES[item.file][1] for item in played), default=0)
        for channel in range(channels):
            sides = {1: [""] * channels, 2: [".L", ".R"]}
            wanted.append((
                title + sides[channels][channel],
                [(audio_name(item.file, channel, sides), item.start, item.frames, item.offset) for item in played],
            ))  # fmt: skip
    with aaf2.open(str(path)) as file:
        (composition,) = file.content.toplevel()
        assert composition.name == arrangement.title
        slots = [slot for slot in composition.slots if slot.media_kind == "Sound"]
        assert [(slot.name, clips(slot)) for slot in slots] == wanted
        assert {slot.edit_rate for slot in slots} <= {RATE_HZ}
        marks = [
            (event["Comment"].value, event["Position"].value, event["Length"].value)
            for slot in composition.slots if slot.media_kind != "Sound" for event in slot.segment.components
        ]  # fmt: skip
    assert sorted(marks) == sorted(
        (mark.name, mark.start, 1 if mark.stop is None else mark.stop - mark.start) for mark in arrangement.markers
    )


def essence(file: Any, name: str) -> np.ndarray[Any, Any]:
    """The samples of 24 bits behind a master mob."""
    mob = next(mob for mob in file.content.mastermobs() if mob.name == name)
    data = np.frombuffer(mob.slots[0].segment.mob.essence.open("r").read(), np.uint8)
    words = np.zeros((len(data) // 3, 4), np.uint8)
    words[:, 1:] = data.reshape(-1, 3)
    return words.view("<i4")[:, 0] >> 8


def test_the_audio_is_that_of_the_files_and_takes_are_in_the_list_of_clips(folder: Path) -> None:
    item = Item("one", "one.wav", 5, 100, others=(Take("other", "two.wav", 50),))
    path = folder / "song.aaf"
    write_project(
        Arrangement("a", RATE_HZ, (Track("t", items=(item,)),)), path, {name: folder / name for name in FILES}
    )
    source, _ = soundfile.read(folder / "one.wav", dtype="int16")
    take, _ = soundfile.read(folder / "two.wav", dtype="int16")
    with aaf2.open(str(path)) as file:
        assert np.array_equal(essence(file, "one.L"), source[:, 0].astype(np.int32) << 8)
        assert np.array_equal(essence(file, "one.R"), source[:, 1].astype(np.int32) << 8)
        assert np.array_equal(essence(file, "two"), take.astype(np.int32) << 8)


def test_files_of_another_rate_are_converted(tmp_path: Path) -> None:
    times = np.arange(4800) / 48_000
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * times), 48_000, subtype="FLOAT")
    path = tmp_path / "song.aaf"
    write_project(Arrangement("a", RATE_HZ, (Track("t", items=(Item("a", str(tmp_path / "a.wav"), 0, 4410),)),)), path)
    with aaf2.open(str(path)) as file:
        found = essence(file, "a") / 2**23
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4410) / RATE_HZ)
    assert len(found) == 4410
    assert np.abs(found - expected)[500:-500].max() < 1e-5


def test_notes_on_clipping_and_on_muted_tracks(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", np.full(100, 1.5), RATE_HZ, subtype="FLOAT")
    item = Item("loud", str(tmp_path / "loud.wav"), 0, 100)
    tracks = (Track("Song", items=(item,)), Track("Stems", items=(item,), muted=True))
    notes = write_project(Arrangement("a", RATE_HZ, tracks, (Marker("m", 3),)), tmp_path / "song.aaf")
    assert notes == [
        "loud.wav is clipped (100 samples): the music exceeds full scale by up to 3.5 dB.",
        "AAF has no mute: Stems is in the list of clips only.",
    ]
