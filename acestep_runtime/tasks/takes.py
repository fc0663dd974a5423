"""The loop over takes: the engine runs once for each, and a delivery puts its audio into outputs.

Tasks differ in their `Delivery`: streams.py passes audio on as it comes, layers.py and patch.py fit it into a song.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from acestep_runtime.engines.base import Block, Engine, EngineRequest, Metadata, Progress
from acestep_runtime.errors import EngineFailure
from acestep_runtime.tasks.base import Output, OutputHeader, Take, Task, TaskEvent
from acestep_runtime.tasks.guide import chord_song, guide_song, music_of_guide, usual_strength, voices_chords
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_seconds
from acestep_runtime.values import MAX_SEED, CancelToken, Json, TakeSeed

if TYPE_CHECKING:
    from acestep_runtime.engines.metadata import TakeMetadata
    from acestep_runtime.tasks.fit_listener import FitListener

#: Fields with the same name in a task and in the engine's request.
_COMMON_FIELDS = (
    "music", "sampling", "thinking", "tracks", "strength", "mode", "codes", "song_caption", "morph", "guide", "contents",
    "voices",
)  # fmt: skip


class Delivery(Protocol):
    """Moves the audio of a take from the engine into the outputs of a task."""

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """Yield the outputs of a take, numbered from ``number`` on, and the progress among ``events``."""
        ...

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """Return metadata with its times counted from the first frame of the outputs."""
        ...


class NoAudio:
    """The delivery of a task that returns metadata alone."""

    def deliver(self, _take: int, _number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        return (event for event in events if isinstance(event, Progress))

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        return metadata


def engine_request(task: Task, engine: Engine, frames: int = 0) -> EngineRequest:
    """Return a task's request to an engine for a window of ``frames`` frames, without source and seed."""
    shared = {name: getattr(task, name) for name in _COMMON_FIELDS if task.has(name)}
    if task.has("music"):
        shared["music"] = dataclasses.replace(shared["music"], lyrics=task.words_to_sing(engine).text)
    if task.has("morph"):
        from acestep_runtime.lyrics.reading import words_to_sing

        shared["morph"] = dataclasses.replace(shared["morph"], lyrics=words_to_sing(shared["morph"].lyrics).text)
    song = guide_song(task)
    if frames and voices_chords(task, engine):
        song = chord_song(shared["music"], frames_to_seconds(frames, ENGINE_RATE_HZ))
    if song is not None:
        shared |= {"guide_song": song, "music": music_of_guide(shared["music"], song)}
    if task.has("guide"):
        shared["strength"] = usual_strength(shared["guide"]) if shared["strength"] is None else shared["strength"]
    reference = task.audio_inputs().get("reference")
    if reference is not None:
        from acestep_runtime.tasks.reference import load_reference

        shared["reference"] = load_reference(reference)
    if (output := task.output_spec).preview_id:
        from acestep_runtime.tasks.preview_input import read_preview

        shared |= {"full": read_preview(output, engine), "is_finishing": True}
    return EngineRequest(type(task), frames, 0, **shared)


def run_takes(
    request: EngineRequest, output: Output, delivery: Delivery, engine: Engine, cancel: CancelToken, done: int
) -> Iterator[TaskEvent]:
    """Run ``request`` for each take of ``output`` after the first ``done``, with the seed of the take."""
    output = with_seeds(output)
    number = 0
    for take, drawn_from in pending_takes(output, done):
        metadata: TakeMetadata = {}
        take_request = request_for_take(request, drawn_from, output)
        events = _engine_audio(take_request, take, output.count, metadata, engine, cancel)
        listener = _fit_listener(take_request, output, cancel)
        if listener is not None:
            events = listener.follow(events)
        for event in delivery.deliver(take, number, events):
            number += isinstance(event, OutputHeader)
            yield event
        if listener is not None:  # all audio is delivered: measuring delays none of it
            yield scale_progress(Progress("measuring how it fits the source", 1.0), take, output.count)
            cancel.check()
            listener.add_fit(metadata, engine.name)
        if drawn_from.variations:
            metadata["variations"] = [{"amount": step.amount, "seed": step.seed} for step in drawn_from.variations]
        yield Take(take, drawn_from.seed, _note_missing(delivery.in_output_time(metadata), take_request, engine))


def _engine_audio(
    request: EngineRequest, take: int, takes: int, metadata: TakeMetadata, engine: Engine, cancel: CancelToken
) -> Iterator[Progress | Block]:
    """Yield the blocks of a take, and its progress scaled to the task; collect its metadata.

    Raises `EngineFailure` at the end unless the engine made every role, and all frames of each.
    """
    frames_by_role: dict[str, int] = {}
    for event in engine.run(request, cancel):
        if isinstance(event, Progress):
            yield scale_progress(event, take, takes)
        elif isinstance(event, Metadata):
            metadata.update(event.values)
        else:
            frames_by_role[event.role] = frames_by_role.get(event.role, 0) + len(event.samples)
            yield event
    if request.task.kind == "audio":
        expected = request.frames
        wrong = [
            f"{frames} of {expected} frames of {role}" for role, frames in frames_by_role.items() if frames != expected
        ]
        if wrong or not frames_by_role:
            raise EngineFailure(
                f"The {engine.name} engine returned {', '.join(wrong) or 'no audio'}.",
                remedy="This is a fault in AceBridge: please report it.",
            )


