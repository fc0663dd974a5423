"""Drums to notes: a small network hears which pieces are struck, the rise of their bands says how hard.

audio ─► powers of bands ─► levels ─► network ─► peaks ─► notes         `drum_bands`, `drum_network`

The network knows other percussion as well, so that a shaker is not taken for a hat. Letters: K frames, B bands, P pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from acestep_runtime.audio.mono import mix_for_analysis
from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.general_midi import note_of_piece
from acestep_runtime.midi.drum_bands import FRAME_S, Plane, band_centres_hz, band_powers, is_silent, to_levels
from acestep_runtime.midi.drum_network import hear_strokes, load_weights
from acestep_runtime.notes import Note
from acestep_runtime.units import ENGINE_RATE_HZ

Curve = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A piece: the note that is written, all of General MIDI that it stands for, the band that says how hard it is struck.

    ``least`` is how likely a stroke has to be, 0 to 1.
    """

    note: int
    pitches: frozenset[int]
    band_hz: tuple[float, float]
    least: float


def _piece(note: int, pitches: tuple[int, ...], low_hz: float, high_hz: float, least: float) -> Piece:
    return Piece(note, frozenset(pitches), (low_hz, high_hz), least)


#: What the network tells apart, in the order of its outputs. What is least was chosen on the tuning half of `make quality`.
PIECES: Mapping[str, Piece] = {
    "kick": _piece(note_of_piece("kick"), (35, 36), 20, 120, 0.38),
    "snare": _piece(note_of_piece("snare"), (38, 40), 150, 6000, 0.44),
    "rim": _piece(37, (37,), 300, 8000, 0.44),
    "clap": _piece(39, (39,), 500, 6000, 0.56),
    "hat": _piece(note_of_piece("hat"), (42, 44), 6000, 16_000, 0.38),
    "open": _piece(note_of_piece("open"), (46,), 6000, 16_000, 0.26),
    "tom": _piece(note_of_piece("tom2"), (41, 43, 45, 47, 48, 50), 60, 400, 0.44),
    "crash": _piece(note_of_piece("crash"), (49, 52, 55, 57), 3000, 16_000, 0.32),
    "ride": _piece(note_of_piece("ride"), (51, 53, 59), 3000, 16_000, 0.44),
    "tambourine": _piece(54, (54,), 5000, 16_000, 0.56),
    "cowbell": _piece(56, (56, 67, 68), 500, 6000, 0.38),
    "conga": _piece(63, (60, 61, 62, 63, 64, 65, 66), 100, 1500, 0.38),
    "shaker": _piece(70, (69, 70, 82), 3000, 16_000, 0.5),
    "wood": _piece(76, (75, 76, 77), 500, 5000, 0.5),
    "triangle": _piece(81, (80, 81), 3000, 16_000, 0.38),
}
#: How long the note of a stroke is: samplers play the whole sound of it.
STROKE_S = 0.1
#: A piece is struck twice at least this far apart, in frames.
_APART_FRAMES = 4
#: A piece is there where this number of its strokes, or all of fewer, are likelier than ``least`` by this much: where none is
#: clear, other sounds resemble it. That keeps nearly all strokes out of music that has no drums.
_CLEAR_STROKES, _CLEAR = 3, 0.18
#: Frames after and before a stroke whose levels say by how much a band rises there.
_AFTER, _BEFORE = 5, 4
#: Shares of the work.
_BANDS_SHARE = 0.7


def find_drum_notes(samples: Samples, check: Callable[[], None], report: Callable[[float], None]) -> tuple[Note, ...]:
    """Return the strokes in ``[N, 2]`` at 48 kHz as notes of a General MIDI kit, by time; none where nothing is struck.

    ``check`` is called often, ``report`` with the fraction done.
    """
    whole = samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    mono = mix_for_analysis(whole, ENGINE_RATE_HZ)[:, 0]
    power = band_powers(mono, check, lambda part: report(_BANDS_SHARE * part))
    if is_silent(power):
        return ()
    likely = hear_strokes(
        to_levels(power), load_weights(), check, lambda part: report(_BANDS_SHARE + (1 - _BANDS_SHARE) * part)
    )
    notes = [
        note
        for number, piece in enumerate(PIECES.values())
        for note in _to_notes(piece, _find_strokes(likely[:, number], piece.least), power)
    ]
    return tuple(sorted(notes, key=lambda note: (note.start_s, note.pitch)))


def find_peaks(likely: Curve, least: float) -> npt.NDArray[np.int64]:
    """Return the frames of ``[K]`` that are at least ``least`` and the greatest of those near them."""
    greatest = maximum_filter1d(likely, 2 * _APART_FRAMES + 1, mode="constant")
    found: list[int] = []
    for frame in np.flatnonzero((likely >= least) & (likely == greatest)).tolist():
        if not found or frame - found[-1] > _APART_FRAMES:  # of equal ones the first
            found.append(frame)
    return np.array(found, np.int64)


def _find_strokes(likely: Curve, least: float) -> npt.NDArray[np.int64]:
    """Return the frames of a piece's strokes; none where too few of them are clear."""
    frames = find_peaks(likely, least)
    clearest = np.sort(likely[frames])[::-1][:_CLEAR_STROKES]
    return frames if len(frames) and clearest[-1] >= least + _CLEAR else frames[:0]


def _to_notes(piece: Piece, frames: npt.NDArray[np.int64], power: Plane) -> list[Note]:
    """Return the strokes of a piece as notes: the usual rise of its band has velocity 96, half of it 68."""
    if not len(frames):
        return []
    centres = band_centres_hz()
    band = power[:, (centres >= piece.band_hz[0]) & (centres < piece.band_hz[1])].sum(axis=1)
    rise = np.array([_rise(band, frame) for frame in frames.tolist()])
    usual = float(np.median(rise)) or 1.0
    velocities = np.clip(np.rint(96 * np.sqrt(rise / usual)), 1, 127).astype(int)
    return [
        Note(frame * FRAME_S, frame * FRAME_S + STROKE_S, piece.note, velocity)
        for frame, velocity in zip(frames.tolist(), velocities.tolist(), strict=True)
    ]


def _rise(band: Curve, frame: int) -> float:
    """Return the level by which a band rises at a stroke: the greatest just after it, over that just before."""
    after = float(band[frame : frame + _AFTER].max())
    before = float(band[max(0, frame - _BEFORE) : max(1, frame - _BEFORE + 2)].mean())
    return float(np.sqrt(max(0.0, after - before)))
