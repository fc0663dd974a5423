"""The ``acebridge`` command as tests run it: in this process, or in one of its own as a musician does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest

from acebridge.cli import main
from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from tests.support.daemon import PATIENCE_S

COMMAND = [sys.executable, "-m", "acebridge.cli"]
Done = subprocess.CompletedProcess[str]


class Shell:
    """A folder to work in, and the command with a daemon that runs already."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {**environment, "COLUMNS": "200"}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs and close its pipes: only a test that failed leaves any."""
        for process in self._started:
            process.kill()
            process.communicate()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0) -> Done:
        """Run the command in this process, which saves it the imports."""
        out, err = io.StringIO(), io.StringIO()
        known = {name: self.environment[name] for name in ("ACEBRIDGE_HOME", "COLUMNS")}
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["acebridge", *arguments])
            patch.chdir(self.folder)
            # What a command sets in its environment would have ended with its process.
            with mock.patch.dict(os.environ, known), pytest.raises(SystemExit) as end:
                main()
        return self.check_code(Done(arguments, int(end.value.code or 0), out.getvalue(), err.getvalue()), code)

    def spawn(self, *arguments: str, code: int = 0) -> Done:
        """Run the command in a process of its own, as a musician does."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        return self.check_code(Done(process.args, process.returncode, out, err), code)

    @staticmethod
    def check_code(done: Done, code: int) -> Done:
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr + done.stdout
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(arguments[0], "--json", *arguments[1:]).stdout)

    def failure(self, *arguments: str, code: int = 2) -> str:
        """The one sentence that a failing command says."""
        done = self.run(*arguments, code=code)
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("acebridge: ")
        assert line.endswith("."), line
        assert not done.stdout
        return line.removeprefix("acebridge: ")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


class LoneShell(Shell):
    """Every command in a process of its own, for one that starts a daemon does not wait for its end."""

    def run(self, *arguments: str, code: int = 0) -> Done:
        return self.spawn(*arguments, code=code)


def belongs(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("ACEBRIDGE_HOME") == str(home) and process.pid != os.getpid()
    except psutil.Error:
        return False


def recent(client: Client) -> Any:
    """Its three newest jobs."""
    return client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=3)).jobs


FAKE = ("--engine", "fake")
