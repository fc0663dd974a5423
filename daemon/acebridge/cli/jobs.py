"""``acebridge jobs``: list, show, watch all, follow, continue, repeat, cancel and delete jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli import listing
from acebridge.cli.again import Sources
from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.cli.listing import All, Limit
from acebridge.cli.options import Address, AsJson, NoAutostart, Out, ResultPage, Seed, Takes, Variation, VariedTake
from acebridge.cli.top import top
from acebridge.client.connection import connect
from acebridge.contract.json_form import message_json

if TYPE_CHECKING:
    from acebridge.cli.metadata_files import MetadataFiles
    from acebridge.client.client import Client
    from acebridge.v1 import jobs_pb2
    from acebridge.v1.tasks_pb2 import TaskEvent

JobId = Annotated[str, typer.Argument(help="Id of the job, or a unique prefix.", show_default=False)]

jobs = typer.Typer(
    help="List, watch, repeat, cancel and delete jobs; fetch the next batch.", invoke_without_command=True
)


jobs.command("top")(top)


@jobs.callback()
def list_jobs(
    context: typer.Context,
    limit: Limit = 20,
    everything: All = False,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """List the newest jobs."""
    if context.invoked_subcommand is not None:
        return
    with connect(address, autostart=not no_autostart) as client:
        listed = listing.newest_jobs(client, None if everything else limit)
    if json:
        print_json([message_json(job) for job in listed])
    else:
        listing.show_jobs(listed)


@jobs.command("show")
def show_job(context: typer.Context, job_id: JobId, json: AsJson = False, address: Address = None) -> None:
    """Show a job: its state, what was asked for, and its results."""
    from acebridge.cli.job_words import job_lines
    from acebridge.v1 import jobs_pb2

    with connect(address, autostart=True) as client:
        job_id = listing.whole_job_id(client, job_id)
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    if json or (context.parent is not None and context.parent.params.get("json")):  # also where it stands before `show`
        print_json(message_json(job))
        return
    for line in job_lines(job):
        echo(line)


@jobs.command("watch")
def watch_job(
    job_id: JobId, out: Out = None, html: ResultPage = None, json: AsJson = False, address: Address = None
) -> None:
    """Follow a job, old or running, and fetch its results. Ctrl-C leaves it running."""
    fetch_result(job_id, out, json, address, lambda client, job: client.watch(job.id), cancels=False, html=html)


@jobs.command("next")
def next_batch(
    job_id: JobId, out: Out = None, html: ResultPage = None, json: AsJson = False, address: Address = None
) -> None:
    """Fetch the next batch of a job: the same request with the seeds that follow. --auto-gen prefetches it."""
    fetch_result(job_id, out, json, address, lambda client, job: client.next_batch(job.id), "-next", html=html)


@jobs.command("again")
def repeat_job(
    job_id: JobId,
    sources: Sources = None,
    seed: Seed = None,
    takes: Takes = None,
    variation: Variation = None,
    take: VariedTake = None,
    out: Out = None,
    html: ResultPage = None,
    json: AsJson = False,
    address: Address = None,
) -> None:
    """Do a job again, also one that failed: the same, with another --seed or other --takes, or like a take with --variation."""
    from acebridge.cli.again import Change, repeat_request
    from acebridge.cli.files import check_no_input
    from acebridge.cli.same import note_same

    given, change = sources or [], Change.check(seed, takes, variation, take)
    if out is not None:
        check_no_input("--out", Path(out), given)

    def ask(client: Client, job: jobs_pb2.Job) -> Iterator[TaskEvent]:
        request = repeat_request(client, job, given, change)
        return note_same(client, request, client.submit_request(request))

    fetch_result(job_id, out, json, address, ask, "-again", html=html)


def fetch_result(
    job_id: str,
    out: str | None,
    json: bool,
    address: str | None,
    ask: Callable[[Client, jobs_pb2.Job], Iterator[TaskEvent]],
    suffix: str = "",
    *,
    cancels: bool = True,
    html: str | None = None,
) -> None:
    """Show and write the events that ``ask`` returns for a job; without ``out`` the files are named after it.

    Ctrl-C cancels that job if the command ``cancels`` it.
    """
    from contextlib import ExitStack

    from acebridge.cli.files import Destination, ResultFiles
    from acebridge.cli.option_names import name_options
    from acebridge.cli.pages import choose_page, write_page
    from acebridge.cli.perform import follow_job, min_score_of
    from acebridge.cli.request_words import request_of_job
    from acebridge.cli.result import Result
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.tasks import TASKS

    began = time.monotonic()
    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=True))
        job_id = listing.whole_job_id(client, job_id)
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
        task = listing.job_task(job)
        files = metadata_files = page = None
        fields = request_of_job(job)
        if TASKS[task].kind == "audio":
            tracks = fields.get("tracks")
            many = TASKS[task].returns_several(len(tracks) if isinstance(tracks, Sequence) else 0)
            destination = Destination.choose(out, source=None, task=f"{task}-{job.id[:8]}{suffix}", many=many)
            page = choose_page(html, destination)
            files = stack.enter_context(ResultFiles(destination, client.download))
        else:
            metadata_files = _metadata_files(task, out, html)
        result = Result(began, files)
        hidden = () if metadata_files is None else metadata_files.names_in_files
        stack.enter_context(name_options())
        report = follow_job(
            ask(client, job), result, client, title=task, as_json=json, cancels=cancels, hidden=hidden,
            min_score=min_score_of(fields),
        )  # fmt: skip
        for line in () if metadata_files is None else metadata_files.write(report["metadata"][0]):
            if not json:
                echo(line)
        write_page(page, report, task, task, fields, as_json=json)


def _metadata_files(task: str, out: str | None, html: str | None) -> MetadataFiles | None:
    """Return where the result of a task without audio goes. Raises `InvalidValue` for a file that it does not have."""
    from acebridge.cli.midi_file import MidiFile
    from acebridge.cli.timing import TimingFiles
    from acestep_runtime.errors import InvalidValue

    has_times = task in ("align_lyrics", "transcribe")
    for option, name, allowed in (("--out", out, has_times), ("--html", html, False)):
        if name is not None and not allowed:
            what = "no audio" if has_times else "no file"
            raise InvalidValue(
                option,
                name,
                f"nothing for {task}, which makes {what}",
                remedy="Leave it out; --json prints the result.",
            )
    if out is None:
        return None
    if task == "transcribe":
        return MidiFile.choose({"midi_out": Path(out)})
    return TimingFiles.choose({"timing": Path(out), "src": Path(out)})


@jobs.command("cancel")
def cancel_job(job_id: JobId, address: Address = None) -> None:
    """Cancel a waiting or running job."""
    with connect(address, autostart=True) as client:
        state = listing.job_state(client.cancel(listing.whole_job_id(client, job_id)))
    typer.echo(f"it had already {state}" if state in ("succeeded", "failed") else "cancelled")


@jobs.command("delete")
def delete_job(job_id: JobId, address: Address = None) -> None:
    """Delete a finished job and its unpinned results."""
    from acebridge.v1 import jobs_pb2

    with connect(address, autostart=True) as client:
        job_id = listing.whole_job_id(client, job_id)
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))
    typer.echo("deleted")
