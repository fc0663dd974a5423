"""Arrangements that tests draw, with the audio files that they need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from hypothesis import strategies as st

from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track

RATE_HZ = 44_100
#: Files by name: frames and channels.
FILES = {"one.wav": (3000, 2), "two.wav": (2000, 1), "drei ß.wav": (4000, 2)}
_NAMES = (
    st.text(st.characters(blacklist_categories=("Cs", "Cc"), max_codepoint=0x2FFF), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)


def write_files(folder: Path) -> dict[str, Path]:
    """Write noise of 16 bits for each of `FILES`; return the paths by names."""
    draws = np.random.default_rng(5)
    paths = {}
    for name, (frames, channels) in FILES.items():
        samples = draws.integers(-(2**15), 2**15, (frames, channels), dtype=np.int16)
        paths[name] = folder / name
        soundfile.write(paths[name], samples, RATE_HZ, subtype="PCM_16")
    return paths


_OTHERS = st.lists(st.sampled_from(sorted(FILES)), max_size=2)


@st.composite
def _items(draw: st.DrawFn) -> tuple[Item, ...]:
    """Items in a row that do not overlap."""
    found, at = [], 0
    for _ in range(draw(st.integers(0, 3))):
        file = draw(st.sampled_from(sorted(FILES)))
        whole = FILES[file][0]
        offset = draw(st.integers(0, whole - 1))
        frames = draw(st.integers(1, whole - offset))
        at += draw(st.integers(0, 10 * RATE_HZ * 60))
        others = tuple(
            Take(f"take {other}", other, FILES[other][0])
            for other in draw(st.lists(st.sampled_from(sorted(FILES)), max_size=2))
        )
        found.append(Item(draw(_NAMES), file, at, frames, offset, draw(st.booleans()), others))
        at += frames
    return tuple(found)


_COLOURS = st.sampled_from(["", "#ef4444", "#010203"])
_LEAVES = st.builds(Track, _NAMES, _COLOURS, _items(), st.just(()), st.booleans())
_TRACKS = st.recursive(
    _LEAVES,
    lambda inner: st.builds(
        Track, _NAMES, _COLOURS, st.just(()), st.lists(inner, min_size=1, max_size=3).map(tuple), st.booleans()
    ),
    max_leaves=4,
)


@st.composite
def _markers(draw: st.DrawFn) -> Marker:
    start = draw(st.integers(0, 10**8))
    stop = draw(st.none() | st.integers(start + 1, start + 10**7))
    return Marker(draw(_NAMES), start, stop, draw(_COLOURS))


#: Whole arrangements over `FILES`.
ARRANGEMENTS = st.builds(
    Arrangement, _NAMES, st.just(RATE_HZ),
    st.lists(_TRACKS, max_size=3).map(tuple), st.lists(_markers(), max_size=3).map(tuple),
    st.floats(20, 400), st.integers(1, 16), st.sampled_from([2, 4, 8]),
)  # fmt: skip
