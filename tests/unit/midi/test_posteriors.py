"""Windows of the network against one pass over all of the audio, and pitches of tones by signal processing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acestep_runtime.audio.convert import resample
from acestep_runtime.errors import EngineFailure
from acestep_runtime.midi import posteriors
from acestep_runtime.midi.decode import Thresholds, find_line
from acestep_runtime.midi.posteriors import HOP, RATE_HZ, WINDOW, model_posteriors, signal_posteriors
from acestep_runtime.notes import Note
from tests.support.midi_cases import f_measure, play

NOTHING = (lambda: None, lambda _: None)


class Network:
    """Stands for the network: what sounds in a frame is the sum of its samples, what begins is their greatest."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "audio"})()]

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        (batch,) = inputs.values()
        assert batch.shape[1:] == (WINDOW, 1)
        assert batch.dtype == np.float32
        self.batches.append(len(batch))
        frames = np.pad(batch[..., 0], ((0, 0), (0, HOP - WINDOW % HOP)))[:, : 172 * HOP].reshape(len(batch), -1, HOP)
        frames = np.pad(frames, ((0, 0), (0, 172 - frames.shape[1]), (0, 0)))
        whole = np.repeat(frames.sum(axis=2)[..., None], 88, axis=2)
        return [whole if name == "StatefulPartitionedCall:1" else -whole for name in names]


@pytest.mark.parametrize("seconds", [0.2, 1.9, 2.0, 40.0])
def test_windows_join_without_a_seam(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    network = Network()
    monkeypatch.setattr(posteriors, "_open", lambda _: network)
    mono = np.random.default_rng(5).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)
    reports: list[float] = []
    found = model_posteriors(mono, Path("x"), lambda: None, reports.append)
    assert found.sounds.shape == found.begins.shape == (len(found.times_s), 88)
    steps = np.diff(found.times_s)
    assert steps.min() > 0
    assert steps.max() <= HOP / RATE_HZ + 1e-12
    padded = np.pad(mono, (0, HOP))
    for k in range(0, len(found.times_s), 7):
        at = round(found.times_s[k] * RATE_HZ)
        assert found.sounds[k, 0] == pytest.approx(padded[at : at + HOP].sum(), abs=1e-4)
    assert reports[-1] == 1.0
    assert max(network.batches) <= 8


def test_a_file_that_is_no_network_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "nmp.onnx").write_bytes(b"no network")
    with pytest.raises(EngineFailure, match="cannot be loaded") as caught:
        model_posteriors(np.zeros(RATE_HZ, np.float32), tmp_path / "nmp.onnx", *NOTHING)
    assert caught.value.remedy == "Run `acebridge models pull basic-pitch` again."


def test_a_melody_is_found_without_a_network() -> None:
    pitches = (40, 43, 43, 47, 35, 52, 45, 40)
    notes = [Note(0.2 + 0.4 * k, 0.55 + 0.4 * k, pitch, 100) for k, pitch in enumerate(pitches)]
    mono = resample(play(notes, 4.0), 48_000, RATE_HZ)[:, 0]
    found = signal_posteriors(mono, *NOTHING)
    assert found.sounds.max() <= 1
    line = find_line(found.sounds, found.begins, Thresholds(low=2, high=48))
    onsets = [(found.times_s[span.first], span.pitch + 21) for span in line]
    assert f_measure(onsets, [(note.start_s, note.pitch) for note in notes], 0.06) >= 0.85


def test_silence_and_a_moment_have_posteriors_without_notes() -> None:
    for frames in (0, 100, RATE_HZ):
        found = signal_posteriors(np.zeros(frames, np.float32), *NOTHING)
        assert found.sounds.shape == (frames // HOP, 88)
        assert not found.sounds.any()
