"""installer.lua: the command is downloaded, installed and removed, with the real uv, curl and shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from acebridge.version import VERSION
from tests.support.lua_modules import Leaves
from tests.support.reaper_install import CANCEL, DOCTOR, NAMES, OK, UNINSTALL, Workshop, uv_archive, workshop_at
from tests.support.reaper_install_windows import windows_programs, windows_uv_archive


def snapshot(folder: Path, but: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_relative_to(but)}


def test_the_doctor_installs_what_is_missing(workshop: Workshop, tmp_path: Path) -> None:
    before = snapshot(tmp_path, workshop.root)
    (report,) = workshop.install()
    asked = workshop.reaper.messages[0]
    assert asked.startswith("The acebridge command is not installed, or in no folder that is searched.")
    assert f"Install AceBridge {VERSION} now?" in asked
    assert report.startswith(f"Command: {workshop.command}\nScripts {VERSION}, command {VERSION}\n")
    assert workshop.command.resolve().is_relative_to(workshop.root / "tools" / "1")
    made = {path.relative_to(tmp_path).parts[0] for path in snapshot(tmp_path, workshop.root) - before}
    assert made <= {"processes"}, "all else is in the resource folder"
    shown = " ".join(workshop.texts)
    for words in (
        "downloading uv, ",
        "checking uv.archive",
        "unpacking uv",
        "installing AceBridge",
        "for the first time",
    ):
        assert words in shown
    assert [timeout for _, timeout in workshop.reaper.commands] == [-2, -2], "REAPER waits for none"
    assert not workshop.reaper.ext.keys() & {("AceBridge", "installing")}


def test_with_the_whole_of_uv(tmp_path: Path, lua: str) -> None:
    archive = uv_archive(tmp_path / "uv", is_whole=True)
    with workshop_at(tmp_path, archive, lua=lua) as workshop:
        (report,) = workshop.install()
        assert report.startswith("Command: ")
        assert (workshop.root / "bin" / "uv").stat().st_size == Path(uv.find_uv_bin()).stat().st_size


def test_the_second_time_the_doctor_only_reports(workshop: Workshop) -> None:
    workshop.install()
    workshop.reaper.messages.clear()
    requests = len(workshop.server.requests)
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert report.startswith("Command: ")
    assert len(workshop.server.requests) == requests


def test_who_does_not_want_it_gets_nothing(workshop: Workshop) -> None:
    assert workshop.install(CANCEL) == []
    assert not workshop.root.exists()
    assert workshop.server.requests == []


def test_running_the_doctor_again_while_it_installs_goes_on(workshop: Workshop) -> None:
    """REAPER ends the first copy, and with it what runs in the background; the second one goes on where that ended."""
    workshop.server.may_go_on.clear()
    workshop.reaper.answer(OK)
    first = workshop.reaper.start(DOCTOR)
    part = workshop.root / "install" / "uv.archive.part"
    workshop.reaper.until(lambda: part.exists() and part.stat().st_size > 0)
    workshop.server.may_go_on.set()
    (report,) = workshop.install()
    assert first.ended
    assert report.startswith("Command: ")
    assert len(list((workshop.root / "tools").iterdir())) == 1


def test_a_path_that_is_set_is_not_installed_over(workshop: Workshop) -> None:
    workshop.reaper.ext["AceBridge", "command"] = "/no/acebridge"
    workshop.run(DOCTOR)
    (message,) = workshop.reaper.messages
    assert message.startswith('The setting "command" is "/no/acebridge"; there is no such file.')
    assert workshop.reaper.commands == []


def test_a_command_that_is_too_old_is_replaced_and_the_last_one_kept(workshop: Workshop) -> None:
    tools = workshop.root / "tools"
    for number, version in enumerate(("0.7.0", "0.8.0", "0.9.0"), 1):
        workshop.set_version(version)
        (report,) = workshop.install()
        assert f"Scripts {version}, command {version}\n" in report
        assert workshop.command.resolve().is_relative_to(tools / str(number))
    assert workshop.reaper.messages[0].startswith("The scripts are 0.9.0, the command is 0.8.0: update the command.")
    assert sorted(path.name for path in tools.iterdir()) == ["2", "3"]
    assert [name for name, _ in workshop.server.requests].count(workshop.archive.name) == 1, "uv is there already"


def test_a_command_that_is_newer_is_said_to_need_newer_scripts(workshop: Workshop) -> None:
    workshop.set_version("0.9.0")
    workshop.install()
    workshop.set_version("0.8.0")
    workshop.reaper.messages.clear()
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert "The scripts are 0.8.0, the command is 0.9.0: update the scripts." in report


def test_a_difference_that_is_compatible_is_only_mentioned(workshop: Workshop) -> None:
    workshop.set_version("0.9.1")
    workshop.install()
    workshop.set_version("0.9.0")
    workshop.reaper.messages.clear()
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert "Scripts 0.9.0, command 0.9.1 (they work together)" in report


# Without a release


def with_own_uv(workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "uv").symlink_to(uv.find_uv_bin())
    workshop.reaper.environment["PATH"] = f"/usr/bin:/bin:{folder}"
    workshop.release(wheel=None, uv={})


def test_without_a_release_it_asks_for_the_wheel(workshop: Workshop, tmp_path: Path) -> None:
    with_own_uv(workshop, tmp_path)
    workshop.reaper.choose_file(workshop.wheel)
    (report,) = workshop.install()
    assert "no release of it has been published" in workshop.reaper.messages[0]
    assert report.startswith("Command: ")
    assert workshop.server.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "acebridge-9.9.9-py3-none-any.whl", "acebridge.tar.gz", "numpy-2.0-py3-none-any.whl",
        f"acebridge-{VERSION}-py3-none-any (1).whl",
    ],
)  # fmt: skip
def test_only_a_wheel_of_this_version_is_taken(workshop: Workshop, tmp_path: Path, name: str) -> None:
    with_own_uv(workshop, tmp_path)
    workshop.reaper.choose_file(tmp_path / name)
    (message,) = workshop.install()
    assert message.startswith(f"{tmp_path / name} is not the wheel of AceBridge {VERSION}.")
    assert workshop.reaper.commands == []


def test_no_file_is_chosen(workshop: Workshop, tmp_path: Path) -> None:
    with_own_uv(workshop, tmp_path)
    workshop.reaper.choose_file(None)
    assert workshop.install() == []
    assert not workshop.root.exists()


def test_without_a_release_and_without_uv_it_says_so(workshop: Workshop) -> None:
    workshop.release(wheel=None, uv={})
    workshop.run(DOCTOR)
    (message,) = workshop.reaper.messages
    assert "needs the program uv" in message
    assert "linux-x86_64" in message


def test_a_release_of_another_version_is_none(workshop: Workshop) -> None:
    workshop.release(version="9.9.9")
    workshop.run(DOCTOR)
    assert "these scripts name no download of it" in workshop.reaper.messages[0]


# Removing it


def test_uninstall_removes_all_but_jobs(workshop: Workshop) -> None:
    workshop.install()
    workshop.reaper.messages.clear()
    workshop.reaper.answer(OK)
    workshop.run(UNINSTALL)
    assert workshop.reaper.messages[-1].startswith("The acebridge command was removed.")
    assert {path.name for path in workshop.root.iterdir()} <= {"jobs"}
    workshop.reaper.messages.clear()
    workshop.run(UNINSTALL)
    (message,) = workshop.reaper.messages
    assert message.startswith('Nothing that "Install now" has installed is here.')


def test_uninstall_stops_the_daemon_and_the_service_first(workshop: Workshop) -> None:
    workshop.install()
    workshop.change('{ "rm", "-rf", folder }', '{ "true" }')
    workshop.reaper.answer(OK)
    workshop.run(UNINSTALL)
    assert (workshop.root / "install" / "asked.txt").read_text().splitlines() == ["service uninstall", "stop"]
    assert workshop.reaper.messages[-1].startswith(f"{workshop.root / 'bin'} cannot be removed.")


def test_who_changes_their_mind_keeps_it(workshop: Workshop) -> None:
    workshop.install()
    workshop.reaper.answer(CANCEL)
    workshop.run(UNINSTALL)
    assert workshop.command.exists()


# Other systems


def test_on_macos(tmp_path: Path, archive: Path, lua: str) -> None:
    with workshop_at(tmp_path, archive, lua=lua, os="macOS-arm64", resource=NAMES) as workshop:
        workshop.release(uv={"macos-aarch64": workshop.download(workshop.archive)})
        (report,) = workshop.install()
        assert report.startswith(f"Command: {workshop.command}\n")
        steps = " ".join(path.read_text("utf-8") for path in (workshop.root / "install").glob("step-*"))
        assert "shasum\n-a\n256\nuv.archive.part\n" in steps


@pytest.fixture
def windows(tmp_path: Path, lua: str) -> Iterator[Workshop]:
    """A REAPER on Windows, with the programs of Windows that are needed."""
    archive = windows_uv_archive(tmp_path)
    windows_programs(tmp_path / "Windows")
    with workshop_at(tmp_path, archive, lua=lua, os="Win64", resource="Ünï 'x' & (1)") as workshop:
        workshop.reaper.environment["SystemRoot"] = "C:" + str(tmp_path / "Windows").replace("/", "\\")
        workshop.release(uv={"windows-x86_64": workshop.download(archive)})
        yield workshop


def test_on_windows(windows: Workshop) -> None:
    (report,) = windows.install()
    shown = "C:" + str(windows.root / "bin" / "acebridge.exe").replace("/", "\\")
    assert report.startswith(f"Command: {shown}\n")
    assert (windows.root / "bin" / "acebridgew.exe").is_file()
    assert (windows.root / "bin" / "uv.exe").is_file()
    (line, timeout), *_ = windows.reaper.commands
    assert timeout == -2
    program, _, rest = line.removeprefix('"').partition('" ')
    assert program.endswith("\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe")
    assert rest.startswith('-NoProfile -NonInteractive -ExecutionPolicy Bypass -WindowStyle Hidden -File "C:\\')
    assert rest.rsplit('" ', 1)[1].isalnum()


def test_on_windows_a_command_that_runs_is_replaced(windows: Workshop) -> None:
    for version in ("0.7.0", "0.8.0"):
        windows.set_version(version)
        windows.release(version=version, uv={"windows-x86_64": windows.download(windows.archive)})
        (report,) = windows.install()
        assert f"command {version}\n" in report
    windows.reaper.answer(OK)
    windows.run(UNINSTALL)
    assert not (windows.root / "bin").exists()


@pytest.mark.parametrize("system", ["Win64", "OSX64", "Other"])
def test_restricted_scripts_load_it_too(system: str) -> None:
    """Every action loads it, and it is for others to say that REAPER gives them no access to files."""
    leaves = Leaves(
        system, unavailable=("io", "os"), get_action_context=lambda: (False, b"/scripts/AceBridge_Cover.lua"),
        APIExists=lambda _: False,
    )  # fmt: skip
    assert leaves["install/dialog"].offer is not None
