"""Chords in, chords out: progressions read from text, markers and ChordPro, played by the draft engine, and heard again.

The truth is this table, not what the engine's own reader makes of the text.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context

import numpy as np

from . import judges
from .judges import triads_by_beat
from .rows import Row, Setup, absent_row, build_row, judge_mean

TITLE = "Chords that were given"
ABOUT = """
40 progressions in all 12 keys, in 4/4 and 3/4, are written as text, as markers of a project and as ChordPro; the draft engine
plays them in ten styles, and crema hears them. A beat counts as right where it has the root and the major or minor third.
Chords with neither third are not counted.
"""
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_CAPTIONS = ("pop, piano, bass, drums", "folk, acoustic guitar", "rock", "jazz trio", "ballad, strings",
             "electronic, synth pads", "funk", "country", "bossa nova", "waltz, strings, piano")  # fmt: skip
_SOURCES = ("text", "markers", "ChordPro")
#: Bars of chords, each in semitones above the tonic with its quality: "7/11" has its third in the bass, "+" parts a bar.
_FOURS = (
    "0 7 9m 5", "9m 5 0 7", "0 9m 5 7", "0m 8 3 10", "0m 10 8 7", "2m7 77 0maj7 0maj7", "0 7/11 9m 5+7", "0maj7 9m7 2m7 77",
    "0m7 5m7 0m7 77", "0 4m 5 5m", "07 57 07 77", "0 2/6 5 7", "9m+7 5 0 7sus4+7", "0 10 5 0", "0m 5m 0m 77b9",
    "0add9 5maj7 2m9 713",
    "0 0/4 5 77", "0m 7m 8maj7 5m", "5 7 4m 9m", "0 3 5 8",
)  # fmt: skip
_THREES = ("0 5 77 0", "0m 3 8 7", "0 9m 2m 77", "0maj7 5maj7 2m7 77", "0 7/11 9m 4m", "5 0/4 7 0")
_TEMPI = (84, 96, 108, 120, 132)
_LEAST_S = 14.0


@dataclass(frozen=True)
class _Task:
    """One progression to play: its bars, where its key lies above C, and how it is written."""

    bars: str
    tonic: int
    beats: int
    bpm: int
    caption: str
    source: str

    @property
    def name(self) -> str:
        return f"chords {self.bars} in {_NAMES[self.tonic]}, {self.beats}/4, {self.source}"


def _tasks() -> list[_Task]:
    """Return the 40 progressions: 28 in 4/4 and 12 in 3/4."""
    rows = [(bars, 4) for bars in islice(cycle(_FOURS), 28)] + [(bars, 3) for bars in islice(cycle(_THREES), 12)]
    return [
        _Task(bars, 7 * n % 12, beats, _TEMPI[n % 5], _CAPTIONS[(n + n // 10) % 10], _SOURCES[n % 3])
        for n, (bars, beats) in enumerate(rows)
    ]


def _read(chord: str) -> tuple[int, str, int | None]:
    """Return the steps, the quality and the steps of the bass of "97" or "7/11"; steps above 9 take two digits only in "10"."""
    name, _, bass = chord.partition("/")
    steps = 10 if name.startswith("10") else int(name[0])
    return steps, name[len(str(steps)) :], int(bass) if bass else None


def _symbol(chord: str, tonic: int) -> str:
    steps, quality, bass = _read(chord)
    slash = "" if bass is None else f"/{_NAMES[(tonic + bass) % 12]}"
    return f"{_NAMES[(tonic + steps) % 12]}{quality}{slash}"


def _triad(chord: str, tonic: int) -> tuple[int, str] | None:
    steps, quality, _ = _read(chord)
    if quality.startswith("sus"):
        return None
    return (tonic + steps) % 12, "m" if quality.startswith("m") and not quality.startswith("maj") else ""


def _beats_of_bar(bar: str, beats: int) -> list[str]:
    chords = bar.split("+")
    first = beats - beats // len(chords) * (len(chords) - 1)
    return [chords[0]] * first + [chord for chord in chords[1:] for _ in range(beats // len(chords))]


def write(task: _Task) -> tuple[str, str]:
    """Return the text of a progression in its way, and whether it is a file ("file") or text."""
    bars = task.bars.split()
    symbols = [[_symbol(chord, task.tonic) for chord in bar.split("+")] for bar in bars]
    if task.source == "markers":
        return _write_by_markers(task), "text"
    if task.source == "text" or any(len(bar) > 1 for bar in symbols):
        return f"| {' | '.join(' '.join(bar) for bar in symbols)} |", "text"
    words = " ".join(f"[{bar[0]}]word" for bar in symbols)
    return f"{{title: test}}\n{{time: {task.beats}/4}}\n{words}\n", "file"


def _write_by_markers(task: _Task) -> str:
    """Return what REAPER's scripts make of markers at the changes of chords."""
    from tests.support.lua_modules import Leaves

    leaves = Leaves()
    beat_s = 60 / task.bpm
    names = [_symbol(chord, task.tonic) for bar in task.bars.split() for chord in _beats_of_bar(bar, task.beats)]
    rows = [
        {b"at": n * beat_s, b"name": name.encode()} for n, name in enumerate(names) if not n or name != names[n - 1]
    ]
    lua_rows = leaves.lua.table_from([leaves.lua.table_from(row) for row in rows])
    chart = leaves["shared/chord_names"].chart
    text: bytes = chart(lua_rows, len(task.bars.split()), task.beats, lambda beat: beat * beat_s, 0.01)
    return text.decode()


def measure(task: _Task) -> float:
    """Return the share of beats on which the judge hears the triad that was asked for."""
    from acestep_runtime.chords.files import read_chord_file
    from acestep_runtime.engines.base import EngineRequest
    from acestep_runtime.tasks import TASKS
    from acestep_runtime.values import Music

    from .measures import run_request

    text, kind = write(task)
    chords = str(read_chord_file(text).chart) if kind == "file" else text
    bars = task.bars.split()
    beat_s = 60 / task.bpm
    passes = int(np.ceil(_LEAST_S / (len(bars) * task.beats * beat_s)))
    count = passes * len(bars) * task.beats
    music = Music(caption=task.caption, chords=chords, bpm=task.bpm, timesignature=task.beats)
    request = EngineRequest(TASKS["text2music"], round((count * beat_s + beat_s) * 48_000), 7, music)
    samples = run_request(request)[0]["mix"]
    truth = [_triad(chord, task.tonic) for bar in bars for chord in _beats_of_bar(bar, task.beats)] * passes
    found = triads_by_beat(judges.recognise_chords(samples, 48_000), np.arange(count + 1) * beat_s)
    return float(np.mean([one == true for one, true in zip(found, truth, strict=True) if true is not None]))


def rows(setup: Setup) -> list[Row]:
    """Return the agreement over all progressions, by meter and by source."""
    tasks = _tasks()
    groups = {
        "all": tasks, "in 4/4": [t for t in tasks if t.beats == 4], "in 3/4": [t for t in tasks if t.beats == 3],
        **{f"from {source}": [t for t in tasks if t.source == source] for source in _SOURCES},
    }  # fmt: skip
    if why := judges.missing():
        return [absent_row("text2music", f"beats with the given triad, {name}", "", why) for name in groups]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        figures = dict(zip(tasks, pool.map(measure, tasks), strict=True))
    del setup  # the progressions are of this module
    return [
        build_row("text2music", f"beats with the given triad, {name}", "85% on average" if name == "all" else "",
                  {task.name: figures[task] for task in group}, judge_mean(0.85 if name == "all" else None))
        for name, group in groups.items()
    ]  # fmt: skip
