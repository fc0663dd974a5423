"""The notes of MIDI clips as a MIDI file that new music follows. They are what Live plays: clips cut off, loops repeated.

Positions are in beats, which are quarter notes in Live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ableton_extensions import DrumRack, MidiClip, MidiTrack

from acebridge.hosts.live.refusals import Refusal
from acestep_runtime.errors import printable
from acestep_runtime.midi.read import MAX_NOTES
from acestep_runtime.midi.write import write_midi
from acestep_runtime.notes import MidiSong, Note, Part, Tempo

if TYPE_CHECKING:
    from ableton_extensions import NoteDescription

#: What a note has that says no velocity, as in Live.
_USUAL_VELOCITY = 100
#: Of a loop: a shorter one would be repeated without end.
_SHORTEST_LOOP = 1e-3


@dataclass(frozen=True)
class Content:
    """What of a clip plays where: its content from beat ``start`` on lies at beat ``position``, for ``length`` beats."""

    position: float
    start: float
    length: float


def contents_of(clip: MidiClip) -> Iterator[Content]:
    """Yield the stretches of a clip's content in the order in which the arrangement plays them."""
    position, end, start = clip.start_time, clip.end_time, clip.start_marker
    if not clip.looping:
        yield Content(position, start, end - position)
        return
    first, last = clip.loop_start, clip.loop_end
    while position < end:
        length = min(last - start, end - position) if start < last else end - position
        yield Content(position, start, length)
        position, start = position + length, first
        if last - first < _SHORTEST_LOOP:
            return


def notes_in(clip: MidiClip, start: float, end: float) -> Iterator[tuple[float, float, NoteDescription]]:
    """Yield the notes of a clip that begin between two beats of the arrangement, each with its first and last beat.

    A note ends with its clip, with its loop, and with the stretch. Muted notes are left out.
    """
    notes = [note for note in clip.notes if not note.muted]
    for content in contents_of(clip):
        first, last = max(start, content.position), min(end, content.position + content.length)
        for note in notes:
            at = content.position + note.start_time - content.start
            if first <= at < last:
                yield at, min(at + note.duration, last), note


def midi_file(tracks: Sequence[MidiTrack], start: float, end: float, length_s: float) -> bytes | None:
    """Return the notes of tracks between two beats as a MIDI file of ``length_s`` seconds, ``None`` where there are none.

    All beats are equally long. A track with a drum rack holds drums. Raises `Refusal` for more notes than a request may have.
    """
    beat_s = length_s / (end - start)
    parts = []
    for track in tracks:
        notes = sorted(_notes_of(track, start, end, beat_s), key=lambda note: (note.start_s, note.pitch))
        if notes:
            is_drums = any(isinstance(device, DrumRack) for device in track.devices)
            parts.append(Part(track.name, tuple(notes), is_drums=is_drums))
    count = sum(len(part.notes) for part in parts)
    if count > MAX_NOTES:
        names = ", ".join(printable(part.name) for part in parts)
        raise Refusal(
            f"The MIDI clips on {names} hold {count} notes there; allowed: at most {MAX_NOTES}.",
            remedy="Select a shorter stretch, or fewer tracks.",
        )
    return write_midi(MidiSong(tuple(parts), (Tempo(0.0, 60.0 / beat_s),), end_s=length_s)) if parts else None


def _notes_of(track: MidiTrack, start: float, end: float, beat_s: float) -> Iterator[Note]:
    for clip in track.arrangement_clips:
        if isinstance(clip, MidiClip) and clip.start_time < end and clip.end_time > start and not clip.muted:
            for first, last, note in notes_in(clip, start, end):
                velocity = _USUAL_VELOCITY if note.velocity is None else round(note.velocity)
                times = ((first - start) * beat_s, (last - start) * beat_s)
                yield Note(*times, note.pitch, min(127, max(1, velocity)))
