"""Audio to a song of notes: which instruments there are, the notes of each, and the tempos that they stand in.

source ─► parts (stems of a mix, or the source itself) ─► posteriors ─► notes      pitched: `posteriors`, `decode`
     └─────────────────────────────────────────────────► strokes                   drums: `drums`, which knows them in a mix
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from acestep_runtime.audio.convert import resample, to_channels
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.stems import OTHER, separate_stems
from acestep_runtime.midi import drums
from acestep_runtime.midi.beat_tempos import tempos_of_beats
from acestep_runtime.midi.decode import Span, Thresholds, find_line, find_notes
from acestep_runtime.midi.posteriors import (
    HOP,
    LOWEST_PITCH,
    PITCHES,
    RATE_HZ,
    Mono,
    Posteriors,
    model_posteriors,
    signal_posteriors,
)
from acestep_runtime.notes import MidiSong, Note, Part
from acestep_runtime.units import ENGINE_RATE_HZ, gain_to_db

Check = Callable[[], None]
Report = Callable[[float], None]


@dataclass(frozen=True)
class Wishes:
    """What to write down: ``tracks`` (none: what is there) of a "mix" or a "part" ("": decide), "mono", "poly" or "" each."""

    tracks: tuple[str, ...] = ()
    contents: str = ""
    voices: str = ""


@dataclass(frozen=True)
class PitchModel:
    """The file of the network, or ``None`` and the reason why it is not used, as a sentence with its remedy."""

    path: Path | None
    missing: str = ""


@dataclass(frozen=True)
class Transcription:
    """A song, and sentences on how it was found."""

    song: MidiSong
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Instrument:
    """How a track is written down: its General MIDI program, its pitches, and whether one note sounds at a time.

    ``is_low`` says that signal processing finds single notes better than the network, which hears low ones poorly.
    """

    program: int
    low: int = LOWEST_PITCH
    high: int = LOWEST_PITCH + PITCHES - 1
    is_mono: bool = False
    is_low: bool = False
    is_drums: bool = False


#: Only one note at a time is held to a range: the network hears few notes that an instrument cannot play, and arrangers write
#: what no player could.
_ANY = _Instrument(0)
INSTRUMENTS: Mapping[str, _Instrument] = {
    "vocals": _Instrument(53, 38, 88, is_mono=True),
    "backing_vocals": _Instrument(52),
    "drums": _Instrument(0, is_drums=True),
    "bass": _Instrument(33, 23, 69, is_mono=True, is_low=True),
    "guitar": _Instrument(25),
    "keyboard": _Instrument(0),
    "percussion": _Instrument(0, is_drums=True),
    "strings": _Instrument(48),
    "synth": _Instrument(81),
    "fx": _Instrument(96),
    "brass": _Instrument(61),
    "woodwinds": _Instrument(73),
    OTHER: _ANY,
}
#: Tracks that a mix is separated into where nobody says which.
MIX_TRACKS = ("vocals", "bass", "drums")
#: Share of the power of drums from which on a source holds drums alone, and below which it holds none: made songs have 0.3 and
#: more in a mix, drums alone 0.87, other instruments alone 0.07 at most.
_DRUMS_ALONE, _NO_DRUMS = 0.8, 0.12
#: Smaller shares than this are what separation leaves behind of other instruments.
_LEAST_SHARE = 0.05
#: Quieter sources than this are silent, in dBFS.
_SILENCE_DB = -75.0
#: Samples that are separated at a time, two minutes, and those before and after them that are separated with them.
_STRETCH, _OVERLAP = 120 * ENGINE_RATE_HZ, 5 * ENGINE_RATE_HZ
#: Channels have opposite polarity where their mean has less than this share of the power of half their difference. The network
#: does not mind a faint mean, but half the difference of a wide source is mostly chorus and room.
_OPPOSITE = 0.01
#: Frames of which a level is measured at a time.
_BLOCK = 1 << 20
#: Share of the work that separation is.
_SEPARATING = 0.4


def transcribe_source(
    source: Samples, analysis: Analysis, wishes: Wishes, model: PitchModel, check: Check, report: Report
) -> Transcription:
    """Return the notes of ``source`` ``[N, 2]`` at 48 kHz. ``check`` is called often, ``report`` with the fraction done."""
    tempos, meters = tempos_of_beats(analysis)
    notes: list[str] = []
    parts: list[Part] = []
    if _level_db(source) > _SILENCE_DB:
        sounds, how = _find_parts(source, analysis, wishes, check, lambda part: report(_SEPARATING * part))
        notes += how
        for number, (track, samples) in enumerate(sounds.items()):

            def tell(part: float, number: int = number) -> None:
                report(_SEPARATING + (1 - _SEPARATING) * (number + part) / len(sounds))

            parts.append(_write_down(track, samples, wishes.voices, model, check, tell))
    if not is_reported("beats", analysis.confidence):
        notes.append(f"No beat is heard, so the notes stand at their times in {tempos[0].bpm:.4g} bpm, not on beats.")
    if model.path is None and any(part.notes and _is_for_network(part.name, wishes.voices) for part in parts):
        notes.append(f"Pitches are found by signal processing alone, which misses more of them. {model.missing}")
    empty = [part.name for part in parts if not part.notes]
    if empty or not parts:
        notes.append(f"No notes are heard{f' of {_and(empty)}' if parts else ''}.")
    return Transcription(MidiSong(tuple(parts), tempos, meters, analysis.duration_s), tuple(notes))


def _find_parts(
    source: Samples, analysis: Analysis, wishes: Wishes, check: Check, report: Report
) -> tuple[dict[str, Samples], list[str]]:
    """Return the audio of each instrument to write down, and sentences on how it was found."""
    tracks = wishes.tracks
    if wishes.contents == "part":
        return {tracks[0] if tracks else OTHER: source}, []
    if tracks and all(INSTRUMENTS[name].is_drums for name in tracks):
        return dict.fromkeys(tracks, source), []
    asked = tuple(dict.fromkeys((*tracks, *MIX_TRACKS)))
    stems, power = _separate(source, asked, analysis, check, report)
    shares = {name: each / max(1e-20, sum(power.values())) for name, each in power.items()}
    alone = "" if wishes.contents == "mix" else _find_alone(shares, tracks)
    if alone:
        what = "drums alone" if INSTRUMENTS[alone].is_drums else "one instrument alone"
        return {alone: source}, [f"The source is taken for {what}."]
    wanted = tracks or tuple(name for name in shares if shares[name] > _LEAST_SHARE)
    sounds = {name: source if INSTRUMENTS[name].is_drums else stems[name] for name in wanted}
    return sounds, ["The source is taken for a mix, and was separated first."]


def _separate(
    source: Samples, tracks: tuple[str, ...], analysis: Analysis, check: Check, report: Report
) -> tuple[dict[str, Samples], dict[str, float]]:
    """Return the stems of pitched tracks as one channel each ``[N, 1]``, and the power of every stem.

    Long sources are separated in stretches that overlap: all stems of an hour would not fit into memory.
    """
    mono: dict[str, Samples] = {}
    power: dict[str, float] = {}
    for start in range(0, max(1, len(source)), _STRETCH):
        stop = min(len(source), start + _STRETCH)
        first, last = max(0, start - _OVERLAP), min(len(source), stop + _OVERLAP)
        share = (stop - start) / max(1, len(source))

        def tell(part: float, before: float = start / max(1, len(source)), share: float = share) -> None:
            report(before + share * part)

        stems = separate_stems(source[first:last], tracks, analysis=analysis, cancel_check=check, progress=tell)
        for name, stem in stems.items():
            kept = stem[start - first : stop - first]
            power[name] = power.get(name, 0.0) + float(np.sum(np.square(kept, dtype=np.float64)))
            if name not in INSTRUMENTS or not INSTRUMENTS[name].is_drums:
                mono.setdefault(name, np.zeros((len(source), 1), np.float32))[start:stop] = _mean_of_channels(kept)
    return mono, power


def _find_alone(shares: Mapping[str, float], tracks: tuple[str, ...]) -> str:
    """Return the track that a source holds alone, "" for a mix."""
    if len(tracks) > 1:
        return ""
    if shares["drums"] >= _DRUMS_ALONE and not tracks:
        return "drums"
    if shares["drums"] < _NO_DRUMS:
        return tracks[0] if tracks else OTHER
    return ""


def _write_down(track: str, samples: Samples, voices: str, model: PitchModel, check: Check, report: Report) -> Part:
    """Return the notes of one instrument in ``[N, 2]``."""
    instrument = INSTRUMENTS[track]
    if instrument.is_drums:
        return Part(track, drums.find_drum_notes(samples, check, report), instrument.program, is_drums=True)
    mono = resample(_mean_of_channels(samples), ENGINE_RATE_HZ, RATE_HZ)[:, 0]
    find: Callable[[Mono, Check, Report], Posteriors] = signal_posteriors
    if model.path is not None and _is_for_network(track, voices):
        find = partial(_ask_model, model.path)
    found = find(mono, check, report)
    limits = Thresholds(low=instrument.low - LOWEST_PITCH, high=instrument.high - LOWEST_PITCH)
    is_mono = _is_mono(track, voices)
    spans = (find_line if is_mono else find_notes)(found.sounds, found.begins, limits)
    return Part(track, tuple(_to_note(span, found) for span in spans), instrument.program)


def _is_mono(track: str, voices: str) -> bool:
    return INSTRUMENTS[track].is_mono if not voices else voices == "mono"


def _is_for_network(track: str, voices: str) -> bool:
    instrument = INSTRUMENTS[track]
    return not instrument.is_drums and not (instrument.is_low and _is_mono(track, voices))


def _mean_of_channels(samples: Samples) -> Samples:
    """Return the mean of the channels ``[N, 1]``, as the network was trained on; of opposite polarity, half their difference.

    The mix for analysis is worse here: in wide sources it adds what a chorus or a room has turned in phase, which blurs onsets.
    """
    if samples.shape[1] == 1:
        return samples
    whole = samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    middle = to_channels(whole, 1)
    power = [float(np.dot(each, each)) for each in (middle[:, 0], whole[:, 0], whole[:, 1])]
    # The powers of both channels add up to twice those of the mean and of half the difference.
    side_power = (power[1] + power[2]) / 2 - power[0]
    if power[0] >= _OPPOSITE * side_power:
        return middle
    return np.asarray((whole[:, :1] - whole[:, 1:]) * np.float32(0.5))


def _ask_model(path: Path, mono: Mono, check: Check, report: Report) -> Posteriors:
    return model_posteriors(mono, path, check, report)


def _to_note(span: Span, found: Posteriors) -> Note:
    stop = min(span.stop, len(found.times_s) - 1)
    velocity = int(np.clip(round(127 * span.strength), 1, 127))
    end_s = max(found.times_s[stop], found.times_s[span.first] + HOP / RATE_HZ)
    return Note(float(found.times_s[span.first]), float(end_s), span.pitch + LOWEST_PITCH, velocity)


def _level_db(samples: Samples) -> float:
    """Return the level of both channels, in blocks to spare memory; channels of opposite polarity are no silence."""
    blocks = (np.nan_to_num(block, posinf=0.0, neginf=0.0) for block in split_blocks(samples, _BLOCK))
    power = sum(float(np.square(block, dtype=np.float64).sum()) for block in blocks)
    return gain_to_db(float(np.sqrt(power / samples.size))) if power > 0 else -200.0


def _and(names: tuple[str, ...] | list[str]) -> str:
    plain = [name.replace("_", " ") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"
