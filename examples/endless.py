"""Extend a song again and again: every piece grows out of the last ten seconds before it.

python examples/endless.py song.wav longer.wav --pieces 10 --piece-s 30
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

from acestep_runtime import Audio, generate, save


def main() -> None:
    """Extend and save."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--caption", default="continue in the same style")
    parser.add_argument("--pieces", type=int, default=4)
    parser.add_argument("--piece-s", type=float, default=30.0, help="seconds that each piece adds (30)")
    parser.add_argument("--overlap-s", type=float, default=10.0, help="seconds before the end to generate again (10)")
    parser.add_argument("--last", default="outro with fade out", help="caption of the last piece")
    given = parser.parse_args()

    song = Audio(given.song)
    for piece in range(1, given.pieces + 1):
        longer = generate(
            "repaint", src_audio=song, repainting_start=max(0.0, song.seconds - given.overlap_s), repainting_end=-1,
            duration=given.piece_s, caption=given.last if piece == given.pieces else given.caption, **how(given),
        )  # fmt: skip
        song = longer["audio"]
        print(f"{piece} of {given.pieces}: {song.seconds:.1f} s, seed {longer.seed}")
    print(f"saved {save(song, given.out)}")


if __name__ == "__main__":
    run(main)
