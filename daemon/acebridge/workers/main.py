"""A worker process: runs engines. Its orders and messages: `acebridge.workers.messages`.

When the daemon dies, its end of the pipe closes, and so the worker ends. On Linux the system ends it, too: it may be stopped,
or busy in a library that lets no other thread run.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, NoReturn

from acebridge.errors import details_of, is_failing_disk, is_full
from acebridge.workers import memory
from acebridge.workers.launch import PARENT, end_with_parent
from acebridge.workers.messages import (
    BEAT_S,
    Audio,
    Error,
    Header,
    JobOrder,
    Message,
    ModelOrder,
    RankedTake,
    StartOrder,
    StoredOutput,
    Take,
    WorkOrder,
    decode_order,
    encode,
)
from acestep_runtime.engines import registry
from acestep_runtime.engines.base import Engine, ModelHost, Progress
from acestep_runtime.engines.metadata import metadata_from_json, metadata_to_json
from acestep_runtime.errors import (
    AceStepError,
    Cancelled,
    EngineFailure,
    InvalidValue,
    UnreadableAudio,
    UnsupportedTask,
)
from acestep_runtime.raw_files import write_all
from acestep_runtime.recording import EngineChange, NewFrames, Ranking, TakeFiles, record
from acestep_runtime.tasks import Task, base, build_task, choosing
from acestep_runtime.tasks.base import OutputHeader
from acestep_runtime.values import CancelToken

#: Errors that keep their name for the client; all others become an `EngineFailure`.
KINDS = {kind.__name__: kind for kind in (InvalidValue, UnreadableAudio, UnsupportedTask, EngineFailure, Cancelled)}
_PROGRESS_INTERVAL_S = 0.05
#: Share from which on the pace since the beginning tells how long the rest takes.
_FIRST_ETA = 0.02


@dataclass(frozen=True)
class Runner:
    """What runs the orders of a worker.

    ``run`` yields the messages of an order, the end last, and raises nothing. ``is_loading`` says whether it loads something
    that no cancel stops.
    """

    run: Callable[[WorkOrder, CancelToken], Iterator[Message]]
    is_loading: Callable[[], bool] = lambda: False


def run_task(
    task: Task,
    engine: Engine,
    folder: Path,
    cancel: CancelToken,
    earlier: Sequence[base.Take] = (),
    first_output: int = 0,
    *,
    note: str = "",
    spare: Callable[[], Engine] | None = None,
) -> Iterator[Message]:
    """Run ``task`` and yield its messages; the WAV files appear in ``folder``. See `record`."""
    began_s, last_progress_s = time.monotonic(), -1.0
    base_s = 0.0
    for event in record(task, engine, folder, cancel, earlier, first_output, note=note, spare=spare):
        if isinstance(event, Progress):
            elapsed_s = time.monotonic() - began_s
            if event.fraction == 0:  # a model was loaded until now, which takes other time than what follows
                base_s = elapsed_s
            if elapsed_s - last_progress_s >= _PROGRESS_INTERVAL_S:
                last_progress_s = elapsed_s
                eta_s = _remaining_s(event, elapsed_s - base_s)
                yield {"type": "progress", "body": {"stage": event.stage, "fraction": event.fraction, "eta_s": eta_s}}
        elif isinstance(event, OutputHeader):
            chunks: Header = {**_header(event), "chunks": base64.b64encode(event.chunks).decode()}
            yield {"type": "header", "body": chunks if event.chunks else _header(event)}
        elif isinstance(event, NewFrames):
            body: Audio = {"output": event.output, "offset_frames": event.offset_frames, "frames": event.frames}
            yield {"type": "audio", "body": body}
        elif isinstance(event, EngineChange):
            yield {"type": "engine", "body": {"engine": event.engine, "note": event.note}}
        elif isinstance(event, Ranking):
            yield {"type": "ranking", "body": [_ranking_row(take) for take in event.takes]}
        else:
            yield {"type": "take", "body": _take(event)}


def _remaining_s(event: Progress, elapsed_s: float) -> float | None:
    """Return the seconds until the end of a job: what the engine says, or by the pace since it began; ``None`` at first."""
    if event.whole_s is not None:
        return (1 - event.fraction) * event.whole_s
    return elapsed_s * (1 / event.fraction - 1) if event.fraction > _FIRST_ETA else None


def _header(header: OutputHeader) -> Header:
    return {
        "output": header.output,
        "take": header.take,
        "role": header.role,
        "sample_rate": header.sample_rate,
        "channels": header.channels,
        "encoding": header.encoding,
        "frames": header.frames,
        "start_frame": header.start_frame,
    }


def _take(take: TakeFiles) -> Take:
    outputs: list[StoredOutput] = [{**_header(output.header), "asset_id": output.sha256} for output in take.outputs]
    return {"take": take.take, "seed": take.seed, "facts": metadata_to_json(take.metadata), "outputs": outputs}


def _ranking_row(take: choosing.RankedTake) -> RankedTake:
    return {"take": take.take, "seed": take.seed, "score": take.score, "chosen": take.chosen, "kept": take.kept,
            "note": take.note}  # fmt: skip


def describe_error(error: BaseException, memory_bytes: int = 0) -> Error:
    """Return the error message for the client; ``memory_bytes`` is what the worker may take, 0 if that is not limited."""
    if is_full(error):
        error = EngineFailure(
            "The disk is full, so the result could not be kept.",
            remedy="Free some space, or lower quota_bytes in config.toml, then send the job again.",
        )
    elif is_failing_disk(error):
        error = EngineFailure(
            "The disk reports errors, so the result could not be kept.",
            remedy="Copy what is on it to another one, check it, then send the job again.",
        )
    elif memory.is_out_of_memory(error):
        error = memory.describe_shortage(error, memory_bytes)
    if not isinstance(error, AceStepError):
        error = EngineFailure(
            f"The engine failed: {type(error).__name__}: {error}.",
            remedy="Try again; if it happens again, please report it with the daemon's log.",
        )
    kind = type(error).__name__ if type(error).__name__ in KINDS else EngineFailure.__name__
    return {"kind": kind, "message": error.message, "remedy": error.remedy, "details": details_of(error)}


class Engines:
    """The engines of a worker, loaded on first use. ``device`` is their compute device, ``memory_bytes`` what the worker may
    take, 0 for any; ``parts`` are on devices of their own.
    """

    def __init__(self, device: str, memory_bytes: int = 0, parts: str = "") -> None:
        self._device, self._parts = device, parts
        self._loaded: dict[str, Engine] = {}
        self._is_importing = False
        self.memory_bytes = memory_bytes

    def __contains__(self, name: str) -> bool:
        return name in self._loaded

    def get(self, name: str) -> Engine:
        """Return an engine. Slow for one that is not loaded."""
        if name not in self._loaded:
            uses_device = any(registry.ENGINES[each].uses_device for each in (name, *self._loaded))
            memory.limit_own(0 if uses_device else self.memory_bytes)
            self._is_importing = True
            try:
                self._loaded[name] = registry.load(
                    registry.ENGINES[name], device=self._device, memory_bytes=self.memory_bytes, parts=self._parts
                )
            finally:
                self._is_importing = False
        return self._loaded[name]

    @property
    def is_loading(self) -> bool:
        """Whether an engine or a model is being loaded: no cancel stops that, and what is loaded stays."""
        return self._is_importing or any(each.is_loading for each in self._hosts())

    def _hosts(self) -> list[ModelHost]:
        return [engine for engine in list(self._loaded.values()) if isinstance(engine, ModelHost)]

    @property
    def models(self) -> list[str]:
        """Names of the models that are loaded."""
        return [name for engine in self._hosts() for name in engine.resident_models]


def run_job(order: JobOrder, engines: Engines, cancel: CancelToken) -> Iterator[Message]:
    """Run a task; yield its messages but the end. Raises what the engine and the task raise."""
    if order["engine"] not in engines:
        stage = f"loading the {order['engine']} engine"
        yield {"type": "progress", "body": {"stage": stage, "fraction": 0.0, "eta_s": None}}
    engine = engines.get(order["engine"])
    task = build_task(order["task"], order["params"]).locate(order["files"].__getitem__)
    earlier = [base.Take(take["take"], take["seed"], metadata_from_json(take["facts"])) for take in order["takes"]]
    first_output = sum(len(take["outputs"]) for take in order["takes"])
    folder = Path(order["folder"])
    shutil.rmtree(folder, ignore_errors=True)  # what an attempt left that was cancelled while it had files open
    spare = partial(engines.get, order["spare"]) if order["spare"] else None
    yield from run_task(task, engine, folder, cancel, earlier, first_output, note=order["note"], spare=spare)


def manage_model(order: ModelOrder, engines: Engines) -> Iterator[Message]:
    """Load or unload a model; yield the messages but the end. Raises what the engine raises."""
    # Acknowledges the order: a process that ends before its first message is assumed not to have taken it.
    stage = f"{order['op']}ing {order['model']}"
    yield {"type": "progress", "body": {"stage": stage, "fraction": 0.0, "eta_s": None}}
    if order["op"] == "unload" and order["engine"] not in engines:
        return
    engine = engines.get(order["engine"])
    if isinstance(engine, ModelHost):
        (engine.load if order["op"] == "load" else engine.unload)(order["model"])


def run_order(order: WorkOrder, engines: Engines, cancel: CancelToken) -> Iterator[Message]:
    """Run an order; yield its messages, the end last. Raises nothing."""
    try:
        if order["op"] == "job":
            yield from run_job(order, engines, cancel)
        else:
            yield from manage_model(order, engines)
    except Exception as error:
        if not isinstance(error, AceStepError) and not is_full(error) and not is_failing_disk(error):
            traceback.print_exc()
        yield {"type": "error", "body": describe_error(error, engines.memory_bytes), "models": engines.models}
    else:
        yield {"type": "done", "models": engines.models}


class _Messages:
    """The way to the daemon, for several threads."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with self._lock:
            write_all(self._pipe, encode(message))


