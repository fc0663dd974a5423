"""Downloading and verifying models: the real client of the Hub against a local server."""

from __future__ import annotations

import builtins
import errno
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from acebridge.cli import main
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.installation import install_remedy
from acestep_runtime.weights import catalogue, hub
from tests.support.fake_hub import COMMIT, FakeHub, fake_hub
from tests.support.model_folders import safetensors_of
from tests.support.whole_models import find_whole_checkpoints

MAIN, BASE = "ACE-Step/Ace-Step1.5", "ACE-Step/acestep-v15-base"
CONFIG = b"""{"model_type": "acestep", "is_turbo": false, "model_version": "base", "num_hidden_layers": 24,
"audio_acoustic_hidden_dim": 64}"""
WEIGHTS = bytes(range(256)) * 200
WHY = "models are fetched with huggingface_hub"


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    constants = pytest.importorskip("huggingface_hub.constants", reason=WHY)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50_000)  # of a file that breaks off, whole blocks are kept
    monkeypatch.setattr(catalogue, "PINS", {})  # the released files are not at hand
    files = {
        MAIN: {
            "README.md": b"read me",
            "config.json": b"{}",
            "vae/config.json": b'{"sampling_rate": 48000}',
            "vae/diffusion_pytorch_model.safetensors": safetensors_of(WEIGHTS[::-1]),
            "Qwen3-Embedding-0.6B/config.json": b"{}",
            "Qwen3-Embedding-0.6B/merges.txt": b"a b",
            "Qwen3-Embedding-0.6B/tokenizer.json": b"{}",
            "Qwen3-Embedding-0.6B/tokenizer_config.json": b"{}",
            "Qwen3-Embedding-0.6B/model.safetensors": safetensors_of(WEIGHTS * 2),
            "acestep-v15-turbo/model.safetensors": safetensors_of(WEIGHTS * 3),
            "acestep-v15-turbo/modeling_acestep_v15_turbo.py": b"import os",
            "acestep-5Hz-lm-1.7B/model.safetensors": safetensors_of(WEIGHTS * 4),
        },
        BASE: {
            "config.json": CONFIG,
            "model.safetensors": safetensors_of(WEIGHTS * 5),
            "silence_latent.pt": WEIGHTS[:3000],
            "training_args.pt": b"x" * 2000,
            "pytorch_model.bin": b"x" * 2000,
            "modeling_acestep_v15_base.py": b"import os",
            "configuration_acestep_v15.py": b"import os",
        },
    }
    with fake_hub(files) as server:
        yield server


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if path.is_file() and path.name != ".pull.lock"}  # fmt: skip


def test_a_pull_stores_only_matching_files_in_their_folders(remote: FakeHub, tmp_path: Path) -> None:
    steps: list[hub.PullProgress] = []
    folders = hub.pull("base", tmp_path, steps.append, endpoint=remote.address)
    assert everything(tmp_path) == {
        "acestep-v15-base/config.json", "acestep-v15-base/model.safetensors", "acestep-v15-base/silence_latent.pt",
        "acestep-v15-base/checksums.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
        "vae/checksums.json", "Qwen3-Embedding-0.6B/config.json", "Qwen3-Embedding-0.6B/merges.txt",
        "Qwen3-Embedding-0.6B/model.safetensors", "Qwen3-Embedding-0.6B/checksums.json",
        "Qwen3-Embedding-0.6B/tokenizer.json", "Qwen3-Embedding-0.6B/tokenizer_config.json",
    }  # fmt: skip
    assert not [path for path in remote.downloads() if path.endswith((".py", ".bin", ".md"))]
    assert set(folders) == {tmp_path / name for name in ("acestep-v15-base", "vae", "Qwen3-Embedding-0.6B")}
    for stage in ("fetching", "checking"):
        done = [step.done for step in steps if step.stage == stage]
        assert done == sorted(done)
        assert done[-1] == steps[0].total == steps[-1].total
    (checkpoint,) = find_whole_checkpoints(tmp_path)
    assert (checkpoint.name, checkpoint.kind) == ("acestep-v15-base", "base")
    record = json.loads((tmp_path / "acestep-v15-base" / "checksums.json").read_text())
    assert (record["repo"], record["revision"]) == (BASE, COMMIT)
    assert record["files"]["model.safetensors"]["size"] == len(safetensors_of(WEIGHTS * 5))


