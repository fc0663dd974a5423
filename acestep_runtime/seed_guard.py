"""A repaint never draws again what its source was drawn from: the same noise would lead back to the sound that is there.

A file of ours says in its recipe what it was drawn from.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from acestep_runtime.audio.tags.names import names_in_wave, read_names
from acestep_runtime.audio.tags.riff import WaveChunks, read_chunks
from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.recipes import parse_recipe
from acestep_runtime.tasks import Repaint, Task
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.takes import next_seeds
from acestep_runtime.values import MAX_SEED, TakeSeed

T = TypeVar("T", bound=Task)

#: Far enough from a seed that no take of the same request, or of the next, counts up to it.
_STEP = 0x9E3779B1


def with_other_seeds(task: T, engine: Engine) -> tuple[T, list[str]]:
    """Return a task, whose seeds are all known, with another seed in place of that of its source; and a sentence on each.

    Only a repaint by an engine that draws noise changes. Raises ``OSError`` for a source that cannot be read.
    """
    if not isinstance(task, Repaint) or not engine.supports_sampling:
        return task, []
    drawn_from = _take_seed_of(task.source)
    output, notes = task.output, []
    for take, each in enumerate(output.take_seeds):
        if each == drawn_from:
            output, seed = _with_another(output, take)
            notes.append(
                f"Seed {output.distinct_seeds[take]} took the place of {seed}, from which"
                f" {printable(task.source.display_name)} was made: with its own seed, what is there comes back."
            )
    return dataclasses.replace(task, output=output), notes


def _with_another(output: Output, take: int) -> tuple[Output, int]:
    """Return an output with another seed for a take, and the seed it had."""
    seeds = list(output.distinct_seeds)
    seed = seeds[take]
    (seeds[take],) = next_seeds((seed + _STEP) % (MAX_SEED + 1), 1, {*output.seeds, *output.variation_seeds})
    if output.variation:
        return dataclasses.replace(output, variation_seeds=tuple(seeds)), seed
    return dataclasses.replace(output, seeds=tuple(seeds)), seed


def _take_seed_of(source: Source) -> TakeSeed | None:
    """Return what a source was drawn from; ``None`` for one that does not say it."""
    with Path(source.path).open("rb") as file:
        chunks = read_chunks(file)
        names = read_names(file) if chunks == WaveChunks() else names_in_wave(chunks)
    with suppress(InvalidValue):  # of another version, or none
        return parse_recipe(names.get("recipe", ""), source.display_name).take_seed
    return None
