"""The player in a browser. Its clock is an offline one, so that what would be heard is known to the sample."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.pages.compare import Comparison, Take, write_comparison
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.signals import Samples, noise

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

RATE_HZ, SECONDS = 48_000, 4
#: Silence before the first sample: 20 ms.
LEAD = 960
FADE = 240
#: In the page, before its script: a clock that goes when the test says so, and counts the sounds that have started.
OFFLINE = f"""
window.started = 0;
window.AudioContext = function () {{
  window.offline = new OfflineAudioContext(2, {SECONDS * RATE_HZ}, {RATE_HZ});
  const make = offline.createBufferSource.bind(offline);
  offline.createBufferSource = () => {{ window.started += 1; return make(); }};
  return offline;
}};
"""
MUSIC = noise(SECONDS + 8, rms=0.1)
HALF = -MUSIC * np.float32(0.5)
DRUMS, BASS = noise(SECONDS + 8, rms=0.1, seed=1), noise(SECONDS + 8, rms=0.1, seed=2)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def write(path: Path, samples: Samples) -> Path:
    soundfile.write(path, samples, RATE_HZ, "PCM_24")
    return path


@pytest.fixture
def takes(tmp_path: Path) -> list[Take]:
    return [Take(write(tmp_path / "one.wav", MUSIC), "One"), Take(write(tmp_path / "two.wav", HALF), "Two")]


@pytest.fixture
def parts(tmp_path: Path) -> list[Take]:
    return [
        Take(write(tmp_path / "song.wav", MUSIC), "Song", is_source=True),
        Take(write(tmp_path / "drums.wav", DRUMS), "Drums", "drums", "Layers"),
        Take(write(tmp_path / "bass.wav", BASS), "Bass", "bass", "Layers", start_s=0.5),
    ]


def show(window: Page, folder: Path, comparison: Comparison, before: str = "", **options: int) -> None:
    write_comparison(folder / "page.html", comparison, **options)
    window.open(folder / "page.html", before)


def render(window: Page, acts: dict[float, str], sounds: int) -> Samples:
    """What is heard ``[N, 2]`` when each of ``acts`` is done at its second, once all sounds are there.

    An offline clock stops between blocks of 128 frames: at multiples of 0.4 s it does so exactly.
    """
    window.until(f"window.started >= {sounds}")
    turns = "".join(
        f"offline.suspend({at}).then(() => {{ {act}; return offline.resume(); }});" for at, act in acts.items()
    )
    text = window.eval(f"""(async () => {{
        {turns}
        const buffer = await offline.startRendering(), both = new Float32Array(2 * buffer.length);
        for (let c = 0; c < 2; c++) both.set(buffer.getChannelData(c), c * buffer.length);
        const bytes = new Uint8Array(both.buffer);
        let text = "";
        for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return btoa(text);
    }})()""")
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(2, -1).T


def press(key: str) -> str:
    return f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: {json.dumps(key)}, bubbles: true }}))"


def click(label: str) -> str:
    selector = f"[aria-label='{label}']"
    return f"document.querySelector({json.dumps(selector)}).click()"


def assert_plays(output: Samples, start_s: float, stop_s: float, music: Samples, first_frame: int = -LEAD) -> None:
    """Assert that from ``start_s`` to ``stop_s`` of the clock ``music`` is output, whose frame 0 is at ``-first_frame``.

    It is noise, so a place that is wrong by a sample is wrong by its level; a page rounds to 16 bits, a browser once more.
    """
    here = slice(round(start_s * RATE_HZ), round(stop_s * RATE_HZ))
    there = slice(here.start + first_frame, here.stop + first_frame)
    np.testing.assert_allclose(output[here], music[there], atol=2e-4)


def test_a_change_keeps_the_place_to_the_sample_and_levels_are_equal(
    window: Page, tmp_path: Path, takes: list[Take]
) -> None:
    show(window, tmp_path, Comparison("Two", takes), OFFLINE)
    window.eval(press(" "))
    output = render(window, {1.2: press("2"), 2.0: press("1"), 2.8: press("l")}, 2)
    assert not output[:LEAD].any()
    fade_s = FADE / RATE_HZ
    # The first is 6 dB louder, and turned down to the second; both begin with their very first sample.
    assert_plays(output, 0.02, 1.2, MUSIC * np.float32(0.5))
    assert_plays(output, 1.2 + fade_s, 2.0, HALF)
    assert_plays(output, 2.0 + fade_s, 2.8, MUSIC * np.float32(0.5))
    assert_plays(output, 2.8 + fade_s, 4.0, MUSIC)
    # In the fade no sample is further from the two than they are from each other.
    for at in (57_600, 96_000):
        inside = slice(at, at + FADE)
        there = slice(at - LEAD, at + FADE - LEAD)
        assert (np.abs(output[inside]) <= np.abs(HALF[there]) + 2e-4).all()
    assert window.faults == []


def test_going_back_and_forth(window: Page, tmp_path: Path, takes: list[Take]) -> None:
    show(window, tmp_path, Comparison("Two", takes), OFFLINE)
    window.eval(press(" "))
    output = render(window, {1.2: press("ArrowRight"), 2.0: press("ArrowLeft"), 2.8: press(" ")}, 2)
    half = MUSIC * np.float32(0.5)
    # It goes on 20 ms later, 5 s further: the place of the press, which was 20 ms behind the clock, and 5 s.
    assert_plays(output, 1.22 + 0.005, 2.0, half, 5 * RATE_HZ - 2 * LEAD)
    assert_plays(output, 2.02 + 0.005, 2.8, half, -3 * LEAD)
    assert not output[round(2.81 * RATE_HZ) :].any()


def test_parts_together_alone_and_without_one(window: Page, tmp_path: Path, parts: list[Take]) -> None:
    show(window, tmp_path, Comparison("Parts", parts, with_source=frozenset(["Layers"])), OFFLINE)
    window.eval(click("Play Layers with the source"))
    acts = {
        1.2: click("Mute Drums"), 1.6: click("Solo Drums"), 2.0: click("Solo Drums"), 2.4: click("Play Bass"),
        2.8: press("0"), 3.2: press("a"),
    }  # fmt: skip
    output = render(window, acts, 3)
    late = np.concatenate([np.zeros((24_000, 2), np.float32), BASS])[: len(MUSIC)]
    spans = [(0.02, MUSIC + DRUMS + late), (1.2, MUSIC + late), (1.6, DRUMS), (2.0, MUSIC + late), (2.4, late), (2.8, MUSIC),
             (3.2, MUSIC + late)]  # fmt: skip
    for (start_s, music), stop_s in zip(spans, [*(at for at, _ in spans[1:]), 4.0], strict=True):
        assert_plays(output, start_s + (0.005 if start_s > 0.02 else 0), stop_s, music)
    pressed = window.eval("Array.from(document.querySelectorAll('.switch[aria-pressed=true]'), b => b.ariaLabel)")
    assert pressed == ["Mute Drums"]


def test_a_sound_that_begins_later_is_played_from_its_place(window: Page, tmp_path: Path, parts: list[Take]) -> None:
    show(window, tmp_path, Comparison("Parts", parts), OFFLINE)
    window.eval(press("2"))
    window.eval(press(" "))
    output = render(window, {}, 3)
    assert_plays(output, 0.02, 4.0, BASS)


# ---- on a clock that goes ----


def place(window: Page) -> float:
    return float(window.eval("Number(document.querySelector('.seek').value)"))


def choice_of(window: Page) -> Any:
    return window.eval("Array.from(document.querySelectorAll('[aria-current]'), row => row.dataset.name)")


@pytest.mark.parametrize("embedded_bytes", [10**9, 0], ids=["in the page", "beside it"])
def test_it_plays_as_a_file_and_asks_for_nothing(
    window: Page, tmp_path: Path, takes: list[Take], embedded_bytes: int
) -> None:
    show(window, tmp_path, Comparison("Two", takes), embedded_bytes=embedded_bytes)
    assert window.eval("document.querySelector('#bar .play').ariaLabel") == "Play"
    window.key(" ")
    window.until("Number(document.querySelector('.seek').value) > 0.1")
    before = place(window)
    window.key("2")
    window.until("document.querySelector('[aria-current]').dataset.name == 'Two'")
    assert before <= place(window) < before + 4
    window.key(" ")
    rest = place(window)
    assert window.eval("document.querySelector('#bar .play').ariaLabel") == "Play"
    window.key("ArrowRight")
    assert place(window) == pytest.approx(min(rest + 5, 12), abs=0.02)
    window.key("ArrowUp")
    assert choice_of(window) == ["One"]
    assert window.faults == []
    files = [address for address in window.asked if not address.startswith("data:")]
    assert all(address.startswith("file:") for address in files)
    assert len(files) == (1 if embedded_bytes else 3)


def test_the_space_bar_behind_a_click_plays_and_pauses(window: Page, tmp_path: Path, takes: list[Take]) -> None:
    show(window, tmp_path, Comparison("Two", takes))
    x, y = window.eval("""(() => { const at = document.querySelector('[aria-label="Play One"]').getBoundingClientRect();
                           return [at.x + at.width / 2, at.y + at.height / 2]; })()""")
    for kind in ("mousePressed", "mouseReleased"):
        window.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    window.until("Number(document.querySelector('.seek').value) > 0.05")
    window.key("2")
    window.until("document.querySelector('[aria-current]').dataset.name == 'Two'")
    window.key(" ")
    assert choice_of(window) == ["Two"]
    assert window.eval("document.querySelectorAll('.playing').length") == 0
    # A button that has the focus is pressed by it; a choice by its key takes the focus along.
    window.eval("document.querySelector('[aria-label=\"Play One\"]').focus()")
    window.key("2")
    assert window.eval("document.activeElement.ariaLabel") == "Play Two"


def test_audio_that_is_gone_is_named(window: Page, tmp_path: Path, takes: list[Take]) -> None:
    show(window, tmp_path, Comparison("Two", takes), embedded_bytes=0)
    (tmp_path / "page-audio" / "0.js").unlink()
    window.key(" ")
    window.until("document.querySelector('.row time').textContent == 'cannot be played here'")


def test_names_are_shown_as_they_are(window: Page, tmp_path: Path) -> None:
    evil = """"'`<b>&amp; ${x} </script><img src=x onerror="window.evil=1"> 한국어 🎵"""
    file = write(tmp_path / "a<img src=x onerror='window.evil=1'>&.wav", MUSIC[:4800])
    show(window, tmp_path, Comparison(evil, [Take(file, evil, facts=[evil])], evil, [evil]))
    shown = window.eval(
        "['h1', '.lead', '.name b', '.chips li', '.facts li'].map(s => document.querySelector(s).textContent)"
    )
    assert shown == [evil] * 5
    assert window.eval("document.querySelector('.file').textContent") == file.name
    assert window.eval("[document.images.length, typeof window.evil]") == [0, "undefined"]
    assert window.faults == []
