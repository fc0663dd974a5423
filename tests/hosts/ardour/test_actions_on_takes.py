"""Actions on what is there already, in a real Ardour: a take is varied, two regions are joined, playlists are scored."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import Recipe, parse_recipe
from tests.support.ardour_studio import CROSSFADE_MS, SECOND_TRACK, SONG_AT, ArdourStudio, ardour_studio, read
from tests.support.signals import Samples

pytestmark = pytest.mark.host

RATE_HZ = 44_100
EDGE = CROSSFADE_MS * RATE_HZ // 1000
FIRST, LAST = SONG_AT + 2 * RATE_HZ + 7, SONG_AT + 4 * RATE_HZ + 13
#: How far takes are varied: of the ten choices in the stretch each is another one with this probability, so it is certain that
#: one is. At a half no choice is in one of a thousand takes, and the take sounds as before.
AMOUNT = 0.95


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    folder = tmp_path_factory.mktemp("studio") / "Studio 'ü'"
    folder.mkdir()
    with ardour_studio(folder, RATE_HZ) as studio:
        yield studio


@pytest.fixture
def studio(running: ArdourStudio) -> ArdourStudio:
    """The studio with the song alone on its track."""
    running.ardour.run("""
    for route in Session:get_tracks():iter() do
      local track = route:to_track()
      for playlist in Session:playlists():playlists_for_track(track):iter() do
        if playlist:name() == route:name() then track:use_playlist(ARDOUR.DataType("audio"), playlist, false) end
      end
    end
    """)
    return running


def step_back_to(studio: ArdourStudio, sound: Samples, track: str = "Song") -> None:
    """Step through the playlists of the selected track until it plays something."""
    for _ in studio.playlists(track):
        studio.ardour.act("AceBridge: Previous playlist")
        if np.array_equal(studio.bounce(track), sound):
            return
    raise AssertionError("no playlist is as it was")


def recipe_of(output: dict[str, str]) -> Recipe:
    return parse_recipe(describe_file(output["file"])[1], "take.wav")  # type: ignore[arg-type]


def repaint(studio: ArdourStudio, **values: object) -> dict[str, str]:
    """Repaint the stretch; return its output."""
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="bright piano", **values)
    (output,) = studio.outputs(studio.act("Repaint (no dialog)"))
    return output


def test_a_repaint_is_varied_in_its_region_alone(studio: ArdourStudio) -> None:
    before = studio.bounce()
    made = repaint(studio, seed=7)
    with_made, playlists = studio.bounce(), studio.playlists()
    studio.enter("vary", amount=AMOUNT, takes=2)
    folder = studio.act("Vary (no dialog)")
    outputs = studio.outputs(folder)
    steps = [recipe_of(output).take_seed for output in outputs]
    first_step = recipe_of(made).take_seed
    assert [(step.seed, step.variations[0].amount) for step in steps] == [(first_step.seed, AMOUNT)] * 2
    assert steps[0].variations[0].seed != steps[1].variations[0].seed
    assert len(studio.playlists()) == len(playlists) + 2
    first, last = FIRST - EDGE, LAST + EDGE
    for output in outputs:
        after, result = studio.bounce(), read(output["file"])
        assert np.array_equal(after[:first], before[:first])
        assert np.array_equal(after[last:], before[last:])
        assert np.array_equal(after[first:last], result[first - SONG_AT : last - SONG_AT])
        assert not np.array_equal(after[FIRST:LAST], with_made[FIRST:LAST])
        studio.ardour.act("AceBridge: Previous playlist")
    assert len({output["file"] for output in outputs}) == 2
    studio.undo()
    step_back_to(studio, with_made)


def test_a_variation_goes_where_its_region_is_now_and_is_as_loud(studio: ArdourStudio) -> None:
    repaint(studio)
    by = 12_345
    studio.ardour.run(f"""
    for region in Session:route_by_name("Song"):to_track():playlist():region_list():iter() do
      region:set_position(Temporal.timepos_t(region:position():samples() + {by}))
      if region:layer() > 0 then region:to_audioregion():set_scale_amplitude(0.5) end
    end
    """)
    before = studio.bounce()
    studio.select(FIRST + by, LAST + by)
    studio.enter("vary", amount=AMOUNT)
    (output,) = studio.outputs(studio.act("Vary (no dialog)"))
    after, result = studio.bounce(), read(output["file"])
    first, last = FIRST + by, LAST + by
    assert np.array_equal(after[first:last], 0.5 * result[FIRST - SONG_AT : LAST - SONG_AT])
    changed = np.flatnonzero(np.any(after != before, axis=1))
    assert first - EDGE <= changed[0] <= changed[-1] < last + EDGE
    studio.undo()
    assert np.array_equal(studio.bounce(), before)
    studio.ardour.run(f"""
    for playlist in Session:playlists():playlists_for_track(Session:route_by_name("Song"):to_track()):iter() do
      if playlist:name() == "Song" then
        for region in playlist:region_list():iter() do assert(region:position():samples() == {SONG_AT}) end
      end
    end
    """)


def test_new_music_is_varied_as_a_whole(studio: ArdourStudio) -> None:
    tracks = studio.tracks()
    first, last = studio.end + 101, studio.end + 101 + 2 * RATE_HZ
    studio.select(first, last)
    studio.enter("generate", style="jazz", seed=11)
    (made,) = studio.outputs(studio.act("Generate here (no dialog)"))
    (name,) = [name for name in studio.tracks() if name not in tracks]
    studio.select(first + RATE_HZ // 2, first + RATE_HZ, name)
    studio.enter("vary")
    (output,) = studio.outputs(studio.act("Vary (no dialog)"))
    sound, result = studio.bounce(name, last + RATE_HZ), read(output["file"])
    assert recipe_of(output).take_seed.seed == recipe_of(made).take_seed.seed
    assert recipe_of(output).take_seed.variations[0].amount == 0.3
    assert np.array_equal(sound[first:last], result)
    assert not sound[:first].any()
    assert not sound[last:].any()
    assert not np.array_equal(result, read(made["file"]))


def lay_two(studio: ArdourStudio, gap: int) -> tuple[int, int]:
    """Have the second track play two pieces of the song, ``gap`` frames between them; return where the join is."""
    studio.ardour.run(f"""
    local playlist = Session:route_by_name("{SECOND_TRACK}"):to_track():playlist()
    for region in playlist:region_list():iter() do playlist:remove_region(region) end
    local at = Temporal.timepos_t
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      if region:whole_file() and region:name():find("song", 1, true) then
        for _, piece in ipairs({{ {{ {SONG_AT}, 0 }}, {{ {SONG_AT + 3 * RATE_HZ + gap}, {5 * RATE_HZ} }} }}) do
          local copy = ARDOUR.RegionFactory.clone_region(region, true, false)
          copy:set_position(at(0))
          if piece[2] > 0 then copy:trim_front(at(piece[2])) end
          copy:trim_end(at(piece[2] + {3 * RATE_HZ}))
          playlist:add_region(copy, at(piece[1]), 1, false)
        end
        break
      end
    end
    """)
    return SONG_AT + 3 * RATE_HZ, SONG_AT + 3 * RATE_HZ + gap


@pytest.mark.parametrize("gap", [0, 22_050, -4_410], ids=["touching", "apart", "overlapping"])
def test_the_join_of_two_regions_is_smoothed(studio: ArdourStudio, gap: int) -> None:
    stop, start = lay_two(studio, gap)
    before, playlists = studio.bounce(SECOND_TRACK), studio.playlists(SECOND_TRACK)
    studio.select(stop - RATE_HZ, start + RATE_HZ, SECOND_TRACK)
    studio.enter("join", around=0.5, style="piano")
    folder = studio.act("Smooth join (no dialog)")
    (output,) = studio.outputs(folder)
    first, last = min(stop, start) - RATE_HZ // 2, max(stop, start) + RATE_HZ // 2
    after, result = studio.bounce(SECOND_TRACK), read(output["file"])
    begin = round(studio.request(folder)["parts"][0]["position_s"] * RATE_HZ)
    assert np.array_equal(after[: first - EDGE], before[: first - EDGE])
    assert np.array_equal(after[last + EDGE :], before[last + EDGE :])
    assert np.array_equal(after[first - EDGE : last + EDGE], result[first - EDGE - begin : last + EDGE - begin])
    assert (after[first:last] != before[first:last]).mean() > 0.99
    if gap > 0:
        assert not before[stop:start].any()
        assert after[stop:start].any()
    assert len(studio.playlists(SECOND_TRACK)) == len(playlists) + 1
    studio.undo()
    assert np.array_equal(studio.bounce(SECOND_TRACK), before)
    step_back_to(studio, before, SECOND_TRACK)


def test_selected_regions_are_meant_whatever_the_range_holds(studio: ArdourStudio) -> None:
    stop, start = lay_two(studio, 100)
    later = start + 4 * RATE_HZ
    studio.ardour.run(f"""
    local playlist = Session:route_by_name("{SECOND_TRACK}"):to_track():playlist()
    local region = playlist:top_region_at(Temporal.timepos_t({SONG_AT}))
    playlist:add_region(ARDOUR.RegionFactory.clone_region(region, true, false), Temporal.timepos_t({later}), 1, false)
    """)
    before = studio.bounce(SECOND_TRACK, later + 4 * RATE_HZ)
    studio.select(SONG_AT, later + RATE_HZ, SECOND_TRACK)
    said = studio.messages
    studio.ardour.act("AceBridge: Smooth join (no dialog)")
    studio.wait_for_sentence("on one track are needed; 3 are selected.", said)
    studio.select_regions(SONG_AT, start, track=SECOND_TRACK)
    studio.enter("join", around=0.25)
    # The loop of an earlier selection would go before selected regions.
    studio.ardour.run("Session:locations():remove(Session:locations():auto_loop_location())")
    studio.act("Smooth join (no dialog)")
    after = studio.bounce(SECOND_TRACK, later + 4 * RATE_HZ)
    changed = np.flatnonzero(np.any(after != before, axis=1))
    assert stop - RATE_HZ // 4 - EDGE <= changed[0] < stop <= start <= changed[-1] < start + RATE_HZ // 4 + EDGE


def test_the_best_playlist_plays(studio: ArdourStudio) -> None:
    studio.select(FIRST, LAST)
    studio.enter("repaint", style="bright piano", takes=2)
    studio.act("Repaint (no dialog)")
    playlists, sounds = studio.playlists(), {}
    for _ in playlists:
        sounds[studio.playlists()[0]] = studio.bounce()
        studio.ardour.act("AceBridge: Next playlist")
    studio.enter("score", style="bright piano")
    folder = studio.begin("Score takes (no dialog)")
    studio.wait(folder)
    parts = studio.result(folder)["parts"]
    assert {part["label"] for part in parts} == {*playlists}
    for number, part in enumerate(parts, 1):
        sent = read(folder / f"source-{number}.wav")
        assert np.array_equal(sent, sounds[part["label"]][FIRST:LAST]), part["label"]
    scores = {part["label"]: part["takes"][0]["metadata"]["score"]["quality"] for part in parts}
    assert scores[studio.playlists()[0]] == max(scores.values())
    said = studio.messages_since(folder)
    for name, score in scores.items():
        assert f"{name}: quality {score:.2f}" in said


@pytest.mark.parametrize(
    ("track", "action", "sentence"),
    [
        ("Song", "Vary (no dialog)", "No region of the selection holds a recipe of AceBridge."),
        (SECOND_TRACK, "Vary (no dialog)", "There is no region in the selection."),
        ("Song", "Smooth join (no dialog)", "Two regions on one track are needed; 1 are selected."),
        (SECOND_TRACK, "Score takes (no dialog)", "No playlist of the track has audio in the selection."),
    ],
)
def test_what_cannot_be_done_is_said(studio: ArdourStudio, track: str, action: str, sentence: str) -> None:
    first = studio.end + 10 * RATE_HZ if track == SECOND_TRACK else FIRST
    studio.select(first, first + RATE_HZ, track)
    said, jobs = studio.messages, studio.jobs
    studio.ardour.act(f"AceBridge: {action}")
    studio.wait_for_sentence(sentence, said)
    assert studio.jobs == jobs
