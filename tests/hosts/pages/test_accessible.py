"""Every page at the width of a phone and of a desk, in light and dark: axe-core finds no fault, and nothing is cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from acebridge.cli.karaoke import audio_url
from acebridge.cli.karaoke import page_html as karaoke_html
from acebridge.demo.page import page_html as demo_html
from acebridge.demo.results import page_content
from acebridge.pages.compare import Comparison, Take, write_comparison
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.demo_results import results
from tests.support.npm import read_axe
from tests.support.signals import sine

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm"),
]
LONG = (
    "a very long caption with warm analogue synthesisers, brushed drums, fingerpicked guitar and a choir of nine voices"
)
WORDS = (TimedWord(0.1, 0.3, "Over"), TimedWord(0.3, 0.6, "the"), TimedWord(0.6, 0.9, "river"))
SONG = Timing(
    (
        TimedLine(0.1, 0.9, "Over the river", WORDS, ("Über den Fluss", "川を越えて")),
        TimedLine(1, 1.5, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"),
        TimedLine(1.5, 1.9, "שלום עולם", (), ("Hello, world",)),
    ),
    (TimedSection(0, 1, "Verse 1"), TimedSection(1, 2, "Chorus")),
)


def write_demo(folder: Path) -> None:
    (folder / "page.html").write_text(demo_html(page_content(results())), "utf-8")


def write_karaoke(folder: Path) -> None:
    soundfile.write(folder / "song.wav", sine(440, 2), 48_000, "PCM_16")
    url, _ = audio_url(folder / "song.wav", folder / "page.html")
    (folder / "page.html").write_text(karaoke_html(SONG, title=f"Song with {LONG}", audio=url, language="en"), "utf-8")


def write_compare(folder: Path) -> None:
    soundfile.write(folder / "song.wav", sine(440, 2), 48_000, "PCM_16")
    soundfile.write(folder / f"{LONG}.wav", sine(330, 2, peak=0.2), 48_000, "PCM_16")
    facts = ("104 bpm", "G minor", "4/4", "lyrics alignment 0.81", "seed 4294967295", LONG)
    takes = [
        Take(folder / "song.wav", "Source", is_source=True, region=(0.5, 1.0)),
        Take(folder / f"{LONG}.wav", "Take 1", facts=facts, region=(0.5, 1.0)),
        Take(folder / "song.wav", f"Take 2 with {LONG}", facts=facts),
        *(Take(folder / "song.wav", role.capitalize(), role, "Stems") for role in ("drums", "bass", "backing_vocals")),
    ]
    write_comparison(folder / "page.html", Comparison(f"Repaint of {LONG}", takes, LONG, [LONG]))


PAGES = {"demo": write_demo, "karaoke": write_karaoke, "compare": write_compare}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from its package for JavaScript."""
    return read_axe(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module", params=PAGES.values(), ids=PAGES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, axe: str) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    write: Callable[[Path], None] = request.param
    write(folder)
    with browser(folder / "profile") as page:
        page.open(folder / "page.html")
        page.eval(axe)
        yield page


def faults(page: Page) -> Any:
    passed, violations = page.eval("""axe.run().then(found => [found.passes.map(rule => rule.id), found.violations.map(
        rule => [rule.id, rule.nodes.map(node => node.html.slice(0, 200) + " " + node.failureSummary)])])""")
    assert {"color-contrast", "button-name", "region", "document-title"} <= set(passed)
    return violations


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_cut(page: Page, width: int, dark: bool) -> None:
    page.resize(width, dark=dark)
    assert json.dumps(faults(page), indent=1, ensure_ascii=False) == "[]"
    assert page.eval("document.documentElement.scrollWidth") <= width
    # What scrolls sideways inside of the page hides its rest from those who do not try.
    hidden = page.eval("""Array.from(document.querySelectorAll('main *'))
        .filter(each => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX == 'auto')
        .map(each => each.outerHTML.slice(0, 100))""")
    assert hidden == []


def test_axe_finds_nothing_while_it_plays(page: Page) -> None:
    page.resize(1280)
    page.key(" ")
    page.eval("new Promise(done => setTimeout(done, 300))")
    assert json.dumps(faults(page), indent=1, ensure_ascii=False) == "[]"
    page.key(" ")
