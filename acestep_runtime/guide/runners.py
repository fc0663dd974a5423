"""Running orders: in this process, or on a daemon, with equal batches.

The runtime has no network code. A package that reaches a daemon registers its runner as an entry point in
`ENTRY_POINT_GROUP`; AceBridge's client does.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from acestep_runtime.engines import registry
from acestep_runtime.engines.base import Engine, Progress
from acestep_runtime.engines.metadata import without_unknown
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.guide.request import Order
from acestep_runtime.latents_files import latents_path
from acestep_runtime.recording import EngineChange, Ranking, TakeFiles, record
from acestep_runtime.tasks import build_task, with_all_seeds
from acestep_runtime.tasks.choosing import RankedTake
from acestep_runtime.values import CancelToken, Json, Sampling

#: Group of the entry points that are callables ``address → Runner``.
ENTRY_POINT_GROUP = "acebridge.runners"

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Batch:
    """The takes of one order, as files, and their engine. ``job_id`` is empty without a daemon.

    ``seeds`` are those in which all takes of the order differ. Where takes were chosen, the best come first, and ``ranking``
    holds all of them.
    """

    engine: str
    takes: tuple[TakeFiles, ...]
    seeds: tuple[int, ...]
    job_id: str = ""
    ranking: tuple[RankedTake, ...] = ()


class Runner(Protocol):
    """Runs orders. Both methods may be called from any thread, and raise what the task raises."""

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Report) -> Batch:
        """Run ``order`` into ``folder``; call ``report`` with the stage and the fraction done."""
        ...

    def prefetch(self, order: Order, batch: Batch, folder: Path) -> Prefetch:
        """Begin ``order``, the next after ``batch``, into ``folder`` in the background."""
        ...


class Prefetch(Protocol):
    """A batch that is generated ahead of its request."""

    def wait(self, cancel: CancelToken, report: Report) -> Batch:
        """Wait for the batch, which is now requested, and return it; the same one to all callers.

        ``report`` is called from the thread that generates it. Raises `Cancelled` for a batch that was dropped.
        """
        ...

    def drop(self) -> None:
        """Stop the batch, which is no longer needed. Does nothing after `wait`."""
        ...


@cache
def _engine(name: str) -> Engine:
    return registry.load(registry.ENGINES[name])


class _BackgroundGate:
    """Blocks background work while foreground work runs."""

    def __init__(self) -> None:
        self._busy, self._changed = 0, threading.Condition()

    @contextmanager
    def foreground(self) -> Iterator[None]:
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def wait(self, requested: threading.Event, cancel: CancelToken) -> None:
        """Wait until no foreground work runs, or until this work is requested."""
        with self._changed:
            while self._busy and not requested.is_set():
                cancel.check()
                self._changed.wait(0.1)


_gate = _BackgroundGate()


def _run(order: Order, folder: Path, cancel: CancelToken, report: Report, pause: Callable[[], None]) -> Batch:
    fields: dict[str, Json] = dict(order.fields)
    for name, audio in (("source", order.source), ("reference", order.reference)):
        if audio is not None:
            fields[name] = {"path": str(audio.path), "name": audio.path.name}
    task = with_all_seeds(build_task(order.task, fields))
    task.validate()
    sampling = getattr(task, "sampling", Sampling())
    info, note = registry.resolve(order.engine, type(task), sampling.model)
    registry.check_sampling(info, type(task), sampling)
    spare, engine = registry.spare_engine(order.engine, info, sampling), info.name
    takes: dict[int, TakeFiles] = {}
    ranking: tuple[RankedTake, ...] = ()
    events = record(
        task, _engine(info.name), folder, cancel, note=note, spare=partial(_engine, spare) if spare else None
    )
    for event in events:
        pause()
        if isinstance(event, Progress):
            report(event.stage, event.fraction)
        elif isinstance(event, TakeFiles):
            takes[event.take] = replace(event, metadata=without_unknown(event.metadata))
        elif isinstance(event, EngineChange):
            engine = event.engine
        elif isinstance(event, Ranking):
            ranking = event.takes
    take_numbers = [each.take for each in ranking if each.kept] or list(takes)
    for take in takes.keys() - take_numbers:
        for output in takes[take].outputs:
            output.path.unlink()
            latents_path(output.path).unlink(missing_ok=True)
    return Batch(engine, tuple(takes[take] for take in take_numbers), task.output_spec.distinct_seeds, ranking=ranking)


class LocalRunner:
    """Runs orders in this process."""

    def run(self, order: Order, folder: Path, cancel: CancelToken, report: Report) -> Batch:
        """See `Runner.run`."""
        with _gate.foreground():
            return _run(order, folder, cancel, report, cancel.check)

    def prefetch(self, order: Order, batch: Batch, folder: Path) -> Prefetch:
        """See `Runner.prefetch`."""
        del batch
        return _LocalPrefetch(order, folder)


class _LocalPrefetch:
    """A thread that generates a batch while nothing else runs in this process."""

    def __init__(self, order: Order, folder: Path) -> None:
        self._requested, self._cancel = threading.Event(), CancelToken()
        self._report: Report = ignore_progress
        self._outcome: Batch | BaseException | None = None
        self._done = threading.Event()  # an interrupted Thread.join may take a running thread for one that ended
        self._thread = threading.Thread(target=self._run, args=(order, folder), name="next-batch", daemon=True)
        self._thread.start()
        _unfinished.add(self)

    def _run(self, order: Order, folder: Path) -> None:
        def pause() -> None:
            _gate.wait(self._requested, self._cancel)

        try:
            pause()
            self._outcome = _run(order, folder, self._cancel, lambda *what: self._report(*what), pause)
        except BaseException as error:
            self._outcome = error
        finally:
            self._done.set()

    def wait(self, cancel: CancelToken, report: Report) -> Batch:
        """See `Prefetch.wait`."""
        self._report = report
        self._requested.set()
        try:
            while not self._done.wait(0.1):
                cancel.check()
        except BaseException:
            self.drop()
            raise
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def drop(self, patience_s: float = 0.0) -> None:
        """See `Prefetch.drop`. Waits for it to stop for up to ``patience_s``."""
        self._cancel.cancel()
        self._done.wait(patience_s)


#: Batches that may still run when Python exits. They must be dropped before modules are unloaded.
_unfinished: weakref.WeakSet[_LocalPrefetch] = weakref.WeakSet()
_LAST_PATIENCE_S = 3.0


@atexit.register
def _drop_unfinished() -> None:
    for prefetch in list(_unfinished):
        prefetch.drop(_LAST_PATIENCE_S)


def ignore_progress(_stage: str, _fraction: float) -> None:
    """Do nothing: nobody wants to know how far a task is."""


def runner_for(daemon: str | None) -> Runner:
    """Return the runner: this process, or the daemon at ``host:port``.

    Raises `UnsupportedTask` when no package that reaches a daemon is installed.
    """
    if daemon is None:
        return LocalRunner()
    if not isinstance(daemon, str) or not daemon.strip():
        raise InvalidValue("daemon", daemon, '"host:port", or "auto" for your own')
    for point in entry_points(group=ENTRY_POINT_GROUP):
        runner: Runner = point.load()(daemon)
        return runner
    raise UnsupportedTask("Nothing here can reach a daemon.", remedy="Install AceBridge with its daemon package.")
