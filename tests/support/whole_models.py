"""The models of a folder that lack nothing."""

from __future__ import annotations

from pathlib import Path

from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.wholeness import inspect_checkpoints


def find_whole_checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    """Return the whole checkpoints in and below a folder of models, by name."""
    return tuple(each for each, faults in inspect_checkpoints(folder).items() if not faults)
