"""Solos, sends, polarity, width, instruments and renders of the fake REAPER, against sums that are written down by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.fake_says import assert_refused, says

RATE_HZ = 44_100


def level(r: Reaper, folder: Path, value: float, name: str, **values: float) -> Any:
    """A track that plays one value on the left and twice as much on the right, for a second."""
    path = folder / f"{name}.wav"
    soundfile.write(path, np.tile(np.float32([value, 2 * value]), (RATE_HZ, 1)), RATE_HZ, subtype="FLOAT")
    track = r.project.add_track(name, **values)
    track.add_item(path)
    return track


def levels(r: Reaper) -> list[float]:
    """Both channels of the mix in the middle of the second."""
    return [round(float(value), 6) for value in r.project.render(0, 1)[RATE_HZ // 2]]


@pytest.fixture
def band(r: Reaper, tmp_path: Path) -> list[Any]:
    """A guitar of 0.1 that sends half of itself to a reverb of three times that, a bass of 0.01, and the empty reverb."""
    guitar, bass = level(r, tmp_path, 0.1, "guitar"), level(r, tmp_path, 0.01, "bass")
    reverb = r.project.add_track("reverb")
    reverb.add_fx(lambda samples, _rate: 3 * samples)
    guitar.send_to(reverb, D_VOL=0.5)
    return [guitar, bass, reverb]


@pytest.mark.usefixtures("band")
def test_sends_are_audible(r: Reaper) -> None:
    assert levels(r) == [0.26, 0.52]  # 0.1 + 0.05 * 3 + 0.01


@pytest.mark.parametrize(
    ("solo", "left"), [(0, 0.26), (1, 0.1), (2, 0.25), (5, 0.1), (6, 0.25)],
    ids=["none", "solo", "in place", "safe", "safe in place"],
)  # fmt: skip
def test_solo_ignores_routing_or_keeps_it(r: Reaper, band: list[Any], solo: int, left: float) -> None:
    band[0].solo = solo
    assert levels(r) == pytest.approx([left, 2 * left])


@pytest.mark.parametrize("solo", [1, 2])
def test_a_folder_that_is_soloed_plays_what_is_in_it(r: Reaper, tmp_path: Path, solo: int) -> None:
    folder = r.project.add_track("folder", I_FOLDERDEPTH=1, D_VOL=0.5)
    level(r, tmp_path, 0.1, "in it", I_FOLDERDEPTH=-1)
    level(r, tmp_path, 0.01, "not in it")
    folder.solo = solo
    assert levels(r) == [0.05, 0.1]


def test_a_track_that_defeats_solo_is_audible_all_the_same(r: Reaper, band: list[Any]) -> None:
    guitar, bass, _ = band
    guitar.solo, bass["B_SOLO_DEFEAT"] = 1, 1
    assert levels(r) == [0.11, 0.22]
    bass.mute = 1
    assert levels(r) == [0.1, 0.2]
    guitar.solo, bass.mute = 0, 0
    assert levels(r) == [0.26, 0.52]


def test_a_solo_in_place_goes_on_through_sends_of_sends(r: Reaper, band: list[Any]) -> None:
    guitar, _, reverb = band
    delay = r.project.add_track("delay")
    reverb.send_to(delay, D_VOL=0.1)
    guitar.solo = 2
    assert levels(r) == pytest.approx([0.265, 0.53])


@pytest.mark.parametrize(
    ("mode", "left"), [(0, 0.1 * -2 * 0.5), (1, 0.1), (3, 0.1 * -2)], ids=["post fader", "pre FX", "post FX"]
)
def test_where_a_send_takes_its_sound(r: Reaper, tmp_path: Path, mode: int, left: float) -> None:
    track = level(r, tmp_path, 0.1, "a", D_VOL=0.5, B_MAINSEND=0)
    track.add_fx(lambda samples, _rate: -2 * samples)
    track.send_to(r.project.add_track("b"), I_SENDMODE=mode)
    assert levels(r) == pytest.approx([left, 2 * left])


def test_sends_have_gain_pan_polarity_and_mute(r: Reaper, tmp_path: Path) -> None:
    track = level(r, tmp_path, 0.1, "a", B_MAINSEND=0)
    send = track.send_to(r.project.add_track("b"), D_VOL=0.5, D_PAN=-1, B_PHASE=1)
    assert levels(r) == [-0.05, 0.0]
    send.values["B_MUTE"] = 1
    assert levels(r) == [0.0, 0.0]


@pytest.mark.parametrize("ways", behaviour.both("solo_senders"))
def test_what_sends_to_a_solo_in_place(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        track, bus = level(r, tmp_path, 0.1, "a"), r.project.add_track("bus")
        track.send_to(bus, D_VOL=0.5)
        bus.solo = 2
        left = {"there only": 0.05, "not at all": 0, "on its own too": 0.15}[ways["solo_senders"]]
        assert levels(r) == pytest.approx([left, 2 * left], abs=1e-9)


def test_scripts_make_and_change_sends(r: Reaper, tmp_path: Path) -> None:
    level(r, tmp_path, 0.1, "a")
    r.project.add_track("b")
    code = """
        local a, b = reaper.GetTrack(0, 0), reaper.GetTrack(0, 1)
        local i = reaper.CreateTrackSend(a, b)
        reaper.SetTrackSendInfo_Value(a, 0, i, "D_VOL", 0.5)
        say(reaper.GetTrackNumSends(a, 0) .. reaper.GetTrackNumSends(a, -1) .. reaper.GetTrackNumSends(b, -1) .. " ")
        say(tostring(reaper.GetTrackSendInfo_Value(b, -1, 0, "P_SRCTRACK") == a))
    """
    assert says(r, code) == "101 true"
    assert levels(r) == pytest.approx([0.15, 0.3])
    says(r, "reaper.RemoveTrackSend(reaper.GetTrack(0, 0), 0, 0)")
    assert levels(r) == pytest.approx([0.1, 0.2])
    assert_refused(r, "reaper.GetTrackNumSends(reaper.GetTrack(0, 0), 2)", "categories -1, 0 and 1")


def test_sends_in_a_circle_are_refused(r: Reaper, band: list[Any]) -> None:
    band[2].send_to(band[0])
    with pytest.raises(ValueError, match="make a circle"):
        r.project.render(0, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"B_PHASE": 1}, [-0.1, -0.2]),
        ({"D_WIDTH": 0}, [0.1, 0.2]),  # the usual pan mode has no width
        ({"I_PANMODE": 5, "D_WIDTH": 0}, [0.15, 0.15]),
        ({"I_PANMODE": 5, "D_WIDTH": -1}, [0.2, 0.1]),
        ({"I_PANMODE": 5, "D_WIDTH": 0.5}, [0.125, 0.175]),
        ({"I_PANMODE": 6, "D_DUALPANL": 1, "D_DUALPANR": -1}, [0.2, 0.1]),
        ({"D_PAN": 1}, [0.0, 0.2]),
    ],
)
def test_polarity_width_and_pan(r: Reaper, tmp_path: Path, values: dict[str, float], expected: list[float]) -> None:
    level(r, tmp_path, 0.1, "a", **values)
    assert levels(r) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("law", "pan", "curve", "expected"),
    [
        (1.0, 0.0, "sine", (1, 1)), (0.7071, 0.0, "sine", (0.7071, 0.7071)), (0.7071, 0.0, "linear", (0.7071, 0.7071)),
        (1.0, 1.0, "sine", (0, 1)), (0.7071, -1.0, "linear", (1, 0)), (1.0, 0.5, "linear", (0.5, 1)),
        (0.70710678118, 0.5, "sine", (np.sin(np.pi / 8), np.cos(np.pi / 8))),
        (1.0, 0.5, "sine", (0.509, 1.228)),  # measured: by Daw2Daw
    ],
)  # fmt: skip
def test_pans_follow_a_law_and_a_curve(
    tmp_path: Path, law: float, pan: float, curve: str, expected: tuple[float, float]
) -> None:
    (ways,) = [ways for ways in behaviour.both("pan_curve") if ways["pan_curve"] == curve]
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        track = level(r, tmp_path, 0.1, "a", D_PAN=pan)
        r.project.pan_law = law
        assert levels(r) == pytest.approx([0.1 * expected[0], 0.2 * expected[1]], rel=0.02, abs=1e-6)
        track["D_PAN"], track.items[0].takes[0].pan, r.project.pan_law = 0.0, pan, 1.0
        track.items[0].takes[0]["D_PANLAW"] = law
        assert levels(r) == pytest.approx([0.1 * expected[0], 0.2 * expected[1]], rel=0.02, abs=1e-6)


@pytest.mark.parametrize("ways", behaviour.both("take_pan_law"))
def test_takes_and_the_pan_law_of_their_project(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        track = level(r, tmp_path, 0.1, "a", D_PANLAW=1)
        r.project.pan_law = 0.5
        assert levels(r) == pytest.approx([0.05, 0.1] if ways["take_pan_law"] == "project" else [0.1, 0.2])
        track.items[0].takes[0]["D_PANLAW"] = 1
        assert levels(r) == [0.1, 0.2]


def test_a_pan_mode_is_the_track_s_own_or_that_of_its_project(r: Reaper, tmp_path: Path) -> None:
    track = level(r, tmp_path, 0.1, "a", D_DUALPANL=1, D_DUALPANR=-1)
    code = """
        local _, one, other, mode = reaper.GetTrackUIPan(reaper.GetTrack(0, 0))
        say(("%g %g %d"):format(one, other, mode))
    """
    assert says(r, code) == "0 1 3"
    r.project.pan_mode = 6
    assert says(r, code) == "1 -1 6"
    assert levels(r) == [0.2, 0.1]
    track["I_PANMODE"] = 3
    assert levels(r) == [0.1, 0.2]


@pytest.mark.parametrize(("offset", "flags", "frames"), [(0.25, 0, RATE_HZ // 4), (-100, 2, -100), (0.25, 1, 0)])
def test_a_playback_offset_moves_what_is_played(
    r: Reaper, tmp_path: Path, offset: float, flags: int, frames: int
) -> None:
    track = level(r, tmp_path, 0.1, "a", D_PLAY_OFFSET=offset, I_PLAY_OFFSET_FLAG=flags)
    track.items[0].position = 1.0
    mix = r.project.render(0, 3)[:, 0]
    assert np.flatnonzero(mix)[0] == RATE_HZ + frames


def test_other_channels_of_the_parent_are_not_among_the_first_two(r: Reaper, tmp_path: Path) -> None:
    level(r, tmp_path, 0.1, "a", C_MAINSEND_OFFS=2)
    level(r, tmp_path, 0.01, "b")
    assert levels(r) == [0.01, 0.02]


# Instruments


def test_midi_sounds_through_an_instrument_only(r: Reaper) -> None:
    r.project.tempo(0, 120, 4, 4)
    track = r.project.add_track("keys")
    track.add_midi(1.0, 2.0, (0.0, 1.0, 69), (3.0, 8.0, 57))
    assert not r.project.render(0, 4).any()
    track.add_instrument()
    assert says(r, "say(reaper.TrackFX_GetInstrument(reaper.GetTrack(0, 0)) .. '')") == "0"
    mix = r.project.render(0, 4)
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    assert np.abs(mix[RATE_HZ : RATE_HZ * 3 // 2, 0] - 0.25 * np.sin(2 * np.pi * 440 * time)).max() < 1e-6
    assert not mix[RATE_HZ * 3 // 2 : round(2.5 * RATE_HZ)].any()
    assert np.abs(mix[round(2.5 * RATE_HZ) : 3 * RATE_HZ]).max() > 0.2  # until the item ends, not the note
    assert not mix[3 * RATE_HZ :].any()
    track["I_FXEN"] = 0
    assert not r.project.render(0, 4).any()


# Renders

RENDER = """
    local function set(key, value) reaper.GetSetProjectInfo(0, key, value, true) end
    set("RENDER_BOUNDSFLAG", 0) set("RENDER_STARTPOS", 0) set("RENDER_ENDPOS", 1) set("RENDER_SRATE", 44100)
    set("RENDER_TAILFLAG", 0)
    reaper.GetSetProjectInfo_String(0, "RENDER_FILE", [[{folder}]], true)
    reaper.GetSetProjectInfo_String(0, "RENDER_PATTERN", "mix", true)
    reaper.GetSetProjectInfo_String(0, "RENDER_FORMAT", "ZXZhdyAAAQ==", true)
    {more}
    reaper.Main_OnCommand(42230, 0)
