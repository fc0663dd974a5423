"""The instances of the plug-in that run, and commands for them."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import write_whole
from acebridge.errors import Conflict, ErrorReason, JobFailed, NotFound
from acebridge.hosts.jobfolder.json_files import read_object
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from pydantic import JsonValue

#: In the data folder.
PLUGIN_FOLDER = "plugin"
_STATE, _COMMANDS, _LOCK = "instance.json", "commands", "lock"
_ID = re.compile("[0-9a-f]{12}")
_LOOK_S = 0.1
#: The plug-in reads no longer file.
_MOST_COMMAND_BYTES = 1 << 20
#: How long an instance may take to act on a command.
_ACT_S = 10.0
_REMEDY = "Load AceBridge on a track of your DAW, and start the transport once."


@dataclass(frozen=True)
class Instance:
    """An instance that runs: its folder, and what it says of itself."""

    folder: Path
    facts: Mapping[str, JsonValue]

    @property
    def id(self) -> str:
        """Its name: 12 hex digits."""
        return self.folder.name

    def text(self, key: str) -> str:
        """Return a fact that is text; empty for any other."""
        value = self.facts.get(key)
        return printable(value, 1000) if isinstance(value, str) else ""

    def fraction(self) -> float:
        """Return how far its job is, 0 to 1."""
        value = self.facts.get("progress")
        return float(value) if isinstance(value, (int, float)) else 0.0

    def job(self) -> tuple[int, Sequence[str]]:
        """Return how many jobs it has had, and the files of the last one."""
        job = self.facts.get("job")
        number, files = (job.get("number"), job.get("files")) if isinstance(job, dict) else (0, [])
        names = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
        return (number if isinstance(number, int) else 0), names


def running_instances(home: Path) -> list[Instance]:
    """Return the instances that run, by their names; ``home`` is the data folder."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for folder in sorted((home / PLUGIN_FOLDER).iterdir()):
            is_ours = _ID.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
            if is_ours and (facts := read_object(folder / _STATE)) and _is_held(folder / _LOCK):
                found.append(Instance(folder, facts))
    return found


def _is_held(lock: Path) -> bool:
    """Return whether the plug-in holds its lock, as it does until it ends, however that comes about."""
    import filelock

    if not lock.is_file():
        return False
    try:
        with filelock.FileLock(lock).acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


def find_instance(home: Path, beginning: str = "") -> Instance:
    """Return the running instance whose name begins so; an empty beginning means the only one.

    Raises `NotFound` when there is none, and `InvalidValue` when there are several.
    """
    instances = running_instances(home)
    if not instances:
        raise NotFound("No AceBridge plug-in runs.", remedy=_REMEDY)
    fitting = [instance for instance in instances if instance.id.startswith(beginning)]
    names = ", ".join(f"{instance.id} ({instance.text('host')})" for instance in fitting or instances)
    if not fitting:
        raise NotFound(f"No plug-in's name begins with {printable(beginning)}.", remedy=f"There are {names}.")
    if len(fitting) > 1:
        what = f"begin with {beginning}" if beginning else "run"
        raise InvalidValue(
            "INSTANCE",
            beginning,
            "the name of one plug-in, or its beginning",
            message=f"{len(fitting)} plug-ins {what}: {names}.",
            remedy="Give the name of one, or enough of its beginning.",
        )
    return fitting[0]


def send_command(instance: Instance, command: Mapping[str, JsonValue]) -> None:
    """Have an instance do something, and wait until it has read that.

    Raises `Conflict` when it does not, and `InvalidValue` for a command that is too long for it.
    """
    data = json.dumps(command).encode()
    if len(data) > _MOST_COMMAND_BYTES:
        raise InvalidValue(
            "command",
            f"{len(data):,} bytes",
            f"at most {_MOST_COMMAND_BYTES:,} bytes",
            message=f"The text is too long for the plug-in: {len(data):,} bytes; allowed: {_MOST_COMMAND_BYTES:,}.",
            remedy="Shorten it.",
        )
    # In order of time: the names are what the plug-in sorts by.
    file = instance.folder / _COMMANDS / f"{time.time_ns():020d}-{secrets.token_hex(4)}.json"
    if not file.parent.is_dir():
        raise _no_answer(instance)
    write_whole(file, [data], make_folder=False, private=True)
    deadline = time.monotonic() + _ACT_S
    while file.exists():
        if time.monotonic() > deadline or not file.parent.is_dir():
            with suppress(OSError):
                file.unlink()
            raise _no_answer(instance)
        time.sleep(_LOOK_S)


def _no_answer(instance: Instance) -> Conflict:
    return Conflict(f"The plug-in {instance.id} does not answer.", remedy="Check with `acebridge plugin list`.")


def press_go(instance: Instance, *, wait: bool, show: Callable[[Instance], None]) -> Instance:
    """Press Go; with ``wait`` return when the job has ended, and ``show`` the instance whenever it has changed.

    Raises `JobFailed` when the job fails, is cancelled, or the plug-in ends before it; `Conflict` while another job runs.
    """
    before, _ = instance.job()
    if instance.text("state") == "working":
        raise Conflict(
            f"A job of the plug-in {instance.id} runs.", remedy="Wait for it, or run `acebridge plugin cancel`."
        )
    send_command(instance, {"press": "go"})
    now = instance
    while wait:
        facts = read_object(instance.folder / _STATE)
        if not facts or not _is_held(instance.folder / _LOCK):
            raise JobFailed(
                ErrorReason.UNAVAILABLE,
                f"The plug-in {instance.id} ended during its job.",
                remedy="What was made lies in the folder of its project.",
            )
        if facts != now.facts:
            now = Instance(instance.folder, facts)
            show(now)
        if now.job()[0] > before and now.text("state") != "working":
            break
        time.sleep(_LOOK_S)
    reasons = {"failed": ErrorReason.ENGINE_FAILURE, "cancelled": ErrorReason.CANCELLED}
    if wait and (reason := reasons.get(now.text("state"))):
        raise JobFailed(reason, now.text("sentence"))
    return now
