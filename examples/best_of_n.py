"""Make N takes, keep the best.

python examples/best_of_n.py "warm lo-fi, mellow piano" best.wav -n 12
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run, shown

from acestep_runtime import generate, save


def main() -> None:
    """Rank the takes and save the first."""
    parser = options(__doc__)
    parser.add_argument("caption")
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", type=int, default=8, help="takes (8)")
    parser.add_argument("--lyrics", type=Path, help="a text file")
    parser.add_argument("--duration", type=float, help="seconds")
    parser.add_argument("--seed", type=int, help="of the first take")
    given = parser.parse_args()

    best = generate(
        caption=given.caption, lyrics=given.lyrics and given.lyrics.read_text("utf-8"), duration=given.duration,
        seed=given.seed, best_of=given.n, **how(given),
    )  # fmt: skip
    for place, take in enumerate(best.ranking, 1):
        print(f"{place:2}. score {shown(take.score)}  seed {take.seed}")
    print(f"saved {save(best, given.out)}")


if __name__ == "__main__":
    run(main)
