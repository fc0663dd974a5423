"""The options of the command line, each a type that is defined once. Commands use them to declare their parameters.

An option that is left out is ``None``, a flag ``False``: then it is left to the daemon, whose defaults are the contract's. The
options of models are in `acebridge.cli.model_options`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from acebridge.cli.declare import argument as _argument
from acebridge.cli.declare import flag as _flag
from acebridge.cli.declare import option as _option
from acebridge.cli.declare import time_option as _time

_MUSIC, _RESULT, _WORK, _DAEMON = "What it should be", "Result", "How it works", "Daemon"
_CHOICE = "Choosing the best"


#: What a command was given: the value of each of its options, of the type that the option has below.
Options: TypeAlias = Mapping[str, Any]


class EncodingName(str, Enum):
    """Sample formats of WAV files, and other formats of files."""

    float32 = "float32"
    pcm24 = "pcm24"
    pcm16 = "pcm16"
    flac = "flac"
    ogg = "ogg"
    opus = "opus"
    mp3 = "mp3"


class ScopeName(str, Enum):
    """How much of the song comes back."""

    whole = "whole"
    region = "region"


Src = Annotated[
    list[Path],
    _argument("Audio file: WAV, FLAC, AIFF, OGG or MP3; others with PyAV or ffmpeg. Several: one job each.", "SRC"),
]
CaptionWords = Annotated[list[str] | None, _argument("Style, instruments, mood, as --caption says them.", "CAPTION")]
Downmix = Annotated[
    bool, _flag("--downmix", "Mix a source with more than two channels down to stereo (ITU-R BS.775).", _MUSIC)
]
Description = Annotated[str, _argument("What the song should be, in a sentence.")]
Start = Annotated[
    float | None,
    _time("--start", "Start of the region: seconds or 1:30.5; negative values prepend music.", _MUSIC),
]
End = Annotated[
    float | None,
    _time("--end", "End of the region; -1 is the end of the source, a later time extends it.", _MUSIC),
]
Bars = Annotated[
    str | None,
    _option(
        "--bars",
        text="Length in bars of --bpm, such as 8; where there is a region also which bars, such as 5-8.",
        panel=_MUSIC,
        metavar="BARS",
    ),
]
Caption = Annotated[str | None, _option("--caption", "-c", text="Style, instruments, mood.", panel=_MUSIC)]
SongCaption = Annotated[
    str | None,
    _option(
        "--song-caption",
        text="Description of the song, beside that of the layer; for models that were trained for layers.",
        panel=_MUSIC,
    ),
]
Lyrics = Annotated[
    str | None,
    _option(
        "--lyrics",
        text="Lyrics, or a file of them: text, LRC, SRT, VTT. Words behind the tag of a section are no file.",
        panel=_MUSIC,
    ),
]
Track = Annotated[list[str] | None, _option("--track", "-t", text="Track name; repeat for more.", panel=_MUSIC)]
MidiSrc = Annotated[
    list[Path],
    _argument("Audio file, or the id of a job whose result to write down. Several: one job each.", "SRC"),
]
MidiTrack = Annotated[
    list[str] | None,
    _option("--track", "-t", text="Instrument to write down; repeat for more. Default: what is heard.", panel=_MUSIC),
]
Mono = Annotated[
    bool | None,
    _option("--mono/--poly", text="One note at a time, or several. Default: mono for voices and bass.", panel=_MUSIC),
]
Mix = Annotated[
    bool | None,
    _option(
        "--mix/--alone",
        text="Separate the instruments of a mix first, or hear one instrument alone. Default: by ear.",
        panel=_MUSIC,
    ),
]
Reference = Annotated[Path | None, _option("--reference", text="Reference recording for timbre and mix.", panel=_MUSIC)]
Strength = Annotated[
    float | None,
    _option("--strength", text="How closely the result follows the source, the plan or --midi, 0 to 1.", panel=_MUSIC),
]
Midi = Annotated[
    Path | None,
    _option("--midi", text="Follow the notes in this MIDI file; it also gives tempo, meter and length.", panel=_MUSIC),
]
Guide = Annotated[
    str | None,
    _option(
        "--guide",
        text="How the neural engine follows --midi: codes (default), as a plan, or cover, loosely.",
        panel=_MUSIC,
    ),
]
MorphMode = Annotated[
    str | None, _option("--morph", text="Keep the arrangement and change words, style or all.", panel=_MUSIC)
]
SourceCaption = Annotated[
    str | None,
    _option("--source-caption", text="Style of the source of --morph; default: the new one.", panel=_MUSIC),
]
SourceLyrics = Annotated[
    str | None,
    _option("--source-lyrics", text="Lyrics of the source of --morph, or a file; default: the new ones.", panel=_MUSIC),
]
Mode = Annotated[str | None, _option("--mode", text="conservative, balanced or aggressive.", panel=_MUSIC)]
Bpm = Annotated[float | None, _option("--bpm", text="Beats per minute, 30 to 300.", panel=_MUSIC)]
Key = Annotated[str | None, _option("--key", text='Key, such as "C major", "F# minor" or "Am".', panel=_MUSIC)]
TimeSignature = Annotated[int | None, _option("--time-signature", text="Beats per bar: 2, 3, 4 or 6.", panel=_MUSIC)]
Chords = Annotated[
    str | None,
    _option(
        "--chords",
        text='Chords to play: "Am F C G", one a bar; "| C . G/B . | Am7 F |"; "[Verse] Am F [Chorus] G"; numerals in a --key.',
        panel=_MUSIC,
    ),
]
ChordsFile = Annotated[
    Path | None,
    _option(
        "--chords-file",
        text="File of chords: text, ChordPro or a link of iReal Pro. It also says key, tempo and meter that no option says.",
        panel=_MUSIC,
    ),
]
Language = Annotated[
    str | None, _option("--language", text="Language of the lyrics: an ISO 639-1 code such as en or ko.", panel=_MUSIC)
]
Duration = Annotated[
    float | None,
    _time("--duration", "Length: seconds or 1:30.5; default: as long as the lyrics need, else 30.", _MUSIC),
]
Instrumental = Annotated[bool, _flag("--instrumental", "Without vocals.", _MUSIC)]
Engine = Annotated[
    str | None,
    _option(
        "--engine",
        "-e",
        text="Engine; `acebridge models` shows the names. auto (default) is neural if it is installed, else draft.",
        panel=_WORK,
        metavar="NAME",
    ),
]
Context = Annotated[float | None, _time("--context", "Seconds of context on each side of the region (30).", _WORK)]
Crossfade = Annotated[
    float | None, _option("--crossfade", text="Length of the crossfades outside the region in ms (20).", panel=_WORK)
]
MatchLoudness = Annotated[
    str | None,
    _option(
        "--match-loudness",
        text="What the new audio is as loud as: region, what was there (default); context, both sides of it; or off.",
        panel=_WORK,
    ),
]
Seed = Annotated[list[int] | None, _option("--seed", "-s", text="Seed; repeat for more takes.", panel=_RESULT)]
Takes = Annotated[int | None, _option("--takes", "-n", text="Number of takes, 1 to 8.", panel=_RESULT)]
Variation = Annotated[
    float | None,
    _option("--variation", text="How far from the take of the seed, 0 to 1; at 1 it is another one.", panel=_RESULT),
]
VariationSeed = Annotated[
    list[int] | None,
    _option("--variation-seed", text="Seed that a variation goes towards; repeat for more takes.", panel=_RESULT),
]
VariedTake = Annotated[
    int | None, _option("--take", text="Number of the take to vary; default: the first, or the best.", panel=_RESULT)
]
Preview = Annotated[
    int | None,
    _option(
        "--preview",
        text="Decode only the first bars, this many, of each take or region; `acebridge finish` decodes the rest.",
        panel=_RESULT,
        metavar="BARS",
    ),
]
SampleRate = Annotated[
    int | None,
    _option("--sample-rate", text="Sample rate in Hz; default: that of the source, else 48000.", panel=_RESULT),
]
Channels = Annotated[
    int | None, _option("--channels", text="Channels, 1 or 2; default: as in the source, else 2.", panel=_RESULT)
]
Encoding = Annotated[
    EncodingName | None,
    _option(
        "--format",
        text="Sample format of WAV files (float32), or the format of files that -o does not name, as in a folder.",
        panel=_RESULT,
    ),
]
Bits = Annotated[
    int | None,
    _option(
        "--bits", text="Bits of a sample: 16, 24 or 32 (float) for WAV (32); 16 or 24 for FLAC (24).", panel=_RESULT
    ),
]
Scope = Annotated[
    ScopeName | None, _option("--scope", text="What to write: the whole song (default) or the region.", panel=_RESULT)
]
AutoLrc = Annotated[bool, _flag("--auto-lrc", "Time the lyrics of every take.", _RESULT)]
AutoScore = Annotated[bool, _flag("--auto-score", "Score every take.", _RESULT)]
BestOf = Annotated[
    int | None, _option("--best-of", text="Generate this many takes, 1 to 64, and keep the best.", panel=_CHOICE)
]
LayerBestOf = Annotated[
    int | None,
    _option(
        "--best-of",
        text="Generate this many takes, 1 to 64, and keep the best; default: up to 3, until one fits.",
        panel=_CHOICE,
    ),
]
MinScore = Annotated[
    float | None,
    _option(
        "--min-score", text="Keep generating until a take reaches this score, 0 to 1; keep the best.", panel=_CHOICE
    ),
]
MaxTries = Annotated[
    int | None, _option("--max-tries", text="Limit of takes for --min-score, 1 to 64 (8).", panel=_CHOICE)
]
ScoreBy = Annotated[
    str | None,
    _option(
        "--score-by",
        text="lyrics_alignment, quality, lm or, with a source, fit; default: lyrics_alignment, or quality without lyrics.",
        panel=_CHOICE,
    ),
]
LayerScoreBy = Annotated[
    str | None,
    _option("--score-by", text="fit, lyrics_alignment, quality or lm; default: fit.", panel=_CHOICE),
]
FixTiming = Annotated[
    bool, _flag("--fix-timing", "Move what is early or late to its place, once a take is complete.", _RESULT)
]
KeepAll = Annotated[bool, _flag("--keep-all", "Also write the other takes, the best first.", _CHOICE)]
AutoGen = Annotated[bool, _flag("--auto-gen", "Prefetch the next batch for `acebridge jobs next`.", _WORK)]
Session = Annotated[
    str | None,
    _option("--session", text="Session name; a new request in the session cancels its prefetched batch.", panel=_WORK),
]
Out = Annotated[
    str | None,
    _option(
        "--out",
        "-o",
        text="File (.wav, .flac, .ogg, .opus, .mp3) or folder to write; only a file named here is overwritten.",
        panel=_RESULT,
        metavar="PATH",
    ),
]
Timing = Annotated[
    Path | None,
    _option(
        "--out",
        "-o",
        text="File for the timed lyrics, by its suffix: .lrc, .srt, .vtt, .json, or .csv for REAPER. Default: print"
        " them.",
        panel=_RESULT,
    ),
]
MidiOut = Annotated[
    Path | None,
    _option(
        "--out",
        "-o",
        text="MIDI file to write, or a folder. Default: named after the source; none with --json.",
        panel=_RESULT,
    ),
]
Offset = Annotated[
    float | None,
    _time("--offset", "Time added to all times, if the recording is a part of a song.", _RESULT),
]
Words = Annotated[bool, _flag("--words", "Write word times into an .lrc file (enhanced LRC).", _RESULT)]
Html = Annotated[
    str | None,
    _option(
        "--html",
        text="Write a karaoke page that plays the song; without FILE, beside the song.",
        panel=_RESULT,
        metavar="[FILE]",
    ),
]
ResultPage = Annotated[
    str | None,
    _option(
        "--html",
        text="Write a page that plays the results, A/B with the source; without FILE, beside the results.",
        panel=_RESULT,
        metavar="[FILE]",
    ),
]
Play = Annotated[bool, _flag("--play", "Play the results at the end.", _RESULT)]
Listen = Annotated[bool, _flag("--listen", "Play the takes while they are generated.", _RESULT)]
AsJson = Annotated[bool, _flag("--json", "Print one JSON object.", _RESULT)]
ByPath = Annotated[bool, _flag("--by-path", "Send the file's path, not its bytes.", _DAEMON)]
Detach = Annotated[bool, _flag("--detach", "Print the id of the job and return at once.", _DAEMON)]
Address = Annotated[str | None, _option("--address", text="host:port of the daemon.", panel=_DAEMON)]
NoAutostart = Annotated[bool, _flag("--no-autostart", "Do not start a daemon.", _DAEMON)]
