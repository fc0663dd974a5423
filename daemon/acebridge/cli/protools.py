"""``acebridge protools``: tasks on what is selected in Pro Tools, placed on its tracks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acebridge.cli import model_options as models
from acebridge.cli import options as opt
from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.hosts.protools.connection import ProTools
    from acebridge.hosts.protools.place import PlacedClip
    from acebridge.hosts.protools.run import Order, Outcome, Show


class TaskName(str, Enum):
    """What can be done with a selection."""

    repaint = "repaint"
    cover = "cover"
    lego = "lego"
    complete = "complete"
    extract = "extract"
    generate = "generate"
    understand = "understand"


Task = Annotated[TaskName, typer.Argument(help="What to do with the selection.", show_default=False)]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of Pro Tools' scripting interface.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Put the clip onto the selected track, over what is there, not on a new one.")
]
Mark = Annotated[bool, typer.Option("--mark", help="Make a memory location that says what was done or found.")]
_PORT = 31416

protools = typer.Typer(help="Work on what is selected in Pro Tools: see docs/protools.md.", no_args_is_help=True)


@protools.command()
def run(
    task: Task,
    caption_words: opt.CaptionWords = None,
    caption: opt.Caption = None,
    lyrics: opt.Lyrics = None,
    language: opt.Language = None,
    bpm: opt.Bpm = None,
    key: opt.Key = None,
    time_signature: opt.TimeSignature = None,
    track: opt.Track = None,
    duration: opt.Duration = None,
    strength: opt.Strength = None,
    mode: opt.Mode = None,
    context: opt.Context = None,
    crossfade: opt.Crossfade = None,
    match_loudness: opt.MatchLoudness = None,
    model: models.Model = None,
    lora: models.Lora = None,
    steps: models.Steps = None,
    guidance: models.Guidance = None,
    seed: opt.Seed = None,
    takes: opt.Takes = None,
    best_of: opt.BestOf = None,
    replace: Replace = False,
    mark: Mark = False,
    engine: opt.Engine = None,
    port: Port = _PORT,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Do a task on the selected range and tracks; the result lands on new tracks, at its very sample.

    The range is bounced as the tracks sound. generate works at the cursor or fills the range; understand tells tempo and key.
    """
    from acebridge.hosts.protools.connection import ProTools

    options = {name: value for name, value in locals().items() if name != "ProTools"}
    order = _order(task, options)
    with ProTools(port) as pro:
        outcome = _perform(pro, order, address, not no_autostart, shown=not json)
        _report(outcome, as_json=json)
        if mark:
            _mark(pro, task.value, outcome)


