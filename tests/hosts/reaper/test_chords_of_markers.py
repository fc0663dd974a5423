"""Chords that markers and regions name: they are those of the request, counted in the project's bars."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.read import read_chords
from acestep_runtime.chords.symbols import QUALITIES, ChordName
from tests.support import schemas
from tests.support.fake_reaper.calls_time import Marker
from tests.support.lua_modules import Leaves
from tests.support.reaper_scene import Scene


# The project is in 4/4 at 120 beats per minute: bars are 2 s long. The scene's item lies from 10 to 14 s.
def lay(scene: Scene, *rows: tuple[float, str] | tuple[float, float, str]) -> None:
    """Lay markers (time, name) and regions (start, end, name)."""
    markers = []
    for number, row in enumerate(rows, 1):
        name = row[-1]
        end = row[1] if len(row) == 3 else 0.0
        markers.append(Marker(number, len(row) == 3, float(row[0]), float(end), str(name), 0))
    scene.project.markers = markers
    scene.project.settle()


def select(scene: Scene, start: float, stop: float) -> None:
    scene.project.time_selection = (start, stop)
    scene.project.settle()


def music(scene: Scene, action: str, **form: str) -> dict[str, Any]:
    request = scene.request(scene.send(action, **form))
    schemas.check("request", request)
    found: dict[str, Any] = request["parts"][-1]["fields"]["music"]
    return found


def test_markers_and_regions_are_the_chords_of_new_music(scene: Scene) -> None:
    lay(scene, (20.0, "Am7"), (22.0, 24.0, "F/C"), (25.0, "G"), (23.0, "Chorus"), (26.0, "C"), (90.0, "E"))
    select(scene, 20.0, 28.0)
    sent = music(scene, "Generate here", Style="folk")
    assert sent["chords"] == "| Am7 | F/C | F/C . G . | C |"
    assert (sent["bpm"], sent["timesignature"]) == (120, 4)
    assert str(read_chords(sent["chords"])) == sent["chords"]


def test_bars_of_a_repaint_are_those_of_the_project(scene: Scene) -> None:
    lay(scene, (10.0, "Dm"), (12.0, "G7"))
    select(scene, 10.9, 13.5)
    assert music(scene, "Repaint time selection")["chords"] == "| G7 | % |"  # only G7 lies inside


def test_the_first_chord_holds_from_the_first_bar_on(scene: Scene) -> None:
    lay(scene, (11.0, "Dm"), (12.0, "G7"))
    select(scene, 10.9, 13.5)
    assert music(scene, "Repaint time selection")["chords"] == "| Dm | G7 |"


def test_a_selection_just_before_a_bar_begins_with_that_bar(scene: Scene) -> None:
    lay(scene, (12.0, "G7"), (13.0, "C"))
    select(scene, 11.6, 13.9)
    assert music(scene, "Add layer", Tracks="bass")["chords"] == "| G7 . C . |"


@pytest.mark.parametrize("action", ["Cover", "Complete", "Add layer", "Repaint time selection"])
def test_each_action_on_audio_sends_them(scene: Scene, action: str) -> None:
    lay(scene, (10.5, 14.0, "Em"))
    select(scene, 10.1, 13.9)
    assert music(scene, action)["chords"] == "| Em | % |"


def test_names_that_are_no_chords_say_nothing(scene: Scene) -> None:
    lay(scene, (10.5, 14.0, "Bridge"), (11.0, "Take 2"), (12.0, "Easy"))
    select(scene, 10.1, 13.9)
    assert "chords" not in music(scene, "Repaint time selection")


@pytest.mark.parametrize("names", [("A", "B", "C"), ("A", "A2"), ("B",), ("A", "Verse 2")])
def test_letters_of_sections_are_no_chords(scene: Scene, names: tuple[str, ...]) -> None:
    lay(scene, *((10.5 + n, 11.5 + n, name) for n, name in enumerate(names)))
    select(scene, 10.1, 13.9)
    assert "chords" not in music(scene, "Repaint time selection")
    letters = ", ".join(name for name in names if " " not in name)
    assert f"{letters}: read as sections, not chords" in scene.r.dialogs[0][0]


def test_letters_are_chords_beside_what_is_nothing_else(scene: Scene) -> None:
    lay(scene, (10.0, 12.0, "A"), (12.0, "F#m"))
    select(scene, 10.1, 13.9)
    assert music(scene, "Repaint time selection")["chords"] == "| A | F#m |"
    assert "(2 chords of markers and regions)" in scene.r.dialogs[0][0]


def test_a_dialog_without_chords_nearby_says_nothing_of_them(scene: Scene) -> None:
    lay(scene, (90.0, "Am"), (91.0, "B"))
    select(scene, 10.1, 13.9)
    music(scene, "Repaint time selection")
    assert "chord" not in scene.r.dialogs[0][0]


@given(st.lists(st.sampled_from(["A", "B", "C2", " H ", "Am", "N.C.", "F/C"]), max_size=6))
def test_all_names_are_chords_or_none_is(names: list[str]) -> None:
    leaves = Leaves()
    rows = leaves.lua.table_from([leaves.lua.table_from({b"name": name.encode()}) for name in names])
    found, letters = leaves["shared/chord_names"].sort_out(rows)
    is_chart = any(name in ("Am", "N.C.", "F/C") for name in names)
    assert len(found) == (len(names) if is_chart else 0)
    assert [name.decode() for name in letters.values()] == (
        [] if is_chart else list(dict.fromkeys(map(str.strip, names)))
    )


def test_they_can_be_left_out(scene: Scene) -> None:
    lay(scene, (10.5, 14.0, "Em"))
    select(scene, 10.1, 13.9)
    form = {"Chords of markers and regions": "no"}
    assert "chords" not in music(scene, "Repaint time selection", **form)


def test_in_three_four_a_bar_has_three_beats(scene: Scene) -> None:
    scene.project.tempo(0, 120, 3, 4)
    lay(scene, (18.0, "C"), (19.5, "F"), (20.5, "G7"))
    select(scene, 18.0, 21.0)
    sent = music(scene, "Generate here")
    assert (sent["chords"], sent["timesignature"]) == ("| C | F . G7 |", 3)


def test_the_lua_scripts_know_every_chord_that_is_printed() -> None:
    is_chord = Leaves()["shared/chord_names"].is_chord
    for quality in QUALITIES:
        for bass in (None, 1):
            name = str(ChordName(6, quality, bass))
            assert is_chord(name.encode()), name
    for name in ("C♯m7", "B♭Δ", "Fø", "G7(b9)", "A-7", "C6/9", "N.C.", " Am ", "Hm"):
        assert is_chord(name.encode()), name


WORDS = "Verse Chorus Bridge Solo Intro Drop Break Take Build End Fade Cue Add Gm? A1 Fine Hook Bass Dub"


@given(st.sampled_from(WORDS.split()))
def test_words_are_no_chords(word: str) -> None:
    assert not Leaves()["shared/chord_names"].is_chord(word.encode())


def test_a_bit_of_a_bar_at_the_end_gets_no_bar_of_chords() -> None:
    count_bars = Leaves()["shared/chord_names"].count_bars
    assert [count_bars(bars) for bars in (0.0, 0.01, 1.0, 1.01, 1.1, 4.02, 4.03, 1e6)] == [1, 1, 1, 1, 2, 4, 5, 256]
