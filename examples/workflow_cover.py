"""The guide's first workflow, a finished cover: analyse, cover several times, keep the best, repaint a weak spot.

python examples/workflow_cover.py original.mp3 cover.wav --style "jazz version with saxophone" --covers 8 --fix 60 80
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

from acestep_runtime import analyze_audio, generate, save


def main() -> None:
    """Cover and save."""
    parser = options(__doc__)
    parser.add_argument("original", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--style", default="jazz version with saxophone")
    parser.add_argument("--strength", type=float, default=0.75, help="how closely to follow the original, 0 to 1")
    parser.add_argument("--covers", type=int, default=4)
    parser.add_argument("--fix", nargs=2, type=float, metavar=("START", "END"), help="seconds to repaint")
    parser.add_argument("--fix-caption", default="more energetic saxophone solo")
    given = parser.parse_args()

    facts = analyze_audio(given.original, engine=given.engine, daemon=given.daemon)
    print(f"{facts['bpm']:.1f} bpm, {facts['keyscale']}")
    covers = [
        generate(
            "cover", src_audio=given.original, caption=given.style, audio_cover_strength=given.strength,
            bpm=facts["bpm"], keyscale=facts["keyscale"], auto_score=True, **how(given),
        )
        for _ in range(given.covers)
    ]  # fmt: skip
    best = max(covers, key=lambda cover: cover["lyrics_alignment_score"])
    for cover in covers:
        print(f"{'*' if cover is best else ' '} score {cover['lyrics_alignment_score']:.3f}  seed {cover.seed}")
    final = best
    if given.fix:
        start_s, end_s = given.fix
        final = generate(
            "repaint", src_audio=best, repainting_start=start_s, repainting_end=end_s, caption=given.fix_caption,
            **how(given),
        )  # fmt: skip
    print(f"saved {save(final, given.out)}")


if __name__ == "__main__":
    run(main)
