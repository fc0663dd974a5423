"""Captions to styles: the words of a caption determine what is played."""

import pytest

from acestep_runtime.dsp import drums, voices
from acestep_runtime.dsp.players import PLAYERS
from acestep_runtime.text.style import find_style_words, keep_track, parse_instrument, style_from_caption, table
from acestep_runtime.values import TRACKS


@pytest.mark.parametrize(
    ("caption", "genre"),
    [
        ("heavy rock drums with double kick", "metal"),
        ("jazz version with saxophone and upright bass", "jazz"),
        ("Energetic ROCK band arrangement", "rock"),
        ("electronic dance remix with heavy bass", "electronic"),
        ("lo-fi beats", "lofi"),
        ("잔잔한 발라드", "ballad"),
        ("신나는 록", "rock"),
        ("재즈풍의 피아노", "jazz"),
        ("오케스트라", "orchestral"),
        ("", "pop"),
    ],
)
def test_the_caption_names_the_genre(caption, genre):
    assert style_from_caption(caption).genre == genre


@pytest.mark.parametrize(
    ("caption", "track", "voice"),
    [
        ("brighter piano", "keyboard", "piano"),
        ("더 밝은 피아노로", "keyboard", "piano"),
        ("어쿠스틱 기타와 드럼", "guitar", "guitar_acoustic"),
        ("acoustic guitar fingerpicking, folk style", "guitar", "guitar_acoustic"),
        ("light brush drums, jazz style", "drums", "brushes"),
        ("groovy bass line, funk style", "bass", "bass_finger"),
        ("synth bass", "bass", "bass_synth"),
        ("색소폰", "woodwinds", "saxophone"),
        ("lush string section", "strings", "strings"),
    ],
)
def test_a_named_instrument_comes_first(caption, track, voice):
    style = style_from_caption(caption)
    assert style.named_count >= 1
    assert (style.instruments[0].track, style.instruments[0].voice) == (track, voice)


@pytest.mark.parametrize("caption", ["energetic guitar solo", "신나는 기타 솔로", "lead guitar"])
def test_a_solo_is_a_melody_of_the_named_instrument(caption):
    style = style_from_caption(caption)
    assert style.solo == "guitar"
    assert style.instruments[0].leads
    assert style.instruments[0].track == "guitar"


def test_moods_change_brightness_energy_and_pace():
    plain = style_from_caption("pop")
    assert style_from_caption("bright pop").brightness > plain.brightness > style_from_caption("어두운 팝").brightness
    assert style_from_caption("energetic pop").energy > plain.energy > style_from_caption("calm pop").energy
    assert style_from_caption("빠른 팝").bpm > plain.bpm > style_from_caption("slow pop").bpm
    assert style_from_caption("sad pop").mode == style_from_caption("슬픈 노래").mode == "minor"


@pytest.mark.parametrize("caption", ["pop without drums", "no drums, pop", "드럼 없이 팝"])
def test_negated_instruments_are_left_out(caption):
    style = style_from_caption(caption)
    assert style.genre == "pop"
    assert "drums" not in {who.track for who in style.instruments}


def test_only_whole_words_count_and_the_longest_wins():
    assert [name for *_, name in find_style_words("popular trapeze rocket brightness")] == []
    assert [word for word, *_ in find_style_words("an electric piano")] == ["electric piano"]
    assert [name for *_, name in find_style_words("drums and guitars")] == ["drums", "guitar"]


def test_any_caption_gives_values_within_limits():
    everything = style_from_caption(
        " ".join(w for kind in ("genre", "mood") for row in table()[kind].values() for w in row["words"])
    )
    assert -1 <= everything.brightness <= 1
    assert -0.6 <= everything.energy <= 0.6
    assert 0 < everything.room_s <= 3


def test_every_name_in_the_table_exists():
    data = table()
    rows = [parse_instrument(line) for genre in data["genre"].values() for line in genre["play"]]
    rows += [parse_instrument(f"{track} {line}") for track, line in data["track"].items()]
    rows += [
        parse_instrument(f"{row['track']} {row.get('voice') or row['fallback']} {row.get('pattern') or row['usual']}")
        for row in data["instrument"].values()
        if ("voice" in row or "fallback" in row) and ("pattern" in row or "usual" in row)
    ]
    for who in rows:
        kind = who.track if who.track in ("drums", "percussion", "bass") else "chords"
        assert who.track in TRACKS
        assert who.track in PLAYERS
        assert who.voice in (drums.KITS if kind in ("drums", "percussion") else voices.VOICES)
        assert who.leads or who.pattern in (data["effects"]["rows"] if who.track == "fx" else data["rhythm"][kind])
    assert set(data["track"]) == set(PLAYERS)
    assert all(genre["harmony"] in data["harmony"] for genre in data["genre"].values())


def test_rhythms_fit_their_meter():
    for kind, rows in table()["rhythm"].items():
        for name, meters in rows.items() if kind != "fills" else ():
            for meter, lines in meters.items():
                for part, line in lines.items():
                    signs = len(line.replace(" ", ""))
                    assert signs in (int(meter), 2 * int(meter), 4 * int(meter)), (kind, name, meter, part)
                    assert kind not in ("drums", "percussion") or part in drums.PIECES
        assert kind == "fills" or set(rows["plain"]) == {"2", "3", "4", "6"}


@pytest.mark.parametrize("track", list(PLAYERS))
def test_a_single_track_always_has_an_instrument(track):
    for caption in ("", "metal", "ambient", "guitar solo"):
        alone = keep_track(style_from_caption(caption), track)
        assert [who.track for who in alone.instruments] == [track]
