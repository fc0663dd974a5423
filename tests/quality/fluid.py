"""Playing notes with FluidSynth and a General MIDI sound font, where both are installed."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from .sounds import RATE_HZ, Floats, TimedNote

_FONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/soundfonts/FluidR3_GM.sf2",
          "/usr/share/sounds/sf2/default-GM.sf2")  # fmt: skip
_DRUM_CHANNEL = 9
_TICKS = 960  # a second: a quarter note at 60 bpm


def font() -> str | None:
    """Return the sound font to use, or None where FluidSynth or a font is missing."""
    return next((f for f in _FONTS if Path(f).exists()), None) if shutil.which("fluidsynth") else None


def version() -> str:
    """Return FluidSynth's version and the font, in words."""
    printed = subprocess.run(["fluidsynth", "--version"], capture_output=True, text=True, check=True).stdout
    number = next(word for word in printed.split() if word[0].isdigit())
    return f"FluidSynth {number} with {Path(font() or '').resolve().stem}"


def midi_file(notes: Sequence[TimedNote], program: int | None, side: float) -> bytes:
    """Return a Standard MIDI File of one track; ``program`` None means drums, ``side`` is −1 (left) to 1."""
    channel = _DRUM_CHANNEL if program is None else 0
    events = [(0, bytes([0xB0 | channel, 10, round(64 + 63 * side)]))]
    if program is not None:
        events.append((0, bytes([0xC0 | channel, program])))
    for start_s, length_s, pitch, velocity in notes:
        events.append((round(start_s * _TICKS), bytes([0x90 | channel, pitch, velocity])))
        events.append((round((start_s + length_s) * _TICKS), bytes([0x80 | channel, pitch, 0])))
    # At one instant notes end before others begin, or a repeated note would be cut off.
    events.sort(key=lambda event: (event[0], event[1][0] & 0xF0 == 0x90))
    body = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    now = 0
    for tick, message in events:
        body += _variable(tick - now) + message
        now = tick
    body += _variable(2 * _TICKS) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS) + b"MTrk" + struct.pack(">I", len(body)) + body


def _variable(number: int) -> bytes:
    out = bytes([number & 0x7F])
    while number := number >> 7:
        out = bytes([number & 0x7F | 0x80]) + out
    return out


def play(notes: Sequence[TimedNote], program: int | None, side: float, frames: int, folder: Path) -> Floats:
    """Return the notes as FluidSynth plays them, ``[frames, 2]``, with its reverb and chorus."""
    return play_file(midi_file(notes, program, side), str(font()), frames, folder)


def play_file(data: bytes, sound_font: str, frames: int, folder: Path) -> Floats:
    """Return a Standard MIDI File as FluidSynth plays it, ``[frames, 2]``, with its reverb and chorus."""
    song, sound = folder / "part.mid", folder / "part.wav"
    song.write_bytes(data)
    subprocess.run(
        ["fluidsynth", "-ni", "-q", "-r", str(RATE_HZ), "-g", "0.4", "-T", "wav", "-O", "float",
         "-o", "synth.dynamic-sample-loading=1", "-F", str(sound), sound_font, str(song)],
        check=True, capture_output=True,
    )  # fmt: skip
    samples = soundfile.read(sound, dtype="float64", always_2d=True)[0][:frames]
    return np.pad(samples, ((0, frames - len(samples)), (0, 0)))
