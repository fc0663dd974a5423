"""MIDI files on the disk, as requests hold them: whole, and no pipe, folder or device."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.files import MAX_BYTES, file_text, read_file_text


@pytest.mark.parametrize("size", [1, MAX_BYTES])
def test_a_file_is_read_whole_and_not_looked_into(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a 'b' \N{GUITAR}.mid"
    file.write_bytes(os.urandom(size))
    assert base64.b64decode(read_file_text(file)) == file.read_bytes()


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.mid"
    file.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(InvalidValue, match=f"more than {MAX_BYTES} bytes") as caught:
        read_file_text(file, "--midi")
    assert caught.value.field == "--midi"


def test_an_empty_file_is_refused_where_its_text_would_mean_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mid").write_bytes(b"")
    with pytest.raises(InvalidValue, match=r"^The MIDI file .* is empty\. Export it again\."):
        read_file_text(tmp_path / "empty.mid")
    with pytest.raises(InvalidValue, match="The MIDI file cannot be read: it is empty"):
        file_text(b"")


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"MThd")
    (tmp_path / "b.mid").symlink_to(tmp_path / "a.mid")
    assert base64.b64decode(read_file_text(tmp_path / "b.mid")) == b"MThd"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe that nobody writes to once held the job folder for ever."""
    (tmp_path / "large.mid").write_bytes(bytes(MAX_BYTES + 1))
    (tmp_path / "circle.mid").symlink_to(tmp_path / "circle.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    missing = ("missing.mid", "circle.mid", ".", "x" * 5000, "a\0b")
    for name, words in (
        ("pipe.mid", "is no file"), ("/dev/zero", "is no file"), ("large.mid", "more than"),
        *((name, "cannot be read") for name in missing),
    ):  # fmt: skip
        with pytest.raises(InvalidValue, match=words) as caught:
            read_file_text(tmp_path / name, "parts[0].midi.file")
        assert caught.value.field == "parts[0].midi.file"
