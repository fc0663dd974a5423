"""Words of other programs, and what they are called here. A likeness of letters would name the wrong thing."""

from __future__ import annotations

import functools
from collections.abc import Sequence, Set

from acestep_runtime.errors import InvalidValue


def _by_word(table: str) -> dict[str, str]:
    """Return word → name out of lines ``name: word word …``."""
    lines = (line.split(": ") for line in table.strip().splitlines())
    return {word: name for name, words in lines for word in words.split()}


#: Names that other programs have for a command, which are taken for it.
ALIASES = {"ps": ("jobs",), "pull": ("models", "pull")}
#: Groups of commands: the first is meant where none is named.
USUAL = {"song": ("make", "choose", "like", "show")}
#: What is entered in place of a command → the command.
COMMANDS = _by_word("""
extract: separate split stems demix isolate
generate: make create text2music txt2music
cover: remix restyle style
repaint: inpaint edit extend replace
complete: accompany arrange accompaniment
lego: layer add
understand: analyse analyze describe
info: probe inspect metadata
again: repeat redo remake vary retake
lrc: karaoke align subtitles
midi: transcribe notes
score: rate evaluate
listen: hear monitor
compare: diff ab
jobs: queue history ls list
jobs {}: show watch next cancel
models {}: load unload verify
models pull: download fetch
models rm: remove
prune: clean cleanup gc
assets {}: upload pin
assets: files
serve: start daemon server run up
stop: kill quit shutdown exit
doctor: check diagnose health
config show: settings configure
logs: log
--version: version
""")
#: What is entered in place of an option of a task → the option.
OPTIONS = _by_word("""
--caption: --prompt --text --description --style --tags
--bpm: --tempo
--duration: --length --seconds
--bars: --measures
--out: --output --output-file --output-dir
--takes: --count --number --batch --batch-size --variations
--variation: --vary --retake --retake-variance --amount
--variation-seed: --retake-seed
--track: --stem --stems --tracks --instrument
--key: --scale --keyscale
--time-signature: --meter --timesignature --time-sig
--guidance: --cfg --cfg-scale --guidance-scale
--steps: --inference-steps --num-steps
--start: --from --begin
--end: --to --until
--engine: --backend
--language: --lang
--sample-rate: --rate
--negative: --negative-prompt
--lora: --adapter
--address: --host --server
""")


def replace_alias(arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments with the command itself in place of an alias of it, and in place of none."""
    if not arguments:
        return arguments
    command, *rest = arguments
    known = USUAL.get(command, ())
    if known and rest and rest[0] not in (*known, "-h", "--help"):
        return [command, known[0], *rest]
    return [*ALIASES.get(command, (command,)), *rest]


def check_words(arguments: Sequence[str]) -> None:
    """Raise `InvalidValue` with what is meant, where a command or an option has another name here."""
    command, *rest = arguments or ("",)
    if command in COMMANDS:
        _refuse("command", command, f"acebridge {COMMANDS[command].format(command)}")
    for name in (argument.partition("=")[0] for argument in rest):
        if name in OPTIONS:
            known = _options(command)
            if name not in known and OPTIONS[name] in known:
                _refuse("option", name, OPTIONS[name])


@functools.cache
def _options(command: str) -> Set[str]:
    """Return the options of a command, as they are entered."""
    from typer.core import TyperGroup
    from typer.main import get_command

    from acebridge.cli.app import app

    group = get_command(app)
    found = group.commands.get(command) if isinstance(group, TyperGroup) else None
    return {option for parameter in found.params for option in parameter.opts} if found else set()


def _refuse(kind: str, word: str, meant: str) -> None:
    raise InvalidValue(kind, word, meant, message=f"There is no {kind} {word}.", remedy=f"Did you mean `{meant}`?")
