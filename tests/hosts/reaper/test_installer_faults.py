"""installer.lua where something goes wrong: the message says what to do, and the old command stays."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S
from tests.support.fake_reaper import Reaper
from tests.support.reaper_install import CANCEL, DOCTOR, NAMES, OK, UNINSTALL, Workshop, wheel_bytes, workshop_at

#: What the runner and uv need of a system that has no curl.
PROGRAMS = ("cat", "dirname", "env", "mv", "rm", "sha256sum", "sleep", "tar", "gzip")


# Downloads


@pytest.mark.parametrize("has_ranges", [True, False])
def test_an_interrupted_download_goes_on(workshop: Workshop, has_ranges: bool) -> None:
    name, there = workshop.archive.name, 500_000
    workshop.server.breaks[name] = [there]
    workshop.server.has_ranges = has_ranges
    (message,) = workshop.install()
    assert message.startswith("The download did not get through: it broke off.")
    assert "goes on where it ended" in message
    assert not workshop.command.exists()
    (report,) = workshop.install()
    assert report.startswith("Command: ")
    asked = [wanted for file, wanted in workshop.server.requests if file == name]
    assert asked == ["", f"bytes={there}-"] + ([] if has_ranges else [""])


def test_a_download_that_is_whole_is_not_asked_for_again(workshop: Workshop) -> None:
    work = workshop.root / "install"
    work.mkdir(parents=True)
    shutil.copy(workshop.archive, work / "uv.archive.part")
    workshop.install()
    assert workshop.command.exists()
    assert [name for name, _ in workshop.server.requests] == [workshop.wheel.name]


@pytest.mark.parametrize("which", ["uv", "wheel"])
def test_a_file_with_another_hash_is_not_used(workshop: Workshop, which: str) -> None:
    wrong = "0" * 64
    if which == "uv":
        workshop.release(uv={"linux-x86_64": workshop.download(workshop.archive, sha256=wrong)})
    else:
        workshop.release(wheel=workshop.download(workshop.wheel, sha256=wrong))
    (message,) = workshop.install()
    file = workshop.archive if which == "uv" else workshop.wheel
    assert message.startswith(
        f"What came from {workshop.server.url}/{file.name} is not the file that these scripts expect."
    )
    assert not workshop.command.exists()
    assert not list((workshop.root / "install").glob("*.part"))
    assert not (workshop.root / "tools").exists()


def test_a_part_of_another_file_is_downloaded_again_from_the_start(workshop: Workshop) -> None:
    work = workshop.root / "install"
    work.mkdir(parents=True)
    (work / f"{workshop.wheel.name}.part").write_bytes(b"something else")
    (report,) = workshop.install()
    assert report.startswith("Command: ")
    asked = [wanted for name, wanted in workshop.server.requests if name == workshop.wheel.name]
    assert asked == ["bytes=14-", ""]


def test_a_file_that_the_server_does_not_have(workshop: Workshop) -> None:
    workshop.release(wheel=workshop.download(workshop.wheel, url=f"{workshop.server.url}/gone/{workshop.wheel.name}"))
    (message,) = workshop.install()
    assert message.startswith(
        f"The server does not have {workshop.server.url}/gone/{workshop.wheel.name}: The requested URL returned error: 404"
    )


def test_offline(workshop: Workshop) -> None:
    workshop.server.close()
    (message,) = workshop.install()
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
    (message,) = workshop.install()
    assert message.startswith("The program curl, which downloads, is not installed.")
    assert not workshop.command.exists()


def test_a_disk_that_is_full_for_curl(workshop: Workshop, tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", *PROGRAMS)
    (folder / "curl").write_text("#!/bin/sh\necho 'curl: (23) Failure writing output to destination' >&2\nexit 23\n")
    (folder / "curl").chmod(0o755)
    workshop.reaper.environment["PATH"] = str(folder)
    (message,) = workshop.install()
    assert message.startswith("The disk of REAPER's resource folder is full.")


def test_a_disk_that_is_full_for_the_scripts(workshop: Workshop) -> None:
    workshop.reaper.disk_full_after(0)
    (message,) = workshop.install()
    assert "No space left on device" in message
    assert "Free 2 GB" in message
    workshop.reaper.disk_full_after(None)
    (report,) = workshop.install()
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
    assert not workshop.command.exists()
    assert len(workshop.reaper.messages) == 1, "who cancels needs no message"
    workshop.server.may_go_on.set()
    (report,) = workshop.install()
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
    assert workshop.command.exists()
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
    assert workshop.command.exists()


def test_a_runner_that_is_killed_is_noticed_and_the_next_one_goes_on(workshop: Workshop) -> None:
    workshop.change("SILENT_S = 30", "SILENT_S = 2")
    workshop.server.may_go_on.clear()
    reach(workshop, "downloading uv, ")
    (process,) = workshop.reaper.processes
    process._process.kill()
    workshop.server.may_go_on.set()
    workshop.reaper.finish()
    assert workshop.reaper.messages[1].startswith("The program that works in the background has ended without a word.")
    (report,) = workshop.install()
    assert report.startswith("Command: ")


def test_a_wheel_that_cannot_be_installed_leaves_the_old_command(workshop: Workshop) -> None:
    workshop.set_version("0.8.0")
    workshop.install()
    old = workshop.command.resolve()
    workshop.set_version("0.9.0")
    workshop.wheel.write_bytes(b"no archive")
    workshop.release(version="0.9.0")
    (message,) = workshop.install()
    says = "uv could not install AceBridge. It says: Failed to read `acebridge @ "
    assert message.startswith(says)
    assert workshop.wheel.name in message.removeprefix(says)  # however long its path is
    assert "uv.txt" in message
    assert workshop.command.resolve() == old
    assert workshop.install(CANCEL) == []
    assert "the command is 0.8.0" in workshop.reaper.messages[0]


def test_a_wheel_that_says_another_version_is_not_used(workshop: Workshop) -> None:
    workshop.wheel = wheel_bytes(workshop.files, VERSION, says="0.0.1")
    workshop.release()
    (message,) = workshop.install()
    assert message.startswith(f"The wheel is of version 0.0.1, these scripts are {VERSION}.")
    assert not workshop.command.exists()


def test_a_resource_folder_with_a_quote_is_refused(tmp_path: Path, archive: Path, lua: str) -> None:
    with workshop_at(tmp_path, archive, lua=lua, resource='a "b"') as workshop:
        (message,) = workshop.install()
    assert "holds a quote or a line break, and no program can be started there." in message
    assert "docs/install.md" in message


def test_uv_without_a_network_says_what_is_missing(workshop: Workshop) -> None:
    """Its own words: the error, and the last of the causes below it."""
    folder = workshop.folder / "own"
    folder.mkdir()
    words = "error: Failed to download https://h/p.tar.gz\n  cause: Request failed\n  cause: failed to lookup address\n"
    (folder / "uv").write_text(f"#!/bin/sh\nprintf '%s' '{words}' >&2\nexit 2\n")
    (folder / "uv").chmod(0o755)
    workshop.reaper.environment["PATH"] = f"{folder}:/usr/bin:/bin"
    workshop.release(uv={})
    (message,) = workshop.install()
    assert message.startswith(
        "uv could not install AceBridge. It says: Failed to download https://h/p.tar.gz: failed to lookup address\n\n"
    )
    assert (workshop.root / "install" / "uv.txt").read_text("utf-8") == words


def test_what_an_installation_that_failed_has_left_can_be_removed(workshop: Workshop) -> None:
    workshop.wheel.write_bytes(b"no archive")
    workshop.release()
    workshop.install()
    assert (workshop.root / "bin" / "uv").exists()
    workshop.reaper.answer(OK)
    workshop.run(UNINSTALL)
    assert list(workshop.root.iterdir()) == []
