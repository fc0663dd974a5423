"""installer.lua: the command is downloaded, installed and removed, with the real uv, curl and shell."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S, until
from tests.support.fake_reaper import Reaper
from tests.support.reaper_install import Workshop, uv_archive, wheel_bytes, workshop_at
from tests.support.reaper_install_windows import windows_programs, windows_uv_archive

DOCTOR, UNINSTALL = "AceBridge_Doctor.lua", "AceBridge_Uninstall.lua"
OK, CANCEL = 1, 2
NAMES = "리소스 'x' & ünï = $HOME (1)"
#: What the runner and uv need of a system that has no curl.
PROGRAMS = ("cat", "dirname", "env", "mv", "rm", "sha256sum", "sleep", "tar", "gzip")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of uv, as it is downloaded."""
    return uv_archive(tmp_path_factory.mktemp("uv"))


@pytest.fixture
def workshop(tmp_path: Path, archive: Path, lua: str) -> Iterator[Workshop]:
    with workshop_at(tmp_path, archive, lua=lua, resource=NAMES) as workshop:
        yield workshop
        until(lambda: not any(process.running for process in workshop.reaper.processes), "the runner to end")


def install(workshop: Workshop, answer: int = OK) -> list[str]:
    """Run the doctor and answer its question; return its messages after that."""
    workshop.reaper.messages.clear()
    workshop.reaper.answer(answer)
    workshop.run(DOCTOR)
    return workshop.reaper.messages[1:]


def is_installed(workshop: Workshop) -> bool:
    return workshop.command.exists()


def snapshot(folder: Path, but: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_relative_to(but)}


def test_the_doctor_installs_what_is_missing(workshop: Workshop, tmp_path: Path) -> None:
    before = snapshot(tmp_path, workshop.root)
    (report,) = install(workshop)
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


def test_the_second_time_the_doctor_only_reports(workshop: Workshop) -> None:
    install(workshop)
    workshop.reaper.messages.clear()
    requests = len(workshop.server.requests)
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert report.startswith("Command: ")
    assert len(workshop.server.requests) == requests


def test_who_does_not_want_it_gets_nothing(workshop: Workshop) -> None:
    assert install(workshop, CANCEL) == []
    assert not workshop.root.exists()
    assert workshop.server.requests == []


def set_version(workshop: Workshop, version: str) -> None:
    file = workshop.scripts / "lib" / "version.lua"
    text = file.read_text("utf-8")
    current = text.split('M.SCRIPTS = "')[1].split('"')[0]
    file.write_text(text.replace(f'"{current}"', f'"{version}"'), "utf-8")
    workshop.wheel = wheel_bytes(workshop.files, version)
    workshop.release(version=version)


def test_a_command_that_is_too_old_is_replaced_and_the_last_one_kept(workshop: Workshop) -> None:
    tools = workshop.root / "tools"
    for number, version in enumerate(("0.7.0", "0.8.0", "0.9.0"), 1):
        set_version(workshop, version)
        (report,) = install(workshop)
        assert f"Scripts {version}, command {version}\n" in report
        assert workshop.command.resolve().is_relative_to(tools / str(number))
    assert workshop.reaper.messages[0].startswith("The scripts are 0.9.0, the command is 0.8.0: update the command.")
    assert sorted(path.name for path in tools.iterdir()) == ["2", "3"]
    assert [name for name, _ in workshop.server.requests].count(workshop.archive.name) == 1, "uv is there already"


def test_a_command_that_is_newer_is_said_to_need_newer_scripts(workshop: Workshop) -> None:
    set_version(workshop, "0.9.0")
    install(workshop)
    set_version(workshop, "0.8.0")
    workshop.reaper.messages.clear()
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert "The scripts are 0.8.0, the command is 0.9.0: update the scripts." in report


def test_a_difference_that_is_compatible_is_only_mentioned(workshop: Workshop) -> None:
    set_version(workshop, "0.9.1")
    install(workshop)
    set_version(workshop, "0.9.0")
    workshop.reaper.messages.clear()
    workshop.run(DOCTOR)
    (report,) = workshop.reaper.messages
    assert "Scripts 0.9.0, command 0.9.1 (they work together)" in report


def change(workshop: Workshop, old: str, new: str) -> None:
    """Change the text of install_runner.lua."""
    file = workshop.scripts / "lib" / "install_runner.lua"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


# Downloads


@pytest.mark.parametrize("has_ranges", [True, False])
def test_an_interrupted_download_goes_on(workshop: Workshop, has_ranges: bool) -> None:
    name, there = workshop.archive.name, 5_000_000
    workshop.server.breaks[name] = [there]
    workshop.server.has_ranges = has_ranges
    (message,) = install(workshop)
    assert message.startswith("The download did not get through: it broke off.")
    assert "goes on where it ended" in message
    assert not is_installed(workshop)
    (report,) = install(workshop)
    assert report.startswith("Command: ")
    asked = [wanted for file, wanted in workshop.server.requests if file == name]
    assert asked == ["", f"bytes={there}-"] + ([] if has_ranges else [""])


