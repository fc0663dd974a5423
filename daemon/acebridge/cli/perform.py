"""A task from the command line: progress while it runs, files when it is done, one object with ``--json``."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from acebridge.atomic_files import unwritable
from acebridge.cli.echo import echo
from acebridge.cli.exit_codes import UserInterrupt
from acebridge.cli.files import Destination, FileKind, ResultFiles, check_no_input
from acebridge.cli.json_output import print_json
from acebridge.cli.listening import listen_to_job, play_to_end
from acebridge.cli.listing import SHORT
from acebridge.cli.metadata_files import MetadataFiles
from acebridge.cli.pages import choose_page, write_page
from acebridge.cli.plans import save_plan
from acebridge.cli.play import play_results
from acebridge.cli.result import OutputReport, Report, Result, in_order, ranking_warnings
from acebridge.cli.same import note_same, print_same
from acebridge.cli.take_words import SCORES, end_note, preview_words, take_line, variation_words, worst_note
from acebridge.client.client import Client, name_of, request_of, text_of
from acebridge.client.connection import connect
from acebridge.client.follow import JobSink, follow
from acebridge.contract.fields import Fields
from acebridge.contract.json_form import message_json
from acebridge.errors import ConnectionLost
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.certainty import describe_findings
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: Too long for a terminal.
_LONG_FACTS = {
    "beats",
    "downbeats",
    "chords",
    "sections",
    "confidence",
    "lines",
    "changes",
    "plan",
    "measured",
    "certainty",
    "midi",
    "midi_parts",
}
_LONGEST_REASON = 1000
#: Printed on stderr instead.
_WARNINGS = "warnings"


class ProgressLine(JobSink):
    """A live progress bar on stderr; none when stderr is no terminal or the result is wanted as JSON."""

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
        #: Why the job waits, as it was said last.
        self._reason = ""

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_queued(self, queued: tasks_pb2.Queued) -> None:
        """Show how many jobs are ahead; say why no worker takes the job, also where no bar is shown."""
        ahead = queued.position
        if queued.reason not in ("", self._reason):
            typer.echo(f"note: the job waits: {printable(queued.reason, _LONGEST_REASON)}", err=True)
        self._reason = queued.reason
        self._bar.update(self._row, description=f"waiting, {ahead} ahead" if ahead else "about to start")

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Show which engine works, and where; begin again at 0."""
        self._bar.update(self._row, completed=0, description=f"{started.engine} on {started.device}")

    def on_progress(self, progress: tasks_pb2.Progress) -> None:
        """Show the stage, how much is done, and how long it will take."""
        eta = f", {progress.eta_s:.0f} s to go" if progress.HasField("eta_s") else ""
        self.tell(progress.stage + eta, progress.fraction)

    def tell(self, stage: str, fraction: float) -> None:
        """Show a stage, and the fraction that is done."""
        self._bar.update(self._row, completed=fraction, description=stage)

    def on_completed(self, _: tasks_pb2.Completed) -> None:
        """Fill the bar."""
        self._bar.update(self._row, completed=1.0, description="done")


def perform(
    task: str,
    fields: Fields,
    *,
    title: str,
    note: str = "",
    source: Path | None,
    downmix: bool = False,
    reference: Path | None,
    out: str | None,
    kind: FileKind | None = None,
    many: bool = False,
    has_audio: bool = True,
    plan: Path | None = None,
    metadata_files: MetadataFiles | None = None,
    as_json: bool,
    by_path: bool,
    submission: Fields,
    detach: bool,
    listen: bool = False,
    play: bool = False,
    html: str | None = None,
    address: str | None,
    autostart: bool,
) -> None:
    """Run ``task`` to its end and report; say ``note`` once it is accepted. With ``detach`` print the job and leave.

    With ``downmix`` the source is sent in stereo.
    With ``listen`` the audio is played while it is made, with ``play`` when it is done; the command ends with the music.
    ``html`` names a page of the results, "" one beside them.

    Raises `JobFailed` and friends; Ctrl-C cancels the job.
    """
    began, named = time.monotonic(), source
    if detach:
        _check_nothing_written(out, plan, metadata_files, html, listen=listen, play=play)
    if plan is not None:
        check_no_input("--save-plan", plan, [path for path in (source, reference) if path is not None])
    destination = None
    if has_audio and not detach:
        destination = Destination.choose(out, source=source, reference=reference, task=title, many=many, kind=kind)
    page = choose_page(html, destination, source, reference, plan)
    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=autostart))
        if source is not None and downmix:
            source, by_path = stack.enter_context(_mix_down(source)), False
        audio, timbre = (None if path is None else _audio_input(client, path, by_path) for path in (source, reference))
        request = request_of(task, fields, audio, timbre, submission)
        if detach:
            _print_job(client.create(request), note, as_json=as_json)
            return
        files = stack.enter_context(ResultFiles(destination, client.download)) if destination is not None else None
        listening = stack.enter_context(listen_to_job(client, source)) if listen else None
        events = note_same(client, request, client.submit_request(request))
        report = follow_job(
            _echo_note(note, events),
            Result(began, files, named),
            client,
            title=title,
            as_json=as_json,
            hidden=() if metadata_files is None else metadata_files.names_in_files,
            min_score=min_score_of(fields),
            sinks=() if listening is None else (listening.audio,),
        )
        if plan is not None:
            save_plan(plan, report["metadata"][0])
        if metadata_files is not None:
            for line in metadata_files.write(report["metadata"][0]):
                if not as_json:
                    echo(line)
        write_page(page, report, task, title, fields, as_json=as_json)
        if listening is not None:
            play_to_end(listening.player)
        elif play:
            play_results(report, source)


