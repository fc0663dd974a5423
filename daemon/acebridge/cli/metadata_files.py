"""What tasks without audio write into files: their metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol


class MetadataFiles(Protocol):
    """The files that the metadata of a take is written into, as text or as MIDI."""

    @property
    def out(self) -> Path | None:
        """The file of ``-o``."""
        ...

    @property
    def names_in_files(self) -> tuple[str, ...]:
        """Names of facts that are in the files, and are not printed for a person."""
        ...

    def write(self, facts: Mapping[str, Any]) -> Iterator[str]:
        """Write the files, and yield a line about each. Raises `EngineFailure` when there is nothing to write."""
        ...
