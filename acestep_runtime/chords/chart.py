"""A chord chart: bars of chords, in sections. Bars count from 0; a bar has one chord or several that share its beats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acestep_runtime.chords.symbols import ChordName

#: The chords of a bar, each for an equal share of its beats as far as whole beats go.
Bar = tuple[ChordName, ...]
#: The most bars of a chart, its repeats counted: with three minutes of slow bars there is room for a symphony.
MAX_BARS = 1024


def spread_over_beats(bar: Bar, beats: int) -> tuple[ChordName, ...]:
    """Return the chord of each of a bar's beats.

    Chords share the bar equally; where that is not in whole beats, the first ones are a beat longer: three chords in four
    beats have 2, 1 and 1. Of more chords than beats, each beat has the one that sounds at its start.
    """
    if len(bar) > beats:
        return tuple(bar[beat * len(bar) // beats] for beat in range(beats))
    share, longer = divmod(beats, len(bar))
    return tuple(chord for place, chord in enumerate(bar) for _ in range(share + (place < longer)))


@dataclass(frozen=True)
class ChartSection:
    """A section of a chart; ``name`` is "" for chords under no tag. It has at least one bar."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class ChordChart:
    """A chart: its sections in order, at least one."""

    sections: tuple[ChartSection, ...]

    @property
    def bars(self) -> tuple[Bar, ...]:
        """All bars in order."""
        return tuple(bar for section in self.sections for bar in section.bars)

    @property
    def has_names(self) -> bool:
        """Whether any section has a name."""
        return any(section.name for section in self.sections)

    def at(self, bar: int, beat: int, beats_per_bar: int) -> ChordName:
        """Return the chord at a beat of a bar; after the last bar the chart begins again."""
        bars = self.bars
        return spread_over_beats(bars[bar % len(bars)], beats_per_bar)[beat]

    def transpose(self, semitones: int) -> ChordChart:
        """Return the chart higher by some semitones."""
        return self._each(lambda chord: chord.transpose(semitones))

    def _each(self, change: Callable[[ChordName], ChordName]) -> ChordChart:
        return ChordChart(tuple(
            ChartSection(section.name, tuple(tuple(map(change, bar)) for bar in section.bars))
            for section in self.sections
        ))  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(
            f"[{section.name}] {write_bars(section.bars)}" if section.name else write_bars(section.bars)
            for section in self.sections
        )


def write_bars(bars: tuple[Bar, ...]) -> str:
    """Return bars as text that `acestep_runtime.chords.read.read_chords` reads: "| C . G/B . | Am7 |"; a dot holds a chord."""
    return f"| {' | '.join(_write_bar(bar) for bar in bars)} |"


def _write_bar(bar: Bar) -> str:
    return " ".join("." if place and chord == bar[place - 1] else str(chord) for place, chord in enumerate(bar))
