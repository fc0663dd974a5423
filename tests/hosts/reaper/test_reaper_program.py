"""What is said of a REAPER that ends or waits: tried with a program that does so."""

from __future__ import annotations

import configparser
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support import reaper_program
from tests.support.reaper_report import SELFTEST


def program(folder: Path, *lines: str) -> str:
    """A program in REAPER's place that asks one question and then does what ``lines`` say."""
    path = folder / "reaper"
    asks = "open(os.environ['ACEBRIDGE_SELFTEST'] + '/log.txt', 'w').write('accessors: speed\\nmixing: length\\n')"
    path.write_text("\n".join([f"#!{sys.executable}", "import os, sys, time", asks, *lines, ""]), "utf-8")
    path.chmod(0o755)
    return str(path)


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "ACEBRIDGE_SELFTEST": str(folder)}


def test_the_settings_leave_no_window_waiting(tmp_path: Path) -> None:
    ini = reaper_program.settings(tmp_path / "resources", Path("/opt/acebridge"))
    parser = configparser.ConfigParser()
    parser.read(ini, "utf-8")
    section = parser["REAPER"]
    for key in ("verchk", "loadlastproj", "autosaveint", "nag"):
        assert section[key] == "0"
    assert (section["linux_audio_mode"], section["projsrateuse"], section["projsrate"]) == ("2", "1", "44100")
    assert "command=/opt/acebridge" in (ini.parent / "reaper-extstate.ini").read_text("utf-8")


def test_a_crash_comes_with_the_last_questions(tmp_path: Path) -> None:
    reaper = reaper_program.start(program(tmp_path, "sys.exit(7)"), tmp_path / "reaper.ini", environment(tmp_path))
    reaper.wait(20)
    said = reaper_program.failure(reaper, tmp_path, environment(tmp_path))
    assert said == "REAPER ended with 7. The last questions:\naccessors: speed\nmixing: length"


def test_a_reaper_that_waits_comes_with_its_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reaper = reaper_program.start(program(tmp_path, "time.sleep(60)"), tmp_path / "reaper.ini", environment(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    try:
        said = reaper_program.failure(reaper, tmp_path, environment(tmp_path))
    finally:
        reaper.kill()
        reaper.wait()
    assert said.startswith("REAPER waits; its windows: unknown without xdotool. The last questions:\n")


def test_it_runs_the_self_test_beside_other_reapers(tmp_path: Path) -> None:
    writes = f"open({str(tmp_path / 'arguments')!r}, 'w').write(chr(10).join(sys.argv[1:]))"
    reaper_program.start(program(tmp_path, writes), tmp_path / "reaper.ini", environment(tmp_path)).wait(20)
    arguments = (tmp_path / "arguments").read_text("utf-8").splitlines()
    assert arguments == ["-cfgfile", str(tmp_path / "reaper.ini"), "-newinst", "-nosplash", "-new", str(SELFTEST)]


def test_forms_are_answered_with_the_tools_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("xdotool", "xclip"):
        tool = tools / name
        tool.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/pressed\n[ {name} = xdotool ] || /bin/cat >> {tmp_path}/pressed\n'
        )
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    assert reaper_program.forms() == "ok paste"
    own = environment(tmp_path) | {"ACEBRIDGE_SELFTEST_FORMS": "ok paste"}
    pressed = []
    for question in ("scripts: form_limit", "scripts: paste", "scripts: the keyboard"):
        (tmp_path / "log.txt").write_text(f"mixing: length\n{question}\n", "utf-8")
        reaper_program.answer_form(tmp_path, own)
        pressed.append((tmp_path / "pressed").read_text("utf-8"))
        (tmp_path / "pressed").write_text("", "utf-8")
    copied = f"xclip -selection clipboard\n{reaper_program.LINES}"
    assert pressed == ["xdotool key Return\n", copied + "xdotool key ctrl+v Return\n", ""]
    (tools / "xclip").unlink()
    assert reaper_program.forms() == "ok"
