"""Accessors, stretch markers, envelopes and sources of the fake REAPER, as unkind as the real ones may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper import Reaper, behaviour, sound
from tests.support.fake_reaper.state import Envelope, Fx
from tests.support.fake_says import assert_refused, says

RATE_HZ = 44_100

READ = """
    local take = reaper.GetActiveTake(reaper.GetMediaItem(0, 0))
    local a = reaper.CreateTakeAudioAccessor(take)
    local function read(rate, channels, start, count)
      local b = reaper.new_array(count * channels)
      b.clear(7)
      local got = reaper.GetAudioAccessorSamples(a, rate, channels, start, count, b)
      say(got .. ";")
      for _, v in ipairs(b.table(1, count * channels)) do say(("%%.17g;"):format(v)) end
    end
    %s
    if a then reaper.DestroyAudioAccessor(a) end
"""


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(";") if part]


def ramp(path: Path, frames: int = RATE_HZ, rate: int = RATE_HZ, channels: int = 1) -> Path:
    """A file whose every sample says where it is: frame n holds n / 2^20, on channel c plus c / 2^5."""
    values = np.arange(frames)[:, None] / 2**20 + np.arange(channels) / 2**5
    soundfile.write(path, values, rate, subtype="DOUBLE")
    return path


def with_item(r: Reaper, path: Path, **values: float) -> Any:
    item = r.project.add_track().add_item(path)
    for key, value in values.items():
        item.active[key] = value
    return item


# Accessors


def test_beyond_the_item_nothing_is_written(r: Reaper, tmp_path: Path) -> None:
    item = with_item(r, ramp(tmp_path / "a.wav"))
    item.length = 100 / RATE_HZ
    found = numbers(says(r, READ % "read(44100, 1, -2 / 44100, 4) read(44100, 1, 98 / 44100, 4) read(44100, 1, 1, 4)"))
    frame = 2**-20
    assert found == [1, 7, 7, 0, frame, 1, 98 * frame, 99 * frame, 7, 7, 0, 7, 7, 7, 7]


def test_all_channels_have_to_be_asked_for(r: Reaper, tmp_path: Path) -> None:
    with_item(r, ramp(tmp_path / "a.wav", channels=6))
    assert_refused(r, "local say = reaper.ShowConsoleMsg " + READ % "read(44100, 2, 0, 4)", "2 of 6 channels")
    r.console = ""
    assert numbers(says(r, READ % "read(44100, 6, 0, 1)")) == [1, *(channel / 32 for channel in range(6))]


@pytest.mark.parametrize("ways", behaviour.both("accessor_wider"))
def test_more_channels_than_a_mono_take_has(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        with_item(r, ramp(tmp_path / "a.wav"))
        second = 8 / 2**20 if ways["accessor_wider"] == "copies" else 0
        assert numbers(says(r, READ % "read(44100, 2, 8 / 44100, 1)")) == [1, 8 / 2**20, second]


@pytest.mark.parametrize("ways", behaviour.both("accessor_frames"))
def test_which_frame_is_meant(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        with_item(r, ramp(tmp_path / "a.wav"))
        found = numbers(says(r, READ % "read(44100, 1, 8.75 / 44100, 1) read(44100, 1, 8.25 / 44100, 1)"))
    assert [value * 2**20 for value in found[1::2]] == ([9, 8] if ways["accessor_frames"] == "nearest" else [8, 8])


@pytest.mark.parametrize("ways", behaviour.both("accessor_rate"))
def test_blocks_of_another_rate(tmp_path: Path, ways: dict[str, str]) -> None:
    """Where each call begins again, the edges of blocks differ a little from what is read at once."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000)
    soundfile.write(tmp_path / "a.wav", noise, 48_000, subtype="DOUBLE")
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        with_item(r, tmp_path / "a.wav")
        one = numbers(says(r, READ % "read(44100, 1, 0.5, 2000)"))[1:]
        two = numbers(says(r, READ % "read(44100, 1, 0.5, 1000) read(44100, 1, 0.5 + 1000 / 44100, 1000)"))
    blocks = np.array(two[1:1001] + two[1002:])
    difference = np.abs(blocks - one)
    if ways["accessor_rate"] == "whole":
        assert difference.max() == 0
    else:
        assert 1e-6 < difference[980:1020].max() < 0.1
        assert difference[200:800].max() < 1e-3


