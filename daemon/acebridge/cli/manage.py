"""Commands about the daemon itself, its jobs and its assets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from acebridge.cli import listing, models
from acebridge.cli.options import Address, AsJson, NoAutostart, Out
from acebridge.client.connection import connect
from acebridge.errors import Unavailable

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.v1.tasks_pb2 import TaskEvent

_STOP_TIMEOUT_S = 20.0
JobId = Annotated[str, typer.Argument(help="Id of the job, or its beginning.", show_default=False)]
AssetId = Annotated[str, typer.Argument(help="Id of the asset, or its beginning.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", help="At most this many.")]

jobs = typer.Typer(help="List, watch, cancel and delete jobs; fetch the next batch.", invoke_without_command=True)
assets = typer.Typer(help="List, upload, download, pin and delete stored audio.", invoke_without_command=True)


def _json(message: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    fields: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return fields


def _print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))


def serve(
    host: Annotated[Optional[str], typer.Option(help="Loopback address to serve at.", show_default=False)] = None,  # noqa: UP045
    port: Annotated[
        int | None,
        typer.Option(help="Port, 0 for any free one (50710, or a free one when that is taken).", show_default=False),
    ] = None,
    root: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="Folder from which files may be named by path; repeat for more.", show_default=False),
    ] = None,
    device: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Device to compute on, such as cuda:0; repeat for more (all GPUs).", show_default=False),
    ] = None,
    log_level: Annotated[Optional[str], typer.Option(help="debug, info, warning or error.", show_default=False)] = None,  # noqa: UP045
) -> None:
    """Run the daemon in this terminal until Ctrl-C."""
    from acebridge.client.command_path import record
    from acebridge.config import load_config
    from acebridge.server import app

    record()
    folders, devices = tuple(root) if root else None, tuple(device) if device else None
    app.serve(load_config(host=host, port=port, roots=folders, devices=devices, log_level=log_level))


def status(json: AsJson = False, address: Address = None) -> None:
    """Show what the daemon is doing."""
    from acebridge.v1 import daemon_pb2

    with connect(address, autostart=False) as client:
        state = client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
        if json:
            _print_json({"address": client.address, **_json(state)})
            return
        up_s = time.time() - state.started.ToSeconds()
        typer.echo(f"AceBridge {state.version} at {client.address}, process {state.pid}, up {up_s / 60:.0f} min")
        typer.echo(f"jobs: {state.running_jobs} running, {state.waiting_jobs} waiting")
        typer.echo(
            f"store: {listing.size(state.stored_bytes)} of {listing.size(state.quota_bytes)} in {state.data_dir}"
        )
        for worker in state.workers:
            typer.echo(f"{worker.device}: {'job ' + worker.job_id if worker.job_id else 'idle'}")


def stop(address: Address = None) -> None:
    """Stop the daemon. What it was doing goes on at its next start."""
    from acebridge.v1 import daemon_pb2

    with connect(address, autostart=False) as client:
        folder = Path(client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest()).data_dir)
        client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
    import filelock

    from acebridge.config import LOCK_FILE

    try:
        # It lets go of its folder last of all: only then can another one start there.
        with filelock.FileLock(folder / LOCK_FILE, timeout=_STOP_TIMEOUT_S):
            typer.echo("stopped")
    except filelock.Timeout:
        raise Unavailable(
            f"The daemon is still stopping after {_STOP_TIMEOUT_S:g} s.", remedy="Look at its log."
        ) from None


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("demo-out"),
    play: Annotated[bool, typer.Option("--play", help="Play the repainted song at the end.")] = False,
) -> None:
    """Make a song, repaint it, take it apart, add layers; a page and a REAPER project show the result."""
    from acebridge.demo import run_demo

    run_demo(out, play=play)


def doctor(json: AsJson = False, address: Address = None) -> None:
    """Check the installation and say what to do about what is wrong."""
    from acebridge.cli.doctor import examine, report
    from acebridge.client.command_path import record

    record()
    report(examine(address), as_json=json)


@jobs.callback()
def list_jobs(
    context: typer.Context,
    limit: Limit = 20,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """List the newest jobs."""
    if context.invoked_subcommand is None:
        _list("job", limit, json, address, no_autostart)


def _list(kind: listing.Kind, limit: int, json: bool, address: str | None, no_autostart: bool) -> None:
    with connect(address, autostart=not no_autostart) as client:
        listed = listing.newest(client, kind, limit)
    if json:
        _print_json([_json(item) for item in listed])
    else:
        listing.show_list(kind, listed)


@jobs.command("show")
def show_job(job_id: JobId, address: Address = None) -> None:
    """Show everything about a job, as JSON."""
    from acebridge.v1 import jobs_pb2

    with connect(address, autostart=True) as client:
        job_id = listing.whole_id(client, "job", job_id)
        _print_json(_json(client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))))


@jobs.command("watch")
def watch_job(job_id: JobId, out: Out = None, json: AsJson = False, address: Address = None) -> None:
    """Follow a job, old or running, and fetch its results. Ctrl-C cancels it."""
    _fetch(job_id, out, json, address, lambda client, known: client.watch(known))


@jobs.command("next")
def next_batch(job_id: JobId, out: Out = None, json: AsJson = False, address: Address = None) -> None:
    """Fetch the next batch of a job: the same request, further seeds. It is there at once after --auto-gen."""
    _fetch(job_id, out, json, address, lambda client, known: client.next_batch(known), "-next")


def _fetch(
    job_id: str,
    out: str | None,
    json: bool,
    address: str | None,
    ask: Callable[[Client, str], Iterator[TaskEvent]],
    suffix: str = "",
) -> None:
    """Show and write the events that ``ask`` has for a job; without ``out`` the files are named after it."""
    from contextlib import ExitStack

    from acebridge.cli.files import Destination, writer_to
    from acebridge.cli.perform import follow
    from acebridge.cli.result import Result
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.tasks import TASKS

    began = time.monotonic()
    with ExitStack() as stack:
        client = stack.enter_context(connect(address, autostart=True))
        job_id = listing.whole_id(client, "job", job_id)
        job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
        many = TASKS[job.task].returns_several()
        destination = Destination.choose(out, source=None, task=f"{job.task}-{job.id[:8]}{suffix}", many=many)
        writer = stack.enter_context(writer_to(destination))
        follow(ask(client, job_id), Result(began), writer, client, title=job.task, as_json=json)


@jobs.command("cancel")
def cancel_job(job_id: JobId, address: Address = None) -> None:
    """Cancel a job that waits or runs."""
    with connect(address, autostart=True) as client:
        state = listing.job_state(client.cancel(listing.whole_id(client, "job", job_id)))
    typer.echo(f"it had already {state}" if state in ("succeeded", "failed") else "cancelled")


@jobs.command("delete")
def delete_job(job_id: JobId, address: Address = None) -> None:
    """Forget an ended job and its unpinned results."""
    from acebridge.v1 import jobs_pb2

    with connect(address, autostart=True) as client:
        job_id = listing.whole_id(client, "job", job_id)
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))
    typer.echo("deleted")


@assets.callback()
def list_assets(
    context: typer.Context,
    limit: Limit = 20,
    json: AsJson = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """List the newest stored audio files."""
    if context.invoked_subcommand is None:
        _list("asset", limit, json, address, no_autostart)


@assets.command("upload")
def upload_asset(
    file: Annotated[Path, typer.Argument(help="Audio file.", show_default=False)], address: Address = None
) -> None:
    """Store a file; prints its id."""
    with connect(address, autostart=True) as client:
        typer.echo(client.upload(file).asset_id)


@assets.command("download")
def download_asset(
    asset_id: AssetId,
    out: Annotated[str, typer.Option("--out", "-o", help="File to write.", metavar="PATH")],
    address: Address = None,
) -> None:
    """Write a stored file."""
    from acebridge.cli.files import names_folder
    from acebridge.client.atomic_files import check_writable, write_whole
    from acestep_runtime.errors import InvalidValue

    path = Path(out)
    if names_folder(out) or path.is_dir():
        raise InvalidValue("--out", out, "the name of a file", remedy=f"Write for example {path / 'song.wav'}.")
    check_writable(path.parent)
    with connect(address, autostart=True) as client:
        write_whole(path, client.download(listing.whole_id(client, "asset", asset_id)))
    typer.echo(out)


@assets.command("pin")
def pin_asset(
    asset_id: AssetId,
    off: Annotated[bool, typer.Option("--off", help="Unpin.")] = False,
    address: Address = None,
) -> None:
    """Keep a stored file for good."""
    from acebridge.v1 import assets_pb2

    with connect(address, autostart=True) as client:
        asset_id = listing.whole_id(client, "asset", asset_id)
        client.call(client.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=asset_id, pinned=not off))
    typer.echo("unpinned" if off else "pinned")


@assets.command("delete")
def delete_asset(asset_id: AssetId, address: Address = None) -> None:
    """Remove a stored file."""
    from acebridge.v1 import assets_pb2

    with connect(address, autostart=True) as client:
        asset_id = listing.whole_id(client, "asset", asset_id)
        client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset_id))
    typer.echo("deleted")


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (serve, status, stop, demo, doctor):
        app.command(rich_help_panel="Daemon")(command)
    app.add_typer(models.models, name="models", rich_help_panel="Daemon")
    app.add_typer(jobs, name="jobs", rich_help_panel="Daemon")
    app.add_typer(assets, name="assets", rich_help_panel="Daemon")
