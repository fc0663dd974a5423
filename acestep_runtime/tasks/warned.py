"""Performing a task, and saying with each take what its audio has suffered: a source cut off, samples clipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from acestep_runtime.audio.decode import probe
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import printable
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Source, TakeDone, Task, TaskEvent
from acestep_runtime.units import gain_to_db
from acestep_runtime.values import CODES_A_SECOND, CancelToken, Thinking


def perform_warned(task: Task, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
    """Perform ``task``; where there is something to say, the facts of its takes hold sentences under "warnings"."""
    said = [
        *_about_file(getattr(task, "source", None)),
        *_about_reference(getattr(task, "reference", None), engine),
        *_about_plan(task, engine),
    ]
    levels: dict[int, _Level] = {}
    for event in task.perform(engine, cancel):
        if isinstance(event, OutputHeader):
            levels[event.output] = _Level(event)
        elif isinstance(event, OutputBlock):
            levels[event.output].add(event.samples)
        elif isinstance(event, TakeDone):
            warnings = [
                *event.facts.get("warnings", ()),
                *said,
                *filter(None, (level.warning() for level in levels.values())),
            ]
            levels.clear()
            if warnings:
                event = dataclasses.replace(event, facts={**event.facts, "warnings": warnings})
        yield event


def _about_reference(reference: Source | None, engine: Engine) -> list[str]:
    if reference is None or engine.hears_reference:
        return _about_file(reference)
    return [f"The {engine.name} engine does not hear a reference: {printable(reference.shown)} had no effect."]


def _about_plan(task: Task, engine: Engine) -> list[str]:
    """Say what is asked for and has no effect; tasks without an output think only in words, as engines say themselves."""
    codes = getattr(task, "codes", ())
    thinking = hasattr(task, "output") and getattr(task, "thinking", Thinking()).on
    if (codes or thinking) and not engine.thinks:
        what = "follow codes, so those of the plan" if codes else "plan songs, so thinking"
        return [f"The {engine.name} engine does not {what} had no effect: that takes the neural engine."]
    asked_s = getattr(task, "duration_s", None)
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
