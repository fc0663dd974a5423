"""One command for each task, from one table. Options left out are left to the daemon, whose defaults are the contract's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer

from acebridge.cli.options import OPTIONS
from acebridge.cli.plans import planned

_MUSIC = "bpm key time_signature"
_WORDS = f"caption lyrics language {_MUSIC}"
_STEPS = "steps shift sampler timesteps velocity_clamp velocity_ema"
_SAMPLING = f"model lora {_STEPS} guidance guidance_method guidance_start guidance_end"
_SPOKEN = "lm lm_temperature lm_top_k lm_top_p lm_repetition_penalty"
_THINKING = f"thinking {_SPOKEN} lm_guidance lm_at_once negative keep_caption"
_RESULT = "seed takes sample_rate channels format"
_CHOICE = "best_of min_score max_tries score_by keep_all"
_EXTRAS = f"auto_lrc auto_score {_CHOICE} auto_gen session"
_CLIENT = "json address no_autostart"


@dataclass(frozen=True)
class Command:
    """A command: the task it asks for, the names of its options, and whether several roles or only facts come back."""

    task: str
    about: str
    options: str
    many: bool = False
    has_audio: bool = True


COMMANDS = {
    "generate": Command(
        "text2music",
        "Write a song from a description.",
        f"{_WORDS} reference duration {_THINKING} plan save_plan {_SAMPLING} {_RESULT} {_EXTRAS} out engine {_CLIENT}",
    ),
    "cover": Command(
        "cover",
        "Play the source in another style.",
        f"src {_WORDS} reference strength {_SAMPLING} noise_strength skip_quantiser {_RESULT} {_EXTRAS} out engine by_path"
        f" {_CLIENT}",
    ),
    "repaint": Command(
        "repaint",
        "Make a region anew; everything outside of it stays bit-identical.",
        f"src start end {_WORDS} reference mode strength context crossfade {_SAMPLING} mask {_RESULT} scope {_EXTRAS} out"
        f" engine by_path {_CLIENT}",
    ),
    "extract": Command(
        "extract",
        'Take tracks out of a mix; with "other" they add up to it.',
        f"src track {_SAMPLING} skip_loop {_RESULT} out engine by_path {_CLIENT}",
        many=True,
    ),
    "lego": Command(
        "lego",
        "Play new tracks to the source, each on its own.",
        f"src track start end {_WORDS} reference context {_THINKING} {_SAMPLING} mask skip_loop {_RESULT} scope {_EXTRAS} out"
        f" engine by_path {_CLIENT}",
        many=True,
    ),
    "complete": Command(
        "complete",
        "Build an accompaniment around the source.",
        f"src track {_WORDS} reference {_THINKING} {_SAMPLING} {_RESULT} {_EXTRAS} out engine by_path {_CLIENT}",
        many=True,
    ),
    "understand": Command(
        "understand",
        "Hear tempo, key, meter, beats and chords; with a language model also words.",
        f"src {_MUSIC} {_SPOKEN} engine by_path {_CLIENT}",
        has_audio=False,
    ),
    "lrc": Command(
        "align_lyrics",
        "Time lyrics against a recording.",
        f"src lyrics language timing words offset html engine by_path {_CLIENT}",
        has_audio=False,
    ),
    "score": Command(
        "score",
        "Score a recording against its lyrics and description.",
        f"src {_WORDS} engine by_path {_CLIENT}",
        has_audio=False,
    ),
    "compose": Command(
        "create_sample",
        "Turn a sentence into caption, lyrics, tempo, key and duration.",
        f"description instrumental seed {_SPOKEN} engine {_CLIENT}",
        has_audio=False,
    ),
    "format": Command(
        "format_sample",
        "Put caption and lyrics into the form that the model likes best.",
        f"{_WORDS} seed {_SPOKEN} engine {_CLIENT}",
        has_audio=False,
    ),
}

#: Fields of a request that are an option under another, or the same, name; nested ones below their group.
_FIELDS = {
    "start_s": "start", "end_s": "end", "duration_s": "duration", "strength": "strength", "mode": "mode",
    "context_s": "context", "crossfade_ms": "crossfade", "tracks": "track", "scope": "scope",
    "description": "description", "instrumental": "instrumental", "codes": "codes",
}  # fmt: skip
_GROUPS = {
    "music": {
        "caption": "caption", "lyrics": "lyrics", "language": "language", "bpm": "bpm", "keyscale": "key",
        "timesignature": "time_signature",
    },
    "sampling": {
        name: name
        for name in (
            "model", "steps", "guidance", "shift", "sampler", "guidance_method", "guidance_start", "guidance_end",
            "timesteps", "velocity_clamp", "velocity_ema", "noise_strength", "skip_quantiser", "mask", "skip_loop",
        )
    } | {"adapters": "lora"},
    "thinking": {
        "on": "thinking", "model": "lm", "temperature": "lm_temperature", "top_k": "lm_top_k", "top_p": "lm_top_p",
        "guidance": "lm_guidance", "repetition_penalty": "lm_repetition_penalty", "negative": "negative",
        "keep_caption": "keep_caption", "at_once": "lm_at_once",
    },
    "output": {
        "sample_rate": "sample_rate", "channels": "channels", "encoding": "format", "takes": "takes", "seeds": "seed",
        "auto_lrc": "auto_lrc", "auto_score": "auto_score", "tries": "tries", "min_score": "min_score",
        "score_by": "score_by", "keep_all": "keep_all",
    },
}  # fmt: skip


def _text_or_file(lyrics: str) -> str:
    """Return the words in the file that ``lyrics`` names, or ``lyrics`` itself. Raises `InvalidValue` for another encoding, and
    for timed lyrics that cannot be read."""
    from acestep_runtime.errors import InvalidValue, printable
    from acestep_runtime.lyrics.formats import FORMATS

    path = Path(lyrics)
    timed = {each.suffix: each.read for each in FORMATS.values()}
    try:
        if not path.is_file() and (path.is_dir() or path.suffix.lower() in (".txt", ".md", *timed)):
            message = f"--lyrics names no file: {printable(lyrics)}."
            raise InvalidValue("--lyrics", lyrics, "words, or a text file", message=message, remedy="Check the path.")
        if not path.is_file():
            return lyrics
    except (OSError, ValueError):
        return lyrics  # too long or too odd for a file name: then it is the lyrics
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidValue("--lyrics", lyrics, "a text file in UTF-8", remedy="Save it as UTF-8.") from None
    read = timed.get(path.suffix.lower())
    if read is None:
        return text
    try:
        return read(text).lyrics
    except InvalidValue as error:
        message = f"In {printable(lyrics)}, {error.message}"
        remedy = "Words without times go into a file that ends in .txt."
        raise InvalidValue("--lyrics", lyrics, "timed lyrics", message=message, remedy=remedy) from None


def _adapter(text: str) -> dict[str, Any]:
    """Return the adapter that NAME or NAME:SCALE stands for. Raises `InvalidValue` for a scale that is no number."""
    name, colon, scale = text.rpartition(":")
    if not colon:
        return {"name": text}
    try:
        return {"name": name, "scale": float(scale)}
    except ValueError:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--lora", text, "NAME, or NAME:SCALE with a number such as 0.5") from None


def _levels(text: str) -> list[float]:
    """Return the numbers of a list with commas. Raises `InvalidValue` for anything else; their order is not looked at."""
    try:
        return [float(level) for level in text.split(",")]
    except ValueError:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--timesteps", text, "numbers with commas between them, such as 1,0.75,0.5") from None


def _tries(options: Mapping[str, Any]) -> int | None:
    """Return how many takes there are to choose from, by either of the options that say so."""
    given = {options[name] for name in ("best_of", "max_tries") if options.get(name) is not None}
    if len(given) > 1:
        from acestep_runtime.errors import InvalidValue

        raise InvalidValue("--max-tries", options["max_tries"], f"the same as --best-of, {options['best_of']}",
                           remedy="Give one of them.")  # fmt: skip
    return next(iter(given), None)


def _given(names: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields whose options were given. (0 is given; False, though equal to it, is not.)"""
    values = {field: options.get(option) for field, option in names.items()}
    plain = {field: value.value if isinstance(value, Enum) else value for field, value in values.items()}
    return {field: value for field, value in plain.items() if value is not None and value is not False and value != []}


