"""Concatenate, mix and save finished audio. Files are read and written in blocks, never whole."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio import convert, decode, wav
from acestep_runtime.audio.downmix import write_stereo
from acestep_runtime.audio.encode import FORMATS, write_file
from acestep_runtime.audio.mixdown import Track, mix_down
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.tags.riff import pack, read_chunks_of
from acestep_runtime.audio.tags.transfer import TAGGED, tag_file, tags_for
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio, AudioLike, to_audio
from acestep_runtime.temporary_files import temporary_file
from acestep_runtime.temporary_folder import Folder

_MAX_GAIN_DB = 120.0
#: The endings of names that `save` takes.
SUFFIXES = (".wav", *FORMATS)


def concat(*parts: AudioLike) -> Audio:
    """Return the parts one after the other, at the rate of the first and with the most channels of any.

    A part is anything `generate` takes as ``src_audio``. Where rates agree, samples are bit-identical.
    """
    sounds = _open_parts(parts)
    rate_hz, channels = sounds[0].sample_rate, max(sound.channels for sound in sounds)
    frames = [units.frames_to_frames(sound.frames, sound.sample_rate, rate_hz) for sound in sounds]
    blocks = (block for sound in sounds for block in _blocks(sound, rate_hz, channels))
    return _write_temporary(blocks, sum(frames), channels, rate_hz)


def mix(*parts: AudioLike, gains_db: Sequence[float] = ()) -> Audio:
    """Return the parts played together from their starts, as long as the longest, at the rate of the first.

    ``gains_db`` holds one gain for each part; without it all are added as they are. The sum is float32 and may exceed full
    scale; `save` takes care of that.
    """
    sounds = _open_parts(parts)
    gains_db = [float(gain) for gain in gains_db]
    if (gains_db and len(gains_db) != len(sounds)) or not all(gain <= _MAX_GAIN_DB for gain in gains_db):
        raise InvalidValue(
            "gains_db", gains_db, f"one gain for each of the {len(sounds)} parts, at most {_MAX_GAIN_DB:g} dB"
        )
    rate_hz, channels = sounds[0].sample_rate, max(sound.channels for sound in sounds)
    gains = [units.db_to_gain(gain) for gain in gains_db] or [1.0] * len(sounds)
    lengths = [units.frames_to_frames(sound.frames, sound.sample_rate, rate_hz) for sound in sounds]
    tracks = [
        Track(partial(_blocks, sound, rate_hz, channels), length, gains=(gain,))
        for sound, length, gain in zip(sounds, lengths, gains, strict=True)
    ]
    return _write_temporary(mix_down(tracks, max(lengths), channels), max(lengths), channels, rate_hz)


def downmix(path: str | os.PathLike[str]) -> Audio:
    """Return a file with more than two channels in stereo, mixed down as ITU-R BS.775 has it; mono stays mono.

    The sum is float32 and may exceed full scale; `save` takes care of that. Raises `UnreadableAudio` for a file that is not
    audio or has more than eight channels.
    """
    folder = Folder()
    stereo = folder.path / "downmix.wav"
    write_stereo(path, stereo, field="src_audio")
    return Audio(stereo, folder)


def _open_parts(parts: tuple[AudioLike, ...]) -> list[Audio]:
    if not parts:
        raise InvalidValue("parts", "none", "one or more pieces of audio", message="There is nothing to join.")
    return [to_audio(part) for part in parts]


def _blocks(sound: Audio, rate_hz: int, channels: int) -> Generator[Samples, None, None]:
    """Yield a file in blocks at a rate and channel count; the blocks add up to its exact length there."""
    frames = units.frames_to_frames(sound.frames, sound.sample_rate, rate_hz)
    stream, at = convert.StreamResampler(sound.sample_rate, rate_hz, channels, frames), 0
    for block in decode.blocks(sound.path):
        at += len(block)
        yield stream.push(convert.to_channels(block, channels), last=at == sound.frames)


def _write_temporary(blocks: Iterable[Samples], frames: int, channels: int, rate_hz: int) -> Audio:
    folder = Folder()
    path = folder.path / "mix.wav"
    wav.write_blocks(path, blocks, frames, channels, rate_hz)
    return Audio(path, folder)


def save(sound: AudioLike, path: str | os.PathLike[str]) -> Path:
    """Write audio to ``path`` and return the path; the ending selects WAV (float32), FLAC, AIFF (24 bits), OGG, Opus or MP3.

    The file is written whole or not at all; an older one is replaced, a missing folder created. WAV keeps peaks above full
    scale; for the other formats, which cannot hold them, the whole file is turned down to fit, with a warning that says how
    far. What a WAV file says beside its samples, such as the recipe of a result, goes along. Raises `InvalidValue` for another
    ending and ``OSError`` as the file system does.
    """
    path, audio = Path(path), to_audio(sound)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidValue("path", path.name, f"a name that ends in {', '.join(SUFFIXES)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = read_chunks_of(audio.path)
    if suffix == ".wav":
        blocks, more = _blocks(audio, audio.sample_rate, audio.channels), pack(found.chunks)
        wav.write_blocks(path, blocks, audio.frames, audio.channels, audio.sample_rate, more=more)
        return path
    rate_hz = FORMATS[suffix].rate_for(audio.sample_rate)
    peak = max(float(np.abs(block).max(initial=0.0)) for block in _blocks(audio, rate_hz, audio.channels))
    gain = np.float32(min(1.0, (1 - 2**-20) / max(peak, 1e-9)))
    if peak > 1:
        reduction_db = -units.gain_to_db(float(gain))
        warnings.warn(
            f"{path.name} was lowered by {reduction_db:.1f} dB, for its peaks exceeded full scale.", stacklevel=2
        )
    scaled = (gain * block for block in _blocks(audio, rate_hz, audio.channels))
    if FORMATS[suffix].kind not in TAGGED:
        write_file(path, scaled, audio.channels, rate_hz, FORMATS[suffix])
        return path
    tags = tags_for(path, found, audio.sample_rate, rate_hz)
    with temporary_file(path) as encoded:
        write_file(encoded, scaled, audio.channels, rate_hz, FORMATS[suffix])
        notes = [*tags.notes, *tag_file(encoded, path, FORMATS[suffix], tags)]
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return path


def save_lrc(lrc: str, path: str | os.PathLike[str]) -> Path:
    """Write timed lyrics, as ``result["lrc"]`` holds them, to ``path`` in UTF-8, and return it."""
    if not isinstance(lrc, str):
        allowed = 'text, as result["lrc"] holds it'
        raise InvalidValue("lrc", lrc, allowed, message=f"lrc is of type {type(lrc).__name__}; allowed: {allowed}.")
    path = Path(path)
    path.write_text(lrc, encoding="utf-8", newline="\n")
    return path
