"""Tracks that play plain files are sent as these files, and come to the same sum as reading them through REAPER."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.hosts.jobfolder.mixdown import write_mix
from acebridge.hosts.jobfolder.request import Mix, parse_request
from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.sound import balance, open_source, track_samples
from tests.support.fake_reaper.state import Envelope, Fx, Source
from tests.support.lua_modules import IMPORT
from tests.support.reaper_studio import RATE_HZ, Studio, media

#: A window on no round number, and on the project's samples.
START, STOP = 30_011, 119_003
FRAMES = STOP - START

READ = """
local source, capture, selection = import("audio/source"), import("audio/capture"), import("project/selection")
local selected = selection.read(reaper.EnumProjects(-1))
local found = assert(source.of_mix(selected, selected.start, selected.stop, "source-1", "pre"))
local reading = capture.start(found.captures, [==[%s]==])
local function step()
  local share, why = reading.step()
  if assert(share, why) < 1 then return reaper.defer(step) end
  reaper.ShowConsoleMsg(import("shared/json").encode(found.part))
end
step()
"""


def noise(path: Path, frames: int, channels: int = 2, rate_hz: int = RATE_HZ, seed: int = 0) -> Path:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)
    return media(path, samples, rate_hz)


def mix_by_accessors(reaper: Reaper) -> np.ndarray:
    """What the tracks' accessors give, times the faders."""
    total = np.zeros((FRAMES, 2))
    for track in reaper.project.tracks:
        gains = 0 if track.mute else track.volume * balance(track.pan, 2)
        total += track_samples(track, RATE_HZ, START, FRAMES, 2) * gains
    return total


def mix_by_command(reaper: Reaper) -> tuple[Mix, list[str], np.ndarray]:
    """What the command is asked to mix, the files that were read through REAPER for it, and what it makes of them."""
    reaper.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    folder = reaper.folder / "job 'n'"
    folder.mkdir()
    reaper.run(code=IMPORT + READ % folder)
    part = {"task": "cover", "source": json.loads(reaper.console)}
    mix = parse_request({"version": 1, "parts": [part]}, folder).parts[0].source
    assert isinstance(mix, Mix)
    read = [path.name for path in folder.iterdir()]
    assert {track.file.name for track in mix.tracks if track.file.parent == folder} == set(read)
    samples, rate_hz = soundfile.read(write_mix(mix, folder / "mix.wav"), always_2d=True)
    assert rate_hz == RATE_HZ
    return mix, read, samples


@pytest.fixture
def band(r: Reaper, tmp_path: Path) -> Reaper:
    """Two tracks with gaps: stereo and mono, trimmed, one item that ends inside the window and one that goes beyond it."""
    one, two = r.project.add_track("one"), r.project.add_track("two")
    stereo, mono = noise(tmp_path / "스테레오 'a'.wav", 90_000), noise(tmp_path / "b.wav", 70_000, 1, seed=1)
    first = one.add_item(stereo, 10_007 / RATE_HZ, 40_000 / RATE_HZ, offset=1234 / RATE_HZ)
    second = one.add_item(mono, 60_001 / RATE_HZ, 70_000 / RATE_HZ)
    first.volume, first.takes[0].volume, second.volume = 0.5, 1.5, 0.25
    two.add_item(mono, 35_000 / RATE_HZ, 50_000 / RATE_HZ, offset=20_000 / RATE_HZ)
    one.volume, one.pan, two.pan = 0.8, -0.5, 1.0
    return r


def test_tracks_of_plain_files_are_named_not_read(band: Reaper) -> None:
    expected = mix_by_accessors(band)
    mix, read, got = mix_by_command(band)
    assert read == []
    assert [(track.at, track.first, track.frames) for track in mix.tracks] == [
        (0, 1234 + START - 10_007, 50_007 - START), (60_001 - START, 0, STOP - 60_001), (35_000 - START, 20_000, 50_000),
    ]  # fmt: skip
    assert np.abs(got - expected).max() < 1e-6
    assert np.abs(expected).max() > 0.1


Change = Callable[[Reaper], object]


def item(r: Reaper) -> Any:
    return r.project.tracks[0].items[0]


def take(r: Reaper) -> Any:
    return item(r).takes[0]


def plays(r: Reaper, file: Path) -> None:
    take(r).source = open_source(file)


def several(r: Reaper) -> None:
    item(r).add_take(take(r).source, "second")
    item(r)["B_ALLTAKESPLAY"] = 1


def lanes(r: Reaper) -> None:
    r.project.tracks[0]["I_FREEMODE"] = 2


def hide_item(r: Reaper) -> None:
    item(r).lane = 1
    r.project.tracks[0].lanes[1] = -1


def loops(r: Reaper) -> None:
    plays(r, noise(r.folder / "short.wav", 9000))
    item(r)["B_LOOPSRC"] = 1


