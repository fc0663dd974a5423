"""Pauses between attempts that fail."""

from __future__ import annotations

from collections.abc import Iterator


def double_pauses(first_s: float, longest_s: float) -> Iterator[float]:
    """Yield pauses in seconds without end, each twice as long as the one before, none longer than ``longest_s``.

    After a success the next attempts take another iterator, so that they begin with the first pause.
    """
    pause_s = min(first_s, longest_s)
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, longest_s)