def _beat(messages: _Messages, at_work: threading.Event, runner: Runner) -> None:
    while at_work.wait():
        time.sleep(BEAT_S)
        if at_work.is_set():
            messages.send({"type": "alive", "loads": runner.is_loading()})


def _read_orders(
    orders: BinaryIO,
    waiting: SimpleQueue[WorkOrder],
    running: dict[str, CancelToken],
    messages: _Messages,
    runner: Runner,
) -> None:
    for line in orders:
        order = decode_order(line)
        if order["op"] == "cancel":
            if (token := running.get(order["id"])) is not None:
                token.cancel()
                messages.send({"type": "alive", "loads": runner.is_loading()})
        elif order["op"] != "start":
            running[order["id"]] = CancelToken()
            waiting.put(order)
    os._exit(0)  # the daemon has ended


def _on_engines(start: StartOrder) -> Runner:
    engines = Engines(start["device"], start["memory_bytes"], start.get("parts", ""))
    return Runner(lambda order, cancel: run_order(order, engines, cancel), lambda: engines.is_loading)


def serve(orders: BinaryIO, messages: BinaryIO, begin: Callable[[StartOrder], Runner] = _on_engines) -> NoReturn:
    """Run orders until there are no more, with what ``begin`` returns. ``messages`` is unbuffered."""
    sys.stdout = sys.stderr  # which writes line by line
    if not (first := orders.readline()):
        sys.exit()
    start = decode_order(first)
    assert start["op"] == "start", start
    runner = begin(start)
    waiting: SimpleQueue[WorkOrder] = SimpleQueue()
    running: dict[str, CancelToken] = {}
    answers, at_work = _Messages(messages), threading.Event()
    threading.Thread(target=_read_orders, args=(orders, waiting, running, answers, runner), daemon=True).start()
    threading.Thread(target=_beat, args=(answers, at_work, runner), daemon=True).start()
    answers.send({"type": "ready"})
    while True:
        at_work.clear()
        order = waiting.get()
        at_work.set()
        for message in runner.run(order, running[order["id"]]):
            if message["type"] in ("done", "error"):
                del running[order["id"]]  # before the message: the next order may have the same id
            answers.send(message)


def main(begin: Callable[[StartOrder], Runner] = _on_engines) -> None:
    """Serve on stdin and stdout: see `serve`."""
    if parent := os.environ.pop(PARENT, ""):
        end_with_parent(int(parent))
    orders, messages = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # whatever a library prints must not break the protocol
    serve(orders, messages, begin)
