"""Results that wait for a Live Set: what a request notes of where its audio belongs, and the jobs that were never placed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from acebridge.hosts.jobfolder import REQUEST, RESULT
from acebridge.hosts.jobfolder.folders import pending
from acebridge.hosts.jobfolder.json_files import read_object
from acebridge.hosts.live.clock import Clock
from acebridge.hosts.live.job import jobs_folder
from acebridge.hosts.live.plan import Target

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acebridge.hosts.jobfolder.documents import ResultFile


@dataclass(frozen=True)
class WaitingResult:
    """A job that is done and whose audio is in no Live Set. Its targets lack their tracks; ``lanes`` says which had one."""

    folder: Path
    title: str
    targets: tuple[Target, ...]
    lanes: tuple[bool, ...]
    result: ResultFile


def note_targets(targets: Sequence[Target]) -> JsonValue:
    """Return what a request notes of where its results belong."""
    return [
        {
            "name": target.name,
            "lane": target.track is not None,
            "rate_hz": target.clock.rate_hz,
            "anchors": [[frame, beat] for frame, beat in target.clock.anchors],
            "bpm": target.clock.bpm,
        }
        for target in targets
    ]


def read_targets(notes: Sequence[Mapping[str, object]]) -> tuple[Target, ...]:
    """Return targets from such notes, without their tracks. Raises ``KeyError``, ``TypeError`` or ``ValueError``."""
    targets = []
    for note in notes:
        anchors = tuple((int(frame), float(beat)) for frame, beat in cast("list[tuple[int, float]]", note["anchors"]))
        bpm = note["bpm"]
        clock = Clock(int(str(note["rate_hz"])), anchors, float(bpm) if isinstance(bpm, (int, float)) else None)
        targets.append(Target(clock, str(note["name"])))
    return tuple(targets)


def waiting_results(at_work: Collection[Path] = ()) -> list[WaitingResult]:
    """Return the results that wait, the oldest first, without those that an action is ``at_work`` on."""
    if not jobs_folder().is_dir():
        return []
    found = []
    for job in pending(jobs_folder()):
        if job.active or job.folder in at_work:
            continue
        result = read_object(job.folder / RESULT)
        with suppress(KeyError, TypeError, ValueError):
            notes = cast("list[dict[str, object]]", read_object(job.folder / REQUEST)["place"])
            targets, lanes = read_targets(notes), tuple(note.get("lane") is True for note in notes)
            if targets and len(targets) == len(cast("list[object]", result["parts"])):
                found.append(WaitingResult(job.folder, job.title, targets, lanes, cast("ResultFile", result)))
    return found