"""


@pytest.mark.usefixtures("band")
@pytest.mark.parametrize(
    ("end", "frames"),
    [("done", RATE_HZ), ("partly", RATE_HZ // 2), ("short", RATE_HZ - 512), ("cancelled", None), ("failed", None)],
)
def test_renders_end_in_many_ways(r: Reaper, tmp_path: Path, end: str, frames: int | None) -> None:
    r.render_ends.append(end)
    r.user.toggle_play()
    says(r, RENDER.format(folder=tmp_path / "out", more=""))
    file = tmp_path / "out" / "mix.wav"
    assert (soundfile.info(file).frames if file.exists() else None) == frames
    assert r.project.playing == 0  # REAPER stops to render
    assert r.modal == []


@pytest.mark.usefixtures("band")
def test_nothing_is_known_of_an_unknown_end(r: Reaper, tmp_path: Path) -> None:
    r.render_ends.append("soon")
    assert_refused(r, RENDER.format(folder=tmp_path, more=""), "not 'soon'")


@pytest.mark.parametrize("ways", behaviour.both("render_format"))
def test_a_format_that_is_not_set_last_may_be_lost(tmp_path: Path, ways: dict[str, str]) -> None:
    key = ways["render_format"]
    more = {
        "none": "",
        "RENDER_FORMAT2": 'reaper.GetSetProjectInfo_String(0, "RENDER_FORMAT2", "", true)',
        "RENDER_SETTINGS": 'set("RENDER_SETTINGS", 0)',
    }[key]
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        level(r, tmp_path, 0.1, "a")
        says(r, RENDER.format(folder=tmp_path / "out", more=more))
    assert soundfile.info(tmp_path / "out" / "mix.wav").subtype == ("FLOAT" if key == "none" else "PCM_24")


@pytest.mark.parametrize("ways", behaviour.both("play_rate"))
def test_a_render_may_go_at_the_master_play_rate(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, rate=RATE_HZ, ways=ways) as r:
        level(r, tmp_path, 0.1, "a")
        r.project.play_rate = 2.0
        assert says(r, "say(reaper.Master_GetPlayRate(0) .. '')") == "2.0"
        says(r, RENDER.format(folder=tmp_path / "out", more=""))
    frames = soundfile.info(tmp_path / "out" / "mix.wav").frames
    assert frames == (RATE_HZ // 2 if ways["play_rate"] == "yes" else RATE_HZ)
