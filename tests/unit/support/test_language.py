"""The language check: which names and phrases it finds, and which it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.language import check_file, is_participle, load_table, split_name, unused_exceptions

TABLE = load_table()._replace(exceptions={"cancelled": "the state of a job"})


def findings(path: str, text: str) -> list[str]:
    return [str(finding) for finding in check_file(path, text, TABLE)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("JobSink", ["job", "sink"]),
        ("_shifted_chords", ["shifted", "chords"]),
        ("as16Bit", ["as16", "bit"]),
        ("__init__", ["init"]),
    ],
)
def test_a_name_is_split_into_words(name: str, words: list[str]) -> None:
    assert split_name(name) == words


@pytest.mark.parametrize("word", ["decoded", "kept", "told", "written", "begun"])
def test_participles(word: str) -> None:
    assert is_participle(word, TABLE)


@pytest.mark.parametrize("word", ["seed", "speed", "feed", "need", "decode", "read", "red"])
def test_words_that_only_look_like_participles(word: str) -> None:
    assert not is_participle(word, TABLE)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\ndef decoded(x): ...\n", 2),
        ("class A:\n    async def _shifted_chords(self): ...\n", 2),
        ("class Kept: ...\n", 1),
        ("def f(told): ...\n", 1),
        ("def f():\n    own_house = 1\n", 2),
    ],
)
def test_a_name_in_python_is_found(source: str, line: int) -> None:
    (found,) = findings("a.py", source)
    assert found.startswith(f"a.py:{line}: ")


def test_a_name_in_lua_is_found() -> None:
    (found,) = findings("a.lua", "local M = {}\nfunction M.shown(x) end\nlocal function show(x) end\n")
    assert found.startswith("a.lua:2: shown: ")


@pytest.mark.parametrize(
    "source", ["def decode(x): ...", "class RankedTake: ...", "def cancelled(): ...", "class TimedWord: ..."]
)
def test_plain_names_pass(source: str) -> None:
    assert findings("a.py", source) == []


@pytest.mark.parametrize(
    "text", ["# makes it anew", '"""Done by\n    itself."""', "# done by\n# itself", "So many takes", "-- so\n-- many"]
)
def test_a_phrase_is_found_across_lines(text: str) -> None:
    path = "a.lua" if text.startswith("--") else "a.md" if text.startswith("So") else "a.py"
    assert len(findings(path, text)) == 1


@pytest.mark.parametrize("text", ["renewal", "anewly", "so, many", "by itselfness"])
def test_words_that_hold_a_phrase_pass(text: str) -> None:
    assert findings("a.md", text) == []


def test_an_exception_that_nothing_needs_is_named() -> None:
    assert unused_exceptions({"a.py": "def cancel(): ..."}, TABLE) == ["cancelled"]
    assert unused_exceptions({"a.py": "def cancelled(): ..."}, TABLE) == []


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    table = 'irregular_participles = ""\nno_participles = ""\n[phrases]\n[words]\n[exceptions]\ncancelled = " "\n'
    (tmp_path / "language.toml").write_text(table, "utf-8")
    with pytest.raises(ValueError, match="the exception cancelled has no reason"):
        load_table(tmp_path / "language.toml")
