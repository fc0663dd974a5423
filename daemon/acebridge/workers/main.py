"""The child process that runs engines: ``python -m acebridge.workers.main``. One JSON object a line in, one a line out.

In:  ``{"do": "job", "id", "task", "params", "engine", "files": {asset: path}, "spool": folder, "made": [take]}``,
     ``{"do": "cancel", "id"}``, ``{"do": "load" or "unload", "id", "engine", "model"}``.
Out: ``{"is": "ready"}``, then for the job ``progress``, ``header``, ``audio``, ``take``, where takes are chosen ``ranking``,
     and one of ``done`` or ``error``. These two tell ``models``, the names of those that are loaded. For a model one
     ``progress`` comes, and one of them.

Audio does not go through the pipe: it is written to WAV files in the spool folder, whose pages both processes share, and
only "frames up to here are there" is told. When the daemon dies the input ends, and so does this process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from acebridge.errors import is_full
from acestep_runtime.engines import registry
from acestep_runtime.engines.base import Engine, ModelHost, Progress
from acestep_runtime.errors import (
    Cancelled,
    EngineFailure,
    InvalidValue,
    RuntimeFault,
    UnreadableAudio,
    UnsupportedTask,
)
from acestep_runtime.recording import NewFrames, Ranking, record
from acestep_runtime.tasks import Task, build_task
from acestep_runtime.tasks.base import OutputHeader, Take
from acestep_runtime.values import CancelToken

#: Errors that keep their name on the way to the client; all others are an `EngineFailure`.
KINDS = {kind.__name__: kind for kind in (InvalidValue, UnreadableAudio, UnsupportedTask, EngineFailure, Cancelled)}
_PROGRESS_INTERVAL_S = 0.05

Message = dict[str, Any]


def perform(
    task: Task, engine: Engine, spool: Path, cancel: CancelToken, earlier: Sequence[Take] = (), first_output: int = 0
) -> Iterator[Message]:
    """Perform ``task`` and yield its messages; the WAV files appear in ``spool``. See `record`."""
    began, last_progress_s = time.monotonic(), -1.0
    for event in record(task, engine, spool, cancel, earlier, first_output):
        if isinstance(event, Progress):
            elapsed_s = time.monotonic() - began
            if elapsed_s - last_progress_s >= _PROGRESS_INTERVAL_S:
                last_progress_s = elapsed_s
                eta_s = elapsed_s * (1 / event.fraction - 1) if event.fraction > 0.02 else None
                yield {"is": "progress", "stage": event.stage, "fraction": event.fraction, "eta_s": eta_s}
        elif isinstance(event, OutputHeader):
            yield {"is": "header", **dataclasses.asdict(event)}
        elif isinstance(event, NewFrames):
            yield {"is": "audio", **dataclasses.asdict(event)}
        elif isinstance(event, Ranking):
            yield {"is": "ranking", "takes": [dataclasses.asdict(take) for take in event.takes]}
        else:
            outputs = [
                {"file": str(output.path), "asset_id": output.sha256, **dataclasses.asdict(output.header)}
                for output in event.outputs
            ]
            yield {
                "is": "take",
                "take": event.take,
                "seed": event.seed,
                "facts": dict(event.metadata),
                "outputs": outputs,
            }


def describe(error: BaseException) -> Message:
    """Return an error as the message that carries it to the client."""
    if is_full(error):
        error = EngineFailure(
            "The disk is full, so the result could not be kept.",
            remedy="Free some space, or lower quota_bytes in config.toml, then send the job again.",
        )
    elif isinstance(error, MemoryError):
        error = EngineFailure(
            "There is not enough memory for this job.", remedy="Ask for a shorter region, fewer takes or less context."
        )
    if not isinstance(error, RuntimeFault):
        error = EngineFailure(
            f"The engine failed: {type(error).__name__}: {error}.",
            remedy="Try again; if it happens again, please report it with the daemon's log.",
        )
    kind = type(error).__name__ if type(error).__name__ in KINDS else EngineFailure.__name__
    details = {name: getattr(error, name) for name in ("field", "value", "allowed") if hasattr(error, name)}
    return {"is": "error", "kind": kind, "message": error.message, "remedy": error.remedy, "details": details}


def run_job(order: Mapping[str, Any], engines: dict[str, Engine], cancel: CancelToken) -> Iterator[Message]:
    """Run one ordered job; never raises."""
    try:
        name = order["engine"]
        if name not in engines:
            yield {"is": "progress", "stage": f"loading the {name} engine", "fraction": 0.0, "eta_s": None}
            engines[name] = registry.load(registry.ENGINES[name])
        task = build_task(order["task"], order["params"], files=order["files"])
        earlier = [Take(take["take"], take["seed"], take["facts"]) for take in order["made"]]
        first_output = sum(len(take["outputs"]) for take in order["made"])
        yield from perform(task, engines[name], Path(order["spool"]), cancel, earlier, first_output)
        yield {"is": "done", "models": _loaded(engines)}
    except Exception as error:
        if not isinstance(error, RuntimeFault):
            traceback.print_exc()
        yield {**describe(error), "models": _loaded(engines)}


def _loaded(engines: Mapping[str, Engine]) -> list[str]:
    return [model for engine in engines.values() if isinstance(engine, ModelHost) for model in engine.loaded]


def keep_model(order: Mapping[str, Any], engines: dict[str, Engine], _cancel: CancelToken) -> Iterator[Message]:
    """Load or unload a model; never raises."""
    try:
        # Says that the order is here: a process that ends before its first word is taken for one that never saw it.
        yield {"is": "progress", "stage": f"{order['do']}ing {order['model']}", "fraction": 0.0, "eta_s": None}
        name = order["engine"]
        if name not in engines and order["do"] == "load":
            engines[name] = registry.load(registry.ENGINES[name])
        engine = engines.get(name)
        if isinstance(engine, ModelHost):
            (engine.load if order["do"] == "load" else engine.unload)(order["model"])
        yield {"is": "done", "models": _loaded(engines)}
    except Exception as error:
        if not isinstance(error, RuntimeFault):
            traceback.print_exc()
        yield {**describe(error), "models": _loaded(engines)}


_ORDERS = {"job": run_job, "load": keep_model, "unload": keep_model}


def _listen(orders: SimpleQueue[Message], running: dict[str, CancelToken]) -> None:
    for line in sys.stdin.buffer:
        order = json.loads(line)
        if order["do"] in _ORDERS:
            running[order["id"]] = CancelToken()
            orders.put(order)
        elif (token := running.get(order["id"])) is not None:
            token.cancel()
    os._exit(0)  # the daemon is gone: nobody is left to work for


def main() -> None:
    """Serve orders until the input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not break the protocol

    def tell(message: Message) -> None:
        out.write(json.dumps(message).encode() + b"\n")

    orders: SimpleQueue[Message] = SimpleQueue()
    running: dict[str, CancelToken] = {}
    engines: dict[str, Engine] = {}
    threading.Thread(target=_listen, args=(orders, running), daemon=True).start()
    tell({"is": "ready"})
    while True:
        order = orders.get()
        for message in _ORDERS[order["do"]](order, engines, running[order["id"]]):
            tell(message)
        running.pop(order["id"])


if __name__ == "__main__":
    main()
