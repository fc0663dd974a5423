"""How well the draft engine analyses and separates real arrangements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from acestep_runtime.values import TRACKS, Key

from . import measures, metrics
from .corpus import Excerpt
from .judges import LEAST_CLEAR_BEATS, onset_f1
from .rows import Row, Setup, Verdict, build_row, judge_mean, judge_share
from .rows_judges import pick

TITLE = "The draft engine on real arrangements"
ABOUT = """
The corpus has excerpts of about 30 s of songs of games in Debian, whose files say notes, tempo and beats. Bars count where at
least half of all changes of chord in a song fall on their first beats, chords on beats whose notes leave no doubt about the
triad. "At any level" means that every second or each half beat counts as well.
"""

#: Wrong tempos that are told apart, as ratios to the true one.
_OFF_LEVELS = ((0.5,), (2.0,), (2 / 3, 3 / 4, 4 / 3, 3 / 2))


def rows(setup: Setup) -> list[Row]:
    """Return how much of the truth of all excerpts the draft engine finds."""
    found = setup.measure(measure_draft)
    table = [
        build_row("understand", "tempo within 2%", "90% of excerpts", pick(found, "ratio"), _judge_tempo),
        build_row("understand", "tempo within 2% at any level", "90% of excerpts",
                  {name: bool(ok) for name, ok in pick(found, "any_tempo").items()}, judge_share(0.9)),
        build_row("understand", "time signature", "80% of excerpts",
                  {name: bool(ok) for name, ok in pick(found, "meter").items()}, judge_share(0.8)),
        build_row("understand", "beats (F-measure, ±70 ms)", "90% on average", pick(found, "beats"), judge_mean(0.9)),
        build_row("understand", "beats at any level (F-measure, ±70 ms)", "90% on average", pick(found, "any_beats"),
                  judge_mean(0.9)),
        build_row("understand", "correct tempo, but beats in the middle of the true ones", "",
                  {name: _are_between(one) for name, one in found.items()}, judge_share()),
        build_row("understand", "downbeats (F-measure, ±70 ms)", "80% on average", pick(found, "downbeats"),
                  judge_mean(0.8)),
        build_row("understand", "beats with the correct triad", "80% on average", pick(found, "chords"), judge_mean(0.8)),
    ]  # fmt: skip
    for role, least in (("drums", 6.0), ("bass", 5.0)):
        table.append(build_row("extract", f"{role}: SI-SDR improvement over the mix", f"median at least {least:g} dB",
                               pick(found, role), _judge_median(least)))  # fmt: skip
    return table


def measure_draft(excerpt: Excerpt) -> dict[str, float]:
    """Return what `understand` and `extract` make of an excerpt."""
    return {**understand(excerpt), **extract(excerpt)}


def understand(excerpt: Excerpt) -> dict[str, float]:
    """Return how much of the truth `understand` finds; nan where the truth does not say."""
    _, facts = measures.run_request(measures.engine_request("understand", excerpt))
    beats_s, bpm = np.array(facts["beats"]), facts["bpm"] or 0.0
    true_s = excerpt.beats_s[:-1]
    ratio = bpm / excerpt.bpm
    bars = len(excerpt.downbeats_s) > 0
    middles = (excerpt.beats_s[:-1] + excerpt.beats_s[1:]) / 2
    names = [next((c["name"] for c in facts["chords"] if c["start_s"] <= t < c["end_s"]), "") for t in middles]
    right = [measures.read_triad(name) == Key(chord[0], "minor" if chord[1] == "m" else "major")
             for name, chord in zip(names, excerpt.chords, strict=True) if chord is not None]  # fmt: skip
    return {
        "ratio": ratio,
        "any_tempo": float(any(abs(ratio / level - 1) <= 0.02 for level in (0.5, 1, 2))),
        "meter": float(facts["timesignature"] == excerpt.meter) if bars else float("nan"),
        "beats": onset_f1(beats_s, true_s, 0.07),
        "any_beats": max(onset_f1(beats_s, level_s, 0.07) for level_s in levels(excerpt.beats_s)),
        "downbeats": onset_f1(facts["downbeats"], excerpt.downbeats_s, 0.07) if bars else float("nan"),
        "chords": float(np.mean(right)) if len(right) >= LEAST_CLEAR_BEATS else float("nan"),
    }


def levels(beats_s: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Return the beats of a song, every second one from the first and from the second on, and the half beats."""
    beats = beats_s[:-1]
    halves = np.sort(np.concatenate([beats, (beats_s[:-1] + beats_s[1:]) / 2]))
    return [beats, beats[::2], beats[1::2], halves]


def extract(excerpt: Excerpt) -> dict[str, float]:
    """Return by how many dB the stems of drums and bass are nearer to the true ones than the mix is; nan where none plays."""
    stems, _ = measures.run_request(measures.engine_request("extract", excerpt, tracks=TRACKS))
    return {role: metrics.si_sdr_db(stems[role], excerpt.stems[role]) - metrics.si_sdr_db(excerpt.mix, excerpt.stems[role])
            if role in excerpt.stems else float("nan") for role in ("drums", "bass")}  # fmt: skip


def _judge_tempo(ratios: list[Any]) -> Verdict:
    text, met = judge_share(0.9)([abs(ratio - 1) <= 0.02 for ratio in ratios])
    half, double, other = (
        sum(abs(ratio / by - 1) <= 0.02 for ratio in ratios for by in levels) for levels in _OFF_LEVELS
    )
    none = sum(ratio == 0 for ratio in ratios)
    return (
        f"{text} ({half} at half, {double} at double, {other} at 2/3, 3/4, 4/3 or 3/2 of it, {none} without one)",
        met,
    )


def _are_between(figures: Mapping[str, float]) -> bool:
    """Whether the tempo is right and the beats are in the middle of the true ones."""
    return abs(figures["ratio"] - 1) <= 0.02 and figures["beats"] < 0.1 and figures["any_beats"] > 0.5


def _judge_median(least: float) -> Any:
    def judge(values: list[float]) -> Verdict:
        middle = float(np.median(values))
        text = f"{middle:.1f} dB ({min(values):.1f} to {max(values):.1f}; {len(values)} excerpts)"
        return text, middle >= least

    return judge
