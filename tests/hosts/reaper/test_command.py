"""command.lua: where the command is looked for, and command lines that every parser reads alike."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from acebridge.config import data_folder
from tests.support.lua_modules import Leaves


def command(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def find_command(leaves: Leaves, **variables: str) -> str | tuple[str, ...]:
    leaves.environment(variables)
    answer = leaves["command"].find()
    return tuple(str(part.decode()) for part in answer[1:]) if isinstance(answer, tuple) else answer.decode()


def test_the_data_folder_is_the_daemons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variables in ({"HOME": str(tmp_path)}, {"HOME": "/home/a", "XDG_DATA_HOME": str(tmp_path / "x")},
                      {"HOME": "/home/a", "ACEBRIDGE_HOME": str(tmp_path / "y")}):  # fmt: skip
        leaves = Leaves()
        leaves.environment(variables)
        with monkeypatch.context() as patch:
            for name in ("HOME", "XDG_DATA_HOME", "ACEBRIDGE_HOME"):
                patch.delenv(name, raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            first = leaves["command"].data_folders()[1].decode()
            assert Path(first) == data_folder()


@pytest.mark.parametrize(
    ("system", "variables", "folder"),
    [
        ("macOS-arm64", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/acebridge"),
        ("OSX64", {"HOME": "/Users/a"}, "/Users/a/Library/Application Support/acebridge"),
        ("Win64", {"LOCALAPPDATA": "C:\\Users\\a\\AppData\\Local"}, "C:\\Users\\a\\AppData\\Local\\acebridge"),
        ("Other", {"HOME": "/home/a", "ACEBRIDGE_HOME": "~/bridge"}, "/home/a/bridge"),
    ],
)
def test_data_folders_of_other_systems(system: str, variables: dict[str, str], folder: str) -> None:
    leaves = Leaves(system)
    leaves.environment(variables)
    assert leaves["command"].data_folders()[1].decode() == folder


def test_reapers_own_folder_helps_where_the_environment_is_garbled() -> None:
    leaves = Leaves("Win64", GetResourcePath=lambda: "C:\\Users\\José\\AppData\\Roaming\\REAPER".encode())
    leaves.environment({"LOCALAPPDATA": "C:\\Users\\Jos?\\AppData\\Local"})
    folders = [folder.decode() for folder in leaves["command"].data_folders().values()]
    assert folders[1] == "C:\\Users\\José\\AppData\\Local\\acebridge"


def test_the_order_of_places(tmp_path: Path) -> None:
    leaves = Leaves()
    set_one = command(tmp_path / "set" / "acebridge")
    recorded = command(tmp_path / "recorded here" / "acebridge")
    on_path = command(tmp_path / "bin 2" / "acebridge")
    usual = command(tmp_path / ".local" / "bin" / "acebridge")
    data = tmp_path / ".local" / "share" / "acebridge"
    data.mkdir(parents=True)
    (data / "command").write_text(f"{recorded}\n", "utf-8")
    variables = {"HOME": str(tmp_path), "PATH": f"/nowhere:{on_path.parent}"}
    leaves["settings"].set(b"command", str(set_one).encode())
    for expected in (set_one, recorded, on_path, usual):
        assert find_command(leaves, **variables) == str(expected)
        leaves["settings"].set(b"command", b"")
        if expected != set_one:
            expected.unlink()  # a record of what has gone is passed over


def test_a_setting_that_leads_nowhere_is_reported() -> None:
    leaves = Leaves()
    leaves["settings"].set(b"command", b"/no/acebridge")
    message, remedy = find_command(leaves, HOME="/nowhere")
    assert message == 'The setting "command" is "/no/acebridge"; there is no such file.'
    assert "AceBridge_Settings" in remedy


def test_a_setting_may_begin_with_home_and_have_quotes(tmp_path: Path) -> None:
    path = command(tmp_path / "my bin" / "acebridge")
    leaves = Leaves()
    leaves["settings"].set(b"command", b'"~/my bin/acebridge"')
    assert find_command(leaves, HOME=str(tmp_path)) == str(path)


def test_nothing_found_is_reported() -> None:
    leaves = Leaves(file_exists=lambda _path: False)
    message, remedy = find_command(leaves, HOME="/nowhere", PATH="")
    assert message == "The acebridge command is not installed, or in no folder that is searched."
    assert "acebridge doctor" in remedy


#: Folders of macOS that hold a folder for each Python.
PYTHONS = (b"/Users/a/Library/Python", b"/Library/Frameworks/Python.framework/Versions")


def test_a_flatpak_is_said() -> None:
    message, remedy = find_command(Leaves(file_exists=lambda path: path == b"/.flatpak-info"), HOME="/nowhere", PATH="")
    assert "Flatpak" in message
    assert "its own installer" in remedy


def test_pythons_of_the_microsoft_store_are_looked_into() -> None:
    """What they write into Local is redirected into a folder of their own."""
    local = "C:\\Users\\a\\AppData\\Local"
    own = f"{local}\\Packages\\PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0\\LocalCache"
    entries = {
        f"{local}\\Packages": ["Microsoft.Paint_x", "PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0"],
        f"{own}\\local-packages": ["Python312"],
    }
    asked: list[str] = []

    def entry(path: bytes, index: int) -> bytes | None:
        names = entries.get(path.decode(), [])
        return names[index].encode() if 0 <= index < len(names) else None

    leaves = Leaves(
        "Win64", file_exists=lambda path: asked.append(path.decode()) is not None, EnumerateSubdirectories=entry
    )
    find_command(leaves, USERPROFILE="C:\\Users\\a", LOCALAPPDATA=local)
    assert f"{own}\\local-packages\\Python312\\Scripts\\acebridge.exe" in asked
    assert [folder.decode() for folder in leaves["command"].data_folders().values()] == [
        f"{local}\\acebridge", f"{own}\\Local\\acebridge",
    ]  # fmt: skip


def test_folders_of_macos() -> None:
    asked: list[bytes] = []
    versions = [b"3.10", b"3.9", b"3.12"]
    leaves = Leaves(
        "macOS-arm64",
        file_exists=lambda path: asked.append(path) is not None,
        EnumerateSubdirectories=lambda path, i: versions[i] if path in PYTHONS and 0 <= i < len(versions) else None,
    )
    find_command(leaves, HOME="/Users/a", PATH="/usr/bin")
    for folder in (b"/opt/homebrew/bin", b"/opt/local/bin", b"/Users/a/Library/Python/3.12/bin", b"/Users/a/.pyenv/shims",
                   b"/Users/a/miniconda3/bin", b"/Library/Frameworks/Python.framework/Versions/3.12/bin"):  # fmt: skip
        assert folder + b"/acebridge" in asked


def test_folders_of_windows() -> None:
    asked: list[bytes] = []
    leaves = Leaves(
        "Win64",
        file_exists=lambda path: asked.append(path) is not None,
        EnumerateSubdirectories=lambda path, i: b"Python312" if path.endswith(b"\\Python") and i == 0 else None,
    )
    local, roaming = "C:\\Users\\a\\AppData\\Local", "C:\\Users\\a\\AppData\\Roaming"
    find_command(leaves, USERPROFILE="C:\\Users\\a", LOCALAPPDATA=local, APPDATA=roaming, PATH='C:\\x;"C:\\a b"')
    assert [path.decode() for path in asked] == [
        "C:\\x\\acebridge.exe",
        "C:\\a b\\acebridge.exe",
        "C:\\Users\\a\\.local\\bin\\acebridge.exe",
        f"{local}\\Programs\\acebridge\\acebridge.exe",
        f"{local}\\Programs\\Python\\Python312\\Scripts\\acebridge.exe",
        f"{roaming}\\Python\\Scripts\\acebridge.exe",
        f"{roaming}\\Python\\Python312\\Scripts\\acebridge.exe",
    ]


def test_without_access_to_files_it_says_so() -> None:
    path, message, remedy = Leaves(unavailable=("io", "os"))["command"].find()
    assert path is None
    assert message == b"REAPER runs this script without access to files and programs."
    assert remedy == b"Run the action with full permissions."


def test_the_command_line(tmp_path: Path) -> None:
    path = command(tmp_path / "my $tools & 기타" / "ace'bridge")
    leaves = Leaves()
    arguments = [b"reaper", b"run", leaves["files"].url('/tmp/It\'s "a" 노래'.encode())]
    assert leaves["command"].start(str(path).encode(), *arguments) is True
    [(line, timeout)] = leaves.commands
    assert timeout == -2  # at once, with no window in front
    assert line.startswith(b'"')
    assert line.count(b'"') == 2
    assert shlex.split(line.decode()) == [str(path), *(argument.decode() for argument in arguments)]


def test_backslashes_before_the_closing_quote_are_doubled() -> None:
    leaves = Leaves("Win64", file_exists=lambda _path: True)
    assert leaves["command"].start(b"C:\\a b\\", b"reaper") is True
    assert leaves["command"].start(b"C:\\a b\\acebridge.cmd", b"reaper") is True
    assert [line for line, _ in leaves.commands] == [b'"C:\\a b\\\\" reaper', b'"C:\\a b\\acebridge.cmd" reaper']


@pytest.mark.parametrize(("there", "starts"), [(True, "acebridgew.exe"), (False, "acebridge.exe")])
def test_windows_starts_the_command_that_opens_no_console(there: bool, starts: str) -> None:
    leaves = Leaves("Win64", file_exists=lambda path: there or not path.endswith(b"w.exe"))
    assert leaves["command"].start(b"C:\\acebridge\\acebridge.exe", b"reaper") is True
    assert leaves.commands == [(f'"C:\\acebridge\\{starts}" reaper'.encode(), -2)]


@pytest.mark.parametrize(
    ("system", "opener"), [("Win64", "explorer.exe"), ("OSX64", "/usr/bin/open"), ("Other", "xdg-open")]
)
def test_a_file_opens_in_the_program_of_the_system(system: str, opener: str) -> None:
    leaves = Leaves(system)
    leaves["command"].open(b"/a b/log.txt")
    assert leaves.commands == [(f'{opener} "/a b/log.txt"'.encode(), -2)]
    leaves["command"].open(None)
    leaves["command"].open(b'/a"b')
    assert len(leaves.commands) == 1


@pytest.mark.parametrize("path", ['/a"b', "/a\nb", ""])
def test_paths_that_cannot_be_quoted_are_refused(path: str) -> None:
    leaves = Leaves(file_exists=lambda _path: True)
    done, message = leaves["command"].start(path.encode(), b"reaper")
    assert done is None
    assert message.decode() == f'The command is "{path}"; allowed: a path without quotes and line breaks.'
    assert leaves.commands == []


@pytest.mark.parametrize("argument", ["a b", "a'b", 'a"b', "기타", "", "a\tb", "a\x7f"])
def test_arguments_that_need_quotes_are_refused(argument: str) -> None:
    leaves = Leaves(file_exists=lambda _path: True)
    done, message = leaves["command"].start(b"/a", b"reaper", argument.encode())
    assert done is None
    assert message.decode() == f'The argument "{argument}" is not allowed: ASCII without spaces and quotes.'
    assert leaves.commands == []


def test_a_command_that_has_gone_is_reported() -> None:
    assert Leaves()["command"].start(b"/no/acebridge", b"reaper") == (
        None,
        b'There is no command "/no/acebridge" any more.',
    )
