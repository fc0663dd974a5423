"""Running long work that reports its progress by a callback, as the iterator of events that an engine is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from acestep_runtime.values import CancelToken


def run_with_progress(
    work: Callable[[Callable[[], None], Callable[[float], None]], None], cancel: CancelToken
) -> Iterator[float]:
    """Run work with a progress callback in a thread, and yield its reports. Its errors are raised here.

    Cancelling, or dropping this iterator, stops the work at its next check.
    """
    reports: SimpleQueue[float | BaseException | None] = SimpleQueue()
    stop = CancelToken()

    def check() -> None:
        cancel.check()
        stop.check()

    def run() -> None:
        try:
            work(check, reports.put)
            reports.put(None)
        except BaseException as error:
            reports.put(error)

    thread = threading.Thread(target=run, name="engine-work", daemon=True)
    thread.start()
    try:
        while (report := reports.get()) is not None:
            if isinstance(report, BaseException):
                raise report
            yield report
    finally:
        stop.cancel()
        thread.join()