def _print_job(job: jobs_pb2.Job, note: str, *, as_json: bool) -> None:
    """Print a job that is left to the daemon."""
    if note:
        typer.echo(note, err=True)
    print_same(job)
    if as_json:
        print_json(message_json(job))
    else:
        typer.echo(job.id)


def _check_nothing_written(
    out: str | None,
    plan: Path | None,
    metadata_files: MetadataFiles | None,
    html: str | None,
    *,
    listen: bool,
    play: bool,
) -> None:
    """Raise `InvalidValue` for what a command which does not wait cannot write or play."""
    named = {"--out": out, "--save-plan": plan, "--out or --html": metadata_files, "--html": html,
             "--listen": listen or None, "--play": play or None}  # fmt: skip
    for option, value in named.items():
        if value is not None:
            raise InvalidValue(
                option, "given", "nothing with --detach",
                remedy="Leave out one of them; `acebridge jobs watch ID -o PATH` fetches the result later.",
            )  # fmt: skip


def min_score_of(fields: Fields) -> float | None:
    """Return the score that a request's takes should reach, if it says one."""
    output = fields.get("output")
    score = output.get("min_score") if isinstance(output, Mapping) else None
    return score if isinstance(score, (int, float)) else None


def _echo_note(note: str, events: Iterator[tasks_pb2.TaskEvent]) -> Iterator[tasks_pb2.TaskEvent]:
    """Yield events; print the note with the first, when the request is accepted."""
    for number, event in enumerate(events):
        if note and number == 0:
            typer.echo(note, err=True)
        yield event


def follow_job(
    events: Iterator[tasks_pb2.TaskEvent],
    result: Result,
    client: Client,
    *,
    title: str,
    as_json: bool,
    hidden: Sequence[str] = (),
    min_score: float | None = None,
    cancels: bool = True,
    sinks: Sequence[JobSink] = (),
) -> Report:
    """Show and write ``events`` as they come, then print the report, and return it.

    Ctrl-C cancels the job if this command ``cancels`` it; a command that only watches leaves it alone. Facts that are
    ``hidden`` are not printed for a person. ``sinks`` get the events too.
    """
    files: list[JobSink] = [] if result.files is None else [result.files]
    with _end_on_interrupt(client, result, cancels=cancels), ProgressLine(title, shown=not as_json) as line:
        done = follow(_hold_interrupt(events), line, result, *files, *sinks)
    report = result.report(done)
    warnings = [str(warning) for facts in report["metadata"] for warning in _items(facts.get(_WARNINGS))]
    notes = [] if result.files is None else result.files.notes
    for warning in dict.fromkeys([*warnings, *notes, *ranking_warnings(done, min_score)]):
        typer.echo(f"warning: {printable(warning, 1000)}", err=True)
    if as_json:
        print_json(report)
    else:
        _print(report, hidden)
    return report


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


@contextmanager
def _mix_down(source: Path) -> Iterator[Path]:
    """Write a source in stereo to a temporary file of its name."""
    from acestep_runtime.audio.downmix import write_stereo

    with tempfile.TemporaryDirectory(prefix="acebridge-") as folder:
        stereo = Path(folder) / f"{source.stem}.wav"
        write_stereo(source, stereo)
        yield stereo


def _audio_input(client: Client, path: Path, by_path: bool) -> audio_pb2.AudioInput:
    if not by_path:
        return client.upload(path)
    where = str(path.absolute())
    if where != text_of(where):
        raise InvalidValue("--by-path", text_of(where), "a path that is text (UTF-8)", remedy="Leave out --by-path.")
    return audio_pb2.AudioInput(path=where, name=name_of(path))


