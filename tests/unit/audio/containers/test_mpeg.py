"""MP3: the length is that of its frames, whatever is around and between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from acestep_runtime.audio import decode
from acestep_runtime.errors import UnreadableAudio
from tests.support.audio_files import encode, id3, mp3_frames, tune

RATE, SECONDS = 44_100, 3.0
LENGTH = round(SECONDS * RATE)
MODES = {"constant": ("CONSTANT", 0.5), "variable": ("VARIABLE", 0.3)}


def mp3(mode: str = "constant", channels: int = 2, seconds: float = SECONDS) -> bytes:
    bitrate_mode, level = MODES[mode]
    samples = tune(seconds, RATE, channels)
    samples[:8000] += np.random.default_rng(0).uniform(-0.5, 0.5, (8000, channels)).astype(np.float32)
    return encode(samples, RATE, "MP3", "MPEG_LAYER_III", bitrate_mode=bitrate_mode, compression_level=level)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return tmp_path / "song.mp3"


def write(path: Path, data: bytes) -> decode.MediaInfo:
    path.write_bytes(data)
    info = decode.probe(path)
    whole = decode.read(path)
    assert len(whole) == info.frames
    for start, stop in ((0, 1), (1000, info.frames // 2), (info.frames - 5000, info.frames)):
        assert np.array_equal(decode.read(path, start_frame=start, stop_frame=stop), whole[start:stop])
    return info


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 2])
def test_with_an_info_frame_it_is_exactly_as_long_as_what_was_encoded(song: Path, mode: str, channels: int) -> None:
    info = write(song, mp3(mode, channels))
    assert (info.frames, info.header_duration_s, info.faults) == (LENGTH, None, ())
    assert np.array_equal(decode.read(song), sf.read(song, dtype="float32", always_2d=True)[0])


@pytest.mark.parametrize("mode", MODES)
def test_without_an_info_frame_it_is_as_long_as_its_frames(song: Path, mode: str) -> None:
    data = mp3(mode)
    frames = mp3_frames(data)
    song.write_bytes(data)
    known = decode.read(song)
    info = write(song, b"".join(frames[1:]))
    assert (info.frames, info.header_duration_s, info.faults) == (1152 * (len(frames) - 1), None, ())
    # The delays of LAME and of a decoder are not known any more: they are heard as silence.
    delay = int.from_bytes(data[data.find(b"LAME") + 21 :][:2], "big") >> 4
    assert np.array_equal(decode.read(song)[delay + 529 :][: len(known)], known)


@pytest.mark.parametrize("mode", MODES)
def test_joined_files_are_each_as_long_as_they_are(song: Path, mode: str) -> None:
    first, second = mp3(mode), mp3(mode, seconds=2.0)
    song.write_bytes(first)
    expected = [decode.read(song)]
    song.write_bytes(second)
    expected.append(decode.read(song))
    info = write(song, first + second)
    assert (info.frames, info.header_duration_s, info.faults) == (LENGTH + 2 * RATE, None, ())
    assert np.array_equal(decode.read(song), np.concatenate(expected))
    assert write(song, first + b"TAG" + bytes(125) + id3(3000) + second).faults == ()
    assert np.array_equal(decode.read(song), np.concatenate(expected))


def test_joined_files_without_info_frames_lose_nothing(song: Path) -> None:
    frames = mp3_frames(mp3())[1:]
    info = write(song, b"".join(frames) * 2)
    assert info.frames == 2 * 1152 * len(frames)
    with_info = mp3()
    assert write(song, with_info + b"".join(frames)).frames == LENGTH + 1152 * len(frames)


AROUND = {
    "an ID3v2 tag": lambda data: id3(2000) + data,
    "two ID3v2 tags": lambda data: id3(500) + id3(300) + data,
    "an ID3v1 tag": lambda data: data + b"TAG" + bytes(125),
    "an APE tag": lambda data: data + b"APETAGEX" + bytes([0xD0, 7, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0]) + bytes(12),
    "zeros before it": lambda data: bytes(5000) + data,
    "noise before it": lambda data: np.random.default_rng(1).integers(0, 256, 5000, np.uint8).tobytes() + data,
    "a tag in the middle": lambda data: b"".join(
        [*mp3_frames(data)[:50], id3(1000), *mp3_frames(data)[50:]]
    ),
}  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
def test_tags_and_garbage_are_no_sound(song: Path, around: str) -> None:
    data = mp3()
    song.write_bytes(data)
    expected = decode.read(song)
    info = write(song, AROUND[around](data))
    assert (info.frames, info.header_duration_s, info.faults) == (LENGTH, None, ())
    assert np.array_equal(decode.read(song), expected)


def test_garbage_in_the_middle_is_reported(song: Path) -> None:
    frames = mp3_frames(mp3())
    info = write(song, b"".join([*frames[:50], b"\1\2\3\4" * 300, *frames[50:]]))
    assert info.faults == ("holds 1200 bytes at 1.28 s that are not sound; some may be lost there",)


@pytest.mark.parametrize("part", [0.2, 0.33, 0.5, 0.77, 0.99])
def test_a_file_that_was_cut_off_is_reported_by_its_info_frame(song: Path, part: float) -> None:
    data = mp3()
    song.write_bytes(data)
    whole = decode.read(song)
    info = write(song, data[: int(part * len(data))])
    assert info.header_duration_s == pytest.approx(SECONDS)
    assert info.duration_s == pytest.approx(part * SECONDS, abs=0.06)
    assert np.array_equal(decode.read(song), whole[: info.frames])
    without = b"".join(mp3_frames(data)[1:])
    info = write(song, without[: int(part * len(without)) - 7])
    assert info.faults == (f"was cut off: it ends after {info.duration_s:.3f} s, in the middle of a frame",)


def test_joined_files_at_two_rates_are_refused(song: Path) -> None:
    song.write_bytes(mp3() + encode(tune(1.0, 48_000), 48_000, "MP3"))
    with pytest.raises(UnreadableAudio, match=r"song\.mp3 was joined of audio at 44100 Hz and 48000 Hz\. Convert"):
        decode.probe(song)


def test_mono_and_stereo_may_be_joined(song: Path) -> None:
    song.write_bytes(mp3(channels=1))
    mono = decode.read(song)
    song.write_bytes(mp3(channels=1) + mp3())
    assert decode.probe(song).channels == 2
    assert np.array_equal(decode.read(song, stop_frame=LENGTH), np.repeat(mono, 2, axis=1))


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 48_000])
def test_every_rate_of_mpeg(song: Path, rate_hz: int) -> None:
    info = write(song, encode(tune(1.0, rate_hz), rate_hz, "MP3"))
    assert (info.frames, info.sample_rate, info.faults) == (rate_hz, rate_hz, ())
