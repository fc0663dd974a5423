"""Whether the fit tells layers with faults from true ones, and names the fault: true stems against the mix without them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import faults
from .corpus import Excerpt
from .rows import Row, Setup, Verdict, build_row
from .split import is_held_out

TITLE = "The fit of layers"
ABOUT = """
Each stem is measured against the mix without it, as it is and with a fault made on purpose. "Below" is the share of pairs in
which the take with the fault has a lower value than the true one, "named" the share in which the first sentence names it. Made
songs are played again for other tempi and pitches; of the corpus one excerpt in six is measured, changed by Rubber Band.
Of each song three stems with 12 notes or more are drawn by a hash. Of soft attacks, as bowed strings have, 30 ms are not told.
"""
_BELOW, _NAMED, _FINE, _FINE_SHARE = 0.95, 0.8, 0.6, 0.9
_EVERY, _MOST_TRACKS, _FEWEST_NOTES = 6, 3, 12
_KINDS = ("songs of the suite", "corpus")

#: For each track and fault: the value, that of the true stem, and whether the fault is named.
Pairs = dict[str, dict[str, list[float]]]


def rows(setup: Setup) -> list[Row]:
    """Return the rows: all faults together, false alarms, then fault by fault and track by track."""
    found = setup.measure(measure_faults, (*setup.made, *setup.names[::_EVERY]))
    table = []
    tuning = {name: pairs for name, pairs in found.items() if not is_held_out(name)}
    table += _whole("all", found) + _whole("all, but the held-out songs", tuning)
    for kind, songs in zip(_KINDS, _split(found, setup), strict=True):
        table += _whole(kind, songs)
        table += [
            build_row(kind, fault.name, "", _pick(songs, fault=fault.name), _judge_both) for fault in faults.FAULTS
        ]
        tracks = sorted({track for pairs in songs.values() for track in pairs})
        table += [
            build_row(kind, f"all faults of {track}", "", _pick(songs, track=track), _judge_both) for track in tracks
        ]
    return table


def _whole(kind: str, songs: Mapping[str, Pairs]) -> list[Row]:
    """Return the rows of all faults together, and of false alarms."""
    return [
        build_row(kind, "all faults: below the true take", f"{_BELOW:.0%} of pairs", songs, _judge_below(_BELOW)),
        build_row(kind, "all faults: named", f"{_NAMED:.0%} of pairs", songs, _judge_named(_NAMED)),
        build_row(kind, f"true takes of {_FINE:g} or more", f"{_FINE_SHARE:.0%}", songs, _judge_true),
    ]


def measure_faults(song: Excerpt) -> Pairs:
    """Return values of each track with each fault; see `Pairs`."""
    from acestep_runtime.fit.measure import FitFacts, measure_fit

    parts_of = {fault.name: fault.parts for fault in faults.FAULTS}
    pairs: Pairs = {}
    for track in _tracks(song):
        source = (song.mix - song.stems[track]).astype(np.float32)
        facts = FitFacts("lego", (track,))
        fits = {name: measure_fit(source, make(), facts) for name, make in faults.takes(song, track).items()}
        true = fits.pop("")
        pairs[track] = {"": [true.value, true.value, float(not true.notes)]}
        pairs[track] |= {
            name: [fit.value, true.value, float(fit.fault in parts_of[name])] for name, fit in fits.items()
        }
    return pairs


def _tracks(song: Excerpt) -> list[str]:
    """Return the tracks to measure: some of those that play enough, drawn by a hash."""
    playing = [track for track in song.stems if len(song.notes.get(track, ())) >= _FEWEST_NOTES]
    draws = {track: hashlib.sha256(f"{song.name} {track}".encode()).digest() for track in playing}
    return sorted(playing, key=draws.__getitem__)[:_MOST_TRACKS]


def _split(found: Mapping[str, Pairs], setup: Setup) -> list[dict[str, Pairs]]:
    own = {name: pairs for name, pairs in found.items() if name in setup.made}
    return [own, {name: pairs for name, pairs in found.items() if name not in own}]


def _pick(songs: Mapping[str, Pairs], *, fault: str = "", track: str = "") -> dict[str, Pairs]:
    """Return the pairs of one fault, or of one track, of the songs that have it."""
    chosen = {
        name: {
            role: {what: pair for what, pair in one.items() if what and fault in ("", what)}
            for role, one in pairs.items()
            if track in ("", role)
        }
        for name, pairs in songs.items()
    }
    return {name: pairs for name, pairs in chosen.items() if any(pairs.values())}


def _pairs(songs: list[Pairs], *, true: bool = False) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return all pairs with a fault ``[P, 3]``, or those of true takes."""
    return np.array(
        [pair for one in songs for track in one.values() for name, pair in track.items() if (not name) == true]
    )


def _judge_below(least: float) -> Any:
    def judge(songs: list[Pairs]) -> Verdict:
        below = _pairs(songs)[:, 0] < _pairs(songs)[:, 1]
        return f"{below.mean():.1%} of {len(below)}", bool(below.mean() >= least)

    return judge


def _judge_named(least: float) -> Any:
    def judge(songs: list[Pairs]) -> Verdict:
        named = _pairs(songs)[:, 2]
        return f"{named.mean():.1%} of {len(named)}", bool(named.mean() >= least)

    return judge


def _judge_true(songs: list[Pairs]) -> Verdict:
    true = _pairs(songs, true=True)
    fine = true[:, 0] >= _FINE
    return f"{fine.mean():.1%} of {len(fine)} ({true[:, 2].mean():.0%} without a sentence)", bool(
        fine.mean() >= _FINE_SHARE
    )


def _judge_both(songs: list[Pairs]) -> Verdict:
    pairs = _pairs(songs)
    return f"below {(pairs[:, 0] < pairs[:, 1]).mean():.0%}, named {pairs[:, 2].mean():.0%} of {len(pairs)}", None
