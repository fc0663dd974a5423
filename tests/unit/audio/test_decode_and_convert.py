import errno
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime import units
from acestep_runtime.audio import convert, decode, wav
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines import fake
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support.signals import noise, sine

RATES = (8_000, 44_100, 48_000, 88_200, 96_000, 192_000)


def write_file(folder: Path, samples: np.ndarray, name: str = "take.wav", rate_hz: int = 48_000, **how: str) -> Path:
    sf.write(folder / name, samples, rate_hz, **how)
    return folder / name


@pytest.mark.parametrize(
    ("name", "subtype", "bits"),
    [("a.wav", "PCM_16", 16), ("a.wav", "PCM_24", 24), ("a.flac", "PCM_16", 16), ("a.aiff", "PCM_24", 24)],
)
def test_integers_are_scaled_exactly(tmp_path: Path, name: str, subtype: str, bits: int) -> None:
    full = 2 ** (bits - 1)
    integers = np.random.default_rng(1).integers(-full, full, (1000, 2), endpoint=False)
    integers[:2] = [[-full, full - 1], [0, -1]]
    path = write_file(tmp_path, (integers << (32 - bits)).astype(np.int32), name, subtype=subtype)
    assert decode.probe(path).subtype == subtype
    got = decode.read(path)
    assert got.dtype == np.float32
    assert np.array_equal(got.astype(np.float64) * full, integers)


def test_probe_reads_the_header(tmp_path: Path) -> None:
    path = write_file(tmp_path, noise(0.5, rate_hz=44_100, channels=1), rate_hz=44_100, subtype="FLOAT")
    assert decode.probe(path) == decode.MediaInfo(44_100, 1, 22_050, "WAV", "FLOAT")
    assert decode.probe(str(path)).duration_s == 0.5


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_a_limit_of_the_system_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write_file(tmp_path, noise(0.01), "a.wav")

    def fail(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        decode.probe(tmp_path / "a.wav")
    assert caught.value.errno == number


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_a_part_equals_that_part_of_the_whole(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path, noise(3.0), name)
    whole = decode.read(path)
    assert len(whole) == decode.probe(path).frames == 144_000
    for start, stop in ((0, 1), (70_000, 140_001), (143_999, 144_000), (500, 500)):
        assert np.array_equal(decode.read(path, start_frame=start, stop_frame=stop), whole[start:stop])
    assert np.array_equal(decode.read(path, start_frame=100_000), whole[100_000:])


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_blocks_are_bounded_and_add_up_to_the_part(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path, noise(1.0), name)
    blocks = list(decode.blocks(path, start_frame=777, stop_frame=40_000, block_frames=4096))
    assert max(len(block) for block in blocks) <= 4096
    whole, _ = sf.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(np.concatenate(blocks), whole[777:40_000])
    assert [len(block) for block in decode.blocks(path, start_frame=5, stop_frame=5)] == [0]


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (6, 5), (0, 11)])
def test_a_part_outside_the_file_is_refused(tmp_path: Path, start: int, stop: int) -> None:
    path = write_file(tmp_path, np.zeros((10, 2), np.float32))
    with pytest.raises(InvalidValue, match="0 to 10"):
        decode.read(path, start_frame=start, stop_frame=stop)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e13, -1e38])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_the_first_sample_that_is_no_sound_is_named(tmp_path: Path, bad: float, subtype: str) -> None:
    samples = noise(2.0)
    samples[90_000, 1] = samples[90_001, 0] = bad
    path = write_file(tmp_path, samples, subtype=subtype)
    with pytest.raises(UnreadableAudio, match=r"take\.wav .* at frame 90000 \(1\.875 s\)"):
        decode.read(path)
    with pytest.raises(UnreadableAudio, match="frame 90000"):
        decode.read(path, start_frame=89_000)
    assert len(decode.read(path, stop_frame=90_000)) == 90_000


def test_a_truncated_wav_has_its_true_length(tmp_path: Path) -> None:
    samples = noise(1.0)
    path = write_file(tmp_path, samples, subtype="FLOAT")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8000])
    assert decode.probe(path).frames == 47_000
    assert np.array_equal(decode.read(path), samples[:47_000])


CHUNKED = [
    ("WAV", "PCM_16", "LITTLE"), ("WAV", "PCM_16", "BIG"), ("WAV", "FLOAT", "FILE"), ("WAV", "ULAW", "FILE"),
    ("WAVEX", "PCM_24", "FILE"), ("RF64", "PCM_16", "FILE"), ("AIFF", "PCM_24", "FILE"), ("AIFF", "FLOAT", "FILE"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "subtype", "endian"), CHUNKED)
