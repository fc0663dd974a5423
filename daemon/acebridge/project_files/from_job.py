"""A job's results as tracks of an arrangement: its source, a track for each role, and all takes in one item.

A track that its source is part of already, such as a cover or a repaint, plays alone; the source is there, muted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.colours import SONG, colour_of
from acebridge.contract.metadata import metadata_values
from acebridge.contract.tasks import method_of, unwrap
from acebridge.errors import ErrorReason, JobFailed
from acebridge.file_names import file_name
from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from acebridge.project_files.facts import read_grid, section_markers
from acebridge.role_names import ROLE_NAMES
from acestep_runtime.audio.decode import measure
from acestep_runtime.tasks import TASKS
from acestep_runtime.units import frames_to_frames, seconds_to_frames

if TYPE_CHECKING:
    from acebridge.contract.tasks import TaskRequest
    from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2

#: What the track with a task's result is called, where that has no role of its own.
_TITLES = {
    "text2music": "Song",
    "cover": "Cover",
    "repaint": "Repaint",
    "lego": "Layers",
    "complete": "Accompaniment",
    "extract": "Stems",
}


def job_files(job: jobs_pb2.Job) -> dict[str, str]:
    """Return the assets that the project of a job needs, each with the name of the file that should hold it.

    Raises `JobFailed` for a job that has no audio, or none yet.
    """
    outputs = [(take, output) for take in job.takes for output in take.outputs]
    if not outputs:
        raise JobFailed(
            ErrorReason.CONFLICT,
            f"Job {job.id} has no audio.",
            remedy="A task that answers in words has none; of any other, wait for its end with `acebridge jobs watch`.",
        )
    names = {output.asset_id: _output_name(take, output, len(job.takes)) for take, output in outputs}
    source = _source(job)
    if source is not None:
        names.setdefault(
            source.asset_id, f"{file_name(Path(source.name).stem) or 'source'}{Path(source.name).suffix or '.wav'}"
        )
    return names


def _output_name(take: tasks_pb2.TakeFinished, output: tasks_pb2.StoredOutput, takes: int) -> str:
    number = f" take {take.take}" if takes > 1 else ""
    return f"{file_name(output.role.replace('_', ' '))}{number} {take.seed}.wav"


def _source(job: jobs_pb2.Job) -> audio_pb2.AudioInput | None:
    request = _request(job)
    source = getattr(request, "source", None)
    return source if source is not None and source.asset_id else None


def _request(job: jobs_pb2.Job) -> TaskRequest | None:
    return unwrap(job.request) if job.request.WhichOneof("task") is not None else None


def arrange_job(
    job: jobs_pb2.Job, files: Mapping[str, Path], *, title: str = "", bpm: float | None = None, meter: str | None = None
) -> tuple[Arrangement, list[str]]:
    """Return a job as an arrangement whose names are asset ids, and sentences on what was not known.

    ``files`` are the files by asset ids, see `job_files`. The first frame of whatever begins first is at 0.
    """
    request = _request(job)
    task = method_of(request).task if request is not None else ""
    outputs = [output for take in job.takes for output in take.outputs]
    rate_hz = outputs[0].sample_rate
    shift = max(0, -min(_start(output, rate_hz) for output in outputs))
    facts = [metadata_values(take.metadata) for take in job.takes]
    grid, notes = read_grid(facts, bpm, meter)
    name = _TITLES.get(task, "AceBridge")
    results = tuple(_result_tracks(job.takes, rate_hz, shift, name))
    tracks = (Track(name, children=results),) if len(results) > 1 else results
    source = _source(job)
    if source is not None:
        replaced = task == "extract" or any(output.role in TASKS[task].roles for output in outputs)
        tracks = (_source_track(source, files[source.asset_id], rate_hz, shift, muted=replaced), *tracks)
    markers = [
        *section_markers(facts[0], rate_hz, shift + _start(outputs[0], rate_hz)),
        *_region(request, rate_hz, shift),
    ]
    arrangement = Arrangement(
        title or name, rate_hz, tracks, tuple(markers), grid.bpm, grid.beats_per_bar, grid.beat_unit
    )
    return arrangement, notes


def _start(output: tasks_pb2.StoredOutput, rate_hz: int) -> int:
    return frames_to_frames(output.start_frame, output.sample_rate, rate_hz)


def _result_tracks(takes: Iterable[tasks_pb2.TakeFinished], rate_hz: int, shift: int, name: str) -> Iterator[Track]:
    """Yield a track for each role. Takes that begin elsewhere than the first are items of their own, muted."""
    roles: dict[str, list[tuple[int, Take]]] = {}
    for take in takes:
        for output in take.outputs:
            frames = frames_to_frames(output.frames, output.sample_rate, rate_hz)
            made = Take(f"{ROLE_NAMES.get(output.role, name)} {take.seed}", output.asset_id, frames)
            roles.setdefault(output.role, []).append((shift + _start(output, rate_hz), made))
    for role, made_takes in roles.items():
        yield Track(
            ROLE_NAMES.get(role, name), colour_of(role) if role in ROLE_NAMES else SONG, tuple(_items(made_takes))
        )


def _items(takes: Sequence[tuple[int, Take]]) -> Iterator[Item]:
    at, played = takes[0]
    others = tuple(take for start, take in takes[1:] if start == at)
    yield Item(played.name, played.file, at, played.frames, others=others)
    for start, take in takes[1:]:
        if start != at:
            yield Item(take.name, take.file, start, take.frames, muted=True)


def _source_track(source: audio_pb2.AudioInput, file: Path, rate_hz: int, shift: int, *, muted: bool) -> Track:
    info = measure(file, name=source.name or file.name)
    whole = frames_to_frames(info.frames, info.sample_rate, rate_hz)
    first = seconds_to_frames(source.region.start_s, rate_hz)
    last = seconds_to_frames(source.region.end_s, rate_hz) if source.region.HasField("end_s") else whole
    name = Path(source.name).stem or "Source"
    item = Item(name, source.asset_id, shift, max(min(last, whole) - first, 0), offset=first)
    return Track(name, SONG, (item,), muted=muted)


def _region(request: TaskRequest | None, rate_hz: int, shift: int) -> Iterator[Marker]:
    """Yield the region that a repaint changed, or that layers were asked for."""
    start_s, end_s = getattr(request, "start_s", None), getattr(request, "end_s", None)
    if request is None or start_s is None or end_s is None or not end_s > start_s:
        return
    first, last = (shift + seconds_to_frames(value, rate_hz) for value in (start_s, end_s))
    yield Marker(f"{_TITLES.get(method_of(request).task, 'Region')} region", max(first, 0), last)
