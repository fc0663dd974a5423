"""Words of other programs, and what they are called here. A likeness of letters would name the wrong thing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from acestep_runtime.errors import InvalidValue, printable

#: What is entered in place of a command → the command.
COMMANDS = {
    **dict.fromkeys(("separate", "split", "stems", "demix", "isolate"), "extract"),
    **dict.fromkeys(("make", "create", "text2music", "txt2music", "song"), "generate"),
    **dict.fromkeys(("remix", "restyle", "style"), "cover"),
    **dict.fromkeys(("inpaint", "edit", "extend", "replace"), "repaint"),
    **dict.fromkeys(("accompany", "arrange", "accompaniment"), "complete"),
    **dict.fromkeys(("layer", "add"), "lego"),
    **dict.fromkeys(("analyse", "analyze", "describe", "info"), "understand"),
    **dict.fromkeys(("karaoke", "align", "subtitles"), "lrc"),
    **dict.fromkeys(("rate", "evaluate"), "score"),
    **dict.fromkeys(("play", "hear", "monitor"), "listen"),
    **dict.fromkeys(("ps", "queue", "history", "ls", "list"), "jobs"),
    **dict.fromkeys(("show", "watch", "next", "cancel"), "jobs {}"),
    **dict.fromkeys(("pull", "load", "unload", "verify"), "models {}"),
    **dict.fromkeys(("download", "fetch"), "models pull"),
    **dict.fromkeys(("upload", "pin"), "assets {}"),
    "files": "assets",
    **dict.fromkeys(("start", "daemon", "server", "run", "up"), "serve"),
    **dict.fromkeys(("kill", "quit", "shutdown", "exit"), "stop"),
    **dict.fromkeys(("check", "diagnose", "health"), "doctor"),
    **dict.fromkeys(("settings", "configure"), "config show"),
    "log": "logs",
    "version": "--version",
}
#: What is entered in place of an option of a task → the option.
OPTIONS = {
    **dict.fromkeys(("--prompt", "--text", "--description", "--style", "--tags"), "--caption"),
    "--tempo": "--bpm",
    **dict.fromkeys(("--length", "--seconds"), "--duration"),
    **dict.fromkeys(("--output", "--output-file", "--output-dir"), "--out"),
    **dict.fromkeys(("--count", "--number", "--batch", "--batch-size", "--variations"), "--takes"),
    **dict.fromkeys(("--stem", "--stems", "--tracks", "--instrument"), "--track"),
    **dict.fromkeys(("--scale", "--keyscale"), "--key"),
    **dict.fromkeys(("--meter", "--timesignature", "--time-sig"), "--time-signature"),
    **dict.fromkeys(("--cfg", "--cfg-scale", "--guidance-scale"), "--guidance"),
    **dict.fromkeys(("--inference-steps", "--num-steps"), "--steps"),
    **dict.fromkeys(("--from", "--begin"), "--start"),
    **dict.fromkeys(("--to", "--until"), "--end"),
    "--backend": "--engine",
    "--lang": "--language",
    "--rate": "--sample-rate",
    "--negative-prompt": "--negative",
    "--adapter": "--lora",
    **dict.fromkeys(("--host", "--server"), "--address"),
}


#: Commands without arguments → the option that people mean when they give one.
ARGUMENTS = {"generate": "--caption"}


def check_words(arguments: Sequence[str]) -> None:
    """Raise `InvalidValue` with what is meant, where a command or an option has another name here, or a word its option."""
    command, *rest = arguments or ("",)
    if command in COMMANDS:
        _refuse("command", command, f"acebridge {COMMANDS[command].format(command)}")
    for name in (argument.partition("=")[0] for argument in rest):
        if name in OPTIONS:
            known = _options(command)
            if name not in known and OPTIONS[name] in known:
                _refuse("option", name, OPTIONS[name])
    if command in ARGUMENTS and rest and not rest[0].startswith("-"):
        meant = f"acebridge {command} {ARGUMENTS[command]} {shlex.quote(rest[0])}"
        message = f"{command} takes options only, not {printable(rest[0])!r}."
        raise InvalidValue("argument", rest[0], meant, message=message, remedy=f"Did you mean `{meant}`?")


def _options(command: str) -> set[str]:
    """Return the options of a command, as they are entered."""
    from typer.core import TyperGroup
    from typer.main import get_command

    from acebridge.cli.app import app

    group = get_command(app)
    found = group.commands.get(command) if isinstance(group, TyperGroup) else None
    return {option for parameter in found.params for option in parameter.opts} if found else set()


def _refuse(kind: str, word: str, meant: str) -> None:
    raise InvalidValue(kind, word, meant, message=f"There is no {kind} {word}.", remedy=f"Did you mean `{meant}`?")
