"""Generate N takes, keep the best.

python examples/best_of_n.py "warm lo-fi, mellow piano" best.wav -n 12
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, format_score, options, run

from acestep_runtime import generate, save


def main() -> None:
    """Rank the takes and save the best."""
    parser = options(__doc__)
    parser.add_argument("caption")
    parser.add_argument("out", type=audio_file)
    parser.add_argument("-n", type=int, default=8, help="takes (8)")
    parser.add_argument("--lyrics", type=Path, help="a text file")
    parser.add_argument("--duration", type=float, help="seconds")
    parser.add_argument("--seed", type=int, help="of the first take")
    args = parser.parse_args()

    best = generate(
        caption=args.caption, lyrics=args.lyrics and args.lyrics.read_text("utf-8"), duration=args.duration,
        seed=args.seed, best_of=args.n, **call_options(args),
    )  # fmt: skip
    for place, take in enumerate(best.ranking, 1):
        print(f"{place:2}. score {format_score(take.score)}  seed {take.seed}")
    print(f"saved {save(best, args.out)}")


if __name__ == "__main__":
    run(main)
