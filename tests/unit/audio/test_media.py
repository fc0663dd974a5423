"""Media files: what PyAV or ffmpeg decodes, what is refused without them, and what such a program may do."""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from acebridge.paths import TOKEN_VARIABLE
from acestep_runtime.audio import decode, media
from acestep_runtime.errors import UnreadableAudio
from tests.support.audio_files import tune

RATE, FRAMES = 48_000, 96_123
SAMPLES = tune(FRAMES / RATE, RATE)
#: Name → codec and how far samples may be off (RMS): what the codec loses, only rounding for those that lose nothing.
FILES = {"song.m4a": ("aac", 0.02), "song.mov": ("pcm_s16le", 2e-5), "song.webm": ("libopus", 0.02)}


def write(path: Path, codec: str, samples: np.ndarray = SAMPLES, layout: str = "stereo") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        stream.bit_rate = 192_000
        container.start_encoding()
        size = stream.codec_context.frame_size or 4096
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=RATE, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = RATE, 0
        for each in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(each))
    return path


@pytest.mark.parametrize("name", FILES)
def test_the_sound_of_a_media_file_is_read_in_time(tmp_path: Path, name: str) -> None:
    codec, loss = FILES[name]
    path = write(tmp_path / name, codec)
    estimate, info = decode.probe(path), decode.measure(path)
    assert estimate.is_estimate
    assert not info.is_estimate
    assert (info.sample_rate, info.channels, info.faults) == (RATE, 2, ())
    assert FRAMES <= info.frames < FRAMES + 2048  # the last frame of a codec is full
    assert abs(estimate.frames - FRAMES) < 2048
    got = decode.read(path)
    assert np.sqrt(np.mean(np.square(got[2000:90_000] - SAMPLES[2000:90_000]))) < loss
    assert np.array_equal(decode.read(path, start_frame=70_000, stop_frame=80_000), got[70_000:80_000])


def test_a_media_file_that_was_cut_off_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "song.mka", "flac")
    os.truncate(path, path.stat().st_size // 2)
    info = decode.measure(path)
    assert len(info.faults) == 1
    assert "was cut off: its header promises 2.0" in info.faults[0]
    path = write(tmp_path / "song.m4a", "aac")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(
        UnreadableAudio, match=r"song\.m4a is MPEG-4, but no sound in it can be decoded; it may be cut off"
    ):
        decode.probe(path)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableAudio, match="is Matroska or WebM, but no sound in it"):
        decode.probe(path)


def test_without_a_program_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "phone.m4a", "aac")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreadableAudio) as caught:
        decode.probe(path)
    assert caught.value.message == "phone.m4a is MPEG-4, which takes PyAV or ffmpeg to read."
    assert caught.value.remedy.startswith("Convert it to WAV, or install ffmpeg. ")
    assert "media" in caught.value.remedy


# ---- the program ffmpeg, played by a script ----


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for an ffmpeg, which is the only way to read media files."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder / "ffmpeg"


def play(program: Path, lines: str) -> None:
    program.write_text(f"#!{sys.executable}\nimport struct, sys, time\n{lines}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_ffmpeg_gets_no_token(ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN_VARIABLE in media.SECRET_VARIABLES
    for name in media.SECRET_VARIABLES:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OTHER", "kept")
    seen = tmp_path / "seen"
    play(ffmpeg, f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))\n")
    (tmp_path / "song.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(UnreadableAudio):
        decode.probe(tmp_path / "song.m4a")
    assert "secret" not in seen.read_text()
    assert "kept" in seen.read_text()


AU = "out = sys.stdout.buffer; out.write(struct.pack('>4sIIIII', b'.snd', 24, 0xFFFFFFFF, 6, 48000, 2))\n"


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_ffmpeg_opens_one_file_of_a_known_kind(ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    says = "print('Duration: 00:00:00.10, time=00:00:00.10', file=sys.stderr)"
    log = f"open({str(seen)!r}, 'a').write(repr(sys.argv[1:]) + chr(10))"
    play(ffmpeg, f"{log}\n{AU}out.write(struct.pack('>f', 0.5) * 9600)\n{says}")
    monkeypatch.chdir(tmp_path)
    path = Path("-i http:.m4a")
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    assert np.array_equal(decode.read(path), np.full((4800, 2), 0.5, np.float32))
    for line in seen.read_text().splitlines():
        arguments: list[str] = eval(line)
        assert arguments[arguments.index("-i") + 1] == f"file:{tmp_path / path}"
        assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
        assert arguments[arguments.index("-f") + 1] == "mov"
        assert "-nostdin" in arguments


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
@pytest.mark.parametrize(
    ("lines", "limits", "says"),
    [
        ("time.sleep(600)", {"_HEADER_LIMIT_S": 0.5}, "no sound in it can be decoded"),
        (f"{AU}out.flush(); time.sleep(600)", {"_HEADER_LIMIT_S": 0.5}, "takes more than 0 s to decode"),
        (f"{AU}out.write(bytes(8 * 48000 * 2))", {"MAX_S": 1}, "is longer than 0 hours"),
        ("sys.exit(1)", {}, "no sound in it can be decoded"),
    ],
)  # fmt: skip
def test_a_program_that_goes_on_and_on_is_ended(
    ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, limits: dict[str, float], says: str
) -> None:
    for name, limit in limits.items():
        monkeypatch.setattr(media, name, limit)
    play(ffmpeg, lines)
    path = tmp_path / "song.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(UnreadableAudio, match=says):
        decode.measure(path)
