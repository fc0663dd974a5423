"""A disk that loses at a power cut what was not synced, that fails, and a clock that jumps: for a daemon in a folder.

The daemon runs with a library that is preloaded (bad_disk.c). It keeps a record of all that was synced.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = shutil.which("cc") or shutil.which("gcc")
IS_SUPPORTED = sys.platform == "linux" and COMPILER is not None
#: As ``struct control`` has it: the clock's shift, the seed, how many of a million calls fail, with what, how many have failed.
_CONTROL = struct.Struct("=qQIiQ")
_BLOCK_BYTES, _KEY_BYTES = 4096, 64


class _Entry(NamedTuple):
    """What a folder has under a name: ``path`` is where it is now, if it is anywhere."""

    key: str
    path: Path | None


def build_library(folder: Path) -> Path:
    """Compile the library into ``folder``; return its path."""
    assert COMPILER is not None
    library = folder / "bad_disk.so"
    words = ["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run([COMPILER, *words], check=True)
    return library


class BadDisk:
    """The disk that the data folder ``home`` lies on; ``scratch`` is for its record."""

    def __init__(self, home: Path, scratch: Path, library: Path, *, seed: int) -> None:
        self.home = home
        self._record = scratch / "record"
        self._after = scratch / "after"
        self._chance = random.Random(seed)
        self._library = ctypes.CDLL(str(library))
        control = scratch / "control"
        scratch.mkdir(parents=True)
        control.write_bytes(_CONTROL.pack(0, seed, 0, 0, 0))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)
        self.environment = {
            "LD_PRELOAD": str(library),
            "BAD_DISK_CONTROL": str(control),
            "BAD_DISK_FOLDER": str(home),
            "BAD_DISK_RECORD": str(self._record),
        }
        self.sync()

    # ---- failing, and the clock ----

    @contextmanager
    def failing(self, share: float, number: int) -> Iterator[None]:
        """Let this share of all writes, syncs, renames and new folders fail with an error of the system."""
        self._set(2, round(share * 1e6), number)
        yield
        self._set(2, 0, 0)

    @property
    def failures(self) -> int:
        """How many calls have failed so far."""
        return int(_CONTROL.unpack(self._control[:])[4])

    def shift_clock(self, seconds: int) -> None:
        """Set the clock that far from the true time."""
        self._set(0, seconds)

    def _set(self, at: int, *values: int) -> None:
        fields = list(_CONTROL.unpack(self._control[:]))
        fields[at : at + len(values)] = values
        offsets = (0, 8, 16, 20, 24)
        for number in range(at, at + len(values)):  # the seed belongs to the library
            struct.pack_into("=" + "qQIiQ"[number], self._control, offsets[number], fields[number])

    # ---- power cuts ----

    def sync(self) -> None:
        """Take everything that is there now as lasting."""
        shutil.rmtree(self._record, ignore_errors=True)
        for kind in ("files", "folders"):
            (self._record / kind).mkdir(parents=True)
        for folder in (self.home, *(path for path in self.home.rglob("*") if path.is_dir())):
            entries = self._entries(folder)
            lines = "".join(f"{entry.key} {name}\n" for name, entry in entries.items())
            (self._record / "folders" / self._key(folder)).write_text(lines, "utf-8")
            for entry in entries.values():
                if entry.path is not None and entry.path.is_file():
                    shutil.copyfile(entry.path, self._record / "files" / entry.key)

    def cut_power(self) -> None:
        """Make of the folder what may be left after a power cut. No process may be using it.

        Of each name and each block that was not synced, chance says whether it has reached the disk.
        """
        self._after.mkdir(mode=0o700)
        self._rebuild(_Entry(self._key(self.home), self.home), self._after)
        shutil.rmtree(self.home)
        self._after.rename(self.home)
        self.sync()

    def _rebuild(self, folder: _Entry, target: Path) -> None:
        now = {} if folder.path is None else self._entries(folder.path)
        record = self._record / "folders" / folder.key
        lines = record.read_text("utf-8").splitlines() if record.exists() else []
        synced = {name: key for key, _, name in (line.partition(" ") for line in lines)}
        places = {entry.key: entry for entry in now.values()}
        for name in sorted(now.keys() | synced.keys()):
            is_same = name in now and synced.get(name) == now[name].key
            if is_same or self._chance.random() < 0.5:
                entry = now.get(name)
            else:
                entry = places.get(synced[name], _Entry(synced[name], None)) if name in synced else None
            if entry is not None:
                self._restore(entry, target / name)

    def _restore(self, entry: _Entry, target: Path) -> None:
        if entry.key.startswith("d"):
            target.mkdir(mode=0o700)
            self._rebuild(entry, target)
            return
        record = self._record / "files" / entry.key
        synced = record.read_bytes() if record.exists() else b""
        now = synced if entry.path is None else entry.path.read_bytes()
        target.write_bytes(self._mix(synced, now))
        if entry.path is not None:
            target.chmod(entry.path.stat().st_mode)

    def _mix(self, synced: bytes, now: bytes) -> bytes:
        """Return the bytes of a file of which some blocks are new, and the others as they were synced."""
        share = self._chance.choice((0.0, 0.5, 1.0))
        length = len(self._chance.choice((synced, now)) if 0 < share < 1 else (now if share else synced))
        mixed = bytearray(length)
        for at in range(0, length, _BLOCK_BYTES):
            block = (now if self._chance.random() < share else synced)[at : min(at + _BLOCK_BYTES, length)]
            mixed[at : at + len(block)] = block
        return bytes(mixed)

    def _entries(self, folder: Path) -> dict[str, _Entry]:
        return {path.name: _Entry(self._key(path), path) for path in folder.iterdir()}

    def _key(self, path: Path) -> str:
        """Return what names an inode in the record."""
        key = ctypes.create_string_buffer(_KEY_BYTES)
        assert self._library.bad_disk_key(os.fsencode(path), key, _KEY_BYTES) == 0, path
        return key.value.decode()
