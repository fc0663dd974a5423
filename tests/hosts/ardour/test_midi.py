"""MIDI in a real Ardour: To MIDI lays notes beside the audio, in time with it; Generate here follows selected MIDI regions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from acestep_runtime.midi.read import read_midi
from tests.hosts.ardour.test_actions_meanwhile import pause
from tests.support import schemas
from tests.support.ardour_studio import LATER_BPM, SONG_AT, ArdourStudio, ardour_studio, read
from tests.support.daemon import until
from tests.support.midi_files import file_of, name, strike

pytestmark = pytest.mark.host

RATE_HZ = 48_000
#: Ticks of a quarter in Ardour, and the quarters at which the tempo changes inside of the song, to what.
ARDOUR_TICKS = 1920
CHANGES = {6: 97.3, 11: 143.7}
#: A tick where it lasts longest, in samples.
TICK = 60 / LATER_BPM / ARDOUR_TICKS * RATE_HZ

#: Says where notes lie: those of each MIDI region on the tracks, as Ardour counts.
_NOTES = """
local map = Temporal.TempoMap.read()
for route in Session:get_tracks():iter() do
  for region in route:to_track():playlist():region_list():iter() do
    local midi = region:to_midiregion()
    if not midi:isnil() then
      local origin = map:quarters_at(region:position()) - map:quarters_at(region:start())
      for note in ARDOUR.LuaAPI.note_list(midi:midi_source(0):model()):iter() do
        local from, to = origin + note:time(), origin + note:time() + note:length()
        say(route:name(), map:sample_at_beats(from), map:sample_at_beats(to), note:note(), note:velocity(), note:channel())
      end
    end
  end
end
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    with ardour_studio(tmp_path_factory.mktemp("midi"), RATE_HZ) as studio:
        steps = "".join(
            f"map:set_tempo(Temporal.Tempo({bpm}, {bpm}, 4), Temporal.timepos_t.from_ticks({quarter * ARDOUR_TICKS}))\n"
            for quarter, bpm in CHANGES.items()
        )
        studio.ardour.run(f"""
        local map = Temporal.TempoMap.fetch_writable()
        {steps}
        Temporal.TempoMap.update(map)
        """)
        yield studio


def notes(studio: ArdourStudio) -> list[tuple[str, list[int]]]:
    return [(row[0], [int(float(value)) for value in row[1:]]) for row in studio.ardour.run(_NOTES)]


def parts_with_notes(studio: ArdourStudio, folder: Path) -> list[dict[str, Any]]:
    """Return the parts of a result that have notes."""
    facts = studio.result(folder)["parts"][0]["takes"][0]["metadata"]
    return [part for part in facts["midi_parts"] if part.get("notes")]


def assert_in_time(studio: ArdourStudio, parts: list[dict[str, Any]], first: int) -> None:
    """Check that the session holds these notes and no others, each within a tick, for audio that begins at a sample."""
    found = notes(studio)
    assert len(found) == sum(len(part["notes"]) for part in parts)
    for part in parts:
        track = ("Notes" if part["name"] == "other" else part["name"].replace("_", " ").capitalize()) + " MIDI"
        own = sorted(values for name, values in found if name == track)
        wanted = sorted(
            (
                first + note["start_s"] * RATE_HZ,
                first + note["end_s"] * RATE_HZ,
                note["pitch"],
                note["velocity"],
                9 if part["is_drums"] else 0,
            )
            for note in part["notes"]
        )
        assert sorted(row[2:] for row in own) == sorted(list(row[2:]) for row in wanted)
        for column in (0, 1):
            assert sorted(row[column] for row in own) == pytest.approx(sorted(row[column] for row in wanted), abs=TICK)


def test_notes_lie_on_new_tracks_in_time_with_the_audio(studio: ArdourStudio) -> None:
    before, tracks = studio.bounce(), studio.tracks()
    studio.select_regions(SONG_AT)
    studio.enter("to_midi", contents="one instrument")
    folder = studio.act("To MIDI (no dialog)")
    schemas.check("request", studio.request(folder))
    (part,) = studio.request(folder)["parts"]
    assert (part["task"], part["fields"]) == ("transcribe", {"contents": "part"})
    assert part["position_s"] == pytest.approx(SONG_AT / RATE_HZ)
    parts = parts_with_notes(studio, folder)
    assert len([note for each in parts for note in each["notes"]]) > 8
    assert max(note["end_s"] for each in parts for note in each["notes"]) > 7, "they reach beyond both changes of tempo"
    assert_in_time(studio, parts, SONG_AT)
    assert len(studio.tracks()) == len(tracks) + len(parts)
    assert f"on {'a new track' if len(parts) == 1 else f'{len(parts)} tracks'}" in studio.messages_since(folder)
    spans = studio.ardour.run("""
    for route in Session:get_tracks():iter() do
      for region in route:to_track():playlist():region_list():iter() do
        if not region:to_midiregion():isnil() then
          say(region:position():samples(), (region:position() + region:length()):samples())
        end
      end
    end
    """)
    for first, last in spans:
        assert int(first) == pytest.approx(SONG_AT, abs=TICK)
        assert int(last) == pytest.approx(studio.end, abs=TICK)
    assert np.array_equal(studio.bounce(), before), "the audio stays as it was"
    studio.undo()
    assert notes(studio) == [], "one step takes back all regions"


