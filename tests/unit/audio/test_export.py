import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from tinytag import TinyTag

from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.export import export
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.audio.tags.positions import TimeLine
from acestep_runtime.audio.tags.result import Maker, SourceTags
from tests.support import wave_chunks as made
from tests.support.signals import noise

RECIPE = '{"lyrics":"\\u3042","recipe":1}'


def result(path: Path, samples: np.ndarray, rate: int = 48_000, encoding: str = "float32", **chunks: bytes) -> Path:
    """A result as the daemon stores it, of a source with chunks."""
    others = [made.chunk(name.encode().ljust(4), body) for name, body in chunks.items()]
    source = path.with_name("source.wav")
    source.write_bytes(made.pcm16_file(samples, *others, rate=rate))
    line = TimeLine(rate, len(samples), 0, rate, 0, len(samples))
    more = SourceTags.read(source).chunks_for(line, encoding, Maker("AceBridge 1", "cover", RECIPE)).data
    wav.write_blocks(path, [samples], len(samples), samples.shape[1], rate, encoding, more)
    return path


def shift_of(sound: np.ndarray, source: np.ndarray) -> int:
    """By how many frames a sound is late, by cross-correlation."""
    a, b = sound[:, 0].astype("f8"), source[:, 0].astype("f8")
    size = 1 << (len(a) + len(b)).bit_length()
    found = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    peak = int(np.argmax(found))
    return peak if peak < size // 2 else peak - size


def decode_with_ffmpeg(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
        is_planar = file.streams.audio[0].format.is_planar
    return np.concatenate([frame.T if is_planar else frame.reshape(-1, 2) for frame in frames])


def smooth_noise(seconds: float, rate: int) -> np.ndarray:
    """Noise below 4 kHz, which every codec holds."""
    samples = noise(seconds, rate_hz=rate)
    spectrum = np.fft.rfft(samples, axis=0)
    spectrum[int(4_000 * len(samples) / rate) :] = 0
    return np.fft.irfft(spectrum, len(samples), axis=0).astype(np.float32)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "mp3"])
@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_the_music_is_as_long_and_where_it_was(tmp_path: Path, suffix: str, rate: int) -> None:
    samples = smooth_noise(1.5003, rate)
    path = tmp_path / f"out.{suffix}"
    said = export(result(tmp_path / "r.wav", samples, rate), path)
    written = 48_000 if suffix == "opus" else rate
    info = decode.measure(path)
    assert info.sample_rate == written
    assert info.frames == round(len(samples) * written / rate)
    assert said == (() if written == rate else ("out.opus has 48000 Hz: opus holds no 44100 Hz.",))
    sound = decode.read(path)
    if written == rate:
        assert shift_of(sound, samples) == 0
        error = np.sqrt(np.mean(np.square(sound - samples)))
        assert error < 0.03 * (suffix != "flac") + 2**-22
    other = decode_with_ffmpeg(path)
    assert abs(shift_of(other / max(1, np.abs(other).max()), sound)) == 0


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "mp3"])
def test_names_and_recipe_are_read_by_others(tmp_path: Path, suffix: str) -> None:
    info = (
        b"INFO"
        + made.chunk(b"INAM", "Sång".encode() + b"\0")
        + made.chunk(b"IART", b"Me\0")
        + made.chunk(b"ICMT", b"mine\0")
    )
    source = result(tmp_path / "r.wav", noise(0.2), LIST=info, bext=made.bext(4_800))
    path = tmp_path / f"out.{suffix}"
    assert export(source, path) == ()
    tag = TinyTag.get(path)
    assert (tag.title, tag.artist, tag.comment) == ("Sång", "Me", "mine")
    assert tag.other["acebridge_recipe"] == [RECIPE]
    assert tag.other["time_reference"] == ["4800"]
    with av.open(str(path)) as file:
        found = {k.lower(): v for k, v in {**file.metadata, **file.streams.audio[0].metadata}.items()}
    assert (found["title"], found["artist"]) == ("Sång", "Me")
    assert found["acebridge_recipe"] == RECIPE
    with sf.SoundFile(path) as file:
        assert (file.title, file.artist) == ("Sång", "Me")
    facts, recipe = describe_file(path)
    assert recipe == RECIPE
    assert facts["tags"] == {"title": "Sång", "artist": "Me", "comment": "mine", "software": "AceBridge 1"}


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_place_and_markers_come_back_from_other_formats(tmp_path: Path, suffix: str) -> None:
    source = result(
        tmp_path / "r.wav",
        noise(1.0),
        bext=made.bext(4_800),
        LIST=made.labels({1: b"verse"}),
        **{"cue ": made.cue(24_000)},
    )
    export(source, tmp_path / f"out.{suffix}")
    line = TimeLine(48_000, 48_000, 0, 48_000, 0, 48_000)
    found = SourceTags.read(tmp_path / f"out.{suffix}").chunks_for(line, "float32", Maker())
    file = wav.header(0, 2, 48_000, "float32", found.data)
    chunks = dict(reversed(made.read_chunks(file)))
    assert chunks[b"cue "] == made.cue(24_000)
    assert chunks[b"LIST"] == made.labels({1: b"verse"})
    assert chunks[b"bext"][:338] == made.bext(4_800)[:288] + bytes(50)
    assert struct.unpack_from("<Q", chunks[b"bext"], 338) == (4_800,)


