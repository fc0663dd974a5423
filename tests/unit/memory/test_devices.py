"""Listing and selecting devices, with a torch that reports the devices of the test."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.engines import registry
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural import placing
from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory import policy
from acestep_runtime.tasks import TextToMusic
from acestep_runtime.values import CancelToken
from tests.support.tiny_models import tiny_checkpoint


def machine(patch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False, xpu: int = 0) -> list[torch.device]:
    """Make torch report these devices; return the list of devices made current."""
    current: list[torch.device] = []
    patch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    patch.setattr(torch.cuda, "device_count", lambda: cuda)
    patch.setattr(torch.cuda, "set_device", current.append)
    patch.setattr(torch.cuda, "get_device_name", lambda name: f"NVIDIA {torch.device(name).index}")
    patch.setattr(torch.backends.mps, "is_available", lambda: mps)
    patch.setattr(torch.xpu, "is_available", lambda: xpu > 0)
    patch.setattr(torch.xpu, "device_count", lambda: xpu)
    patch.setattr(torch.xpu, "get_device_name", lambda name: f"Intel {torch.device(name).index}")
    return current


def test_find_devices_lists_all_devices_best_first(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch)
    assert policy.find_devices() == ["cpu"]
    machine(monkeypatch, cuda=2)
    assert policy.find_devices() == ["cuda:0", "cuda:1", "cpu"]
    machine(monkeypatch, mps=True)
    assert policy.find_devices() == ["mps", "cpu"]
    machine(monkeypatch, cuda=1, xpu=2)
    assert policy.find_devices() == ["cuda:0", "xpu:0", "xpu:1", "cpu"]
    labels = [policy.device_label(name) for name in ("cuda:1", "xpu:0", "mps", "cpu")]
    assert labels == ["NVIDIA 1", "Intel 0", "Apple GPU", ""]


def test_select_device_takes_the_named_or_the_best_device(monkeypatch: pytest.MonkeyPatch) -> None:
    current = machine(monkeypatch, cuda=2)
    assert policy.select_device() == torch.device("cuda:0")
    assert policy.select_device("cuda:1") == torch.device("cuda:1")
    assert current == [torch.device("cuda:0"), torch.device("cuda:1")]
    assert policy.select_device("cpu") == torch.device("cpu")
    assert len(current) == 2
    with pytest.raises(EngineFailure) as caught:
        policy.select_device("cuda:2")
    assert str(caught.value) == "There is no device 'cuda:2' here. Choose one of these: cuda:0, cuda:1, cpu."


def test_the_neural_engine_loads_its_model_on_the_named_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_checkpoint(tmp_path, "original", "turbo")
    monkeypatch.setenv("ACEBRIDGE_MODELS", str(tmp_path))
    machine(monkeypatch, cuda=2)
    devices: list[torch.device] = []

    def choose_compute_config(_size: str, device: torch.device, **_: bool) -> policy.ComputeConfig:
        devices.append(device)
        return policy.ComputeConfig(torch.device("cpu"), torch.float32, policy.Offload.NONE)

    monkeypatch.setattr(placing, "choose_compute_config", choose_compute_config)
    engine = registry.load(registry.ENGINES["neural"], device="cuda:1")
    list(islice(engine.run(EngineRequest(TextToMusic, 4800, 1), CancelToken()), 2))  # the first says that it loads
    assert devices == [torch.device("cuda:1")]
    registry.load(registry.ENGINES["draft"], device="cuda:1")  # which computes on the processor wherever it is
    with pytest.raises(EngineFailure, match="There is no device 'mps' here"):
        registry.load(registry.ENGINES["neural"], device="mps")