def _hold_interrupt(events: Iterator[tasks_pb2.TaskEvent]) -> Iterator[tasks_pb2.TaskEvent]:
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
def _end_on_interrupt(client: Client, result: Result, *, cancels: bool) -> Iterator[None]:
    """End with a sentence on Ctrl-C, when the daemon went away, and when the result cannot be written.

    Ctrl-C, and no place for the result, cancel the job if the command ``cancels`` it.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not result.job_id:
            remedy = "If the daemon took the job, `acebridge jobs` shows it."
            raise UserInterrupt("The daemon has not answered yet.", remedy=remedy) from None
        if not cancels:
            remedy = f"`acebridge jobs cancel {result.job_id}` ends it."
            raise UserInterrupt(f"Job {result.job_id} goes on.", remedy=remedy) from None
        client.cancel(result.job_id)
        raise UserInterrupt(f"Job {result.job_id} was cancelled.") from None
    except ConnectionLost as error:
        raise client.explain_lost(error, result.job_id) from error.__cause__
    except InvalidValue:
        if result.job_id and cancels:
            client.cancel(result.job_id)
        raise
    except OSError as error:  # the disk is full, the folder is gone: the daemon has the result all the same
        if result.files is None or not result.job_id:
            raise
        remedy = f"The job goes on: fetch its result with `acebridge jobs watch {result.job_id} -o PATH`."
        raise unwritable(result.files.folder, error, remedy) from error


def _fact_lines(name: str, value: JsonValue) -> list[str]:
    """Return a fact in lines that a person reads."""
    if isinstance(value, float):
        return [f"{name}: {value:g}"]
    if name == "score" and isinstance(value, dict):
        return _score_lines(value)
    if name == "preview" and isinstance(value, dict):
        return [f"{name}: {preview_words(value)}"]
    if name == "variations":
        return [f"{name}: {', '.join(variation_words(value))}"]
    if name == "notes":  # sentences
        return [f"{name}:", *(f"  {item}" for item in _items(value))]
    if isinstance(value, list):
        return [f"{name}: {', '.join(str(item) for item in value)}"]
    lines = str(value).splitlines() or [""]
    return [f"{name}: {lines[0]}"] if len(lines) == 1 else [f"{name}:", *(f"  {line}" for line in lines)]


def _score_lines(score: Mapping[str, JsonValue]) -> list[str]:
    parts = [f"{part} {value:.2f}" for part in SCORES if isinstance(value := score.get(part), (int, float))]
    missing = score.get("missing")
    reasons = sorted(missing.items()) if isinstance(missing, dict) else []
    return [
        f"score: {', '.join(parts)}",
        *(f"  {note}" for note in _items(score.get("notes"))),
        *(f"  no {part}: {reason}" for part, reason in reasons),
    ]


def _print(report: Report, hidden: Sequence[str] = ()) -> None:
    for place, take in enumerate(report.get("ranking", ()), 1):
        score = f"score {take['score']:.3f}" if "score" in take else "no score"
        chosen = "" if take["chosen"] else ", not chosen"
        typer.echo(f"{place:3}. {score}, seed {take['seed']}{chosen}{end_note(take.get('note'))}", err=True)
    for output in report["outputs"]:
        seconds = output["frames"] / output["sample_rate"]
        echo(f"{output['file']}  ({output['role']}, {seconds:.2f} s, seed {output['seed']}{_place(output)})")
    if len(report["metadata"]) == 1:
        _print_facts(report["metadata"][0], hidden)
    else:
        for place, facts in enumerate(report["metadata"], 1):
            typer.echo(f"  take {place}: {take_line(facts)}{end_note(worst_note(facts.get('score')))}")
        if any("preview" in facts for facts in report["metadata"]):
            typer.echo(f"  `acebridge finish {report['job_id'][:SHORT]} TAKE` decodes the rest of a take")
    typer.echo(f"engine {report['engine']}, {report['timing']['run_s']:.1f} s", err=True)


def _place(output: OutputReport) -> str:
    """Return where an output belongs in its source, unless that is the beginning."""
    start_s = output["start_frame"] / output["sample_rate"]
    return f", belongs at {start_s:.3f} s" if output["start_frame"] else ""


def _print_facts(facts: Mapping[str, JsonValue], hidden: Sequence[str]) -> None:
    for line in fact_lines(facts, hidden):
        typer.echo(line)


def fact_lines(facts: Mapping[str, JsonValue], hidden: Sequence[str] = ()) -> list[str]:
    """Return what is known of a take in lines to print, a fact a line."""
    return [
        f"  {printable(line.expandtabs(1), 1000)}"
        for name, value in in_order({**facts, **describe_findings(facts)}).items()
        if name not in (*_LONG_FACTS, *hidden, _WARNINGS, "engine") and value not in (None, "", [])
        for line in _fact_lines(name, value)
    ]