def _note_missing(engine_metadata: TakeMetadata, request: EngineRequest, engine: Engine) -> TakeMetadata:
    """Return the metadata of a take, with a reason for each requested value that the engine did not return."""
    metadata = engine_metadata.copy()
    if request.auto_lrc and not metadata.get("lrc"):
        metadata.pop("lrc", None)
        metadata["lrc_missing"] = f"The {engine.name} engine gave no lrc for this take."
    if request.auto_score and not metadata.get("score"):
        metadata.pop("score", None)
        metadata["score_missing"] = f"The {engine.name} engine gave no score for this take."
    return metadata


def request_for_take(request: EngineRequest, drawn_from: TakeSeed, output: Output) -> EngineRequest:
    """Return ``request`` for one take. Where a score may end the task, takes are not generated ahead."""
    return dataclasses.replace(
        request,
        seed=drawn_from.seed,
        variations=drawn_from.variations,
        take_seeds=output.take_seeds if output.min_score is None else (),
        auto_lrc=output.auto_lrc,
        auto_score=output.scores_by_engine,
    )


def _fit_listener(request: EngineRequest, output: Output, cancel: CancelToken) -> FitListener | None:
    """Return what measures the fit of a take with its source, where it is to be measured."""
    if not request.task.fits_source or not (output.chooses or output.auto_score or output.fix_timing):
        return None
    from acestep_runtime.tasks.fit_listener import FitListener

    return FitListener(request, corrects=output.fix_timing, cancel=cancel)


def scale_progress(progress: Progress, take: int, takes: int) -> Progress:
    """Return an engine's progress within one take as progress of the whole task."""
    stage = progress.stage if takes == 1 else f"take {take + 1} of {takes}: {progress.stage}"
    whole_s = None if progress.whole_s is None else progress.whole_s * takes
    return Progress(stage, (take + min(max(progress.fraction, 0.0), 1.0)) / takes, whole_s)


def pending_takes(output: Output, done: int) -> list[tuple[int, TakeSeed]]:
    """Return the number of every take after the first ``done``, and what it is drawn from."""
    return list(enumerate(output.take_seeds))[done:]


def with_seeds(output: Output) -> Output:
    """Return ``output`` with one seed per take: missing ones continue from the last given, or from a random one.

    Variations keep the last seed, and continue their own; these differ from the seeds, so that each take is another one.
    """
    seeds = list(output.seeds) or [secrets.randbits(31)]
    if not output.variation:
        return dataclasses.replace(output, seeds=_count_on(seeds, output.count, seeds), variation_seeds=())
    seeds += [seeds[-1]] * (output.count - len(seeds))
    steps = list(output.variation_seeds) or next_seeds(secrets.randbits(31), 1, seeds)
    return dataclasses.replace(
        output, seeds=tuple(seeds), variation_seeds=_count_on(steps, output.count, [*steps, *seeds])
    )


def _count_on(seeds: Sequence[int], count: int, excluded: Collection[int]) -> tuple[int, ...]:
    return (*seeds, *next_seeds(seeds[-1], count - len(seeds), excluded))


def next_seeds(last: int, count: int, excluded: Collection[int]) -> list[int]:
    """Return the ``count`` seeds after ``last``, without the ``excluded`` ones."""
    fresh: list[int] = []
    while len(fresh) < count:
        last = (last + 1) % (MAX_SEED + 1)
        if last not in excluded:
            fresh.append(last)
    return fresh


def seeds_of(fields: Mapping[str, Json]) -> list[int]:
    """Return the seeds in which the takes of a task differ, by its fields as JSON, one for each take.

    These are the variation seeds of variations. Empty for a task without, such as one that only analyses.
    """
    seed, output = fields.get("seed"), fields.get("output")
    if isinstance(seed, int):
        return [seed]
    seeds = output.get(_seeds_field(output)) if isinstance(output, Mapping) else None
    return [each for each in seeds if isinstance(each, int)] if isinstance(seeds, Sequence) else []


def replace_seeds(fields: Mapping[str, Json], seeds: Sequence[int]) -> dict[str, Json]:
    """Return the fields of a task that has seeds, with these in place of those that `seeds_of` returns."""
    if "seed" in fields:
        return {**fields, "seed": seeds[0]}
    output = fields["output"]
    assert isinstance(output, Mapping)
    own = output.get("seeds")
    fewer = {"seeds": list(own)[: len(seeds)]} if isinstance(own, Sequence) else {}
    others = {name: value for name, value in output.items() if name != "preview_id"}  # it is of the seed before
    return {**fields, "output": {**others, **fewer, _seeds_field(output): list(seeds)}}


def _seeds_field(output: Mapping[str, Json]) -> str:
    return "variation_seeds" if output.get("variation") else "seeds"
