"""The plug-in's window in a small host under Xvfb: xdotool types, clicks and drags, and what the project keeps is compared.

Host and plug-in run under AddressSanitizer, except in one test, which opens the plug-in as `make plugin` builds it.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from acestep_runtime.values import TRACKS
from tests.support.daemon import PATIENCE_S, until
from tests.support.plugin import PARAMETERS, STATES, build_sanitized
from tests.support.window import Program, WindowHost, screen_environment, start_screen

pytestmark = pytest.mark.host

# Where things are in a window of 860 x 560.
CAPTURE, CAPTION, LYRICS, TRACKS_FIELD = (60, 26), (250, 225), (250, 300), (250, 406)
TASK, TRACK, SEED, MODE = (560, 225), (670, 225), (670, 273), (790, 273)
STRENGTH_LEFT, STRENGTH_WIDTH, STRENGTH_Y = 743, 105, 225
GO, CANCEL, START, NOTHING = (60, 492), (166, 492), (780, 533), (505, 500)
WAVE_LEFT, WAVE_WIDTH, WAVE_Y, WAVE_BLUE = 12, 836, 110, 200
LIST_TOP, ROW, LISTEN_X = 324, 26, 831
MENU_ITEM = 24
TARGET = (900, 40, 300, 300)  # of a drag, beside the window

UNICODE = "Été à Zürich: Ω ж ß"
FIRST, FRAMES = 96_000, 384_000  # what is captured: bars 2 to 6 at 120 bpm


@pytest.fixture(scope="module")
def programs() -> Path:
    return build_sanitized("watched", "window_host", "xdnd_target")


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment of programs with a screen."""
    server, display = start_screen("1800x1200x24")
    yield screen_environment(display, tmp_path_factory.mktemp("home"))
    server.terminate()
    server.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def session_host(programs: Path, screen: dict[str, str]) -> Iterator[WindowHost]:
    host = WindowHost(programs / "window_host", programs / "watched.clap", screen)
    assert host.ask(f"bind {UNICODE}") == "bound"
    yield host
    host.close()


@pytest.fixture
def host(session_host: WindowHost) -> WindowHost:
    """Return the host with an empty project, and nothing pressed."""
    session_host.click(*NOTHING)
    session_host.settle()
    for name in ("capture", "seed", "mode", "match_loudness"):
        session_host.ask(f"set {PARAMETERS.index(name)} 0")
    for name, value in (("task", 2), ("track", 2), ("take", 1)):
        session_host.ask(f"set {PARAMETERS.index(name)} {value}")
    for key in ("caption", "lyrics", "tracks", "folder", "selection", "regions"):
        assert session_host.ask(f"load {key}") == "loaded"
    report(session_host, "ready")
    until(lambda: session_host.ask("focus") == "host", "the host to have the keyboard")
    assert session_host.ask("forget") == "forgotten"
    return session_host


def edit(host: WindowHost, place: tuple[int, int]) -> None:
    """Click into a field, and wait until it has the keyboard."""
    host.click(*place)
    until(lambda: host.ask("focus") == "plug-in", "the field to have the keyboard")


def capture(host: WindowHost) -> None:
    host.ask("set 7 1")
    host.ask(f"play {FIRST} {FRAMES}")
    host.ask("set 7 0")
    until(lambda: f"frame {FIRST} frames {FRAMES}" in host.state("captures"), "the recording")
    until(lambda: int(host.ask(f"pixel 700 {WAVE_Y - 1}")) & 0xFF > WAVE_BLUE, "the waveform")


def report(
    host: WindowHost, status: str, sentence: str = "", *, progress: float = 0, eta_s: float = -1, start: bool = False
) -> None:
    assert host.ask(f"report {STATES.index(status)} {progress} {eta_s} {int(start)} {sentence}") == "reported"


def selection(host: WindowHost) -> tuple[int, int]:
    first, frames, _rate = host.state("selection").split()
    return int(first), int(frames)


def frame_at(x: float) -> float:
    return FIRST + (x - WAVE_LEFT) * FRAMES / WAVE_WIDTH


# ---- text ----


def test_unicode_is_typed_into_fields(host: WindowHost) -> None:
    edit(host, CAPTION)
    host.type(UNICODE)
    host.until_state("caption", UNICODE)
    edit(host, LYRICS)
    host.type("first\nsecond")
    host.until_state("lyrics", "first\nsecond")
    assert set(host.ask("keys").split()) <= {"Shift_L"}
    assert int(host.ask("dirty")) > 0


