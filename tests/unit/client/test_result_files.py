"""Names of results, and what is written of takes with and without audio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acebridge.client.result_files import Names, ResultFiles, base_of
from acebridge.v1 import audio_pb2, metadata_pb2, tasks_pb2


def test_a_name_is_handed_out_once(tmp_path: Path) -> None:
    names = Names()
    path = tmp_path / "song-repaint.wav"
    assert names.reserve(path) == path
    second = names.reserve(path)
    assert second.name == "song-repaint (2).wav"
    names.release([path])
    assert names.reserve(path) == path
    second.touch()
    names.release([path, second])
    path.symlink_to(tmp_path / "missing")
    assert names.reserve(path).name == "song-repaint (3).wav"


def header(output: int, role: str, take: int) -> audio_pb2.AudioHeader:
    return audio_pb2.AudioHeader(
        output=output, role=role, take=take, frames=0, channels=1, sample_rate=48_000, encoding="ENCODING_PCM16"
    )


def test_takes_and_roles_have_names_of_their_own(tmp_path: Path) -> None:
    names = Names()
    with ResultFiles(tmp_path, "song-lego", names) as files:
        for output, role, take in ((1, "mix", 1), (2, "drums", 1), (3, "drums", 2)):
            files.on_audio_header(header(output, role, take))
        files.on_take(tasks_pb2.TakeFinished(take=1, outputs=[{"output": 1}, {"output": 2}]))
        files.on_audio_void({3})
        files.on_audio_header(header(3, "drums", 2))  # made again: the same name
        files.on_take(tasks_pb2.TakeFinished(take=2, outputs=[{"output": 3}]))
    assert {path.name for path in tmp_path.iterdir()} == {
        "song-lego.wav",
        "song-lego-drums.wav",
        "song-lego-drums-2.wav",
    }
    assert files.texts == {1: [], 2: []}
    assert not names._in_use


def test_what_is_unfinished_at_the_end_is_removed(tmp_path: Path) -> None:
    names = Names()
    with ResultFiles(tmp_path, "song", names) as files:
        files.on_audio_header(header(1, "mix", 1))
    assert not list(tmp_path.iterdir())
    assert not names._in_use


def test_texts(tmp_path: Path) -> None:
    with ResultFiles(tmp_path, "song-align_lyrics", Names()) as files:
        metadata = metadata_pb2.TakeMetadata(bpm=96, lrc="[00:01.00]Ä\n")
        files.on_take(tasks_pb2.TakeFinished(take=1, metadata=metadata))
    json_file, lrc_file = files.texts[1]
    assert json.loads(json_file.read_text("utf-8"))["bpm"] == 96
    assert (json_file.name, lrc_file.name) == ("song-align_lyrics.json", "song-align_lyrics.lrc")
    assert lrc_file.read_text("utf-8") == "[00:01.00]Ä\n"


def test_a_name_that_another_program_takes_meanwhile_is_left_to_it(tmp_path: Path) -> None:
    names = Names()
    taken = [tmp_path / "song.wav", tmp_path / "song-2.json"]
    with ResultFiles(tmp_path, "song", names) as files:
        files.on_audio_header(header(1, "mix", 1))
        for path in taken:
            path.write_text("another's")
        files.on_take(tasks_pb2.TakeFinished(take=1, outputs=[{"output": 1}]))
        files.on_take(tasks_pb2.TakeFinished(take=2))
    assert files.files[1].name == "song (2).wav"
    assert [path.name for path in files.texts[2]] == ["song-2 (2).json"]
    assert all(path.read_text() == "another's" for path in taken)
    assert not names._in_use


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "♫" * 83])
def test_the_longest_names_of_sources_leave_room_for_results(tmp_path: Path, stem: str) -> None:
    base = base_of(tmp_path / f"{stem}.wav", "align_lyrics")
    assert base.startswith(stem[:50])
    assert base.endswith("-align_lyrics")
    with ResultFiles(tmp_path, base, Names()) as files:
        for _ in range(2):
            files.on_take(tasks_pb2.TakeFinished(take=8))
        files.on_audio_header(header(1, "backing_vocals", 8))
        files.on_take(tasks_pb2.TakeFinished(take=8, outputs=[{"output": 1}]))
    assert len(list(tmp_path.iterdir())) == 3
