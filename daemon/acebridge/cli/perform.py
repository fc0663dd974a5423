"""Performing a task from the command line: progress while it runs, files when it is done, one object with ``--json``."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import typer

from acebridge.cli.files import Destination, writer_to
from acebridge.cli.plans import save_plan
from acebridge.cli.result import Result
from acebridge.cli.timing import TimingFiles
from acebridge.client.atomic_files import unwritable
from acebridge.client.client import Client, text_of
from acebridge.client.connection import connect
from acebridge.client.wav_writer import Writer
from acebridge.errors import JobFailed
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue, printable

#: Too long for a terminal.
_LONG_FACTS = {"beats", "downbeats", "chords", "sections", "confidence", "lines", "changes", "plan", "heard"}
_SCORES = ("quality", "lyrics_alignment", "lm")
#: Told on stderr instead.
_WARNINGS = "warnings"


class ProgressLine:
    """A live progress bar on stderr; silent when stderr is no terminal or the result is wanted as JSON."""

    def __init__(self, title: str, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.fields[title]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
            transient=True,
        )
        self._row = self._bar.add_task("sending", total=1.0, title=title)

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: tasks_pb2.TaskEvent) -> None:
        """Show what an event tells."""
        match event.WhichOneof("event"):
            case "queued":
                ahead = event.queued.position
                self._bar.update(self._row, description=f"waiting, {ahead} ahead" if ahead else "about to start")
            case "started":
                self._bar.update(
                    self._row, completed=0, description=f"{event.started.engine} on {event.started.device}"
                )
            case "progress":
                eta = f", {event.progress.eta_s:.0f} s to go" if event.progress.HasField("eta_s") else ""
                self._bar.update(self._row, completed=event.progress.fraction, description=event.progress.stage + eta)
            case "completed":
                self._bar.update(self._row, completed=1.0, description="done")


def perform(
    task: str,
    fields: Mapping[str, Any],
    *,
    title: str,
    note: str = "",
    source: Path | None,
    reference: Path | None,
    out: str | None,
    many: bool = False,
    has_audio: bool = True,
    plan: Path | None = None,
    timing: TimingFiles | None = None,
    as_json: bool,
    by_path: bool,
    submission: Mapping[str, Any],
    address: str | None,
    autostart: bool,
) -> None:
    """Run ``task`` to its end and report; say ``note`` once it is accepted.

    Raises `JobFailed` and friends; Ctrl-C cancels the job.
    """
    began = time.monotonic()
    destination = Destination.choose(out, source=source, task=title, many=many) if has_audio else None
    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=autostart))
        sent, heard = (None if path is None else _sent(client, path, by_path) for path in (source, reference))
        writer = stack.enter_context(writer_to(destination)) if destination is not None else None
        result = Result(began, fields.get("output", {}).get("min_score"))
        events = client.perform(task, fields, source=sent, reference=heard, submission=submission)
        hidden = () if timing is None or timing.out is None else ("lrc",)
        report = follow(_saying(note, events), result, writer, client, title=title, as_json=as_json, hidden=hidden)
        if plan is not None:
            save_plan(plan, report["metadata"][0])
        if timing is not None:
            for line in timing.write(report["metadata"][0]):
                if not as_json:
                    _say(line)


def _saying(note: str, events: Iterator[tasks_pb2.TaskEvent]) -> Iterator[tasks_pb2.TaskEvent]:
    for number, event in enumerate(events):
        if note and number == 0:
            typer.echo(note, err=True)
        yield event


def follow(
    events: Iterator[tasks_pb2.TaskEvent],
    result: Result,
    writer: Writer | None,
    client: Client,
    *,
    title: str,
    as_json: bool,
    hidden: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Show and write ``events`` as they come, then print the report, and return it. Ctrl-C cancels the job.

    Facts that are ``hidden`` are not printed for a person.
    """
    with _cancelling(client, result, writer), ProgressLine(title, shown=not as_json) as line:
        for event in _named(events):
            line.show(event)
            result.take_in(event, writer, client)
    report = result.report()
    warnings = [warning for facts in report["metadata"] for warning in facts.get(_WARNINGS, ())]
    for warning in dict.fromkeys([*warnings, *result.complaints()]):
        typer.echo(f"warning: {printable(warning, 1000)}", err=True)
    if as_json:
        _say(json.dumps(report, ensure_ascii=False))
    else:
        _print(report, hidden)
    return report


