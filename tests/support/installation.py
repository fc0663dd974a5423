"""AceBridge as `pip install` leaves it: a wheel, and an environment of its own that has only the dependencies in common."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import psutil

from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S, assert_gone, until
from tests.support.paths import ROOT
from tests.support.shell import belongs

#: The folders that become packages, by the place that they have in the wheel.
TREES = {
    "acebridge": ROOT / "daemon" / "acebridge",
    "acebridge/ardour_scripts": ROOT / "ardour_scripts",
    "acebridge/live_extension": ROOT / "live_extension",
    "acebridge/shared_lua": ROOT / "reaper_scripts" / "lib" / "shared",
    "acebridge/v1": ROOT / "protos" / "acebridge" / "v1",
    "acestep_runtime": ROOT / "acestep_runtime",
}
_SCRIPTS = "Scripts" if os.name == "nt" else "bin"
#: What stands for python-daemon where no package index can be reached: the same import package under the same name.
_FAKE = {
    "daemon/__init__.py": "",
    "python_daemon-0.dist-info/METADATA": "Metadata-Version: 2.1\nName: python-daemon\nVersion: 0\n",
    "python_daemon-0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def project() -> dict[str, Any]:
    """Return what pyproject.toml holds."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def run(command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return what it printed."""
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL, **options
    )


class Installation:
    """A virtual environment that is installed into with pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.scripts = folder / _SCRIPTS
        self.python = self.scripts / "python"
        self.command = self.scripts / "acebridge"

    def pip(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run pip in it."""
        return run([self.python, "-m", "pip", "--disable-pip-version-check", *arguments], **options)

    def build_wheel(self, folder: Path, version: str = "") -> Path:
        """Build the wheel from a copy of the sources, without a network and with the setuptools of the tests; return it.

        ``version`` takes the place of the sources' own.
        """
        source, out = folder / "source", folder / "wheel"
        source.mkdir()
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        lua = ("ardour_scripts", "reaper_scripts/lib/shared")
        for name in ("daemon", "acestep_runtime", "protos", "live_extension", *lua):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        options = ("--no-deps", "--no-build-isolation", "--no-index", "-w", out)
        if version:
            code = source / "daemon" / "acebridge" / "version.py"
            code.write_text(code.read_text("utf-8").replace(f'"{VERSION}"', f'"{version}"'), "utf-8")
        setuptools = {**os.environ, "PYTHONPATH": str(distribution("setuptools").locate_file(""))}
        built = self.pip("wheel", source, *options, env=setuptools)
        assert built.returncode == 0, built.stderr
        (wheel,) = out.iterdir()
        return wheel

    def install(self, wheel: Path) -> None:
        """Install a wheel, in place of another version."""
        installed = self.pip("install", "--no-deps", "--no-index", wheel)
        assert installed.returncode == 0, installed.stderr

    def borrow_dependencies(self) -> None:
        """Let it import what AceBridge depends on from where these tests do, but nothing that is installed as editable."""
        borrow_dependencies(self.python)

    def has(self, package: str) -> bool:
        """Return whether it can import a package, asked in a folder that holds none."""
        return run([self.python, "-c", f"import {package}"], cwd=self.scripts).returncode == 0

    def install_python_daemon(self, folder: Path) -> None:
        """Install python-daemon, whose import package is called ``daemon``; without a package index, one like it."""
        if self.pip("install", "--no-deps", "--retries", "1", "--timeout", "15", "python-daemon").returncode:
            wheel = folder / "python_daemon-0-py3-none-any.whl"
            record = "".join(f"{name},,\n" for name in (*_FAKE, "python_daemon-0.dist-info/RECORD"))
            with zipfile.ZipFile(wheel, "w") as archive:
                for name, text in {**_FAKE, "python_daemon-0.dist-info/RECORD": record}.items():
                    archive.writestr(name, text)
            installed = self.pip("install", "--no-deps", "--no-index", wheel)
            assert installed.returncode == 0, installed.stderr


def borrow_dependencies(python: Path) -> None:
    """Let a Python import what AceBridge depends on from where these tests do."""
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.strip()
    (Path(site) / "dependencies.pth").write_text("".join(f"{place}\n" for place in _dependency_folders()), "utf-8")


class Session:
    """The installed command, run in one folder with one data folder, ``home``."""

    def __init__(self, command: Path, folder: Path, home: Path, **environment: str) -> None:
        self.command, self.folder, self.home = command, folder, home
        home.mkdir(parents=True)
        (home / "config.toml").write_text("port = 0\n", "utf-8")
        self.address = home / "daemon.json"
        self._served: list[subprocess.Popen[bytes]] = []
        borrowed = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        own = {"ACEBRIDGE_HOME": str(home), "ACEBRIDGE_FAKE_STEP_MS": "0"}
        self.environment = {**borrowed, **own, **environment}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever was started."""
        left = [process for process in psutil.process_iter() if belongs(process, self.home)]
        for process in left:
            process.kill()
        for daemon in self._served:
            daemon.wait()
        assert_gone(left)

    def run(self, *arguments: str) -> str:
        """Return what a command printed, which must succeed."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"acebridge {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return run([self.command, *arguments], cwd=self.folder, env=self.environment)

    def serve(self) -> subprocess.Popen[bytes]:
        """Start a daemon in the background, and wait for it."""
        with (self.home / "console.txt").open("wb") as console:
            process = subprocess.Popen(
                [self.command, "serve"],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        self._served.append(process)
        until(lambda: self.address.exists() or process.poll() is not None, "the daemon's address")
        assert process.poll() is None, (self.home / "console.txt").read_text("utf-8")
        return process


def dependencies() -> list[str]:
    """Return the names of the distributions on which AceBridge depends, those of its extras too."""
    names = (re.split(r"[^\w.-]", each, maxsplit=1)[0].lower() for each in distribution("acebridge").requires or ())
    return sorted({*names} - {"acebridge"})


def _dependency_folders() -> list[Path]:
    """Return the folders that hold the distributions on which AceBridge depends, and theirs."""
    folders: dict[Path, None] = {}
    known: set[str] = set()
    waiting = ["acebridge"]
    while waiting:
        name = re.split(r"[^\w.-]", waiting.pop(), maxsplit=1)[0].lower()
        if name in known:
            continue
        known.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # of another system, or an extra
            continue
        if name != "acebridge":
            folders[Path(str(found.locate_file(""))).resolve()] = None
        waiting += [each for each in found.requires or () if "extra ==" not in each]
    return list(folders)