def test_a_download_that_is_whole_is_not_asked_for_again(workshop: Workshop) -> None:
    work = workshop.root / "install"
    work.mkdir(parents=True)
    shutil.copy(workshop.archive, work / "uv.archive.part")
    install(workshop)
    assert is_installed(workshop)
    assert [name for name, _ in workshop.server.requests] == [workshop.wheel.name]


@pytest.mark.parametrize("which", ["uv", "wheel"])
def test_a_file_with_another_hash_is_not_used(workshop: Workshop, which: str) -> None:
    wrong = "0" * 64
    if which == "uv":
        workshop.release(uv={"linux-x86_64": workshop.download(workshop.archive, sha256=wrong)})
    else:
        workshop.release(wheel=workshop.download(workshop.wheel, sha256=wrong))
    (message,) = install(workshop)
    file = workshop.archive if which == "uv" else workshop.wheel
    assert message.startswith(
        f"What came from {workshop.server.url}/{file.name} is not the file that these scripts expect."
    )
    assert not is_installed(workshop)
    assert not list((workshop.root / "install").glob("*.part"))
    assert not (workshop.root / "tools").exists()


def test_a_part_of_another_file_is_downloaded_again_from_the_start(workshop: Workshop) -> None:
    work = workshop.root / "install"
    work.mkdir(parents=True)
    (work / f"{workshop.wheel.name}.part").write_bytes(b"something else")
    (report,) = install(workshop)
    assert report.startswith("Command: ")
    asked = [wanted for name, wanted in workshop.server.requests if name == workshop.wheel.name]
    assert asked == ["bytes=14-", ""]


def test_a_file_that_the_server_does_not_have(workshop: Workshop) -> None:
    workshop.release(wheel=workshop.download(workshop.wheel, url=f"{workshop.server.url}/gone.whl"))
    (message,) = install(workshop)
    assert message.startswith(
        f"The server does not have {workshop.server.url}/gone.whl: The requested URL returned error: 404"
    )


def test_offline(workshop: Workshop) -> None:
    workshop.server.close()
    (message,) = install(workshop)
    assert message.startswith("The download did not get through: the server does not answer.")
    assert "Check the connection to the internet" in message