def instrument(r: Reaper) -> None:
    take(r).source = Source("", "MIDI")
    take(r).fx.append(Fx("Synth", lambda samples, _rate: samples))


def mp3(r: Reaper) -> None:
    path = r.folder / "c.mp3"
    soundfile.write(path, np.zeros((90_000, 2)), RATE_HZ)
    plays(r, path)


FALLS_BACK: dict[str, Change] = {
    "play rate": lambda r: take(r).values.update(D_PLAYRATE=0.5),
    "pitch": lambda r: take(r).values.update(D_PITCH=0.01),
    "channel mode": lambda r: take(r).values.update(I_CHANMODE=1),
    "stretch markers": lambda r: take(r).stretch.append((0.0, 0.0)),
    "take pan": lambda r: take(r).values.update(D_PAN=-0.5),
    "take pan law": lambda r: take(r).values.update(D_PANLAW=0.5),
    "flipped polarity": lambda r: take(r).values.update(D_VOL=-1),
    "no volume": lambda r: item(r).values.update(D_VOL=0),
    "take FX": lambda r: take(r).fx.append(Fx("Flip", lambda samples, _rate: -samples)),
    "take envelope": lambda r: take(r).envelopes.append(Envelope("<VOLENV")),
    "track envelope": lambda r: r.project.tracks[0].envelopes.append(Envelope("<VOLENV")),
    "playback offset": lambda r: r.project.tracks[0].values.update(D_PLAY_OFFSET=0.01),
    "fade out": lambda r: item(r).values.update(D_FADEOUTLEN=0.01),
    "automatic fade out": lambda r: item(r).values.update(D_FADEOUTLEN_AUTO=0.01),
    "fade in": lambda r: item(r).values.update(D_FADEINLEN=(START - 10_007 + 10) / RATE_HZ),
    "automatic fade in": lambda r: item(r).values.update(D_FADEINLEN_AUTO=0.6),
    "overlap": lambda r: r.project.tracks[0].add_item(r.folder / "b.wav", 50_000 / RATE_HZ, 10 / RATE_HZ),
    "one inside": lambda r: r.project.tracks[0].add_item(r.folder / "b.wav", 40_000 / RATE_HZ, 10 / RATE_HZ),
    "all takes play": several,
    "lanes": lanes,
    "hidden lane": hide_item,
    "loop": loops,
    "starts between samples": lambda r: item(r).values.update(D_POSITION=10_007.3 / RATE_HZ),
    "ends between samples": lambda r: item(r).values.update(D_LENGTH=40_000.3 / RATE_HZ),
    "offset between samples": lambda r: take(r).values.update(D_STARTOFFS=1234.3 / RATE_HZ),
    "offset before the file": lambda r: take(r).values.update(D_STARTOFFS=-30_000 / RATE_HZ),
    "another rate": lambda r: plays(r, noise(r.folder / "c.wav", 90_000, rate_hz=48_000)),
    "four channels": lambda r: plays(r, noise(r.folder / "c.wav", 90_000, 4)),
    "MP3": mp3,
    "an instrument as take FX": instrument,
}


@pytest.mark.parametrize("name", FALLS_BACK)
def test_what_only_reaper_can_tell_is_read_through_it(band: Reaper, name: str) -> None:
    FALLS_BACK[name](band)
    expected = mix_by_accessors(band)
    mix, read, got = mix_by_command(band)
    assert read == ["source-1-1.wav"]
    assert [track.file.name for track in mix.tracks] == ["source-1-1.wav", "b.wav"]  # the other track is still named
    assert np.abs(got - expected).max() < 1e-6


def past_its_file(r: Reaper) -> None:
    plays(r, noise(r.folder / "short.wav", 25_000))


def audible_silence(r: Reaper) -> None:
    item(r).add_take(Source("", "EMPTY"), "empty")
    item(r)["I_CURTAKE"] = 1


def repeats_later(r: Reaper) -> None:
    last = r.project.tracks[0].items[1]
    last.length = 30.0
    last["B_LOOPSRC"] = 1


