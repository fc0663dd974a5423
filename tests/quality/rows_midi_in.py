"""How well a song of the draft engine follows the notes that it is given: onsets, beats and chords of its audio."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import mido
import numpy as np

from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.midi.read import read_midi
from acestep_runtime.tasks import TextToMusic
from acestep_runtime.values import CancelToken, Music

from . import judges
from .corpus import Excerpt
from .rows import Row, Setup, absent_row, build_row, judge_mean

TITLE = "Songs that follow notes"
ABOUT = """
The notes of a song, with its tempo map, go to text2music of the draft engine as a MIDI file; the caption asks for pop or rock.
The judges above listen to what comes out. Onsets are those of the notes that are played as they are: drums, bass and melody.
"""
_MEASURES = _ONSETS, _BEATS, _CHORDS = (
    "notes whose onset is heard, ±50 ms (spectral flux)",
    "beats, F-measure, ±70 ms (BeatNet)",
    "beats with the true triad (crema)",
)
_RATE_HZ, _TICKS = 48_000, 480
_CAPTIONS = ("pop, piano", "rock, electric guitar")
#: A program for each track of an excerpt; drums have their channel.
_PROGRAMS = {"keyboard": 0, "guitar": 25, "bass": 33, "strings": 48, "backing_vocals": 52, "brass": 61, "woodwinds": 73,
             "synth": 81, "vocals": 85}  # fmt: skip
_DRUM_CHANNEL = 9
#: Onsets this near to each other are one to the judge.
_TOGETHER_S = 0.03


def rows(setup: Setup) -> list[Row]:
    """Return how well songs follow notes, of the suite's own songs and of the corpus."""
    parts = (("songs of the suite", setup.made), ("corpus", setup.names))
    if why := judges.missing():
        return [absent_row(task, measure, "", why) for task, _ in parts for measure in _MEASURES]
    table: list[Row] = []
    for task, names in parts:
        found = setup.measure(measure_song_of_notes, names)
        table += [build_row(task, measure, "", _pick(found, measure), judge_mean()) for measure in _MEASURES]
    return table


def measure_song_of_notes(excerpt: Excerpt) -> dict[str, float]:
    """Return the measures of a song that follows the notes of one excerpt."""
    start_s = float(excerpt.beats_s[0])
    beats_s = excerpt.beats_s - start_s
    song = read_midi(midi_file_of(excerpt))
    caption = _CAPTIONS[sum(excerpt.name.encode()) % len(_CAPTIONS)]
    request = EngineRequest(TextToMusic, round(float(beats_s[-1]) * _RATE_HZ), 7, Music(caption), guide_song=song)
    events = DraftEngine().run(request, CancelToken())
    samples = np.concatenate([event.samples for event in events if isinstance(event, Block)])
    struck = sorted(
        note.start_s - start_s
        for track in ("drums", "bass", "vocals")
        for note in excerpt.notes.get(track, ())
        if start_s <= note.start_s < excerpt.beats_s[-1] - 0.1
    )
    onsets = np.asarray(judges.detect_onsets(samples, _RATE_HZ))
    merged = [time_s for k, time_s in enumerate(struck) if not k or time_s - struck[k - 1] > _TOGETHER_S]
    near = [bool((np.abs(onsets - time_s) <= 0.05).any()) for time_s in merged]
    beats = judges.detect_beats(samples, _RATE_HZ)
    return {
        _ONSETS: float(np.mean(near)) if near else float("nan"),
        _BEATS: judges.onset_f1(beats.beats_s, beats_s[:-1], 0.07),
        _CHORDS: judges.chord_agreement(judges.recognise_chords(samples, _RATE_HZ), beats_s, excerpt.chords),
    }


def midi_file_of(excerpt: Excerpt) -> bytes:
    """Return the notes of an excerpt as a MIDI file whose quarter notes are its beats, from the first beat on."""
    file = mido.MidiFile(ticks_per_beat=_TICKS)
    ticks = np.arange(len(excerpt.beats_s)) * _TICKS

    def tick(time_s: float) -> int:
        return round(float(np.interp(time_s, excerpt.beats_s, ticks)))

    tempos = [
        (int(at), mido.MetaMessage("set_tempo", tempo=round(length_s * 1e6)))
        for at, length_s in zip(ticks, np.diff(excerpt.beats_s), strict=False)
    ]
    meter = mido.MetaMessage("time_signature", numerator=excerpt.meter or 4, denominator=4)
    file.tracks.append(_track([(0, meter), *tempos]))
    channels = iter(channel for channel in range(16) if channel != _DRUM_CHANNEL)
    for name, notes in excerpt.notes.items():
        is_drums = name in ("drums", "percussion")
        channel = _DRUM_CHANNEL if is_drums else next(channels)
        events: list[tuple[int, Any]] = [(0, mido.MetaMessage("track_name", name=name))]
        if not is_drums:
            events.append((0, mido.Message("program_change", channel=channel, program=_PROGRAMS.get(name, 0))))
        for note in notes:
            if excerpt.beats_s[0] <= note.start_s < excerpt.beats_s[-1]:
                on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
                off = mido.Message("note_off", channel=channel, note=note.pitch)
                events += [(tick(note.start_s), on), (max(tick(note.start_s) + 1, tick(note.end_s)), off)]
        file.tracks.append(_track(events))
    held = io.BytesIO()
    file.save(file=held)
    return held.getvalue()


def _track(events: list[tuple[int, Any]]) -> Any:
    track, now = mido.MidiTrack(), 0
    # At one tick notes end before others begin.
    for at, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        track.append(message.copy(time=at - now))
        now = at
    return track


def _pick(found: Mapping[str, Mapping[str, float]], measure: str) -> dict[str, float]:
    return {name: one[measure] for name, one in found.items() if not np.isnan(one[measure])}
