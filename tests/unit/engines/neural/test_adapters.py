"""Adapters in the neural engine, against a checkpoint with merged weights and an engine without adapters."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file, save_file

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, ModelHost
from acestep_runtime.engines.neural import diffusion, model
from acestep_runtime.engines.neural import engine as neural
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.memory.policy import ComputeConfig, Offload
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Adapter, CancelToken, Music, Sampling, TakeSeed
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

FRAMES = 24_000
LAYERS = ("layers.0.self_attn.q_proj", "layers.3.cross_attn.k_proj", "layers.5.mlp.down_proj")
RANK = 3
Pairs = dict[str, tuple[torch.Tensor, torch.Tensor]]


def pairs(folder: Path, seed: int) -> Pairs:
    draw = torch.Generator().manual_seed(seed)
    weights = load_file(folder / "acestep-v15-turbo" / "model.safetensors")
    shapes = {layer: weights[f"decoder.{layer}.weight"].shape for layer in LAYERS}
    return {
        layer: (torch.randn(RANK, shape[1], generator=draw), torch.randn(shape[0], RANK, generator=draw))
        for layer, shape in shapes.items()
    }


def adapter(folder: Path, name: str, seed: int) -> Path:
    path = folder / "adapters" / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    named = {
        f"base_model.model.{layer}.lora_{letter}.weight": matrix
        for layer, pair in pairs(folder, seed).items()
        for letter, matrix in zip("AB", pair, strict=True)
    }
    save_file(named, path)
    os.utime(path, ns=(seed, seed))  # two of a size, written in one tick of the clock, still differ
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "original", "turbo")
    for seed, name in enumerate(("warm", "keys"), 1):
        adapter(folder, name, seed)
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> NeuralEngine:
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def without_adapters(folder: Path) -> Samples:
    return generate(NeuralEngine(folder))


def build_request(*adapters: Adapter, **more: object) -> EngineRequest:
    sampling = Sampling(steps=2, adapters=adapters)
    return EngineRequest(
        TASKS["text2music"], FRAMES, **{"seed": 7, "music": Music("piano"), "sampling": sampling, **more}
    )


def run_events(engine: NeuralEngine, request: EngineRequest) -> list[object]:
    return list(engine.run(request, CancelToken()))


def generate(engine: NeuralEngine, *adapters: Adapter) -> Samples:
    blocks = [each.samples for each in run_events(engine, build_request(*adapters)) if isinstance(each, Block)]
    return np.concatenate(blocks)


@pytest.mark.parametrize("level", Offload)
def test_adapters_equal_merged_weights_at_every_level_of_offload(
    folder: Path, tmp_path: Path, without_adapters: Samples, monkeypatch: pytest.MonkeyPatch, level: Offload
) -> None:
    merged = shutil.copytree(folder, tmp_path / "merged")
    path = merged / "acestep-v15-turbo" / "model.safetensors"
    weights = {name: value.float() for name, value in load_file(path).items()}
    for seed, scale in ((1, 0.5), (2, -0.25)):
        for layer, (a, b) in pairs(folder, seed).items():
            weights[f"decoder.{layer}.weight"] += scale * (b @ a)
    save_file(weights, path)
    config = ComputeConfig(torch.device("cpu"), torch.float32, level)
    monkeypatch.setattr(model, "choose_configs", lambda *_, **__: (config, {}))
    engine, adapters = NeuralEngine(folder), (Adapter("warm", 0.5), Adapter("keys", -0.25))
    with_both = generate(engine, *adapters)
    truth = generate(NeuralEngine(merged))
    assert np.abs(truth - without_adapters).max() > 1e-3
    assert np.abs(with_both - truth).max() < 1e-5
    assert np.array_equal(generate(engine), without_adapters)
    assert np.array_equal(generate(engine, *adapters), with_both)


def test_results_do_not_depend_on_earlier_adapters(
    engine: NeuralEngine, folder: Path, without_adapters: Samples
) -> None:
    warm, keys = Adapter("warm"), Adapter("keys", 0.5)
    combinations = [(warm,), (warm, keys), (keys, warm), (), (Adapter("warm", 0.3),), (Adapter("warm", 0.0),)]
    fresh = {adapters: generate(NeuralEngine(folder), *adapters) for adapters in combinations}
    for adapters in (*combinations, *reversed(combinations)):
        assert np.array_equal(generate(engine, *adapters), fresh[adapters])
    assert np.array_equal(fresh[()], without_adapters)
    assert np.array_equal(fresh[Adapter("warm", 0.0),], without_adapters)
    assert len({each.tobytes() for each in fresh.values()}) >= 4  # the two orders may be the same


def test_metadata_lists_the_adapters(engine: NeuralEngine) -> None:
    def adapters_of(*adapters: Adapter) -> object:
        facts = [each.values for each in run_events(engine, build_request(*adapters)) if isinstance(each, Metadata)]
        json.dumps(facts)
        return {name: value for each in facts for name, value in each.items()}.get("adapters")

    assert adapters_of(Adapter("keys", 0.5), Adapter("warm")) == [
        {"name": "keys", "scale": 0.5},
        {"name": "warm", "scale": 1.0},
    ]
    assert adapters_of() is None


def unknown(folder: Path) -> type[Exception]:
    del folder
    return InvalidValue


def not_fitting(folder: Path) -> type[Exception]:
    save_file({"layers.0.self_attn.q_proj.lora_A.weight": torch.zeros(2, 5)}, folder / "adapters" / "bad.safetensors")
    return EngineFailure


def bad_file(folder: Path) -> type[Exception]:
    (folder / "adapters" / "bad.safetensors").write_bytes(b"no tensors")
    return EngineFailure


def no_file(folder: Path) -> type[Exception]:
    for name in ("a", "b"):
        path = folder / "adapters" / "bad" / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return EngineFailure


def test_the_transformer_forgets_what_it_computed_when_an_adapter_or_its_scale_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, forgotten = NeuralEngine(folder), []
    monkeypatch.setattr(VelocityModel, "forget_weights", lambda _: forgotten.append(1))
    for adapters, is_change in (
        ((), False), ((Adapter("warm"),), True), ((Adapter("warm"),), False), ((Adapter("warm", 0.5),), True),
        ((Adapter("warm", 0.5), Adapter("keys")), True), ((Adapter("warm", 0.5), Adapter("keys")), False), ((), True),
    ):  # fmt: skip
        forgotten.clear()
        generate(engine, *adapters)
        assert bool(forgotten) is is_change


@pytest.mark.parametrize("fault", [unknown, not_fitting, bad_file, no_file])
def test_a_failing_adapter_leaves_the_model_unchanged(
    engine: NeuralEngine, folder: Path, without_adapters: Samples, fault: Callable[[Path], type[Exception]]
) -> None:
    warm = generate(engine, Adapter("warm"))
    kind = fault(folder)
    try:
        for adapters in ((Adapter("bad"),), (Adapter("warm"), Adapter("bad")), (Adapter("bad"), Adapter("keys"))):
            with pytest.raises(kind, match="bad"):
                generate(engine, *adapters)
            assert np.array_equal(generate(engine), without_adapters)
            with pytest.raises(kind):
                generate(engine, *adapters)
            assert np.array_equal(generate(engine, Adapter("warm")), warm)
    finally:
        (folder / "adapters" / "bad.safetensors").unlink(missing_ok=True)
        shutil.rmtree(folder / "adapters" / "bad", ignore_errors=True)


def test_a_changed_adapter_file_is_read_again_also_for_cached_takes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diffusion, "max_batch_takes", lambda *_, **__: 2)
    engine, adapters = NeuralEngine(folder), Adapter("changing")
    takes = [build_request(adapters, seed=seed, take_seeds=(TakeSeed(6), TakeSeed(7), TakeSeed(8))) for seed in (7, 8)]

    def take(request: EngineRequest) -> Samples:
        return np.concatenate([each.samples for each in run_events(engine, request) if isinstance(each, Block)])

    adapter(folder, "changing", 5)
    take(takes[0])
    before = take(takes[1])
    take(takes[0])  # and the other is there, ahead
    adapter(folder, "changing", 6)
    after = take(takes[1])
    assert not np.array_equal(after, before)
    engine = NeuralEngine(folder)
    # Alone and in a pass of two differ in the last bits.
    assert np.abs(take(takes[1]) - after).max() < 1e-5


def test_a_repeated_adapter_name_raises() -> None:
    with pytest.raises(InvalidValue, match="warm"):
        Sampling(adapters=(Adapter("warm"), Adapter("keys"), Adapter("warm", 0.5)))


def test_models_are_loaded_and_unloaded(folder: Path, without_adapters: Samples) -> None:
    engine = NeuralEngine(folder)
    assert isinstance(engine, ModelHost)
    assert engine.resident_models == ()
    engine.unload("acestep-v15-turbo")
    for name in ("turbo", "acestep-v15-turbo"):
        assert engine.load(name) == "acestep-v15-turbo"
        assert engine.resident_models == ("acestep-v15-turbo",)
    warm = generate(engine, Adapter("warm"))
    engine.unload("acestep-v15-base")
    assert engine.resident_models == ("acestep-v15-turbo",)
    engine.unload("acestep-v15-turbo")
    assert engine.resident_models == ()
    assert np.array_equal(generate(engine), without_adapters)
    assert np.array_equal(generate(engine, Adapter("warm")), warm)
    with pytest.raises(EngineFailure, match="models pull"):
        engine.load("base")


def test_unloading_frees_the_device_memory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = shutil.copytree(folder, tmp_path / "both")
    language = tiny_lm(both).name
    released: list[tuple[str, ...]] = []
    engine = NeuralEngine(both)
    for name in ("acestep-v15-turbo", language):
        engine.load(name)
    assert engine.resident_models == ("acestep-v15-turbo", language)
    monkeypatch.setattr(neural, "empty_device_cache", lambda _: released.append(engine.resident_models))
    engine.unload(language)
    engine.unload("acestep-v15-turbo")
    assert released == [("acestep-v15-turbo",), ()]


def test_non_finite_audio_raises(folder: Path, tmp_path: Path) -> None:
    models = Path(shutil.copytree(folder, tmp_path / "models"))
    path = models / "adapters" / "warm.safetensors"
    save_file({name: value * torch.nan for name, value in load_file(path).items()}, path)
    engine = NeuralEngine(models)
    with pytest.raises(EngineFailure) as caught:
        generate(engine, Adapter("warm"))
    assert str(caught.value) == (
        "Model acestep-v15-turbo with warm made values that are no numbers. Leave the adapters out, or choose a smaller"
        " scale, and check the model's files with `acebridge models verify`."
    )
    assert np.isfinite(generate(engine)).all()


def test_a_model_with_changed_files_is_loaded_again(folder: Path, tmp_path: Path) -> None:
    models = Path(shutil.copytree(folder, tmp_path / "models"))
    engine, path = NeuralEngine(models), models / "acestep-v15-turbo" / "model.safetensors"
    before = generate(engine)
    weights = {name: 1.5 * value for name, value in load_file(path).items()}
    save_file(weights, models / "new.safetensors")
    (models / "new.safetensors").replace(path)
    after = generate(engine)
    assert not np.array_equal(after, before)
    assert np.array_equal(after, generate(NeuralEngine(models)))
