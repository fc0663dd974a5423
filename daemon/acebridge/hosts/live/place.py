"""Results into the Live Set: on take lanes of the tracks that they come from, or on new tracks.

Live groups into one undo step only what begins at the same time, and an object must be there before anything is put on it.
So there are two steps at most: the first makes the empty lanes and tracks that are missing, the second puts everything on
them. The first undo removes all audio of a result. An empty lane of an earlier result is used again, which leaves one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ableton_extensions import (
    AbletonError,
    AudioTrack,
    BridgeConnectionError,
    BridgeTimeoutError,
    DeletedObjectError,
    Extension,
    TakeLane,
)

from acebridge.hosts.live.plan import Target
from acebridge.hosts.live.refusals import Refusal
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import OutputResult, ResultFile

#: How the names of our take lanes begin.
LANE = "AceBridge"
#: Of a name in Live.
MAX_NAME = 60


@dataclass(frozen=True)
class Placement:
    """An audio file in the project, and where it belongs: a take lane of ``track``, a new track where that is ``None``."""

    path: str
    beat: float
    name: str
    muted: bool
    track: AudioTrack | None


def place(app: Extension, targets: Sequence[Target], result: ResultFile) -> list[str]:
    """Put all audio of a result into the Live Set; return sentences about what is not where it was asked for.

    Raises `Refusal` where Live takes the audio in no way, and what a lost bridge raises.
    """
    sentences: list[str] = []
    placements: list[Placement] = []
    for target, part in zip(targets, result["parts"], strict=True):
        track, shift = _destination(app, target, sentences)
        for number, take in enumerate(part["takes"]):
            for output in take["outputs"]:
                path = _import(app, output)
                beat = target.clock.beat_at(output["start_frame"]) + shift
                placements.append(Placement(path, max(0.0, beat), _name(target, output), number > 0, track))
    rooms = _make_rooms(app, placements)
    try:
        transact(app, lambda: _fill(placements, rooms))
    except AbletonError as error:
        raise Refusal(
            f"Live did not take the audio ({error}); the result is kept.",
            remedy="Undo what is there of it in Live, then run Place waiting results.",
        ) from error
    _remove_copies(result, {placement.path for placement in placements})
    return sentences


def _name(target: Target, output: OutputResult) -> str:
    role = output["role"]
    if target.track is not None or role in ("mix", "other"):
        return printable(output["name"] or target.name, MAX_NAME)
    return printable(f"{target.name} {role}".replace("_", " "), MAX_NAME)


def _import(app: Extension, output: OutputResult) -> str:
    try:
        return app.resources.import_into_project(output["file"])
    except (BridgeConnectionError, BridgeTimeoutError):
        raise
    except AbletonError as error:
        raise Refusal(
            f"Live did not take the audio file {printable(output['file'], 200)} into its project ({error}).",
            remedy="Free some space on the project's disk, save the Set, then run Place waiting results.",
        ) from error


def _remove_copies(result: ResultFile, imported: set[str]) -> None:
    """Remove the files that Live has copied into its project."""
    for output in (output for part in result["parts"] for take in part["takes"] for output in take["outputs"]):
        if output["file"] not in imported:
            with suppress(OSError):
                Path(output["file"]).unlink()


# Where it belongs now. -------------------------------------------------------------------------------------------------


def _destination(app: Extension, target: Target, sentences: list[str]) -> tuple[AudioTrack | None, float]:
    """Return the track that a result belongs on now, and how many beats its clip has moved since it was read."""
    if target.track is None:
        return None, 0.0
    if not _is_alive(target.track):
        same = [other for other in app.song.tracks if isinstance(other, AudioTrack) and other.name == target.name]
        if len(same) == 1:
            sentences.append(f"The track {target.name} is gone; the take lies on another one of that name.")
            return same[0], 0.0
        sentences.append(f"The track {target.name} is gone; the take lies on a new track.")
        return None, 0.0
    if target.clip is None:
        return target.track, 0.0
    try:
        shift, parent = target.clip.start_time - target.clip_start, target.clip.parent
    except DeletedObjectError:
        sentences.append(f"The clip on {target.name} is gone; the take lies where it was.")
        return target.track, 0.0
    track = parent if isinstance(parent, AudioTrack) else target.track
    if shift or track != target.track:
        sentences.append(f"The clip on {target.name} was moved meanwhile; the take moved with it.")
    return track, shift


def _is_alive(track: AudioTrack) -> bool:
    try:
        return track.name is not None
    except DeletedObjectError:
        return False


def find_targets(app: Extension, targets: Sequence[Target], lanes: Sequence[bool]) -> list[Target]:
    """Return targets with the tracks of their names, those of ``lanes`` that had one; a name that several have is none."""
    names = [(track.name, track) for track in app.song.tracks if isinstance(track, AudioTrack)]
    found = []
    for target, on_lane in zip(targets, lanes, strict=True):
        same = [track for name, track in names if on_lane and name == target.name]
        found.append(replace(target, track=same[0] if len(same) == 1 else None, clip=None))
    return found


# Room for it, and the audio. -------------------------------------------------------------------------------------------


def transact(app: Extension, change: Callable[[], None]) -> list[object]:
    """Make changes in one undo step; return the wire form of what each of them made, in order."""
    transport = app.transport
    transport.begin_txn()
    try:
        change()
    except BaseException:
        transport.abort_txn()
        raise
    return list(transport.end_txn())


def _make_rooms(app: Extension, placements: Sequence[Placement]) -> list[TakeLane | AudioTrack]:
    """Return a take lane or a new track for each placement: empty lanes of ours that are there, the others from one step."""
    rooms: list[TakeLane | AudioTrack | None] = []
    used: list[TakeLane] = []
    for placement in placements:
        lane = None if placement.track is None else _empty_lane(placement.track, used)
        if lane is not None:
            used.append(lane)
        rooms.append(lane)
    missing = [number for number, room in enumerate(rooms) if room is None]

    def make() -> None:
        for number in missing:
            track = placements[number].track
            if track is None:
                app.song.create_audio_track()
            else:
                track.create_take_lane()

    handles = transact(app, make) if missing else []
    for number, handle in zip(missing, handles, strict=True):
        kind = AudioTrack if placements[number].track is None else TakeLane
        rooms[number] = app.get_object_from_handle(handle, kind)
    return [room for room in rooms if room is not None]


def _empty_lane(track: AudioTrack, used: Sequence[TakeLane]) -> TakeLane | None:
    lanes = (lane for lane in track.take_lanes if lane not in used)
    return next((lane for lane in lanes if lane.name.startswith(LANE) and not lane.clips), None)


def _fill(placements: Sequence[Placement], rooms: Sequence[TakeLane | AudioTrack]) -> None:
    for placement, room in zip(placements, rooms, strict=True):
        if isinstance(room, TakeLane):
            room.name = f"{LANE}: {placement.name}"
        else:
            room.name = placement.name
            if placement.muted:
                room.mute = True
        room.create_audio_clip(placement.path, placement.beat, is_warped=False)
