"""``acebridge lrc`` with files: each suffix its format, a page, and what is refused before anything is sent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.cli.timing import TimingFiles
from acestep_runtime.errors import EngineFailure
from acestep_runtime.lyrics.formats import FORMATS
from tests.support.daemon import write_wav
from tests.support.shell import FAKE, Shell
from tests.support.signals import sine

WORDS = "[Verse 1]\nOver the river\n[Chorus]\nUnder the moon\n"
TEXTS = ["Over the river", "Under the moon"]
FACTS: dict[str, Any] = {
    "lines": [
        {"start_s": 0.5, "end_s": 2.0, "text": "one two",
         "words": [{"start_s": 0.5, "end_s": 1.0, "text": "one"}, {"start_s": 1.0, "end_s": 2.0, "text": "two"}]},
        {"start_s": 2.0, "end_s": 3.0, "text": "three", "words": [{"start_s": 2.0, "end_s": 3.0, "text": "three"}]},
    ],
    "sections": [{"start_s": 0.0, "end_s": 3.0, "name": "Verse"}],
}  # fmt: skip


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A folder with a recording of two phrases and a file of their words."""
    phrase, rest = sine(300, 2.0, peak=0.4), np.zeros((24_000, 2), np.float32)
    write_wav(shell.folder / "song.wav", np.concatenate([rest, phrase, rest, phrase, rest]))
    (shell.folder / "words.txt").write_text(WORDS, "utf-8")
    return shell.folder


def test_timed_lyrics_are_printed_and_written_in_every_format(shell: Shell, folder: Path) -> None:
    command = ("lrc", "song.wav", "--lyrics", "words.txt", "--engine", "draft")
    printed = shell.run(*command).stdout
    stamps = [float(minutes) * 60 + float(seconds) for minutes, seconds in re.findall(r"\[(\d+):([\d.]+)\]", printed)]
    assert len(stamps) == 2
    for name, form in FORMATS.items():
        if name == "elrc":
            continue
        message = shell.run(*command, "-o", f"out/song{form.suffix}").stdout
        assert re.search(rf"out/song\{form.suffix}  \(2 lines(, \d+ words)?\)", message)
        assert "lrc:" not in message
        timing = form.read((folder / "out" / f"song{form.suffix}").read_text("utf-8"))
        assert [line.text for line in timing.lines] == TEXTS
        assert [line.start_s for line in timing.lines] == pytest.approx(stamps, abs=0.011)
    message = shell.run(*command, "-o", "out/words.LRC", "--words", "--html", "song.html").stdout
    assert "song.html  (karaoke page)" in message
    enhanced = FORMATS["elrc"].read((folder / "out" / "words.LRC").read_text("utf-8"))
    assert [line.text for line in enhanced.lines] == TEXTS
    page = (folder / "song.html").read_text("utf-8")
    assert all(word in page for word in ("Over", "Under", "moon", "data:audio/flac;base64,"))
    assert shell.files() == {
        "song.wav", "words.txt", "song.html", "out/words.LRC", *(f"out/song{form.suffix}" for form in FORMATS.values()),
    }  # fmt: skip
    # Only their words are timed again.
    for form in FORMATS.values():
        assert shell.run(*command[:3], f"out/song{form.suffix}", *command[4:]).stdout == printed
    # With --json nothing but the object is printed, and the file is written all the same.
    assert shell.json(*command, "-o", "again.srt")["metadata"][0]["lrc"]
    assert (folder / "again.srt").read_bytes() == (folder / "out" / "song.srt").read_bytes()


def test_an_engine_that_times_nothing(shell: Shell, folder: Path) -> None:
    done = shell.run("lrc", "song.wav", "--lyrics", "la", "-o", "song.lrc", *FAKE, code=4)
    assert "No line was timed, so there is nothing to write. Choose another engine with --engine." in done.stderr
    assert not (folder / "song.lrc").exists()


def test_a_file_of_timed_lyrics_without_times_is_refused(shell: Shell, folder: Path) -> None:
    (folder / "words.lrc").write_text("la la\n", "utf-8")
    said = shell.failure("lrc", "song.wav", "--lyrics", "words.lrc", *FAKE)
    assert said.startswith("In words.lrc, line 1 is 'la la'; allowed: minutes, seconds below 60")
    assert said.endswith("Words without times go into a file that ends in .txt.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-o", "song.wav"], "--out is 'song.wav'; allowed: a name that ends in .lrc, .srt, .vtt, .json, .csv."),
        (["-o", "song"], "--out is 'song'; allowed: a name that ends in .lrc, .srt, .vtt, .json, .csv."),
        (["-o", "folder.lrc"], "--out is 'folder.lrc'; allowed: a name that ends in .lrc"),
        (["--html", "song.wav"], "--html is 'song.wav'; allowed: a name that ends in .html."),
        (["--words"], "--words is 'given'; allowed: with -o and a name that ends in .lrc. Add -o song.lrc."),
        (["-o", "song.srt", "--words"], "--words is 'song.srt'; allowed: for files that end in .lrc, .vtt or .json."),
        (["-o", "song.wav/song.lrc"], "The folder "),
        (["--offset", "3"], "--offset is 3.0; allowed: with -o and the name of a file. Add -o song.lrc."),
        (["-o", "song.lrc", "--offset", "1e9"], "--offset is 1000000000.0; allowed: -36000 to 36000 seconds."),
    ],
)
def test_what_is_refused(shell: Shell, folder: Path, options: list[str], sentence: str) -> None:
    (folder / "folder.lrc").mkdir()
    before = (folder / "song.wav").read_bytes()
    assert shell.failure("lrc", "song.wav", "--lyrics", "la", *options, *FAKE).startswith(sentence)
    assert (folder / "song.wav").read_bytes() == before
    assert shell.files() == {"song.wav", "words.txt"}


