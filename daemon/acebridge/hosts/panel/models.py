"""Models for the panel: what is there, what can be fetched, disk and memory; and one pull at a time."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.config import load_config
from acebridge.errors import AceBridgeError, Conflict
from acestep_runtime.errors import AceStepError
from acestep_runtime.memory import machine
from acestep_runtime.weights.adapters import adapter_fault, find_adapters
from acestep_runtime.weights.hub import PullProgress
from acestep_runtime.weights.known_models import fetch_model, find_models, is_released, model_rows

if TYPE_CHECKING:
    from pydantic import JsonValue

log = logging.getLogger(__name__)

#: Fetches a model into a folder and reports how far it is.
Fetch = Callable[[str, Path, Callable[[PullProgress], None]], object]
#: How often a pull that says nothing is looked at, in seconds.
LOOK_S = 0.5


def models_folder() -> Path:
    """Return the folder of models that the settings name."""
    return load_config().models_dir


def describe_models(folder: Path) -> dict[str, JsonValue]:
    """Return models and adapters that are in ``folder`` or can be fetched into it, with the disk and the memory they have."""
    rows: list[JsonValue] = [
        {
            "name": row.name, "kind": row.kind, "size_bytes": row.size_bytes,
            "about": row.about if is_released(row.name) else row.form, "there": row.there, "faults": list(row.faults),
            "can_pull": is_released(row.name),
        }
        for row in model_rows(find_models(folder))
    ]  # fmt: skip
    adapters: list[JsonValue] = [
        {"name": each.name, "size_bytes": each.size_bytes, "fault": adapter_fault(each) or ""}
        for each in find_adapters(folder)
    ]
    return {
        "folder": str(folder), "models": rows, "adapters": adapters, "disk": _disk(folder),
        "memory": {"total_bytes": machine.total_bytes(), "free_bytes": machine.available_bytes()},
    }  # fmt: skip


def _disk(folder: Path) -> JsonValue:
    """Return the size of the disk that holds a folder, or would; nothing where that cannot be known."""
    for each in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(each)
        except OSError:
            continue
        return {"total_bytes": usage.total, "free_bytes": usage.free}
    return None


class _Stop(BaseException):
    """Ends a pull from within its report of progress; no handler of errors of the network takes it for one of them."""


class Pulls:
    """The pull that is under way, if any. It goes on when nobody watches it, and another page may join it."""

    def __init__(self, fetch: Fetch = fetch_model) -> None:
        self._fetch = fetch
        self._changed = threading.Condition()
        self._name = self._last_name = ""
        self._step: PullProgress | None = None
        self._error: Exception | None = None
        self._is_stopping = False

    def state(self) -> dict[str, JsonValue] | None:
        """Return the pull that is under way: its model, its stage, and how far it is; ``None`` without one."""
        with self._changed:
            return self._describe() if self._name else None

    def start(self, name: str, folder: Path) -> None:
        """Start a pull, or join it where it is under way. Raises `Conflict` while another one is."""
        with self._changed:
            if self._name == name:
                return
            if self._name:
                raise Conflict(f"{self._name} is being fetched.", remedy="Wait for its end, or stop it first.")
            self._name = self._last_name = name
            self._step, self._error, self._is_stopping = None, None, False
        threading.Thread(target=self._run, args=(name, folder), name="pull", daemon=True).start()

    def stop(self) -> bool:
        """Stop the pull; what has arrived stays for the next one. Return whether there was one."""
        with self._changed:
            self._is_stopping = bool(self._name)
            return self._is_stopping

    def watch(self) -> Iterator[dict[str, JsonValue] | None]:
        """Yield the state whenever it changes, ``None`` now and then without a change; end with the pull.

        Raises what ended the pull, and `Conflict` where it was stopped.
        """
        last: dict[str, JsonValue] | None = None
        while True:
            with self._changed:
                is_over = not self._name
                now = self._describe()
                if now == last and not is_over:
                    self._changed.wait(LOOK_S)
                    now = self._describe()
            if now != last or not is_over:
                yield now if now != last else None
            last = now
            if is_over:
                break
        if self._error is not None:
            raise self._error

    def _describe(self) -> dict[str, JsonValue]:
        step = self._step or PullProgress("asking", 0, 0)
        return {"name": self._last_name, "stage": step.stage, "done_bytes": step.done, "total_bytes": step.total}

    def _report(self, step: PullProgress) -> None:
        with self._changed:
            if self._is_stopping:
                raise _Stop
            self._step = step
            self._changed.notify_all()

    def _run(self, name: str, folder: Path) -> None:
        error: Exception | None = None
        try:
            self._fetch(name, folder, self._report)
        except _Stop:
            error = Conflict(f"The pull of {name} was stopped.", remedy="Pull it again to go on where it stopped.")
        except Exception as failure:
            error = failure
            if not isinstance(failure, (AceStepError, AceBridgeError, OSError)):
                log.exception("the pull of %s failed", name)
        finally:
            with self._changed:
                self._name, self._error = "", error
                self._changed.notify_all()
