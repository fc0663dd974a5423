"""WAV and its relatives: sizes that are unknown or wrong, chunks in any order, and files that were cut off or joined."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio import decode, wav
from tests.support.audio_files import chunk, encode, fmt, pcm16, riff, tune

RATE = 48_000
SAMPLES = tune(1.0, RATE)
DATA = pcm16(SAMPLES)
EXPECTED = np.frombuffer(DATA, "<i2").reshape(-1, 2).astype(np.float32) / 32768
EXTENSIBLE = chunk(
    b"fmt ",
    struct.pack("<HHIIHHHHI", 0xFFFE, 2, RATE, 4 * RATE, 4, 16, 22, 16, 3) + bytes.fromhex("0100000000001000800000aa00389b71"),
)  # fmt: skip
NOTE = chunk(b"note", b"abc")


def ds64(data_bytes: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 0, data_bytes, 0, 0))


WHOLE = {
    "plain": riff(fmt() + chunk(b"data", DATA)),
    "size 0": riff(fmt() + chunk(b"data", DATA, 0), size=0),
    "size 0, RIFF stale": riff(fmt() + chunk(b"data", DATA, 0), size=36),
    "size unknown": riff(fmt() + chunk(b"data", DATA, 0xFFFF_FFFF), size=0xFFFF_FFFF),
    "size of arecord": riff(fmt() + chunk(b"data", DATA, 0x8000_0000 - 44)),
    "size of SoX": riff(fmt() + chunk(b"data", DATA, 0x7FFF_F000)),
    "chunks before": riff(NOTE + fmt() + NOTE + chunk(b"data", DATA)),
    "no padding": riff(NOTE[:-1] + fmt() + NOTE[:-1] + chunk(b"data", DATA) + NOTE),
    "data first": riff(chunk(b"data", DATA) + fmt()),
    "chunks after": riff(fmt() + chunk(b"data", DATA) + NOTE + chunk(b"LIST", bytes(100))),
    "padded with zeros": riff(fmt() + chunk(b"data", DATA)) + bytes(4096),
    "BW64, format last": riff(ds64(len(DATA)) + chunk(b"data", DATA, 0xFFFF_FFFF) + fmt(), b"BW64", 0xFFFF_FFFF),
    "extensible": riff(EXTENSIBLE + chunk(b"data", DATA)),
    "RF64": riff(ds64(len(DATA)) + fmt() + chunk(b"data", DATA, 0xFFFF_FFFF), b"RF64", 0xFFFF_FFFF),
    "BW64": riff(ds64(len(DATA)) + fmt() + chunk(b"data", DATA, 0xFFFF_FFFF), b"BW64", 0xFFFF_FFFF),
    "RF64 of unknown size": riff(ds64(0) + fmt() + chunk(b"data", DATA, 0xFFFF_FFFF), b"RF64", 0xFFFF_FFFF),
    "16 bytes too long": riff(fmt() + chunk(b"data", DATA, len(DATA) + 16)),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_all_samples_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(WHOLE[kind])
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s, info.faults) == (RATE, None, ())
    assert np.array_equal(decode.read(path), EXPECTED)
    assert np.array_equal(decode.read(path, start_frame=777, stop_frame=30_000), EXPECTED[777:30_000])


@pytest.mark.parametrize("missing_ms", [0, 5, 9, 11, 500])
def test_only_audible_losses_are_reported(tmp_path: Path, missing_ms: int) -> None:
    path = tmp_path / "song.wav"
    data = WHOLE["plain"]
    path.write_bytes(data[: len(data) - 4 * RATE * missing_ms // 1000])
    info = decode.probe(path)
    assert info.duration_s == 1 - missing_ms / 1000
    assert info.header_duration_s == (None if missing_ms < 10 else 1.0)


def test_joined_files_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(WHOLE["plain"] + WHOLE["chunks before"])
    assert np.array_equal(decode.read(path), np.concatenate([EXPECTED, EXPECTED]))
    path.write_bytes(WHOLE["BW64"] + WHOLE["BW64"])
    assert np.array_equal(decode.read(path), np.concatenate([EXPECTED, EXPECTED]))
    path.write_bytes(WHOLE["plain"] + WHOLE["plain"][:-40_000])
    info = decode.probe(path)
    assert info.frames == 2 * RATE - 10_000
    assert info.faults == ("was cut off in the last of the files that were joined in it",)


def test_joined_aiff_files_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "song.aif"
    one, unpadded = encode(SAMPLES, RATE, "AIFF", "PCM_16"), b"NAME" + struct.pack(">I", 3) + b"abc"
    path.write_bytes(one)
    expected = decode.read(path)
    path.write_bytes(one + one[:12] + unpadded + one[12:])
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s, info.faults) == (2 * RATE, None, ())
    assert np.array_equal(decode.read(path), np.concatenate([expected, expected]))


def test_samples_that_the_header_does_not_know_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(riff(fmt() + chunk(b"data", DATA[: RATE * 2])) + DATA[RATE * 2 :])
    info = decode.probe(path)
    assert info.frames == RATE // 2
    assert info.faults == ("holds 0.50 s more than its header says, which were left out",)


def test_samples_in_a_second_chunk_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(riff(fmt() + chunk(b"data", DATA[: RATE * 2]) + chunk(b"data", DATA[RATE * 2 :])))
    info = decode.probe(path)
    assert info.frames == RATE // 2
    assert info.faults == ("holds 0.50 s in a second data chunk, which were left out",)


def test_more_than_4_gib_in_32_bits(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    frames = 2**30 + 5
    with path.open("wb") as file:  # a hole takes no room
        file.write(wav.header(5, 2, RATE, "pcm16"))
        file.seek(4 * (frames - 1), 1)
        file.write(b"\1\0\2\0")
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s) == (frames, None)
    assert decode.read(path, start_frame=frames - 1).tolist() == [[2.0**-15, 2.0**-14]]


def patch(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def unknown_au(data: bytes) -> bytes:
    return patch(data, 8, b"\xff\xff\xff\xff")


def unknown_caf(data: bytes) -> bytes:
    return patch(data, data.index(b"data") + 4, b"\xff" * 8)


def unknown_aiff(data: bytes) -> bytes:
    return patch(data, data.index(b"SSND") + 4, bytes(4))


@pytest.mark.parametrize(("kind", "make"), [("AU", unknown_au), ("CAF", unknown_caf), ("AIFF", unknown_aiff)])
def test_other_files_of_unknown_length(tmp_path: Path, kind: str, make: object) -> None:
    path = tmp_path / "song"
    data = encode(SAMPLES, RATE, kind, "PCM_24")
    path.write_bytes(data)
    expected = decode.read(path)
    path.write_bytes(make(data))  # type: ignore[operator]
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s) == (RATE, None)
    assert np.array_equal(decode.read(path), expected)


@pytest.mark.parametrize("subtype", ["GSM610", "MS_ADPCM"])
def test_the_padding_of_a_last_block_is_no_music(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(encode(tune(1.0, 8000, 1)[:7777], 8000, "WAV", subtype))
    assert decode.probe(path).frames == 7777
    assert len(decode.read(path)) == 7777