def request_fields(command: Command, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the request that a command's options make."""
    options = dict(options)
    if options.get("lyrics"):
        options["lyrics"] = _text_or_file(options["lyrics"])
    options["lora"] = [_adapter(text) for text in options.get("lora") or []]
    if options.get("timesteps") is not None:
        options["timesteps"] = _levels(options["timesteps"])
    options["track"] = [track.strip().lower() for track in options.get("track") or []]
    seeds = options.get("seed") or []
    options["tries"] = _tries(options)
    chooses = options["tries"] is not None or options.get("min_score") is not None
    if options.get("takes") is None and len(seeds) > 1 and not chooses:
        options["takes"] = len(seeds)
    options = planned(options)
    fields = _given(_FIELDS, options)
    groups = {group: _given(names, options) for group, names in _GROUPS.items()}
    if not command.has_audio:
        groups.pop("output")
        fields.update({"seed": seeds[0]} if seeds else {})
    return {**fields, **{group: given for group, given in groups.items() if given}}


def _function(name: str, command: Command) -> Callable[..., None]:
    def run(**options: Any) -> None:
        from acebridge.cli.perform import perform
        from acebridge.cli.timing import TimingFiles

        tracks = options.get("track") or []
        everything = command.task == "repaint" and options.get("start") is None and options.get("end") is None
        perform(
            command.task,
            request_fields(command, options),
            title=name,
            note="The whole song is made anew: --start and --end choose a part of it." if everything else "",
            source=options.get("src"),
            reference=options.get("reference"),
            out=options.get("out"),
            plan=options.get("save_plan"),
            timing=TimingFiles.choose(options),
            many=command.many and not (command.task == "lego" and len(tracks) == 1),
            has_audio=command.has_audio,
            as_json=options["json"],
            by_path=options.get("by_path", False),
            submission=_given({name: name for name in ("engine", "auto_gen", "session")}, options),
            address=options["address"],
            autostart=not options["no_autostart"],
        )

    # Typer reads a command's options from its signature; this one is made from the table.
    parameters = []
    for option in command.options.split():
        kind = OPTIONS[option]
        default = (
            inspect.Parameter.empty
            if option in ("src", "description")
            else False
            if get_args(kind)[0] is bool
            else None
        )
        parameters.append(inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind))
    run.__name__, run.__doc__ = name, command.about
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in COMMANDS.items():
        app.command(name, rich_help_panel="Tasks")(_function(name, command))
