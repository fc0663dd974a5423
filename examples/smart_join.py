"""Join two songs: concatenate them and repaint the seconds around the join.

python examples/smart_join.py first.wav second.flac joined.wav --seconds 5
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, options, run

from acestep_runtime import Audio, analyze_audio, concat, generate, save
from acestep_runtime.certainty import describe_findings


def main() -> None:
    """Join and save."""
    parser = options(__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds to repaint on each side of the join (5)")
    parser.add_argument("--caption", default="smooth transition, blend both styles")
    args = parser.parse_args()

    first, second = Audio(args.first), Audio(args.second)
    for song in (first, second):
        facts = analyze_audio(song, engine=args.engine, daemon=args.daemon)
        words = describe_findings(facts, bpm="{:.1f} bpm")
        print(f"{song.path.name}: tempo {words['bpm']}, key {words['keyscale']}")
    result = generate(
        "repaint", src_audio=concat(first, second), repainting_start=max(0.0, first.seconds - args.seconds),
        repainting_end=first.seconds + min(args.seconds, second.seconds), caption=args.caption, **call_options(args),
    )  # fmt: skip
    print(f"saved {save(result, args.out)}, {result.seconds:.2f} s; the join is at {first.seconds:.2f} s")


if __name__ == "__main__":
    run(main)
