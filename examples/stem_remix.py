"""Keep the voice of a song and replace the band.

    python examples/stem_remix.py song.mp3 remix.wav --tracks drums bass synth --caption "dance remix with heavy bass"

The new tracks are also written to a folder beside the remix, one file each, for the DAW.
"""

from __future__ import annotations

from pathlib import Path

from common import audio_file, call_options, options, run

from acestep_runtime import analyze_audio, generate, save


def main() -> None:
    """Separate the voice, accompany it, save the mix and its stems."""
    parser = options(__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("out", type=audio_file)
    parser.add_argument("--tracks", nargs="+", default=["drums", "bass", "synth"])
    parser.add_argument("--caption", default="electronic dance remix with heavy bass")
    parser.add_argument("--keep", default="vocals", help="the track to keep (vocals)")
    args = parser.parse_args()

    facts = analyze_audio(args.song, engine=args.engine, daemon=args.daemon)
    voice = generate("extract", src_audio=args.song, track_name=args.keep, **call_options(args))
    remix = generate(
        "complete", src_audio=voice, track_names=args.tracks, caption=args.caption, bpm=facts["bpm"],
        keyscale=facts["keyscale"], **call_options(args),
    )  # fmt: skip
    print(f"{remix['bpm']:.1f} bpm, {remix['keyscale']}, seed {remix.seed}")
    print(f"saved {save(remix, args.out)}")
    folder = args.out.with_name(args.out.stem + " stems")
    folder.mkdir(exist_ok=True)
    for role, stem in {args.keep: voice["audio"], **remix.stems}.items():
        print(f"saved {save(stem, folder / f'{role}.wav')}")


if __name__ == "__main__":
    run(main)