def test_complete_files_are_not_downloaded_again(remote: FakeHub, tmp_path: Path) -> None:
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    remote.asked.clear()
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert remote.downloads() == []
    hub.pull("acestep-v15-turbo", tmp_path, endpoint=remote.address)
    assert remote.downloads() == ["acestep-v15-turbo/model.safetensors"]


def test_files_copied_by_hand_are_kept(remote: FakeHub, tmp_path: Path) -> None:
    for path in ("config.json", "model.safetensors", "silence_latent.pt"):
        (tmp_path / "acestep-v15-base").mkdir(exist_ok=True)
        (tmp_path / "acestep-v15-base" / path).write_bytes(remote.files[BASE][path])
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert "model.safetensors" not in remote.downloads()


def test_an_interrupted_pull_resumes(remote: FakeHub, tmp_path: Path) -> None:
    remote.cut["model.safetensors"] = 100_000
    with pytest.raises(EngineFailure, match=r"cannot be reached .* run `acebridge models pull acestep-v15-base`\.$"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    (part,) = (tmp_path / "acestep-v15-base").glob("model.safetensors.*.part")
    assert part.stat().st_size == 100_000
    assert find_whole_checkpoints(tmp_path) == ()
    remote.cut.clear()
    remote.asked.clear()
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert [path.name for path in tmp_path.rglob("*.part")] == []
    ranges = [asked for method, path, asked in remote.asked if method == "GET" and path.endswith("/model.safetensors")
              and BASE in path]  # fmt: skip
    assert ranges == ["bytes=100000-"]
    assert not any(verdict.faults for verdict in hub.verify(tmp_path))


def test_a_partial_file_of_another_revision_is_not_resumed(remote: FakeHub, tmp_path: Path) -> None:
    remote.cut["model.safetensors"] = 100_000
    with pytest.raises(EngineFailure, match="cannot be reached"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    remote.cut.clear()
    remote.files = {
        **remote.files,
        BASE: {**remote.files[BASE], "model.safetensors": safetensors_of(WEIGHTS[::-1] * 5)},
    }
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert (tmp_path / "acestep-v15-base" / "model.safetensors").read_bytes() == safetensors_of(WEIGHTS[::-1] * 5)
    assert list(tmp_path.rglob("*.part")) == []


def test_a_second_pull_at_the_same_time_raises(remote: FakeHub, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".pull.lock"), pytest.raises(EngineFailure, match="Another pull is at work"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_verify_finds_damage_and_pull_repairs_it(remote: FakeHub, tmp_path: Path) -> None:
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    weights, small = tmp_path / "acestep-v15-base" / "model.safetensors", tmp_path / "vae" / "config.json"
    data = bytearray(weights.read_bytes())
    data[777] ^= 1
    weights.write_bytes(data)
    small.write_bytes(b'{"sampling_rate": 44100}')
    (tmp_path / "Qwen3-Embedding-0.6B" / "merges.txt").unlink()
    (tmp_path / "Qwen3-Embedding-0.6B" / "model.safetensors").write_bytes(b"short")
    faults = {verdict.folder.name: verdict.faults for verdict in hub.verify(tmp_path)}
    size = len(safetensors_of(WEIGHTS * 2))
    assert faults == {
        "acestep-v15-base": (f"{weights} is damaged",),
        "vae": (f"{small} is damaged",),
        "Qwen3-Embedding-0.6B": (
            f"{tmp_path / 'Qwen3-Embedding-0.6B' / 'merges.txt'} is missing",
            f"{tmp_path / 'Qwen3-Embedding-0.6B' / 'model.safetensors'} has 5 bytes instead of {size}",
        ),
    }
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert not any(verdict.faults for verdict in hub.verify(tmp_path))
    assert weights.read_bytes() == remote.files[BASE]["model.safetensors"]


def test_damaged_downloads_are_repeated(remote: FakeHub, tmp_path: Path) -> None:
    remote.garbled["model.safetensors"] = 1
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert not any(verdict.faults for verdict in hub.verify(tmp_path))
    remote.garbled["acestep-v15-turbo/model.safetensors"] = 9
    with pytest.raises(EngineFailure, match=r"acestep-v15-turbo is still not whole: .*model\.safetensors is damaged\."):
        hub.pull("acestep-v15-turbo", tmp_path, endpoint=remote.address)
    assert [checkpoint.name for checkpoint in find_whole_checkpoints(tmp_path)] == ["acestep-v15-base"]


def test_nothing_has_its_name_before_it_was_compared(remote: FakeHub, tmp_path: Path) -> None:
    """Ctrl-C while the files are compared leaves no weights that would be used, and the next pull goes on from there."""
    remote.garbled["model.safetensors"] = 1

    def interrupt(step: hub.PullProgress) -> None:
        if step.stage == "checking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.pull("acestep-v15-base", tmp_path, interrupt, endpoint=remote.address)
    assert find_whole_checkpoints(tmp_path) == ()
    assert {Path(name).suffix for name in everything(tmp_path)} == {".part"}
    remote.asked.clear()
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert remote.downloads() == ["model.safetensors"]
    assert not any(verdict.faults for verdict in hub.verify(tmp_path))
    assert list(tmp_path.rglob("*.part")) == []


def test_weights_without_a_record_are_not_verified(
    remote: FakeHub, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = home / "models"
    hub.pull("acestep-v15-base", models, endpoint=remote.address)
    shutil.copytree(models / "vae", models / "mine")
    (models / "mine" / "checksums.json").unlink()
    (models / "acestep-v15-base" / "checksums.json").unlink()
    code, out, err = run(capsys, monkeypatch, "verify")
    assert code == 4
    for name in ("acestep-v15-base", "mine"):
        assert f"{models / name}: 0 files, not verified: it has no checksums.json" in out
    assert "Not verified: acestep-v15-base, mine. Pull the model again" in err
    shutil.rmtree(models / "mine")
    hub.pull("acestep-v15-base", models, endpoint=remote.address)
    assert run(capsys, monkeypatch, "verify")[0] == 0


def test_disk_space_is_checked_first(remote: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    with pytest.raises(EngineFailure, match=r"acestep-v15-base needs 1\.1 GB more in .*; 1\.0 GB are free\. Free some"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert remote.downloads() == []


def test_a_full_disk_raises(remote: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hub._CountingFile, "write", write)
    with pytest.raises(EngineFailure, match=r"acestep-v15-base cannot be written: No space left on device\. Free some"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_without_a_network_the_error_names_the_hub(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason=WHY)
    with pytest.raises(EngineFailure) as caught:
        hub.pull("xl-turbo", tmp_path, endpoint="http://127.0.0.1:9")
    assert caught.value.remedy == "Once there is a connection, run `acebridge models pull acestep-v15-xl-turbo`."
    assert everything(tmp_path) == set()


def test_a_missing_or_empty_repository_raises(remote: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="The Hub has no repository ACE-Step/acestep-v15-sft, or does not show it"):
        hub.pull("acestep-v15-sft", tmp_path, endpoint=remote.address)
    remote.files = {**remote.files, BASE: {"config.json": CONFIG}}
    with pytest.raises(EngineFailure, match="has no weights of acestep-v15-base any more"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("model.safetensors", True), ("silence_latent.pt", True), ("LICENSE", True), ("training_args.pt", False),
        ("code.py", False), ("LICENSE.py", False), ("../model.safetensors", False), ("/model.safetensors", False),
        ("..\\model.safetensors", False), ("pytorch_model.bin", False),
    ],
)  # fmt: skip
def test_only_data_files_inside_the_folder_match(path: str, matches: bool) -> None:
    (source, *_) = catalogue.RELEASES["acestep-v15-base"].sources
    assert hub._matches(path, source.patterns) is matches


def test_short_names_resolve_to_full_names() -> None:
    for short, name in (("turbo", "acestep-v15-turbo"), ("XL-Base", "acestep-v15-xl-base"), ("lm-4B", "acestep-5Hz-lm-4B"),
                        ("acestep-5hz-lm-0.6b", "acestep-5Hz-lm-0.6B"), (" turbo-shift1 ", "acestep-v15-turbo-shift1"),
                        ("4B", "4B"), ("nonsense", "nonsense")):  # fmt: skip
        assert catalogue.full_name(short) == name
    assert catalogue.full_name("MINE", ["mine"]) == "mine"
    with pytest.raises(InvalidValue, match=r"model is 'nonsense'; allowed: acestep-v15-turbo, "):
        hub.pull("nonsense", Path("nowhere"))


def test_an_unsafe_record_raises(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "secret").write_text("x")
    files = {"../secret": {"size": 1, "digest": "0"}}
    (tmp_path / "vae" / "checksums.json").write_text(json.dumps({"files": files}))
    (verdict,) = hub.verify(tmp_path)
    assert "cannot be read: it names files elsewhere" in verdict.faults[0]


# ---- files that are not those that are known ----

COMMIT_2 = "fedcba0987654321fedcba0987654321fedcba09"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def replace(remote: FakeHub, path: str, data: bytes) -> None:
    """Commit another content of a file of the base model."""
    remote.files = {**remote.files, BASE: {**remote.files[BASE], path: data}}
    remote.commit = COMMIT_2


def test_all_files_are_of_one_commit_that_is_asked_for_once(remote: FakeHub, tmp_path: Path) -> None:
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    asked = [path for _, path, _ in remote.asked]
    for repo in (BASE, MAIN):
        assert asked.count(f"/api/models/{repo}") == 1
        assert all(COMMIT in path for path in asked if repo in path and path != f"/api/models/{repo}")
    assert not [path for path in asked if "main" in path]


def test_a_commit_of_the_catalogue_is_the_one_that_is_fetched(
    remote: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PINS", {BASE: catalogue.Pin(COMMIT), MAIN: catalogue.Pin(COMMIT)})
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert f"/api/models/{BASE}" not in [path for _, path, _ in remote.asked]
    remote.commit = COMMIT_2
    with pytest.raises(EngineFailure, match=f"The Hub has no commit {COMMIT} of {BASE} any more. Update AceBridge"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_a_file_that_changes_between_two_pulls_is_refused(remote: FakeHub, tmp_path: Path) -> None:
    """Trust on first use. What is on the disk stays as it was, and can still be verified."""
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    weights = tmp_path / "acestep-v15-base" / "model.safetensors"
    replace(remote, "model.safetensors", safetensors_of(WEIGHTS[::-1] * 5))
    remote.asked.clear()
    with pytest.raises(EngineFailure) as caught:
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert str(caught.value) == (
        f"{BASE} now holds other files than were downloaded into {weights.parent}: model.safetensors differs."
        " If that is meant to be, run `acebridge models pull acestep-v15-base --accept-changed`."
    )
    assert remote.downloads() == []
    assert weights.read_bytes() == safetensors_of(WEIGHTS * 5)
    assert not any(verdict.faults for verdict in hub.verify(tmp_path))
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address, accept_changed=True)
    assert weights.read_bytes() == safetensors_of(WEIGHTS[::-1] * 5)
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_files_that_a_later_commit_adds_are_refused(remote: FakeHub, tmp_path: Path) -> None:
    """They might be used instead of those that were there."""
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    replace(remote, "diffusion_pytorch_model.safetensors", safetensors_of(WEIGHTS))
    with pytest.raises(EngineFailure, match=r"other files .*: diffusion_pytorch_model\.safetensors differs"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_digests_of_the_catalogue_hold_whatever_the_hub_says(
    remote: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = remote.files[BASE]["model.safetensors"]
    pin = catalogue.Pin(COMMIT, {"model.safetensors": sha256(genuine)})
    monkeypatch.setattr(catalogue, "PINS", {BASE: pin})
    forged = genuine[::-1]
    remote.files = {**remote.files, BASE: {**remote.files[BASE], "model.safetensors": forged}}
    for accept_changed in (False, True):  # whoever accepts changes does not accept forgeries
        with pytest.raises(EngineFailure) as caught:
            hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address, accept_changed=accept_changed)
        assert str(caught.value).startswith(
            f"The Hub offers model.safetensors of {BASE} with the digest {sha256(forged)[:12]}… instead of"
            f" {sha256(genuine)[:12]}…: it is not the released file."
        )
    assert remote.downloads() == []
    remote.claims["model.safetensors"] = genuine  # now it lies in its list too
    with pytest.raises(EngineFailure, match=r"still not whole: .*model\.safetensors is damaged"):
        hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    assert find_whole_checkpoints(tmp_path) == ()


def test_what_the_catalogue_knows_needs_no_first_download(
    remote: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer AceBridge may name a newer version of a model."""
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)
    replace(remote, "model.safetensors", safetensors_of(WEIGHTS[::-1] * 5))
    pin = catalogue.Pin(COMMIT_2, {"model.safetensors": sha256(remote.files[BASE]["model.safetensors"])})
    monkeypatch.setattr(catalogue, "PINS", {BASE: pin})
    hub.pull("acestep-v15-base", tmp_path, endpoint=remote.address)


def test_every_repository_has_one_full_commit() -> None:
    repos = {source.repo for release in catalogue.RELEASES.values() for source in release.sources}
    assert set(catalogue.PINS) == repos
    for pin in catalogue.PINS.values():
        assert re.fullmatch("[0-9a-f]{40}", pin.revision)
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pin.sha256.values())


# ---- the command line ----


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["acebridge", "models", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    steps = capsys.readouterr()
    return int(end.value.code or 0), steps.out, steps.err


def test_model_commands(
    remote: FakeHub, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str, folder: Path, progress: Any = None, **_: Any) -> tuple[Path, ...]:
        return real(name, folder, progress, endpoint=remote.address)

    real = hub.pull
    monkeypatch.setattr(hub, "pull", fetch)
    code, out, _ = run(capsys, monkeypatch, "verify")
    assert (code, "holds no models that were fetched with `acebridge models pull`" in out) == (0, True)
    code, out, err = run(capsys, monkeypatch, "pull", "base")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == str(home / "models" / "acestep-v15-base")
    code, out, _ = run(capsys, monkeypatch, "list")
    shown = {line.split("\t")[0]: line.split("\t")[3] for line in out.splitlines()}
    assert [name for name, is_there in shown.items() if is_there == "yes"] == ["acestep-v15-base"]
    assert set(shown) == {*catalogue.RELEASES, "basic-pitch"}
    code, out, _ = run(capsys, monkeypatch, "verify")
    assert code == 0
    assert f"{home / 'models' / 'vae'}: 2 files, all as they should be" in out
    (home / "models" / "vae" / "config.json").unlink()
    code, _, err = run(capsys, monkeypatch, "verify")
    assert code == 4
    assert "Not as they should be: vae. Pull the model again" in err
    code, out, _ = run(capsys, monkeypatch, "verify", "--json")
    assert [each["files"] for each in json.loads(out)] == [5, 3, 2]
    assert code == 4

    (home / "config.toml").write_text(f"models_dir = {json.dumps(str(tmp_path / 'elsewhere'))}\n")
    code, out, _ = run(capsys, monkeypatch, "list", "--json")
    assert json.loads(out)["folder"] == str(tmp_path / "elsewhere")
    code, out, _ = run(capsys, monkeypatch, "list", "--json", "--folder", str(home / "models"))
    assert [each["name"] for each in json.loads(out)["models"] if each["there"]] == []  # its VAE is not whole


def test_without_huggingface_hub_the_error_names_pip(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("huggingface_hub", "torch", "safetensors", "diffusers", "transformers"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for arguments in (["list"], ["verify"]):
        assert run(capsys, monkeypatch, *arguments)[0] == 0
    code, _, err = run(capsys, monkeypatch, "pull", "turbo")
    assert code == 4
    assert err.endswith(f"which is not installed. {install_remedy('neural')}\n")