def _sent(client: Client, path: Path, by_path: bool) -> audio_pb2.AudioInput:
    if not by_path:
        return client.upload(path)
    where = str(path.absolute())
    if where != text_of(where):
        raise InvalidValue("--by-path", text_of(where), "a path that is text (UTF-8)", remedy="Leave out --by-path.")
    return audio_pb2.AudioInput(path=where, name=path.name)


def _named(events: Iterator[tasks_pb2.TaskEvent]) -> Iterator[tasks_pb2.TaskEvent]:
    """Yield events, and hold Ctrl-C back until the first has come, which names the job to cancel; a second does not wait."""
    held: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual):  # it is ignored, as behind an ``&``
        yield from events
        return

    def hold(number: int, _frame: object) -> None:
        held.append(number)
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, hold)
    try:
        first = next(events, None)
    finally:
        signal.signal(signal.SIGINT, usual)
    if first is not None:
        yield first
    if held:
        raise KeyboardInterrupt
    yield from events


@contextmanager
def _cancelling(client: Client, result: Result, writer: Writer | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if not result.job_id:
            remedy = "If the daemon took the job, `acebridge jobs` shows it."
            raise JobFailed("Cancelled", "The daemon has not answered yet.", remedy=remedy) from None
        client.cancel(result.job_id)
        raise JobFailed("Cancelled", f"Job {result.job_id} was cancelled.") from None
    except InvalidValue:  # there is no place for the result
        if result.job_id:
            client.cancel(result.job_id)
        raise
    except OSError as error:  # the disk is full, the folder is gone: the daemon has the result all the same
        if writer is None or not result.job_id:
            raise
        remedy = f"The job goes on: fetch its result with `acebridge jobs watch {result.job_id} -o PATH`."
        raise unwritable(writer.folder, error, remedy) from error


def _say(text: str) -> None:
    """Print a line; a file name in it that is no text goes out byte for byte."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        typer.echo(os.fsencode(text))
    else:
        typer.echo(text)


def _told(name: str, value: Any) -> list[str]:
    """Return a fact in lines that a person reads."""
    if isinstance(value, float):
        return [f"{name}: {value:g}"]
    if name == "score" and isinstance(value, Mapping):
        parts = [f"{part} {value[part]:.2f}" for part in _SCORES if value.get(part) is not None]
        missing = [f"  no {part}: {reason}" for part, reason in sorted(value.get("missing", {}).items())]
        return [f"score: {', '.join(parts)}", *(f"  {note}" for note in value.get("notes", ())), *missing]
    if isinstance(value, list):
        return [f"{name}: {', '.join(str(item) for item in value)}"]
    lines = str(value).splitlines() or [""]
    return [f"{name}: {lines[0]}"] if len(lines) == 1 else [f"{name}:", *(f"  {line}" for line in lines)]


def _print(report: Mapping[str, Any], hidden: Sequence[str] = ()) -> None:
    for place, take in enumerate(report.get("ranking", ()), 1):
        score = "no score" if take["score"] is None else f"score {take['score']:.3f}"
        typer.echo(f"{place:3}. {score}, seed {take['seed']}{'' if take['chosen'] else ', not chosen'}", err=True)
    for output in report["outputs"]:
        seconds = output["frames"] / output["sample_rate"]
        _say(f"{output['file']}  ({output['role']}, {seconds:.2f} s, seed {output['seed']})")
    for facts in report["metadata"] if not report["outputs"] else report["metadata"][:1]:
        for name, value in facts.items():
            if name not in (*_LONG_FACTS, *hidden, _WARNINGS, "engine") and value not in (None, "", []):
                for line in _told(name, value):
                    typer.echo(f"  {printable(line.expandtabs(1), 1000)}")
    typer.echo(f"engine {report['engine']}, {report['timing']['worked_s']:.1f} s", err=True)
