"""The karaoke page: what is in it, and in a browser that it follows the song, line by line and word by word."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.cli.karaoke import audio_url, page_html
from acebridge.pages.sound import playable
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.signals import noise, sine

SONG = Timing(
    (
        TimedLine(1, 3, "One, two", (TimedWord(1, 1.5, "One"), TimedWord(2, 3, "two"))),
        TimedLine(3.5, 5, "three <four> & five"),
        TimedLine(7, 9, "שלום עולם", (TimedWord(7, 8, "שלום"), TimedWord(8, 9, "עולם"))),
        TimedLine(9, 9.5, "[Outro]"),
    ),
    (TimedSection(0, 3.2, 'Verse "1"'), TimedSection(3.2, 6, "Solo & bridge"), TimedSection(6, 9, "Chorus")),
)


class Texts(HTMLParser):
    """Elements by tag, each with its attributes and the text in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link"):
            self.open.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        name, attrs, texts = self.open.pop()
        assert name == tag
        self.found.append((tag, attrs, "".join(texts)))

    def handle_data(self, data: str) -> None:
        for _, _, texts in self.open:
            texts.append(data)

    def texts(self, tag: str) -> list[str]:
        return [text for name, _, text in self.found if name == tag]


def test_the_page_holds_words_sections_and_nothing_from_elsewhere() -> None:
    page = page_html(SONG, title="A <song> & $more", audio="data:audio/wav;base64,AAAA", language="he")
    held = Texts(page)
    assert held.texts("h1") == ["A <song> & $more"]
    assert held.texts("h2") == ['Verse "1"', "Solo & bridge", "Chorus", "Outro"]
    assert held.texts("button") == ["One, two", "three <four> & five", "שלום עולם"]
    assert held.texts("span") == ["One,", "two", "שלום", "עולם"]
    assert [attrs["lang"] for tag, attrs, _ in held.found if tag == "main"] == ["he"]
    assert not re.findall(r"https?://|@import|url\(|\bimport\b", page)
    addresses = [value for _, attrs, _ in held.found for name, value in attrs.items() if name in ("src", "href")]
    assert addresses == ["data:audio/wav;base64,AAAA"]


def test_translations_are_in_the_line_that_they_belong_to() -> None:
    line = TimedLine(0, 1, "la <la>", (), ("tra & la", "ラ"))
    held = Texts(page_html(Timing((line, TimedLine(1, 2, "la")), ()), title="x", audio="x.wav", language="it"))
    assert held.texts("button") == ["la <la>tra & laラ", "la"]
    also = [(attrs["lang"], text) for tag, attrs, text in held.found if tag == "span" and attrs["class"] == "also"]
    assert also == [("", "tra & la"), ("", "ラ")]


def test_a_page_without_sections_or_words() -> None:
    held = Texts(page_html(Timing((TimedLine(0, 1, "la"),), ()), title="x", audio="x.wav"))
    assert (held.texts("h2"), held.texts("button"), held.texts("span")) == ([], ["la"], [])


@pytest.mark.parametrize(("suffix", "kind"), [("mp3", "audio/mpeg"), ("flac", "audio/flac"), ("ogg", "audio/ogg")])
def test_small_audio_is_in_the_page_byte_for_byte(tmp_path: Path, suffix: str, kind: str) -> None:
    source = tmp_path / f"song.{suffix}"
    soundfile.write(source, sine(440, 0.2), 48_000)
    url, embedded = audio_url(source, tmp_path / "page.html")
    assert embedded
    head, data = url.split(",")
    assert head == f"data:{kind};base64"
    assert base64.b64decode(data) == source.read_bytes()


@pytest.mark.parametrize(("name", "subtype"), [("song.aiff", "PCM_24"), ("song.wav", "FLOAT"), ("song.wav", "DOUBLE")])
def test_other_audio_becomes_flac(tmp_path: Path, name: str, subtype: str) -> None:
    tone = sine(440, 0.2)
    soundfile.write(tmp_path / name, tone, 48_000, subtype)
    url, _ = audio_url(tmp_path / name, tmp_path / "page.html")
    assert len(url) < (tmp_path / name).stat().st_size * 1.1
    assert url.startswith("data:audio/flac;base64,")
    held, rate = soundfile.read(io.BytesIO(base64.b64decode(url.split(",")[1])), dtype="float32")
    assert rate == 48_000
    assert np.abs(held - tone).max() <= 2.0**-16 + 2.0**-23


