"""Warnings in a take's metadata: truncated sources, clipped samples, and inputs without effect."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from acestep_runtime.audio.decode import is_rounded
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Engine
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.errors import printable
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Source, Take, Task, TaskEvent
from acestep_runtime.tasks.unused import describe_unused
from acestep_runtime.units import gain_to_db
from acestep_runtime.values import CODES_A_SECOND, LANGUAGES, CancelToken, Music, TakeSeed, similar_language


def run_with_warnings(
    task: Task, engine: Engine, cancel: CancelToken, done: int = 0, *, note: str = ""
) -> Iterator[TaskEvent]:
    """Run ``task`` and add warnings, as sentences under "warnings", to the metadata of its takes; ``note`` is the first."""
    inputs = task.audio_inputs()
    reference = inputs.get("reference")
    notes = [
        *filter(None, [note]),
        *_file_warnings(inputs.get("source")),
        *_file_warnings(None if reference is None or not engine.supports_reference else reference),
        *_plan_warnings(task, engine),
        *filter(None, [task.words_to_sing(engine).note]),
        *_language_warnings(getattr(task, "music", Music()).language),
        *_seed_warnings(task.output_spec.take_seeds),
        *describe_unused(task, engine),
    ]
    levels: dict[int, _ClipMeter] = {}
    for event in task.run(engine, cancel, done):
        if isinstance(event, OutputHeader):
            levels[event.output] = _ClipMeter(event)
        elif isinstance(event, OutputBlock):
            levels[event.output].add(event.samples)
        elif isinstance(event, Take):
            warnings = [
                *notes,
                *filter(None, (level.warning() for level in levels.values())),
            ]
            levels.clear()
            event = dataclasses.replace(event, metadata=with_warnings(event.metadata, warnings))
        yield event


def with_warnings(metadata: TakeMetadata, warnings: Sequence[str]) -> TakeMetadata:
    """Return metadata with further warnings."""
    if not warnings:
        return metadata
    return {**metadata, "warnings": [*metadata.get("warnings", ()), *warnings]}


def _language_warnings(code: str) -> list[str]:
    """Warn of a language that no model knows: it would be sung in some other one."""
    if not code or code in LANGUAGES:
        return []
    meant = similar_language(code)
    remedy = f"Did you mean {meant}?" if meant else "Use an ISO 639 code, such as en, de, ja or zh."
    return [f"language {printable(code)} is none that the models know. {remedy}"]


def _seed_warnings(take_seeds: Sequence[TakeSeed]) -> list[str]:
    """Warn of takes that are equal because their seeds are."""
    return [
        f"{_name_seed(each)} is given {count} times: takes with one seed are equal."
        for each, count in Counter(take_seeds).items()
        if count > 1
    ]


def _name_seed(take_seed: TakeSeed) -> str:
    varied = take_seed.variations
    return f"Variation seed {varied[-1].seed} of seed {take_seed.seed}" if varied else f"Seed {take_seed.seed}"


def _plan_warnings(task: Task, engine: Engine) -> list[str]:
    """Warn of a plan that ends before the song should."""
    codes: tuple[int, ...] = getattr(task, "codes", ())
    requested_s: float | None = getattr(task, "duration_s", None)
    plan_s = len(codes) / CODES_A_SECOND
    if codes and engine.supports_planning and requested_s is not None and requested_s - plan_s >= 1 / CODES_A_SECOND:
        return [f"The plan ends after {plan_s:g} of {requested_s:g} s, and so does the song."]
    return []


def _file_warnings(source: Source | None) -> list[str]:
    if source is None:
        return []
    info, start, stop = source.part(exact=True)
    name = printable(source.display_name)
    notes = [f"{name} {fault}. Copy or export it again." for fault in info.faults]
    if info.header_duration_s is not None:
        notes.append(
            f"{name} was cut off: its header promises {info.header_duration_s:.3f} s, but it ends after"
            f" {info.duration_s:.3f} s. Copy or export it again."
        )
    if is_rounded(source.path, start, stop):
        notes.append(f"{name} holds samples of more than 24 bits ({info.subtype}): they were rounded to float32.")
    return notes


class _ClipMeter:
    """Measures by how much the samples of one output exceed what its encoding holds."""

    def __init__(self, header: OutputHeader) -> None:
        self._header, self._clipped_samples, self._peak = header, 0, 0.0

    def add(self, samples: Samples) -> None:
        if self._header.encoding != "float32" and len(samples):
            level = np.abs(samples)
            self._clipped_samples += int(np.count_nonzero(level > 1))
            self._peak = max(self._peak, float(level.max()))

    def warning(self) -> str:
        if not self._clipped_samples:
            return ""
        count = "1 sample" if self._clipped_samples == 1 else f"{self._clipped_samples} samples"
        return (
            f"{self._header.role} is clipped ({count}): it exceeds what {self._header.encoding} holds by up to"
            f" {gain_to_db(self._peak):.1f} dB. Ask for float32, which holds everything."
        )