def test_markers_become_chapters(tmp_path: Path) -> None:
    source = result(
        tmp_path / "r.wav", noise(1.0), **{"cue ": made.cue(24_000, 4_800), "LIST": made.labels({1: b"verse"})}
    )
    for suffix in ("flac", "ogg"):
        export(source, tmp_path / f"out.{suffix}")
        with av.open(str(tmp_path / f"out.{suffix}")) as file:
            chapters = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in file.chapters()]
        assert chapters == [(0.1, "Marker 2"), (0.5, "verse")]
    assert export(source, tmp_path / "out.mp3") == ("out.mp3 holds no markers: mp3 has no place for them.",)


@pytest.mark.parametrize(("bits", "subtype"), [(0, "PCM_24"), (24, "PCM_24"), (16, "PCM_16")])
def test_bits_of_flac(tmp_path: Path, bits: int, subtype: str) -> None:
    samples = noise(0.2, rms=0.1)
    export(result(tmp_path / "r.wav", samples), tmp_path / "out.flac", bits)
    assert sf.info(tmp_path / "out.flac").subtype == subtype
    error = np.abs(decode.read(tmp_path / "out.flac") - samples).max()
    assert error <= 1.51 * 2.0 ** (1 - int(subtype[4:]))


def test_integers_come_back_as_they_were(tmp_path: Path) -> None:
    samples = np.rint(noise(0.2, rms=0.1) * 32768).astype(np.float32) / 32768
    export(result(tmp_path / "r.wav", samples, encoding="pcm16"), tmp_path / "out.flac")
    assert sf.info(tmp_path / "out.flac").subtype == "PCM_16"
    assert np.array_equal(decode.read(tmp_path / "out.flac"), samples)
    export(result(tmp_path / "r.wav", samples), tmp_path / "out.flac")
    assert np.array_equal(decode.read(tmp_path / "out.flac"), samples)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_clipping_is_said(tmp_path: Path, suffix: str) -> None:
    samples = noise(0.2, channels=1, rms=0.1)
    samples[100] = 1.5
    (said,) = export(result(tmp_path / "r.wav", samples), tmp_path / f"out.{suffix}")
    assert said == (
        f"out.{suffix} is clipped (1 sample): the music exceeds full scale by up to 3.5 dB. WAV (float32) holds everything."
    )


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    source = result(tmp_path / "r.wav", noise(0.2))
    data = bytearray(source.read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))
    source.write_bytes(data)
    with pytest.raises(Exception, match="not a number"):
        export(source, tmp_path / "out.flac")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.wav", "source.wav"]


def test_long_names_of_ogg(tmp_path: Path) -> None:
    """A comment that needs more pages than libsndfile has written is said to be missing; the sound is whole."""
    more = SourceTags().chunks_for(None, "float32", Maker("AceBridge 1", "cover", "x" * 200_000)).data
    wav.write_blocks(tmp_path / "r.wav", [noise(0.2)], 9_600, 2, 48_000, more=more)
    (said,) = export(tmp_path / "r.wav", tmp_path / "out.ogg")
    assert said == "out.ogg holds no recipe: it is too long for ogg."
    assert describe_file(tmp_path / "out.ogg")[0]["tags"] == {
        "comment": "AceBridge: cover", "software": "AceBridge 1",
    }  # fmt: skip
    assert decode.measure(tmp_path / "out.ogg").frames == 9_600
    assert export(tmp_path / "r.wav", tmp_path / "out.flac") == ()
    assert describe_file(tmp_path / "out.flac")[1] == "x" * 200_000
