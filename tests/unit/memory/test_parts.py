"""Parts on devices of their own: reading the setting, placing the modules, and tensors that move at the borders alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.memory.parts import devices_of, parse_parts

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import nn

from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural import model as model_module
from acestep_runtime.engines.neural import placing
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import policy
from acestep_runtime.memory.need import Numbers, need_bytes
from acestep_runtime.memory.policy import ComputeConfig, Offload, choose_compute_config, choose_part_config
from acestep_runtime.memory.stage import ModulePlacement, retry_with_offload
from acestep_runtime.memory.widen import LateLinear
from acestep_runtime.tasks import TextToMusic
from acestep_runtime.values import CancelToken, Sampling
from acestep_runtime.weights.load import load
from acestep_runtime.weights.numbers import count_weights
from acestep_runtime.weights.selection import select_checkpoint
from tests.support.tiny_models import tiny_models
from tests.unit.memory.test_devices import machine

ELSEWHERE = torch.device("meta")
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("text", "dit", "lm", "vae", "words"),
    [
        ("dit:cuda:0, lm:cuda:1, vae:cuda:0", "cuda:0", "cuda:1", "cuda:0", "cuda:0"),
        ("dit:0, lm:1, vae:2,text:1", "cuda:0", "cuda:1", "cuda:2", "cuda:1"),
        (" lm : cpu , dit : xpu:1 ", "xpu:1", "cpu", "xpu:1", "xpu:1"),
        ("dit:cpu", "cpu", "cpu", "cpu", "cpu"),
    ],
)
def test_parts_that_are_not_named_go_with_the_transformer(text: str, dit: str, lm: str, vae: str, words: str) -> None:
    assert parse_parts(text) == {"dit": dit, "lm": lm, "vae": vae, "text": words}
    assert devices_of(text) == tuple(dict.fromkeys((dit, lm, vae, words)))


def test_nothing_is_no_parts() -> None:
    assert parse_parts("") == parse_parts(" ") == {}
    assert devices_of("") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dit:0, voice:1", "allowed: the parts dit, lm, vae, text"),
        ("dit", "allowed: a device for each of dit, lm, vae, text"),
        ("dit:", "allowed: a device for each of dit, lm, vae, text"),
        ("dit:0,,lm:1", "allowed: the parts"),
        ("dit:0, lm:1, dit:1", "Name dit once"),
        ("lm:1", "Add dit, such as dit:0"),
    ],
)
def test_other_texts_are_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_parts(text)
    assert says in str(caught.value)


def _config(device: torch.device, offload: Offload = Offload.NONE) -> ComputeConfig:
    return ComputeConfig(device, torch.float32, offload)


def test_each_module_is_placed_by_its_own_device() -> None:
    modules = {name: nn.Linear(2, 2) for name in ("dit", "vae", "encoder")}
    other = _config(ELSEWHERE)
    placement = ModulePlacement(modules, _config(CPU), {"vae": other})
    assert {name: each.weight.device for name, each in modules.items()} == {
        "dit": CPU,
        "vae": ELSEWHERE,
        "encoder": CPU,
    }
    assert placement.devices == (CPU, ELSEWHERE)
    assert placement.config_of("vae") == other
    assert placement.config_of("dit").device == CPU


def test_memory_that_runs_out_on_one_device_offloads_there_alone() -> None:
    modules = {name: nn.Linear(2, 2) for name in ("dit", "vae")}
    here, there = _config(torch.device("meta", 0)), _config(torch.device("meta", 1))
    placement = ModulePlacement(modules, here, {"vae": there})

    def work(part: str) -> Iterator[str]:
        with placement.on_device(part):
            if placement.config_of(part).offload is Offload.NONE:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield "audio"

    # A module of meta has no values to move back: only what is said of it counts.
    for each in modules.values():
        each.to = lambda *_: None  # type: ignore[method-assign,assignment]
    assert list(retry_with_offload(placement, lambda: work("vae"), lambda _: True)) == ["audio"]
    assert (placement.config.offload, placement.config_of("vae").offload) == (Offload.NONE, Offload.ONE_AT_A_TIME)
    assert list(retry_with_offload(placement, lambda: work("dit"), lambda _: True)) == ["audio"]
    assert (placement.config.offload, placement.config_of("vae").offload) == (Offload.IDLE, Offload.ONE_AT_A_TIME)

    def never() -> Iterator[str]:
        with placement.on_device("vae"):
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield ""

    with pytest.raises(EngineFailure, match="not enough for this job"):
        list(retry_with_offload(placement, never, lambda _: True))


def test_memory_is_counted_for_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {0: 7.0, 1: 1.2}
    monkeypatch.setattr(policy, "free_gib", lambda device: free[device.index])
    monkeypatch.setattr(policy, "native_dtype", lambda _: torch.bfloat16)
    first, second = torch.device("cuda", 0), torch.device("cuda", 1)
    assert choose_compute_config("2B", first).offload is Offload.IDLE
    assert choose_compute_config("2B", first, elsewhere=("vae",)).offload is Offload.NONE
    free[0] = 5.0
    assert choose_compute_config("2B", first, elsewhere=("text", "vae")).offload is Offload.ONE_AT_A_TIME
    assert choose_part_config(second, ("vae",)).offload is Offload.NONE
    assert choose_part_config(second, ("vae", "text")).offload is Offload.ONE_AT_A_TIME


@pytest.mark.slow
def test_parts_on_the_cpu_are_widened_late_where_its_memory_is_short(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtypes = {"cuda": torch.bfloat16, "cpu": torch.float32}
    for module in (policy, placing):
        monkeypatch.setattr(module, "free_gib", lambda device: None if device.type == "cpu" else 80.0)
    monkeypatch.setattr(policy, "native_dtype", lambda device: dtypes[device.type])
    checkpoint = select_checkpoint(models, "turbo", needs_base=False)
    _, text_encoder, vae = count_weights(checkpoint)
    numbers = Numbers(0, text_encoder, vae)
    for short, widens_late in ((0, False), (1, True)):
        available = need_bytes(numbers, 4) - short
        monkeypatch.setattr(placing.machine, "available_bytes", lambda available=available: available)
        config, others = placing.choose_configs(
            checkpoint, torch.device("cuda", 0), parse_parts("dit:0, vae:cpu, text:cpu")
        )
        assert not config.widens_late
        assert {name: each.widens_late for name, each in others.items()} == dict.fromkeys(
            ("text_encoder", "encoder", "vae"), widens_late
        )


@pytest.mark.slow
def test_each_part_is_loaded_in_the_dtype_of_its_own_device(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of a file in float32 do not go through the narrow ones of another device."""
    here, there = ComputeConfig(CPU, torch.bfloat16, Offload.NONE), _config(CPU)
    late = ComputeConfig(CPU, torch.float32, Offload.NONE, widens_late=True)
    checkpoint = select_checkpoint(models, "turbo", needs_base=False)
    exact = load(checkpoint, torch.float32)
    monkeypatch.setattr(model_module, "choose_configs", lambda *_, **__: (here, {"vae": there, "text_encoder": late}))
    made = model_module.Model.load(checkpoint)
    assert torch.equal(made.modules.text_encoder.norm.weight, exact.text_encoder.norm.weight)
    assert torch.equal(made.modules.vae.decoder.conv1.bias, exact.vae.decoder.conv1.bias)
    assert any(isinstance(each, LateLinear) for each in made.modules.text_encoder.modules())
    assert next(made.modules.dit.parameters()).dtype == torch.bfloat16


