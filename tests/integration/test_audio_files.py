"""Sources of every kind from the command to the result."""

from __future__ import annotations

import numpy as np
import soundfile

from tests.support.audio_files import encode, tune
from tests.support.shell import FAKE, Shell

RATE = 48_000
REGION = ("--start", "0.5", "--end", "1", *FAKE)


def test_more_than_two_channels_are_mixed_down_on_request(shell: Shell) -> None:
    samples = tune(2.0, RATE, 6)
    soundfile.write(shell.folder / "surround.wav", samples, RATE, "FLOAT")
    refused = shell.run("repaint", "surround.wav", *REGION, code=2)
    says = "surround.wav has 6 channels. Export it in stereo, or only two of its channels. --downmix mixes it down."
    assert says in refused.stderr
    shell.run("repaint", "surround.wav", "--downmix", "--by-path", *REGION)
    got, rate_hz = soundfile.read(shell.folder / "surround-repaint.wav", dtype="float32")
    half = np.float32(0.5**0.5)
    left = samples[:20_000, 0] + half * samples[:20_000, 2] + half * samples[:20_000, 4]
    assert (rate_hz, got.shape) == (RATE, (2 * RATE, 2))
    assert np.allclose(got[:20_000, 0], left, atol=1e-6)


def test_joined_and_cut_off_files_are_read_and_reported(shell: Shell) -> None:
    data = encode(tune(3.0, RATE), RATE, "OGG", "OPUS")
    (shell.folder / "radio.ogg").write_bytes(data + data[: len(data) * 3 // 4])
    result = shell.run("repaint", "radio.ogg", *REGION)
    length = soundfile.info(shell.folder / "radio-repaint.wav").duration
    assert 3.5 < length < 6
    assert f"warning: radio.ogg was cut off: it ends after {length:.3f} s, without the mark of an end." in result.stderr
