"""From a declared command to a request that is sent, followed and reported. Which options a command has: tasks.py."""

from __future__ import annotations

import functools
import inspect
import os
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec

import typer

from acebridge.cli.options import Options

if TYPE_CHECKING:
    from acebridge.cli.metadata_files import MetadataFiles
    from acestep_runtime.tasks import Task

P = ParamSpec("P")


@dataclass(frozen=True)
class Command:
    """A command: its name, the task that it asks for, the names of its options, and what typer calls."""

    name: str
    task: str
    options: tuple[str, ...]
    run: Callable[..., None]

    def add_to(self, app: typer.Typer) -> None:
        """Add the command to the command line."""
        app.command(self.name, rich_help_panel="Tasks")(self.run)


def task_command(*, name: str = "", task: str = "") -> Callable[[Callable[P, None]], Command]:
    """Make a command out of a function that declares its options and says in its docstring what it does.

    ``name`` of the command and name of the ``task`` are the function's where they are not given.
    """

    def command(declare: Callable[P, None]) -> Command:
        title, asked = name or declare.__name__, task or declare.__name__

        @functools.wraps(declare)  # typer reads the options from the declaration
        def run(*_: P.args, **options: P.kwargs) -> None:
            _run(asked, title, options)

        return Command(title, asked, tuple(inspect.signature(declare).parameters), run)

    return command


def _run(name: str, title: str, options: Options) -> None:
    from acebridge.cli.asking import offer_model
    from acebridge.cli.bars import with_bars
    from acebridge.cli.chord_file import with_chord_file
    from acebridge.cli.job_sources import sources_of_jobs
    from acebridge.cli.option_names import name_options
    from acebridge.cli.several import each_source
    from acestep_runtime.tasks import TASKS, Transcribe

    task, options = TASKS[name], with_bars(with_chord_file(with_caption(options)))
    many = task.returns_several(len(options.get("track") or ()))

    def perform_one(options: Options) -> None:
        with name_options():
            offer_model(
                lambda: _perform(name, title, options, many=many),
                can_ask=not (options["json"] or options["address"]),
            )

    if "src" in options:
        place: AbstractContextManager[Options] = (
            sources_of_jobs(options) if task is Transcribe else nullcontext(options)
        )
        with place as located:
            each_source(located, perform_one, many=many, has_audio=task.kind == "audio")
    else:
        perform_one(options)


def with_caption(options: Options) -> Options:
    """Return options with the caption that was given as an argument. Raises `InvalidValue` for two, and for a file."""
    words = options.get("caption_words")
    if not words:
        return options
    from acestep_runtime.errors import InvalidValue

    caption = " ".join(words)
    if options["caption"] is not None:
        raise InvalidValue("--caption", options["caption"], "one caption", remedy=f"There is also {caption!r}.")
    if os.path.isfile(caption):  # noqa: PTH113 (a path's own raises where a text is too long for a name)
        raise InvalidValue(
            "caption",
            caption,
            "what the music should be",
            remedy=f"Did you mean `acebridge cover {shlex.quote(caption)}`?",
        )
    return {**options, "caption": caption}


def _perform(name: str, title: str, options: Options, *, many: bool) -> None:
    from acebridge.cli.files import FileKind
    from acebridge.cli.perform import perform
    from acebridge.cli.request_fields import SUBMISSION, fields_from_options, request_fields, words_to_sing
    from acestep_runtime.tasks import TASKS, Repaint

    task = TASKS[name]
    makes_audio, kind = task.kind == "audio", None
    if makes_audio:
        named = options["encoding"]
        kind = FileKind.choose(options["out"], None if named is None else named.value, options["bits"])
        options = {**options, "encoding": kind.encoding}
    everything = task is Repaint and options["start"] is None and options["end"] is None
    perform(
        name,
        request_fields(task, options),
        title=title if task.has("source") else options.get("song_title") or title,
        note="This replaces the whole song: --start and --end choose a part of it."
        if everything
        else ""
        if task.has("context_s")
        else words_to_sing(options).note,  # the result says which words a region got
        source=options.get("src"),
        downmix=options.get("downmix", False),
        reference=options.get("reference"),
        out=options.get("out"),
        kind=kind,
        plan=options.get("save_plan"),
        metadata_files=_metadata_files(task, options),
        many=many,
        has_audio=makes_audio,
        as_json=options["json"],
        by_path=options.get("by_path", False),
        submission=fields_from_options(SUBMISSION, options),
        detach=options["detach"],
        listen=options.get("listen", False),
        play=options.get("play", False),
        html=options.get("html") if makes_audio else None,
        address=options["address"],
        autostart=not options["no_autostart"],
    )


def _metadata_files(task: type[Task], options: Options) -> MetadataFiles | None:
    """Return the files that a task without audio writes; ``None`` for none."""
    from acebridge.cli.midi_file import MidiFile
    from acebridge.cli.timing import TimingFiles
    from acestep_runtime.tasks import Transcribe

    if task.kind == "audio":
        return None
    return MidiFile.choose(options) if task is Transcribe else TimingFiles.choose(options)
