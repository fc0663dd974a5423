"""Warnings with each take: what its audio has suffered, such as a source cut off or samples clipped, and what had no effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from acestep_runtime.audio.decode import probe
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import printable
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Source, Take, Task, TaskEvent
from acestep_runtime.units import gain_to_db
from acestep_runtime.values import CODES_A_SECOND, CancelToken, Thinking


def run_with_warnings(task: Task, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
    """Run ``task``; where there is something to say, the metadata of its takes holds sentences under "warnings"."""
    inputs = task.audio_inputs()
    said = [
        *_about_file(inputs.get("source")),
        *_about_reference(inputs.get("reference"), engine),
        *_about_plan(task, engine),
    ]
    levels: dict[int, _Level] = {}
    for event in task.run(engine, cancel, done):
        if isinstance(event, OutputHeader):
            levels[event.output] = _Level(event)
        elif isinstance(event, OutputBlock):
            levels[event.output].add(event.samples)
        elif isinstance(event, Take):
            warnings = [
                *event.metadata.get("warnings", ()),
                *said,
                *filter(None, (level.warning() for level in levels.values())),
            ]
            levels.clear()
            if warnings:
                event = dataclasses.replace(event, metadata={**event.metadata, "warnings": warnings})
        yield event


def _about_reference(reference: Source | None, engine: Engine) -> list[str]:
    if reference is None or engine.supports_reference:
        return _about_file(reference)
    return [f"The {engine.name} engine does not hear a reference: {printable(reference.shown)} had no effect."]


def _about_plan(task: Task, engine: Engine) -> list[str]:
    """Say what is asked for and has no effect; of tasks that a language model answers, engines say that themselves."""
    codes: tuple[int, ...] = getattr(task, "codes", ())
    thinking = task.can_plan and getattr(task, "thinking", Thinking()).on
    if (codes or thinking) and not engine.supports_planning:
        what = "follow codes, so those of the plan" if codes else "plan songs, so thinking"
        return [f"The {engine.name} engine does not {what} had no effect: that takes the neural engine."]
    asked_s: float | None = getattr(task, "duration_s", None)
    planned_s = len(codes) / CODES_A_SECOND
    if codes and asked_s is not None and asked_s - planned_s >= 1 / CODES_A_SECOND:
        return [f"The plan ends after {planned_s:g} of {asked_s:g} s; what comes then follows silence."]
    return []


def _about_file(source: Source | None) -> list[str]:
    if source is None:
        return []
    info = probe(source.path, name=source.shown)
    if info.promised_s is None:
        return []
    return [
        f"{printable(source.shown)} was cut off: its header promises {info.promised_s:.2f} s, but it ends after"
        f" {info.duration_s:.2f} s. Copy or export it again."
    ]


class _Level:
    """How far the samples of one output exceed what its encoding holds."""

    def __init__(self, header: OutputHeader) -> None:
        self._header, self._clipped, self._peak = header, 0, 0.0

    def add(self, samples: Samples) -> None:
        if self._header.encoding != "float32" and len(samples):
            level = np.abs(samples)
            self._clipped += int(np.count_nonzero(level > 1))
            self._peak = max(self._peak, float(level.max()))

    def warning(self) -> str:
        if not self._clipped:
            return ""
        count = "1 sample" if self._clipped == 1 else f"{self._clipped} samples"
        return (
            f"{self._header.role} is clipped ({count}): it exceeds what {self._header.encoding} holds by up to"
            f" {gain_to_db(self._peak):.1f} dB. Ask for float32, which holds everything."
        )
