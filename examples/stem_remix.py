"""Keep the voice of a song and give it another band.

    python examples/stem_remix.py song.mp3 remix.wav --tracks drums bass synth --caption "dance remix with heavy bass"

The new tracks also go to a folder beside the remix, one file each, for the DAW.
"""

from __future__ import annotations

from pathlib import Path

from common import how, options, run

from acestep_runtime import analyze_audio, generate, save


def main() -> None:
    """Take the voice out, accompany it, save the mix and its stems."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tracks", nargs="+", default=["drums", "bass", "synth"])
    parser.add_argument("--caption", default="electronic dance remix with heavy bass")
    parser.add_argument("--keep", default="vocals", help="the track to keep (vocals)")
    given = parser.parse_args()

    facts = analyze_audio(given.song, engine=given.engine, daemon=given.daemon)
    kept = generate("extract", src_audio=given.song, track_name=given.keep, **how(given))
    remix = generate(
        "complete", src_audio=kept, track_names=given.tracks, caption=given.caption, bpm=facts["bpm"],
        keyscale=facts["keyscale"], **how(given),
    )  # fmt: skip
    print(f"{remix['bpm']:.1f} bpm, {remix['keyscale']}, seed {remix.seed}")
    print(f"saved {save(remix, given.out)}")
    folder = given.out.with_name(given.out.stem + " stems")
    folder.mkdir(exist_ok=True)
    for role, stem in {given.keep: kept["audio"], **remix.stems}.items():
        print(f"saved {save(stem, folder / f'{role}.wav')}")


if __name__ == "__main__":
    run(main)
