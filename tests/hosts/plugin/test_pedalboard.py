"""The plug-in in pedalboard, whose transport never runs: audio, parameters, state, and the window under Xvfb."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.daemon import PATIENCE_S, until
from tests.support.plugin import PARAMETERS, Samples, make_state, read_state
from tests.support.window import Program, blue_at, start_screen, xdotool

pytestmark = pytest.mark.host

Load = Callable[[], Any]

# Where things are in the window, which pedalboard opens at the screen's corner.
CAPTION, CAPTION_EDGE, GO = (250, 225), (300, 211), (30, 500)


@pytest.fixture
def load(vst3: str) -> Load:
    """Return a function that makes an instance."""
    import pedalboard

    return lambda: pedalboard.load_plugin(vst3)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
def test_audio_passes_bit_for_bit(load: Load, noise: Samples, rate_hz: int) -> None:
    plugin = load()
    for block_frames in (1, 64, 1000, 4096):
        audio = noise[:, : 20 * block_frames]
        assert np.array_equal(plugin(audio, rate_hz, buffer_size=block_frames, reset=True), audio)


def test_parameters_have_their_names_and_values(load: Load) -> None:
    plugin = load()
    assert list(plugin.parameters) == list(PARAMETERS)
    assert (plugin.task, plugin.track, plugin.mode, plugin.state) == ("repaint", "drums", "off", "Ready")
    plugin.mode = "add"
    plugin.track = "backing_vocals"
    plugin.takes = 8
    assert (plugin.mode, plugin.track, plugin.takes) == ("add", "backing_vocals", 8)


def test_state_is_restored(load: Load, noise: Samples) -> None:
    plugin = load()
    plugin.raw_state = make_state(caption="Grüße 東京 🎹", lyrics="Ä\nÖ")
    plugin.task = "lego"
    plugin.strength = 0.75
    plugin(noise, 48_000)
    again = load()
    again.raw_state = plugin.raw_state
    again(noise, 48_000)
    assert (again.task, again.strength) == ("lego", 0.75)
    values = read_state(again.raw_state)
    assert (values["caption"], values["lyrics"]) == ("Grüße 東京 🎹", "Ä\nÖ")


@pytest.fixture
def display() -> Iterator[str]:
    server, display = start_screen()
    yield display
    server.terminate()
    server.wait(PATIENCE_S)


def test_window_opens_takes_text_and_opens_again(vst3: str, display: str) -> None:
    environment = {**os.environ, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
    program = Program(sys.executable, "-m", "tests.support.pedalboard_window", vst3, "Été: ", environment=environment)

    def blue(at: tuple[int, int]) -> int:
        assert program.process.poll() is None
        return blue_at(display, at)

    def use(*words: str) -> None:
        xdotool(environment, *words)

    for typed, caption in (("warm", "Été: warm"), (" soul", "Été: warm soul")):
        program.tell("")
        until(lambda: blue(GO) > 120, "the window")
        use("mousemove", *map(str, CAPTION), "click", "1")
        until(lambda: blue(CAPTION_EDGE) > 150, "the caption to have the keyboard")
        use("key", "End", "type", "--delay", "15", typed)
        use("key", "Escape")
        until(lambda: blue(CAPTION_EDGE) < 100, "the caption to give the keyboard back")
        program.tell("")
        assert program.line() == caption
        assert blue(GO) == 0
    program.close()
