"""A job's results as tracks of an arrangement: its source, a track for each role, and all takes in one item.

A track that its source is part of already, such as a cover or a repaint, plays alone; the source is there, muted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from acebridge.v1 import jobs_pb2
from acestep_runtime.audio.decode import measure
from acestep_runtime.errors import printable
from acestep_runtime.tasks import TASKS
from acestep_runtime.units import frames_to_frames, seconds_to_frames

if TYPE_CHECKING:
    from acebridge.contract.tasks import TaskRequest
    from acebridge.v1 import audio_pb2, tasks_pb2

#: What the track with a task's result is called, where that has no role of its own.
_TITLES = {
    "text2music": "Song",
    "cover": "Cover",
    "repaint": "Repaint",
    "lego": "Layers",
    "complete": "Accompaniment",
    "extract": "Stems",
}

#: What is said of a job in a state.
_STATES = {
    jobs_pb2.JOB_STATE_QUEUED: "is queued",
    jobs_pb2.JOB_STATE_RUNNING: "is running",
    jobs_pb2.JOB_STATE_FAILED: "failed",
    jobs_pb2.JOB_STATE_CANCELLED: "was cancelled",
}


def job_files(job: jobs_pb2.Job) -> dict[str, str]:
    """Return the assets that the project of a job needs, each with the name of the file that should hold it.

    Raises `JobFailed` for a job that has no audio, or none yet.
    """
    outputs = [(take, output) for take in job.takes for output in take.outputs]
    if not outputs:
        raise _without_audio(job)
    names = {output.asset_id: _output_name(take, output, len(job.takes)) for take, output in outputs}
    source = _source(job)
    if source is not None:
        names.setdefault(
            source.asset_id, f"{file_name(Path(source.name).stem) or 'source'}{Path(source.name).suffix or '.wav'}"
        )
    return names


def _without_audio(job: jobs_pb2.Job) -> JobFailed:
    """Return the sentence on a job that has no audio: it failed, is not done, or answers in words."""
    if job.state in (jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_CANCELLED):
        reason = f": {printable(job.error.message, 300)}" if job.state == jobs_pb2.JOB_STATE_FAILED else "."
        return JobFailed(
            ErrorReason.CONFLICT,
            f"Job {job.id} {_STATES[job.state]} before it had made any audio{reason}",
            remedy=f"`acebridge jobs again {job.id[:12]}` does it once more.",
        )
    if job.state == jobs_pb2.JOB_STATE_SUCCEEDED:
        return JobFailed(
            ErrorReason.CONFLICT, f"Job {job.id} has no audio: its task answers in words.", remedy="Export another job."
        )
    return JobFailed(
        ErrorReason.CONFLICT,
        f"Job {job.id} has no audio yet: it {_STATES.get(job.state, 'is not done')}.",
        remedy=f"Wait for it with `acebridge jobs watch {job.id[:12]}`.",
    )


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
    return arrange_jobs([job], files, title=title, bpm=bpm, meter=meter)


def arrange_jobs(
    jobs: Sequence[jobs_pb2.Job],
    files: Mapping[str, Path],
    *,
    title: str = "",
    bpm: float | None = None,
    meter: str | None = None,
) -> tuple[Arrangement, list[str]]:
    """Return several jobs as one arrangement, as `arrange_job` does one; its rate is that of the first job.

    A source that jobs share is one track, muted where one of them replaces it; of several that do, the first plays. A source
    that another of the jobs has made is there as its result, muted as well. Jobs of one task get numbers.
    """
    outputs = [output for job in jobs for take in job.takes for output in take.outputs]
    rate_hz = outputs[0].sample_rate
    shift = max(0, -min(_start(output, rate_hz) for output in outputs))
    facts = [metadata_values(take.metadata) for job in jobs for take in job.takes]
    grid, notes = read_grid(facts, bpm, meter)
    names = _names(jobs)
    sources: dict[tuple[Item, ...], Track] = {}
    results: list[Track] = []
    replaced: set[tuple[Item, ...]] = set()
    markers: dict[Marker, None] = {}  # equal ones once
    for job, name in zip(jobs, names, strict=True):
        source, is_second = _source_track(job, files, rate_hz, shift), False
        if source is not None:
            known = sources.get(source.items, source)
            sources[source.items] = replace(source, muted=source.muted or known.muted)
            if source.muted:
                is_second = source.items in replaced
                replaced.add(source.items)
        tracks = tuple(_result_tracks(job.takes, rate_hz, shift, name))
        whole = tracks[0] if len(tracks) == 1 else Track(name, children=tracks)
        results.append(replace(whole, muted=is_second))
        markers |= dict.fromkeys(_markers(job, rate_hz, shift))
        notes += _state_notes(job)
    made = {output.asset_id for output in outputs}
    gone = {items[0].file for items in replaced}
    played = (
        *(source for items, source in sources.items() if items[0].file not in made),
        *(replace(track, muted=track.muted or any(item.file in gone for item in track.items)) for track in results),
    )
    arrangement = Arrangement(
        title or names[0],
        rate_hz,
        played,
        tuple(markers),
        grid.bpm,
        grid.beats_per_bar,
        grid.beat_unit,
    )
    return arrangement, notes


def _names(jobs: Sequence[jobs_pb2.Job]) -> list[str]:
    """Return what the result of each job is called, with a number where several are called the same."""
    names = [_TITLES.get(_task(job), "AceBridge") for job in jobs]
    return [
        f"{name} {names[: number + 1].count(name)}" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


def _task(job: jobs_pb2.Job) -> str:
    request = _request(job)
    return method_of(request).task if request is not None else ""


def _markers(job: jobs_pb2.Job, rate_hz: int, shift: int) -> Iterator[Marker]:
    """Yield the sections of a job's first take, and the region that it changed."""
    first = job.takes[0]
    at = shift + _start(first.outputs[0], rate_hz)
    yield from section_markers(metadata_values(first.metadata), rate_hz, at)
    yield from _region(_request(job), rate_hz, shift)