NAMED: dict[str, Change] = {
    "muted": lambda r: item(r).values.update(B_MUTE=1),
    "muted track": lambda r: r.project.tracks[1].values.update(B_MUTE=1),
    "MIDI": lambda r: setattr(take(r), "source", Source("", "MIDI")),
    "empty take": audible_silence,
    "empty item": lambda r: r.project.tracks[0].add_item(None, 50_100 / RATE_HZ, 10 / RATE_HZ),
    "fade in before": lambda r: item(r).values.update(D_FADEINLEN=0.4),
    "fade out after": lambda r: r.project.tracks[0].items[1].values.update(D_FADEOUTLEN=0.2),
    "ends between samples, after": lambda r: r.project.tracks[0].items[1].values.update(D_LENGTH=69_000.3 / RATE_HZ),
    "overlap after": lambda r: r.project.tracks[0].add_item(r.folder / "b.wav", STOP / RATE_HZ, 1.0),
    "overlap before": lambda r: r.project.tracks[0].add_item(r.folder / "b.wav", 12_000 / RATE_HZ, 18_011 / RATE_HZ),
    "loop that does not repeat": lambda r: item(r).values.update(B_LOOPSRC=1),
    "loop that repeats later": repeats_later,
    "longer than its file": past_its_file,
    "starts after its file": lambda r: take(r).values.update(D_STARTOFFS=5.0),
    "another take": lambda r: item(r).add_take(take(r).source, "second", D_PITCH=1),
    "free positions": lambda r: r.project.tracks[0].values.update(I_FREEMODE=1),
    "rounding": lambda r: item(r).values.update(D_POSITION=10_007 / RATE_HZ + 1e-9),
    "post-FX envelope": lambda r: r.project.tracks[0].envelopes.append(Envelope("<VOLENV2")),
    "FLAC": lambda r: plays(r, Path(recode(r, "flac"))),
    "AIFF": lambda r: plays(r, Path(recode(r, "aiff"))),
    "OGG": lambda r: plays(r, Path(recode(r, "ogg"))),
    "REAPER 6.24": lambda r: setattr(r, "version", "6.24"),
}


def recode(r: Reaper, kind: str) -> Path:
    path = r.folder / f"c.{kind}"
    soundfile.write(path, soundfile.read(take(r).source.path)[0], RATE_HZ)
    return path


@pytest.mark.parametrize("name", NAMED)
def test_what_changes_nothing_is_still_named(band: Reaper, name: str) -> None:
    NAMED[name](band)
    expected = mix_by_accessors(band)
    _, read, got = mix_by_command(band)
    assert read == []
    assert np.abs(got - expected).max() < 1e-6


def test_silence_is_sent_as_silence(band: Reaper) -> None:
    """What is soloed holds no audio, what holds some is not heard."""
    lone = band.project.add_track("keys")
    lone.add_item(None, 0.0, 10.0).add_take(Source("", "MIDI"))
    lone.solo = 1
    _, read, got = mix_by_command(band)
    assert read == ["source-1-1.wav"]
    assert got.shape == (FRAMES, 2)
    assert not got.any()


PIECES = st.lists(
    st.tuples(
        st.integers(0, 60_000),  # gap before it
        st.integers(1, 60_000),  # length
        st.integers(0, 60_000),  # offset in its file
        st.sampled_from([1, 2]),
        st.floats(0.1, 2),
        st.floats(0.1, 2),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=25)
@given(tracks=st.lists(st.tuples(PIECES, st.floats(0.1, 2), st.floats(-1, 1)), min_size=1, max_size=3))
def test_any_row_of_plain_items_comes_to_what_reaper_plays(tmp_path_factory: Any, tracks: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    files = {channels: noise(folder / f"{channels}.wav", 70_000, channels, seed=channels) for channels in (1, 2)}
    with Reaper(folder, rate=RATE_HZ) as r:
        for pieces, volume, pan in tracks:
            track, at = r.project.add_track(), 0
            track.volume, track.pan = volume, pan
            for gap, length, offset, channels, item_volume, take_volume in pieces:
                new = track.add_item(files[channels], (at + gap) / RATE_HZ, length / RATE_HZ, offset / RATE_HZ)
                new.volume, new.takes[0].volume = item_volume, take_volume
                at += gap + length
        # something has to be there to be asked for
        r.project.add_track().add_item(files[2], START / RATE_HZ, 100 / RATE_HZ)
        expected = mix_by_accessors(r)
        _, read, got = mix_by_command(r)
    assert read == []
    assert np.abs(got - expected).max() < 1e-6 * max(1.0, np.abs(expected).max())


@pytest.mark.slow
def test_a_cover_of_plain_tracks_is_of_what_is_audible(studio: Studio) -> None:
    studio.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    studio.band.volume, studio.item.volume = 0.5, 0.75
    studio.project.settle()
    expected = studio.project.render(START / RATE_HZ, STOP / RATE_HZ)
    studio.run("Cover", Style="jazz trio")
    assert studio.reaper.messages == []
    (job,) = studio.jobs()
    assert [path.name for path in job.glob("*.wav")] == ["mix-1.wav"]
    got = soundfile.read(job / "mix-1.wav")[0]
    assert np.abs(got - expected).max() < 1e-6


@pytest.mark.slow
def test_a_file_that_got_shorter_meanwhile_is_named(studio: Studio) -> None:
    studio.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    studio.project.settle()
    before = studio.visible_state()
    media(studio.song, np.zeros((1000, 2), np.float32))  # REAPER knows the old one
    studio.run("Cover")
    (message,) = studio.reaper.messages
    assert f"{studio.song.name} holds 1000 frames" in message
    assert "run the action again" in message
    assert studio.visible_state() == before
