"""The actions in a real Ardour under Xvfb: from a selection to placed audio, compared sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import parse_recipe
from tests.support.ardour_studio import BPM, CROSSFADE_MS, LATER_BPM, SONG_AT, ArdourStudio, ardour_studio, read

pytestmark = pytest.mark.host


@pytest.fixture(scope="module", params=[48_000, 44_100])
def studio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    folder = tmp_path_factory.mktemp("studio") / "스튜디오 'n' one"
    folder.mkdir()
    with ardour_studio(folder, request.param) as studio:
        yield studio


def test_a_range_is_repainted_and_undone(studio: ArdourStudio) -> None:
    rate = studio.ardour.rate_hz
    first, last = SONG_AT + 2 * rate + 7, SONG_AT + 4 * rate + 13
    before, playlists = studio.bounce(), studio.playlists()
    studio.select(first, last)
    studio.enter("repaint", style="bright piano")
    folder = studio.act("Repaint (no dialog)")

    after = studio.bounce()
    (output,) = studio.outputs(folder)
    result = read(output["file"])
    edge = CROSSFADE_MS * rate // 1000
    assert np.array_equal(after[: first - edge], before[: first - edge])
    assert np.array_equal(after[last + edge :], before[last + edge :])
    assert np.array_equal(after[first - edge : last + edge], result[first - edge - SONG_AT : last + edge - SONG_AT])
    assert (after[first:last] != before[first:last]).mean() > 0.99
    assert len(studio.playlists()) == len(playlists) + 1

    studio.undo()
    assert np.array_equal(studio.bounce(), before)
    studio.ardour.act("AceBridge: Previous playlist")
    assert studio.playlists()[0] == playlists[0]
    assert np.array_equal(studio.bounce(), before)


def test_stems_lie_where_the_song_is_and_sum_to_it(studio: ArdourStudio) -> None:
    rate, before = studio.ardour.rate_hz, studio.bounce()
    first, last = SONG_AT + rate + 3, SONG_AT + 3 * rate + 8
    tracks = studio.tracks()
    studio.select(first, last)
    studio.enter("extract", tracks="vocals, drums")
    folder = studio.act("Extract stems (no dialog)")
    added = studio.tracks()[1:-1]
    assert studio.tracks() == ["Song", *added, *tracks[1:]], "new tracks lie below the one that they come from"
    outputs = studio.outputs(folder)
    assert [output["role"] for output in outputs] == ["vocals", "drums", "other"]
    assert added == [output["name"] for output in outputs]
    stems = [studio.bounce(name) for name in added]
    for sound, output in zip(stems, outputs, strict=True):
        expected = np.zeros_like(sound)
        expected[first:last] = read(output["file"])
        assert np.array_equal(sound, expected)
    assert np.allclose(sum(stems)[first:last], before[first:last], atol=1e-5)
    assert np.array_equal(studio.bounce(), before)
    colours = studio.ardour.run(
        "".join(
            f'say(("%x"):format(Session:route_by_name("{name}"):presentation_info_ptr():color()))\n' for name in added
        )
    )
    for (colour,), output in zip(colours, outputs, strict=True):
        assert not output["colour"] or f"#{colour[:6]}" == output["colour"].lower()
    studio.undo()
    assert not any(studio.bounce(name).any() for name in added)


@pytest.mark.parametrize(
    ("action", "key", "values", "roles"),
    [
        ("Cover", "cover", {"style": "string quartet"}, 1),
        ("Add layer", "lego", {"tracks": "drums, bass"}, 2),
        ("Complete", "complete", {"tracks": "drums, bass"}, 2),
    ],
)
def test_new_music_lies_on_new_tracks(
    studio: ArdourStudio, action: str, key: str, values: dict[str, str], roles: int
) -> None:
    rate, before, tracks = studio.ardour.rate_hz, studio.bounce(), studio.tracks()
    first, last = SONG_AT + rate + 3, SONG_AT + 2 * rate + 8
    studio.select(first, last)
    studio.enter(key, **values)
    folder = studio.act(f"{action} (no dialog)")
    added = [name for name in studio.tracks() if name not in tracks]
    outputs = studio.outputs(folder)
    if roles > 1:
        outputs = [output for output in outputs if output["role"] != "mix"]
    assert len(added) == len(outputs) == roles
    sent = studio.request(folder)["parts"][0]
    assert sent["fields"]["music"]["bpm"] == pytest.approx(120)
    begin = round(sent["position_s"] * rate)
    for name, output in zip(added, outputs, strict=True):
        sound, result = studio.bounce(name), read(output["file"])
        expected = np.zeros_like(sound)
        start = begin + output["start_frame"]
        expected[start : start + len(result)] = result
        assert np.array_equal(sound, expected)
        assert sound[first:last].any()
    assert np.array_equal(studio.bounce(), before)


def test_a_cover_may_change_the_words_and_keep_the_arrangement(studio: ArdourStudio) -> None:
    rate = studio.ardour.rate_hz
    studio.select(SONG_AT + rate, SONG_AT + 2 * rate)
    words = {"style": "jazz trio", "lyrics": "one / two", "source_style": "folk", "source_lyrics": "three / four"}
    recipes = []
    for morph, dcw in (("words", "double"), ("off", "auto")):
        studio.set(dcw=dcw)
        studio.enter("cover", **words, morph=morph)
        (output,) = studio.outputs(studio.act("Cover (no dialog)"))
        recipes.append(parse_recipe(describe_file(output["file"])[1], "take.wav"))  # type: ignore[arg-type]
        studio.set()
    morphed, plain = recipes
    assert morphed.fields["morph"] == {"mode": "words", "caption": "folk", "lyrics": "three\nfour"}
    assert morphed.fields["music"]["lyrics"] == plain.fields["music"]["lyrics"] == "one\ntwo"
    assert morphed.fields["sampling"]["dcw"] == "double"
    assert "morph" not in plain.fields
    assert "sampling" not in plain.fields


def test_music_is_made_in_the_range(studio: ArdourStudio) -> None:
    rate, tracks = studio.ardour.rate_hz, studio.tracks()
    first, last = studio.end + 101, studio.end + 101 + 2 * rate
    studio.select(first, last)
    studio.enter("generate", style="slow piano", takes=2)
    folder = studio.act("Generate here (no dialog)")
    (name,) = [name for name in studio.tracks() if name not in tracks]
    takes = []
    for output in studio.outputs(folder):
        sound, result = studio.bounce(name, last + rate), read(output["file"])
        assert np.array_equal(sound[first:last], result)
        assert not sound[:first].any()
        assert not sound[last:].any()
        takes.append(sound)
        studio.select(first, last, name)
        studio.ardour.act("AceBridge: Next playlist")
    assert (takes[0] != takes[1]).any()


def test_a_song_is_composed_from_a_sentence(studio: ArdourStudio) -> None:
    rate, tracks = studio.ardour.rate_hz, studio.tracks()
    first, last = studio.end + 55, studio.end + 55 + 3 * rate
    studio.select(first, last)
    studio.enter("compose", description="a sad waltz with strings", instrumental="yes")
    folder = studio.act("Compose from a description (no dialog)")
    (name,) = [name for name in studio.tracks() if name not in tracks]
    sound = studio.bounce(name, last + rate)
    (output,) = studio.outputs(folder)
    assert np.array_equal(sound[first:last], read(output["file"]))
    assert sound[first:last].any()
    assert not sound[:first].any()
    assert not sound[last:].any()


def move_music(studio: ArdourStudio, by: int) -> None:
    """Move all regions of the song's track."""
    studio.ardour.run(f"""
    for region in Session:route_by_name("Song"):to_track():playlist():region_list():iter() do
      region:set_position(Temporal.timepos_t(region:position():samples() + {by}))
    end
    """)


