"""More than two channels in stereo: ITU-R BS.775."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime import downmix
from acestep_runtime.audio import decode
from acestep_runtime.audio.downmix import write_stereo
from acestep_runtime.errors import UnreadableAudio

H = 0.5**0.5
#: Format and channels → gains of each channel in left and right.
GAINS = {
    ("WAV", 3): [(1, 0), (0, 1), (H, H)],
    ("WAV", 4): [(1, 0), (0, 1), (H, 0), (0, H)],
    ("FLAC", 5): [(1, 0), (0, 1), (H, H), (H, 0), (0, H)],
    ("WAV", 6): [(1, 0), (0, 1), (H, H), (0, 0), (H, 0), (0, H)],
    ("OGG", 6): [(1, 0), (H, H), (0, 1), (H, 0), (0, H), (0, 0)],
    ("WAV", 8): [(1, 0), (0, 1), (H, H), (0, 0), (H, 0), (0, H), (H, 0), (0, H)],
}


@pytest.mark.parametrize(("kind", "channels"), GAINS)
def test_each_channel_goes_where_it_belongs(tmp_path: Path, kind: str, channels: int) -> None:
    path, rate_hz = tmp_path / f"surround.{kind.lower()}", 48_000
    samples = np.zeros((channels * 4800, channels), np.float32)
    for channel in range(channels):  # one after the other
        samples[channel * 4800 : (channel + 1) * 4800, channel] = 0.5 * np.sin(np.arange(4800) * 0.05)
    sf.write(path, samples, rate_hz, format=kind, subtype=None if kind == "OGG" else "PCM_24")
    with pytest.raises(
        UnreadableAudio, match=rf"has {channels} channels\. Export it in stereo, or only two of its channels\.$"
    ):
        decode.probe(path)
    write_stereo(path, tmp_path / "stereo.wav")
    got = decode.read(tmp_path / "stereo.wav")
    expected = samples @ np.array(GAINS[kind, channels])
    middle = np.concatenate([np.arange(at + 1000, at + 3800) for at in range(0, len(samples), 4800)])
    assert np.abs(got - expected)[middle].max() < (0.1 if kind == "OGG" else 1e-6)


def test_the_speakers_of_an_extensible_header_count(tmp_path: Path) -> None:
    path = tmp_path / "quad.wav"
    samples = np.eye(4, dtype=np.float32)
    sf.write(path, samples, 48_000, format="WAVEX", subtype="FLOAT")
    data = bytearray(path.read_bytes())
    data[40:44] = (0x107).to_bytes(4, "little")  # L, R, C, and one surround channel
    path.write_bytes(data)
    assert np.allclose(downmix(path).samples(), [(1, 0), (0, 1), (H, H), (0.5, 0.5)])


def test_mono_and_stereo_stay_as_they_are(tmp_path: Path) -> None:
    for channels in (1, 2):
        samples = np.random.default_rng(0).uniform(-1, 1, (1000, channels)).astype(np.float32)
        sf.write(tmp_path / "a.wav", samples, 44_100, subtype="FLOAT")
        assert np.array_equal(downmix(tmp_path / "a.wav").samples(), samples)


def test_channels_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    sf.write(tmp_path / "many.wav", np.ones((100, 12)), 48_000)
    with pytest.raises(UnreadableAudio, match=r"many\.wav has 12 channels, of which nobody knows"):
        downmix(tmp_path / "many.wav")
