"""The options of the command line, each a type that is defined once. Commands use them to declare their parameters.

An option that is left out is ``None``, a flag ``False``: then it is left to the daemon, whose defaults are the contract's.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Sample formats of the WAV files."""

    float32 = "float32"
    pcm24 = "pcm24"
    pcm16 = "pcm16"


class ScopeName(str, Enum):
    """How much of the song comes back."""

    whole = "whole"
    region = "region"


def _option(*names: str, text: str, panel: str, metavar: str | None = None) -> OptionInfo:
    option: OptionInfo = typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, metavar=metavar)
    return option


def _flag(name: str, text: str, panel: str) -> OptionInfo:
    flag: OptionInfo = typer.Option(name, help=text, rich_help_panel=panel)
    return flag


def _argument(text: str) -> ArgumentInfo:
    argument: ArgumentInfo = typer.Argument(help=text, show_default=False)
    return argument


Src = Annotated[Path, _argument("Audio file: WAV, FLAC, AIFF, OGG or MP3.")]
Description = Annotated[str, _argument("What the song should be, in a sentence.")]
Start = Annotated[
    float | None, _option("--start", text="Start of the region, seconds; negative prepends.", panel=_MUSIC)
]
End = Annotated[float | None, _option("--end", text="End of the region; -1 is the end, later extends.", panel=_MUSIC)]
Caption = Annotated[str | None, _option("--caption", "-c", text="Style, instruments, mood.", panel=_MUSIC)]
Lyrics = Annotated[
    str | None, _option("--lyrics", text="Lyrics, or a file of them: text, LRC, SRT, VTT.", panel=_MUSIC)
]
Track = Annotated[list[str] | None, _option("--track", "-t", text="Track name; repeat for more.", panel=_MUSIC)]
Reference = Annotated[Path | None, _option("--reference", text="Recording whose timbre it should have.", panel=_MUSIC)]
Strength = Annotated[float | None, _option("--strength", text="0 to 1.", panel=_MUSIC)]
Mode = Annotated[str | None, _option("--mode", text="conservative, balanced or aggressive.", panel=_MUSIC)]
Bpm = Annotated[float | None, _option("--bpm", text="30 to 300.", panel=_MUSIC)]
Key = Annotated[str | None, _option("--key", text='"C major", "F# minor", "Am".', panel=_MUSIC)]
TimeSignature = Annotated[int | None, _option("--time-signature", text="Beats per bar: 2, 3, 4 or 6.", panel=_MUSIC)]
Language = Annotated[str | None, _option("--language", text="Language of the lyrics, such as en or ko.", panel=_MUSIC)]
Duration = Annotated[
    float | None, _option("--duration", text="Length in seconds; default: as the lyrics need, else 30.", panel=_MUSIC)
]
Instrumental = Annotated[bool, _flag("--instrumental", "Without vocals.", _MUSIC)]
Engine = Annotated[
    str | None,
    _option(
        "--engine",
        "-e",
        text="Name, as `acebridge models` has it; auto (default) takes neural when it is there, else draft.",
        panel=_WORK,
        metavar="NAME",
    ),
]
Context = Annotated[
    float | None, _option("--context", text="Seconds around the region that are heard (30).", panel=_WORK)
]
Crossfade = Annotated[float | None, _option("--crossfade", text="Crossfade outside the region, ms (20).", panel=_WORK)]
Steps = Annotated[int | None, _option("--steps", text="Denoising steps.", panel=_NEURAL)]
Guidance = Annotated[float | None, _option("--guidance", text="Guidance strength.", panel=_NEURAL)]
Model = Annotated[str | None, _option("--model", text="Name, as `acebridge models list` has it.", panel=_NEURAL)]
Lora = Annotated[
    list[str] | None,
    _option(
        "--lora",
        text="Adapter, as `acebridge models list` has it; NAME:0.5 is half as strong. Repeat for more.",
        panel=_NEURAL,
        metavar="NAME[:SCALE]",
    ),
]
Thinking = Annotated[bool, _flag("--thinking", "Have a language model plan the song first.", _THINKING)]
Plan = Annotated[
    Path | None,
    _option(
        "--plan", text="Follow the plan in this JSON file; what is given besides is changed in it.", panel=_THINKING
    ),
]
SavePlan = Annotated[
    Path | None, _option("--save-plan", text="Write the first take's plan into this JSON file.", panel=_THINKING)
]
Lm = Annotated[str | None, _option("--lm", text="Name of the language model.", panel=_THINKING)]
LmTemperature = Annotated[
    float | None, _option("--lm-temperature", text="How freely it chooses, 0 to 2.", panel=_THINKING)
]
LmTopK = Annotated[
    int | None, _option("--lm-top-k", text="Choose among so many of the likeliest; 0 is all.", panel=_THINKING)
]
LmTopP = Annotated[
    float | None, _option("--lm-top-p", text="Choose among this share of the probability, 0 to 1.", panel=_THINKING)
]
LmGuidance = Annotated[
    float | None, _option("--lm-guidance", text="How closely codes follow what is asked, 1 to 10.", panel=_THINKING)
]
LmRepetitionPenalty = Annotated[
    float | None,
    _option("--lm-repetition-penalty", text="Make what was said before less likely, 1 to 2.", panel=_THINKING),
]
LmAtOnce = Annotated[
    int | None, _option("--lm-at-once", text="Takes thought about in one pass, 1 to 8.", panel=_THINKING)
]
Negative = Annotated[str | None, _option("--negative", text="What the plan should stay away from.", panel=_THINKING)]
KeepCaption = Annotated[
    bool, _flag("--keep-caption", "Use the caption as it is, not as the model words it.", _THINKING)
]
Shift = Annotated[float | None, _option("--shift", text="Shift of the schedule towards noise.", panel=_NEURAL)]
Sampler = Annotated[str | None, _option("--sampler", text="euler (default), heun or sde.", panel=_NEURAL)]
GuidanceMethod = Annotated[str | None, _option("--guidance-method", text="apg (default), adg or cfg.", panel=_NEURAL)]
GuidanceStart = Annotated[
    float | None,
    _option("--guidance-start", text="Noise level, 0 to 1, below which guidance rests (0).", panel=_NEURAL),
]
GuidanceEnd = Annotated[
    float | None, _option("--guidance-end", text="Noise level, 0 to 1, above which guidance rests (1).", panel=_NEURAL)
]
Timesteps = Annotated[
    str | None,
    _option(
        "--timesteps",
        text="Noise levels of the steps, falling from 1, such as 1,0.75,0.5; in place of steps and shift.",
        panel=_NEURAL,
        metavar="LEVELS",
    ),
]
VelocityClamp = Annotated[
    float | None,
    _option("--velocity-clamp", text="Largest velocity, relative to the latents, 0.01 to 100.", panel=_NEURAL),
]
VelocityEma = Annotated[
    float | None, _option("--velocity-ema", text="Share of the last velocity in the next, 0 to 1 (0).", panel=_NEURAL)
]
NoiseStrength = Annotated[
    float | None, _option("--noise-strength", text="How much of the source a cover starts from, 0 to 1.", panel=_NEURAL)
]
SkipQuantiser = Annotated[
    bool, _flag("--skip-quantiser", "Cover the source's latents themselves, not their codes.", _NEURAL)
]
Mask = Annotated[str | None, _option("--mask", text="explicit (default), or auto: the model decides.", panel=_NEURAL)]
SkipLoop = Annotated[bool, _flag("--skip-loop", "Do not repeat sources under a minute.", _NEURAL)]
Seed = Annotated[list[int] | None, _option("--seed", "-s", text="Seed; repeat for more takes.", panel=_RESULT)]
Takes = Annotated[int | None, _option("--takes", "-n", text="Number of takes, 1 to 8.", panel=_RESULT)]
SampleRate = Annotated[
    int | None, _option("--sample-rate", text="Hz; default as the source, else 48000.", panel=_RESULT)
]
Channels = Annotated[int | None, _option("--channels", text="1 or 2; default as the source, else 2.", panel=_RESULT)]
Encoding = Annotated[EncodingName | None, _option("--format", text="Samples of the WAV file (float32).", panel=_RESULT)]
Scope = Annotated[ScopeName | None, _option("--scope", text="whole song (default), or only the region.", panel=_RESULT)]
AutoLrc = Annotated[bool, _flag("--auto-lrc", "Time the lyrics of every take.", _RESULT)]
AutoScore = Annotated[bool, _flag("--auto-score", "Score every take.", _RESULT)]
BestOf = Annotated[
    int | None, _option("--best-of", text="Make so many takes, 1 to 64, and keep the best.", panel=_CHOICE)
]
MinScore = Annotated[
    float | None,
    _option("--min-score", text="Make takes until one scores that much, 0 to 1; keep the best.", panel=_CHOICE),
]
MaxTries = Annotated[
    int | None, _option("--max-tries", text="At most so many takes for --min-score, 1 to 64 (8).", panel=_CHOICE)
]
ScoreBy = Annotated[
    str | None,
    _option(
        "--score-by",
        text="lyrics_alignment, quality or lm; by how well words are sung, else by quality.",
        panel=_CHOICE,
    ),
]
KeepAll = Annotated[bool, _flag("--keep-all", "Write the takes that were not chosen too, the best first.", _CHOICE)]
AutoGen = Annotated[
    bool, _flag("--auto-gen", "Make the next batch in the background, for `acebridge jobs next`.", _WORK)
]
Session = Annotated[
    str | None,
    _option("--session", text="A name; a new request under it cancels the batch in the background.", panel=_WORK),
]
Out = Annotated[
    str | None,
    _option(
        "--out", "-o", text="File or folder to write; files that are there are replaced.", panel=_RESULT, metavar="PATH"
    ),
]
Timing = Annotated[
    Path | None,
    _option(
        "--out",
        "-o",
        text="File for the timed lyrics, by its suffix: .lrc, .srt, .vtt, .json, or .csv for REAPER. Left out, they are"
        " printed.",
        panel=_RESULT,
    ),
]
Offset = Annotated[
    float | None,
    _option("--offset", text="Seconds that the recording begins after the song, added to all times.", panel=_RESULT),
]
Words = Annotated[bool, _flag("--words", "Write the time of every word into an .lrc file (enhanced LRC).", _RESULT)]
Html = Annotated[Path | None, _option("--html", text="Page that plays the song and follows its words.", panel=_RESULT)]
AsJson = Annotated[bool, _flag("--json", "Print one JSON object.", _RESULT)]
ByPath = Annotated[bool, _flag("--by-path", "Send the file's path, not its bytes.", _DAEMON)]
Detach = Annotated[bool, _flag("--detach", "Print the id of the job and leave it to the daemon.", _DAEMON)]
Address = Annotated[str | None, _option("--address", text="host:port of the daemon.", panel=_DAEMON)]
NoAutostart = Annotated[bool, _flag("--no-autostart", "Fail when no daemon answers.", _DAEMON)]