def test_a_truncated_file_reports_the_length_in_its_header(
    tmp_path: Path, kind: str, subtype: str, endian: str
) -> None:
    path = tmp_path / "song"
    sf.write(path, noise(2.0), 48_000, format=kind, subtype=subtype, endian=endian)
    assert decode.probe(path).header_duration_s is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    info = decode.probe(path)
    assert info.duration_s < 0.7
    assert info.header_duration_s == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("size", [0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_stream_of_unknown_length_is_not_truncated(tmp_path: Path, size: int) -> None:
    path = tmp_path / "stream.wav"
    head = wav.header(0, 2, 48_000, "pcm16")
    path.write_bytes(head[:-4] + struct.pack("<I", size) + bytes(4 * 48_000))
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s) == (48_000, None)


def test_chunks_around_the_samples_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "chunks.wav"
    head, note = wav.header(4800, 2, 48_000, "pcm16"), b"note" + struct.pack("<I", 3) + b"abc\0"
    path.write_bytes(head[:-8] + note + head[-8:] + bytes(4 * 4800) + note)
    info = decode.probe(path)
    assert (info.frames, info.header_duration_s) == (4800, None)
    path.write_bytes(path.read_bytes()[:-10_000])
    assert decode.probe(path).header_duration_s == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["cut.flac", "cut.mp3"])
def test_a_truncated_compressed_file_is_read_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path, noise(4.0), name)
    whole = decode.read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    info = decode.probe(path)
    assert 1.8 < info.duration_s < 2.1
    assert info.header_duration_s == pytest.approx(4.0, abs=1e-6)
    assert np.array_equal(decode.read(path), whole[: info.frames])


