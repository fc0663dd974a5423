"""`measure_fit`: how well new audio fits its source, 0 to 1.

Letters: N frames of the window at 48 kHz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.fit.copies import compare_samples
from acestep_runtime.fit.features import Features, Onsets, measure_features, mix_mono
from acestep_runtime.fit.levels import level_parts, measure_levels, measure_seams
from acestep_runtime.fit.parts import PARTS, TASKS, fit_value, ramp
from acestep_runtime.fit.pitch import measure_tonality
from acestep_runtime.fit.remedies import find_remedy
from acestep_runtime.fit.timing import Expectation, Timing, expect_onsets, measure_play
from acestep_runtime.fit.words import Findings, find_faults, fit_notes
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Music

#: Shorter spans have too little music to compare.
SHORTEST_S = 1.0
#: Share of the result's power that is a copy of the source: by chance at most, and a copy.
_COPIED = (0.35, 0.85)
#: The same for a stem, which is a part of the source.
_COPIED_STEM = (0.97, 0.995)
#: Tasks that may copy the source, and the strength from which on they may.
_MAY_COPY, _CLOSE = frozenset({"cover", "repaint"}), 0.9
#: Share of a stem that is in the source: none of it, enough.
_CONTAINED = (0.2, 0.7)
#: Parts that a result has without a source that sounds.
_ALONE = frozenset({"silence", "start"})
#: Tracks without pitch, and those without time: effects rise and fall between the beats.
_UNPITCHED, _UNTIMED = frozenset({"drums", "percussion", "fx"}), frozenset({"fx"})
_STRUCK = frozenset({"drums", "percussion"})
#: Height of a correlation of samples, and share of the result in the source: either tells where a stem lies in the source.
_SHARP, _INSIDE = 12.0, 0.7
#: Share of a recording's power that an offset of its waveform must have to be taken out: below it nothing changes.
_OFFSET_SHARE = 1e-4


@dataclass(frozen=True)
class FitFacts:
    """What was asked for. ``span`` is the region that is new, and ``known`` the part of the window that is inside the song,
    both in frames of the window; empty is all of it. ``tracks`` are the roles of the result. ``strength`` is how
    closely a cover or repaint was to follow its source, 0 to 1, ``None`` where nobody said. ``window_start_s`` is where the
    window begins in the song, in seconds."""

    task: str
    tracks: tuple[str, ...] = ()
    span: tuple[int, int] = (0, 0)
    known: tuple[int, int] = (0, 0)
    music: Music = field(default_factory=Music)
    strength: float | None = None
    window_start_s: float = 0.0


@dataclass(frozen=True)
class Fit:
    """How well a result fits, 0 to 1: ``value``, its ``parts``, and ``notes``, sentences about faults, worst first.

    ``fault`` is the part behind the first sentence, "" without one, and ``remedy`` says what to change. ``figures`` are
    measured values by name: offset_s, agreement, drift_s, tempo_ratio, tempo_certainty, cents, likeness,
    start_s, beat_s, loudness_lu, copied, contained.
    """

    value: float
    parts: Mapping[str, float]
    notes: tuple[str, ...] = ()
    fault: str = ""
    remedy: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    facts: FitFacts = field(default_factory=lambda: FitFacts(TASKS[0]))

    @property
    def is_compared(self) -> bool:
        """Whether more of it than its own sound is known: something was compared with the source."""
        return not _ALONE.issuperset(self.parts)


def measure_fit(source: Samples, result: Samples, facts: FitFacts, cancel: CancelToken | None = None) -> Fit:
    """Measure how well ``result`` fits ``source``, both ``[N, 2]`` at 48 kHz and of the same window.

    For lego, complete and extract ``result`` is the sum of the new roles alone. Only the span counts. Without a part that can
    be measured the value is 1: nothing is known against it. What was measured of the source is kept for the next take.
    Samples that are not numbers count as 0, and an offset of the waveform is no sound. ``cancel`` is checked between the parts
    (`Cancelled`). Raises `ValueError` for a task without a source or audio of different lengths.
    """
    if facts.task not in PARTS:
        raise ValueError(f"{facts.task!r} has no source to fit; allowed: {', '.join(TASKS)}")
    if len(source) != len(result):
        raise ValueError(
            f"the result has {len(result)} frames, its source {len(source)}; they must be of the same window"
        )
    cancel = cancel or CancelToken()
    source, result = clean(source), clean(result)
    findings, found = _measure(source, result, facts, cancel)
    parts = {name: float(found[name]) for name in sorted(found) if name in PARTS[facts.task]}
    fault = next(iter(find_faults(parts)), "")
    return Fit(
        fit_value(parts),
        parts,
        fit_notes(parts, findings),
        fault,
        find_remedy(fault, findings.analysis) if fault else "",
        _figures(findings),
        facts,
    )


def clean(samples: Samples) -> Samples:
    """Return ``[N, C]`` with 0 for what is not a number, the very same array where all are."""
    return samples if np.isfinite(samples).all() else np.nan_to_num(samples, posinf=0.0, neginf=0.0)


def _centre(samples: Samples) -> Samples:
    """Return ``[N, 2]`` without the offset of its waveform, contiguous; the same samples where there is none to speak of."""
    samples = np.ascontiguousarray(samples)
    if not len(samples):
        return samples
    offset = samples.mean(axis=0, dtype=np.float64)
    power = float(np.vdot(samples, samples)) / samples.size
    return samples if float(np.mean(offset**2)) <= _OFFSET_SHARE * power else samples - offset.astype(np.float32)


def _measure(
    source: Samples, result: Samples, facts: FitFacts, cancel: CancelToken
) -> tuple[Findings, dict[str, float]]:
    """Return what was measured, and all parts that could be. Samples are numbers."""
    start, stop = facts.span if facts.span[1] > facts.span[0] else (0, len(result))
    song, music = _centre(source), facts.music
    analysis = analyse(song, ENGINE_RATE_HZ, bpm=music.bpm, keyscale=music.keyscale, timesignature=music.timesignature)
    cancel.check()
    new = _centre(result[start:stop])
    ours = measure_features(new)
    if ours.is_silent:
        return Findings(facts.task, analysis), {"silence": 0.0}
    cancel.check()
    theirs = measure_features(song)
    first, last = facts.known if facts.known[1] > facts.known[0] else (0, len(source))
    # What lies before or after the song has nothing there to compare it with, and its loudness is matched when it is joined.
    both = slice(max(start, first), min(stop, last))
    is_beside = both.stop - both.start < SHORTEST_S * ENGINE_RATE_HZ <= stop - start
    near = song if is_beside or (both.start, both.stop) == (0, len(source)) else np.ascontiguousarray(song[both])
    there = theirs if near is song else measure_features(near)
    cancel.check()
    levels = measure_levels(there, ours, is_beside=is_beside)
    is_over = not (is_beside or there.is_silent)
    parts = level_parts(levels, facts.task, facts.tracks, analysis.grid.bar_s, source_sounds=is_over)
    start_s = start / ENGINE_RATE_HZ
    findings = Findings(facts.task, analysis, levels=levels, start_s=start_s + facts.window_start_s)
    if facts.task == "repaint":
        seams = measure_seams(
            source, result, (start, stop), tuple(edge for edge in (start, stop) if first < edge < last)
        )
        parts |= {} if seams is None else {"seams": seams}
    if theirs.is_silent or ours.duration_s < SHORTEST_S:
        return findings, parts
    beside = new[max(0, both.start - start) : max(0, both.stop - start)]
    copy = compare_samples(mix_mono(near), mix_mono(np.ascontiguousarray(beside))) if is_over else None
    cancel.check()
    timing: Timing | None = None
    if not facts.tracks or not _UNTIMED.issuperset(facts.tracks):
        expected = _expect(theirs, analysis, start_s, facts.window_start_s)
        is_struck = bool(facts.tracks) and _STRUCK.issuperset(facts.tracks)
        timing = measure_play(expected, ours.onsets, ours.swell, ours.duration_s, is_struck=is_struck)
        cancel.check()
    if facts.task == "extract" and copy is not None and (copy.sharpness >= _SHARP or copy.inside_share >= _INSIDE):
        timing = Timing(copy.lag_s, 1.0, (), 1.0, 0.0, 0.0)
    pitched = not facts.tracks or not _UNPITCHED.issuperset(facts.tracks)
    tonality = None
    if pitched and is_over:
        here = ours if len(beside) == len(new) else measure_features(np.ascontiguousarray(beside))
        tonality = measure_tonality(analysis, there.pitches, here.pitches, both.start / ENGINE_RATE_HZ, here.duration_s)
    if timing is not None:
        parts |= {"timing": timing.timing_part, "tempo": timing.tempo_part}
    if tonality is not None:
        parts |= tonality.parts
    if copy is not None:
        limits = _COPIED_STEM if facts.task == "extract" else _COPIED
        if facts.task not in _MAY_COPY or (facts.strength or 0.0) < _CLOSE:
            parts["leakage"] = 1 - 0.95 * ramp(copy.share_of_copy, *limits)
        parts["containment"] = ramp(copy.inside_share, *_CONTAINED)
    return replace(findings, timing=timing, tonality=tonality, copy=copy), parts


def _expect(source: Features, analysis: Analysis, start_s: float, window_start_s: float) -> Expectation:
    """Return when onsets are expected, in seconds from ``start_s`` of the window on."""
    confidence = analysis.confidence["beats"] if is_reported("beats", analysis.confidence) else 0.0
    has_bars = confidence > 0 and is_reported("meter", analysis.confidence)
    beats_s = np.asarray(analysis.beats_s) - start_s
    bars_s = np.asarray(analysis.downbeats_s) - start_s if has_bars else beats_s[::4]
    onsets = source.onsets
    moved = Onsets(onsets.start_s - start_s, onsets.peak_s - start_s, onsets.weight)
    changes_s = np.array([chord.start_s for chord in analysis.chords]) - start_s
    first_bar = 1
    if (
        has_bars and window_start_s > 0 and analysis.downbeats_s
    ):  # bars of the song before the window: as long as those in it
        first_bar += round((window_start_s + analysis.downbeats_s[0]) / analysis.grid.bar_s)
    return replace(expect_onsets(moved, beats_s, bars_s, changes_s, min(1.0, 2 * confidence)), first_bar=first_bar)


def _figures(findings: Findings) -> dict[str, float]:
    """Return the measured values by name; see `Fit`."""
    figures: dict[str, float] = {}
    if findings.timing is not None:
        figures |= {name: float(getattr(findings.timing, name)) for name in
                    ("offset_s", "agreement", "drift_s", "tempo_ratio", "tempo_certainty")}  # fmt: skip
    if findings.tonality is not None:
        figures |= {"cents": findings.tonality.cents, "likeness": findings.tonality.likeness}
    if findings.copy is not None:
        figures |= {"copied": findings.copy.share_of_copy, "contained": findings.copy.inside_share}
    if is_reported("beats", findings.analysis.confidence):
        figures["beat_s"] = findings.analysis.grid.beat_s
    if findings.levels is not None:
        figures |= {"start_s": findings.levels.start_s, "loudness_lu": findings.levels.loudness_lu}
    return figures
