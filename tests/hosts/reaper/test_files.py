"""files.lua: paths, URLs as Python makes them, and files that survive what goes wrong."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lua_modules import Leaves

NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters='/\\\0:*?"<>|'), min_size=1, max_size=12)
MODEST = settings(deadline=None, max_examples=60)
HERE, WINDOWS = Leaves()["shared/files"], Leaves(system="Win64")["shared/files"]


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("/a", "b", "c.txt"), "/a/b/c.txt"),
        (("/a/", "b"), "/a/b"),
        (("/", "b"), "/b"),
        (("", "b"), "b"),
        (("a",), "a"),
        (("a\\", "b"), "a\\/b"),  # a name like any other, here
    ],
)
def test_join(parts: tuple[str, ...], path: str) -> None:
    assert HERE.join(*(part.encode() for part in parts)).decode() == path


@pytest.mark.parametrize(
    ("parts", "path"), [(("C:\\a", "b"), "C:\\a\\b"), (("C:\\", "b"), "C:\\b"), (("C:/a/", "b"), "C:/a/b")]
)
def test_join_on_windows(parts: tuple[str, ...], path: str) -> None:
    assert WINDOWS.join(*(part.encode() for part in parts)).decode() == path


@given(st.lists(NAMES, min_size=1, max_size=4))
@MODEST
def test_urls_are_those_of_python(names: list[str]) -> None:
    path = "/" + "/".join(names)
    url = HERE.url(path.encode()).decode("ascii")
    assert unquote(url) == "file://" + path
    assert not set(url) & set(" '\"\\<>|&^$`;()")  # nothing that a parser of command lines would stumble over
    if Path(path).as_posix() == path:  # pathlib drops "." and the like
        assert unquote(url) == unquote(Path(path).as_uri())


@given(st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4), st.booleans())
@MODEST
def test_urls_on_windows_are_those_of_python(names: list[str], share: bool) -> None:
    path = ("\\\\server\\share\\" if share else "C:\\") + "\\".join(names)
    url = WINDOWS.url(path.encode()).decode("ascii")
    assert unquote(url) == unquote(PureWindowsPath(path).as_uri())
    assert not set(url) & set(" '\"\\<>|&^$`;()")


def test_urls_of_windows_and_here() -> None:
    assert WINDOWS.url("C:\\Jos\u00e9 & me\\a.b".encode()) == b"file:///C:/Jos%C3%A9%20%26%20me/a.b"
    assert WINDOWS.url(rb"\\nas\music\x") == b"file://nas/music/x"
    assert HERE.url("/tmp/기타 '1\".wav".encode()) == b"file:///tmp/%EA%B8%B0%ED%83%80%20%271%22.wav"


@given(st.binary(max_size=200), NAMES.filter(lambda name: name not in {".", ".."}))
@MODEST
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, text: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("files")
    path = str(folder / name).encode()
    assert HERE.write(path, b"before") is True
    assert HERE.write(path, text) is True
    assert HERE.read(path) == text
    assert [entry.name for entry in folder.iterdir()] == [name]  # no .part stays


def test_what_was_there_survives_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(b"before")
    (tmp_path / "request.json.part").symlink_to("/dev/full")
    done, why = HERE.write(str(path).encode(), b"after")
    assert (done, why) == (None, b"No space left on device")
    assert path.read_bytes() == b"before"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["request.json"]


def test_where_nothing_can_be_renamed_onto_a_file_it_is_written_to(tmp_path: Path) -> None:
    leaves = Leaves()
    leaves.lua.execute("os.rename = function() return nil, 'File exists' end")  # as on Windows
    path = tmp_path / "a.txt"
    path.write_bytes(b"before, and longer")
    assert leaves["shared/files"].write(str(path).encode(), b"after") is True
    assert path.read_bytes() == b"after"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_reasons_for_what_cannot_be(tmp_path: Path) -> None:
    missing = str(tmp_path / "no" / "a").encode()
    assert HERE.read(missing)[0] is None
    assert HERE.read(str(tmp_path).encode()) == (None, b"Is a directory")
    assert HERE.write(missing, b"x")[1].endswith(b"No such file or directory")
    assert HERE.touch(missing)[1].endswith(b"No such file or directory")
    assert HERE.remove(missing)[1].endswith(b"No such file or directory")
    assert (HERE.exists(missing), HERE.exists(str(tmp_path).encode())) == (False, False)


def test_touch_makes_and_keeps(tmp_path: Path) -> None:
    path = tmp_path / "cancel"
    assert HERE.touch(str(path).encode()) is True
    assert path.read_bytes() == b""
    path.write_bytes(b"text")
    assert HERE.touch(str(path).encode()) is True
    assert path.read_bytes() == b"text"
    assert HERE.exists(str(path).encode()) is True
    assert HERE.remove(str(path).encode()) is True
    assert not path.exists()


def test_folders(tmp_path: Path) -> None:
    deep = tmp_path / "하나" / "two words"
    assert HERE.make_folder(str(deep).encode()) is True
    assert deep.is_dir()
    assert HERE.make_folder(str(deep).encode()) is True  # it is there already
    assert list(deep.iterdir()) == []
    (deep / "b").touch()
    (deep / "a.wav").touch()
    (deep / "c").mkdir()
    assert list(HERE.names(str(deep).encode()).values()) == [b"a.wav", b"b"]
    assert list(HERE.folders(str(deep).encode()).values()) == [b"c"]
    assert list(HERE.folders(str(tmp_path).encode()).values()) == ["하나".encode()]
    assert list(HERE.names(str(tmp_path / "no").encode()).values()) == []


def test_a_folder_that_cannot_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    made, why = HERE.make_folder(str(tmp_path / "file" / "folder").encode())
    assert made is None
    assert why.decode().startswith(f'The folder "{tmp_path}/file/folder" cannot be made or written to: ')


def test_lists_are_asked_for_anew() -> None:
    asked: list[tuple[bytes, int]] = []

    def enumerate_files(path: bytes, index: int) -> bytes | None:
        asked.append((path, index))
        return b"a" if index == 0 else None

    files = Leaves(EnumerateFiles=enumerate_files)["shared/files"]
    assert list(files.names(b"/x").values()) == [b"a"]
    assert asked == [(b"/x", -1), (b"/x", 0), (b"/x", 1)]  # -1 empties REAPER's cache


def test_without_access_to_files_it_says_so() -> None:
    files = Leaves(unavailable=("io", "os"))["shared/files"]
    for answer in (files.read(b"a"), files.write(b"a", b"b"), files.touch(b"a"), files.remove(b"a")):
        assert answer == (None, b"REAPER runs this script without access to files; run it with full permissions.")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("la 밤 🎸\n".encode(), "la 밤 🎸\n"), ("la".encode("utf-8-sig"), "la"), ("la 밤 🎸".encode("utf-16"), "la 밤 🎸"),
        (b"\xfe\xff" + "la 밤 🎸".encode("utf-16-be"), "la 밤 🎸"), ("été".encode("cp1252"), None), (b"PK\0\1", None),
    ],
)  # fmt: skip
def test_text_is_read_in_unicode_or_refused(data: bytes, text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(data)
    found = HERE.read_text(str(file).encode())
    if text is None:
        assert found == (None, b"The file is no text in UTF-8 or UTF-16.")
    else:
        assert found.decode() == text