def test_a_file_that_is_damaged_in_the_middle_is_refused_there(tmp_path: Path) -> None:
    path = write_file(tmp_path, noise(4.0), "hole.flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50_000] = bytes(50_000)
    path.write_bytes(data)
    with pytest.raises(UnreadableAudio, match=r"hole\.flac cannot be read beyond about [12]\.\d s, .* 4\.0 s long"):
        decode.read(path)


def probe_error(path: Path, **how: str) -> UnreadableAudio:
    with pytest.raises(UnreadableAudio) as caught:
        decode.probe(path, **how)
    with pytest.raises(UnreadableAudio) as again:
        decode.read(path, **how)
    assert str(again.value) == str(caught.value)
    error = caught.value
    assert error.field == how.get("field", "source")
    assert "WAV, FLAC, AIFF, OGG" in error.allowed
    assert error.remedy
    assert error.message.endswith(".")
    assert ". " not in error.message
    return error


def test_files_that_are_not_audio_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("Dear diary")
    assert probe_error(text).message.startswith("notes.wav is not audio")
    (tmp_path / "empty.wav").touch()
    assert "empty.wav is not audio" in str(probe_error(tmp_path / "empty.wav"))
    (tmp_path / "a.raw").write_bytes(bytes(64))
    assert "a.raw is raw audio" in str(probe_error(tmp_path / "a.raw"))


def test_missing_paths_are_refused(tmp_path: Path) -> None:
    assert "gone.wav does not exist" in str(probe_error(tmp_path / "gone.wav"))
    assert "is not a file" in str(probe_error(tmp_path))
    assert "cannot be opened" in str(probe_error(tmp_path / "nul\0.wav"))
    assert "cannot be opened (" in str(probe_error(tmp_path / ("x" * 300 + ".wav")))
    assert len(probe_error(tmp_path / ("x" * 300 + ".wav")).message) < 200
    if hasattr(os, "mkfifo"):  # opening one would wait for ever
        os.mkfifo(tmp_path / "pipe.wav")
        assert "is not a file" in str(probe_error(tmp_path / "pipe.wav"))


def test_the_shown_name_can_be_chosen_and_is_printable(tmp_path: Path) -> None:
    path = tmp_path / "3b5d5c3712955042212316173ccf37be"
    path.write_text("no")
    error = probe_error(path, field="reference", name="Drums.wav")
    assert error.message.startswith("Drums.wav is not")
    assert error.value == "'Drums.wav'"
    odd = probe_error(tmp_path / os.fsdecode(b"gr\xfcn\n.wav"))
    assert str(odd).encode()
    assert str(odd).isprintable()


def test_odd_files_are_refused(tmp_path: Path) -> None:
    surround = write_file(tmp_path, np.zeros((10, 6), np.float32), "surround.wav")
    assert probe_error(surround).message == "surround.wav has 6 channels."
    slow = write_file(tmp_path, np.zeros((10, 2), np.float32), "slow.wav", rate_hz=4_000)
    assert "slow.wav has a sample rate of 4000 Hz" in str(probe_error(slow))
    fast = write_file(tmp_path, np.zeros((10, 2), np.float32), "fast.wav", rate_hz=768_000)
    assert "8 to 384 kHz" in str(probe_error(fast))
    void = write_file(tmp_path, np.zeros((0, 2), np.float32), "void.wav")
    assert "void.wav holds no audio" in str(probe_error(void))


@pytest.mark.parametrize("count", [0, 100, 2**36 - 1])
def test_a_wrong_length_in_the_header_of_flac_does_not_matter(tmp_path: Path, count: int) -> None:
    path = write_file(tmp_path, noise(0.1), "stream.flac")
    whole, data = decode.read(path), bytearray(path.read_bytes())
    data[21:26] = ((data[21] & 0xF0) << 32 | count).to_bytes(5, "big")  # STREAMINFO: 36 bits, number of samples
    path.write_bytes(data)
    assert decode.probe(path).header_duration_s is None
    assert np.array_equal(decode.read(path), whole)


@settings(deadline=None, max_examples=40)
@given(
    frames=st.integers(0, 3000),
    channels=st.sampled_from((1, 2)),
    from_hz=st.sampled_from(RATES),
    to_hz=st.sampled_from(RATES),
    block=st.integers(1, 700),
)
def test_resampled_lengths_are_exact_and_blocks_equal_the_whole(
    frames: int, channels: int, from_hz: int, to_hz: int, block: int
) -> None:
    samples = noise(frames / 48_000, channels=channels)
    out = convert.resample(samples, from_hz, to_hz)
    assert out.dtype == np.float32
    assert out.shape == (units.frames_to_frames(frames, from_hz, to_hz), channels)
    assert np.isfinite(out).all()
    stream = convert.StreamResampler(from_hz, to_hz, channels, len(out))
    parts = [stream.push(samples[at : at + block]) for at in range(0, frames, block)]
    parts.append(stream.push(np.zeros((0, channels), np.float32), last=True))
    assert np.array_equal(np.concatenate(parts), out)


def test_resampling_keeps_the_signal_and_its_timing() -> None:
    got = convert.resample(sine(1000, 1.0, rate_hz=44_100), 44_100, 48_000)
    inside = slice(2400, -2400)  # the edges ring
    assert np.abs(got - sine(1000, 1.0))[inside].max() < 1e-5


def test_resampling_to_a_given_length_pads_or_trims() -> None:
    samples = noise(0.1)
    natural = convert.resample(samples, 48_000, 44_100)
    longer = convert.resample(samples, 48_000, 44_100, frames=len(natural) + 3)
    assert np.array_equal(longer[:-3], natural)
    assert not longer[-3:].any()
    assert np.array_equal(convert.resample(samples, 48_000, 44_100, frames=100), natural[:100])
    stream = convert.StreamResampler(48_000, 44_100, 2, len(natural) + 3)
    assert np.array_equal(stream.push(samples, last=True), longer)
    stream = convert.StreamResampler(48_000, 44_100, 2, 100)
    assert np.array_equal(np.concatenate([stream.push(samples), stream.push(samples[:0], last=True)]), natural[:100])


def test_equal_rates_return_the_same_array() -> None:
    samples = noise(0.1)
    assert convert.resample(samples, 48_000, 48_000) is samples
    assert convert.resample(samples, 48_000, 48_000, frames=len(samples)) is samples
    assert convert.to_channels(samples, 2) is samples


def test_channels() -> None:
    mono = noise(0.1, channels=1)
    stereo = convert.to_channels(mono, 2)
    assert np.array_equal(stereo, np.hstack([mono, mono]))
    assert np.array_equal(convert.to_channels(stereo, 1), mono)
    wide = np.array([[1.0, 0.0], [0.5, -0.5]], np.float32)
    assert convert.to_channels(wide, 1).tolist() == [[0.5], [0.0]]
    with pytest.raises(ValueError, match="3 channels"):
        convert.to_channels(np.zeros((1, 3), np.float32), 2)


def test_engines_use_the_same_type_and_imports_stay_light() -> None:
    assert fake.Samples is Samples
    code = """
import sys
import acestep_runtime.audio.decode, acestep_runtime.audio.convert
print(sorted({'soundfile', 'soxr', 'scipy'} & set(sys.modules)))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are text here")
def test_a_file_whose_name_is_not_text_is_read(tmp_path: Path) -> None:
    samples = noise(0.1)
    path = write_file(tmp_path, samples, "a.wav", subtype="FLOAT").rename(tmp_path / os.fsdecode(b"by\xff\xfe.wav"))
    assert np.array_equal(decode.read(path), samples)
    path.write_bytes(b"text")
    assert str(probe_error(path)).startswith("by\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.wav is not audio")
