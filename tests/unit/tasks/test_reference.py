"""The timbre reference: its parts, its format, and the engines that use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import wav
from acestep_runtime.audio.convert import resample
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.tasks import TASKS, build_task
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.reference import load_reference
from acestep_runtime.values import CancelToken
from tests.support.signals import noise

REFERENCE_TASKS = ("text2music", "cover", "repaint", "lego", "complete")


@pytest.mark.parametrize("length", [48, 48_000, 479_999, 1_440_000, 2_000_001])
def test_a_reference_is_three_pieces_of_ten_seconds(length: int, tmp_path: Path) -> None:
    wav.write(tmp_path / "long.wav", np.repeat(np.arange(length, dtype=np.float32)[:, None], 2, 1), 48_000)
    samples = load_reference(Source(str(tmp_path / "long.wav")))
    assert samples is not None
    total = length if length >= 1_440_000 else -(-1_440_000 // length) * length
    for piece, start in zip(samples.reshape(3, 480_000, 2), (0, total // 3, total - 480_000), strict=True):
        assert np.array_equal(piece[:, 0], (start + np.arange(480_000)) % length)


def test_a_mono_reference_of_another_rate_is_converted_for_the_engine(tmp_path: Path) -> None:
    recording = noise(33, rate_hz=44_100, channels=1)
    wav.write(tmp_path / "mono.wav", recording, 44_100)
    samples = load_reference(Source(str(tmp_path / "mono.wav")))
    assert samples is not None
    assert samples.shape == (1_440_000, 2)
    assert np.array_equal(samples[:, 0], samples[:, 1])
    at = 11 * 44_100
    assert np.allclose(
        samples[480_000:960_000, 0], resample(recording[at : at + 441_000], 44_100, 48_000)[:, 0], atol=1e-7
    )


def test_a_reference_is_read_in_parts(tmp_path: Path) -> None:
    """A part of a file may be named, as of any source."""
    wav.write(tmp_path / "long.wav", noise(50, rate_hz=48_000), 48_000)
    samples = load_reference(Source(str(tmp_path / "long.wav"), start_s=5, end_s=40))
    whole = load_reference(Source(str(tmp_path / "long.wav")))
    assert samples is not None
    assert whole is not None
    assert np.array_equal(samples[:240_000], whole[240_000:480_000])


def test_audio_tasks_take_a_reference() -> None:
    assert tuple(name for name, task in TASKS.items() if hasattr(task, "reference")) == REFERENCE_TASKS


@pytest.mark.parametrize("task", REFERENCE_TASKS)
def test_an_unreadable_reference_is_refused_before_any_work(task: str, tmp_path: Path) -> None:
    wav.write(tmp_path / "song.wav", noise(1, rate_hz=48_000), 48_000)
    (tmp_path / "words.wav").write_text("no audio")
    fields = {} if task == "text2music" else {"source": {"path": str(tmp_path / "song.wav")}}
    fields |= {"tracks": ["drums"]} if task in ("lego", "complete") else {}
    with pytest.raises(UnreadableAudio, match=r"words\.wav") as unreadable:
        build_task(task, {**fields, "reference": {"path": str(tmp_path / "words.wav")}}).validate()
    assert unreadable.value.field == "reference"
    wav.write(tmp_path / "click.wav", np.ones((100, 1), np.float32), 192_000)
    with pytest.raises(InvalidValue, match=r"click\.wav is 0\.521 ms long; allowed: at least 1 ms"):
        build_task(task, {**fields, "reference": {"path": str(tmp_path / "click.wav")}}).validate()
    late = {"path": str(tmp_path / "song.wav"), "start_s": 2.0}
    with pytest.raises(InvalidValue, match=r"reference\.region\.start_s") as outside:
        build_task(task, {**fields, "reference": late}).validate()
    assert outside.value.field == "reference.region.start_s"


def test_an_engine_without_reference_support_gives_a_warning(tmp_path: Path) -> None:
    wav.write(tmp_path / "song.wav", noise(1, rate_hz=48_000), 48_000)
    task = build_task("text2music", {"duration_s": 1.0, "reference": {"path": str(tmp_path / "song.wav")}})
    takes = [
        event for event in record(task, FakeEngine(), tmp_path / "out", CancelToken()) if isinstance(event, TakeFiles)
    ]
    assert takes[0].metadata["warnings"] == ["reference song.wav had no effect: the fake engine uses no reference."]
