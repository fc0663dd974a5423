"""Files of a job that is started again and again: whole ones with their names, and nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings

from acebridge.client.follow import follow
from acebridge.client.wav_writer import WavWriter
from acebridge.errors import JobFailed
from tests.support.job_events import JobStory, header, job_stories, take_message
from tests.support.leftovers import dead_pid, leave_temporary


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@settings(deadline=None, max_examples=60)
@given(job_stories())
def test_files_hold_what_the_last_attempt_made(story: JobStory) -> None:
    folder = Path(tempfile.mkdtemp())
    numbers = iter(range(1000))
    try:
        with WavWriter(folder, lambda role, take: folder / f"{role}-{take}-{next(numbers)}.wav") as writer:
            follow(story.events, writer)
        assert writer.files.keys() == story.outputs.keys()
        for output, samples in story.outputs.items():
            read, rate_hz = soundfile.read(writer.files[output], dtype="int16", always_2d=True)
            assert rate_hz == 48_000
            assert np.array_equal(read[:, 0], np.frombuffer(samples, "<i2"))
        assert names(folder) == {file.name for file in writer.files.values()}
    finally:
        shutil.rmtree(folder)


def test_what_killed_commands_left_in_the_folder_goes(tmp_path: Path) -> None:
    stale, running = leave_temporary(tmp_path, dead_pid()), leave_temporary(tmp_path, os.getpid())
    story = JobStory()
    story.add(started={"attempt": 1})
    story.add(audio_header=header(1, 1, 1))
    with WavWriter(tmp_path, lambda role, take: tmp_path / f"{role}-{take}.wav") as writer:
        with pytest.raises(JobFailed):
            follow(story.events, writer)
        assert not stale.exists()
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == {running.name}


def test_of_takes_to_choose_from_the_chosen_get_names_at_the_end(tmp_path: Path) -> None:
    story = JobStory()
    story.add(started={"attempt": 1, "chooses": True})
    for take in (1, 2, 3):
        story.add(audio_header=header(take, take, 1))
        story.add(audio_chunk={"output": take, "offset_frames": 0, "data": bytes([take, 0])})
        story.add(take_finished=take_message(take, {take}))
    with WavWriter(tmp_path, lambda role, take: tmp_path / f"{role}-{take}.wav") as writer:
        with pytest.raises(JobFailed):
            follow(story.events, writer)
        assert {Path(name).suffix for name in names(tmp_path)} == {".part"}
    assert names(tmp_path) == set()
    story.add(completed={"takes": [take_message(3, {3}), take_message(1, {1})]})
    with WavWriter(tmp_path, lambda role, take: tmp_path / f"{role}-{take}.wav") as writer:
        follow(story.events, writer)
        assert names(tmp_path) == {"mix-1.wav", "mix-3.wav"}
    assert writer.files == {3: tmp_path / "mix-3.wav", 1: tmp_path / "mix-1.wav"}
    assert [soundfile.read(file, dtype="int16")[0][0] for file in writer.files.values()] == [3, 1]


def half_a_take() -> JobStory:
    story = JobStory()
    story.add(started={"attempt": 1})
    story.add(audio_header=header(0, 0, 2))
    story.add(audio_chunk={"output": 0, "offset_frames": 0, "data": b"\1\0\2\0"})
    return story


def test_a_job_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with WavWriter(tmp_path, lambda *_: tmp_path / "song.wav") as writer:
        with pytest.raises(JobFailed):
            follow(half_a_take().events, writer)
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == set()


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "song.wav"
    file.write_text("an older one")
    story = half_a_take()
    with WavWriter(tmp_path, lambda *_: file) as writer:
        for event in story.events:
            if event.HasField("audio_header"):
                writer.on_audio_header(event.audio_header)
            elif event.HasField("audio_chunk"):
                writer.on_audio(event.audio_chunk)
        assert file.read_text() == "an older one"
        writer.on_take(take_message(0, {0}))
        assert list(soundfile.read(file, dtype="int16")[0]) == [1, 2]
    assert names(tmp_path) == {"song.wav"}


def test_a_whole_file_is_saved(tmp_path: Path) -> None:
    with WavWriter(tmp_path, lambda role, take: tmp_path / "new" / f"{role}{take}.wav") as writer:
        assert writer.save("mix", 2, [b"ab", b"c"]) == tmp_path / "new" / "mix2.wav"
    assert (tmp_path / "new" / "mix2.wav").read_bytes() == b"abc"
    assert names(tmp_path / "new") == {"mix2.wav"}


@pytest.mark.parametrize("chooses", [False, True])
@pytest.mark.parametrize("role", ["../../evil", "/evil", "..", "", "a\0b", "x" * 300])
def test_a_role_names_no_other_folder(tmp_path: Path, role: str, chooses: bool) -> None:
    """The daemon says it, and that may be another machine's."""
    inner = tmp_path / "a" / "b"
    story = JobStory()
    story.add(started={"attempt": 1, "chooses": chooses})
    story.add(audio_header=header(1, 1, 1, role))
    story.add(audio_chunk={"output": 1, "offset_frames": 0, "data": b"\1\0"})
    story.add(take_finished=take_message(1, {1}))
    story.add(completed={"takes": [take_message(1, {1})]})
    with WavWriter(inner, lambda role, _: inner / f"{role}.wav") as writer:
        follow(story.events, writer)
        saved = writer.save(role, 2, [b"data"])
    assert saved == writer.files[1]
    assert saved.parent == inner
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [saved]
