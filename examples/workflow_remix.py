"""The guide's second workflow, a remix out of stems: voice out, new synth and drums in, a build-up at the start.

python examples/workflow_remix.py song.mp3 remix.wav --intro-s 10
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

from acestep_runtime import analyze_audio, generate, save


def main() -> None:
    """Remix and save."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--intro-s", type=float, default=10.0, help="seconds of build-up (10)")
    given = parser.parse_args()

    facts = analyze_audio(given.song, engine=given.engine, daemon=given.daemon)
    music = generate("extract", src_audio=given.song, track_name="vocals", **how(given))
    for track, caption in (
        ("synth", "heavy electronic bass, EDM style"),
        ("drums", "electronic drums, four-on-the-floor"),
    ):
        # A voice alone hardly tells where the beat is; the song did.
        music = generate(
            "lego", src_audio=music, track_name=track, caption=caption, bpm=facts["bpm"], keyscale=facts["keyscale"],
            **how(given),
        )  # fmt: skip
        print(f"added {track}: {music['bpm']:.1f} bpm, {music['keyscale']}, seed {music.seed}")
    final = generate(
        "repaint", src_audio=music, repainting_start=0, repainting_end=given.intro_s, caption="epic buildup intro",
        **how(given),
    )  # fmt: skip
    print(f"saved {save(final, given.out)}")


if __name__ == "__main__":
    run(main)
