"""Songs that follow notes: when and at which pitches they sound, also while the tempo changes, and what the caption adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.players import Note
from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft import notes_song
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.midi import read
from acestep_runtime.midi.beats import tempo_map
from acestep_runtime.midi.files import file_text
from acestep_runtime.midi.read import read_midi
from acestep_runtime.notes import MidiSong
from acestep_runtime.tasks import TextToMusic, build_task
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, Take
from acestep_runtime.tasks.diagnostics import run_with_warnings
from acestep_runtime.tasks.takes import engine_request
from acestep_runtime.tasks.unused import describe_unused
from acestep_runtime.values import CancelToken, Music
from tests.support.midi_files import band, file_of, meter, program, strike, tempo

RATE = 48_000


def run(song: MidiSong, length_s: float, **music: Any) -> tuple[Samples, dict[str, Any]]:
    request = EngineRequest(
        TextToMusic, round(length_s * RATE), 5, Music(**{"caption": "pop", **music}), guide_song=song
    )
    blocks, facts = [], {}
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Block):
            blocks.append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
    return np.concatenate(blocks), dict(facts)


def mixer_notes(song: MidiSong, monkeypatch: pytest.MonkeyPatch, length_s: float = 0.0, **music: Any) -> list[Note]:
    """The notes that reach the mixer."""
    notes: list[Note] = []

    def keep(bars: Any, frames: int, _mixer: Any) -> Any:
        for row, _ in bars:
            notes.extend(row)
        yield np.zeros((frames, 2), np.float32)

    with monkeypatch.context() as patch:
        patch.setattr(notes_song, "render", keep)
        run(song, length_s or song.end_s, **music)
    return notes


def test_a_song_of_a_band_is_long_loud_and_deterministic() -> None:
    song = read_midi(band(4))
    samples, facts = run(song, 8.0)
    assert samples.shape == (8 * RATE, 2)
    assert 0.05 < np.sqrt((samples.astype(np.float64) ** 2).mean()) < 0.4
    assert np.array_equal(run(song, 8.0)[0], samples)
    assert (facts["bpm"], facts["timesignature"], facts["keyscale"]) == (120.0, 4, "C major")
    assert [chord["name"] for chord in facts["chords"]] == ["C", "Am", "F", "G"]
    assert facts["downbeats"] == [0.0, 2.0, 4.0, 6.0]


def test_melody_bass_and_drums_are_played_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    song = read_midi(band(4))
    notes = mixer_notes(song, monkeypatch)
    lead, _, bass, kit = song.parts

    def own(track: str) -> list[tuple[float, float, Any]]:
        return sorted((n.start_s, n.velocity, n.pitches or n.piece) for n in notes if n.track == track)

    assert own("woodwinds") == sorted((n.start_s, n.velocity / 127, (n.pitch,)) for n in lead.notes)
    assert own("bass") == sorted((n.start_s, n.velocity / 127, (n.pitch,)) for n in bass.notes)
    pieces = {36: "kick", 38: "snare"}
    assert own("drums") == sorted((n.start_s, n.velocity / 127, pieces[n.pitch]) for n in kit.notes)
    assert {n.voice for n in notes if n.track == "strings"} == {"strings"}, "the program of the pad"


@pytest.mark.parametrize(
    ("caption", "track", "voice"),
    [("saxophone solo", "woodwinds", "saxophone"), ("pop", "woodwinds", "flute")],
)
def test_the_caption_names_who_leads(monkeypatch: pytest.MonkeyPatch, caption: str, track: str, voice: str) -> None:
    notes = mixer_notes(read_midi(band(2)), monkeypatch, caption=caption)
    assert voice in {note.voice for note in notes if note.track == track}


def test_the_caption_names_who_accompanies(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = mixer_notes(read_midi(band(2)), monkeypatch, caption="acoustic guitar")
    assert {note.voice for note in notes if note.track == "guitar"} == {"guitar_acoustic"}


def test_what_the_notes_lack_the_style_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    lead = [program(73), *(event for beat in range(16) for event in strike(beat, beat + 0.9, 72 + beat % 5))]
    tracks = {note.track for note in mixer_notes(read_midi(file_of([tempo(0, 120)], lead)), monkeypatch)}
    assert {"drums", "bass", "woodwinds"} < tracks


@pytest.mark.parametrize(
    "changes",
    [
        [tempo(0, 120), tempo(8, 150)],
        [tempo(0, 90), tempo(6, 140), tempo(11, 70)],
        [tempo(quarter / 4, 100 + quarter) for quarter in range(64)],
        [tempo(0, 120), meter(0, 4, 4), meter(8, 3, 4)],
        [tempo(0, 100), meter(0, 6, 8)],
    ],
    ids=["step", "within a bar", "ramp", "meters", "six eight"],
)
def test_accompanists_keep_to_the_beats_of_the_notes(changes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every note of theirs lies on a 32nd, or a triplet, of the tempo map, but for what a player is early or late."""
    lead = [event for beat in range(16) for event in strike(beat, beat + 0.9, 72 + beat % 5)]
    song = read_midi(file_of(changes, lead))
    tempos = tempo_map(song)
    notes = mixer_notes(song, monkeypatch, caption="rock drums, bass")
    strokes = [note for note in notes if note.track in ("drums", "bass")]
    assert len(strokes) > 20
    for note in strokes:
        quarter = tempos.s_to_quarter(note.start_s)
        nearest = min((round(quarter * parts) / parts for parts in (6, 8)), key=lambda q: abs(q - quarter))
        assert tempos.quarter_to_s(nearest) == pytest.approx(note.start_s, abs=0.010), note
    struck = {round(tempos.s_to_quarter(note.start_s)) for note in strokes}
    assert struck >= set(range(15)), "something is struck on every beat"


