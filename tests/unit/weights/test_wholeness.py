"""A model is whole when all that loading it opens is there; whatever is done to a folder, one sentence says what it lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acestep_runtime.engines import registry
from acestep_runtime.engines.base import TaskTraits
from acestep_runtime.errors import AceStepError, EngineFailure
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Adapter, Sampling
from acestep_runtime.weights.folder import VARIABLE
from acestep_runtime.weights.installed import find_installed_models
from acestep_runtime.weights.language import find_whole_language_models, select_language_model
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.selection import select_checkpoint
from acestep_runtime.weights.strangers import find_strangers
from acestep_runtime.weights.wholeness import checkpoint_faults
from tests.support.model_folders import (
    safetensors,
    write_diffusers,
    write_language_model,
    write_models,
    write_shared_parts,
)
from tests.support.paths import ROOT
from tests.support.whole_models import find_whole_checkpoints

GOLDEN = ROOT / "tests" / "golden" / "acestep-v15-turbo-tiny"
TURBO = "acestep-v15-turbo"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The turbo of the golden tests beside a VAE and a text encoder, and a model in the layout of diffusers."""
    shutil.copytree(GOLDEN, tmp_path / TURBO)
    write_shared_parts(tmp_path)
    write_diffusers(tmp_path / "packed")
    return tmp_path


def _faults(models: Path, name: str) -> tuple[str, ...]:
    (checkpoint,) = (each for each in find_checkpoints(models) if each.name == name)
    return checkpoint_faults(checkpoint)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _split(path: Path) -> None:
    """Move the weights into a shard of an index that names one more."""
    path.rename(path.with_name("model-1.safetensors"))
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    path.with_name("model.safetensors.index.json").write_text(json.dumps(index))


def _become_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\n")


