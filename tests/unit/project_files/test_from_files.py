"""Audio files as an arrangement: tracks, folders, takes by recipe, places by time reference, tempo and markers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.project_files.arrangement import Item, Marker, Take, Track
from acebridge.project_files.from_files import arrange_files
from acestep_runtime.audio import wav
from acestep_runtime.audio.tags.result import Maker, SourceTags
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from acestep_runtime.recipes import Recipe
from tests.support import wave_chunks

RATE_HZ = 48_000
SILENCE = np.zeros((100, 2), np.float32)


def tone(path: Path, frames: int = 4800, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.full((frames, 2), 0.25), rate_hz, subtype="PCM_16")
    return path


def write_result(path: Path, seed: int, role: str = "mix", bpm: float | None = 96) -> Path:
    """A file as a task writes it, with its recipe."""
    music = {"bpm": bpm, "timesignature": 3} if bpm else {}
    recipe = Recipe("text2music", seed, "draft", role, fields={"duration_s": 1.0, "music": music})
    chunks = SourceTags().chunks_for(None, "float32", Maker("AceBridge", "", recipe.to_json())).data
    samples = np.full((4800, 2), seed / 100, np.float32)
    wav.write_blocks(path, [samples], 4800, 2, RATE_HZ, "float32", more=chunks)
    return path


def test_each_file_is_a_track_and_a_folder_is_a_folder(tmp_path: Path) -> None:
    song, drums, bass = (tone(tmp_path / name) for name in ("my song.wav", "stems/drums.wav", "stems/bass.flac"))
    arrangement, _ = arrange_files([song, tmp_path / "stems"])
    assert arrangement.title == "my song and 1 more"
    assert arrangement.tracks == (
        Track("my song", "#64748b", (Item("my song", str(song), 0, 4800),)),
        Track("stems", children=(
            Track("Bass", "#f97316", (Item("bass", str(bass), 0, 4800),)),
            Track("Drums", "#ef4444", (Item("drums", str(drums), 0, 4800),)),
        )),
    )  # fmt: skip


def test_files_of_one_recipe_are_takes_of_one_item(tmp_path: Path) -> None:
    files = [write_result(tmp_path / f"{name}.wav", seed) for name, seed in (("a", 1), ("b", 2))]
    other = write_result(tmp_path / "c.wav", 3, bpm=120)
    arrangement, notes = arrange_files([*files, other])
    first, second = arrangement.tracks
    assert first.items == (Item("a", str(files[0]), 0, 4800, others=(Take("b", str(files[1]), 4800),)),)
    assert second.items == (Item("c", str(other), 0, 4800),)
    assert (arrangement.bpm, arrangement.beats_per_bar, notes) == (96, 3, [])


def test_options_count_more_and_an_unknown_tempo_is_reported(tmp_path: Path) -> None:
    file = write_result(tmp_path / "a.wav", 1)
    arrangement, notes = arrange_files([file], bpm=90, meter="6/8", title="Mine")
    assert (arrangement.bpm, arrangement.beats_per_bar, arrangement.beat_unit, arrangement.title) == (90, 6, 8, "Mine")
    assert notes == []
    arrangement, notes = arrange_files([write_result(tmp_path / "b.wav", 1, bpm=None)])
    assert arrangement.bpm == 120
    assert notes == ["The tempo is not known: the project has 120. Give it with --bpm."]


def test_files_with_a_time_reference_keep_their_distance(tmp_path: Path) -> None:
    ten, later = tmp_path / "ten.wav", tmp_path / "later.wav"
    for path, reference in ((ten, 36_000 * RATE_HZ), (later, 36_000 * RATE_HZ + 777)):
        path.write_bytes(
            wave_chunks.pcm16_file(SILENCE, wave_chunks.chunk(b"bext", wave_chunks.bext(reference)), rate=RATE_HZ)
        )
    without = tone(tmp_path / "x.wav", rate_hz=44_100, frames=441)
    arrangement, _ = arrange_files([ten, later, without])
    assert [(track.items[0].start, track.items[0].frames) for track in arrangement.tracks] == [
        (0, 100),
        (777, 100),
        (0, 480),
    ]


def test_equal_markers_of_stems_are_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        cues = wave_chunks.chunk(b"cue ", wave_chunks.cue(30, 60))
        names = wave_chunks.chunk(b"LIST", wave_chunks.labels({1: b"Verse"}))
        data = wave_chunks.pcm16_file(SILENCE, cues, names, rate=RATE_HZ)
        (tmp_path / f"{name}.wav").write_bytes(data)
    arrangement, _ = arrange_files([tmp_path / "a.wav", tmp_path / "b.wav"])
    assert arrangement.markers == (Marker("Verse", 30), Marker("Marker 2", 60))


@pytest.mark.parametrize("meter", ["", "x", "4/", "4/5", "0/4", "65/4", "3/4/4", "-3/4", "٣/4", "4/4x"])
def test_a_meter_that_is_none(tmp_path: Path, meter: str) -> None:
    file = tone(tmp_path / "a.wav")
    with pytest.raises(InvalidValue, match="--time-signature") as caught:
        arrange_files([file], meter=meter)
    assert "allowed" in str(caught.value)


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(InvalidValue, match="a folder that holds audio files"):
        arrange_files([tmp_path / "empty"])
    with pytest.raises(UnreadableAudio):
        arrange_files([tmp_path / "x.wav"])
    with pytest.raises(InvalidValue, match=r"--bpm is 0\.0; allowed: 30 to 300 beats per minute"):
        arrange_files([tone(tmp_path / "a.wav")], bpm=0.0)
    with pytest.raises(InvalidValue, match="at least one"):
        arrange_files([])
