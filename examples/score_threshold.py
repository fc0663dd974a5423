"""Make takes until one is good enough, or the tries are used up; keep the best there was.

    python examples/score_threshold.py "emotional ballad" final.wav --lyrics words.txt --min-score 0.85 --max-tries 10

Ends with status 1 when no take reached the score.
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run, shown

from acestep_runtime import generate, save


def main() -> int:
    """Try, compare, stop early; return the exit status."""
    parser = options(__doc__)
    parser.add_argument("caption")
    parser.add_argument("out", type=Path)
    parser.add_argument("--lyrics", type=Path, help="a text file")
    parser.add_argument("--duration", type=float, help="seconds")
    parser.add_argument("--min-score", type=float, default=0.85)
    parser.add_argument("--max-tries", type=int, default=10)
    parser.add_argument("--seed", type=int, help="of the first try")
    given = parser.parse_args()

    best = generate(
        caption=given.caption, lyrics=given.lyrics and given.lyrics.read_text("utf-8"), duration=given.duration,
        seed=given.seed, min_score=given.min_score, max_tries=given.max_tries, **how(given),
    )  # fmt: skip
    for take in sorted(best.ranking, key=lambda take: take.take):
        print(f"try {take.take + 1}: score {shown(take.score)}, seed {take.seed}")
    score = best.ranking[0].score
    reached = score is not None and score >= given.min_score
    print(f"{'reached' if reached else 'not reached; the best was'} {shown(score)}")
    print(f"saved {save(best, given.out)}")
    return 0 if reached else 1


if __name__ == "__main__":
    run(main)
