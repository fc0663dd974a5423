"""Starting a worker process: its command, its environment, and the pipes to it.

A child imports no modules from the folder that the daemon was started in. Its own working folder is the data folder, which is
not on its path either.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acebridge.paths import TOKEN_VARIABLE
from acebridge.workers import blas

log = logging.getLogger(__name__)
LINE_LIMIT = 16 * 2**20  # facts of a long song: beats, chords, lyrics
#: Only a process that hangs takes longer to start, even one that imports torch from a slow disk.
START_LIMIT_S = 120.0
#: The environment variable that holds the process id of the one that started a process.
PARENT = "ACEBRIDGE_PARENT_PID"
_PR_SET_PDEATHSIG = 1
#: Idle threads of OpenBLAS and OpenMP spin, at the cost of the DAW's audio. 2,000 turns take about as long as to wake a thread:
#: enough for most pauses of a model, and nothing beside other programs.
_DEFAULTS = {blas.THREADS: "1", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000", "MALLOC_ARENA_MAX": "2"}
#: ``-P`` keeps the working folder off the path. Python 3.10 has no such option; there it is taken off before any other import.
_FLAGS = ("-P",) if sys.version_info >= (3, 11) else ()
_PROGRAM = (
    "import os, sys; sys.path[:] = [place for place in sys.path if place and os.path.realpath(place) != os.getcwd()]; "
    "from {module} import main; main()"
)


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``main`` of a module in a new process."""
    return [sys.executable, *_FLAGS, "-c", _PROGRAM.format(module=module), *arguments]


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: the user's without a token, and defaults for threads and memory.

    Folders that ``PYTHONPATH`` names relative to the working folder keep their meaning; the working folder itself goes.
    """
    places = [place for place in inherited.get("PYTHONPATH", "").split(os.pathsep) if place not in ("", os.curdir)]
    python_path = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, places))} if places else {}
    rest = {name: value for name, value in inherited.items() if name not in ("PYTHONPATH", TOKEN_VARIABLE)}
    return {**_DEFAULTS, **rest, **python_path}


def end_with_parent(parent: int) -> None:
    """Have the system end this process as soon as its parent ends, whose process id is ``parent``. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before
            os._exit(0)


async def log_output(output: asyncio.StreamReader, name: str, **extra: str) -> None:
    """Log what a process prints, line by line, until it ends: with output that nobody takes it would stand still."""
    while True:
        try:
            line = await output.readline()
        except ValueError:  # longer than the limit: that of a bar that is drawn again and again, say
            log.warning("%s: a line is too long to show", name, extra=extra)
            continue
        if not line:
            return
        log.warning("%s: %s", name, line.decode(errors="replace").rstrip(), extra=extra)


@dataclass(frozen=True)
class Child:
    """A worker process and the pipes to it. ``exit_code`` is as `subprocess.Popen.returncode`, once it has ended."""

    pid: int
    orders: asyncio.StreamWriter
    messages: asyncio.StreamReader
    #: Printed output of the worker and its libraries.
    output: asyncio.StreamReader
    exit_code: asyncio.Future[int]
    kill: Callable[[], None]


class Launcher(Protocol):
    """A way to start worker processes."""

    async def preload(self, modules: Sequence[str]) -> None:
        """Import modules ahead for workers that start later, if possible. Does not wait for it."""
        ...

    async def launch(self, modules: Sequence[str]) -> Child:
        """Start a worker process, which will need these modules. Raises ``OSError``."""
        ...

    async def spawn(self) -> Child:
        """Start a worker as a new process, which shares nothing that a launched one can hang on. Raises ``OSError``."""
        ...

    async def stop(self) -> None:
        """End the processes that launch workers. The workers have ended before."""
        ...


class Spawner:
    """Starts workers as new processes. Works everywhere; a worker then imports all its modules.

    They run ``program``, by default the worker of this machine, in ``folder``, with ``variables`` added to the environment.
    """

    def __init__(self, folder: Path, program: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._variables = variables or {}
        self._program = program or command("acebridge.workers.main")

    async def preload(self, modules: Sequence[str]) -> None:
        """See `Launcher.preload`. Nothing can be imported ahead here."""

    async def launch(self, modules: Sequence[str]) -> Child:  # noqa: ARG002
        """See `Launcher.launch`."""
        return await self.spawn()

    async def spawn(self) -> Child:
        """See `Launcher.spawn`."""
        process = await asyncio.create_subprocess_exec(
            *self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            cwd=self._folder,
            env={**environment(os.environ), **self._variables, PARENT: str(os.getpid())},
            # Ctrl-C in the daemon's terminal is the daemon's to handle.
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None

        def kill() -> None:
            with suppress(ProcessLookupError):
                process.kill()

        ended = asyncio.ensure_future(process.wait())
        return Child(process.pid, process.stdin, process.stdout, process.stderr, ended, kill)

    async def stop(self) -> None:
        """See `Launcher.stop`. There is nothing to end."""
