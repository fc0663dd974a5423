"""Results on new tracks: named, coloured, at the exact sample; after a failure none of them is left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acebridge.colours import REPAINT, SONG
from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.jobfolder import PLACED
from acebridge.hosts.jobfolder.json_files import read_object, write_json
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import AGAIN, without_unknown
from acebridge.hosts.protools.palette import nearest, track_palette
from acebridge.hosts.protools.session import read_tracks
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.hosts.jobfolder.documents import OutputResult, ResultFile

#: In a job folder: the tracks that were made for it and are not whole yet.
_TRACKS = "tracks.json"
_COLOURS = {"repaint": REPAINT}


@dataclass(frozen=True)
class Place:
    """Where a result belongs: the sample of its source's first frame, and the track that it comes from, if any.

    ``onto`` is the id of a track that gets the clip instead of a new one.
    """

    start: int
    after: str = ""
    onto: str = ""


@dataclass(frozen=True)
class PlacedClip:
    """A clip on a track: its file, and its first sample and length there."""

    track: str
    file: str
    sample: int
    frames: int


def place(pro: ProTools, result: ResultFile, at: Place, job: Path) -> list[PlacedClip]:
    """Put every output of a result on tracks, and mark the job folder ``job`` as placed.

    Raises `JobFailed`; then tracks that were begun are deleted, at once or, where Pro Tools has gone, before the next try.
    """
    delete_unfinished_tracks(pro, job)
    outputs = [
        (part["task"], take, output)
        for part in result["parts"]
        for take, outputs in enumerate((take["outputs"] for take in part["takes"]), 1)
        for output in outputs
    ]
    early = next((output for *_, output in outputs if at.start + output["start_frame"] < 0), None)
    if early is not None:
        raise JobFailed(
            ErrorReason.INVALID_VALUE,
            f"{early['name']} would begin before the session does.",
            remedy="Move the session's start, or select a range further right.",
        )
    clips = _import(pro, [output["file"] for *_, output in outputs])
    tracks = read_tracks(pro)  # some may have gone since
    names = {track.name for track in tracks}
    after = at.after if at.after in names else ""
    onto = at.onto if at.onto in {track.id for track in tracks} else ""
    palette = track_palette(pro)
    placed = []
    try:
        for (task, take, output), ids in zip(outputs, clips, strict=True):
            track, track_id = (after, onto) if onto else _make_track(pro, output, take, after, names, job)
            sample = at.start + output["start_frame"]
            _spot(pro, ids, track_id, sample)
            if not onto:
                _dress(pro, track, output["colour"] or _COLOURS.get(task, SONG), palette, muted=take > 1)
            placed.append(PlacedClip(track, output["file"], sample, output["frames"]))
    except BaseException:  # Ctrl-C too
        with suppress(JobFailed):  # what went wrong first is what matters
            delete_unfinished_tracks(pro, job)
        raise
    (job / _TRACKS).unlink(missing_ok=True)
    (job / PLACED).touch()
    return placed


def delete_unfinished_tracks(pro: ProTools, job: Path) -> None:
    """Delete the tracks that an earlier try has begun."""
    begun = read_object(job / _TRACKS).get("ids")
    if not isinstance(begun, list):
        return
    there = {track.id for track in read_tracks(pro)}
    ids = [each for each in begun if each in there]
    if ids:
        with without_unknown():
            pro.ask("DeleteTracks", {"track_ids": ids})
    (job / _TRACKS).unlink(missing_ok=True)


def _import(pro: ProTools, files: Sequence[str]) -> list[list[str]]:
    """Take files into the clip list where they lie; return the ids of the clips of each: one for all channels, or for each."""
    if not files:
        return []
    answer = pro.ask("ImportAudioToClipList", {"file_list": list(files), "audio_operations": "AOperations_AddAudio"})
    if answer.failure_list:
        failure = answer.failure_list[0]
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools did not import {failure.file_path}: {printable(failure.failure_message, 200)}",
            remedy=f"Look at what Pro Tools shows, {AGAIN}",
        )
    clips = [[clip for file in entry.destination_file_list for clip in file.clip_id_list] for entry in answer.file_list]
    if len(clips) != len(files) or not all(clips):
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools imported {len([each for each in clips if each])} of {len(files)} files.",
            remedy=f"Look at what Pro Tools shows, {AGAIN}",
        )
    by_path = {entry.original_input_path: ids for entry, ids in zip(answer.file_list, clips, strict=True)}
    return [by_path.get(file, ids) for file, ids in zip(files, clips, strict=True)]


def _make_track(
    pro: ProTools, output: OutputResult, take: int, after: str, names: set[str], job: Path
) -> tuple[str, str]:
    """Make a track for an output; return its name and its id."""
    name = _free_name(output["name"] if take == 1 else f"{output['name']} take {take}", names)
    place: dict[str, Any] = {"insertion_point_position": "TIPoint_Last"}
    if after:
        place = {"insertion_point_position": "TIPoint_After", "insertion_point_track_name": after}
    answer = pro.ask(
        "CreateNewTracks",
        {
            "number_of_tracks": 1,
            "track_name": name,
            "track_format": "TFormat_Mono" if output["channels"] == 1 else "TFormat_Stereo",
            "track_type": "TType_Audio",
            "track_timebase": "TTimebase_Samples",
            **place,
        },
    )
    made = answer.created_track_names[0] if answer.created_track_names else name
    track_id = answer.created_track_ids[0] if answer.created_track_ids else ""
    if not track_id:
        track_id = next((track.id for track in read_tracks(pro) if track.name == made), "")
    begun = read_object(job / _TRACKS).get("ids")
    write_json(job / _TRACKS, {"ids": [*(begun if isinstance(begun, list) else []), track_id]})
    names.add(made)
    return made, track_id


def _free_name(name: str, names: set[str]) -> str:
    number, free = 1, name
    while free in names:
        number += 1
        free = f"{name} {number}"
    return free


def _spot(pro: ProTools, clips: Sequence[str], track_id: str, sample: int) -> None:
    location = {"location": str(sample), "time_type": "TLType_Samples"}
    data = {"location_type": "SLType_Start", "location": location}
    pro.ask("SpotClipsByID", {"src_clips": list(clips), "dst_track_id": track_id, "dst_location_data": data})


def _dress(pro: ProTools, track: str, colour: str, palette: Sequence[str], *, muted: bool) -> None:
    """Colour a track, and mute it if it is another take; a Pro Tools that cannot colour leaves it as it is."""
    if muted:
        pro.ask("SetTrackMuteState", {"track_names": [track], "enabled": True})
    if palette:
        with without_unknown():
            pro.ask("SetTrackColor", {"track_names": [track], "color_index": nearest(palette, colour)})
