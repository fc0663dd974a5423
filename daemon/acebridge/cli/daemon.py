"""Commands about the daemon and the installation: ``status``, ``stop``, ``demo``, ``doctor``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from acebridge.cli.json_output import message_json, print_json
from acebridge.cli.listing import bytes_text
from acebridge.cli.options import Address, AsJson
from acebridge.client.connection import connect
from acebridge.errors import Unavailable

_STOP_TIMEOUT_S = 20.0


def status(json: AsJson = False, address: Address = None) -> None:
    """Show what the daemon is doing."""
    from acebridge.v1 import daemon_pb2

    with connect(address, autostart=False) as client:
        state = client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
        where = client.address
    if json:
        print_json({"address": where, **message_json(state)})
        return
    up_s = time.time() - state.start_time.ToSeconds()
    typer.echo(f"AceBridge {state.version} at {where}, process {state.pid}, up {up_s / 60:.0f} min")
    typer.echo(f"jobs: {state.running_jobs} running, {state.waiting_jobs} waiting")
    typer.echo(f"store: {bytes_text(state.stored_bytes)} of {bytes_text(state.quota_bytes)} in {state.data_dir}")
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
