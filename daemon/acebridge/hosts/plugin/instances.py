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
#: How long an instance may take to act on a command: it may be reading a long take, or writing a long source.
_ACT_S = 60.0
#: After how long without news an instance is asked whether it can still write what it does.
_ASK_S = 10.0
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

    def is_working(self) -> bool:
        """Return whether a job of it runs."""
        return self.text("state") == "working"

    def job_number(self) -> int:
        """Return how many jobs it has had."""
        number = self._job().get("number")
        return number if isinstance(number, int) else 0

    def job_files(self) -> Sequence[str]:
        """Return the files of its last job."""
        files = self._job().get("files")
        return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []

    def is_at_daemon(self) -> bool:
        """Return whether the daemon has its last job."""
        return bool(self._job().get("daemon_id"))

    def failure_reason(self) -> str:
        """Return why its last job failed, as a value of `ErrorReason`."""
        return str(self._job().get("reason") or ErrorReason.ENGINE_FAILURE)

    def _job(self) -> Mapping[str, JsonValue]:
        job = self.facts.get("job")
        return job if isinstance(job, dict) else {}


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
    """Return whether the plug-in holds its lock, as it does until it ends, however that comes about.

    The lock is shared for a moment: whoever else looks at the same time is not taken for the plug-in.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where the plug-in has no link
        return False
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
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


def send_command(instance: Instance, command: Mapping[str, JsonValue]) -> Instance:
    """Have an instance do something; return it as it is once that is done.

    Raises `Conflict` when it does not answer, `InvalidValue` for a command that is too long for it or cannot be written, and
    `JobFailed` when it refuses, fails at once, ends, or cannot write what came of it.
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
    try:
        write_whole(file, [data], make_folder=False, private=True)
    except InvalidValue as error:
        raise InvalidValue(
            "command",
            str(file.parent),
            "a folder that can be written",
            message=error.message,
            remedy="Free some space there, or repair the folder, then try again.",
        ) from error
    deadline = time.monotonic() + _ACT_S
    while file.exists():
        if time.monotonic() > deadline:
            with suppress(OSError):
                file.unlink()
            raise _no_answer(instance)
        time.sleep(_LOOK_S)
    return _check_answer(_look(instance), file.name)


def _no_answer(instance: Instance) -> Conflict:
    return Conflict(f"The plug-in {instance.id} does not answer.", remedy="Check with `acebridge plugin list`.")


def _look(instance: Instance) -> Instance:
    """Return the instance as it is now; raise `JobFailed` when it has ended."""
    facts = read_object(instance.folder / _STATE)
    if not facts or not _is_held(instance.folder / _LOCK):
        raise JobFailed(
            ErrorReason.UNAVAILABLE,
            f"The plug-in {instance.id} has ended.",
            remedy="A job that it began goes on: what it makes will lie in the folder of the project.",
        )
    return Instance(instance.folder, facts)


def _check_answer(instance: Instance, command: str) -> Instance:
    """Return the instance if it has done a command; a command's file goes when the answer to it is written."""
    answers = instance.facts.get("answers")
    for answer in answers if isinstance(answers, list) else []:
        if isinstance(answer, dict) and answer.get("command") == command:
            if sentence := answer.get("sentence"):
                raise JobFailed(str(answer.get("reason")), printable(str(sentence), 1000))
            return instance
    raise JobFailed(
        ErrorReason.DISK_FULL,
        f"The plug-in {instance.id} cannot say what it does: {instance.folder / _STATE} cannot be written.",
        remedy="Free some space there. What came of it is said in the plug-in's window.",
    )


def press_button(instance: Instance, button: str, *, wait: bool, show: Callable[[Instance], None]) -> Instance:
    """Press "go" or "vary"; return when the daemon has the job, with ``wait`` when it has ended.

    ``show`` the instance as it changes.
    Raises what `send_command` does, and `JobFailed` when the job fails, is cancelled, or is followed by another one.
    """
    now = send_command(instance, {"press": button})
    number = now.job_number()
    changed_s = time.monotonic()
    show(now)
    while now.is_working() and (wait or not now.is_at_daemon()):
        time.sleep(_LOOK_S)
        if (latest := _look(now)) != now:
            now, changed_s = latest, time.monotonic()
            show(now)
        elif time.monotonic() - changed_s > _ASK_S:  # it may not be able to write what it does
            now, changed_s = send_command(now, {}), time.monotonic()
        if now.job_number() != number:
            raise JobFailed(
                ErrorReason.CONFLICT,
                f"The plug-in {now.id} has begun another job meanwhile.",
                remedy="See `acebridge jobs` for what came of this one.",
            )
    if now.text("state") == "failed":
        raise JobFailed(now.failure_reason(), now.text("sentence"))
    if now.text("state") == "cancelled":
        raise JobFailed(ErrorReason.CANCELLED, now.text("sentence"))
    return now