def test_words_follow_the_melody(monkeypatch: pytest.MonkeyPatch) -> None:
    song = read_midi(band(4))
    notes = mixer_notes(song, monkeypatch, lyrics="[Verse]\nWalking down the river in the morning light again")
    vocals = [note for note in notes if note.track == "vocals"]
    assert not [note for note in notes if note.track == "woodwinds"], "the words take the melody"
    assert {note.pitches[0] for note in vocals} <= {note.pitch for note in song.parts[0].notes}
    assert len(vocals) >= 13
    _, facts = run(
        song,
        8.0,
        lyrics="[Verse]\nWalking down the river",
    )
    assert [line["text"] for line in facts["lines"]] == ["Walking down the river"]


def test_after_the_notes_it_is_silent_and_says_so() -> None:
    samples, facts = run(read_midi(band(1)), 8.0)
    assert np.abs(samples[: 2 * RATE]).max() > 0.05
    assert np.abs(samples[7 * RATE :]).max() < 1e-3
    assert facts["notes"] == ["The notes end after 2.0 of 8.0 s; the rest is silent."]


def test_where_no_note_sounds_nobody_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    lead = [event for bar in (0, 2) for beat in range(4) for event in strike(4 * bar + beat, 4 * bar + beat + 0.9, 72)]
    notes = mixer_notes(read_midi(file_of([tempo(0, 120)], lead)), monkeypatch)
    assert not [note for note in notes if 2.1 < note.start_s < 3.9]
    assert [note for note in notes if note.start_s > 4.0]


def test_changes_of_tempo_and_meter_are_in_the_metadata() -> None:
    _, facts = run(read_midi(band(4, tempo(0, 120), tempo(8, 150), meter(8, 2, 4))), 7.0)
    assert facts["changes"] == [{"start_s": 4.0, "bpm": 150.0, "keyscale": "C major", "timesignature": 2}]


