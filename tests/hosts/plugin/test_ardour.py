"""The plug-in in a real Ardour under Xvfb, as VST3 and LV2 one behind the other: bounce, rolling, loop, state, window."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.plugin.instances import Instance, running_instances
from tests.support.ardour import Ardour
from tests.support.ardour_session import read_lv2, read_vst3, show_windows, write_lv2, write_vst3
from tests.support.daemon import Daemon, daemon_at, until
from tests.support.linked_host import CHOICES
from tests.support.plugin import PARAMETERS, Samples, check_of, make_take, read_captures
from tests.support.signals import song
from tests.support.window import blue_at, xdotool

pytestmark = pytest.mark.host

RATE_HZ = 48_000
#: Where the song and the take lie, and the loop, in frames: on no round number, so that nothing comes out right by chance.
SONG_AT, END = 24_001, 200_000
TAKE_AT, TAKE_FRAMES, FADE = 96_007, 20_000, 100
#: The crossfade at the edges of what the daemon makes, in frames: 10 ms.
EDGE = 480
LOOP = (100_003, 140_010)
#: The most frames of a block of the Dummy backend.
BLOCK = 1024
VST3, LV2 = 0, 1
TASKS, TRACKS = CHOICES["task"], CHOICES["track"]
READERS = {VST3: read_vst3, LV2: read_lv2}
#: Where the windows are on a screen of 1280 x 800, and where in them captions are clicked: not below the other window.
CORNERS = {"vst3": (0, 0), "lv2": (400, 180)}
CAPTION_X = {VST3: 250, LV2: 470}
CAPTION_Y, CAPTION_EDGE_Y, GO, HEIGHT = 225, 211, (30, 492), 560

_ADD_PLUGINS = """
local track = session:route_by_name(arg[4]):to_track()
for index, kind in ipairs({{"VST3", "AceBridge"}, {"LV2", "urn:acebridge:plugin"}}) do
  local processor = ARDOUR.LuaAPI.new_plugin(session, kind[2], ARDOUR.PluginType[kind[1]], "")
  assert(not processor:isnil(), kind[1])
  assert(track:add_processor_by_index(processor, index - 1, nil, true) == 0)
end
"""
_SAVE_AGAIN = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = load_session(arg[1], arg[2])
session:save_state("")
close_session()
"""


def read(path: str) -> Samples:
    return soundfile.read(path, dtype="float32")[0]


class Studio:
    """Ardour with the song on its track, behind it both plug-ins, and the input of those."""

    def __init__(self, ardour: Ardour, take: Samples, texts: dict[str, str]) -> None:
        self.ardour, self.take = ardour, take
        self.texts = {plugin: dict(texts) for plugin in READERS}
        self.bounces = 0
        self.input = np.zeros((2, 0), dtype=np.float32)

    def set(self, plugin: int, name: str, value: float) -> None:
        self.ardour.run(f"""
        local processor = Session:route_by_name("Song"):nth_plugin({plugin})
        assert(ARDOUR.LuaAPI.set_processor_param(processor, {PARAMETERS.index(name)}, {value}))
        """)

    def bounce(self, first: int, last: int, *, behind: str = "route:main_outs()") -> Samples:
        """Return what a part of the track sounds like behind a processor."""
        self.bounces += 1
        rows = self.ardour.run(f"""
        local route = Session:route_by_name("Song")
        local region = route:to_track():bounce_range(
          {first}, {last}, ARDOUR.InterThreadInfo(), {behind}, false, "bounce {self.bounces}"):to_audioregion()
        for channel = 0, 1 do say(region:source(channel):to_filesource():path()) end
        """)
        return np.stack([read(path) for (path,) in rows])

    def position(self) -> int:
        return int(self.ardour.run("say(Session:transport_sample())")[0][0])

    def is_rolling(self) -> bool:
        return self.ardour.run("say(tostring(Session:transport_rolling()))") == [["true"]]

    def locate(self, frame: int) -> None:
        """Put the playhead there. Ardour forgets a request that comes while it is busy with another one."""

        def ask() -> bool:
            self.ardour.send("/locate", frame, 0)
            return self.position() == frame

        until(ask, "the playhead")

    def play(self, *, loop: bool = False) -> None:
        """Start the transport."""
        request = "Session:request_play_loop(true, false)" if loop else "Session:request_roll(TRS)"
        request = request.replace("TRS", "ARDOUR.TransportRequestSource.TRS_UI")

        def ask() -> bool:
            if not self.is_rolling():
                self.ardour.run(request)
            return self.is_rolling()

        until(ask, "the transport")

    def stop(self) -> None:
        """Stop the transport."""

        def ask() -> bool:
            self.ardour.send("/transport_stop")
            return not self.is_rolling()

        until(ask, "the end of the transport")

    def window(self, plugin: int) -> tuple[int, int]:
        """Return the corner of the plug-in's window on the screen: Ardour has a row of its own above."""
        screen = {**os.environ, "DISPLAY": self.ardour.display}
        name = rf"AceBridge.*{list(CORNERS)[plugin]}"
        text = xdotool(screen, "search", "--name", name, "getwindowgeometry", "--shell", "%1")
        place = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", text)}
        return place["X"], place["Y"] + place["HEIGHT"] - HEIGHT

    def captures(self, plugin: int) -> list[tuple[int, int, str, str]]:
        """Save the session; return first frame, frames, end and check of each recording that is said there."""
        self.ardour.run('Session:save_state("")')
        captures = read_captures(READERS[plugin](self.ardour.session)["captures"])
        return [(int(row["frame"]), int(row["frames"]), row["end"], row["check"]) for row in captures]