def test_notes_go_where_the_music_was_moved(studio: ArdourStudio) -> None:
    by = 30_011
    move = """
    for region in Session:route_by_name("Song"):to_track():playlist():region_list():iter() do
      region:set_position(Temporal.timepos_t({}))
    end
    """
    studio.select_regions(SONG_AT)
    studio.enter("to_midi", instruments="bass", contents="one instrument", voices="one")
    with pause(studio):
        folder = studio.begin("To MIDI (no dialog)")
        until(lambda: (folder / "request.json").exists(), "the audio was read")
        studio.ardour.run(move.format(SONG_AT + by))
    studio.wait(folder)
    (part,) = studio.request(folder)["parts"]
    assert part["fields"] == {"tracks": ["bass"], "contents": "part", "voices": "mono"}
    assert_in_time(studio, parts_with_notes(studio, folder), SONG_AT + by)
    studio.undo()
    studio.ardour.run(move.format(SONG_AT))


def add_midi(studio: ArdourStudio, file: Path, track: str, at: int, *, front: int, back: int) -> None:
    """Lay eight quarters of a MIDI file onto a new track at a tick, and cut off ``front`` and ``back`` ticks of them."""
    studio.ardour.run(f"""
    local files, known = C.StringVector(), {{}}
    files:push_back("{file}")
    for _, region in ARDOUR.RegionFactory.regions():iter() do known[region:to_stateful():id():to_s()] = true end
    Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
      ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore, Temporal.timepos_t(0),
      ARDOUR.PluginInfo(), ARDOUR.Track(), false)
    local channels = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
    Session:new_midi_track(channels, channels, false, ARDOUR.PluginInfo(), nil, nil, 1, "{track}",
      ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
    local at = Temporal.timepos_t.from_ticks
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      if region:whole_file() and not region:to_midiregion():isnil() and not known[region:to_stateful():id():to_s()] then
        local copy = ARDOUR.RegionFactory.clone_region(region, true, false)
        copy:set_position(at({at}))
        copy:trim_end(at({at + 8 * ARDOUR_TICKS - back}))
        copy:trim_front(at({at + front}))
        Session:route_by_name("{track}"):to_track():playlist():add_region(copy, at({at + front}), 1, false)
      end
    end
    local list = ArdourUI.SelectionList()
    for region in Session:route_by_name("{track}"):to_track():playlist():region_list():iter() do
      list:push_back(Editor:regionview_from_region(region))
    end
    Editor:set_selection(list, ArdourUI.SelectionOp.Set)
    """)


def test_a_selected_midi_region_is_followed(studio: ArdourStudio, tmp_path: Path) -> None:
    """The region begins a quarter late and ends early; the tempo changes twice on the way."""
    file = tmp_path / "keys ä.mid"
    pedal = [
        (2.0, mido.Message("control_change", control=64, value=127)),
        (3.5, mido.Message("control_change", control=64, value=0)),
    ]
    file.write_bytes(
        file_of(
            [
                name("Keys"),
                *strike(0, 0.5, 50),
                *strike(1, 2, 60, 64),
                *strike(2.25, 2.5, 64),
                *pedal,
                *strike(6.5, 8, 67),
                *strike(7.75, 8, 69),
            ],
            kind=0,
        )
    )
    at = 4 * ARDOUR_TICKS + 37
    add_midi(studio, file, "Keys", at, front=ARDOUR_TICKS, back=ARDOUR_TICKS // 2)
    studio.enter("generate", style="folk", seed=11)
    tracks = studio.tracks()
    folder = studio.act("Generate here (no dialog)")
    schemas.check("request", studio.request(folder))
    (part,) = studio.request(folder)["parts"]
    assert part["task"] == "text2music"
    assert "source" not in part
    assert part["fields"]["music"] == {"caption": "folk"}
    quarters = (1, 2, 2.25, 3.5, 6.5, 7.5)
    ticks = [at + round(quarter * ARDOUR_TICKS) for quarter in quarters]
    code = "".join(f"say(Temporal.TempoMap.read():sample_at_beats(Temporal.Beats(0, {tick})))\n" for tick in ticks)
    places = studio.ardour.run(code)
    first, *others = (int(float(place)) for (place,) in places)
    times = [0.0, *((place - first) / RATE_HZ for place in others)]
    assert part["position_s"] == pytest.approx(first / RATE_HZ, abs=TICK / RATE_HZ)
    assert part["fields"]["duration_s"] == pytest.approx(times[-1], abs=TICK / RATE_HZ)
    song = read_midi((folder / part["midi"]["file"]).read_bytes())
    assert [each.name for each in song.parts] == ["Keys"]
    found = [(note.start_s, note.end_s, note.pitch, note.velocity) for note in song.parts[0].notes]
    close = {"abs": 1e-3}
    assert found == [
        (pytest.approx(times[0], **close), pytest.approx(times[1], **close), 60, 64),
        (pytest.approx(times[2], **close), pytest.approx(times[3], **close), 64, 100),  # held by the pedal
        (pytest.approx(times[4], **close), pytest.approx(times[5], **close), 67, 100),
    ]
    assert {round(tempo.bpm, 1) for tempo in song.tempos} >= {120.0, *CHANGES.values()}
    assert (song.meters[-1].beats, song.meters[-1].unit) == (4, 4)
    (output,) = studio.outputs(folder)
    (new,) = set(studio.tracks()) - set(tracks)
    begin = round(part["position_s"] * RATE_HZ)
    sound = studio.bounce(new, begin + output["frames"] + RATE_HZ)
    assert np.array_equal(sound[begin : begin + output["frames"]], read(output["file"]))


def test_a_region_without_notes_is_not_followed(studio: ArdourStudio, tmp_path: Path) -> None:
    file = tmp_path / "late.mid"
    file.write_bytes(file_of([name("Late"), *strike(7, 8, 60)], kind=0))
    add_midi(studio, file, "Late", 0, front=0, back=4 * ARDOUR_TICKS)
    said, jobs = studio.messages, studio.jobs
    studio.ardour.act("AceBridge: Generate here (no dialog)")
    studio.wait_for_sentence("The selected MIDI regions hold no notes there.", said)
    assert studio.jobs == jobs
