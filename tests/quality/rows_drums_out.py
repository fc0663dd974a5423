"""How well drums are written down: stems of real arrangements, their mixes, and stems without drums.

A stroke is found if its class is right and it begins within 50 ms; each counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from acestep_runtime.midi.drums import find_drum_notes
from acestep_runtime.units import ENGINE_RATE_HZ
from tests.support.midi_cases import f_measure

from .rows_midi_out import Onsets, draw, onsets, pool

if TYPE_CHECKING:
    import numpy.typing as npt

TITLE = "Drums out of audio"
ABOUT = """
The drum channel of each excerpt is written down from its stem, and from the mix without other help. Of each half of the
corpus, an excerpt each of eight songs is drawn by a hash. The network that hears drums was trained on strokes of both sound
fonts and of the draft engine, and on patterns and music of the tuning half; held-out songs are played by the same fonts.

"Hat" is closed, pedal and open hats together, "all" the strokes of kick, snare and hat. "Every piece" has all notes
of the drum channel: toms are one class, cymbals (crash, ride, china, splash) one, rim, clap, tambourine, cowbells and agogos,
hands (bongo, conga, timbale), shakers (cabasa, maracas), woods (claves, blocks) and triangles one each. A note that is none of
these counts as missed. What is written for a stroke of another class counts as wrong in its own class: a cabasa that is taken
for a hat is a wrong hat. Notes of one class that begin within 10 ms are one stroke: songs layer both kicks of General MIDI.
Strokes that are hidden under louder ones, or hardly heard, count as any other.
"Without drums" is the number of strokes that are written, in a minute, for each of the other stems as if it were drums.
"""
#: Pieces of a kit that have a goal each, by the notes of General MIDI that count as each.
DRUMS = {"kick": (35, 36), "snare": (38, 40), "hat": (42, 44, 46)}
#: The others.
OTHERS = {
    "tom": (41, 43, 45, 47, 48, 50), "cymbal": (49, 51, 52, 53, 55, 57, 59), "rim": (37,), "clap": (39,), "tambourine": (54,),
    "cowbell": (56, 67, 68), "hand": (60, 61, 62, 63, 64, 65, 66), "shaker": (69, 70, 82), "wood": (75, 76, 77),
    "triangle": (80, 81),
}  # fmt: skip
#: Notes of one class that begin within this time are one stroke.
_ONE_STROKE_S = 0.01
#: Least F measure, and most strokes a minute in stems without drums.
_LEAST, _MOST_WITHOUT = 0.8, 2.0
#: Fewer strokes or notes than this say nothing.
_FEWEST = 8


def measure_drums(excerpt: Any) -> dict[str, float]:
    """Return F measures of the stem and of the mix ("… from the mix"), and strokes a minute in stems without drums.

    An excerpt has ``mix`` ``[N, 2]`` at 48 kHz, ``stems`` and ``notes`` by track.
    """
    found: dict[str, float] = {}
    wanted = onsets(excerpt.notes.get("drums", ()))
    if len(wanted) >= _FEWEST:
        found |= count_strokes(_write_down(excerpt.stems["drums"]), wanted)
        mix = count_strokes(_write_down(excerpt.mix), wanted)
        found |= {f"{name} from the mix": value for name, value in mix.items()}
    without = [
        60.0 * ENGINE_RATE_HZ / len(stem) * len(_write_down(stem))
        for track, stem in excerpt.stems.items()
        if track not in ("drums", "percussion", "fx") and len(excerpt.notes.get(track, ())) >= _FEWEST
    ]
    return found | ({"without drums": float(np.mean(without))} if without else {})


def _write_down(samples: npt.NDArray[np.float32]) -> Onsets:
    return onsets(find_drum_notes(samples, lambda: None, lambda _: None))


def count_strokes(written: Onsets, wanted: Onsets) -> dict[str, float]:
    """Return the F measure of each class of pieces that is played at least four times, of all three, and of every piece."""
    own, true = _to_strokes(written), _to_strokes(wanted)
    found: dict[str, float] = {}
    for name, classes in {**{name: (name,) for name in DRUMS}, "all": tuple(DRUMS)}.items():
        numbers = {_CLASSES[each] for each in classes}
        pair = [[stroke for stroke in strokes if stroke[1] in numbers] for strokes in (own, true)]
        if len(pair[1]) >= 4:
            found[name] = f_measure(pair[0], pair[1])
    return found | {"every piece": f_measure(own, true)}


_CLASSES = {name: number for number, name in enumerate((*DRUMS, *OTHERS))}
_CLASS_OF = {pitch: _CLASSES[name] for name, pitches in {**DRUMS, **OTHERS}.items() for pitch in pitches}


def _to_strokes(notes: Onsets) -> Onsets:
    """Return notes of the drum channel as strokes (start, number of their class), each once; others are a class each."""
    strokes: Onsets = []
    for start_s, number in sorted((start_s, _CLASS_OF.get(pitch, 1000 + pitch)) for start_s, pitch in notes):
        if not any(other == number and start_s - at_s < _ONE_STROKE_S for at_s, other in strokes[-16:]):
            strokes.append((start_s, number))
    return strokes


def _judge_without(values: list[float]) -> tuple[str, bool | None]:
    mean = float(np.mean(values))
    return f"{mean:.1f} ({min(values):.1f} to {max(values):.1f})", mean <= _MOST_WITHOUT


def rows(setup: Any) -> list[Any]:
    """Return the rows of the report, for the ``Setup`` of the corpus."""
    from .rows import build_row, judge_mean  # type: ignore[import-not-found, unused-ignore]

    songs = setup.measure(measure_drums, draw(setup.tuning) + draw(setup.held_out))
    names = ["kick", "snare", "hat", "all", "every piece"]
    known = pool(list(songs.values()))
    table = []
    for name in [*names, *(f"{name} from the mix" for name in names)]:
        figures = {song: found[name] for song, found in songs.items() if name in found}
        if name in known:
            least = None if "every" in name or "mix" in name else _LEAST
            goal = "" if least is None else f"at least {least:.0%}"
            table.append(build_row("transcribe", f"{name} (F-measure, ±50 ms)", goal, figures, judge_mean(least)))
    strokes = {song: found["without drums"] for song, found in songs.items() if "without drums" in found}
    goal = f"at most {_MOST_WITHOUT:g} on average"
    table.append(build_row("transcribe", "strokes a minute in stems without drums", goal, strokes, _judge_without))
    return table