def install_plugins(ardour: Ardour, binaries: Path) -> None:
    """Put the plug-ins into the user's folders, and have Ardour look for VST3."""
    for folder, name in ((".vst3", "AceBridge.vst3"), (".lv2", "AceBridge.lv2")):
        (ardour.home / folder).mkdir()
        (ardour.home / folder / name).symlink_to(binaries / name)
    (scanner,) = Path("/usr/lib").glob("ardour*/ardour-vst3-scanner")
    ardour.run_program(scanner, "-f", "-q", ardour.home / ".vst3/AceBridge.vst3", LD_LIBRARY_PATH=str(scanner.parent))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def studio(binaries: Path, daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    soundfile.write(folder / "song.wav", song(bpm=120, bars=3, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")
    take = np.random.default_rng(7).uniform(-0.5, 0.5, (2, TAKE_FRAMES)).astype(np.float32)
    texts = {
        "caption": 'Grüße aus "東京" 🎹 \\ /',
        "lyrics": "[verse]\nÀ la claire fontaine\n",
        "tracks": "drums,bass",
        "regions": make_take(take, TAKE_AT, RATE_HZ, fade_frames=FADE),
    }
    ardour = Ardour(folder, rate_hz=RATE_HZ, fades=False, variables={"ACEBRIDGE_HOME": str(daemon.home)})
    install_plugins(ardour, binaries)
    ardour.make_session(_ADD_PLUGINS)
    write_vst3(ardour.session, texts)
    write_lv2(ardour.session, texts)
    show_windows(ardour.session, CORNERS)
    studio = Studio(ardour, take, texts)
    try:
        ardour.open({})
        ardour.import_audio(folder / "song.wav", SONG_AT)
        studio.input = studio.bounce(0, END, behind="ARDOUR.LuaAPI.nil_proc()")
        yield studio
    finally:
        ardour.stop()


def test_audio_passes_bit_for_bit(studio: Studio) -> None:
    assert np.abs(studio.input).max() > 0.5
    assert np.array_equal(studio.bounce(0, END), studio.input)


@pytest.mark.parametrize("plugin", [VST3, LV2])
def test_a_take_is_bounced_at_its_place(studio: Studio, plugin: int) -> None:
    studio.set(plugin, "mode", 1)
    whole, part = studio.bounce(0, END), studio.bounce(100_003, 110_001)
    studio.set(plugin, "mode", 0)
    end = TAKE_AT + TAKE_FRAMES
    assert np.array_equal(whole[:, :TAKE_AT], studio.input[:, :TAKE_AT])
    assert np.array_equal(whole[:, TAKE_AT + FADE : end - FADE], studio.take[:, FADE:-FADE])
    assert np.array_equal(whole[:, end:], studio.input[:, end:])
    assert np.array_equal(part, whole[:, 100_003:110_001])


@pytest.mark.parametrize("plugin", [VST3, LV2])
def test_a_bounce_is_captured_to_the_frame(studio: Studio, plugin: int) -> None:
    before = len(studio.captures(plugin))
    studio.set(plugin, "capture", 1)
    studio.bounce(50_001, 90_002)
    studio.set(plugin, "capture", 0)
    (capture,) = studio.captures(plugin)[before:]
    assert capture[:2] == (50_001, 40_001)
    assert capture[3] == check_of(studio.input[:, 50_001:90_002])


def roll(studio: Studio, wait: Callable[[], Any]) -> dict[int, list[tuple[int, int, str, str]]]:
    """Capture with both plug-ins while the transport rolls, until something holds; return what they say about that."""
    before = {plugin: len(studio.captures(plugin)) for plugin in READERS}
    for plugin in READERS:
        studio.set(plugin, "capture", 1)
    until(wait, "the transport at work")
    studio.stop()
    for plugin in READERS:
        until(lambda plugin=plugin: studio.captures(plugin)[-1][2] != "open", "the end of the capture")
        studio.set(plugin, "capture", 0)
    return {plugin: studio.captures(plugin)[before[plugin] :] for plugin in READERS}


def test_what_rolls_is_captured_to_the_frame(studio: Studio) -> None:
    """Capture begins on the way: Ardour fades in what it plays first."""
    studio.locate(48_003)
    studio.play()
    until(lambda: studio.position() > 58_000, "the transport at work")
    captures = roll(studio, lambda: studio.position() > 80_000)
    for ((first, frames, end, check),) in captures.values():
        assert first > 52_000
        assert frames > 0
        assert end == "stop"
        played = studio.bounce(first, first + frames, behind="ARDOUR.LuaAPI.nil_proc()")
        assert check == check_of(played), (first, frames)


def test_each_pass_of_a_loop_is_captured(studio: Studio) -> None:
    studio.ardour.run(f"Editor:set_loop_range(Temporal.timepos_t({LOOP[0]}), Temporal.timepos_t({LOOP[1]}), 'loop')")
    studio.play(loop=True)
    positions = [0]

    def has_passed_often() -> bool:
        positions.append(studio.position())
        return sum(b < a for a, b in pairwise(positions)) >= 4

    captures = roll(studio, has_passed_often)
    lv2 = [(first, frames, check) for first, frames, end, check in captures[LV2] if end == "back"][1:]
    assert len(lv2) >= 2
    assert set(lv2) == {(LOOP[0], LOOP[1] - LOOP[0], check_of(studio.input[:, LOOP[0] : LOOP[1]]))}
    vst3 = [(first, first + frames) for first, frames, end, _ in captures[VST3] if end == "back"][1:]
    assert len(vst3) >= 2
    for first, last in vst3:  # Ardour tells VST3 only where a block begins, and wraps inside of it
        assert LOOP[0] <= first < LOOP[0] + BLOCK
        assert LOOP[1] <= last < LOOP[1] + BLOCK


@pytest.mark.parametrize("plugin", [VST3, LV2])
def test_go_makes_a_take_that_is_bounced_in_place(studio: Studio, daemon: Daemon, plugin: int) -> None:
    first, last = 40_001, 85_002
    recording = {"frame": first, "frames": last - first}
    track = {VST3: "bass", LV2: "guitar"}[plugin]  # nothing depends on it: it tells the instances apart

    def now() -> Instance:
        (instance,) = (each for each in running_instances(daemon.home) if each.id == name)
        return instance

    studio.set(plugin, "task", TASKS.index("cover"))
    studio.set(plugin, "track", TRACKS.index(track))
    (name,) = until(
        lambda: [each.id for each in running_instances(daemon.home) if each.text("track") == track], "the instance"
    )
    studio.set(plugin, "capture", 1)
    studio.bounce(first, last)
    studio.set(plugin, "capture", 0)
    until(lambda: any(recording.items() <= each.items() for each in now().facts["recordings"]), "the recording")
    studio.set(plugin, "go", 1)
    until(lambda: now().job_number() == 1 and not now().is_working(), "the end of the job")
    assert now().text("state") == "done", now().text("sentence")
    (file,) = now().job_files()
    take = read(file).T
    studio.set(plugin, "mode", 1)
    whole = studio.bounce(0, END)
    studio.set(plugin, "mode", 0)
    assert take.shape == (2, last - first)
    assert not np.array_equal(take, studio.input[:, first:last])
    assert np.array_equal(whole[:, :first], studio.input[:, :first])
    inside = slice(EDGE, last - first - EDGE)
    assert np.array_equal(whole[:, first:last][:, inside], take[:, inside])
    assert np.array_equal(whole[:, last:TAKE_AT], studio.input[:, last:TAKE_AT])


@pytest.mark.parametrize("plugin", [VST3, LV2])
def test_text_is_typed_into_the_window(studio: Studio, plugin: int) -> None:
    x, y = studio.window(plugin)
    screen = {**os.environ, "DISPLAY": studio.ardour.display}

    def blue(at: tuple[int, int]) -> int:
        return blue_at(studio.ardour.display, (x + at[0], y + at[1]))

    until(lambda: blue(GO) > 120, "the window")
    edge = (CAPTION_X[plugin], CAPTION_EDGE_Y)
    xdotool(screen, "mousemove", x + CAPTION_X[plugin], y + CAPTION_Y, "click", 1)
    until(lambda: blue(edge) > 150, "the caption to have the keyboard")
    xdotool(screen, "key", "End", "type", "--delay", 15, " live")
    studio.texts[plugin]["caption"] += " live"

    def is_saved() -> bool:
        studio.ardour.run('Session:save_state("")')
        return READERS[plugin](studio.ardour.session)["caption"] == studio.texts[plugin]["caption"]

    until(is_saved, "the caption in the session")
    xdotool(screen, "key", "Escape")
    until(lambda: blue(edge) < 100, "the caption to give the keyboard back")


def test_state_survives_saving_and_opening_again(studio: Studio) -> None:
    """The last test of all: it ends Ardour."""
    ardour = studio.ardour
    studio.set(VST3, "strength", 0.25)
    studio.bounce(0, BLOCK)  # VST3 gets parameters with audio
    ardour.run('Session:save_state("")')
    saved = {plugin: READERS[plugin](ardour.session) for plugin in READERS}
    ardour.stop()
    ardour.run_without_window(_SAVE_AGAIN)
    for plugin, read_state in READERS.items():
        again = read_state(ardour.session)
        for key, text in studio.texts[plugin].items():
            assert saved[plugin][key] == text or key == "regions"  # there are more takes than at first
            assert again[key] == saved[plugin][key]
        assert studio.texts[plugin]["regions"].splitlines()[1] in again["regions"].splitlines()
    assert float(read_vst3(ardour.session)["strength"]) == 0.25
