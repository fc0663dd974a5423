"""Somebody swaps a file, as fast as they can, while it is imported: nothing from outside the roots is stored, nothing hangs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acebridge.errors import Conflict
from acebridge.named_files import open_named_file
from acebridge.store.assets import AssetStore
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S, until
from tests.support.stores import files_in, wav_bytes, with_store
from tests.support.tiers import Rounds

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes as POSIX has them")

#: A process of its own swaps ``root/songs/a.wav`` and the folder ``root/linked``, and makes ``turning`` once it has done all.
SWAPPER = """
import os, sys
base = sys.argv[1]
root, outside, spare = (os.path.join(base, name) for name in ("root", "outside", "spare"))
file, folder = root + "/songs/a.wav", root + "/linked"
content = open(file, "rb").read()
def write(path):
    with open(path, "wb") as file: file.write(content)
def swap(place, make):
    make(spare)
    os.replace(spare, place)
while True:
    swap(file, lambda path: os.symlink(outside + "/a.wav", path))
    swap(file, write)
    swap(folder, lambda path: os.symlink(outside, path))
    swap(folder, lambda path: os.symlink(root + "/songs", path))
    swap(file, os.mkfifo)
    swap(file, write)
    open(base + "/turning", "w").close()
"""


@contextmanager
def swapping(base: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-S", "-c", SWAPPER, str(base)])
    try:
        until(lambda: (base / "turning").exists() or process.poll() is not None, "the first turn")
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.campaign("faults")
def test_nothing_from_outside_the_roots_is_stored(tmp_path: Path, rounds: Rounds) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for seed, place in enumerate((root / "songs", outside)):
        place.mkdir(parents=True)
        (place / "a.wav").write_bytes(wav_bytes(tmp_path, seed=seed))
    mine = hashlib.sha256((root / "songs" / "a.wav").read_bytes()).hexdigest()
    outcomes: Counter[str] = Counter()

    async def work(store: AssetStore) -> None:
        async def put(path: str) -> str:
            return (await store.put_file(await open_named_file(path, [root], "path"))).id

        for number in rounds(20, 10_000):
            path = (root / "songs" / "a.wav", root / "linked" / "a.wav")[number % 2]
            try:
                assert await asyncio.wait_for(put(str(path)), PATIENCE_S) == mine
            except (InvalidValue, Conflict) as error:
                outcomes[error.message] += 1
            else:
                outcomes["stored"] += 1
        assert files_in(tmp_path) <= {mine}

    with swapping(tmp_path):
        with_store(tmp_path, work)
    print(outcomes)
