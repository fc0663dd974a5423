"""Adapters by name, and models that are loaded ahead, through the daemon."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import save_file

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import daemon_pb2, models_pb2
from acestep_runtime.audio import decode
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, until
from tests.support.shell import Shell
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

SONG = ["generate", "--duration", "1", "--steps", "2", "--seed", "3", "--engine", "neural", "--json"]


def adapter(path: Path, seed: int) -> Path:
    """Write a LoRA of rank 2 for the queries of the tiny transformer's first layer."""
    draw = torch.Generator().manual_seed(seed)
    path.parent.mkdir(exist_ok=True)
    (config,) = path.parent.parent.glob("*/transformer/config.json")
    message = json.loads(config.read_text("utf-8"))
    width, heads = message["hidden_size"], message["num_attention_heads"] * message["head_dim"]
    save_file({
        "transformer.layers.0.self_attn.to_q.lora_A.weight": torch.randn(2, width, generator=draw),
        "transformer.layers.0.self_attn.to_q.lora_B.weight": torch.randn(heads, 2, generator=draw),
    }, path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "diffusers", "turbo")
    for seed, name in enumerate(("warm", "bright"), 1):
        adapter(folder / "adapters" / f"{name}.safetensors", seed)
    return folder


@pytest.fixture(scope="module")
def daemon(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Shell:
    return Shell(tmp_path, daemon.environment)


def _generate(shell: Shell, *more: str) -> np.ndarray:
    message = shell.json(*SONG, *more, "-o", "out.wav")
    (path,) = (shell.folder / output["file"] for output in message["outputs"])
    return decode.read(path)


def test_adapters_come_and_go_with_requests(shell: Shell) -> None:
    plain = _generate(shell)
    warm = _generate(shell, "--lora", "warm")
    both = _generate(shell, "--lora", "warm", "--lora", "bright:0.5")
    assert not np.array_equal(plain, warm)
    assert not np.array_equal(warm, both)
    assert np.array_equal(_generate(shell, "--lora", "warm"), warm)
    assert np.array_equal(_generate(shell, "--lora", "warm:0"), plain)
    assert np.array_equal(_generate(shell), plain)
    assert np.array_equal(_generate(shell, "--lora", "warm", "--lora", "bright:0.5"), both)


def test_what_made_a_take_is_reported(shell: Shell) -> None:
    message = shell.json(*SONG, "--lora", "bright:0.5", "-o", "out.wav")
    assert message["metadata"][0]["adapters"] == [{"name": "bright", "scale": 0.5}]


def test_an_adapter_that_changed_is_read_again(shell: Shell, models: Path) -> None:
    path = adapter(models / "adapters" / "changing.safetensors", 5)
    before = _generate(shell, "--lora", "changing")
    adapter(path, 6)
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    assert not np.array_equal(_generate(shell, "--lora", "changing"), before)


def test_adapters_that_cannot_be_used_are_refused_and_leave_nothing(shell: Shell, models: Path) -> None:
    plain = _generate(shell)
    message = shell.failure(*SONG, "--lora", "../secret", code=2)
    assert "allowed: " in message
    assert "bright" in message
    assert str(models / "adapters") in message
    assert "each name once" in shell.failure(*SONG, "--lora", "warm", "--lora", "warm:0.3", code=2)
    assert "-2 to 2" in shell.failure(*SONG, "--lora", "warm:7", code=2)
    assert "a number" in shell.failure(*SONG, "--lora", "warm:loud", code=2)
    save_file({"layers.0.self_attn.to_q.lora_A.weight": torch.zeros(2, 3)}, models / "adapters" / "wrong.safetensors")
    assert "wrong.safetensors" in shell.failure(*SONG, "--lora", "warm", "--lora", "wrong", code=4)
    (models / "adapters" / "wrong.safetensors").unlink()
    assert np.array_equal(_generate(shell), plain)


def test_they_are_listed(shell: Shell, models: Path) -> None:
    shutil.copytree(models / "adapters", models / "adapters" / "a folder with a blank")
    message = shell.json("models", "--json")
    assert {"bright", "warm"} <= {each["name"] for each in message["adapters"]}
    listed = shell.json("models", "list", "--folder", str(models), "--json")["adapters"]
    assert [each["name"] for each in listed] == [each["name"] for each in message["adapters"]]
    assert "--lora warm" in shell.run("models", "list", "--folder", str(models)).stdout


def test_a_model_is_loaded_ahead_and_let_go(daemon: Daemon, shell: Shell) -> None:
    with Client(daemon.address, token=daemon.token) as client:

        def load_states() -> list[bool]:
            return [
                each.loaded for each in client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models
            ]

        name = client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models[0].name
        for short in (name, name.removeprefix("acestep-v15-")):
            assert client.call(
                client.models.LoadModel, models_pb2.LoadModelRequest(name=short), timeout_s=PATIENCE_S
            ).loaded
            assert load_states() == [True]
        assert not client.call(client.models.UnloadModel, models_pb2.UnloadModelRequest(name=name)).loaded
        assert load_states() == [False]
        client.call(client.models.UnloadModel, models_pb2.UnloadModelRequest(name=name))
        assert "is loaded" in shell.run("models", "load", name).stdout
        (worker,) = client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest()).workers
        assert list(worker.models) == [name]
        assert worker.memory_bytes > 0 or sys.platform != "linux"
        assert f" of memory with {name}" in shell.run("status").stdout
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: load_states() == [False], "the worker's end to be noticed")
        _generate(shell)
        assert load_states() == [True]
        assert "is not in memory any more" in shell.run("models", "unload", name).stdout


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("", "INVALID_VALUE", "the name of a model"),
        ("sonata", "INVALID_VALUE", "acestep-v15-turbo"),
        ("acestep-v15-base", "UNSUPPORTED_TASK", "acebridge models pull acestep-v15-base"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_refused(daemon: Daemon, name: str, kind: str, says: str) -> None:
    with Client(daemon.address, token=daemon.token) as client:
        with pytest.raises(JobFailed, match=says) as refused:
            client.call(client.models.LoadModel, models_pb2.LoadModelRequest(name=name))
        assert refused.value.kind == kind
        with pytest.raises(JobFailed, match="is not loaded") as unknown:
            client.call(client.models.UnloadModel, models_pb2.UnloadModelRequest(name=name))
        assert unknown.value.kind == "NOT_FOUND"
