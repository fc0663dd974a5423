"""The guide's second workflow, a remix out of stems: voice out, new synth and drums in, a build-up at the start.

python examples/workflow_remix.py song.mp3 remix.wav --intro-s 10
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, options, run

from acestep_runtime import analyze_audio, generate, save


def main() -> None:
    """Remix and save."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--intro-s", type=float, default=10.0, help="seconds of build-up (10)")
    args = parser.parse_args()

    facts = analyze_audio(args.song, engine=args.engine, daemon=args.daemon)
    music = generate("extract", src_audio=args.song, track_name="vocals", **call_options(args))
    for track, caption in (
        ("synth", "heavy electronic bass, EDM style"),
        ("drums", "electronic drums, four-on-the-floor"),
    ):
        # A voice alone hardly tells where the beat is; the song did.
        music = generate(
            "lego", src_audio=music, track_name=track, caption=caption, bpm=facts["bpm"], keyscale=facts["keyscale"],
            **call_options(args),
        )  # fmt: skip
        print(f"added {track}: {music['bpm']:.1f} bpm, {music['keyscale']}, seed {music.seed}")
    final = generate(
        "repaint", src_audio=music, repainting_start=0, repainting_end=args.intro_s, caption="epic buildup intro",
        **call_options(args),
    )  # fmt: skip
    print(f"saved {save(final, args.out)}")


if __name__ == "__main__":
    run(main)
