"""Outputs that arrive in any pieces, some of them twice, become the file that was made there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.forwarding.outputs import AudioMismatch, Outputs
from acebridge.v1 import audio_pb2
from acestep_runtime.audio import wav

FRAMES, CHANNELS = 50, 2
SAMPLES = np.random.default_rng(1).uniform(-1, 1, (FRAMES, CHANNELS)).astype(np.float32)
HEADER = audio_pb2.AudioHeader(
    output=1, take=1, role="mix", sample_rate=48_000, channels=CHANNELS, encoding="ENCODING_FLOAT32", frames=FRAMES
)
DATA = wav.encode(SAMPLES, "float32")
FILE = wav.header(FRAMES, CHANNELS, 48_000, "float32") + DATA + wav.trailer(FRAMES, CHANNELS, "float32")
FRAME_BYTES = 4 * CHANNELS


def piece(start: int, stop: int, data: bytes = DATA) -> audio_pb2.AudioChunk:
    return audio_pb2.AudioChunk(output=1, offset_frames=start, data=data[start * FRAME_BYTES : stop * FRAME_BYTES])


@given(
    cuts=st.lists(st.integers(0, FRAMES), max_size=6),
    goes_back=st.lists(st.integers(0, FRAMES), min_size=7, max_size=7),
)
def test_what_comes_twice_is_written_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], goes_back: list[int]
) -> None:
    """Each piece may begin anywhere before the end of those before it, as after a line that was reset."""
    folder = tmp_path_factory.mktemp("spool")
    outputs = Outputs(folder / "job", [])
    assert outputs.begin(HEADER)
    added_frames = []
    ends = [*sorted(cuts), FRAMES]
    for end, back, before in zip(ends, goes_back, [0, *ends], strict=False):
        assert not outputs.begin(HEADER)
        if (added := outputs.add(piece(max(before - back, 0), end))) is not None:
            added_frames.append((added["offset_frames"], added["frames"]))
    at = 0
    for offset, count in added_frames:  # they follow each other without a gap
        assert offset == at
        assert count > 0
        at += count
    assert at == FRAMES
    assert outputs.finish(1, hashlib.sha256(FILE).hexdigest()) == "float32"
    assert (folder / "job" / "0.wav").read_bytes() == FILE
    assert not outputs.begin(HEADER)  # made again there: it is whole here
    assert outputs.add(piece(0, 10)) is None


def test_what_differs_is_not_joined(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, [])
    outputs.begin(HEADER)
    outputs.add(piece(0, 20))
    other = bytes(len(DATA))
    for chunk, says in (
        (piece(30, 40), "frames 20 to 30 of output 1 are missing"),
        (piece(10, 40, other), "the frames from 10 of output 1 are others now"),
    ):
        with pytest.raises(AudioMismatch, match=says):
            outputs.add(chunk)
    changed = audio_pb2.AudioHeader()
    changed.CopyFrom(HEADER)
    changed.chunks = b"LIST"
    with pytest.raises(AudioMismatch, match="output 1 has another header now"):
        outputs.begin(changed)
    outputs.add(piece(20, FRAMES))
    with pytest.raises(AudioMismatch, match="output 1 has the hash"):
        outputs.finish(1, "ab" * 32)
    outputs.close()


def test_takes_of_an_earlier_attempt_are_not_written_again(tmp_path: Path) -> None:
    stored = {"output": 0, "take": 0, "role": "mix", "asset_id": "ab" * 32}
    outputs = Outputs(tmp_path, [{"take": 0, "seed": 1, "facts": {}, "outputs": [stored]}])  # type: ignore[typeddict-item]
    assert not outputs.begin(HEADER)
    assert outputs.add(piece(0, 10)) is None
    assert not list(tmp_path.iterdir())
