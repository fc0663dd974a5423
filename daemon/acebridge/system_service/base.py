"""What a system has to say about its services. A new system is one class with these members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Command = Sequence[str]


@dataclass(frozen=True)
class Program:
    """What the service runs: a command with all its arguments, in the folder ``data_dir``."""

    command: Sequence[str]
    data_dir: Path


@dataclass(frozen=True)
class Steps:
    """Commands in their order. A failure of one in ``attempts`` does not matter; one of ``required`` does."""

    attempts: Sequence[Command] = ()
    required: Sequence[Command] = ()


class SystemService(Protocol):
    """The service of one system. Nothing here has an effect: the commands are for others to run."""

    #: What people call it.
    name: str
    #: Of the file.
    encoding: str

    def file(self, data_dir: Path) -> Path:
        """Return where the file that describes the service lies."""
        ...

    def text(self, program: Program) -> str:
        """Return what the file holds."""
        ...

    def start(self, file: Path) -> Steps:
        """Return the commands that start the service, now and from now on at every log-in, or start it again."""
        ...

    def stop(self, file: Path) -> Steps:
        """Return the commands that stop it and let the system forget it. The file is removed after ``attempts``."""
        ...

    def query(self) -> Command:
        """Return the command that ends with 0 where the system runs the service or would."""
        ...
