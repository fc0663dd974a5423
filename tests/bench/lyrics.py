"""How long it takes to align the words of the longest song, and the memory of it: ``python -m tests.bench.lyrics``."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np

from acestep_runtime.lyrics.alignment import align_by_attention
from acestep_runtime.lyrics.consensus import find_consensus
from acestep_runtime.lyrics.dtw import cheapest_path

#: Ten minutes, and twice the tokens that the model reads.
_TOKENS, _FRAMES, _HEADS = 4000, 7500, 7


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report() -> None:
    """Print the times of each part, and of all."""
    rng = np.random.default_rng(0)
    one = 0.05 * rng.random((_TOKENS, _FRAMES), np.float32)
    for token in range(_TOKENS):
        one[token, token * _FRAMES // _TOKENS] += 0.5
    before = _peak_mb()

    def maps() -> Iterator[np.ndarray]:
        return (one for _ in range(_HEADS))

    began = time.perf_counter()
    found = find_consensus(maps())
    agreed_s = time.perf_counter() - began
    began = time.perf_counter()
    cheapest_path(-found.evidence)
    path_s = time.perf_counter() - began
    del found
    pieces = [b"la\n" if token % 10 == 9 else b"la " for token in range(_TOKENS)]
    began = time.perf_counter()
    align_by_attention(maps(), pieces, 600.0, 600.0)
    all_s = time.perf_counter() - began
    print(
        f"{_TOKENS} tokens x {_FRAMES} frames: path {path_s:.2f} s; consensus of {_HEADS} heads {agreed_s:.2f} s;",
        end=" ",
    )
    print(f"times and score {all_s:.2f} s, {_peak_mb() - before:.0f} MB beside a map of {one.nbytes / 1e6:.0f} MB")


if __name__ == "__main__":
    report()
