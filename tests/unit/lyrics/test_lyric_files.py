"""Files of lyrics: what is a file, and in which encodings it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.files import decode_text, is_file_name, read_lyrics

WORDS = "[Verse]\nHello my friend\n밤하늘 별빛\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_read_in_every_form(tmp_path: Path, encoding: str) -> None:
    marks = {"utf-16-be": b"\xfe\xff", "utf-16-le": b""}
    file = tmp_path / "words.txt"
    file.write_bytes(marks.get(encoding, b"") + WORDS.encode(encoding))
    assert read_lyrics(str(file), "--lyrics").text == WORDS


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("Où est passé l'été".encode("cp1252"), "text in an old encoding"),
        ("夜空を見上げて".encode("shift-jis"), "text in an old encoding"),
        ("我们一起走过".encode("gb18030"), "text in an old encoding"),
        ("밤하늘".encode("cp949"), "text in an old encoding"),
        (b"{\\rtf1\\ansi la}", "an RTF document"),
        (b"PK\x03\x04\x14\x00\x00", "a document of a word processor"),
        (b"%PDF-1.4", "a PDF"),
        (b"<!DOCTYPE html><p>la", "a page of the web"),
        (b"\x00\x01\x02\x03", "no text"),
        (b"hello\0world\n", "no text"),
        (b"\xff\xfea", "text in an old encoding"),
    ],
)
def test_what_is_no_unicode_text_is_refused_with_a_remedy(data: bytes, kind: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        decode_text(data, "song.txt", "--lyrics")
    assert str(refusal.value) == (
        f"--lyrics names song.txt, which is {kind}; allowed: a text file in UTF-8 or UTF-16."
        " Open it in the program that wrote it, and save it as UTF-8 (plain text)."
    )


@pytest.mark.parametrize("name", ["words.lrc", "words.txt"])
def test_timed_lyrics_are_read_as_words_by_suffix_and_by_content(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("[ti:x]\n[00:01.00]one\n[00:03.00]two [00:04.00]three\n", "utf-16")
    assert read_lyrics(str(file), "--lyrics").text == "one\ntwo three"
    assert read_lyrics(f" {file}", "--lyrics", 3, 9).text == "two three"


def test_timed_lyrics_that_cannot_be_read_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "words.srt"
    file.write_text("just words\n", "utf-8")
    with pytest.raises(InvalidValue, match=r"line 1 is 'just words'.*ends in \.txt"):
        read_lyrics(str(file), "--lyrics")


@pytest.mark.parametrize(
    ("name", "text"),
    [("words.txt", ""), ("words.txt", "\ufeff \n\n"), ("song.lrc", "[ti:Song]\n[ar:Me]\n"), ("song.vtt", "WEBVTT\n")],
)
def test_a_file_without_words_is_no_song_without_words(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidValue, match=rf"^--lyrics names .*{name}, which holds no words\. Check the file"):
        read_lyrics(str(file), "--lyrics")


MISSING = (
    "missing.txt", "lyrics.docx", "words.rtf", "lyrics.text", "My Song.LRC", "final lyrics.srt", "songs/final_lyrics",
    "/home/me/words", "./words", "../words and music", "~/words", "C:\\songs\\final", "songs\\final lyrics", "words.v2",
    "final_lyrics", "[01] Song.lrc", "song.mp3",
)  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_a_file_that_is_missing_is_no_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValue) as refusal:
        read_lyrics(name, "--lyrics")
    assert str(refusal.value).startswith(f"--lyrics names no file: {name}. Check the path.")
    assert f"'[Verse] {name}'" in refusal.value.remedy
    assert read_lyrics(f"[Verse] {name}", "--lyrics").text == f"[Verse] {name}"
    assert read_lyrics(f"{name}\nla", "--lyrics").text == f"{name}\nla"


def test_a_folder_that_exists_makes_a_name_with_spaces_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_lyrics("My songs/the last one", "--lyrics").text == "My songs/the last one"
    (tmp_path / "My songs").mkdir()
    for name in ("My songs/the last one", "My songs"):
        with pytest.raises(InvalidValue, match="names no file"):
            read_lyrics(name, "--lyrics")


@pytest.mark.parametrize(
    "words",
    ["", "la", "Hello, world.", "love is all / we need", "AC/DC rocks my world", "Yes! No... Maybe?", "at 4:20 p.m.",
     "[Verse] one.two", "don't stop.", "la " * 2000, "a\0b", "한국어 가사"],
)  # fmt: skip
def test_words_are_words(words: str) -> None:
    assert read_lyrics(words, "--lyrics").text == words
    assert not is_file_name(words)


def test_a_file_is_read_even_where_its_name_looks_like_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("love", "[01] Song.txt"):
        (tmp_path / name).write_text("la", "utf-8")
        assert read_lyrics(name, "--lyrics").text == "la"