def test_a_device_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=1)
    with pytest.raises(EngineFailure, match="There is no device 'cuda:1' here"):
        NeuralEngine(parts="dit:0, lm:1")


def test_the_language_model_has_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    current = machine(monkeypatch, cuda=2)
    engine = NeuralEngine(parts="dit:1, lm:0, vae:1")
    assert engine._language._device == torch.device("cuda:0")
    assert engine._device == torch.device("cuda:1")
    assert current == [torch.device("cuda:1")]  # that of the transformer is the current one


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


def _song(engine: NeuralEngine) -> Any:
    request = EngineRequest(TextToMusic, 48_000, 7, sampling=Sampling(steps=1))
    blocks = [event.samples for event in engine.run(request, CancelToken()) if hasattr(event, "samples")]
    return np.concatenate(blocks)


@pytest.mark.slow
def test_parts_on_the_one_cpu_give_the_same_to_the_bit(models: Path) -> None:
    assert np.array_equal(_song(NeuralEngine(models)), _song(NeuralEngine(models, parts="dit:cpu, lm:cpu, vae:cpu")))


@pytest.mark.slow
def test_only_what_crosses_a_border_moves(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a model on two devices by name, both of which are the CPU: which modules are moved where."""
    moves: dict[str, list[str]] = {}
    chosen = model_module.choose_configs
    other = _config(torch.device("cpu", 0))

    def choose(*arguments: Any, **options: Any) -> Any:
        config, _ = chosen(*arguments, **options)
        return config, dict.fromkeys(("vae", "text_encoder", "encoder"), other)

    moved = nn.Module.to

    def record(module: nn.Module, *arguments: Any, **options: Any) -> Any:
        if arguments and isinstance(arguments[0], torch.device):
            moves.setdefault(type(module).__name__, []).append(str(arguments[0]))
        return moved(module, *arguments, **options)

    plain = _song(NeuralEngine(models))
    monkeypatch.setattr(model_module, "choose_configs", choose)
    monkeypatch.setattr(nn.Module, "to", record)
    engine = NeuralEngine(models)
    assert np.array_equal(_song(engine), plain)
    for name in ("AutoencoderOobleck", "AceStepConditionEncoder", "Qwen3Model"):
        assert moves[name][-1] == "cpu:0"
        assert moves[name].count("cpu:0") == 1  # when it is placed; then only tensors move
    assert set(moves["AceStepTransformer1DModel"]) == {"cpu"}
