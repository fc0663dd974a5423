"""Make N takes, score them, keep the best.

    python examples/best_of_n.py "warm lo-fi, mellow piano" best.wav -n 12

The next batch is made in the background while this one is judged, as it would be while you listen.
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

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

    size = min(4, given.n)
    batch = generate(
        caption=given.caption, lyrics=given.lyrics and given.lyrics.read_text("utf-8"), duration=given.duration,
        seed=given.seed, batch_size=size, auto_score=True, auto_gen=given.n > size, **how(given),
    )  # fmt: skip
    takes = list(batch)
    while len(takes) < given.n:
        batch = batch.next_batch()
        takes += batch
    ranked = sorted(takes[: given.n], key=lambda take: take["lyrics_alignment_score"], reverse=True)
    for place, take in enumerate(ranked, 1):
        print(
            f"{place:2}. score {take['lyrics_alignment_score']:.3f}  seed {take.seed}  {take['bpm']:g} bpm {take['keyscale']}"
        )
    print(f"saved {save(ranked[0], given.out)}")


if __name__ == "__main__":
    run(main)