@pytest.mark.parametrize(("action", "key", "bpm"), [("Extend", "extend", LATER_BPM), ("Prepend", "prepend", BPM)])
def test_music_grows(studio: ArdourStudio, action: str, key: str, bpm: int) -> None:
    rate = studio.ardour.rate_hz
    by, bar = 4 * rate, round(4 * 60 / bpm * rate)
    at, end = SONG_AT + by, studio.end + by
    move_music(studio, by)
    before = studio.bounce(last=end + 3 * rate)
    studio.select(at, at + rate)
    studio.enter(key, bars=1)
    (output,) = studio.outputs(studio.act(f"{action} (no dialog)"))
    after, result, margin = studio.bounce(last=end + 3 * rate), read(output["file"]), rate // 10
    assert len(result) == end - at + bar
    if key == "extend":
        assert np.array_equal(after[: end - margin], before[: end - margin])
        assert np.array_equal(after[at : end + bar], result)
        assert not after[end + bar :].any()
        assert after[end : end + bar].any()
    else:
        assert np.array_equal(after[at + margin :], before[at + margin :])
        assert np.array_equal(after[at - bar : end], result)
        assert not after[: at - bar].any()
    studio.undo()
    assert np.array_equal(studio.bounce(last=end + 3 * rate), before)
    move_music(studio, -by)


def test_analysis_sets_tempo_and_markers(studio: ArdourStudio) -> None:
    studio.select(SONG_AT, studio.end)
    studio.enter("analyse", tempo="yes", markers="yes")
    folder = studio.act("Analyse (no dialog)")
    facts = studio.result(folder)["parts"][0]["takes"][0]["metadata"]
    assert "Heard: " in studio.messages_since(folder)
    marks = [
        (name, int(at))
        for name, at in studio.ardour.run("""
    for mark in Session:locations():list():iter() do
      if mark:is_mark() and not mark:is_session_range() then say(mark:name(), mark:start():samples()) end
    end
    """)
    ]
    expected = [(chord["name"], SONG_AT + round(chord["start_s"] * studio.ardour.rate_hz)) for chord in facts["chords"]]
    assert [name for name, _ in marks] == [name for name, _ in expected]
    assert all(abs(a - b) <= 1 for (_, a), (_, b) in zip(marks, expected, strict=True))
