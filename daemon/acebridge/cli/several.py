"""Several sources in one command: one job each, one after another. What goes wrong with one leaves the others alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acebridge.cli.echo import echo
from acebridge.cli.exit_codes import NO_DAEMON, UserInterrupt, exit_code, sentence_of
from acebridge.cli.files import names_folder
from acebridge.errors import AceBridgeError
from acebridge.file_names import short_stem
from acestep_runtime.errors import AceStepError, InvalidValue

if TYPE_CHECKING:
    from acebridge.cli.options import Options

#: Options that name one file, which several sources would write one over another.
_FILES = {"timing": "--out", "html": "--html", "save_plan": "--save-plan"}
#: Options that may name a folder for all sources, which then have files of their own in it.
_FOLDERS = ("out", "midi_out")


def each_source(options: Options, perform: Callable[[Options], None], *, many: bool, has_audio: bool) -> None:
    """Call ``perform`` with the options for each source; ``many`` and ``has_audio`` say what a job returns.

    Of several sources, each one that fails is told on stderr; at the end ``typer.Exit`` has the exit code of the first.
    Ctrl-C, a reader that has gone and a daemon that cannot be reached end all.
    """
    sources: Sequence[Path] = options["src"]
    if len(sources) == 1:
        perform({**options, "src": sources[0]})
        return
    _check_files(options)
    codes = []
    for source, name in zip(sources, _names(sources), strict=True):
        if not has_audio and not (options["json"] or options["detach"]):
            echo(f"{source}:")
        named = {option: options[option] for option in _FOLDERS if options.get(option) is not None}
        places = {
            option: f"{Path(out) / name}/" if many and option == "out" else f"{out}/" for option, out in named.items()
        }
        try:
            perform({**options, "src": source, **places})
        except (UserInterrupt, BrokenPipeError):  # nobody reads any more
            raise
        except (AceBridgeError, AceStepError, OSError) as error:
            if exit_code(error) == NO_DAEMON:
                raise
            said = sentence_of(error)
            print(f"acebridge: {'' if said.startswith(str(source)) else f'{source}: '}{said}", file=sys.stderr)
            codes.append(exit_code(error))
    if codes:
        raise typer.Exit(codes[0])


def _check_files(options: Options) -> None:
    """Raise `InvalidValue` for an option that names one file for all sources."""
    for name, option in _FILES.items():
        if options.get(name) is not None:
            raise InvalidValue(option, str(options[name]), "with one source", remedy="Run a command for each source.")
    for out in (str(options[option]) for option in _FOLDERS if options.get(option) is not None):
        if Path(out).suffix and not (Path(out).is_dir() or names_folder(out)):
            raise InvalidValue(
                "--out", out, "a folder, for several sources", remedy=f"Write for example -o {Path(out).stem}/."
            )


def _names(sources: Sequence[Path]) -> list[str]:
    """Return a name for each source, without its suffix; the second of the same name gets a number."""
    names: list[str] = []
    for source in sources:
        stem = short_stem(source)
        taken = sum(short_stem(other) == stem for other in sources[: len(names)])
        names.append(f"{stem} ({taken + 1})" if taken else stem)
    return names
