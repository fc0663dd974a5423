"""Given chords over the beats of a song or a region, and what the players make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.read import read_chords
from acestep_runtime.chords.symbols import QUALITIES
from acestep_runtime.dsp.arrangement import plan_song, song_bars
from acestep_runtime.dsp.charts import agrees, bend_pitch, key_of_chart, place_bars, place_from, simplify_chords
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import HUMANISE_S, Bar, Note, play_bar, voicing
from acestep_runtime.dsp.progressions import Harmony, chord_rows, chord_tones
from acestep_runtime.text.style import keep_track, style_from_caption
from acestep_runtime.values import Key, Music

C, EMPTY = Key(0, "major"), Harmony({}, (0, ""))


def plan_harmony(chords: str, bars: int = 12, **music: object) -> Harmony:
    """Return the harmony of a song of that many bars at 120 beats per minute."""
    given_music = replace(Music(chords=chords, bpm=120), **music)  # type: ignore[arg-type]
    meter = given_music.timesignature or 4
    return plan_song(given_music, style_from_caption("pop"), bars * meter * 0.5, 1).harmony


def bar_roots(harmony: Harmony, bars: int, meter: int = 4) -> list[int]:
    return [harmony.at(bar * meter)[0] for bar in range(bars)]


@pytest.mark.parametrize("meter", [2, 3, 4, 6])
def test_a_progression_goes_on_through_the_song(meter: int) -> None:
    assert bar_roots(plan_harmony("Am F C G", timesignature=meter), 12, meter) == [9, 5, 0, 7] * 3


def test_sections_have_the_chords_of_their_name_or_kind() -> None:
    lyrics = "[Verse 1]\none two three\nfour five\n[Chorus]\nsix seven\neight nine\n[Verse 2]\nten\neleven"
    music = Music(chords="[Verse] Am F [Chorus] G [Verse 2] D", bpm=120, lyrics=lyrics)
    song = plan_song(music, style_from_caption("pop"), 26.0, 1)
    by_name = {section.name: section for section in song.sections}
    first = {name: song.harmony.at(4 * section.first_bar)[0] for name, section in by_name.items()}
    assert first == {"Verse 1": 9, "Chorus": 7, "Verse 2": 2}


def test_a_chart_with_names_is_the_form_of_a_song_without_words() -> None:
    song = plan_song(
        Music(chords="[Intro] C [Verse] Am F G E [Chorus] F G", bpm=120), style_from_caption("pop"), 28.0, 1
    )
    assert [(s.name, s.first_bar, s.bars) for s in song.sections] == [
        ("Intro", 0, 1), ("Verse", 1, 4), ("Chorus", 5, 2), ("Intro", 7, 1), ("Verse", 8, 4), ("Chorus", 12, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chords", "bars", "last"),
    [
        ("F G C C", 9, 0),
        ("Am F C G", 9, 9),
        ("Am F C G", 8, 7),
        ("[Verse] Am F C G [Chorus] F G C C", 9, 0),
        ("D E", 9, 2),
    ],
)
def test_after_whole_passes_a_song_ends_on_its_tonic(chords: str, bars: int, last: int) -> None:
    song = plan_song(Music(chords=chords, bpm=120), style_from_caption("pop"), bars * 2.0, 1)
    assert (song.ending, song.harmony.at(4 * song.ending)[0]) == (bars - 1, last)


@pytest.mark.parametrize(
    ("chords", "key"),
    [
        ("C Am F G", "C major"), ("Am F C G", "A minor"), ("Am F C E7 Am", "A minor"), ("Bbmaj7 Gm7 Cm7 F7", "Bb major"),
        ("Dm7 G7 Cmaj7 Cmaj7", "C major"), ("F#m D A E", "F# minor"), ("N.C.", "C major"),
    ],
)  # fmt: skip
def test_chords_tell_the_key(chords: str, key: str) -> None:
    assert str(key_of_chart(read_chords(chords))) == key


def test_a_region_has_the_chart_from_its_first_bar_on() -> None:
    measured = Harmony(dict.fromkeys(range(40), (0, "")), (0, ""))
    chart = read_chords("Am F/A")
    harmony = place_from(chart, measured, Grid(120), 8.0, 16.0)
    assert bar_roots(harmony, 8) == [0, 0, 0, 0, 9, 5, 9, 5]
    assert harmony.bass_at(20) == 9
    assert bar_roots(place_from(chart, measured, Grid(120), 7.6, 16.0), 6) == [0, 0, 0, 0, 9, 5], "just before a bar"
    assert bar_roots(place_from(chart, measured, Grid(120), 6.9, 16.0), 6) == [0, 0, 0, 9, 5, 9], (
        "in the middle of a bar"
    )


def test_names_of_given_chords_have_their_bass_and_rests_have_none() -> None:
    chart = read_chords("| C/E N.C. | G7 |")
    harmony = place_bars(enumerate(chart.bars), 4, EMPTY)
    rows = chord_rows(harmony, Grid(120), 0.0, 4.0)
    assert [(row["start_s"], row["end_s"], row["name"]) for row in rows] == [(0.0, 1.0, "C/E"), (2.0, 4.0, "G7")]


def play(chords: str, track: str, voice_words: str = "pop") -> list[Note]:
    style = style_from_caption(voice_words)
    harmony = place_bars(enumerate(read_chords(chords).bars), 4, EMPTY)
    bars = [Bar(index, Grid(120), harmony, C, 0.8, 3, "verse", index, 4) for index in range(2)]
    return [note for bar in bars for note in play_bar(bar, style, keep_track(style, track).instruments)]


@pytest.mark.parametrize("words", ["pop", "rock", "jazz", "funk", "reggae", "folk"])
def test_the_bass_begins_with_the_note_under_the_slash(words: str) -> None:
    notes = play("| C/E . G/B . | Am/G |", "bass", words)
    on_beats = [
        (round(2 * note.start_s), note) for note in notes if abs(note.start_s - round(2 * note.start_s) / 2) < 0.01
    ]
    first = {beat: note.pitches[0] % 12 for beat, note in on_beats}
    assert (first[0], first[2], first[4]) == (4, 11, 7)


@pytest.mark.parametrize("track", ["keyboard", "strings", "guitar", "synth", "brass", "woodwinds"])
def test_sevenths_are_played(track: str) -> None:
    style = style_from_caption("pop")
    for instrument in keep_track(style, track).instruments:
        for quality in ("7", "maj7", "m7", "m7b5", "dim7"):
            if instrument.voice != "guitar_driven":  # a power chord
                assert {pitch % 12 for pitch in voicing((2, quality), instrument.voice)} >= {
                    (2 + tone) % 12 for tone in (0, *QUALITIES[quality][1:4:2])
                }


@pytest.mark.parametrize(
    "voice", ["piano", "strings", "pad", "guitar_acoustic", "brass", "bell", "supersaw", "synth_pluck"]
)
@given(root=st.integers(0, 11), quality=st.sampled_from(sorted(QUALITIES)))
def test_every_voice_has_notes_of_every_chord_and_no_others(voice: str, root: int, quality: str) -> None:
    pitches = voicing((root, quality), voice)
    assert len(set(pitches)) == len(pitches) >= 2
    assert {pitch % 12 for pitch in pitches} <= set(chord_tones((root, quality)))
    assert root in {pitch % 12 for pitch in pitches}
    assert all(30 <= pitch <= 96 for pitch in pitches)


@pytest.mark.parametrize("track", ["keyboard", "bass", "strings", "guitar", "vocals"])
def test_nothing_with_a_pitch_sounds_where_no_chord_is(track: str) -> None:
    notes = play("| C . N.C. . | N.C. . G . |", track)
    assert all(note.start_s + note.length_s <= 1.0 + 0.04 or note.start_s >= 3.0 - HUMANISE_S for note in notes)
    assert any(note.start_s < 1.0 for note in notes)
    assert any(note.start_s > 2.9 for note in notes)
    assert {round(n.start_s) for n in play("| N.C. | N.C. |", "drums")} >= {1, 2, 3}, "drums go on"


@pytest.mark.parametrize("caption", ["pop, piano melody", "jazz, saxophone solo", "folk, flute melody"])
def test_a_melody_does_not_rub_against_a_chord_outside_the_key(caption: str) -> None:
    """Over E7 in A minor a melody plays G sharp and no G, on and off the beat."""
    music = Music(chords="E7", keyscale="A minor", bpm=100, caption=caption)
    style = style_from_caption(caption)
    song = plan_song(music, style, 30.0, 2)
    melody = [note for _, notes, _ in song_bars(song, style) for note in notes
              if len(note.pitches) == 1 and note.track not in ("bass", "fx")]  # fmt: skip
    assert melody
    assert not [note for note in melody if note.pitches[0] % 12 == 7]


@given(pitch=st.integers(40, 90), root=st.integers(0, 11), quality=st.sampled_from(["", "m", "7", "maj7", "m7"]))
def test_a_bent_note_fits_the_chord_or_the_key(pitch: int, root: int, quality: str) -> None:
    bent = bend_pitch(pitch, (root, quality), C)
    tones = chord_tones((root, quality))
    assert abs(bent - pitch) <= 3
    is_free = bent % 12 in (0, 2, 4, 5, 7, 9, 11) and not {(bent + 1) % 12, (bent - 1) % 12} & set(tones)
    assert bent % 12 in tones or is_free


def test_chords_compare_as_analysis_names_them() -> None:
    given_chords = place_bars(enumerate(read_chords("Am7 Cadd9 Bm7b5 G7sus4").bars), 4, EMPTY)
    measured = dict(enumerate([(9, "m")] * 4 + [(0, "")] * 4 + [(11, "dim")] * 4 + [(7, "sus4")] * 4))
    assert simplify_chords(given_chords).chords == measured
    assert [agrees(measured, given_chords, bar, 4) for bar in range(5)] == [True, True, True, True, False]