@pytest.mark.parametrize("ways", behaviour.both("accessor_changed"))
def test_an_accessor_tells_of_changes(tmp_path: Path, ways: dict[str, str]) -> None:
    code = (
        READ
        % """
        reaper.SetMediaItemSelected(reaper.GetMediaItem(0, 0), true)
        say(tostring(reaper.AudioAccessorStateChanged(a)) .. ";")
        reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 100 / 44100)
        say(tostring(reaper.AudioAccessorStateChanged(a)) .. ";")
        read(44100, 1, 0, 1)
        say(tostring(reaper.AudioAccessorValidateState(a)) .. ";" .. tostring(reaper.AudioAccessorStateChanged(a)) .. ";")
        read(44100, 1, 0, 1)
    """
    )
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        with_item(r, ramp(tmp_path / "a.wav"))
        *flags, last = says(r, code).replace("true", "1").replace("false", "0").rstrip(";").split(";")
    now = 100 / 2**20
    assert [float(flag) for flag in flags] == [0, 1, 1, 0 if ways["accessor_changed"] == "old" else now, 1, 0, 1]
    assert float(last) == now


def test_a_track_accessor_tells_of_edits_and_not_of_faders(r: Reaper, tmp_path: Path) -> None:
    with_item(r, ramp(tmp_path / "a.wav"))
    code = """
        local a = reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))
        reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 0), "D_VOL", 0.5)
        say(tostring(reaper.AudioAccessorStateChanged(a)))
        reaper.SplitMediaItem(reaper.GetMediaItem(0, 0), 0.5)
        say(tostring(reaper.AudioAccessorStateChanged(a)))
        reaper.AudioAccessorUpdate(a)
        say(tostring(reaper.AudioAccessorStateChanged(a)))
        reaper.DestroyAudioAccessor(a)
    """
    assert says(r, code) == "falsetruefalse"


@pytest.mark.parametrize("ways", behaviour.both("accessor_offset"))
def test_accessors_and_playback_offsets(tmp_path: Path, ways: dict[str, str]) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones((RATE_HZ, 2)), RATE_HZ, subtype="FLOAT")
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        track = r.project.add_track("a", D_PLAY_OFFSET=100, I_PLAY_OFFSET_FLAG=2)
        track.add_item(tmp_path / "a.wav")
        code = """
            local accessor, buffer = reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0)), reaper.new_array(400)
            reaper.GetAudioAccessorSamples(accessor, 44100, 2, 0, 200, buffer)
            reaper.DestroyAudioAccessor(accessor)
            local silent = 0
            while buffer[2 * silent + 1] == 0 do silent = silent + 1 end
            say(silent .. "")
        """
        assert says(r, code) == ("100" if ways["accessor_offset"] == "played" else "0")


