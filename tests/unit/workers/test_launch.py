"""The command and environment of a child process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.workers.launch import command, environment, log_output

SHOW_PATH = "import json, os, sys\ndef main():\n    print(json.dumps([os.getcwd(), sys.path, sys.argv[1:]]))\n"


def test_defaults_are_for_threads_and_memory_and_the_user_overrides_them() -> None:
    assert environment({"HOME": "/h", "OPENBLAS_NUM_THREADS": "4"}) == {
        "HOME": "/h", "OPENBLAS_NUM_THREADS": "4", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000",
        "MALLOC_ARENA_MAX": "2",
    }  # fmt: skip


def test_a_line_without_an_end_does_not_stop_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        output = asyncio.StreamReader(limit=16)
        logging = asyncio.create_task(log_output(output, "worker"))
        for text in (b"0 %\r" * 20, b"1 %\r", b"\n", b"loaded\n"):
            output.feed_data(text)
            await asyncio.sleep(0)
        output.feed_eof()
        await logging

    asyncio.run(run())
    assert caplog.messages[0] == "worker: a line is too long to show"
    assert caplog.messages[-1] == "worker: loaded"


def test_no_child_gets_a_token() -> None:
    assert "ACEBRIDGE_TOKEN" not in environment({"ACEBRIDGE_TOKEN": "ab" * 32, "HOME": "/h"})


def test_relative_module_folders_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = os.pathsep.join(("", "lib", ".", "/absolute", ""))
    assert environment({"PYTHONPATH": places})["PYTHONPATH"] == os.pathsep.join((str(tmp_path / "lib"), "/absolute"))
    for empty in ("", ".", os.pathsep):
        assert "PYTHONPATH" not in environment({"PYTHONPATH": empty})


@pytest.mark.parametrize("python_path", ["", os.pathsep, "here"])
def test_a_child_imports_no_modules_from_the_working_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python_path: str
) -> None:
    here, work, lib = (tmp_path / name for name in ("here", "work", "lib"))
    for folder in (here, work, lib):
        folder.mkdir()
    (lib / "shown.py").write_text(SHOW_PATH)
    for folder in (here, work):
        (folder / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(here)
    inherited = {**os.environ, "PYTHONPATH": os.pathsep.join((str(lib), python_path if python_path != "here" else "."))}
    done = subprocess.run(
        command("shown", "one", "two"),
        cwd=work,
        env=environment(inherited),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    import json

    folder, path, arguments = json.loads(done.stdout)
    assert folder == str(work)
    assert str(lib) in path
    assert not {"", str(work), str(here)} & set(path)
    assert arguments == ["one", "two"]
    assert sys.executable == command("shown")[0]
