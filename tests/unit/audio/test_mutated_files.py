"""Damaged audio files: each is read, or refused with a sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import soundfile as sf

from acestep_runtime.audio import decode
from acestep_runtime.errors import InvalidValue
from tests.support.signals import noise
from tests.support.tiers import Rounds

KINDS = {"a.wav": "PCM_16", "b.wav": "FLOAT", "a.flac": "PCM_24", "a.aiff": "PCM_16", "a.ogg": "VORBIS", "a.mp3": None}
#: Where the header is: damage there does most.
HEADER_BYTES = 128


@pytest.mark.campaign("faults")
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, rounds: Rounds) -> None:
    chance, files = random.Random(10_000), []
    for name, subtype in KINDS.items():
        sf.write(tmp_path / name, noise(0.1, channels=2), 48_000, subtype=subtype)
        files.append((name, (tmp_path / name).read_bytes()))
    refused = 0
    for number in rounds(10 * len(files), 10_000):
        name, data = files[number % len(files)]
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(min(len(damaged), HEADER_BYTES) if chance.random() < 0.7 else len(damaged))
            damaged[at : at + chance.randint(1, 4)] = chance.randbytes(chance.randint(1, 4))
        if chance.random() < 0.3:
            del damaged[chance.randrange(len(damaged)) :]
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(damaged)
        try:
            info = decode.probe(path)
            for block in decode.blocks(path, stop_frame=min(info.frames, 10_000)):
                assert block.shape[1] == info.channels
        except InvalidValue as error:
            refused += 1
            assert error.message.endswith(".")  # noqa: PT017
    assert refused
