"""Commands about the daemon and the installation: ``status``, ``stop``, ``demo``, ``doctor``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.json_output import print_json
from acebridge.cli.listing import bytes_text
from acebridge.cli.options import Address, AsJson
from acebridge.client.connection import connect
from acebridge.client.remote_daemon import describe_remote
from acebridge.contract.json_form import message_json
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.v1 import daemon_pb2


def status(json: AsJson = False, address: Address = None) -> None:
    """Show what the daemon is doing."""
    from acebridge.client.channels import route_to
    from acebridge.client.restart import get_status

    with connect(address, autostart=False) as client:
        state = get_status(client)
        where = client.address
    fingerprint = route_to(where, data_folder()).fingerprint
    if json:
        tls = {"certificate": fingerprint} if fingerprint else {}
        print_json({"address": where, **tls, **message_json(state)})
        return
    up_s = time.time() - state.start_time.ToSeconds()
    typer.echo(f"AceBridge {state.version} at {where}, process {state.pid}, up {up_s / 60:.0f} min")
    typer.echo(f"jobs: {state.running_jobs} running, {state.waiting_jobs} waiting")
    typer.echo(f"store: {bytes_text(state.stored_bytes)} of {bytes_text(state.quota_bytes)} in {state.data_dir}")
    if fingerprint:
        typer.echo(f"certificate: {fingerprint}")
    if state.HasField("remote"):
        typer.echo(f"connected to {describe_remote(state.remote)}")
    for worker in state.workers:
        holds = f", {bytes_text(worker.memory_bytes)} of memory" if worker.memory_bytes else ""
        models = f" with {', '.join(worker.models)}" if worker.models else ""
        where = f" ({worker.label})" if worker.label else ""
        typer.echo(f"{worker.device}{where}: {_work_of(worker, state)}{holds}{models}")
        if worker.problem and not _is_remote(worker, state):  # of the other daemon it was said above
            typer.echo(f"  {worker.problem}")


def _is_remote(worker: daemon_pb2.WorkerStatus, state: daemon_pb2.DaemonStatus) -> bool:
    """Return whether a worker stands for the daemon that one is connected to."""
    return state.HasField("remote") and worker.device == f"remote:{state.remote.address}"


def _work_of(worker: daemon_pb2.WorkerStatus, state: daemon_pb2.DaemonStatus) -> str:
    """Return what a worker does, in a few words."""
    reach = "unreachable" if _is_remote(worker, state) and not state.remote.up else ""
    return ", ".join(filter(None, (f"job {worker.job_id}" if worker.job_id else "", reach))) or "idle"


def stop(address: Address = None) -> None:
    """Stop the daemon. A running job continues when the daemon starts again."""
    from acebridge.client.channels import route_to
    from acebridge.client.restart import get_status, stop_daemon, stop_elsewhere

    with connect(address, autostart=False, warn=lambda _: None) as client:
        if route_to(client.address, data_folder()).is_elsewhere:
            stop_elsewhere(client)
        else:
            stop_daemon(client, Path(get_status(client).data_dir))
    typer.echo("stopped")


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("demo-out"),
    play: Annotated[bool, typer.Option("--play", help="Play the repainted song at the end.")] = False,
) -> None:
    """Make a song, repaint it, take it apart, add layers; a page and projects for DAWs show the result."""
    from acebridge.demo import run_demo

    run_demo(out, play=play)


def doctor(json: AsJson = False, address: Address = None) -> None:
    """Check the installation and say how to fix what is wrong."""
    from acebridge.cli.doctor import examine, report
    from acebridge.client.command_path import record

    record()
    report(examine(address), as_json=json)
