"""What the parts of the fit say, in words: which fault. What to change: remedies.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.fit.copies import Copy
from acestep_runtime.fit.levels import Levels
from acestep_runtime.fit.parts import WEIGHTS
from acestep_runtime.fit.pitch import Tonality
from acestep_runtime.fit.timing import GroupOffset, Timing

#: A part whose factor is below this gets a sentence.
WORTH_A_NOTE = 0.88
#: A fault whose factor is below this is certain enough to explain others.
_CERTAIN = 0.7
#: Offsets of groups of bars that differ by less are one offset, in seconds.
_SAME_OFFSET_S = 0.015
#: Faults that explain others: what is silent has no tempo, what has another tempo is late everywhere.
_EXPLAINS: Mapping[str, frozenset[str]] = {
    "silence": frozenset(WEIGHTS) - {"silence"},
    "leakage": frozenset(WEIGHTS) - {"silence", "leakage"},
    "tempo": frozenset({"timing"}),
    "key": frozenset({"chords"}),
    "tuning": frozenset({"chords"}),
}


@dataclass(frozen=True)
class Findings:
    """All that was measured; ``None`` for what could not be. ``start_s`` is where the new audio begins in the source."""

    task: str
    analysis: Analysis
    timing: Timing | None = None
    tonality: Tonality | None = None
    copy: Copy | None = None
    levels: Levels | None = None
    start_s: float = 0.0


def fit_notes(parts: Mapping[str, float], findings: Findings) -> tuple[str, ...]:
    """Return a sentence for each fault, see `find_faults`."""
    return tuple(SENTENCES[name](findings) for name in find_faults(parts))


def find_faults(parts: Mapping[str, float]) -> tuple[str, ...]:
    """Return the names of the parts that are clearly below 1, worst first; none that another one explains."""
    low = sorted((parts[name] ** WEIGHTS[name], name) for name in parts if parts[name] ** WEIGHTS[name] < WORTH_A_NOTE)
    explained = {other for value, name in low if value < _CERTAIN for other in _EXPLAINS.get(name, ())}
    return tuple(name for _, name in low if name not in explained)


def _timing(findings: Findings) -> str:
    timing = findings.timing
    assert timing is not None
    groups = timing.groups
    spread_s = max((g.offset_s for g in groups), default=0.0) - min((g.offset_s for g in groups), default=0.0)
    if len(groups) >= 2 and spread_s > _SAME_OFFSET_S:
        worst = max(groups, key=lambda group: abs(group.offset_s))
        if abs(worst.offset_s) > abs(timing.offset_s) + _SAME_OFFSET_S:
            has_bars = is_reported("meter", findings.analysis.confidence)
            return _late_group(worst, findings.start_s, has_bars=has_bars)
    if abs(timing.offset_s) < 0.012:
        return "It does not keep to the beat of the source."
    return f"It is {_late(timing.offset_s)}."


def _late_group(group: GroupOffset, start_s: float, *, has_bars: bool) -> str:
    """Return where a group of bars is in the source, and how late; where its bars are not certain, only the time is true."""
    place = f"{start_s + group.start_s:.1f} to {start_s + group.stop_s:.1f} s"
    if not has_bars:
        return f"It is {_late(group.offset_s)} from {place} of the source."
    bars = f"bars {group.first} to {group.last}" if group.last > group.first else f"bar {group.first}"
    return f"It is {_late(group.offset_s)} in {bars} of the source ({place})."


def _late(offset_s: float) -> str:
    return f"{abs(1e3 * offset_s):.0f} ms {'late' if offset_s > 0 else 'early'}"


def _tempo(findings: Findings) -> str:
    timing, bpm = findings.timing, findings.analysis.grid.bpm
    assert timing is not None
    if timing.tempo_certainty > 0:
        return f"The tempo is about {bpm * timing.tempo_ratio:.0f} bpm; the source has {bpm:.0f} bpm."
    later = "slower" if timing.drift_s > 0 else "faster"
    return f"It is a little {later} than the source: it drifts by {abs(1e3 * timing.drift_s):.0f} ms."


def _tuning(findings: Findings) -> str:
    tonality = findings.tonality
    assert tonality is not None
    return f"It is tuned {abs(tonality.cents):.0f} cents {_side(tonality.cents)} than the source."


def _key(findings: Findings) -> str:
    tonality = findings.tonality
    assert tonality is not None
    semitones = abs(round(tonality.cents / 100))
    steps = "a semitone" if semitones == 1 else f"{semitones} semitones"
    other = f"It is in another key, {steps} {_side(tonality.cents)} than the source"
    # A key with little confidence is a guess.
    is_certain = is_reported("key", findings.analysis.confidence)
    return f"{other}, which is in {findings.analysis.key}." if is_certain else f"{other}."


def _side(cents: float) -> str:
    return "higher" if cents > 0 else "lower"


def _leakage(findings: Findings) -> str:
    copy = findings.copy
    assert copy is not None
    if findings.task == "extract":
        return "It is nearly the whole source, not one part of it."
    share = 100 * copy.share_of_copy
    return f"It is a copy of the source: {share:.0f} % of its sound is that of the source."


def _loudness(findings: Findings) -> str:
    levels = findings.levels
    assert levels is not None
    side = "louder" if levels.loudness_lu > 0 else "quieter"
    return f"It is {abs(levels.loudness_lu):.0f} LU {side} than the source."


def _density(findings: Findings) -> str:
    levels = findings.levels
    assert levels is not None
    assert levels.density is not None
    return f"It has far {'fewer' if levels.density < 1 else 'more'} notes than the source has."


def _silence(findings: Findings) -> str:
    levels = findings.levels
    if levels is None or levels.sounding <= 0:
        return "It is silent."
    return f"It is silent most of the time: {100 * levels.sounding:.0f} % of it has sound."


def _start(findings: Findings) -> str:
    assert findings.levels is not None
    return f"It starts {findings.levels.start_s:.1f} s after the source."


def _containment(findings: Findings) -> str:
    assert findings.copy is not None
    return f"Only {100 * findings.copy.inside_share:.0f} % of it is in the source."


#: Part → the sentence that names its fault.
SENTENCES: Mapping[str, Callable[[Findings], str]] = {
    "silence": _silence,
    "leakage": _leakage,
    "containment": _containment,
    "tempo": _tempo,
    "timing": _timing,
    "key": _key,
    "tuning": _tuning,
    "chords": lambda _: "Many of its notes do not suit the chords of the source.",
    "start": _start,
    "density": _density,
    "loudness": _loudness,
    "seams": lambda _: "The new audio does not join what is around it: there is a jump at its edge.",
}
