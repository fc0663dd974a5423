"""Ogg: streams one after the other are all read, and a file without an end is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode
from acestep_runtime.errors import UnreadableAudio
from tests.support.audio_files import encode, tune

RATE = 48_000


@pytest.fixture(params=["VORBIS", "OPUS"])
def ogg(request: pytest.FixtureRequest) -> bytes:
    return encode(tune(8.0, RATE), RATE, "OGG", request.param)


def pages(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        size = 27 + len(lacing) + sum(lacing)
        found.append(data[at : at + size])
        at += size
    return found


def test_chained_streams_are_read_to_the_end(tmp_path: Path, ogg: bytes) -> None:
    path = tmp_path / "radio.ogg"
    path.write_bytes(ogg)
    one = decode.read(path)
    path.write_bytes(ogg * 3)
    info = decode.probe(path)
    assert (info.frames, info.faults) == (3 * len(one), ())
    assert np.array_equal(decode.read(path), np.concatenate([one] * 3))
    over_the_border = decode.read(path, start_frame=len(one) - 10, stop_frame=len(one) + 10)
    assert np.array_equal(over_the_border, np.concatenate([one[-10:], one[:10]]))


@pytest.mark.parametrize("part", [0.4, 0.9])
def test_a_file_without_an_end_is_reported(tmp_path: Path, ogg: bytes, part: float) -> None:
    path = tmp_path / "cut.ogg"
    path.write_bytes(ogg)
    whole = decode.read(path)
    path.write_bytes(ogg[: int(part * len(ogg))])
    info = decode.probe(path)
    assert info.faults == (f"was cut off: it ends after {info.duration_s:.3f} s, without the mark of an end",)
    assert np.array_equal(decode.read(path), whole[: info.frames])
    path.write_bytes(ogg[: int(part * len(ogg))] + ogg)
    info = decode.probe(path)
    assert info.faults == ("was joined of files that were cut off",)
    assert np.array_equal(decode.read(path)[-len(whole) :], whole)


def test_lost_pages_are_reported(tmp_path: Path, ogg: bytes) -> None:
    path = tmp_path / "gap.ogg"
    whole = pages(ogg)
    path.write_bytes(b"".join(whole[:4] + whole[5:]))
    assert "lacks a part in its middle" in decode.probe(path).faults


def test_garbage_between_pages_is_left_out(tmp_path: Path, ogg: bytes) -> None:
    path = tmp_path / "garbage.ogg"
    path.write_bytes(ogg)
    expected, whole = decode.read(path), pages(ogg)
    path.write_bytes(b"".join([*whole[:4], b"garbage" * 700, *whole[4:]]))
    assert decode.probe(path).faults == ()
    assert np.array_equal(decode.read(path), expected)


def test_streams_at_two_rates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.ogg"
    path.write_bytes(b"".join(encode(tune(1.0, rate_hz), rate_hz, "OGG", "VORBIS") for rate_hz in (44_100, RATE)))
    with pytest.raises(UnreadableAudio, match="at 44100 Hz and 48000 Hz"):
        decode.probe(path)
