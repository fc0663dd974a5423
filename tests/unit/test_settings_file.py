"""Changing a setting leaves the rest of the file alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.config import tomllib
from acebridge.errors import InvalidSetting
from acebridge.settings_file import write_setting
from acestep_runtime.errors import InvalidValue

FILE = "config.toml"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'remote = "studio.local:1"\n'),
        ("port = 0  # any\n", 'remote = "studio.local:1"\nport = 0  # any\n'),
        ("# of mine\n\n[osc]\nport = 1\n", 'remote = "studio.local:1"\n# of mine\n\n[osc]\nport = 1\n'),
        ('port = 0\nremote = "a:1"  # old\nhost = "::1"\n', 'port = 0\nremote = "studio.local:1"\nhost = "::1"\n'),
        ('  remote="a:1"', 'remote = "studio.local:1"\n'),
    ],
)
def test_one_line_changes(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / FILE).write_text(before, "utf-8")
    write_setting(tmp_path, "remote", "studio.local:1")
    assert (tmp_path / FILE).read_text("utf-8") == after
    write_setting(tmp_path, "remote", "studio.local:1")
    assert (tmp_path / FILE).read_text("utf-8") == after
    write_setting(tmp_path, "remote", "")
    assert tomllib.loads((tmp_path / FILE).read_text("utf-8")).get("remote") is None


def test_without_a_file_there_is_nothing_to_take_out(tmp_path: Path) -> None:
    write_setting(tmp_path, "remote", "")
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["port = [", '"remote" = "a:1"\n', "remote = '''\na:1'''\n"])
def test_a_file_that_cannot_be_changed_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(InvalidSetting, match=r"^Setting remote cannot be changed in .*config\.toml\."):
        write_setting(tmp_path, "remote", "studio.local:1")
    assert (tmp_path / FILE).read_text("utf-8") == text


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    folder = tmp_path_factory.mktemp("home")
    (folder / FILE).write_text("port = 1\n[tls]\nenabled = true\n", "utf-8")
    write_setting(folder, "remote", value)
    assert tomllib.loads((folder / FILE).read_text("utf-8")) == {"remote": value, "port": 1, "tls": {"enabled": True}}


def test_a_disk_that_takes_nothing_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("port = 1\n", "utf-8")

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "open", fail)
        with pytest.raises(InvalidValue, match="cannot be written: No space left on device") as caught:
            write_setting(tmp_path, "remote", "studio.local:1")
    assert caught.value.remedy.startswith("Free some space there")
    assert (tmp_path / "config.toml").read_text("utf-8") == "port = 1\n"
