"""The tile cache is bounded, evicts by use, and writes atomically."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.vae.cache import TileCache


def _tile(number: int, floats: int = 16) -> Tensor:
    return torch.full((1, floats, 1), float(number))


KEYS = st.integers(0, 9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), KEYS, st.integers(1, 40)), max_size=60), st.integers(0, 100))
def test_memory_keeps_the_most_recently_used_tiles(uses: list[tuple[bool, int, int]], room: int) -> None:
    cache, model = TileCache(memory_bytes=room * 4), OrderedDict[int, int]()
    for is_put, key, floats in uses:
        if is_put:
            cache.put(str(key), _tile(key, floats))
            model.pop(key, None)
            model[key] = floats
            while sum(model.values()) > room:
                model.popitem(last=False)
        else:
            found = cache.get(str(key))
            assert (found is not None) == (key in model)
            if found is not None:
                model.move_to_end(key)
                assert torch.equal(found, _tile(key, model[key]))


def test_a_folder_outlives_the_process(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    TileCache(folder=folder).put("ab", _tile(7))
    again = TileCache(folder=folder)
    found = again.get("ab")
    assert found is not None
    assert torch.equal(found, _tile(7))
    assert again.get("cd") is None
    assert [path.name for path in folder.iterdir()] == ["ab.safetensors"]


@pytest.mark.parametrize("damage", [b"", b"not a tensor", None])
def test_a_damaged_file_is_a_miss_and_is_rewritten(tmp_path: Path, damage: bytes | None) -> None:
    TileCache(folder=tmp_path).put("ab", _tile(7))
    path = tmp_path / "ab.safetensors"
    path.write_bytes(path.read_bytes()[:-5] if damage is None else damage)
    cache = TileCache(folder=tmp_path)
    assert cache.get("ab") is None
    assert not path.exists()
    cache.put("ab", _tile(8))
    found = TileCache(folder=tmp_path).get("ab")
    assert found is not None
    assert torch.equal(found, _tile(8))


def test_the_folder_evicts_the_least_recently_used_tiles(tmp_path: Path) -> None:
    TileCache(folder=tmp_path).put("00", _tile(0))
    size = (tmp_path / "00.safetensors").stat().st_size
    for number in range(1, 5):
        TileCache(folder=tmp_path).put(f"{number:02}", _tile(number))
    for age, path in enumerate(sorted(tmp_path.iterdir(), reverse=True)):
        os.utime(path, (10_000 - age, 10_000 - age))  # 00 is the oldest
    assert TileCache(folder=tmp_path).get("00") is not None  # and was used now
    TileCache(folder=tmp_path, folder_bytes=4 * size).put("05", _tile(5))
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["00", "04", "05"]


def test_the_folder_stays_within_its_limit_over_many_writes(tmp_path: Path) -> None:
    cache = TileCache(folder=tmp_path, folder_bytes=2000)
    for number in range(60):
        cache.put(f"{number:02}", _tile(number))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert cache.get("59") is not None


def test_a_folder_that_cannot_be_written_to_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = TileCache(folder=tmp_path / "file")
    cache.put("ab", _tile(7))
    found = cache.get("ab")
    assert found is not None
    assert cache.get("cd") is None


def test_the_cache_copies_tensors() -> None:
    cache, tile = TileCache(), _tile(7)
    cache.put("ab", tile)
    tile.zero_()
    found = cache.get("ab")
    assert found is not None
    assert torch.equal(found, _tile(7))
