"""Notes against their grid and chords."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.arrangement import notes_within, plan_song, sing_song, song_bars, span_bars
from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import HUMANISE_S, PLAYERS, Bar, Note, play_bar
from acestep_runtime.dsp.progressions import Harmony, chord_tones
from acestep_runtime.text.style import keep_track, style_from_caption, table
from acestep_runtime.values import Key, Music

GENRES = list(table()["genre"])


def a_bar(index=0, meter=4, chord=(0, ""), energy=0.8, seed=1, **more):
    grid = Grid(100, 0.3, meter)
    return Bar(index, grid, Harmony({}, chord), Key(0, "major"), energy, seed, "verse", 1, 4, **more)


@pytest.mark.parametrize("meter", [2, 3, 4, 6])
@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_plays_every_meter_inside_its_bar(genre, meter):
    style = style_from_caption(genre)
    for index in (-3, 0, 7):
        bar = a_bar(index, meter)
        notes = play_bar(bar, style, style.instruments)
        start, end = bar.grid.beat_to_s(index * meter), bar.grid.beat_to_s((index + 1) * meter)
        assert notes
        assert all(start - HUMANISE_S <= n.start_s < end for n in notes)
        assert all(0 < n.velocity <= 1 and n.length_s > 0 for n in notes)
        assert all(20 <= p <= 110 for n in notes for p in n.pitches)


@pytest.mark.parametrize("genre", ["rock", "pop", "electronic", "metal"])
def test_straight_drums_lie_on_sixteenths(genre):
    style = style_from_caption(genre)
    bar = a_bar()
    for note in play_bar(bar, style, keep_track(style, "drums").instruments):
        steps = 4 * bar.grid.s_to_beat(note.start_s)
        assert abs(steps - round(steps)) / 4 * bar.grid.beat_s <= HUMANISE_S


def test_swing_delays_the_second_half_of_the_beat():
    bar = a_bar()
    assert bar.time_s(1.5, 0.66) == pytest.approx(bar.grid.beat_to_s(1.66))
    assert bar.time_s(2.0, 0.66) == pytest.approx(bar.grid.beat_to_s(2.0))


@pytest.mark.parametrize("genre", GENRES)
def test_the_bass_begins_every_chord_with_its_root(genre):
    style = style_from_caption(genre)
    for root in range(12):
        notes = play_bar(a_bar(chord=(root, "m")), style, keep_track(style, "bass").instruments)
        assert notes[0].pitches[0] % 12 == root
        assert abs(notes[0].start_s - 0.3) <= HUMANISE_S


def test_the_bass_follows_a_change_inside_the_bar():
    harmony = Harmony({0: (0, ""), 1: (0, ""), 2: (9, "m"), 3: (9, "m")}, (0, ""))
    bar = Bar(0, Grid(100), harmony, Key(0, "major"), 0.8, 1)
    for pattern in ("long", "pump", "eighths"):
        style = style_from_caption("pop")
        bass = keep_track(style, "bass").instruments[0]
        notes = play_bar(bar, style, (type(bass)(bass.track, bass.voice, pattern),))
        changed = min((n for n in notes if n.start_s > 1.2 - 0.05), key=lambda n: n.start_s)
        assert changed.pitches[0] % 12 == 9


@pytest.mark.parametrize("genre", GENRES)
def test_chords_hold_only_chord_tones(genre):
    style = style_from_caption(genre)
    for instrument in style.instruments:
        if instrument.track in ("drums", "percussion", "bass") or instrument.leads:
            continue
        for note in play_bar(a_bar(chord=(5, "maj7")), style, (instrument,)):
            allowed = chord_tones((5, "maj7"))
            assert {p % 12 for p in note.pitches} <= set(allowed), instrument


def test_melodies_keep_to_key_and_chord_and_return_with_their_section():
    style = style_from_caption("pop synth solo")
    lead = tuple(w for w in style.instruments if w.leads)
    first = [play_bar(a_bar(i), style, lead) for i in range(4)]
    again = [play_bar(a_bar(i + 8), style, lead) for i in range(4)]
    key = {0, 2, 4, 5, 7, 9, 11}
    assert all(p % 12 in key for notes in first for n in notes for p in n.pitches)
    assert [[n.pitches for n in notes] for notes in first] == [[n.pitches for n in notes] for notes in again]


def test_more_energy_more_notes():
    style = style_from_caption("funk")
    counts = [len(play_bar(a_bar(energy=e), style, keep_track(style, "drums").instruments)) for e in (0.2, 0.4, 0.9)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


def test_seed_changes_the_notes_and_nothing_else_does():
    style = style_from_caption("rock")
    assert play_bar(a_bar(seed=1), style, style.instruments) == play_bar(a_bar(seed=1), style, style.instruments)
    assert play_bar(a_bar(seed=1), style, style.instruments) != play_bar(a_bar(seed=2), style, style.instruments)


@settings(deadline=None, max_examples=40)
@given(start=st.floats(-5, 30), length=st.floats(0.05, 20), bpm=st.floats(40, 220), meter=st.sampled_from([2, 3, 4, 6]))
def test_parts_stay_inside_their_span(start, length, bpm, meter):
    style = keep_track(style_from_caption("rock"), "drums")
    grid = Grid(bpm, 0.7, meter)
    bars = list(
        span_bars(
            grid=grid,
            harmony=Harmony({}, (0, "")),
            key=Key(0, "major"),
            style=style,
            instruments=style.instruments,
            start_s=start,
            end_s=start + length,
            energies={},
            seed=3,
        )
    )
    assert all(start <= n.start_s < start + length for notes, _ in bars for n in notes)
    assert bars[-1][1] >= start + length - 1e-3


def test_a_slightly_early_note_starts_on_time():
    note = Note(0.995, 0.5, "drums", "acoustic", 1.0, piece="kick")
    assert [n.start_s for n in notes_within([note], 1.0, 2.0)] == [1.0]
    assert not list(notes_within([note], 1.1, 2.0))


@settings(deadline=None, max_examples=30)
@given(seconds=st.floats(0.0001, 90), seed=st.integers(0, 2**32 - 1), meter=st.sampled_from([2, 3, 4, 6]))
def test_plans_keep_given_values_and_cover_the_song(seconds, seed, meter):
    music = Music(caption="rock", bpm=131, keyscale="F# minor", timesignature=meter)
    style = style_from_caption(music.caption)
    song = plan_song(music, style, seconds, seed)
    assert (song.grid.bpm, str(song.key), song.grid.beats_per_bar) == (131, "F# minor", meter)
    assert song.bars * song.grid.bar_s >= seconds - 1e-6
    ends = [end for *_, end in song_bars(song, style)]
    assert ends == sorted(ends)
    assert len(ends) in (song.bars, song.bars - 1)


def test_without_tempo_or_key_the_style_and_the_seed_choose():
    style = style_from_caption("jazz")
    plans = [plan_song(Music(caption="jazz"), style, 20, seed) for seed in range(12)]
    assert all(style.bpm[0] - 1 <= p.grid.bpm <= style.bpm[1] + 1 for p in plans)
    assert len({p.grid.bpm for p in plans}) > 3
    assert len({str(p.key) for p in plans}) > 3


def test_every_player_of_the_table_plays():
    style = style_from_caption("pop")
    for track in PLAYERS:
        alone = keep_track(style, track)
        assert any(play_bar(a_bar(i, energy=0.9), alone, alone.instruments) for i in range(4)), track
    assert np.isfinite(HUMANISE_S)


# ------------------------------------------------------------------------------------------- singers and effects
def test_singers_without_words_use_one_vowel_a_section_and_pause_to_breathe():
    style = style_from_caption("pop with male vocals")
    instruments = keep_track(style, "vocals").instruments
    assert instruments[0].voice == "male"
    bars = [play_bar(a_bar(i, energy=1.0), style, instruments) for i in range(4)]
    assert len({n.voice for notes in bars for n in notes}) == 1
    assert all(n.voice.startswith("male:") and 40 <= p <= 74 for notes in bars for n in notes for p in n.pitches)
    vocals_s = sum(n.length_s for notes in bars for n in notes)
    assert vocals_s < 0.95 * 4 * a_bar().grid.bar_s


@pytest.mark.parametrize("chord", [(0, ""), (7, "7"), (2, "m7"), (11, "dim")])
def test_backing_vocals_hold_the_chord_from_left_to_right(chord):
    for caption in ("", "choir", "백보컬"):
        instruments = keep_track(style_from_caption(caption), "backing_vocals").instruments
        notes = play_bar(a_bar(chord=chord), style_from_caption(caption), instruments)
        first = [n for n in notes if n.start_s == notes[0].start_s]
        assert len(first) == 3
        assert {n.pitches[0] % 12 for n in first} <= set(chord_tones(chord))
        assert [n.pan for n in first] == sorted(n.pan for n in first)
        assert first[0].pan < -0.5 < 0.5 < first[-1].pan


def test_effects_lead_into_sections_and_open_them():
    style = style_from_caption("")
    instruments = keep_track(style, "fx").instruments
    grid, harmony = Grid(100), Harmony({}, (0, ""))
    rows = [
        play_bar(Bar(k, grid, harmony, Key(0, "major"), 0.9, 1, "chorus", k, 6), style, instruments) for k in range(6)
    ]
    voices = [{n.voice for n in notes} for notes in rows]
    assert voices[0] == {"downlifter", "impact"}
    assert voices[5] == {"riser"}
    assert all(n.start_s == grid.beat_to_s(4 * k) for k, notes in enumerate(rows) for n in notes)
    for caption, voice in (("riser", "riser"), ("sweeps", "sweep"), ("impacts", "impact"), ("앰비언스", "ambience")):
        instruments = keep_track(style_from_caption(caption), "fx").instruments
        bars = [Bar(k, grid, harmony, Key(0, "major"), 0.5, 1, "part", k, 4) for k in range(4)]
        assert voice in {n.voice for bar in bars for n in play_bar(bar, style, instruments)}


def test_leads_rest_under_words_and_singers_rest_in_solos():
    style = style_from_caption("pop, female vocals, choir")
    lyrics = "[Verse]\nwalk along the road\n[Chorus]\nsing to me\n[Guitar Solo]\n[Outro]"
    song = plan_song(Music(lyrics=lyrics, bpm=100), style, 70, 1)
    singing = sing_song(song, style, 70)
    seen = {}
    for section, notes, _ in song_bars(song, style, singing):
        seen.setdefault(section.name, set()).update(n.track for n in notes)
        assert "synth_lead" not in {n.voice for n in notes} or not section.lines
    assert {"vocals", "backing_vocals"} <= seen["Chorus"]
    assert not {"vocals", "backing_vocals"} & seen["Guitar Solo"]
    assert "vocals" in seen["Verse"]
    assert all(bar in range(song.bars) for bar in singing.by_bar)
    assert len(singing.lines) == 2