def _state_notes(job: jobs_pb2.Job) -> Iterator[str]:
    """Yield a sentence on a job that has not made all of its takes."""
    if job.state != jobs_pb2.JOB_STATE_SUCCEEDED:
        yield f"Job {job.id} {_STATES.get(job.state, 'is not done')}: the project has the takes that it has made."


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


def _source_track(job: jobs_pb2.Job, files: Mapping[str, Path], rate_hz: int, shift: int) -> Track | None:
    """Return the track of a job's source, muted where the result stands in its place; ``None`` for a job without one."""
    source = _source(job)
    if source is None:
        return None
    task, file = _task(job), files[source.asset_id]
    info = measure(file, name=source.name or file.name)
    whole = frames_to_frames(info.frames, info.sample_rate, rate_hz)
    first = seconds_to_frames(source.region.start_s, rate_hz)
    last = seconds_to_frames(source.region.end_s, rate_hz) if source.region.HasField("end_s") else whole
    name = Path(source.name).stem or "Source"
    item = Item(name, source.asset_id, shift, max(min(last, whole) - first, 0), offset=first)
    roles = {output.role for take in job.takes for output in take.outputs}
    return Track(name, SONG, (item,), muted=task == "extract" or not roles.isdisjoint(TASKS[task].roles))


def _region(request: TaskRequest | None, rate_hz: int, shift: int) -> Iterator[Marker]:
    """Yield the region that a repaint changed, or that layers were asked for."""
    start_s, end_s = getattr(request, "start_s", None), getattr(request, "end_s", None)
    if request is None or start_s is None or end_s is None or not end_s > start_s:
        return
    first, last = (shift + seconds_to_frames(value, rate_hz) for value in (start_s, end_s))
    yield Marker(f"{_TITLES.get(method_of(request).task, 'Region')} region", max(first, 0), last)
