"""The guide's first workflow, a finished cover: analyse, cover several times, keep the best, repaint a weak spot.

python examples/workflow_cover.py original.mp3 cover.wav --style "jazz version with saxophone" --covers 8 --fix 60 80
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, options, run

from acestep_runtime import analyze_audio, generate, save
from acestep_runtime.certainty import describe_findings


def main() -> None:
    """Cover and save."""
    parser = options(__doc__)
    parser.add_argument("original", type=Path)
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--style", default="jazz version with saxophone")
    parser.add_argument("--strength", type=float, default=0.75, help="how closely to follow the original, 0 to 1")
    parser.add_argument("--covers", type=int, default=4)
    parser.add_argument("--fix", nargs=2, type=float, metavar=("START", "END"), help="seconds to repaint")
    parser.add_argument("--fix-caption", default="more energetic saxophone solo")
    args = parser.parse_args()

    facts = analyze_audio(args.original, engine=args.engine, daemon=args.daemon)
    words = describe_findings(facts, bpm="{:.1f} bpm")
    print(f"tempo {words['bpm']}, key {words['keyscale']}")
    covers = [
        generate(
            "cover", src_audio=args.original, caption=args.style, audio_cover_strength=args.strength,
            bpm=facts["bpm"], keyscale=facts["keyscale"], auto_score=True, **call_options(args),
        )
        for _ in range(args.covers)
    ]  # fmt: skip
    best = max(covers, key=lambda cover: cover["lyrics_alignment_score"])
    for cover in covers:
        print(f"{'*' if cover is best else ' '} score {cover['lyrics_alignment_score']:.3f}  seed {cover.seed}")
    final = best
    if args.fix:
        start_s, end_s = args.fix
        final = generate(
            "repaint", src_audio=best, repainting_start=start_s, repainting_end=end_s, caption=args.fix_caption,
            **call_options(args),
        )  # fmt: skip
    print(f"saved {save(final, args.out)}")


if __name__ == "__main__":
    run(main)
