import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio import decode, wav
from acestep_runtime.errors import InvalidValue
from tests.support.signals import SUBTYPES, decode_chunk, noise


def whole_file(samples: np.ndarray, rate_hz: int, encoding: str) -> bytes:
    frames, channels = samples.shape
    return (
        wav.header(frames, channels, rate_hz, encoding)
        + wav.encode(samples, encoding)
        + wav.trailer(frames, channels, encoding)
    )


@settings(deadline=None, max_examples=60)
@given(
    frames=st.integers(1, 500),
    channels=st.sampled_from((1, 2)),
    rate_hz=st.sampled_from((44_100, 48_000, 88_200, 96_000)),
    encoding=st.sampled_from(tuple(SUBTYPES)),
    seed=st.integers(0, 99),
)
def test_libsndfile_reads_what_was_written(frames: int, channels: int, rate_hz: int, encoding: str, seed: int) -> None:
    samples = noise(frames / 48_000, channels=channels, rms=0.5, seed=seed)
    data = whole_file(samples, rate_hz, encoding)
    info = sf.info(io.BytesIO(data))
    assert (info.frames, info.channels, info.samplerate) == (frames, channels, rate_hz)
    assert (info.format, info.subtype) == ("WAV", SUBTYPES[encoding])
    read, _ = sf.read(io.BytesIO(data), dtype="float32", always_2d=True)
    offset = wav.data_offset(frames, channels, rate_hz, encoding)
    size = frames * channels * wav.ENCODINGS[encoding].sample_bytes
    assert np.array_equal(decode_chunk(data[offset : offset + size], encoding, channels), read)
    assert len(data) % 2 == 0
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    if encoding == "float32":
        assert np.array_equal(read, samples)
    else:
        step = 2.0 ** (1 - int(encoding[3:]))
        assert np.abs(read - np.clip(samples, -1, 1 - step)).max() <= step / 2


@pytest.mark.parametrize("encoding", ["pcm16", "pcm24"])
def test_integers_survive_reading_and_writing(tmp_path: Path, encoding: str) -> None:
    bits = int(encoding[3:])
    full = 2 ** (bits - 1)
    integers = np.random.default_rng(2).integers(-full, full, (5000, 2))
    integers[:2] = [[-full, full - 1], [-1, 0]]
    sf.write(tmp_path / "in.wav", (integers << (32 - bits)).astype(np.int32), 48_000, subtype=SUBTYPES[encoding])
    wav.write(tmp_path / "out.wav", decode.read(tmp_path / "in.wav"), 48_000, encoding)
    got, _ = sf.read(tmp_path / "out.wav", dtype="int32")
    assert np.array_equal(got >> (32 - bits), integers)


@pytest.mark.parametrize(("encoding", "bits"), [("pcm16", 16), ("pcm24", 24)])
def test_rounding_is_half_to_even_and_clips(encoding: str, bits: int) -> None:
    full = 2.0 ** (bits - 1)
    steps = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 2 * full, -2 * full, full, -full])
    got = decode_chunk(wav.encode((steps / full).astype(np.float32)[:, None], encoding), encoding, 1)[:, 0] * full
    assert got.tolist() == [0, 2, 2, 0, -2, 0, full - 1, -full, full - 1, -full]


def test_float_keeps_every_bit() -> None:
    odd = np.array([[np.float32(-0.0)], [1e-45], [3e38], [1.5], [-7.0]], np.float32)
    assert decode_chunk(wav.encode(odd, "float32"), "float32", 1).tobytes() == odd.tobytes()
    assert np.array_equal(sf.read(io.BytesIO(whole_file(odd, 48_000, "float32")), dtype="float32")[0], odd[:, 0])


def test_equal_samples_give_equal_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(0.2)
    wav.write(tmp_path / "a.wav", samples, 48_000)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    wav.write(tmp_path / "b.wav", samples[::1], 48_000)
    wav.write(tmp_path / "c.wav", np.asfortranarray(samples), 48_000)
    data = (tmp_path / "a.wav").read_bytes()
    assert b"PEAK" not in data[:200]
    assert data == (tmp_path / "b.wav").read_bytes() == (tmp_path / "c.wav").read_bytes()
    assert data == whole_file(samples, 48_000, "float32")


@pytest.mark.parametrize("encoding", list(SUBTYPES))
def test_beyond_4_gib_the_file_is_rf64(tmp_path: Path, encoding: str) -> None:
    width = wav.ENCODINGS[encoding].sample_bytes
    frames = 2**32 // (2 * width) + 1_000
    offset = wav.data_offset(frames, 2, 48_000, encoding)
    last = np.array([[0.5, -0.25]], np.float32)
    path = tmp_path / "long.wav"
    with path.open("wb") as file:  # sparse: the zeros take no room on disk
        file.write(wav.header(frames, 2, 48_000, encoding))
        file.seek(offset + (frames - 1) * 2 * width)
        file.write(wav.encode(last, encoding) + wav.trailer(frames, 2, encoding))
    info = sf.info(path)
    assert (info.frames, info.format, info.subtype) == (frames, "RF64", SUBTYPES[encoding])
    assert decode.read(path, start_frame=frames - 1).tolist() == last.tolist()
    path.unlink()


def test_the_change_to_rf64_comes_at_the_last_size_that_fits() -> None:
    overhead = len(wav.header(0, 1, 48_000, "pcm16")) - 8
    fits = (2**32 - 1 - overhead) // 2
    assert wav.header(fits, 1, 48_000, "pcm16")[:4] == b"RIFF"
    assert wav.header(fits + 1, 1, 48_000, "pcm16")[:4] == b"RF64"


@pytest.mark.parametrize("channels", [1, 2])  # an odd number of bytes, with 24 bits, and an even one
def test_blocks_give_the_same_file(tmp_path: Path, channels: int) -> None:
    samples = noise(2.0, channels=channels)[:70_001]
    for encoding in SUBTYPES:
        cuts = np.split(samples, [0, 1, 500, 67_000])
        wav.write_blocks(tmp_path / "blocks.wav", iter(cuts), len(samples), channels, 48_000, encoding)
        assert (tmp_path / "blocks.wav").read_bytes() == whole_file(samples, 48_000, encoding)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="hold 5 frames, not 6"):
        wav.write_blocks(path, [np.zeros((5, 2), np.float32)], 6, 2, 48_000)
    with pytest.raises(ValueError, match="has 1 channels, not 2"):
        wav.write_blocks(path, [np.zeros((6, 1), np.float32)], 6, 2, 48_000)
    with pytest.raises(InvalidValue, match="float32, pcm24, pcm16"):
        wav.write(path, np.zeros((6, 1), np.float32), 48_000, "mp3")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        wav.write(tmp_path / "no" / "take.wav", np.zeros((6, 1), np.float32), 48_000)
