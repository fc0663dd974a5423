"""Headers of safetensors files, whole and damaged; the library of the format is the independent truth."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.weights.headers import read_header
from tests.support.model_folders import safetensors

WHOLE = safetensors("decoder.weight", "encoder.weight", metadata={"lokr_config": "{}"})


def test_a_whole_file_has_its_keys_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(WHOLE)
    header = read_header(path)
    assert (header.keys, header.metadata, header.fault) == (
        ("decoder.weight", "encoder.weight"), {"lokr_config": "{}"}, "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (WHOLE[:-3], f"is cut short ({len(WHOLE) - 3} of {len(WHOLE)} bytes)"),
        (WHOLE[:40], "is cut short"),
        (WHOLE + b"x", f"is longer than its header says ({len(WHOLE) + 1} of {len(WHOLE)} bytes)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{]", "has a damaged header"),
        (b"\x0a\0\0\0\0\0\0\0{\"a\": [1]}", "has a damaged header"),
        (b"\x02\0\0\0\0\0\0\0{}", "holds no tensors"),
    ],
)  # fmt: skip
def test_a_damaged_file_has_a_fault(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert read_header(path).fault == fault
    assert read_header(path).keys == ()


def test_a_file_that_was_mended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert read_header(path).fault == "is missing"
    path.write_bytes(WHOLE[:-1])
    assert read_header(path).fault
    path.write_bytes(WHOLE)
    assert read_header(path).fault == ""


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    assert read_header(tmp_path / "pipe").fault == "is no file"
    assert read_header(tmp_path).fault == "is no file"
    assert read_header(Path("\0")).fault.startswith("cannot be read")


@given(
    at=st.integers(0, len(WHOLE) - 1), by=st.binary(max_size=12), cut=st.one_of(st.none(), st.integers(0, len(WHOLE)))
)
def test_a_file_that_the_library_refuses_has_a_fault(
    tmp_path_factory: pytest.TempPathFactory, at: int, by: bytes, cut: int | None
) -> None:
    safetensors_library = pytest.importorskip("safetensors", reason="the neural engine needs safetensors")
    content = (WHOLE[:at] + by + WHOLE[at + len(by) :])[:cut]
    path = tmp_path_factory.mktemp("files") / "model.safetensors"
    path.write_bytes(content)
    fault = read_header(path).fault
    try:
        with safetensors_library.safe_open(path, framework="np") as file:
            keys = set(file.keys())
    except (safetensors_library.SafetensorError, OSError):
        return
    assert not fault or not keys
    assert set(read_header(path).keys) == keys
