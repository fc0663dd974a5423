"""Whether files sound the same, whatever their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.audio.same import sound_same

RATE = 48_000
SOUND = (1.2 * np.sin(np.arange(2 * 70_000).reshape(70_000, 2) / 50)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    sf.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(("name", "subtype"), [("b.wav", "FLOAT"), ("b.wav", "PCM_16"), ("b.flac", "PCM_24")])
def test_a_format_makes_no_difference(tmp_path: Path, name: str, subtype: str) -> None:
    first = write(tmp_path / "a.wav", SOUND)
    assert sound_same(first, write(tmp_path / name, SOUND, subtype=subtype))


def test_length_rate_channels_and_one_sample_do(tmp_path: Path) -> None:
    first, edited = write(tmp_path / "a.wav", SOUND), SOUND.copy()
    edited[69_999, 1] += 0.001
    others = [(edited, RATE), (SOUND[:-1], RATE), (SOUND, 44_100), (SOUND[:, 0], RATE)]
    assert [sound_same(first, write(tmp_path / "b.wav", samples, rate)) for samples, rate in others] == [False] * 4
