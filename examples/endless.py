"""Extend a song repeatedly: every part continues the ten seconds before it.

python examples/endless.py song.wav longer.wav --pieces 10 --piece-s 30
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, options, run

from acestep_runtime import Audio, generate, save


def main() -> None:
    """Extend and save."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--caption", default="continue in the same style")
    parser.add_argument("--pieces", type=int, default=4)
    parser.add_argument("--piece-s", type=float, default=30.0, help="seconds that each piece adds (30)")
    parser.add_argument("--overlap-s", type=float, default=10.0, help="seconds before the end to generate again (10)")
    parser.add_argument("--last", default="outro with fade out", help="caption of the last piece")
    args = parser.parse_args()

    song = Audio(args.song)
    for piece in range(1, args.pieces + 1):
        longer = generate(
            "repaint", src_audio=song, repainting_start=max(0.0, song.seconds - args.overlap_s), repainting_end=-1,
            duration=args.piece_s, caption=args.last if piece == args.pieces else args.caption, **call_options(args),
        )  # fmt: skip
        song = longer["audio"]
        print(f"{piece} of {args.pieces}: {song.seconds:.1f} s, seed {longer.seed}")
    print(f"saved {save(song, args.out)}")


if __name__ == "__main__":
    run(main)