def test_an_offset_is_a_time(shell: Shell) -> None:
    said = shell.run("lrc", "song.wav", "--lyrics", "la", "-o", "song.lrc", "--offset", "nan", *FAKE, code=2).stderr
    assert "'nan' is no time" in said


def test_words_and_sections_of_an_engine_are_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", sine(300, 0.1))

    def write_timing(suffix: str, words: bool = False) -> str:
        options = {"src": tmp_path / "song.wav", "timing": tmp_path / f"song{suffix}", "words": words}
        files = TimingFiles.choose(options)
        assert files is not None
        said = list(files.write(FACTS))
        held = ", 3 words" if words or suffix in (".vtt", ".json") else ""
        assert said == [f"{tmp_path / 'song'}{suffix}  (2 lines{held})"]
        return (tmp_path / f"song{suffix}").read_text("utf-8")

    assert write_timing(".lrc") == "[00:00.50]one two\n[00:02.00]three\n[00:03.00]\n"
    assert write_timing(".lrc", words=True).startswith("[00:00.50]<00:00.50>one <00:01.00>two<00:02.00>\n")
    assert "<c>one</c> <00:00:01.000><c>two</c>" in write_timing(".vtt")
    assert "R1,Verse,0:00:00.000,0:00:03.000,0:00:03.000\nM1,one two,0:00:00.500,,\n" in write_timing(".csv")
    assert FORMATS["json"].read(write_timing(".json")).lines[0].words[1].text == "two"


def test_a_part_of_a_song_is_timed_as_the_song(tmp_path: Path) -> None:
    options = {"src": tmp_path / "part.wav", "timing": tmp_path / "song.srt", "offset": 61.25}
    files = TimingFiles.choose(options)
    assert files is not None
    list(files.write(FACTS))
    assert "00:01:01,750 --> 00:01:" in (tmp_path / "song.srt").read_text("utf-8")


def test_translations_of_the_lyrics_go_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "song.wav", sine(300, 0.1))
    Path("words.lrc").write_text("[00:01.00]One two\n[00:01.00]Eins zwei\n[00:05.00]Three\n[00:05.00]Drei\n", "utf-8")
    options = {"src": Path("song.wav"), "timing": Path("song.srt"), "html": "", "lyrics": "words.lrc"}
    files = TimingFiles.choose(options)
    assert files is not None
    assert list(files.write(FACTS)) == ["song.srt  (2 lines)", "song.html  (karaoke page)"]
    assert "\nEins zwei\n" in Path("song.srt").read_text("utf-8")
    page = Path("song.html").read_text("utf-8")
    assert re.findall(r'class="also"[^>]*>([^<]*)<', page) == ["Eins zwei", "Drei"]


def test_a_song_whose_name_is_no_text(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_wav(tmp_path / "song.wav", sine(300, 0.1))
    (tmp_path / "song.wav").rename(source)
    files = TimingFiles.choose({"src": source, "html": tmp_path / "page.html"})
    assert files is not None
    list(files.write(FACTS))
    assert "<title>caf\ufffd</title>" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.slow
def test_a_page_of_a_large_song_refers_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("acebridge.pages.sound.EMBEDDED_BYTES", 100)
    write_wav(tmp_path / "a song.wav", sine(300, 0.1))
    files = TimingFiles.choose({"src": tmp_path / "a song.wav", "html": tmp_path / "page.html", "language": "en"})
    assert files is not None
    assert list(files.write(FACTS)) == [f"{tmp_path / 'page.html'}  (karaoke page)"]
    assert (
        "note: The song is large, so the page plays it from its file; keep it at a%20song.wav."
        in capsys.readouterr().err
    )
    page = (tmp_path / "page.html").read_text("utf-8")
    assert 'src="a%20song.wav"' in page
    assert '<main class="inside" lang="en">' in page
    with pytest.raises(EngineFailure):
        list(files.write({"lines": []}))
    assert TimingFiles.choose({"src": tmp_path / "a song.wav"}) is None
