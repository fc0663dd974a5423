"""The fake REAPER against closed forms: what it says about sound, undo, folders, time and mistakes has to be true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rpp
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_reaper import ApiMisuse, Reaper
from tests.support.fake_reaper.routing import parents
from tests.support.fake_reaper.state import Track
from tests.support.fake_says import assert_refused, says

RATE_HZ = 44_100


# Calls


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("reaper.CountTracks()", "takes 1 arguments, got 0"),
        ("reaper.CountTracks(0, 1)", "takes 1 arguments, got 2"),
        ("reaper.GetTrack(0, '1')", "trackidx has to be integer, got '1'"),
        ("reaper.GetTrack(0, 0.5)", "has to be integer, got 0.5"),
        ("reaper.GetTrack(true, 0)", "has to be ReaProject"),
        ("reaper.GetTrackName(nil)", "has to be MediaTrack, got nil"),
        ("reaper.CountTakes(reaper.GetMasterTrack(0))", "has to be MediaItem, got a MediaTrack"),
        ("reaper.PreventUIRefresh(-1)", "below 0"),
        ("reaper.PreventUIRefresh(1)", "left PreventUIRefresh at 1"),
        ("reaper.Undo_BeginBlock2(0)", "open undo block"),
        ("reaper.GetTracks(0)", "no function of this REAPER"),
        ("local x = reaper.BR_GetMediaTrackByGUID", "no function of this REAPER"),
        ("reaper.Main_OnCommand(1, 0)", "unknown action 1"),
        ("os.execute('ls')", "flashes a console"),
        ("io.popen('ls')", "flashes a console"),
        ("error('mine')", "mine"),
        ("local x = nil + 1", "arithmetic on a nil"),
        ("gfx.nothing()", "not played"),
        ("reaper.GetUserInputs('t', 1, 'a', '')", "nobody expects the dialog"),
        ("reaper.new_array(2)[3] = 1", "no place at 3"),
        ("local x = reaper.new_array(2)[3]", "has no .3."),
        ("reaper.GetMediaTrackInfo_Value(reaper.GetMasterTrack(0), 'D_VOLUME')", "no value D_VOLUME"),
    ],
)
def test_misuse_is_a_fault_even_inside_pcall(r: Reaper, code: str, why: str) -> None:
    assert_refused(r, code, why)
    if why not in ("mine", "arithmetic on a nil"):
        assert_refused(r, f"pcall(function() {code} end)", why)


@pytest.mark.parametrize(
    ("then", "faults"),
    [("", 1), ("reaper.TrackList_AdjustWindows(true)", 1), ("reaper.TrackList_AdjustWindows(false)", 0)],
)
def test_changed_folders_have_to_be_drawn_again(r: Reaper, then: str, faults: int) -> None:
    r.project.add_track("a")
    r.start(code=f"reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'I_FOLDERDEPTH', 1) {then}")
    assert len(r.faults) == faults


def test_versions_have_their_functions(tmp_path: Path) -> None:
    code = (
        "say(tostring(reaper.APIExists('InsertTrackInProject')) .. tostring(reaper.APIExists('PCM_Source_BuildPeaks')))"
    )
    for version, expected in (("6.24", "falsefalse"), ("7.08", "falsetrue"), ("7.40", "truetrue")):
        with Reaper(tmp_path / version, version=version) as r:
            assert says(r, code) == expected
            assert says(r, "say(reaper.GetAppVersion())").startswith(version)
            assert says(r, "say(tostring(reaper.set_action_options ~= nil))") == str(version != "6.24").lower()
    with Reaper(tmp_path, version="7.08") as r:
        assert_refused(r, "reaper.InsertTrackInProject(0, 0, 0)", "ask reaper.APIExists first")
    with Reaper(tmp_path) as r:
        r.remove_api("InsertTrackInProject")
        assert says(r, code) == "falsetrue"


def test_pointers_are_equal_when_their_objects_are_and_die_with_them(r: Reaper) -> None:
    r.project.add_track("a").add_item(None, length=1.0)
    code = """
        local t, seen = reaper.GetTrack(0, 0), {}
        seen[t] = true
        collectgarbage()
        say(tostring(seen[reaper.GetTrack(0, 0)]) .. type(t))
        local item = reaper.GetTrackMediaItem(t, 0)
        say(" " .. tostring(reaper.ValidatePtr2(0, item, "MediaItem*")))
        say(" " .. tostring(reaper.ValidatePtr2(0, item, "MediaTrack*")))
        reaper.DeleteTrack(t)
        say(" " .. tostring(reaper.ValidatePtr2(0, item, "MediaItem*")))
        say(" " .. tostring(reaper.ValidatePtr2(0, t, "MediaTrack*")))
    """
    assert says(r, code) == "trueuserdata true false false false"
    r.project.add_track("b")
    assert_refused(
        r, "local t = reaper.GetTrack(0, 0) reaper.DeleteTrack(t) reaper.GetTrackName(t)", "it has been deleted"
    )


def test_any_bytes_pass_through(r: Reaper) -> None:
    says(r, r"reaper.SetExtState('a', 'b', 'x\xff\xfe 한', false)")
    assert says(r, r"say(tostring(reaper.GetExtState('a', 'b') == 'x\xff\xfe 한'))") == "true"
    assert_refused(r, r"reaper.SetExtState('a', 'b', 'x\ny', true)", "line break")


# Sound


def test_a_take_accessor_gives_the_samples_of_the_file(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    path, samples = wave
    item = r.project.add_track().add_item(path, position=1.25, length=2.0, offset=0.5)
    item.volume = item.active.volume = 0.5
    item.fade_in = 1.0
    values = says(
        r,
        """
        local a = reaper.CreateTakeAudioAccessor(reaper.GetActiveTake(reaper.GetMediaItem(0, 0)))
        local b = reaper.new_array(4000)
        for _, start in ipairs({0, 1}) do
          say(reaper.GetAudioAccessorSamples(a, 44100, 2, start, 2000, b) .. ";")
          for _, v in ipairs(b.table(1, 4000)) do say(("%.17g;"):format(v)) end
        end
        say(reaper.GetAudioAccessorSamples(a, 44100, 2, 2, 2000, b) .. ";")
        reaper.DestroyAudioAccessor(a)
        """,
    ).split(";")
    first, second = np.array(values[1:4001], float), np.array(values[4002:8002], float)
    assert (values[0], values[4001], values[8002]) == ("1", "1", "0")
    assert (first == samples[22_050:24_050].ravel()).all()
    assert (second == samples[66_150:68_150].ravel()).all()
    assert_refused(r, "reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))", "without DestroyAudioAccessor")


def test_the_mix_is_the_sum_of_gains_times_samples(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    path, samples = wave
    parent = r.project.add_track("folder", I_FOLDERDEPTH=1, D_VOL=0.5)
    child = r.project.add_track("child", I_FOLDERDEPTH=-1, D_PAN=-1)
    other = r.project.add_track("other")
    child.add_fx(lambda received, _rate: -received)
    item = child.add_item(path, position=0.5, length=2.0, offset=0.25)
    item.volume, item.active.volume, item.fade_out = 0.5, 0.8, 1.0
    muted = other.add_item(path, position=0.0)
    muted.mute = 1
    mix = r.project.render()
    assert len(mix) == 3 * RATE_HZ
    fade = np.minimum(1, (2 * RATE_HZ - 1 - np.arange(2 * RATE_HZ)) / RATE_HZ)
    expected = np.zeros((3 * RATE_HZ, 2))
    left = -0.5 * 0.5 * 0.8 * fade * samples[11_025 : 11_025 + 2 * RATE_HZ, 0]
    expected[22_050 : 22_050 + 2 * RATE_HZ, 0] = left
    assert np.abs(mix - expected).max() < 1e-7
    other.solo = 1
    assert not r.project.render().any()
    other.solo, parent.solo = 0, 1
    assert np.abs(r.project.render() - expected).max() < 1e-7


def test_overlaps_add_up_and_other_lanes_are_silent(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    path, samples = wave
    track = r.project.add_track()
    track.add_item(path)
    second = track.add_item(path)
    assert np.abs(r.project.render() - 2 * samples).max() < 1e-7
    track["I_FREEMODE"], track["I_NUMFIXEDLANES"], second.lane = 2, 2, 1
    assert np.abs(r.project.render() - samples).max() < 1e-7


def test_another_rate_is_resampled(r: Reaper, tmp_path: Path) -> None:
    time = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "sine.wav", np.sin(2 * np.pi * 440 * time), 48_000, subtype="FLOAT")
    item = r.project.add_track().add_item(tmp_path / "sine.wav", length=1.0)
    middle = slice(4410, 35_000)
    expected = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    assert np.abs(r.project.render()[middle, 0] - expected[middle]).max() < 1e-3
    item.active.rate = 0.5  # an octave lower, twice as long
    expected = np.sin(2 * np.pi * 220 * np.arange(RATE_HZ) / RATE_HZ)
    assert np.abs(r.project.render()[middle, 1] - expected[middle]).max() < 1e-3


def test_the_render_action_writes_the_mix(r: Reaper, wave: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, samples = wave
    tracks = [r.project.add_track(name) for name in "ab"]
    for track in tracks:
        track.add_item(path)
        track.add_fx(lambda received, _rate: 0.5 * received)
    before = r.project.state()
    code = f"""
        local function set(key, value) reaper.GetSetProjectInfo(0, key, value, true) end
        set("RENDER_BOUNDSFLAG", 0) set("RENDER_STARTPOS", 1) set("RENDER_ENDPOS", 2) set("RENDER_SRATE", 44100)
        reaper.GetSetProjectInfo_String(0, "RENDER_FILE", [[{tmp_path}/out]], true)
        reaper.GetSetProjectInfo_String(0, "RENDER_PATTERN", "mix", true)
        reaper.GetSetProjectInfo_String(0, "RENDER_FORMAT", "ZXZhdyAAAQ==", true)
    """
    says(r, code + "set('RENDER_TAILFLAG', 0) reaper.Main_OnCommand(42230, 0)")
    received, rate = soundfile.read(tmp_path / "out" / "mix.wav", dtype="float32")
    assert rate == RATE_HZ
    assert (received == samples[RATE_HZ : 2 * RATE_HZ]).all()
    assert r.project.state() != before
    tracks[0].selected = 1
    says(r, code + "set('RENDER_SETTINGS', 128) reaper.Main_OnCommand(42230, 0)")
    received, _ = soundfile.read(tmp_path / "out" / "mix.wav", dtype="float32")
    assert (received == 0.5 * samples[RATE_HZ : 2 * RATE_HZ]).all()
    assert_refused(
        r,
        "reaper.GetSetProjectInfo(0, 'RENDER_NORMALIZE', 1, true) reaper.Main_OnCommand(42230, 0)",
        "RENDER_NORMALIZE",
    )


# Projects


@given(depths=st.lists(st.integers(-3, 1), max_size=12))
@settings(deadline=None, max_examples=100)
def test_folders_nest_as_their_depths_say(depths: list[int]) -> None:
    tracks = [Track(None) for _ in depths]
    for track, depth in zip(tracks, depths, strict=True):
        track.depth = depth
    level, expected = 0, []
    for depth in depths:
        expected.append(level)
        level = max(0, level + depth)
    above = parents(tracks)
    found = []
    for index in range(len(tracks)):
        count, here = 0, above[index]
        while here >= 0:
            count, here = count + 1, above[here]
        found.append(count)
    assert found == expected


def test_undo_restores_everything_and_redo_as_well(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    track = r.project.add_track("a")
    item = track.add_item(wave[0])
    r.project.settle()
    before = r.project.state()
    code = """
        reaper.Undo_BeginBlock2(0)
        reaper.Undo_BeginBlock2(0)
        reaper.InsertTrackAtIndex(0, false)
        local item = reaper.GetMediaItem(0, 0)
        local take = reaper.AddTakeToMediaItem(item)
        reaper.GetSetMediaItemTakeInfo_String(take, "P_EXT:x", "1", true)
        reaper.SetTakeMarker(take, -1, "m", 1.5)
        reaper.SetMediaItemInfo_Value(item, "D_POSITION", 4)
        reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "words", true)
        reaper.MoveMediaItemToTrack(item, reaper.GetTrack(0, 0))
        reaper.AddProjectMarker2(0, true, 1, 2, "part", -1, 0)
        reaper.SetTempoTimeSigMarker(0, -1, 8, -1, -1, 90, 3, 4, false)
        reaper.GetSet_LoopTimeRange2(0, true, false, 1, 2, false)
        reaper.Undo_EndBlock2(0, "inner", -1)
        reaper.Undo_EndBlock2(0, "Do it", -1)
        say(reaper.Undo_CanUndo2(0))
    """
    assert says(r, code) == "Do it"
    after = r.project.state()
    assert r.project.undo == ["Do it"]
    assert (item.track, len(item.takes)) == (r.project.tracks[0], 2)
    assert (
        says(r, "say(reaper.Undo_DoUndo2(0) .. tostring(reaper.Undo_CanUndo2(0)) .. reaper.Undo_CanRedo2(0))")
        == "1nilDo it"
    )
    assert {**r.project.state(), "redo": []} == before
    assert (item.track, track.items) == (track, [item])
    says(r, "reaper.Undo_DoRedo2(0)")
    assert r.project.state() == after
    assert item.track is r.project.tracks[0]


def test_pointers_of_items_do_not_outlive_an_undo(r: Reaper) -> None:
    r.project.add_track("a").add_item(None, length=1.0)
    code = """
        local t, i = reaper.GetTrack(0, 0), reaper.GetMediaItem(0, 0)
        reaper.Undo_BeginBlock2(0) reaper.SetMediaItemPosition(i, 3, false) reaper.Undo_EndBlock2(0, "x", -1)
        reaper.Undo_DoUndo2(0)
        say(tostring(reaper.ValidatePtr2(0, t, "MediaTrack*")) .. tostring(reaper.ValidatePtr2(0, i, "MediaItem*")))
    """
    assert says(r, code) == "truefalse"


def test_a_script_without_defer_and_undo_block_gets_reapers_undo_point(r: Reaper) -> None:
    says(r, "", defers=False)
    assert r.project.undo == ["ReaScript: script.lua"]
    says(r, "reaper.SetProjExtState(0, 'a', 'b', 'c')")
    assert len(r.project.undo) == 1
    assert says(r, "local n, v = reaper.GetProjExtState(0, 'A', 'B') say(n .. v)") == "1c"


def test_tabs_are_distinguished(r: Reaper) -> None:
    first = r.project
    second = r.new_tab("other.rpp")
    second.add_track("b")
    code = """
        local p, file = reaper.EnumProjects(-1)
        local q = reaper.EnumProjects(0)
        say(reaper.CountTracks(p) .. reaper.CountTracks(q) .. file:match("[^/\\\\]*$") .. tostring(reaper.EnumProjects(2)))
        say(tostring(reaper.ValidatePtr2(q, reaper.GetTrack(p, 0), "MediaTrack*")))
        reaper.SelectProjectInstance(q)
    """
    assert says(r, code) == "10other.rppnilfalse"
    assert r.project is first
    script = r.start(code="local p = reaper.EnumProjects(1) reaper.defer(function() reaper.CountTracks(p) end)")
    r.close_tab(second)
    with pytest.raises(ApiMisuse, match="the project has been closed"):
        r.finish()
    assert script.ended


def test_tempo_is_integrated(r: Reaper) -> None:
    r.project.tempo(0, 120, 4, 4)
    r.project.tempo(4, 60, 3, 4, linear=True)
    r.project.tempo(8, 120)
    code = """
        for _, t in ipairs({2, 4, 6, 10}) do
          local q = reaper.TimeMap2_timeToQN(0, t)
          local num, den, bpm = reaper.TimeMap_GetTimeSigAtTime(0, t)
          say(("%.3f %.6f %d/%d %.1f;"):format(q, reaper.TimeMap2_QNToTime(0, q), num, den, bpm))
        end
    """
    # 4 s of 2 quarters each; then 60 to 120 over 4 s: 4 s at 90 on average.
    assert says(r, code) == (
        "4.000 2.000000 4/4 120.0;8.000 4.000000 3/4 60.0;10.500 6.000000 3/4 90.0;18.000 10.000000 3/4 120.0;"
    )


def test_items_on_beats_move_with_the_tempo_and_others_stay(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    track = r.project.add_track()
    beats, time, place = (track.add_item(wave[0], position=2.0, length=1.0) for _ in range(3))
    time["C_BEATATTACHMODE"], place["C_BEATATTACHMODE"] = 0, 2
    says(r, "reaper.SetTempoTimeSigMarker(0, -1, 0, -1, -1, 60, 4, 4, false)")
    assert [(i.position, i.length, i.active.rate) for i in (beats, time, place)] == [(4, 2, 0.5), (2, 1, 1), (4, 1, 1)]


def test_markers_are_numbered_and_sorted(r: Reaper) -> None:
    code = """
        reaper.AddProjectMarker2(0, false, 3, 0, "m", -1, 0)
        reaper.AddProjectMarker2(0, true, 1, 2, "r", 7, 0)
        say(reaper.AddProjectMarker2(0, true, 2, 1, "none", -1, 0) .. ";")
        local n, markers, regions = reaper.CountProjectMarkers(0)
        say(n .. markers .. regions .. ";")
        local i, is_region, pos, last, name, number = reaper.EnumProjectMarkers3(0, 0)
        say(("%d %s %g %g %s %d"):format(i, is_region, pos, last, name, number))
    """
    assert says(r, code) == "-1;211;1 true 1 2 r 7"


def test_a_saved_project_reads_back(r: Reaper, wave: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    track = r.project.add_track('기타 "x"', I_FOLDERDEPTH=1)
    item = track.add_item(wave[0], position=1.5, offset=0.25)
    item.active.ext["P_EXT:a"] = '{"x": "it\'s"}'
    tree = rpp.loads(r.project.save_rpp(tmp_path / "p.rpp").read_text("utf-8"))
    (element,) = tree.findall("TRACK")
    assert element.find("NAME") == ["NAME", '기타 "x"']
    (placed,) = element.findall("ITEM")
    assert (placed.find("POSITION")[1], placed.find("SOFFS")[1]) == ("1.5", "0.25")
    assert placed.find("EXT") == ["EXT", "a", '{"x": "it\'s"}']
    assert placed.find("SOURCE").find("FILE")[1] == wave[0].name


def test_lanes_exist_since_seven_and_play_alone_or_together(r: Reaper, tmp_path: Path) -> None:
    track = r.project.add_track()
    code = """
        local t = reaper.GetTrack(0, 0)
        reaper.SetMediaTrackInfo_Value(t, "I_FREEMODE", 2)
        reaper.SetMediaTrackInfo_Value(t, "I_NUMFIXEDLANES", 3)
        local item = reaper.AddMediaItemToTrack(t)
        reaper.SetMediaItemInfo_Value(item, "I_FIXEDLANE", 2)
        local function plays() say(reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") .. " ") end
        plays()
        reaper.SetMediaTrackInfo_Value(t, "C_LANEPLAYS:2", 2)
        plays()
        reaper.SetMediaTrackInfo_Value(t, "C_LANEPLAYS:2", 1)
        plays()
    """
    assert says(r, code) == "0.0 2.0 1.0 "
    assert track.lanes == {2: 1}
    assert_refused(r, "reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'C_LANEPLAYS:3', 1)", "has 3 lanes")
    with Reaper(tmp_path / "old", version="6.24") as old:
        assert_refused(
            old,
            "reaper.GetMediaTrackInfo_Value(reaper.GetMasterTrack(0), 'I_NUMFIXEDLANES')",
            "no value I_NUMFIXEDLANES",
        )


def test_new_items_fade_and_loop_and_fades_end_with_the_item(r: Reaper, wave: tuple[Path, np.ndarray]) -> None:
    r.project.add_track()
    code = f"""
        local item = reaper.AddMediaItemToTrack(reaper.GetTrack(0, 0))
        local function value(key) say(reaper.GetMediaItemInfo_Value(item, key) .. " ") end
        value("D_FADEINLEN") value("B_LOOPSRC")
        reaper.SetMediaItemInfo_Value(item, "D_FADEINLEN", 1)
        value("D_FADEINLEN")
        local take = reaper.AddTakeToMediaItem(item)
        local source = reaper.PCM_Source_CreateFromFile([[{wave[0]}]])
        say(reaper.GetMediaSourceType(source) .. reaper.GetMediaSourceSampleRate(source) .. " ")
        say(reaper.GetMediaSourceLength(source) .. " ")
        reaper.SetMediaItemTake_Source(take, source)
        reaper.SetMediaItemLength(item, 7, false)
        reaper.Main_OnCommand(40047, 0)
        say(tostring(reaper.PCM_Source_CreateFromFile("/nothing.wav")))
    """
    assert says(r, code) == "0.01 1.0 0.0 WAVE44100 3.0 nil"
    (item,) = r.project.items()
    assert item.active.source.peaks
    mix = r.project.render()
    assert (mix[4 * RATE_HZ : 6 * RATE_HZ] == wave[1][RATE_HZ:]).all()  # the source begins again every three seconds
    other = "reaper.AddTakeToMediaItem(reaper.GetMediaItem(0, 0))"
    source = "reaper.GetMediaItemTake_Source(reaper.GetActiveTake(reaper.GetMediaItem(0, 0)))"
    assert_refused(r, f"reaper.SetMediaItemTake_Source({other}, {source})", "belongs to one take")
    assert_refused(r, f"reaper.PCM_Source_Destroy({source})", "a take still plays")


@pytest.mark.parametrize(
    ("suffix", "kind"), [("wav", "WAVE"), ("flac", "FLAC"), ("aiff", "AIFF"), ("mp3", "MP3"), ("ogg", "VORBIS")]
)
def test_sources_are_named_as_reaper_names_them(r: Reaper, tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.zeros((4410, 1), np.float32), RATE_HZ)
    code = f"say(reaper.GetMediaSourceType(reaper.PCM_Source_CreateFromFile([[{path}]])))"
    assert says(r, code) == kind


def test_several_stems_are_several_numbered_files(r: Reaper, wave: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    for name in "ab":
        r.project.add_track(name, I_SELECTED=1).add_item(wave[0])
    code = f"""
        for key, value in pairs({{ RENDER_SETTINGS = 128, RENDER_BOUNDSFLAG = 1, RENDER_TAILFLAG = 0 }}) do
          reaper.GetSetProjectInfo(0, key, value, true)
        end
        reaper.GetSetProjectInfo_String(0, "RENDER_FILE", [[{tmp_path}/out]], true)
        reaper.GetSetProjectInfo_String(0, "RENDER_PATTERN", "mix", true)
        reaper.Main_OnCommand(42230, 0)
        say(select(2, reaper.GetSetProjectInfo_String(0, "RENDER_TARGETS", "", false)))
    """
    expected = [tmp_path / "out" / "mix-001.wav", tmp_path / "out" / "mix-002.wav"]
    assert says(r, code).split(";") == [str(path) for path in expected]
    assert sorted((tmp_path / "out").iterdir()) == expected
