"""Notes that a song follows: what a task gives an engine of them, and what they say of tempo, meter and length.

They are those of a MIDI file, or chords, for an engine that follows notes and no symbols. Light to import: files are read when
a task is checked or runs.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.base import MAX_DURATION_S, Task
from acestep_runtime.values import MAX_BPM, MIN_BPM, TIME_SIGNATURES, Music

if TYPE_CHECKING:
    from acestep_runtime.engines.base import Engine
    from acestep_runtime.notes import MidiSong

#: Ways of a neural engine to follow notes → the share of the steps that do where nobody says it.
GUIDES = {"codes": 1.0, "cover": 0.5}
#: A tempo is steady where all tempos are within this share of each other.
_STEADY = 0.005


def usual_strength(guide: str) -> float:
    """Return the share of the steps that follow a guide where nobody says it."""
    return GUIDES.get(guide, 1.0)


def guide_song(task: Task) -> MidiSong | None:
    """Return the notes that a task follows, ``None`` for none. Raises `InvalidValue` for a file that cannot be read."""
    midi = _midi_text(task)
    if not midi:
        return None
    from acestep_runtime.midi.read import decode_midi

    return decode_midi(midi)


def has_midi(task: Task) -> bool:
    """Return whether a task has a MIDI file to follow."""
    return bool(_midi_text(task))


def _midi_text(task: Task) -> str:
    midi: str = getattr(task, "midi", "")
    return midi


def voices_chords(task: Task, engine: Engine) -> bool:
    """Return whether an engine gets the chords of a task as notes: it makes audio from latents, and has no other guide."""
    if not engine.has_latents or not task.has("guide") or has_midi(task):
        return False
    codes: tuple[int, ...] = getattr(task, "codes", ())
    music: Music = getattr(task, "music", Music())
    return not codes and bool(music.chords.strip())


def chord_song(music: Music, length_s: float) -> MidiSong:
    """Return the chords of the music, which has some, as notes of ``length_s`` seconds, again and again from the first bar on.

    Without a tempo it has the middle of the style's, without a meter four beats. Raises `InvalidValue` as `read_chords` does.
    """
    from acestep_runtime.chords.read import chart_of
    from acestep_runtime.chords.voicing import chart_to_midi
    from acestep_runtime.text.form import usual_bar_s
    from acestep_runtime.text.style import style_from_caption

    chart = chart_of(music)
    assert chart is not None
    beats = music.timesignature or 4
    bpm = 60.0 * beats / usual_bar_s(music.bpm, beats, style_from_caption(music.caption))
    return chart_to_midi(chart, bpm=bpm, beats_per_bar=beats, end_s=length_s, unit=8 if beats == 6 else 4)


def guide_length_s(song: MidiSong) -> float:
    """Return how long a song is that follows notes and has no length of its own. Raises `InvalidValue` for too long a one."""
    length_s = max(song.end_s, 0.1)
    if length_s > MAX_DURATION_S:
        message = f"midi is {length_s:.0f} s long, and a song at most {MAX_DURATION_S:g} s."
        raise InvalidValue("midi", length_s, f"at most {MAX_DURATION_S:g} seconds", message=message,
                           remedy="Give a duration, or a part of the file.")  # fmt: skip
    return length_s


def music_of_guide(music: Music, song: MidiSong) -> Music:
    """Return ``music`` with tempo and meter of a song where they are not given, and the song has one of each."""
    bpms = [tempo.bpm for tempo in song.tempos]
    meter = song.meters[0]
    beat_bpm = round(bpms[0] * meter.unit / 4, 3)
    is_steady = max(bpms) <= min(bpms) * (1 + _STEADY) and len({each.unit for each in song.meters}) == 1
    if music.bpm is None and is_steady and MIN_BPM <= beat_bpm <= MAX_BPM:
        music = dataclasses.replace(music, bpm=beat_bpm)
    if music.timesignature is None and len(song.meters) == 1 and meter.beats in TIME_SIGNATURES:
        music = dataclasses.replace(music, timesignature=meter.beats)
    return music
