"""command.lua: where the command is looked for, and command lines that every parser reads alike."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acebridge.config import data_folder
from tests.support.lua_modules import Leaves


def command(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def find_command(leaves: Leaves, **variables: str) -> str | tuple[str, ...]:
    leaves.environment(variables)
    answer = leaves["shared/command"].find()
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
            first = leaves["shared/command"].data_folders()[1].decode()
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
    assert leaves["shared/command"].data_folders()[1].decode() == folder


def test_reapers_own_folder_helps_where_the_environment_is_garbled() -> None:
    leaves = Leaves("Win64", GetResourcePath=lambda: "C:\\Users\\José\\AppData\\Roaming\\REAPER".encode())
    leaves.environment({"LOCALAPPDATA": "C:\\Users\\Jos?\\AppData\\Local"})
    folders = [folder.decode() for folder in leaves["shared/command"].data_folders().values()]
    assert folders[1] == "C:\\Users\\José\\AppData\\Local\\acebridge"


def test_the_order_of_places(tmp_path: Path) -> None:
    leaves = Leaves(GetResourcePath=lambda: str(tmp_path / "REAPER").encode())
    set_one = command(tmp_path / "set" / "acebridge")
    own = command(tmp_path / "REAPER" / "AceBridge" / "bin" / "acebridge")
    recorded = command(tmp_path / "recorded here" / "acebridge")
    on_path = command(tmp_path / "bin 2" / "acebridge")
    usual = command(tmp_path / ".local" / "bin" / "acebridge")
    data = tmp_path / ".local" / "share" / "acebridge"
    data.mkdir(parents=True)
    (data / "command").write_text(f"{recorded}\n", "utf-8")
    variables = {"HOME": str(tmp_path), "PATH": f"/nowhere:{on_path.parent}"}
    leaves["settings"].set(b"command", str(set_one).encode())
    for expected in (set_one, own, recorded, on_path, usual):
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
    assert remedy.startswith('"AceBridge_Doctor" offers to install it.')
    assert "acebridge doctor" in remedy


def test_folders_of_macos() -> None:
    asked: list[bytes] = []
    versions = [b"3.10", b"3.9", b"3.12"]
    roots = (
        b"/Users/a/Library/Python", b"/Library/Frameworks/Python.framework/Versions", b"/Users/a/miniforge3/envs",
    )  # fmt: skip
    leaves = Leaves(
        "macOS-arm64",
        file_exists=lambda path: asked.append(path) is not None,
        EnumerateSubdirectories=lambda path, i: versions[i] if path in roots and 0 <= i < len(versions) else None,
    )
    find_command(leaves, HOME="/Users/a", PATH="/usr/bin")
    assert b"/opt/homebrew/bin/acebridge" in asked
    assert b"/Users/a/Library/Python/3.12/bin/acebridge" in asked
    assert b"/Library/Frameworks/Python.framework/Versions/3.12/bin/acebridge" in asked
    assert b"/opt/local/bin/acebridge" in asked


@pytest.mark.parametrize(
    "folder",
    [
        ".pyenv/shims", "miniforge3/bin", "mambaforge/bin", "miniconda3/bin", "anaconda3/bin", "miniforge3/envs/music/bin",
        ".local/share/uv/tools/acebridge/bin", ".local/share/pipx/venvs/acebridge/bin",
        ".local/pipx/venvs/acebridge/bin", ".local/bin",
    ],
)  # fmt: skip
def test_folders_of_pythons_and_tools(tmp_path: Path, folder: str) -> None:
    path = command(tmp_path / folder / "acebridge")
    assert find_command(Leaves(), HOME=str(tmp_path)) == str(path)


def test_folders_of_windows() -> None:
    asked: list[bytes] = []
    leaves = Leaves(
        "Win64",
        file_exists=lambda path: asked.append(path) is not None,
        EnumerateSubdirectories=lambda path, i: b"Python312" if path.endswith(b"\\Python") and i == 0 else None,
    )
    local, roaming = "C:\\Users\\a\\AppData\\Local", "C:\\Users\\a\\AppData\\Roaming"
    find_command(leaves, USERPROFILE="C:\\Users\\a", LOCALAPPDATA=local, APPDATA=roaming, PATH='C:\\x;"C:\\a b"')
    assert [path.decode() for path in asked][:8] == [
        "/nowhere\\AceBridge\\bin\\acebridge.exe",
        "C:\\x\\acebridge.exe",
        "C:\\a b\\acebridge.exe",
        "C:\\Users\\a\\.local\\bin\\acebridge.exe",
        f"{local}\\Programs\\acebridge\\acebridge.exe",
        f"{local}\\Programs\\Python\\Python312\\Scripts\\acebridge.exe",
        f"{roaming}\\Python\\Scripts\\acebridge.exe",
        f"{roaming}\\Python\\Python312\\Scripts\\acebridge.exe",
    ]


def test_more_folders_of_windows() -> None:
    asked: list[str] = []
    leaves = Leaves("Win64", file_exists=lambda path: asked.append(path.decode()) is not None)
    find_command(leaves, USERPROFILE="C:\\Users\\a", APPDATA="C:\\Users\\a\\AppData\\Roaming", PATH="")
    for folder in (
        "pipx\\venvs\\acebridge\\Scripts", ".pyenv\\pyenv-win\\shims", "miniforge3\\Scripts", "anaconda3\\Scripts",
        "AppData\\Roaming\\uv\\tools\\acebridge\\Scripts",
    ):  # fmt: skip
        assert f"C:\\Users\\a\\{folder}\\acebridge.exe" in asked


LOCAL = "C:\\Users\\a\\AppData\\Local"
STORE = f"{LOCAL}\\Packages\\PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0\\LocalCache\\local-packages"


def store(**api: Callable[..., Any]) -> Leaves:
    """A Windows with a command that Python of the Microsoft Store has installed."""
    folders = {
        f"{LOCAL}\\Packages": ["Microsoft.Paint_8wekyb3d8bbwe", "PythonSoftwareFoundation.Python.3.12_qbz5n2kfra8p0"],
        STORE: ["Python312"],
    }

    def entry(path: bytes, i: int) -> bytes | None:
        names = folders.get(path.decode(), [])
        return names[i].encode() if 0 <= i < len(names) else None

    path = f"{STORE}\\Python312\\Scripts\\acebridge.exe"
    there = {"file_exists": lambda asked: asked.decode() == path, "EnumerateSubdirectories": entry, **api}
    return Leaves("Win64", **there)


def test_a_command_of_the_microsoft_store_is_not_used_and_its_reason_said() -> None:
    message, remedy = find_command(store(), LOCALAPPDATA=LOCAL, PATH=f"{STORE}\\Python312\\Scripts")
    path = f"{STORE}\\Python312\\Scripts\\acebridge.exe"
    assert (
        message == f"AceBridge is installed with Python of the Microsoft Store ({path}), whose files REAPER cannot see."
    )
    assert remedy.startswith('"Install now" in "AceBridge_Doctor"')
    assert "python.org" in remedy


def test_a_setting_that_leads_into_the_microsoft_store_is_refused() -> None:
    leaves = store()
    leaves["settings"].set(b"command", f"{STORE}\\Python312\\Scripts\\acebridge.exe".encode())
    message, _ = find_command(leaves, LOCALAPPDATA=LOCAL)
    assert "Microsoft Store" in message


def test_another_command_is_used_beside_that_of_the_store() -> None:
    other = "C:\\tools\\acebridge.exe"
    leaves = store(file_exists=lambda path: path.decode() == other or b"PythonSoftware" in path)
    assert find_command(leaves, LOCALAPPDATA=LOCAL, PATH=f"{STORE}\\Python312\\Scripts;C:\\tools") == other


def test_a_reaper_in_a_sandbox_says_so() -> None:
    """A folder of the home may be seen from there, and its Python is not: no command there would start."""
    there = (b"/.flatpak-info", b"/home/a/.local/bin/acebridge", b"/usr/local/bin/acebridge")
    leaves = Leaves(file_exists=lambda path: path in there)
    message, remedy = find_command(leaves, HOME="/home/a", PATH="/app/bin:/usr/bin")
    assert message == "This REAPER runs in a sandbox of Flatpak, which cannot start the programs of the system."
    assert "Install now" in remedy


def test_a_reaper_in_a_sandbox_finds_what_was_installed_there() -> None:
    own = b"/nowhere/AceBridge/bin/acebridge"
    leaves = Leaves(file_exists=lambda path: path in (b"/.flatpak-info", own))
    assert find_command(leaves, HOME="/home/a") == own.decode()


def test_without_access_to_files_it_says_so() -> None:
    path, message, remedy = Leaves(unavailable=("io", "os"))["shared/command"].find()
    assert path is None
    assert message == b"REAPER runs this script without access to files and programs."
    assert remedy == b"Run the action with full permissions."


def test_the_command_line(tmp_path: Path) -> None:
    path = command(tmp_path / "my $tools & 기타" / "ace'bridge")
    leaves = Leaves()
    arguments = [b"reaper", b"run", leaves["shared/files"].url('/tmp/It\'s "a" 노래'.encode())]
    assert leaves["shared/command"].start(str(path).encode(), *arguments) is True
    [(line, timeout)] = leaves.commands
    assert timeout == -2  # at once, with no window in front
    assert line.startswith(b'"')
    assert line.count(b'"') == 2
    assert shlex.split(line.decode()) == [str(path), *(argument.decode() for argument in arguments)]


def test_backslashes_before_the_closing_quote_are_doubled() -> None:
    leaves = Leaves("Win64", file_exists=lambda _path: True)
    assert leaves["shared/command"].start(b"C:\\a b\\", b"reaper") is True
    assert leaves["shared/command"].start(b"C:\\a b\\acebridge.cmd", b"reaper") is True
    assert [line for line, _ in leaves.commands] == [b'"C:\\a b\\\\" reaper', b'"C:\\a b\\acebridge.cmd" reaper']


@pytest.mark.parametrize(("there", "starts"), [(True, "acebridgew.exe"), (False, "acebridge.exe")])
def test_windows_starts_the_command_that_opens_no_console(there: bool, starts: str) -> None:
    leaves = Leaves("Win64", file_exists=lambda path: there or not path.endswith(b"w.exe"))
    assert leaves["shared/command"].start(b"C:\\acebridge\\acebridge.exe", b"reaper") is True
    assert leaves.commands == [(f'"C:\\acebridge\\{starts}" reaper'.encode(), -2)]


@pytest.mark.parametrize(
    ("system", "opener"), [("Win64", "explorer.exe"), ("OSX64", "/usr/bin/open"), ("Other", "xdg-open")]
)
def test_a_file_opens_in_the_program_of_the_system(system: str, opener: str) -> None:
    leaves = Leaves(system)
    leaves["shared/command"].open(b"/a b/log.txt")
    assert leaves.commands == [(f'{opener} "/a b/log.txt"'.encode(), -2)]
    leaves["shared/command"].open(None)
    leaves["shared/command"].open(b'/a"b')
    assert len(leaves.commands) == 1


@pytest.mark.parametrize("path", ['/a"b', "/a\nb", ""])
def test_paths_that_cannot_be_quoted_are_refused(path: str) -> None:
    leaves = Leaves(file_exists=lambda _path: True)
    done, message = leaves["shared/command"].start(path.encode(), b"reaper")
    assert done is None
    assert message.decode() == f'The command is "{path}"; allowed: a path without quotes and line breaks.'
    assert leaves.commands == []


@pytest.mark.parametrize("argument", ["a b", "a'b", 'a"b', "기타", "", "a\tb", "a\x7f"])
def test_arguments_that_need_quotes_are_refused(argument: str) -> None:
    leaves = Leaves(file_exists=lambda _path: True)
    done, message = leaves["shared/command"].start(b"/a", b"reaper", argument.encode())
    assert done is None
    assert message.decode() == f'The argument "{argument}" is not allowed: ASCII without spaces and quotes.'
    assert leaves.commands == []


def test_a_command_that_has_gone_is_reported() -> None:
    assert Leaves()["shared/command"].start(b"/no/acebridge", b"reaper") == (
        None,
        b'There is no command "/no/acebridge" any more.',
    )