def programs(folder: Path, *names: str) -> Path:
    """Return a folder with these programs of the system and no others."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def test_without_curl(workshop: Workshop, tmp_path: Path) -> None:
    workshop.reaper.environment["PATH"] = str(programs(tmp_path / "bin", *PROGRAMS))
    (message,) = install(workshop)
    assert message.startswith("The program curl, which downloads, is not installed.")
    assert not is_installed(workshop)


def test_a_disk_that_is_full_for_curl(workshop: Workshop, tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", *PROGRAMS)
    (folder / "curl").write_text("#!/bin/sh\necho 'curl: (23) Failure writing output to destination' >&2\nexit 23\n")
    (folder / "curl").chmod(0o755)
    workshop.reaper.environment["PATH"] = str(folder)
    (message,) = install(workshop)
    assert message.startswith("The disk of REAPER's resource folder is full.")


def test_a_disk_that_is_full_for_the_scripts(workshop: Workshop) -> None:
    workshop.reaper.disk_full_after(0)
    (message,) = install(workshop)
    assert "No space left on device" in message
    assert "Free 2 GB" in message
    workshop.reaper.disk_full_after(None)
    (report,) = install(workshop)
    assert report.startswith("Command: ")


# The end of it


def reach(workshop: Workshop, words: str) -> None:
    """Let the doctor run until its window shows these words."""
    workshop.reaper.answer(OK)
    script = workshop.reaper.start(DOCTOR)
    workshop.reaper.until(lambda: script.window.is_open and words in script.window)


def test_a_cancel_stops_the_download_and_the_next_time_goes_on(workshop: Workshop) -> None:
    workshop.server.may_go_on.clear()
    reach(workshop, "downloading uv, ")
    part = workshop.root / "install" / "uv.archive.part"
    workshop.reaper.until(lambda: part.exists() and part.stat().st_size > 0)
    workshop.reaper.window().click("Cancel")
    workshop.reaper.finish()
    (process,) = workshop.reaper.processes
    assert process.wait(PATIENCE_S) == 0
    assert not is_installed(workshop)
    assert len(workshop.reaper.messages) == 1, "who cancels needs no message"
    workshop.server.may_go_on.set()
    (report,) = install(workshop)
    assert report.startswith("Command: ")
    assert workshop.server.requests[1][1].startswith("bytes=")


def test_nothing_goes_on_when_reaper_ends(workshop: Workshop) -> None:
    workshop.server.may_go_on.clear()
    reach(workshop, "downloading uv, ")
    for script in workshop.reaper.scripts:
        script.end()
    (process,) = workshop.reaper.processes
    assert process.wait(PATIENCE_S) == 0


def test_closing_the_window_stops_nothing(workshop: Workshop) -> None:
    reach(workshop, "downloading uv, ")
    workshop.reaper.window().close_by_user()
    workshop.reaper.finish()
    assert is_installed(workshop)
    assert workshop.reaper.messages[-1].startswith("Command: ")


def test_another_reaper_of_the_same_folder_waits(workshop: Workshop) -> None:
    workshop.server.may_go_on.clear()
    reach(workshop, "downloading uv, ")
    with Reaper(workshop.folder, resource=NAMES, scripts=workshop.scripts, home=workshop.folder) as other:
        other.environment.update(workshop.reaper.environment)
        other.answer(OK)
        script = other.start(DOCTOR)
        while script.deferred:  # as slowly as the clock of the wall: the first one's runner goes by that
            time.sleep(1 / 60)
            other.tick()
        assert other.messages[1].startswith("Another REAPER installs or removes AceBridge at the moment.")
    workshop.server.may_go_on.set()
    workshop.reaper.finish()
    assert is_installed(workshop)


def test_a_runner_that_is_killed_is_noticed_and_the_next_one_goes_on(workshop: Workshop) -> None:
    change(workshop, "SILENT_S = 30", "SILENT_S = 2")
    workshop.server.may_go_on.clear()
    reach(workshop, "downloading uv, ")
    (process,) = workshop.reaper.processes
    process._process.kill()
    workshop.server.may_go_on.set()
    workshop.reaper.finish()
    assert workshop.reaper.messages[1].startswith("The program that works in the background has ended without a word.")
    (report,) = install(workshop)
    assert report.startswith("Command: ")


def test_a_wheel_that_cannot_be_installed_leaves_the_old_command(workshop: Workshop) -> None:
    set_version(workshop, "0.8.0")
    install(workshop)
    old = workshop.command.resolve()
    set_version(workshop, "0.9.0")
    workshop.wheel.write_bytes(b"no archive")
    workshop.release(version="0.9.0")
    (message,) = install(workshop)
    assert message.startswith("uv could not install AceBridge: ")
    assert "uv.txt" in message
    assert workshop.command.resolve() == old
    assert install(workshop, CANCEL) == []
    assert "the command is 0.8.0" in workshop.reaper.messages[0]


def test_a_wheel_that_says_another_version_is_not_used(workshop: Workshop) -> None:
    workshop.wheel = wheel_bytes(workshop.files, VERSION, says="0.0.1")
    workshop.release()
    (message,) = install(workshop)
    assert message.startswith(f"The wheel is of version 0.0.1, these scripts are {VERSION}.")
    assert not is_installed(workshop)


def test_a_resource_folder_with_a_quote_is_refused(tmp_path: Path, archive: Path, lua: str) -> None:
    with workshop_at(tmp_path, archive, lua=lua, resource='a "b"') as workshop:
        (message,) = install(workshop)
    assert "holds a quote or a line break, and no program can be started there." in message
    assert "docs/install.md" in message


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
    (report,) = install(workshop)
    assert "no release of it has been published" in workshop.reaper.messages[0]
    assert report.startswith("Command: ")
    assert workshop.server.requests == []


@pytest.mark.parametrize("name", ["acebridge-9.9.9-py3-none-any.whl", "acebridge.tar.gz", "numpy-2.0-py3-none-any.whl"])
def test_only_a_wheel_of_this_version_is_taken(workshop: Workshop, tmp_path: Path, name: str) -> None:
    with_own_uv(workshop, tmp_path)
    workshop.reaper.choose_file(tmp_path / name)
    (message,) = install(workshop)
    assert message.startswith(f"{tmp_path / name} is not the wheel of AceBridge {VERSION}.")
    assert workshop.reaper.commands == []


def test_no_file_is_chosen(workshop: Workshop, tmp_path: Path) -> None:
    with_own_uv(workshop, tmp_path)
    workshop.reaper.choose_file(None)
    assert install(workshop) == []
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
    install(workshop)
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
    install(workshop)
    change(workshop, '{ "rm", "-rf", folder }', '{ "true" }')
    workshop.reaper.answer(OK)
    workshop.run(UNINSTALL)
    assert (workshop.root / "install" / "asked.txt").read_text().splitlines() == ["service uninstall", "stop"]
    assert workshop.reaper.messages[-1].startswith(f"{workshop.root / 'bin'} cannot be removed.")


def test_who_changes_their_mind_keeps_it(workshop: Workshop) -> None:
    install(workshop)
    workshop.reaper.answer(CANCEL)
    workshop.run(UNINSTALL)
    assert is_installed(workshop)


# Other systems


def test_on_macos(tmp_path: Path, archive: Path, lua: str) -> None:
    with workshop_at(tmp_path, archive, lua=lua, os="macOS-arm64", resource=NAMES) as workshop:
        workshop.release(uv={"macos-aarch64": workshop.download(workshop.archive)})
        (report,) = install(workshop)
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
    (report,) = install(windows)
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
        set_version(windows, version)
        windows.release(version=version, uv={"windows-x86_64": windows.download(windows.archive)})
        (report,) = install(windows)
        assert f"command {version}\n" in report
    windows.reaper.answer(OK)
    windows.run(UNINSTALL)
    assert not (windows.root / "bin").exists()
