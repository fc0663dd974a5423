"""Models out of wheels: what pip is asked for, what is kept, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights import wheels
from acestep_runtime.weights.checksums import FileDigest, read_record
from acestep_runtime.weights.hub import PULL_LOCK, PullProgress, verify
from acestep_runtime.weights.pitch_model import find_pitch_model
from acestep_runtime.weights.removal import plan_removal, remove
from acestep_runtime.weights.wheels import BASIC_PITCH, WheelRelease, faults_of, find_wheel_models, pull_wheel

MODEL, LICENSE = b"a network", b"its licence"


class Pip:
    """Stands for pip: puts a wheel where it is told to."""

    def __init__(self, folder: Path, files: dict[str, bytes] | None = None) -> None:
        self.asked: list[Sequence[str]] = []
        self.requirement = ""
        self.wheel = folder / "source.zip"
        held = {"basic_pitch/nmp.onnx": MODEL, "info/LICENSE": LICENSE} if files is None else files
        with zipfile.ZipFile(self.wheel, "w") as packed:
            for name, content in {**held, "basic_pitch/__init__.py": b"import evil"}.items():
                packed.writestr(name, content)

    @property
    def release(self) -> WheelRelease:
        def digest(content: bytes) -> FileDigest:
            return FileDigest(len(content), hashlib.sha256(content).hexdigest())

        files = {"nmp.onnx": ("basic_pitch/nmp.onnx", digest(MODEL)), "LICENSE": ("info/LICENSE", digest(LICENSE))}
        return dataclasses.replace(BASIC_PITCH, sha256=hashlib.sha256(self.wheel.read_bytes()).hexdigest(), files=files)

    def __call__(self, words: Sequence[str]) -> tuple[int, str]:
        self.asked.append(words)
        place = Path(words[words.index("--dest") + 1])
        self.requirement = Path(words[words.index("--requirement") + 1]).read_text("utf-8")
        (place / "basic_pitch-0.4.0-py3-none-any.whl").write_bytes(self.wheel.read_bytes())
        return 0, "Saved"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_only_the_model_and_its_licence_are_kept(tmp_path: Path, models: Path) -> None:
    pip, steps = Pip(tmp_path), list[PullProgress]()
    (own,) = pull_wheel(pip.release, models, steps.append, pip)
    assert {path.name: path.read_bytes() for path in own.iterdir() if path.suffix != ".json"} == {
        "nmp.onnx": MODEL, "LICENSE": LICENSE,
    }  # fmt: skip
    assert [path.name for path in models.iterdir() if path.name != PULL_LOCK] == ["basic-pitch"]
    assert read_record(own).revision == "0.4.0"
    (words,) = pip.asked
    assert words[:2] == ("download", "--no-deps")
    assert pip.requirement == f"basic-pitch==0.4.0 --hash=sha256:{pip.release.sha256}\n"
    assert [step.stage for step in steps] == ["fetching", "checking"]
    assert verify(models)[0].faults == ()
    pull_wheel(pip.release, models, None, pip)
    assert len(pip.asked) == 1, "what is whole is not fetched again"


def test_a_damaged_model_is_replaced(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = Pip(tmp_path)
    monkeypatch.setattr(wheels, "WHEELS", {pip.release.name: pip.release})
    (own,) = pull_wheel(pip.release, models, None, pip)
    (own / "nmp.onnx").write_bytes(b"a nxtwork")
    (found,) = find_wheel_models(models)
    assert (found.name, found.complete, found.remedy) == (
        "basic-pitch", False, "Run `acebridge models pull basic-pitch`.",
    )  # fmt: skip
    assert "is damaged" in found.faults[0]
    pull_wheel(pip.release, models, None, pip)
    assert faults_of(pip.release, models) == ()
    assert find_wheel_models(models)[0].complete


@pytest.mark.parametrize("files", [{}, {"basic_pitch/nmp.onnx": b"another", "info/LICENSE": LICENSE}])
def test_another_wheel_is_refused_and_nothing_is_left(tmp_path: Path, models: Path, files: dict[str, bytes]) -> None:
    pip = Pip(tmp_path, files)
    with pytest.raises(
        EngineFailure, match=r"The index offers another wheel of basic-pitch 0\.4\.0 than the released one"
    ):
        pull_wheel(pip.release, models, None, pip)
    with pytest.raises(EngineFailure, match="another wheel"):
        pull_wheel(BASIC_PITCH, models, None, pip)
    assert [path.name for path in models.iterdir()] == [PULL_LOCK]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("WARNING: Retrying\nERROR: No matching distribution found for basic-pitch==0.4.0", "No matching distribution"),
        ("", "it said nothing"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "The index offers another wheel"),
    ],
)
def test_the_last_error_of_pip_is_in_the_message(models: Path, said: str, expected: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        pull_wheel(BASIC_PITCH, models, None, lambda _: (1, said))
    assert expected in caught.value.message
    assert "acebridge models pull basic-pitch" in caught.value.remedy or "Do not use it" in caught.value.remedy


def test_two_pulls_do_not_meet(tmp_path: Path, models: Path) -> None:
    models.mkdir()
    with FileLock(models / PULL_LOCK), pytest.raises(EngineFailure, match="Another pull is at work"):
        pull_wheel(BASIC_PITCH, models, None, Pip(tmp_path))


def test_a_model_of_a_wheel_is_removed_like_others(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip(tmp_path)
    monkeypatch.setattr(wheels, "WHEELS", {pip.release.name: pip.release})
    (own,) = pull_wheel(pip.release, models, None, pip)
    removal = plan_removal("basic-pitch", models)
    assert removal.paths == (own,)
    remove(removal, models)
    assert not own.exists()


def test_the_network_is_found_or_its_absence_explained(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_MODELS", str(models))
    assert find_pitch_model().path is None
    assert find_pitch_model().missing == "Run `acebridge models pull basic-pitch`."
    file = models / "basic-pitch" / "nmp.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(MODEL)
    assert find_pitch_model().path == file
    monkeypatch.setattr("acestep_runtime.weights.pitch_model.find_spec", lambda _: None)
    assert find_pitch_model().path is None
    assert "midi" in find_pitch_model().missing
