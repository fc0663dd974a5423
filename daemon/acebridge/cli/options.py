"""The options of the command line, each a type that is defined once. Commands use them to declare their parameters.

An option that is left out is ``None``, a flag ``False``: then it is left to the daemon, whose defaults are the contract's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.models import ArgumentInfo, OptionInfo

_MUSIC, _RESULT, _WORK, _DAEMON = "What it should be", "Result", "How it works", "Daemon"
_NEURAL = "How a neural engine works"
_THINKING = "How a language model thinks"
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


def parse_time(text: str) -> float:
    """Return the seconds that an option says, with or without minutes and hours."""
    from acestep_runtime.errors import InvalidValue
    from acestep_runtime.units import text_to_seconds

    try:
        return text_to_seconds(text)
    except InvalidValue as error:
        message = f"{error.value} is no time; write {error.allowed}."
        raise typer.BadParameter(message) from None


def _option(
    *names: str, text: str, panel: str, metavar: str | None = None, parser: Callable[[str], float] | None = None
) -> OptionInfo:
    option: OptionInfo = typer.Option(
        *names, help=text, rich_help_panel=panel, show_default=False, metavar=metavar, parser=parser
    )
    return option


def _time(name: str, text: str, panel: str) -> OptionInfo:
    return _option(name, text=text, panel=panel, metavar="TIME", parser=parse_time)


def _flag(name: str, text: str, panel: str) -> OptionInfo:
    flag: OptionInfo = typer.Option(name, help=text, rich_help_panel=panel)
    return flag


def _argument(text: str, metavar: str | None = None) -> ArgumentInfo:
    argument: ArgumentInfo = typer.Argument(help=text, show_default=False, metavar=metavar)
    return argument


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
Reference = Annotated[Path | None, _option("--reference", text="Reference recording for timbre and mix.", panel=_MUSIC)]
Strength = Annotated[
    float | None,
    _option("--strength", text="How closely the result follows the source, or the plan, 0 to 1.", panel=_MUSIC),
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
MorphStart = Annotated[
    float | None,
    _option(
        "--morph-start", text="Share of the steps that --morph leaves out, 0 to 0.95; more is closer.", panel=_NEURAL
    ),
]
MorphEnd = Annotated[
    float | None,
    _option("--morph-end", text="Share of the steps after which only the new music counts, 0 to 1.", panel=_NEURAL),
]
MorphDraws = Annotated[
    int | None, _option("--morph-draws", text="Draws of noise in each step of --morph, 1 to 8 (1).", panel=_NEURAL)
]
Mode = Annotated[str | None, _option("--mode", text="conservative, balanced or aggressive.", panel=_MUSIC)]
Bpm = Annotated[float | None, _option("--bpm", text="Beats per minute, 30 to 300.", panel=_MUSIC)]
Key = Annotated[str | None, _option("--key", text='Key, such as "C major", "F# minor" or "Am".', panel=_MUSIC)]
TimeSignature = Annotated[int | None, _option("--time-signature", text="Beats per bar: 2, 3, 4 or 6.", panel=_MUSIC)]
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
Steps = Annotated[int | None, _option("--steps", text="Denoising steps.", panel=_NEURAL)]
Guidance = Annotated[float | None, _option("--guidance", text="Guidance strength.", panel=_NEURAL)]
Model = Annotated[str | None, _option("--model", text="Model; `acebridge models list` shows the names.", panel=_NEURAL)]
Vae = Annotated[
    str | None,
    _option("--vae", text="Another VAE, a file or a folder in the models folder, by its name.", panel=_NEURAL),
]
Lora = Annotated[
    list[str] | None,
    _option(
        "--lora",
        text="Adapter (LoRA, LoKr, DoRA) from `acebridge models list`; NAME:0.5 applies it at half strength. Repeat for more.",
        panel=_NEURAL,
        metavar="NAME[:SCALE]",
    ),
]
Thinking = Annotated[bool, _flag("--thinking", "Have a language model plan the song first.", _THINKING)]
Plan = Annotated[
    Path | None,
    _option("--plan", text="Follow the plan in this JSON file; other options override its metadata.", panel=_THINKING),
]
SavePlan = Annotated[
    Path | None, _option("--save-plan", text="Write the first take's plan into this JSON file.", panel=_THINKING)
]
Lm = Annotated[str | None, _option("--lm", text="Name of the language model.", panel=_THINKING)]
LmTemperature = Annotated[
    float | None, _option("--lm-temperature", text="Sampling temperature, 0 to 2.", panel=_THINKING)
]
LmTopK = Annotated[
    int | None, _option("--lm-top-k", text="Sample from this many of the likeliest tokens; 0 for all.", panel=_THINKING)
]
LmTopP = Annotated[
    float | None,
    _option(
        "--lm-top-p", text="Sample from the likeliest tokens with this total probability, 0 to 1.", panel=_THINKING
    ),
]
LmGuidance = Annotated[
    float | None, _option("--lm-guidance", text="Guidance of the audio codes by the prompt, 1 to 10.", panel=_THINKING)
]
LmRepetitionPenalty = Annotated[
    float | None,
    _option("--lm-repetition-penalty", text="Penalty for repeated tokens, 1 to 2.", panel=_THINKING),
]
LmAtOnce = Annotated[int | None, _option("--lm-at-once", text="Takes planned in one batch, 1 to 8.", panel=_THINKING)]
Negative = Annotated[str | None, _option("--negative", text="Negative prompt of the plan.", panel=_THINKING)]
KeepCaption = Annotated[bool, _flag("--keep-caption", "Keep your caption instead of the model's.", _THINKING)]
Shift = Annotated[
    float | None, _option("--shift", text="Shift of the noise schedule towards high noise, 0.1 to 10.", panel=_NEURAL)
]
Sampler = Annotated[str | None, _option("--sampler", text="euler (default), heun, sde or ab3.", panel=_NEURAL)]
GuidanceMethod = Annotated[
    str | None,
    _option("--guidance-method", text="apg (default), adg, adg_w_norm, adg_wo_clip or cfg.", panel=_NEURAL),
]
GuidanceStart = Annotated[
    float | None,
    _option("--guidance-start", text="Guidance is off below this noise level, 0 to 1 (0).", panel=_NEURAL),
]
GuidanceEnd = Annotated[
    float | None, _option("--guidance-end", text="Guidance is off above this noise level, 0 to 1 (1).", panel=_NEURAL)
]
Timesteps = Annotated[
    str | None,
    _option(
        "--timesteps",
        text="Noise levels of the steps, falling from 1, such as 1,0.75,0.5; replaces steps and shift.",
        panel=_NEURAL,
        metavar="LEVELS",
    ),
]
VelocityClamp = Annotated[
    float | None,
    _option(
        "--velocity-clamp",
        text="Limit of the velocity's norm, relative to the latents' norm, 0.01 to 100.",
        panel=_NEURAL,
    ),
]
VelocityEma = Annotated[
    float | None,
    _option("--velocity-ema", text="Smoothing: share of the previous velocity in the next, 0 to 1 (0).", panel=_NEURAL),
]
Dcw = Annotated[
    str | None,
    _option(
        "--dcw",
        text="Correction after each step: auto (default; double on turbo models, else off), off, low, high, double or pix.",
        panel=_NEURAL,
    ),
]
DcwStrength = Annotated[
    float | None,
    _option("--dcw-strength", text="Strength of --dcw, for double that of the low band, 0 to 1 (0.05).", panel=_NEURAL),
]
DcwHighStrength = Annotated[
    float | None,
    _option("--dcw-high-strength", text="Strength of the high band in --dcw double, 0 to 1 (0.02).", panel=_NEURAL),
]
NoiseStrength = Annotated[
    float | None,
    _option(
        "--noise-strength", text="Share of the source in the initial latents of a cover, 0 to 1 (0).", panel=_NEURAL
    ),
]
SkipQuantiser = Annotated[
    bool, _flag("--skip-quantiser", "Condition a cover on the source's latents instead of its audio codes.", _NEURAL)
]
Mask = Annotated[
    str | None,
    _option("--mask", text="explicit (default): make the region, or all; auto: the model decides.", panel=_NEURAL),
]
SkipLoop = Annotated[bool, _flag("--skip-loop", "Do not loop sources under a minute.", _NEURAL)]
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
        text="lyrics_alignment, quality or lm; default: lyrics_alignment, or quality without lyrics.",
        panel=_CHOICE,
    ),
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
