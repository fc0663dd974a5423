"""Files that requests name: found through links, and never anything else than what was checked."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from acebridge import named_files
from acebridge.named_files import NamedFile, in_reading_thread, open_named_file
from acestep_runtime.audio.decode import probe
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import song, until, write_wav

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes as POSIX has them")
SECRET = b"secret"
BOTH_WAYS = pytest.mark.parametrize("walks", [True, False], ids=["walked", "compared"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An allowed folder with a file in a folder; outside of it lies another of the same names."""
    for place, content in ((tmp_path / "root", b"mine"), (tmp_path / "outside", SECRET)):
        (place / "songs").mkdir(parents=True)
        (place / "songs" / "a.wav").write_bytes(content)
    return (tmp_path / "root").resolve()


def open_file(path: Path, *roots: Path) -> NamedFile:
    return asyncio.run(open_named_file(str(path), roots, "path"))


@BOTH_WAYS
def test_links_inside_the_folders_that_are_allowed_are_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch, walks: bool
) -> None:
    monkeypatch.setattr(named_files, "_WALKS", walks)
    (root / "link").symlink_to(root / "songs")
    (root / "link.wav").symlink_to(Path("link") / "a.wav")
    for path in (root / "link" / "a.wav", root / "link.wav", root / "songs" / ".." / "songs" / "a.wav"):
        file = open_file(path, root / "nowhere", root)
        assert (file.read(), file.path) == (b"mine", root / "songs" / "a.wav")
        assert os.get_blocking(file.fileno())
        assert not os.get_inheritable(file.fileno())


def test_links_into_another_allowed_folder_are_followed(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidValue, match=r"^a\.wav lies outside the folders"):
        open_file(root / "link" / "songs" / "a.wav", root)
    assert open_file(root / "link" / "songs" / "a.wav", root, (tmp_path / "outside").resolve()).read() == SECRET


def test_without_folders_the_sentence_says_so(root: Path) -> None:
    with pytest.raises(InvalidValue) as caught:
        open_file(root / "songs" / "a.wav")
    assert str(caught.value) == (
        "a.wav cannot be named by its path: the daemon may read no folder."
        " Upload it instead, or add its folder to `roots` in config.toml."
    )


def replace_file(root: Path, put: Callable[[Path], None]) -> None:
    (root / "songs" / "a.wav").unlink()
    put(root / "songs" / "a.wav")


def replace_folder(root: Path) -> None:
    (root / "songs").rename(root / "before")
    (root / "songs").symlink_to(root.parent / "outside" / "songs")


#: What is done between the check of a path and the opening → what is said.
SWAPS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a link": (
        lambda root: replace_file(root, lambda path: path.symlink_to(root.parent / "outside" / "songs" / "a.wav")),
        "a.wav was replaced while it was opened. Try again.",
    ),
    "a link to a pipe": (
        lambda root: (os.mkfifo(root / "pipe"), replace_file(root, lambda path: path.symlink_to(root / "pipe")))[1],
        "a.wav was replaced while it was opened. Try again.",
    ),
    "a pipe": (lambda root: replace_file(root, os.mkfifo), "a.wav is not a file. Name an audio file."),
    "a folder": (lambda root: replace_file(root, Path.mkdir), "a.wav is not a file. Name an audio file."),
    "nothing": (
        lambda root: replace_file(root, lambda _: None),
        "a.wav cannot be read: No such file or directory. Check the path.",
    ),
    "a folder that is a link": (replace_folder, "a.wav was replaced while it was opened. Try again."),
}


@BOTH_WAYS
@pytest.mark.parametrize("kind", SWAPS)
def test_what_was_swapped_after_the_check_is_not_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch, kind: str, walks: bool
) -> None:
    swap, says = SWAPS[kind]
    resolve = named_files._resolve

    def resolve_and_swap(path: str, roots: tuple[Path, ...], field: str) -> tuple[Path, Path]:
        found = resolve(path, roots, field)
        swap(root)
        return found

    monkeypatch.setattr(named_files, "_WALKS", walks)
    monkeypatch.setattr(named_files, "_resolve", resolve_and_swap)
    before = psutil.Process().num_fds()
    with pytest.raises(InvalidValue) as caught:
        open_file(root / "songs" / "a.wav", root)
    assert str(caught.value) == says
    assert caught.value.field == "path"
    del caught
    until(lambda: psutil.Process().num_fds() <= before, "the files to be closed")


def test_a_file_is_closed_with_the_last_that_uses_it(root: Path) -> None:
    file = open_file(root / "songs" / "a.wav", root)
    descriptor, read = file.fileno(), file.read
    held = os.fstat(descriptor)
    del file
    assert read() == b"mine"
    del read
    with suppress(OSError):  # a thread may have opened another file since, and got the same number
        assert not os.path.samestat(os.fstat(descriptor), held)


def test_the_header_is_that_of_the_open_file(root: Path) -> None:
    song_file = write_wav(root / "song.wav", song(0.5))
    file, expected = open_file(song_file, root), probe(song_file)
    song_file.write_bytes(song_file.read_bytes()[:-48_000])
    truncated = probe(song_file)
    song_file.unlink()
    assert probe(file) == probe(file) == truncated
    assert truncated.header_duration_s == expected.duration_s


def test_files_that_are_slow_to_read_keep_no_other_work_waiting() -> None:
    async def work() -> None:
        answer = threading.Event()
        waiting = [asyncio.create_task(in_reading_thread(answer.wait)) for _ in range(100)]
        try:
            assert await asyncio.gather(*(asyncio.to_thread(lambda: 1) for _ in range(100))) == [1] * 100
            assert not any(task.done() for task in waiting)
        finally:
            answer.set()
        assert all(await asyncio.gather(*waiting))

    asyncio.run(work())