def test_large_audio_stays_where_it_is(tmp_path: Path) -> None:
    source = tmp_path / "my songs" / "it's #1 100%.wav"
    source.parent.mkdir()
    soundfile.write(source, noise(0.2), 48_000)
    size = len(playable(source)[1])
    assert audio_url(source, tmp_path / "pages" / "page.html", embedded_bytes=size - 1) == (
        "../my%20songs/it%27s%20%231%20100%25.wav", False,
    )  # fmt: skip
    assert audio_url(source, tmp_path / "page.html", embedded_bytes=size)[1]


# ---- in a browser ----

in_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    soundfile.write(folder / "song.wav", sine(440, 10), 48_000, "PCM_16")
    url, _ = audio_url(folder / "song.wav", folder / "page.html")
    (folder / "page.html").write_text(page_html(SONG, title="Song", audio=url), "utf-8")
    with browser(folder / "profile") as page:
        page.open(folder / "page.html")
        page.eval("new Promise(done => song.readyState ? done() : song.addEventListener('loadedmetadata', done))")
        yield page


def at(page: Page, time_s: float) -> Any:
    """Seek, and return the text of lines and words that are marked."""
    page.eval(f"""new Promise(done => {{ song.addEventListener('seeked', done, {{ once: true }});
                  song.currentTime = {time_s}; }})""")
    return marks(page)


def marks(page: Page) -> Any:
    return page.eval("""['.line.now', '.line[aria-current]', '.word.now', '.word.past'].map(
                        chosen => Array.from(document.querySelectorAll(chosen), found => found.textContent))""")


@pytest.mark.host
@in_browser
def test_the_page_follows_the_song(page: Page) -> None:
    assert page.eval("song.duration") == pytest.approx(10, abs=0.01)
    one, three, hello = (line.text for line in SONG.lines[:3])
    assert at(page, 0.5) == [[], [], [], []]
    assert at(page, 1.2) == [[one], [one], ["One,"], []]
    assert at(page, 1.8) == [[one], [one], [], ["One,"]]
    assert at(page, 2) == [[one], [one], ["two"], ["One,"]]
    assert at(page, 3.2) == [[], [], [], ["One,", "two"]]
    assert at(page, 4) == [[three], [three], [], ["One,", "two"]]
    assert at(page, 8.5) == [[hello], [hello], ["עולם"], ["One,", "two", "שלום"]]
    assert at(page, 1.2) == [[one], [one], ["One,"], []]


@pytest.mark.host
@in_browser
def test_lines_and_keys_seek(page: Page) -> None:
    at(page, 0)
    page.eval("document.querySelectorAll('.line')[1].click()")
    assert page.eval("song.currentTime") == pytest.approx(3.5)
    assert marks(page)[0] == ["three <four> & five"]
    page.key("ArrowDown")
    assert marks(page)[0] == ["שלום עולם"]
    assert page.eval("document.activeElement.textContent") == "שלום עולם"
    page.key("ArrowUp")
    page.key("ArrowUp")
    assert marks(page)[0] == ["One, two"]
    page.key("ArrowRight")
    assert page.eval("song.currentTime") == pytest.approx(6)
    page.key("ArrowLeft")
    assert page.eval("song.currentTime") == pytest.approx(1)
    # On a line too the space bar plays and pauses, and goes nowhere.
    page.key("ArrowDown")
    page.key(" ")
    page.eval(
        "new Promise(done => { const timer = setInterval(() => song.currentTime > 3.6 && (clearInterval(timer), done()), 20) })"
    )
    assert page.eval("song.paused") is False
    page.key(" ")
    assert page.eval("song.paused") is True
    assert page.eval("song.currentTime") > 3.6
    assert marks(page)[0] == ["three <four> & five"]


@pytest.mark.host
@in_browser
def test_the_page_asks_for_nothing_but_itself(page: Page) -> None:
    assert page.faults == []
    assert page.asked
    assert all(address.startswith(("data:", "file:")) for address in page.asked)
    assert sum(address.startswith("file:") for address in page.asked) == 1
