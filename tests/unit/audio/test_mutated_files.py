"""Damaged audio files: each is read, or refused with a sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from acestep_runtime.audio import decode
from acestep_runtime.errors import InvalidValue
from tests.support import fuzz
from tests.support.tiers import Rounds


@pytest.mark.campaign("faults")
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, rounds: Rounds) -> None:
    chance, files = random.Random(10_000), list(fuzz.make_audio(tmp_path).items())
    refused = 0
    for number in rounds(4 * len(files), 10_000):
        name, data = files[number % len(files)]
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(fuzz.damage_audio(data, chance))
        try:
            info = decode.probe(path)
            for block in decode.blocks(path, stop_frame=min(info.frames, 10_000)):
                assert block.shape[1] == info.channels
        except InvalidValue as error:
            refused += 1
            assert error.message.endswith(".")  # noqa: PT017
    assert refused
