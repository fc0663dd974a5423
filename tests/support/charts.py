"""Chords and charts for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from acestep_runtime.chords.chart import ChartSection, ChordChart
from acestep_runtime.chords.symbols import NO_CHORD, QUALITIES, ChordName

CHORDS = st.builds(
    ChordName, st.integers(0, 11), st.sampled_from(sorted(QUALITIES)), st.none() | st.integers(0, 11)
).map(lambda chord: chord if chord.bass != chord.root else ChordName(chord.root, chord.quality))
_BARS = st.lists(st.lists(CHORDS | st.just(NO_CHORD), min_size=1, max_size=6).map(tuple), min_size=1, max_size=6).map(
    tuple
)
_LETTERS = st.characters(categories=("L", "N"), include_characters=" -")
_NAMES = st.text(_LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
#: Charts: chords under no name, if any, come first.
CHARTS = st.builds(
    lambda first, rest: ChordChart((*first, *rest)),
    st.lists(st.builds(ChartSection, st.just(""), _BARS), max_size=1),
    st.lists(st.builds(ChartSection, _NAMES, _BARS), min_size=1, max_size=4),
)