@protools.command()
def watch(
    engine: opt.Engine = None,
    port: Port = _PORT,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Say what is selected in Pro Tools, and run what memory locations ask for, until Ctrl-C.

    A memory location named "AceBridge: TASK CAPTION" asks for a task over its range, such as "AceBridge: repaint warm piano".
    """
    from dataclasses import replace

    from acebridge.hosts.protools.watch import watch

    def run(pro: ProTools, order: Order) -> Outcome:
        order = replace(order, engine=engine or "auto")
        outcome = _perform(pro, order, address, not no_autostart, shown=True)
        _print_facts(outcome)
        return outcome

    watch(port, run, echo)


@protools.command()
def place(port: Port = _PORT, json: opt.AsJson = False) -> None:
    """Put results on tracks that are on none yet, as after the connection to Pro Tools was lost."""
    from acebridge.hosts.protools.connection import ProTools
    from acebridge.hosts.protools.run import place_pending

    with ProTools(port) as pro:
        clips = place_pending(pro, _jobs())
    if json:
        print_json([clip.__dict__ for clip in clips])
        return
    _print_clips(clips)
    if not clips and sys.stdout.isatty():
        echo("Nothing waits to be placed in this session.")


@protools.command()
def doctor(port: Port = _PORT, json: opt.AsJson = False, address: opt.Address = None) -> None:
    """Check the installation and the connection to Pro Tools, and say how to fix what is wrong."""
    from acebridge.cli.doctor import examine, report
    from acebridge.hosts.protools.doctor import examine_at

    report([*examine(address), *examine_at(port)], as_json=json)


def _jobs() -> Path:
    return data_folder() / "protools" / "jobs"


def _order(name: TaskName, options: dict[str, Any]) -> Order:
    """Return what the options ask for. Raises `InvalidValue` for options that the task does not have."""
    from acebridge.cli.option_names import name_options
    from acebridge.cli.request_fields import request_fields
    from acebridge.cli.task_command import with_caption
    from acebridge.contract.fields import coerce
    from acebridge.contract.tasks import request_type
    from acebridge.hosts.protools.run import OFFERED, Order
    from acestep_runtime.tasks import TASKS

    task = OFFERED[name.value]
    options = {option: value for option, value in with_caption(options).items() if option != "caption_words"}
    _check_options(name.value, options)
    with name_options():
        fields: Any = request_fields(TASKS[task], options)
        fields = coerce(request_type(task).DESCRIPTOR, fields)
    return Order(task, fields, options["engine"] or "auto", onto=options["replace"])


def _check_options(name: str, options: dict[str, Any]) -> None:
    """Raise `InvalidValue` for an option that the command of this task does not have, and those of other tasks do."""
    from acebridge.cli.app import TASK_COMMANDS
    from acebridge.cli.option_names import flag_of
    from acestep_runtime.errors import InvalidValue

    commands = [set(TASK_COMMANDS[each.value].options) for each in TaskName]
    own = set(TASK_COMMANDS[name].options)
    every, common = commands[0].union(*commands), commands[0].intersection(*commands)
    differing = [option for option in options if option in every - common]
    allowed = [flag_of(option) for option in differing if option in own]
    for option in differing:
        if options[option] not in (None, False, []) and option not in own:
            raise InvalidValue(
                flag_of(option), "given", ", ".join(allowed), message=f"{name} has no {flag_of(option)}.",
                remedy=f"It has {', '.join(allowed)}." if allowed else "",
            )  # fmt: skip


def _perform(pro: ProTools, order: Order, address: str | None, autostart: bool, *, shown: bool) -> Outcome:
    from acebridge.cli.option_names import name_options
    from acebridge.hosts.protools.run import perform

    with name_options(), _progress(order.task, shown) as show:
        return perform(pro, order, jobs=_jobs(), address=address, autostart=autostart, show=show)


@contextmanager
def _progress(title: str, shown: bool) -> Iterator[Show]:
    """Show a bar on a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("[bold]{task.fields[title]}"), BarColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task("starting", total=1.0, title=title)
        yield lambda stage, fraction: bar.update(row, completed=fraction, description=stage)


def _mark(pro: ProTools, task: str, outcome: Outcome) -> None:
    from acebridge.cli.perform import fact_lines
    from acebridge.hosts.protools.locations import mark
    from acebridge.hosts.protools.session import Span, read_span

    facts = "; ".join(line.strip() for line in fact_lines(outcome.result["parts"][0]["takes"][0]["metadata"]))
    span = read_span(pro)
    if outcome.clips:
        first = outcome.clips[0]
        span = Span(first.sample, first.sample + first.frames)
    mark(pro, f"AceBridge {task}", span, facts)


def _report(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json({**outcome.result, "clips": [clip.__dict__ for clip in outcome.clips]})  # type: ignore[dict-item]
        return
    for warning in outcome.result["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    _print_clips(outcome.clips)
    _print_facts(outcome)


def _print_clips(clips: Sequence[PlacedClip]) -> None:
    for clip in clips:
        echo(f"{clip.track}: {clip.frames} samples at {clip.sample}, {clip.file}")


def _print_facts(outcome: Outcome) -> None:
    """Print what was found by a task that makes no audio."""
    from acebridge.cli.perform import fact_lines

    if not outcome.clips:
        for line in fact_lines(outcome.result["parts"][0]["takes"][0]["metadata"]):
            typer.echo(line)
