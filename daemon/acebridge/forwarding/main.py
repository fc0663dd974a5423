"""A worker process whose device is another machine. See `acebridge.workers.main`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from acebridge.errors import JobFailed, is_failing_disk, is_full
from acebridge.forwarding.connection import Connection
from acebridge.forwarding.job import forward
from acebridge.forwarding.outputs import AudioMismatch
from acebridge.paths import data_folder
from acebridge.workers import main as worker
from acebridge.workers.main import Runner
from acebridge.workers.messages import Error, Message, StartOrder, WorkOrder
from acebridge.workers.remote import address_of
from acestep_runtime.errors import AceStepError
from acestep_runtime.values import CancelToken

#: The exit code of a process whose order has to begin again: what has arrived is not what the daemon there makes now.
AUDIO_MISMATCH = 3


def main() -> None:
    """Serve on stdin and stdout."""
    worker.main(_begin)


def _begin(start: StartOrder) -> Runner:
    connection, home = Connection(address_of(start["device"])), data_folder()
    return Runner(lambda order, cancel: run_order(order, connection, home, cancel))


def run_order(order: WorkOrder, connection: Connection, home: Path, cancel: CancelToken) -> Iterator[Message]:
    """Run an order at the other end; yield its messages, the end last. Raises nothing.

    An order for a model is none for the daemon there, which loads and unloads its models itself.
    """
    try:
        if order["op"] == "job":
            yield from forward(order, connection, home, cancel)
    except AudioMismatch as change:
        print(f"job {order['id']} begins again: {change}", file=sys.stderr, flush=True)
        os._exit(AUDIO_MISMATCH)
    except JobFailed as failed:
        yield {"type": "error", "body": _describe(failed), "models": []}
    except Exception as error:
        if not isinstance(error, AceStepError) and not is_full(error) and not is_failing_disk(error):
            traceback.print_exc()
        yield {"type": "error", "body": worker.describe_error(error), "models": []}
    else:
        yield {"type": "done", "models": []}


def _describe(failed: JobFailed) -> Error:
    """Return the error of a job there as that of the job here: its kind is the name of a class."""
    kind = "".join(part.title() for part in failed.kind.value.split("_"))
    return {"kind": kind, "message": failed.message, "remedy": failed.remedy, "details": dict(failed.details)}
