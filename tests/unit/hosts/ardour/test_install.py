"""The hook in Ardour's folders: where it goes, what it says, how it is taken out, and what the doctor finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acebridge.errors import NotFound
from acebridge.hosts.ardour.doctor import examine
from acebridge.hosts.ardour.install import FILE, HOOK, action_texts, hook_text, install, uninstall
from acebridge.hosts.ardour.paths import config_folders, config_root
from acestep_runtime.errors import InvalidValue
from tests.support.paths import ROOT
from tests.support.shell import Shell

SOURCE = (ROOT / "ardour_scripts" / "follow.lua").read_text("utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folders of a user who has started three versions."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("ardour10", "ardour7", "ardour6", "ardour", "REAPER"):
        (tmp_path / name).mkdir()
    (tmp_path / "ardour8").touch()
    return tmp_path


def test_versions_that_the_hook_works_in_are_found(root: Path) -> None:
    assert config_root() == root
    assert config_folders(root) == [root / "ardour7", root / "ardour10"]
    assert config_folders(root / "gone") == config_folders(None) == []


@pytest.mark.parametrize(
    ("platform", "variables", "place"),
    [
        ("linux", {}, ".config"),
        ("darwin", {}, "Library/Preferences"),
        ("win32", {}, "AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg"),
    ],
)
def test_folders_of_each_system(
    platform: str, variables: dict[str, str], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**variables, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert config_root() == tmp_path / place


def test_the_hook_is_the_shipped_one_with_the_port(root: Path) -> None:
    folders = [root / "ardour7", root / "ardour10"]
    files = install(4711)
    hooks = [folder / "scripts" / FILE for folder in folders]
    assert files[:2] == hooks
    assert set(files[2:]) == {folder / "scripts" / name for folder in folders for name in action_texts(folder)}
    for file in hooks:
        assert file.read_text("utf-8") == SOURCE.replace("127.0.0.1:50712", "127.0.0.1:4711")
    assert f'name = "{HOOK}"' in SOURCE


def test_installing_again_and_taking_out(root: Path) -> None:
    other = root / "ardour7" / "scripts" / "mine.lua"
    other.parent.mkdir()
    other.touch()
    assert install() == install()
    assert hook_text() == SOURCE
    (root / "ardour7" / "acebridge" / "settings.json").touch()
    assert sorted(uninstall()) == sorted(install())
    uninstall()
    assert uninstall() == []
    assert other.exists()
    assert (root / "ardour7" / "acebridge" / "settings.json").exists()


def test_without_ardour_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(NotFound, match="no configuration folder of Ardour 7 or newer") as caught:
        install()
    assert "Start Ardour once" in caught.value.remedy
    (finding,) = examine(None)
    assert not finding.ok


@pytest.mark.parametrize("port", [0, 65_536, -1])
def test_ports_that_do_not_exist_are_refused(port: int) -> None:
    with pytest.raises(InvalidValue, match="1 to 65535"):
        hook_text(port)


@pytest.mark.usefixtures("root")
def test_the_doctor_compares_the_scripts_with_this_version() -> None:
    assert [finding.ok for finding in examine(None)] == [True, False, False, False, False]
    files = install(4711)
    assert [finding.ok for finding in examine(None)] == [True] * 5
    assert "port 4711" in examine(None)[3].says
    files[0].write_text(SOURCE + "-- old", "utf-8")
    files[2].write_text(files[2].read_text("utf-8") + "-- old", "utf-8")
    files[3].unlink()
    _, scripts, _, hook, _ = examine(None)
    assert not hook.ok
    assert "another version" in hook.says
    assert "add the hook in Ardour again" in hook.remedy
    assert not scripts.ok
    assert "2 scripts" in scripts.says
    assert "add the scripts in Ardour again" in scripts.remedy


def test_the_command_says_what_to_click(root: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"XDG_CONFIG_HOME": str(root), "ACEBRIDGE_HOME": str(tmp_path / "data")})
    said = shell.run("host", "install", "ardour", "--port", "4711").stdout
    assert str(root / "ardour7" / "scripts" / FILE) in said
    assert "Script Manager" in said
    assert HOOK in said
    assert "Remove" in shell.run("host", "uninstall", "ardour").stdout
    assert "allowed: ardour" in shell.run("host", "install", "cubase", code=2).stderr