@pytest.mark.parametrize("ways", behaviour.both("accessor_of_midi"))
def test_accessors_of_midi(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        track = r.project.add_track()
        track.add_midi(0.0, 1.0, (0.0, 1.0, 60))
        track.add_instrument()
        found = says(r, READ % "if a then read(44100, 2, 0, 2) else say('none') end")
        assert found == ("none" if ways["accessor_of_midi"] == "none" else "1;0;0;0;0;")
        of_track = READ.replace("CreateTakeAudioAccessor(take)", "CreateTrackAudioAccessor(reaper.GetTrack(0, 0))")
        assert numbers(says(r, of_track % "read(44100, 2, 0.1, 1)")) == [1, 0, 0]  # no instrument is heard


@pytest.mark.parametrize("ways", behaviour.both("offline_media"))
def test_media_that_is_offline(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        item = with_item(r, ramp(tmp_path / "a.wav"))
        item.active.source.is_offline = True
        found = numbers(says(r, READ % "read(44100, 1, 0.5, 2)"))
        assert found == ([1, 0, 0] if ways["offline_media"] == "silence" else [-1, 7, 7])
        assert not r.project.render().any()


# Stretch markers and envelopes


def test_stretch_markers_tie_the_item_to_the_source(r: Reaper, tmp_path: Path) -> None:
    item = with_item(r, ramp(tmp_path / "a.wav"))
    code = """
        local take = reaper.GetActiveTake(reaper.GetMediaItem(0, 0))
        reaper.SetTakeStretchMarker(take, -1, 0)
        reaper.SetTakeStretchMarker(take, -1, 0.5, 0.25)
        reaper.SetTakeStretchMarker(take, -1, 0.75, 0.75)
        say(reaper.GetTakeNumStretchMarkers(take) .. "")
    """
    assert says(r, code) == "3"
    seconds = np.array([0.0, 0.25, 0.5, 0.6, 0.75, 0.9])
    assert sound.source_times(item.active, seconds) == pytest.approx([0, 0.125, 0.25, 0.45, 0.75, 0.9])
    found = numbers(says(r, READ % "read(44100, 1, 0.25, 2)"))[1:]
    assert np.array(found) * 2**20 == pytest.approx([0.125 * RATE_HZ, 0.125 * RATE_HZ + 0.5], abs=0.02)
    says(r, "reaper.DeleteTakeStretchMarkers(reaper.GetActiveTake(reaper.GetMediaItem(0, 0)), 0, 3)")
    assert item.active.stretch == []


def test_take_envelopes_are_for_tracks_and_not_for_takes(r: Reaper, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((RATE_HZ, 2), 0.5), RATE_HZ, subtype="FLOAT")
    item = with_item(r, tmp_path / "a.wav")
    item.active.envelopes.append(Envelope("Volume", [(0.0, 1.0), (1.0, 0.0)]))
    assert numbers(says(r, READ % "read(44100, 2, 0.5, 1)")) == [1, 0.5, 0.5]
    assert r.project.render()[RATE_HZ // 2] == pytest.approx([0.25, 0.25], abs=1e-4)
    item.active.envelopes.append(Envelope("Pan", [(0.0, 1.0)]))
    assert r.project.render()[RATE_HZ // 2] == pytest.approx([0, 0.25], abs=1e-4)
    item.active.envelopes.append(Envelope("Mute", [(0.0, 1.0), (0.6, 1.0), (0.6001, 0.0)]))
    assert not r.project.render()[round(0.61 * RATE_HZ) :].any()


def test_scripts_copy_envelopes(r: Reaper, tmp_path: Path) -> None:
    item = with_item(r, ramp(tmp_path / "a.wav"))
    item.add_take(sound.open_source(tmp_path / "a.wav"))
    item.active.envelopes.append(Envelope("Volume", [(0.25, 0.5), (0.75, 1.0)]))
    item.selected, item["I_CURTAKE"] = 1, 1
    code = r"""
        local item = reaper.GetMediaItem(0, 0)
        local old = reaper.GetTakeEnvelope(reaper.GetTake(item, 0), 0)
        say(select(2, reaper.GetEnvelopeName(old)) .. tostring(reaper.GetTakeEnvelopeByName(reaper.GetTake(item, 1), "Volume")))
        reaper.Main_OnCommand(40693, 0)
        local new = reaper.GetTakeEnvelopeByName(reaper.GetTake(item, 1), "Volume")
        local _, chunk = reaper.GetEnvelopeStateChunk(old, "", false)
        say(tostring(reaper.SetEnvelopeStateChunk(new, (chunk:gsub("EGUID [^\n]*\n", "")), false)))
        reaper.SetEnvelopePoint(new, 0, 0.875)
        reaper.InsertEnvelopePoint(new, 0, 0.25, 0, 0, false)
        for i = 0, reaper.CountEnvelopePoints(new) - 1 do
          local _, time, value = reaper.GetEnvelopePoint(new, i)
          say((" %g=%g"):format(time, value))
        end
        say(tostring(reaper.DeleteEnvelopePointRange(new, 0, 0.5)))
    """
    assert says(r, code) == "Volumeniltrue 0=0.25 0.75=1 0.875=0.5true"
    assert item.takes[0].envelopes[0].points == [(0.25, 0.5), (0.75, 1.0)]
    own = """
        local e = reaper.GetTakeEnvelope(reaper.GetTake(reaper.GetMediaItem(0, 0), 0), 0)
        reaper.SetEnvelopeStateChunk(e, select(2, reaper.GetEnvelopeStateChunk(e, "", false)), false)
    """
    assert_refused(r, own, "one EGUID")


@pytest.mark.parametrize("ways", behaviour.both("fx_envelopes"))
def test_envelopes_of_parameters_belong_to_an_effect(tmp_path: Path, ways: dict[str, str]) -> None:
    code = r"""
        local item = reaper.GetMediaItem(0, 0)
        local old, new = reaper.GetActiveTake(item), reaper.AddTakeToMediaItem(item)
        assert(reaper.TakeFX_GetEnvelope(old, 0, 2, false) == nil)
        local made = reaper.TakeFX_GetEnvelope(old, 0, 2, true)
        reaper.InsertEnvelopePoint(made, 1, 0.5, 0, 0, false, false)
        local _, fx, parameter = reaper.Envelope_GetParentTake(made)
        reaper.TakeFX_CopyToTake(old, 0, new, 0, false)
        local _, chunk = reaper.GetEnvelopeStateChunk(made, "", false)
        say(("%d %d %d%d %s"):format(
          fx, parameter, reaper.CountTakeEnvelopes(old), reaper.CountTakeEnvelopes(new), chunk:match("[^\n]*")))
    """
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        item = with_item(r, ramp(tmp_path / "a.wav")).takes[0]
        item.fx = [Fx("Filter", lambda samples, _rate: samples)]
        came = int(ways["fx_envelopes"] == "come along")
        assert says(r, code) == f"0 2 1{came} <PARMENV 2 0 1 0.5"


def test_envelopes_are_undone(r: Reaper, tmp_path: Path) -> None:
    item = with_item(r, ramp(tmp_path / "a.wav"))
    item.active.envelopes.append(Envelope("Volume", [(0.0, 0.5)]))
    r.project.settle()
    item.active.envelopes[0].points.append((1.0, 1.0))
    assert r.project.has_unrecorded_change
    r.project.undo_point("Add envelope point")
    assert r.user.undo()
    assert item.active.envelopes[0].points == [(0.0, 0.5)]


# Sources


def test_sections_play_a_part_backwards(r: Reaper, tmp_path: Path) -> None:
    parent = sound.open_source(ramp(tmp_path / "a.wav"))
    assert parent is not None
    item = with_item(r, tmp_path / "a.wav")
    item.active.source = sound.section(parent, 1000, 500, is_reversed=True)
    item.length = 500 / RATE_HZ
    code = """
        local s = reaper.GetMediaItemTake_Source(reaper.GetActiveTake(reaper.GetMediaItem(0, 0)))
        local ok, from, length, reversed = reaper.PCM_Source_GetSectionInfo(s)
        say(("%s %s %.6f %.6f %s "):format(reaper.GetMediaSourceType(s), ok, from * 44100, length * 44100, reversed))
        local parent = reaper.GetMediaSourceParent(s)
        say(reaper.GetMediaSourceFileName(s) .. "|" .. reaper.GetMediaSourceFileName(parent):match("[^/]*$"))
        say(" " .. tostring(reaper.PCM_Source_GetSectionInfo(parent)) .. tostring(reaper.GetMediaSourceParent(parent)))
    """
    assert says(r, code) == "SECTION true 1000.000000 500.000000 true |a.wav falsenil"
    found = r.project.render()[:, 0] * 2**20
    assert (found == np.arange(1499, 999, -1)).all()


def test_videos_and_projects_are_sources(r: Reaper, tmp_path: Path) -> None:
    ramp(tmp_path / "film.wav")
    (tmp_path / "film.mp4").write_bytes(b"")
    code = "say(reaper.GetMediaSourceType(reaper.PCM_Source_CreateFromFile([[%s]])))"
    assert says(r, code % (tmp_path / "film.mp4")) == "VIDEO"
    with_item(r, tmp_path / "film.mp4")
    mix = r.project.render()
    assert mix[1000, 0] == pytest.approx(1000 / 2**20)
    inner = r.project
    r.new_tab()
    item = with_item(r, tmp_path / "film.wav")
    item.active.source = sound.project_source(inner, str(tmp_path / "inner.rpp"))
    assert item.active.source.kind == "RPP_PROJECT"
    assert (r.project.render() == mix).all()
