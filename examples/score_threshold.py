"""Make takes until one is good enough, or the tries are used up; keep the best there was.

    python examples/score_threshold.py "emotional ballad" final.wav --lyrics words.txt --min-score 0.85 --max-tries 10

Ends with status 1 when no take reached the score.
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

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
    if given.max_tries < 1:
        parser.error(f"--max-tries is {given.max_tries}; allowed: at least 1")

    take = best = generate(
        caption=given.caption, lyrics=given.lyrics and given.lyrics.read_text("utf-8"), duration=given.duration,
        seed=given.seed, auto_score=True, **how(given),
    )  # fmt: skip
    for tries in range(1, given.max_tries + 1):
        score = take["lyrics_alignment_score"]
        print(f"try {tries}: score {score:.3f}, seed {take.seed}")
        best = max(best, take, key=lambda t: t["lyrics_alignment_score"])
        if score >= given.min_score:
            break
        if tries < given.max_tries:
            take = take.next_batch()
    reached = best["lyrics_alignment_score"] >= given.min_score
    print(f"{'reached' if reached else 'not reached; the best was'} {best['lyrics_alignment_score']:.3f}")
    print(f"saved {save(best, given.out)}")
    return 0 if reached else 1


if __name__ == "__main__":
    run(main)
