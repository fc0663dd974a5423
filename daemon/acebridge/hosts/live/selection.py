"""What is selected in the arrangement: a stretch of beats, and the audio tracks in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ableton_extensions import ArrangementSelection, AudioClip, AudioTrack, ClipSlot, MidiTrack, TakeLane, Track

from acebridge.hosts.live.refusals import Refusal
from acestep_runtime.errors import printable

_SELECT = "Select a stretch of the arrangement on an audio track, then run the action again."
_FREEZE = "Freeze and flatten it, or record it onto an audio track, then select that."


@dataclass(frozen=True)
class Selection:
    """A stretch of the arrangement from beat ``start`` to ``end``; ``clip`` is the one that was clicked, if one was.

    ``tracks`` are the audio tracks, ``midi`` the MIDI tracks; ``silent`` names selected tracks that Live renders nothing of.
    """

    start: float
    end: float
    tracks: tuple[AudioTrack, ...] = ()
    silent: tuple[str, ...] = ()
    midi: tuple[MidiTrack, ...] = ()
    clip: AudioClip | None = None


def selection_of(chosen: ArrangementSelection | AudioClip) -> Selection:
    """Return what an action was called on. Raises `Refusal`."""
    return _of_clip(chosen) if isinstance(chosen, AudioClip) else _of_arrangement(chosen)


def _of_arrangement(chosen: ArrangementSelection) -> Selection:
    if chosen.time_selection_end <= chosen.time_selection_start:
        raise Refusal("Nothing is selected: the selection has no length.", remedy=_SELECT)
    tracks = _tracks_of(chosen.selected_lanes)
    audio = tuple(track for track in tracks if isinstance(track, AudioTrack))
    silent = tuple(track.name for track in tracks if isinstance(track, Track) and not isinstance(track, AudioTrack))
    midi = tuple(track for track in tracks if isinstance(track, MidiTrack))
    return Selection(chosen.time_selection_start, chosen.time_selection_end, audio, silent, midi)


def _tracks_of(lanes: Sequence[object]) -> list[object]:
    """Return the tracks of lanes, each once; a take lane stands for its track."""
    found: list[object] = []
    for lane in lanes:
        track = lane.parent if isinstance(lane, TakeLane) else lane
        if track not in found:
            found.append(track)
    return found


def _of_clip(clip: AudioClip) -> Selection:
    parent = clip.parent
    if isinstance(parent, ClipSlot):
        raise Refusal(
            f"The clip {printable(clip.name)} is in Session View.",
            remedy="Drag it into the arrangement, then run the action on it there.",
        )
    track = parent.parent if isinstance(parent, TakeLane) else parent
    tracks = (track,) if isinstance(track, AudioTrack) else ()
    return Selection(clip.start_time, clip.end_time, tracks, clip=clip)


def check_audio(selection: Selection) -> None:
    """Raise `Refusal` where no audio track is selected."""
    if selection.tracks:
        return
    if selection.silent:
        names = ", ".join(map(printable, selection.silent))
        raise Refusal(
            f"Live renders audio tracks only, and {names} is a MIDI track or holds no audio of its own.", remedy=_FREEZE
        )
    raise Refusal("No track is selected.", remedy=_SELECT)


def clips_in(track: AudioTrack, start: float, end: float) -> list[AudioClip]:
    """Return the audio clips on a track that play between two beats, the earliest first."""
    clips = [clip for clip in track.arrangement_clips if isinstance(clip, AudioClip)]
    return sorted((c for c in clips if c.start_time < end and c.end_time > start), key=lambda clip: clip.start_time)