def test_seeds_change_the_accompaniment_and_not_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    song = read_midi(band(4))
    first = mixer_notes(song, monkeypatch, caption="jazz, piano")
    samples, _ = run(song, 8.0)
    request = EngineRequest(TextToMusic, 8 * RATE, 6, Music("pop"), guide_song=song)
    other = np.concatenate([e.samples for e in DraftEngine().run(request, CancelToken()) if isinstance(e, Block)])
    assert not np.array_equal(samples, other)
    assert first


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    notes=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(0, 127)), min_size=1, max_size=12),
    drums=st.booleans(),
    number=st.integers(0, 127),
    beats=st.tuples(st.integers(1, 13), st.sampled_from((2, 4, 8))),
    bpm=st.integers(40, 280),
)
def test_any_notes_make_a_song(
    notes: list[tuple[int, int, int]], drums: bool, number: int, beats: tuple[int, int], bpm: int
) -> None:
    channel = 9 if drums else 0
    events = [
        program(number),
        *(e for at, length, pitch in notes for e in strike(at / 4, (at + length) / 4, pitch, 90, channel)),
    ]
    song = read_midi(file_of([tempo(0, bpm), meter(0, *beats)], events))
    samples, _ = run(song, max(0.2, min(song.end_s, 3.0)))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 0.9


def test_the_task_is_as_long_as_its_notes_and_says_what_had_no_effect() -> None:
    fields = {"midi": file_text(band(2)), "guide": "cover", "music": {"bpm": 90}, "output": {"seeds": [3]}}
    task = build_task("text2music", fields)
    task.validate()
    events = list(run_with_warnings(task, DraftEngine(), CancelToken()))
    (header,) = (event for event in events if isinstance(event, OutputHeader))
    assert header.frames == 4 * RATE
    assert sum(len(event.samples) for event in events if isinstance(event, OutputBlock)) == 4 * RATE
    (take,) = (event for event in events if isinstance(event, Take))
    assert sorted(take.metadata["warnings"]) == [
        "bpm 90 had no effect: the song has the tempo and the meter of its notes.",
        "guide cover had no effect: the draft engine plays the notes themselves.",
    ]


def test_tempo_and_meter_of_a_request_are_those_of_the_notes() -> None:
    def music(data: bytes, **given: Any) -> Music:
        return engine_request(build_task("text2music", {"midi": file_text(data), "music": given}), DraftEngine()).music

    assert (music(band(1)).bpm, music(band(1)).timesignature) == (120.0, 4)
    assert music(band(1), bpm=90.0).bpm == 90.0
    assert music(band(1, tempo(0, 120), tempo(2, 90))).bpm is None
    six = music(band(1, tempo(0, 90), meter(0, 6, 8)))
    assert (six.bpm, six.timesignature) == (180.0, 6)
    assert music(band(1, meter(0, 5, 4))).timesignature is None


def test_a_file_is_decoded_once_for_each_text(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []

    def count(data: bytes) -> MidiSong:
        decoded.append(data)
        return read_midi(data)

    monkeypatch.setattr(read, "read_midi", count)
    files = [band(1, tempo(0, bpm)) for bpm in (101, 103)]
    for _ in range(2):
        for data in files:
            task = build_task("text2music", {"midi": file_text(data), "output": {"seeds": [3]}})
            task.validate()
            assert not list(describe_unused(task, DraftEngine()))
            assert engine_request(task, DraftEngine()).guide_song == read_midi(data)
    assert decoded == files


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"midi": "AAAA"}, "cannot be read"),
        ({"midi": "no base64"}, "base64"),
        ({"midi": file_text(file_of([tempo(0, 30)], strike(0, 350, 60)))}, "700 s long"),
    ],
)
def test_what_cannot_be_followed_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words) as caught:
        build_task("text2music", fields).validate()
    assert caught.value.field == "midi"


def test_notes_and_codes_exclude_each_other() -> None:
    with pytest.raises(InvalidValue, match="both"):
        build_task("text2music", {"midi": file_text(band(1)), "codes": [1, 2]}).validate()


def test_too_many_bars_are_refused() -> None:
    song = read_midi(file_of([tempo(0, 900), meter(0, 2, 16)], strike(0, 8000, 60)))
    request = EngineRequest(TextToMusic, 500 * RATE, 5, Music("pop"), guide_song=song)
    with pytest.raises(InvalidValue, match="bars"):
        list(DraftEngine().run(request, CancelToken()))


def test_it_can_be_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(
            DraftEngine().run(
                EngineRequest(TextToMusic, 4 * RATE, 5, Music("pop"), guide_song=read_midi(band(2))), cancel
            )
        )
