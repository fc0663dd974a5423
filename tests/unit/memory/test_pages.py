"""Pages of mapped files: what is given back, and that values stay."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from acestep_runtime.memory import pages

MIB = 1 << 20


def resident_bytes(pointer: int) -> int:
    """Return how much of the mapping at an address is in memory, as Linux counts it."""
    is_here = False
    for line in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        name, *rest = line.split()
        if "-" in name and not name.endswith(":"):
            first, end = (int(each, 16) for each in name.split("-"))
            is_here = first <= pointer < end
        elif is_here and name == "Rss:":
            return int(rest[0]) * 1024
    return 0


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_whole_pages_lie_within_the_bytes(first: int, length: int) -> None:
    found = pages.whole_pages(first, length, page=4096)
    assert found.start % 4096 == 0
    assert len(found) % 4096 == 0
    inside = [page for page in range(0, 200_000, 4096) if first <= page and page + 4096 <= first + length]
    assert list(found[::4096]) == inside


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is mapped")
def test_pages_of_a_file_are_given_back_and_read_again(tmp_path: Path) -> None:
    values = torch.arange(4 * MIB, dtype=torch.float32).reshape(1024, -1)
    save_file({"values": values}, tmp_path / "one.safetensors")
    with safe_open(tmp_path / "one.safetensors", framework="pt") as file:
        mapped = file.get_tensor("values")
        assert torch.equal(mapped, values)
        before = resident_bytes(mapped.data_ptr())
        pages.release_pages(mapped, pages.find_file_mappings())
        after = resident_bytes(mapped.data_ptr())
        assert before >= 15 * MIB
        assert after <= MIB
        assert torch.equal(mapped, values)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is mapped")
def test_pages_of_several_tensors_are_given_back_at_once(tmp_path: Path) -> None:
    values = {name: torch.full((512, 1024), number) for number, name in enumerate("ab", 1)}
    save_file({name: each.float() for name, each in values.items()}, tmp_path / "two.safetensors")
    with safe_open(tmp_path / "two.safetensors", framework="pt") as file:
        mapped = {name: file.get_tensor(name) for name in values}
        assert float(sum(each.sum() for each in mapped.values())) == 3 * 512 * 1024
        assert resident_bytes(mapped["a"].data_ptr()) >= 4 * MIB
        pages.release_all(mapped.values())
        assert resident_bytes(mapped["a"].data_ptr()) <= MIB // 2
        assert all(bool((mapped[name] == each).all()) for name, each in values.items())


def test_memory_of_no_file_keeps_its_values() -> None:
    own = torch.ones(1024, 1024)
    pages.release_all([own])
    assert bool((own == 1).all())


def test_without_the_system_s_list_nothing_is_mapped(tmp_path: Path) -> None:
    assert pages.find_file_mappings(tmp_path / "missing") == []
