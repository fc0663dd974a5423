"""Writing and removing the file of a service, and running the system's commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from acebridge.errors import AceBridgeError
from acebridge.private_files import make_private_folder
from acebridge.system_service.base import Command, Program, Steps, SystemService

#: Runs a command; returns its exit code and what it printed.
Run = Callable[[Command], tuple[int, str]]
_TIMEOUT_S = 60.0


class ServiceFailed(AceBridgeError):
    """The system did not do what a service needs."""


def run_command(command: Command) -> tuple[int, str]:
    """Run a command of the system. One that is not there, or does not end, has the exit code 127."""
    try:
        done = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        return 127, f"{command[0]}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return 127, f"{command[0]} did not end within {_TIMEOUT_S:g} s"
    return done.returncode, (done.stderr.strip() or done.stdout.strip())


def check_program(service: SystemService, find: Callable[[str], str | None] = shutil.which) -> None:
    """Raise `ServiceFailed` where the program that manages such services is not on this machine."""
    program = service.query()[0]
    if find(program) is None:
        raise ServiceFailed(
            f"There is no {service.name} here: this machine has no `{program}`.",
            remedy="Commands start the daemon when they need it; or have your own system run `acebridge serve`.",
        )


def install(service: SystemService, program: Program, run: Run = run_command) -> Path:
    """Write the file of a service and start it; return the file.

    Raises `ServiceFailed` when the system does not start it; the file stays.
    """
    file = service.file(program.data_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    make_private_folder(program.data_dir)
    file.write_text(service.text(program), service.encoding)
    steps = service.start(file)
    failure = _run_steps(steps, run)
    if failure:
        raise ServiceFailed(
            f"The {service.name} is written to {file}, but not started: {failure}.",
            remedy=f"Start it with: {shell_line(steps.required)}",
        )
    return file


def uninstall(service: SystemService, data_dir: Path, run: Run = run_command) -> Path | None:
    """Stop a service and remove its file; return that, or ``None`` when there was none."""
    file = service.file(data_dir)
    if not file.exists():
        return None
    steps = service.stop(file)
    _run_steps(Steps(attempts=steps.attempts), run)
    with suppress(FileNotFoundError):
        file.unlink()
    _run_steps(Steps(attempts=steps.required), run)
    return file


def is_active(service: SystemService, run: Run = run_command) -> bool:
    """Return whether the system runs a service."""
    return run(service.query())[0] == 0


def shell_line(commands: Sequence[Command]) -> str:
    """Return commands as one line for a shell, the next one only after success."""
    return " && ".join(map(shlex.join, commands))


def _run_steps(steps: Steps, run: Run) -> str:
    """Run commands; return why the first required one failed, or nothing."""
    for command in steps.attempts:
        run(command)
    for command in steps.required:
        code, printed = run(command)
        if code:
            return (printed.splitlines() or [f"{shlex.join(command)} ended with code {code}"])[0].rstrip(".")
    return ""
