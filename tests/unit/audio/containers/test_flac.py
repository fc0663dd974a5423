"""FLAC: the last whole frame says how long a file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode
from tests.support.audio_files import encode, id3, tune

RATE = 44_100


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return tmp_path / "song.flac"


def with_total(data: bytes, total: int) -> bytes:
    """The same file, but with another length in its header: 36 bits of STREAMINFO."""
    return data[:21] + ((data[21] & 0xF0) << 32 | total).to_bytes(5, "big") + data[26:]


@pytest.mark.parametrize("seconds", [0.05, 2.0])
@pytest.mark.parametrize("total", [0, 1, 2**36 - 1])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_length_in_the_header_that_is_unknown_or_wrong(song: Path, seconds: float, total: int, channels: int) -> None:
    samples = tune(seconds, RATE, channels)
    song.write_bytes(encode(samples, RATE, "FLAC", "PCM_24"))
    expected = decode.read(song)
    song.write_bytes(with_total(song.read_bytes(), total))
    assert decode.probe(song).frames == len(samples)
    assert np.array_equal(decode.read(song), expected)
    assert np.array_equal(decode.read(song, start_frame=1000), expected[1000:])


@pytest.mark.parametrize("part", [0.15, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_was_cut_off_ends_with_its_last_whole_frame(song: Path, part: float, known: bool) -> None:
    samples = tune(3.0, RATE)
    data = encode(samples, RATE, "FLAC", "PCM_16")
    song.write_bytes(data)
    whole = decode.read(song)
    data = data if known else with_total(data, 0)
    song.write_bytes(data[: int(part * len(data))])
    info = decode.probe(song)
    assert info.frames % 4096 == 0
    assert info.duration_s == pytest.approx(part * 3.0, rel=0.2)
    assert info.header_duration_s == (pytest.approx(3.0) if known else None)
    assert np.array_equal(decode.read(song), whole[: info.frames])


def test_files_that_were_joined(song: Path) -> None:
    first, second = (encode(tune(seconds, RATE), RATE, "FLAC", "PCM_16") for seconds in (1.5, 1.0))
    expected = []
    for data in (first, second):
        song.write_bytes(data)
        expected.append(decode.read(song))
    song.write_bytes(first + second)
    assert decode.probe(song).frames == round(2.5 * RATE)
    assert np.array_equal(decode.read(song), np.concatenate(expected))


def test_tags_around_it(song: Path) -> None:
    data = encode(tune(1.0, RATE), RATE, "FLAC", "PCM_16")
    song.write_bytes(id3(500) + data + b"TAG" + bytes(125))
    info = decode.probe(song)
    assert (info.frames, info.header_duration_s, info.format) == (RATE, None, "FLAC")