def test_text_of_an_input_method_arrives_whole(host: WindowHost) -> None:
    edit(host, LYRICS)
    host.press("Multi_key", "e")
    host.until_state("lyrics", "é")
    host.press("Multi_key", "j")  # more bytes than a key can give
    host.until_state("lyrics", "é日本語の歌詞")


def test_clipboard_carries_lines_both_ways(host: WindowHost, screen: dict[str, str]) -> None:
    def clipboard() -> str:
        command = ["xclip", "-selection", "clipboard", "-o", "-target", "UTF8_STRING"]
        return subprocess.run(command, env=screen, capture_output=True, text=True, timeout=PATIENCE_S).stdout

    lyrics = "[verse]\nÀ la claire fontaine\n東京の夜 🎹\n\n[chorus]\nОчи чёрные"
    subprocess.run(
        ["xclip", "-selection", "clipboard", "-i"],
        input=lyrics, env=screen, text=True, check=True, timeout=PATIENCE_S,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    edit(host, LYRICS)
    host.press("ctrl+v")
    host.until_state("lyrics", lyrics)
    host.press("ctrl+a", "ctrl+x")
    host.until_state("lyrics", "")
    until(lambda: clipboard() == lyrics, "the clipboard")
    host.press("ctrl+z")
    host.until_state("lyrics", lyrics)
    host.press("ctrl+y")
    host.until_state("lyrics", "")
    edit(host, CAPTION)
    host.press("ctrl+v")  # one line of it
    host.until_state("caption", lyrics.replace("\n", " "))


def test_paste_without_a_clipboard_does_nothing(host: WindowHost, screen: dict[str, str]) -> None:
    command = ["xclip", "-selection", "clipboard"]
    subprocess.run([*command, "-i", "-loops", "1"], input="x", env=screen, text=True, check=True, timeout=PATIENCE_S)

    def is_empty() -> bool:
        return subprocess.run([*command, "-o"], env=screen, capture_output=True, timeout=PATIENCE_S).returncode != 0

    until(is_empty, "the clipboard to be empty")
    edit(host, CAPTION)
    host.press("ctrl+v")
    host.type("still here")
    host.until_state("caption", "still here")


def test_mouse_and_keys_select(host: WindowHost) -> None:
    edit(host, CAPTION)
    host.type("soft piano music")
    host.until_state("caption", "soft piano music")
    host.click(60, CAPTION[1], times=2)  # a word
    host.type("loud")
    host.until_state("caption", "soft loud music")
    host.press("Home", "shift+ctrl+Right")
    host.type("very")
    host.until_state("caption", "very loud music")
    host.drag((18, CAPTION[1]), (400, CAPTION[1]))  # all of it
    host.type("x")
    host.until_state("caption", "x")
    host.press("End", "BackSpace")
    host.until_state("caption", "")


def test_long_lyrics_scroll_with_the_caret(host: WindowHost) -> None:
    assert host.ask("load lyrics " + "\\n".join(f"line {i}" for i in range(40))) == "loaded"
    edit(host, LYRICS)
    host.press("ctrl+End")
    host.type("!")
    host.press("Prior", "Prior", "Prior", "Prior", "Prior", "Prior", "Prior", "Prior", "Prior", "Prior")
    host.press("Home")
    host.type("?")
    want = ["?line 0", *(f"line {i}" for i in range(1, 39)), "line 39!"]
    until(lambda: host.state("lyrics").split("\n") == want, "both ends to be edited")


# ---- keys ----


def test_keys_that_are_not_used_are_the_host_s(host: WindowHost) -> None:
    host.move(*CAPTION)
    host.press("space", "a", "F5")
    until(lambda: host.ask("keys").split() == ["space", "a", "F5"], "the keys in the host")
    edit(host, CAPTION)
    host.press("space", "a")
    host.until_state("caption", " a")
    host.press("F5", "ctrl+s")
    until(lambda: {"F5", "s"} <= {*host.ask("keys").split()[3:]}, "the keys that the field does not use")
    assert not {"space", "a"} & {*host.ask("keys").split()[3:]}
    host.press("Escape")
    until(lambda: host.ask("focus") == "host", "the host to have the keyboard")
    host.press("space")
    until(lambda: "space" in host.ask("keys").split()[3:], "the key in the host")
    edit(host, CAPTION)
    host.click(*NOTHING)
    until(lambda: host.ask("focus") == "host", "the host to have the keyboard")


def test_clicks_that_come_at_once_leave_the_keyboard_to_the_last(host: WindowHost) -> None:
    edit(host, CAPTION)
    for first, last, owner in ((NOTHING, CAPTION, "plug-in"), (CAPTION, NOTHING, "host")):
        assert host.ask("hold") == "held"
        host.click(*first)
        host.click(*last)
        host.settle()
        until(lambda owner=owner: host.ask("focus") == owner, f"{owner} to have the keyboard")
        host.type("x")
    until(lambda: "x" in host.ask("keys").split(), "the key in the host")
    host.until_state("caption", "x")


def test_field_that_has_lost_the_keyboard_takes_it_again(host: WindowHost) -> None:
    edit(host, CAPTION)
    host.xdotool("windowfocus", int(host.ask("window")))  # as a window manager does, coming back from another program
    until(lambda: host.ask("focus") == "host", "the host to have the keyboard")
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")


# ---- the region ----


def test_region_is_dragged(host: WindowHost) -> None:
    capture(host)
    pixel = FRAMES / WAVE_WIDTH
    host.drag((100, WAVE_Y), (300, WAVE_Y))
    until(lambda: host.state("selection"), "a selection")
    first, frames = selection(host)
    assert first == pytest.approx(frame_at(100), abs=pixel)
    assert first + frames == pytest.approx(frame_at(300), abs=pixel)
    host.drag((300, WAVE_Y), (432, WAVE_Y))  # the edge, near the beginning of bar 4
    until(lambda: sum(selection(host)) == 288_000, "the edge at bar 4")
    host.drag((250, WAVE_Y), (350, WAVE_Y))  # the whole
    until(lambda: selection(host)[0] == pytest.approx(first + 100 * pixel, abs=2 * pixel), "the region to move")
    assert selection(host)[1] == 288_000 - first
    host.click(700, WAVE_Y, times=2)
    host.until_state("selection", "")


# ---- parameters ----


def test_menus_set_parameters(host: WindowHost) -> None:
    host.click(*TRACK)  # where a repaint has another menu
    host.click(TRACK[0], 242 + 1.5 * MENU_ITEM)
    host.until_parameter("match_loudness", 1)
    host.click(*TASK)
    host.click(TASK[0], 242 + 3.5 * MENU_ITEM)  # lego
    host.until_parameter("task", 3)
    host.click(*TRACK)
    host.click(TRACK[0], 242 + (TRACKS.index("bass") + 0.5) * MENU_ITEM)
    host.until_parameter("track", TRACKS.index("bass"))
    host.click(*MODE)
    host.click(MODE[0], 290 + 1.5 * MENU_ITEM)
    host.until_parameter("mode", 1)
    host.click(*CAPTURE)
    host.until_parameter("capture", 1)


def test_controls_that_a_task_does_not_use_do_nothing(host: WindowHost) -> None:
    host.ask("set 2 0.5")
    host.click(STRENGTH_LEFT + STRENGTH_WIDTH * 0.8, STRENGTH_Y)
    host.until_parameter("strength", 0.8)
    host.ask("set 0 0")  # text2music
    host.click(STRENGTH_LEFT + STRENGTH_WIDTH * 0.2, STRENGTH_Y)
    host.click(*TRACKS_FIELD)
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")
    assert host.get("strength") == pytest.approx(0.8)
    assert host.state("tracks") == ""


def test_seed_is_typed(host: WindowHost) -> None:
    edit(host, SEED)
    host.type("12a34")
    host.press("Return")
    host.until_parameter("seed", 1234)
    until(lambda: host.ask("focus") == "host", "the host to have the keyboard")


def test_go_cancel_and_start_are_pressed(host: WindowHost) -> None:
    goes, cancels = map(int, host.ask("goes").split())
    host.click(*GO)
    until(lambda: host.ask("goes") == f"{goes + 1} {cancels}", "Go")
    report(host, "working", "Painting.", progress=0.4, eta_s=12)
    host.click(*CANCEL)
    until(lambda: host.ask("goes") == f"{goes + 1} {cancels + 1}", "Cancel")
    host.click(*GO)  # not while a job is running
    host.settle()
    report(host, "failed", "There is no daemon. Start it.", start=True)
    starts = int(host.ask("starts"))
    host.click(*START)
    until(lambda: int(host.ask("starts")) == starts + 1, "the wish to start the daemon")
    assert int(host.ask("goes").split()[0]) == goes + 1


# ---- takes ----


def test_takes_are_chosen_and_play(host: WindowHost) -> None:
    capture(host)
    for number in (1, 2):
        assert host.ask(f"take {number} {FIRST + 96_000} 96000") != "no"
    host.click(600, LIST_TOP + 2 * ROW)
    host.until_parameter("take", 2)
    for number in (2, 1, 0):
        host.click(LISTEN_X, LIST_TOP + number * ROW)
        until_plays(host, number)
    host.click(LISTEN_X, LIST_TOP)
    until_plays(host, -1)


def until_plays(host: WindowHost, number: int) -> None:
    until(lambda: host.ask("hears") == str(number), f"take {number} to play")


@pytest.fixture
def take(host: WindowHost) -> str:
    """Return the hash of the audio of a take that is in the list."""
    return host.ask(f"take 1 {FIRST} 96000")


def drag_take(host: WindowHost, *, to: tuple[float, float]) -> None:
    """Take a take out of the window, and leave the mouse button down."""
    host.move(600, LIST_TOP + ROW)
    host.xdotool("mousedown", 1)
    host.move(620, LIST_TOP + ROW + 10)
    host.move(*to)


def target(programs: Path, screen: dict[str, str], mode: str) -> Program:
    return Program(str(programs / "xdnd_target"), mode, *map(str, TARGET), environment=screen)


def test_take_is_dragged_into_another_program(
    host: WindowHost, take: str, programs: Path, screen: dict[str, str]
) -> None:
    other = target(programs, screen, "accept")
    drag_take(host, to=(1000, 200))
    assert other.read("entered") == "entered 5 uri-list"
    other.read("moved")
    host.xdotool("mouseup", 1)
    uri = other.read("dropped").removeprefix("dropped file://")
    other.kill()
    file = Path(unquote(uri))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == take
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent == Path(screen["ACEBRIDGE_HOME"], "plugin/audio")


def test_escape_ends_a_drag(host: WindowHost, take: str, programs: Path, screen: dict[str, str]) -> None:
    assert take != "no"
    other = target(programs, screen, "accept")
    drag_take(host, to=(1000, 200))
    other.read("moved")
    host.press("Escape")
    other.read("left")
    host.xdotool("mouseup", 1)
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")
    other.kill()


@pytest.mark.parametrize("mode", ["refuse", "silent"])
def test_target_that_does_not_take_the_file_holds_nothing_up(
    host: WindowHost, take: str, programs: Path, screen: dict[str, str], mode: str
) -> None:
    assert take != "no"
    other = target(programs, screen, mode)
    drag_take(host, to=(1000, 200))
    other.read("moved" if mode == "refuse" else "entered")
    host.xdotool("mouseup", 1)
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")
    other.read("left")
    other.kill()


def test_target_that_ends_ends_nothing_else(
    host: WindowHost, take: str, programs: Path, screen: dict[str, str]
) -> None:
    assert take != "no"
    other = target(programs, screen, "accept")
    drag_take(host, to=(1000, 200))
    other.read("moved")
    other.kill()
    host.move(1010, 210)
    host.xdotool("mouseup", 1)
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")


def test_window_closes_in_the_middle_of_a_drag(host: WindowHost, take: str) -> None:
    assert take != "no"
    drag_take(host, to=(700, 500))
    assert host.ask("reopen") == "reopened"
    host.xdotool("mouseup", 1)
    edit(host, CAPTION)
    host.type("x")
    host.until_state("caption", "x")


# ---- the window itself ----


def test_window_grows_with_the_host_and_its_scale(programs: Path, screen: dict[str, str]) -> None:
    host = WindowHost(programs / "window_host", programs / "watched.clap", screen, scale=2)
    assert host.ask("size") == "1720 1120"
    edit(host, CAPTION)
    host.type("large")
    host.until_state("caption", "large")
    assert host.ask("resize 100 100") == "1440 960"  # no smaller than that
    host.settle()
    host.click(60, 480 - 68)
    until(lambda: host.ask("goes") == "1 0", "Go")
    host.close()


def test_plugin_as_it_is_built_opens_its_window(programs: Path, binaries: Path, screen: dict[str, str]) -> None:
    environment = {**screen, "ASAN_OPTIONS": "detect_leaks=0:detect_odr_violation=0"}
    host = WindowHost(programs / "window_host", binaries / "AceBridge.clap", environment)
    edit(host, CAPTION)
    host.type("Hello")
    host.until_state("caption", "Hello")
    host.close()
