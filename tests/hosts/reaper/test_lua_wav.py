"""wav.lua: libsndfile reads back what went in, bit for bit, and a full disk is a sentence."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves


def write(path: Path, rate_hz: float, audio: np.ndarray, steps: list[int]) -> Any:
    """Write frames ``[N, C]`` in pieces of ``steps`` frames (the last one again and again); what ``close`` answers."""
    leaves = Leaves()
    writer = leaves["shared/wav"].create(str(path).encode(), rate_hz, audio.shape[1])
    at = 0
    for step in [*steps, *[steps[-1]] * len(audio)]:
        piece = audio[at : at + step].ravel()
        # A table may be longer than what is to be written of it.
        values = leaves.lua.table_from([*piece.tolist(), 9.0])
        assert writer[b"add"](writer, values, len(piece)) is True
        at += step
        if at >= len(audio):
            break
    return writer[b"close"](writer)


@given(
    frames=st.sampled_from([0, 1, 2, 3, 511, 512, 513, 1023, 1024, 1025, 5000]),
    channels=st.sampled_from([1, 2, 3, 6]),
    rate=st.sampled_from([8000, 44100, 48000, 192000]),
    steps=st.lists(st.sampled_from([1000, 1023, 1024, 2048, 4096]), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=30)
def test_every_sample_comes_back(
    tmp_path_factory: pytest.TempPathFactory, frames: int, channels: int, rate: int, steps: list[int], seed: int
) -> None:
    path = tmp_path_factory.mktemp("wav") / "소리 1.wav"
    audio = np.random.default_rng(seed).standard_normal((frames, channels)).astype(np.float32)
    assert write(path, rate, audio, steps) == frames
    read, found_rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert found_rate == rate
    assert np.array_equal(read.view(np.uint32), audio.view(np.uint32))
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels) == ("WAV", "FLOAT", channels)


def test_extreme_values_are_kept(tmp_path: Path) -> None:
    tiny, huge = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
    audio = np.array([[0.0], [-0.0], [tiny], [-tiny], [huge], [-huge], [1.0], [-1.5]], np.float32)
    assert write(tmp_path / "a.wav", 44100, audio, [8]) == 8
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert np.array_equal(read.view(np.uint32), audio.view(np.uint32))


def test_doubles_are_rounded_to_the_nearest_float(tmp_path: Path) -> None:
    doubles = np.random.default_rng(1).standard_normal((4000, 1))
    write(tmp_path / "a.wav", 44100, doubles, [4000])
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert np.array_equal(read, doubles.astype(np.float32))


def test_the_header_names_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert write(path, 44100.0, np.zeros((7, 2), np.float32), [7]) == 7
    raw = path.read_bytes()
    assert struct.unpack("<4sI4s", raw[:12]) == (b"RIFF", len(raw) - 8, b"WAVE")
    assert struct.unpack("<4sIHHIIHHH", raw[12:38]) == (b"fmt ", 18, 3, 2, 44100, 352800, 8, 32, 0)
    assert struct.unpack("<4sII", raw[38:50]) == (b"fact", 4, 7)
    assert struct.unpack("<4sI", raw[50:58]) == (b"data", 56)
    assert len(raw) == 58 + 56


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "full.wav"
    path.symlink_to("/dev/full")
    leaves = Leaves()
    writer = leaves["shared/wav"].create(str(path).encode(), 44100, 2)
    values = leaves.lua.table_from([0.5] * 8192)
    answers = [writer[b"add"](writer, values, 8192) for _ in range(20)]
    assert answers[-1][0] is None  # the buffer has gone out by then
    frames, why = writer[b"close"](writer)
    assert frames is None
    assert why.decode() == f'"{path}" cannot be written: No space left on device'
    assert writer[b"add"](writer, values, 8192)[1] == why
    assert writer[b"close"](writer) == (None, why)


def test_a_disk_that_fills_up_with_the_last_samples_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "full.wav"
    path.symlink_to("/dev/full")
    leaves = Leaves()
    writer = leaves["shared/wav"].create(str(path).encode(), 44100, 1)
    assert writer[b"add"](writer, leaves.lua.table_from([0.5]), 1) is True  # still in the buffer
    assert writer[b"close"](writer)[0] is None


def test_a_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    writer, why = Leaves()["shared/wav"].create(str(tmp_path / "no" / "a.wav").encode(), 44100, 2)
    assert writer is None
    assert why.decode().endswith("No such file or directory")


def test_closing_twice_says_the_same(tmp_path: Path) -> None:
    leaves = Leaves()
    writer = leaves["shared/wav"].create(str(tmp_path / "a.wav").encode(), 44100, 2)
    writer[b"add"](writer, leaves.lua.table_from([0.0] * 6), 6)
    assert (writer[b"close"](writer), writer[b"close"](writer)) == (3, 3)
    assert writer[b"add"](writer, leaves.lua.table_from([0.0]), 1)[0] is None


def test_more_than_a_wav_file_holds_is_refused(tmp_path: Path) -> None:
    leaves = Leaves()
    writer = leaves["shared/wav"].create(str(tmp_path / "a.wav").encode(), 192000, 2)
    answer, why = writer[b"add"](writer, leaves.lua.table(), 2**30)
    assert answer is None
    assert b"at most 4 GiB" in why


def test_without_access_to_files_it_says_so() -> None:
    writer, why = Leaves(unavailable=("io", "os"))["shared/wav"].create(b"/tmp/a.wav", 44100, 2)
    assert writer is None
    assert b"full permissions" in why


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "PCM_16"])
@pytest.mark.parametrize(("frames", "channels"), [(0, 2), (1, 1), (4_801, 2), (333, 6)])
def test_the_frames_of_a_file_are_read_from_its_header(
    tmp_path: Path, subtype: str, frames: int, channels: int
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((frames, channels)), 44_100, subtype=subtype)
    data = path.read_bytes()
    assert Leaves()["shared/wav"].frames(str(path).encode()) == frames
    extra = b"bext" + struct.pack("<I", 3) + b"abc\0"  # a chunk of odd length before the others
    path.write_bytes(data[:12] + extra + data[12:])
    assert Leaves()["shared/wav"].frames(str(path).encode()) == frames


def test_what_is_no_wav_file_has_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for content in (b"", b"RIFF", b"OggS" * 20, b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt "):
        path.write_bytes(content)
        assert Leaves()["shared/wav"].frames(str(path).encode())[0] is None
