"""Song from ranges in a real Ardour: range markers become sections of a song on a new track, cut at their borders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from tests.support import schemas
from tests.support.ardour_studio import BPM, LATER_BPM, ArdourStudio, ardour_studio, read

pytestmark = pytest.mark.host

RATE_HZ = 48_000
ACTION = "Song from ranges (no dialog)"
#: Where the song begins, on no round number, and its ranges as name and length in samples: whole and broken bars.
AT = 3 * RATE_HZ + 77
RANGES = (("Verse: soft piano | Am F", 2 * RATE_HZ + 1), ("Chorus", RATE_HZ), ("Chorus 2 = Verse 50%", RATE_HZ + 3))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    with ardour_studio(tmp_path_factory.mktemp("studio"), RATE_HZ) as studio:
        yield studio


@pytest.fixture(autouse=True)
def no_ranges(studio: ArdourStudio) -> None:
    studio.ardour.run("""
    local old = {}
    for place in Session:locations():list():iter() do
      if place:is_range_marker() or place:is_mark() and not place:is_session_range() then old[#old + 1] = place end
    end
    for _, place in ipairs(old) do Session:locations():remove(place) end
    """)


def lay_ranges(studio: ArdourStudio, ranges: tuple[tuple[str, int], ...] = RANGES, at: int = AT) -> list[int]:
    """Make range markers in a row, in no order of time; return their borders."""
    borders = [at]
    for _, frames in ranges:
        borders.append(borders[-1] + frames)
    lines = [
        f'Session:locations():add_range(Temporal.timepos_t({first}), Temporal.timepos_t({last})):set_name("{name}")'
        for (name, _), (first, last) in zip(ranges, pairwise(borders), strict=True)
    ]
    studio.ardour.run("\n".join(reversed(lines)))
    return borders


def markers(studio: ArdourStudio) -> list[tuple[str, int]]:
    rows = studio.ardour.run("""
    for mark in Session:locations():list():iter() do
      if mark:is_mark() and not mark:is_session_range() then say(mark:name(), mark:start():samples()) end
    end
    """)
    return [(name, int(at)) for name, at in rows]


def ranges(studio: ArdourStudio) -> list[list[str]]:
    """Return where the range markers begin and end."""
    return studio.ardour.run("""
    for place in Session:locations():list():iter() do
      if place:is_range_marker() then say(place:start():samples(), place:_end():samples()) end
    end
    """)


def assert_refused(studio: ArdourStudio, sentence: str) -> None:
    """Run the action, which says this and makes no job."""
    said, jobs = studio.messages, studio.jobs
    studio.ardour.act(f"AceBridge: {ACTION}")
    studio.wait_for_sentence(sentence, said)
    assert studio.jobs == jobs


def test_ranges_become_a_song_on_a_new_track_with_takes_as_playlists(studio: ArdourStudio) -> None:
    borders, tracks, before = lay_ranges(studio), studio.tracks(), studio.bounce()
    studio.select(AT, borders[-1])
    studio.enter("song", style="folk", takes=2, seed=5, markers="yes")
    folder = studio.act(ACTION)
    request, result = studio.request(folder), studio.result(folder)
    schemas.check("request", request)
    song = request["song"]
    assert (song["caption"], song["takes"], song["sample_rate"], song["position_s"]) == (
        "folk",
        2,
        RATE_HZ,
        AT / RATE_HZ,
    )
    rows = [
        (row["name"], row.get("like"), row.get("like_strength"), row.get("chords"), row["bpm"])
        for row in song["sections"]
    ]
    assert rows == [
        ("Verse", None, None, "Am F", BPM), ("Chorus", None, None, None, BPM), ("Chorus 2", "Verse", 0.5, "Am F", BPM),
    ]  # fmt: skip
    (name,) = [name for name in studio.tracks() if name not in tracks]
    last = borders[-1] + RATE_HZ
    sound = studio.bounce(name, last)
    (whole,) = result["parts"][-1]["takes"][0]["outputs"]
    assert np.array_equal(sound[AT : borders[-1]], read(whole["file"]))
    assert not sound[:AT].any()
    assert not sound[borders[-1] :].any()
    regions = studio.ardour.run(f"""
    for region in Session:route_by_name("{name}"):to_track():playlist():region_list():iter() do
      say(region:name(), region:position():samples(), region:length():samples())
    end
    """)
    assert sorted((int(at), int(length)) for _, at, length in regions) == [
        (first, end - first) for first, end in pairwise(borders)
    ]
    assert markers(studio) == [(row[0], at) for row, at in zip(rows, borders, strict=False)]

    studio.select(AT, borders[-1], name)
    studio.ardour.act("AceBridge: Next playlist")
    sound = studio.bounce(name, last)
    for number, (first, end) in enumerate(pairwise(borders)):
        (output,) = result["parts"][number]["takes"][1]["outputs"]
        begin = first - AT - output["start_frame"]
        assert np.array_equal(sound[first:end], read(output["file"])[begin : begin + end - first])
    studio.undo()
    assert not studio.bounce(name, last).any(), "one step takes back all regions"
    assert np.array_equal(studio.bounce(), before)


def test_a_song_goes_along_with_its_ranges(studio: ArdourStudio) -> None:
    borders, tracks, by = lay_ranges(studio), studio.tracks(), 4_410
    studio.select(AT, borders[-1])
    studio.enter("song", markers="no", seed=6)
    jobs = set(studio.jobs)
    # In one step of Ardour's own thread, so that the hook sees the ranges only when they have moved.
    studio.ardour.run(f"""
    ardour = function() end
    loadfile("{studio.ardour.config / "scripts" / "acebridge_song_no_dialog.lua"}")()
    factory()()
    local found = {{}}
    for place in Session:locations():list():iter() do
      if place:is_range_marker() then found[#found + 1] = place end
    end
    for _, place in ipairs(found) do
      place:set(Temporal.timepos_t(place:start():samples() + {by}), Temporal.timepos_t(place:_end():samples() + {by}))
    end
    """)
    assert sorted(ranges(studio)) == [[str(first + by), str(end + by)] for first, end in pairwise(borders)]
    (folder,) = set(studio.jobs) - jobs
    studio.wait(folder)
    (name,) = [name for name in studio.tracks() if name not in tracks]
    (whole,) = studio.result(folder)["parts"][-1]["takes"][0]["outputs"]
    sound = studio.bounce(name, borders[-1] + RATE_HZ)
    assert studio.request(folder)["song"]["position_s"] == AT / RATE_HZ
    assert np.array_equal(sound[AT + by : borders[-1] + by], read(whole["file"])), ranges(studio)
    assert markers(studio) == []


@pytest.mark.parametrize(
    ("ranges", "says"),
    [
        ((), "The selection touches no range marker."),
        (
            (("Verse = Chorus", RATE_HZ), ("Chorus", RATE_HZ)),
            '"Verse" is to be like "Chorus", and no section before it has that name.',
        ),
    ],
)
def test_what_is_no_song_is_said(studio: ArdourStudio, ranges: tuple[tuple[str, int], ...], says: str) -> None:
    lay_ranges(studio, ranges)
    studio.select(AT, AT + RATE_HZ)
    assert_refused(studio, says)


def test_gaps_and_changes_of_tempo_are_refused(studio: ArdourStudio) -> None:
    lay_ranges(studio, (("Verse", RATE_HZ),))
    lay_ranges(studio, (("Chorus", RATE_HZ),), AT + RATE_HZ + 480)
    studio.select(AT, AT + 3 * RATE_HZ)
    assert_refused(studio, "there is a gap between them")
    change = studio.end + RATE_HZ
    assert BPM != LATER_BPM
    lay_ranges(studio, (("Bridge", 2 * RATE_HZ),), change - RATE_HZ)
    studio.select(change - RATE_HZ // 4, change + RATE_HZ // 4)
    assert_refused(studio, 'The tempo changes inside of "Bridge".')
