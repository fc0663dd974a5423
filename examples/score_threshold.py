"""Generate takes until one reaches a score, or the tries are used up; keep the best.

    python examples/score_threshold.py "emotional ballad" final.wav --lyrics words.txt --min-score 0.85 --max-tries 10

Exits with status 1 when no take reaches the score.
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, format_score, options, run

from acestep_runtime import generate, save


def main() -> int:
    """Generate, compare, stop early; return the exit status."""
    parser = options(__doc__)
    parser.add_argument("caption")
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--lyrics", type=Path, help="a text file")
    parser.add_argument("--duration", type=float, help="seconds")
    parser.add_argument("--min-score", type=float, default=0.85)
    parser.add_argument("--max-tries", type=int, default=10)
    parser.add_argument("--seed", type=int, help="of the first try")
    args = parser.parse_args()

    best = generate(
        caption=args.caption, lyrics=args.lyrics and args.lyrics.read_text("utf-8"), duration=args.duration,
        seed=args.seed, min_score=args.min_score, max_tries=args.max_tries, **call_options(args),
    )  # fmt: skip
    for take in sorted(best.ranking, key=lambda take: take.take):
        print(f"try {take.take + 1}: score {format_score(take.score)}, seed {take.seed}")
    score = best.ranking[0].score
    is_reached = score is not None and score >= args.min_score
    print(f"{'reached' if is_reached else 'not reached; the best was'} {format_score(score)}")
    print(f"saved {save(best, args.out)}")
    return 0 if is_reached else 1


if __name__ == "__main__":
    run(main)
