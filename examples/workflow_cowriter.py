"""The guide's third workflow, writing with a partner: from a sentence to a draft, a better chorus, strings, a longer end.

    python examples/workflow_cowriter.py "emotional piano ballad about lost love" song.wav

The words go to a file beside the song, timed as LRC.
"""

from __future__ import annotations

from common import audio_file, call_options, options, run

from acestep_runtime import generate, save, save_lrc


def main() -> None:
    """Write, improve and save."""
    parser = options(__doc__)
    parser.add_argument("description")
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--duration", type=float, help="seconds (default: as the sentence suggests)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--outro-s", type=float, default=30.0, help="seconds that the outro adds (30)")
    args = parser.parse_args()

    draft = generate(
        mode="simple", song_description=args.description, duration=args.duration, seed=args.seed, auto_lrc=True,
        **call_options(args),
    )  # fmt: skip
    print(f"{draft['caption']}\n{draft['bpm']:g} bpm, {draft['keyscale']}, {draft.seconds:.0f} s, seed {draft.seed}")
    third = draft.seconds / 3
    better = generate(
        "repaint", src_audio=draft, repainting_start=third, repainting_end=1.5 * third,
        caption="more powerful, anthemic chorus with strings", **call_options(args),
    )  # fmt: skip
    strings = generate(
        "lego", src_audio=better, track_name="strings", caption="lush string section, cinematic", **call_options(args)
    )
    final = generate(
        "repaint", src_audio=strings, repainting_start=0.95 * strings.seconds, repainting_end=-1,
        duration=args.outro_s, caption="extended outro with piano solo and fade out", **call_options(args),
    )  # fmt: skip
    print(f"saved {save(final, args.out)}")
    if "lrc" in draft:
        print(f"saved {save_lrc(draft['lrc'], args.out.with_suffix('.lrc'))}")


if __name__ == "__main__":
    run(main)
