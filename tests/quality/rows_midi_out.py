"""How well `transcribe` writes notes down: stems of real arrangements, beside Basic Pitch's own code, and mixes.

A note is found if its pitch is right and it begins within 50 ms; each counts once. The round trip plays what was written
down with plain tones, and writes that down again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.midi.transcribe import INSTRUMENTS, PitchModel, Wishes, transcribe_source
from acestep_runtime.notes import MidiSong
from acestep_runtime.units import ENGINE_RATE_HZ
from tests.support.midi_cases import f_measure, play

from . import basic_pitch_reference

if TYPE_CHECKING:
    import numpy.typing as npt

TITLE = "Notes out of audio"
ABOUT = """
Each stem of the corpus is written down as the instrument that it is, by transcribe and, for pitched ones, by Basic Pitch's own
code with the same network, which always writes several notes at a time ("poly"). A line of the bass is found by signal
processing. Of each half of the corpus, an excerpt each of eight songs is drawn by a hash.
"""
#: How far below the reference pitched instruments may be.
_BELOW_REFERENCE = 0.01
#: Songs of each half that are measured: the network takes a second or more for each stem, several times.
_SONGS = 8
Onsets = list[tuple[float, int]]


def onsets(notes: Iterable[Any]) -> Onsets:
    """Return notes with ``start_s`` and ``pitch`` as (start, pitch)."""
    return [(note.start_s, note.pitch) for note in notes]


def measure_parts(excerpt: Any, model: PitchModel | None = None) -> dict[str, float]:
    """Return the F measure of each stem of an excerpt, and of the reference ("… reference") where that is at hand.

    An excerpt has ``mix`` ``[N, 2]`` at 48 kHz, ``stems`` and ``notes`` by track.
    """
    model = model or basic_pitch_reference.find_model()
    found: dict[str, float] = {}
    analysis = analyse(excerpt.mix, ENGINE_RATE_HZ)  # says in which tempo notes are written, not which there are
    for track, stem in excerpt.stems.items():
        wanted = onsets(excerpt.notes.get(track, ()))
        if len(wanted) < 8 or INSTRUMENTS[track].is_drums:  # drums have a table of their own
            continue
        voices = "" if INSTRUMENTS[track].is_mono else "poly"
        song = _write_down(stem, analysis, Wishes((track,), "part", voices), model)
        written = onsets(song.parts[0].notes)
        found[track] = f_measure(written, wanted)
        if basic_pitch_reference.load() is not None and model.path is not None:
            reference = basic_pitch_reference.find_notes(stem)
            found[f"{track} reference"] = f_measure([(start_s, pitch) for start_s, _, pitch in reference], wanted)
            if not voices:
                poly = _write_down(stem, analysis, Wishes((track,), "part", "poly"), model)
                found[f"{track} poly"] = f_measure(onsets(poly.parts[0].notes), wanted)
        if written:
            played = play(song.parts[0].notes, len(stem) / ENGINE_RATE_HZ)
            again = _write_down(played, analysis, Wishes((track,), "part", voices), model)
            found[f"{track} round trip"] = f_measure(onsets(again.parts[0].notes), written)
    return found


def measure_mix(excerpt: Any, model: PitchModel | None = None) -> dict[str, float]:
    """Return the F measure of the bass that is written down from the mix."""
    model = model or basic_pitch_reference.find_model()
    if len(excerpt.notes.get("bass", ())) < 8:
        return {}
    (part,) = _write_down(excerpt.mix, analyse(excerpt.mix, ENGINE_RATE_HZ), Wishes(("bass",), "mix"), model).parts
    return {part.name: f_measure(onsets(part.notes), onsets(excerpt.notes["bass"]))}


def _write_down(samples: npt.NDArray[np.float32], analysis: Analysis, wishes: Wishes, model: PitchModel) -> MidiSong:
    return transcribe_source(samples, analysis, wishes, model, lambda: None, lambda _: None).song


def pool(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the excerpts that have it."""
    names = dict.fromkeys(name for each in figures for name in each)
    return {name: float(np.mean([each[name] for each in figures if name in each])) for name in names}


def draw(names: Sequence[str], songs: int = _SONGS) -> tuple[str, ...]:
    """Return an excerpt each of some songs, by a hash of its name, so that nobody chooses them."""
    drawn: dict[str, str] = {}
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest()):
        drawn.setdefault(name.rpartition(" ")[0], name)
    return tuple(drawn.values())[:songs]


def _judge_beside(values: list[tuple[float, float]]) -> tuple[str, bool | None]:
    """Judge the mean of F measures beside that of the reference, which each comes with."""
    own, reference = np.mean(values, axis=0)
    return f"{own:.1%} beside {reference:.1%}, {len(values)} songs", bool(own >= reference - _BELOW_REFERENCE)


def rows(setup: Any) -> list[Any]:
    """Return the rows of the report, for the ``Setup`` of the corpus."""
    from .rows import build_row, judge_mean  # type: ignore[import-not-found, unused-ignore]

    names = draw(setup.tuning) + draw(setup.held_out)
    parts, mixes = setup.measure(measure_parts, names), setup.measure(measure_mix, names)
    table = []
    for name in pool(list(parts.values())):
        if name.endswith(" reference"):
            continue
        figures = {song: found[name] for song, found in parts.items() if name in found}
        track = name.removesuffix(" poly")
        beside = {
            song: (own, parts[song][f"{track} reference"])
            for song, own in figures.items()
            if f"{track} reference" in parts[song]
        }
        measure = f"{name}: notes (F-measure, ±50 ms)"
        if beside and (name != track or not INSTRUMENTS[track].is_mono):
            goal = "at most 1% below Basic Pitch's code"
            table.append(build_row("transcribe", measure, goal, beside, _judge_beside))
            continue
        table.append(build_row("transcribe", measure, "", figures, judge_mean(None)))
    for name in pool(list(mixes.values())):
        figures = {song: found[name] for song, found in mixes.items() if name in found}
        table.append(build_row("transcribe", f"{name} from the mix (F-measure, ±50 ms)", "", figures, judge_mean(None)))
    return table
