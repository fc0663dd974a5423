"""The options of the command line, each defined once. A command names the ones it has."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

_MUSIC, _RESULT, _WORK, _DAEMON = "What it should be", "Result", "How it works", "Daemon"
_NEURAL = "How a neural engine works"
_THINKING = "How a language model thinks"
_CHOICE = "Choosing the best"


class EngineName(str, Enum):
    """Engines to choose from."""

    auto = "auto"
    draft = "draft"
    neural = "neural"
    fake = "fake"


class Format(str, Enum):
    """Sample formats of the WAV files."""

    float32 = "float32"
    pcm24 = "pcm24"
    pcm16 = "pcm16"


class Scope(str, Enum):
    """How much of the song comes back."""

    whole = "whole"
    region = "region"


def _option(kind: Any, *names: str, text: str, panel: str, metavar: str | None = None) -> Any:
    option = typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, metavar=metavar)
    return Annotated[Optional[kind], option]  # noqa: UP045


def _flag(name: str, text: str, panel: str) -> Any:
    return Annotated[bool, typer.Option(name, help=text, rich_help_panel=panel)]


def _argument(kind: Any, text: str) -> Any:
    return Annotated[kind, typer.Argument(help=text, show_default=False)]


#: Parameter name → its annotation. `Annotated[bool, …]` ones default to False, arguments have no default, others None.
OPTIONS: dict[str, Any] = {
    "src": _argument(Path, "Audio file: WAV, FLAC, AIFF, OGG or MP3."),
    "description": _argument(str, "What the song should be, in a sentence."),
    "start": _option(float, "--start", text="Start of the region, seconds; negative prepends.", panel=_MUSIC),
    "end": _option(float, "--end", text="End of the region; -1 is the end, later extends.", panel=_MUSIC),
    "caption": _option(str, "--caption", "-c", text="Style, instruments, mood.", panel=_MUSIC),
    "lyrics": _option(str, "--lyrics", text="Lyrics, or a file of them: text, LRC, SRT, VTT.", panel=_MUSIC),
    "track": _option(list[str], "--track", "-t", text="Track name; repeat for more.", panel=_MUSIC),
    "reference": _option(Path, "--reference", text="Recording whose timbre it should have.", panel=_MUSIC),
    "strength": _option(float, "--strength", text="0 to 1.", panel=_MUSIC),
    "mode": _option(str, "--mode", text="conservative, balanced or aggressive.", panel=_MUSIC),
    "bpm": _option(float, "--bpm", text="30 to 300.", panel=_MUSIC),
    "key": _option(str, "--key", text='"C major", "F# minor", "Am".', panel=_MUSIC),
    "time_signature": _option(int, "--time-signature", text="Beats per bar: 2, 3, 4 or 6.", panel=_MUSIC),
    "language": _option(str, "--language", text="Language of the lyrics, such as en or ko.", panel=_MUSIC),
    "duration": _option(
        float, "--duration", text="Length in seconds; default: as the lyrics need, else 30.", panel=_MUSIC
    ),
    "instrumental": _flag("--instrumental", "Without vocals.", _MUSIC),
    "engine": _option(
        EngineName, "--engine", "-e", text="auto takes neural when it is there, else draft.", panel=_WORK
    ),
    "context": _option(float, "--context", text="Seconds around the region that are heard (30).", panel=_WORK),
    "crossfade": _option(float, "--crossfade", text="Crossfade outside the region, ms (20).", panel=_WORK),
    "steps": _option(int, "--steps", text="Denoising steps.", panel=_NEURAL),
    "guidance": _option(float, "--guidance", text="Guidance strength.", panel=_NEURAL),
    "model": _option(str, "--model", text="Name, as `acebridge models list` has it.", panel=_NEURAL),
    "lora": _option(
        list[str],
        "--lora",
        text="Adapter, as `acebridge models list` has it; NAME:0.5 is half as strong. Repeat for more.",
        panel=_NEURAL,
        metavar="NAME[:SCALE]",
    ),
    "thinking": _flag("--thinking", "Have a language model plan the song first.", _THINKING),
    "plan": _option(
        Path,
        "--plan",
        text="Follow the plan in this JSON file; what is given besides is changed in it.",
        panel=_THINKING,
    ),
    "save_plan": _option(Path, "--save-plan", text="Write the first take's plan into this JSON file.", panel=_THINKING),
    "lm": _option(str, "--lm", text="Name of the language model.", panel=_THINKING),
    "lm_temperature": _option(float, "--lm-temperature", text="How freely it chooses, 0 to 2.", panel=_THINKING),
    "lm_top_k": _option(int, "--lm-top-k", text="Choose among so many of the likeliest; 0 is all.", panel=_THINKING),
    "lm_top_p": _option(
        float, "--lm-top-p", text="Choose among this share of the probability, 0 to 1.", panel=_THINKING
    ),
    "lm_guidance": _option(
        float, "--lm-guidance", text="How closely codes follow what is asked, 1 to 10.", panel=_THINKING
    ),
    "lm_repetition_penalty": _option(
        float, "--lm-repetition-penalty", text="Make what was said before less likely, 1 to 2.", panel=_THINKING
    ),
    "lm_at_once": _option(int, "--lm-at-once", text="Takes thought about in one pass, 1 to 8.", panel=_THINKING),
    "negative": _option(str, "--negative", text="What the plan should stay away from.", panel=_THINKING),
    "keep_caption": _flag("--keep-caption", "Use the caption as it is, not as the model words it.", _THINKING),
    "shift": _option(float, "--shift", text="Shift of the schedule towards noise.", panel=_NEURAL),
    "sampler": _option(str, "--sampler", text="euler (default), heun or sde.", panel=_NEURAL),
    "guidance_method": _option(str, "--guidance-method", text="apg (default), adg or cfg.", panel=_NEURAL),
    "guidance_start": _option(
        float, "--guidance-start", text="Noise level, 0 to 1, below which guidance rests (0).", panel=_NEURAL
    ),
    "guidance_end": _option(
        float, "--guidance-end", text="Noise level, 0 to 1, above which guidance rests (1).", panel=_NEURAL
    ),
    "timesteps": _option(
        str,
        "--timesteps",
        text="Noise levels of the steps, falling from 1, such as 1,0.75,0.5; in place of steps and shift.",
        panel=_NEURAL,
        metavar="LEVELS",
    ),
    "velocity_clamp": _option(
        float, "--velocity-clamp", text="Largest velocity, relative to the latents, 0.01 to 100.", panel=_NEURAL
    ),
    "velocity_ema": _option(
        float, "--velocity-ema", text="Share of the last velocity in the next, 0 to 1 (0).", panel=_NEURAL
    ),
    "noise_strength": _option(
        float, "--noise-strength", text="How much of the source a cover starts from, 0 to 1.", panel=_NEURAL
    ),
    "skip_quantiser": _flag("--skip-quantiser", "Cover the source's latents themselves, not their codes.", _NEURAL),
    "mask": _option(str, "--mask", text="explicit (default), or auto: the model decides.", panel=_NEURAL),
    "skip_loop": _flag("--skip-loop", "Do not repeat sources under a minute.", _NEURAL),
    "seed": _option(list[int], "--seed", "-s", text="Seed; repeat for more takes.", panel=_RESULT),
    "takes": _option(int, "--takes", "-n", text="Number of takes, 1 to 8.", panel=_RESULT),
    "sample_rate": _option(int, "--sample-rate", text="Hz; default as the source, else 48000.", panel=_RESULT),
    "channels": _option(int, "--channels", text="1 or 2; default as the source, else 2.", panel=_RESULT),
    "format": _option(Format, "--format", text="Samples of the WAV file (float32).", panel=_RESULT),
    "scope": _option(Scope, "--scope", text="whole song (default), or only the region.", panel=_RESULT),
    "auto_lrc": _flag("--auto-lrc", "Time the lyrics of every take.", _RESULT),
    "auto_score": _flag("--auto-score", "Score every take.", _RESULT),
    "best_of": _option(int, "--best-of", text="Make so many takes, 1 to 64, and keep the best.", panel=_CHOICE),
    "min_score": _option(
        float, "--min-score", text="Make takes until one scores that much, 0 to 1; keep the best.", panel=_CHOICE
    ),
    "max_tries": _option(int, "--max-tries", text="At most so many takes for --min-score, 1 to 64 (8).", panel=_CHOICE),
    "score_by": _option(
        str,
        "--score-by",
        text="lyrics_alignment, quality or lm; by how well words are sung, else by quality.",
        panel=_CHOICE,
    ),
    "keep_all": _flag("--keep-all", "Write the takes that were not chosen too, the best first.", _CHOICE),
    "auto_gen": _flag("--auto-gen", "Make the next batch in the background, for `acebridge jobs next`.", _WORK),
    "session": _option(
        str, "--session", text="A name; a new request under it cancels the batch in the background.", panel=_WORK
    ),
    "out": _option(
        str,  # no `Path`, which would lose the slash at the end of a folder's name
        "--out",
        "-o",
        text="File or folder to write; files that are there are replaced.",
        panel=_RESULT,
        metavar="PATH",
    ),
    "timing": _option(
        Path,
        "--out",
        "-o",
        text="File for the timed lyrics, by its suffix: .lrc, .srt, .vtt, .json, or .csv for REAPER. Left out, they are"
        " printed.",
        panel=_RESULT,
    ),
    "offset": _option(
        float, "--offset", text="Seconds that the recording begins after the song, added to all times.", panel=_RESULT
    ),
    "words": _flag("--words", "Write the time of every word into an .lrc file (enhanced LRC).", _RESULT),
    "html": _option(Path, "--html", text="Page that plays the song and follows its words.", panel=_RESULT),
    "json": _flag("--json", "Print one JSON object.", _RESULT),
    "by_path": _flag("--by-path", "Send the file's path, not its bytes.", _DAEMON),
    "address": _option(str, "--address", text="host:port of the daemon.", panel=_DAEMON),
    "no_autostart": _flag("--no-autostart", "Fail when no daemon answers.", _DAEMON),
}