def _become_part(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.4177f600501a.part"))


def _become_part_of_the_hub(path: Path) -> None:
    cache = path.parent / ".cache" / "huggingface" / "download"
    cache.mkdir(parents=True)
    path.rename(cache / "xyz.incomplete")


@pytest.mark.parametrize(
    ("model", "file", "damage", "fault"),
    [
        (TURBO, f"{TURBO}/model.safetensors", Path.unlink, f"{TURBO} has no weights"),
        (TURBO, f"{TURBO}/model.safetensors", _cut, f"{TURBO}/model.safetensors is cut short (460,259 of 460,260 bytes)"),
        (TURBO, f"{TURBO}/model.safetensors", _split, f"{TURBO}/model-2.safetensors is missing"),
        (TURBO, f"{TURBO}/model.safetensors", _become_pointer,
         f"{TURBO}/model.safetensors is a Git LFS pointer, not the file itself"),
        (TURBO, f"{TURBO}/model.safetensors", _become_part,
         f"{TURBO}/model.safetensors.4177f600501a.part is an unfinished download"),
        (TURBO, f"{TURBO}/model.safetensors", _become_part_of_the_hub, f"{TURBO}/xyz.incomplete is an unfinished download"),
        (TURBO, f"{TURBO}/silence_latent.pt", Path.unlink, f"{TURBO}/silence_latent.pt is missing"),
        (TURBO, f"{TURBO}/silence_latent.pt", _become_pointer,
         f"{TURBO}/silence_latent.pt is a Git LFS pointer, not the file itself"),
        (TURBO, "vae", shutil.rmtree, "the VAE is missing"),
        (TURBO, "vae/config.json", Path.unlink, "vae/config.json is missing"),
        (TURBO, "vae/config.json", _cut, "vae/config.json is damaged"),
        (TURBO, "vae/config.json", lambda path: path.write_text("{x}"), "vae/config.json is damaged"),
        (TURBO, "vae/diffusion_pytorch_model.safetensors", Path.unlink, "vae has no weights"),
        (TURBO, "Qwen3-Embedding-0.6B", shutil.rmtree, "the text encoder is missing"),
        (TURBO, "Qwen3-Embedding-0.6B/tokenizer.json", Path.unlink, "Qwen3-Embedding-0.6B/tokenizer.json is missing"),
        (TURBO, "Qwen3-Embedding-0.6B/tokenizer_config.json", _cut, "Qwen3-Embedding-0.6B/tokenizer_config.json is damaged"),
        ("packed", "packed/tokenizer", shutil.rmtree, "tokenizer/tokenizer.json is missing"),
        ("packed", "packed/text_encoder", shutil.rmtree, "the text encoder is missing"),
        ("packed", "packed/condition_encoder", shutil.rmtree, "condition_encoder/config.json is missing"),
        ("packed", "packed/transformer/diffusion_pytorch_model.safetensors", _cut,
         "transformer/diffusion_pytorch_model.safetensors is cut short"),
    ],
)  # fmt: skip
def test_what_a_model_lacks_is_named(
    models: Path, model: str, file: str, damage: Callable[[Path], object], fault: str
) -> None:
    assert _faults(models, model) == ()
    assert {each.name for each in find_whole_checkpoints(models)} == {TURBO, "packed"}
    damage(models / file)
    assert _faults(models, model)[0].startswith(fault)
    assert model not in {each.name for each in find_whole_checkpoints(models)}
    with pytest.raises(EngineFailure) as caught:
        select_checkpoint(models, model, False)
    assert caught.value.message.startswith(f"Model {model} is not whole: {fault}")
    (installed,) = (each for each in find_installed_models(models) if each.name == model)
    assert not installed.complete
    assert installed.remedy
    # Another one that is whole is taken.
    assert select_checkpoint(models, "", False).name == ({TURBO, "packed"} - {model}).pop()


def test_settings_that_describe_no_model_are_a_fault(models: Path) -> None:
    config = json.loads((models / TURBO / "config.json").read_text())
    (models / TURBO / "config.json").write_text(json.dumps({**config, "num_hidden_layers": "many"}))
    (fault,) = _faults(models, TURBO)
    assert "config.json does not describe a model" in fault
    (models / "Qwen3-Embedding-0.6B" / "config.json").write_text('{"model_type": "bert"}')
    assert "the text encoder is a bert model instead of qwen3" in _faults(models, TURBO)


def test_a_language_model_is_whole_with_its_tokenizer(tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "acestep-5Hz-lm-0.6B")
    assert [each.name for each in find_whole_language_models(tmp_path)] == [folder.name]
    assert select_language_model(tmp_path).folder == folder
    (folder / "tokenizer.json").unlink()
    assert find_whole_language_models(tmp_path) == ()
    for name in ("", "0.6B", folder.name):
        with pytest.raises(EngineFailure) as caught:
            select_language_model(tmp_path, name)
        assert str(caught.value) == (
            f"Language model {folder.name} is not whole: {folder.name}/tokenizer.json is missing."
            f" Run `acebridge models pull {folder.name}`. It fetches only what is missing or damaged."
        )


def _swap(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _scramble(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[::-1][: len(content) // 2 + 1])


MANGLES: dict[str, Callable[[Path], object]] = {
    "remove": Path.unlink,
    "cut": _cut,
    "scramble": _scramble,
    "empty": lambda path: path.write_bytes(b""),
    "list": lambda path: path.write_text("[1]"),
    "odd": lambda path: path.write_text('{"weight_map": 3, "architectures": [[]], "hidden_size": {}, "model_type": 7}'),
    "deep": lambda path: path.write_text("[" * 5000),
    "pointer": _become_pointer,
    "part": _become_part,
    "folder": _swap,
    "other": lambda path: path.write_bytes(safetensors("x.lokr_w1")),
    "gguf": lambda path: path.write_bytes(b"GGUF"),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(sorted(MANGLES))), min_size=1, max_size=8))
def test_a_mangled_folder_raises_one_sentence_at_most(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[int, str]]
) -> None:
    models = write_models(tmp_path_factory.mktemp("models"))
    (models / "adapters").mkdir()
    (models / "adapters" / "warm.safetensors").write_bytes(safetensors("layers.0.q.lora_A.weight"))
    monkeypatch.setenv(VARIABLE, str(models))
    for place, mangle in changes:
        files = sorted(path for path in models.rglob("*") if path.is_file())
        if files and len(files[place % len(files)].name) < 200:
            MANGLES[mangle](files[place % len(files)])
    assert all(each.faults or each.complete for each in find_installed_models(models))
    assert all(each.sentence().endswith(".") for each in find_strangers(models))
    bases = {each.kind == "base" for each in find_whole_checkpoints(models)}
    for task in TASKS.values():
        for engine in ("auto", "neural"):
            outcome = _outcome(engine, task)
            if isinstance(outcome, AceStepError):
                assert "\n" not in str(outcome)
                assert outcome.remedy
            else:
                assert outcome.engine.name == "neural"
                assert (True in bases) if task.needs_base_model else bases


def _outcome(engine: str, task: type[TaskTraits]) -> registry.Choice | AceStepError:
    """Return the engine of a task with a model and an adapter, or the error that refuses it."""
    try:
        choice = registry.resolve(engine, task)
        registry.check_sampling(choice.engine, task, Sampling(model="turbo", adapters=(Adapter("warm"),)))
    except AceStepError as error:
        return error
    return choice
