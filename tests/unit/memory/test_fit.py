"""Whether a model fits is known from its headers, before a weight is read; what does not fit is refused with both numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import save_file
from torch import nn

from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.memory import policy, precision
from acestep_runtime.memory.choice import read_precision
from acestep_runtime.memory.fit import check_device_memory, fit_into_memory
from acestep_runtime.memory.need import NotEnoughMemory, Numbers
from acestep_runtime.memory.policy import ComputeConfig, Offload
from acestep_runtime.memory.widen import widen_late
from acestep_runtime.weights import load, numbers
from acestep_runtime.weights.layout import find_checkpoints
from tests.support.tiny_models import tiny_checkpoint

CPU, GPU, GIB = torch.device("cpu"), torch.device("cuda:0"), 2**30
#: The 2B model: 3.2 billion numbers.
RELEASED = Numbers(2_396_000_000, 596_000_000, 169_000_000)


def config(dtype: torch.dtype) -> ComputeConfig:
    return ComputeConfig(CPU, dtype, Offload.NONE)


@pytest.mark.parametrize(
    ("dtype", "free_gib", "widens_late"),
    [(torch.float32, 24, False), (torch.float32, 12, True), (torch.float32, 8, True), (torch.bfloat16, 8, False)],
)
def test_what_fits_into_a_machine(dtype: torch.dtype, free_gib: int, widens_late: bool) -> None:
    fitted = fit_into_memory("turbo", config(dtype), RELEASED, free_gib * GIB)
    assert fitted == ComputeConfig(CPU, dtype, Offload.NONE, widens_late)


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(EngineFailure) as caught:
        fit_into_memory("turbo", config(torch.float32), RELEASED, 4 * GIB)
    assert str(caught.value) == (
        "Model turbo needs 6.3 GiB of memory, and 4.0 GiB are free. Close other programs, set int8_weights to true, unload"
        " other models, or choose --engine draft."
    )
    fit_into_memory("turbo", config(torch.bfloat16), RELEASED, 6 * GIB, int8=True)
    with pytest.raises(
        EngineFailure, match=r"needs 4\.9 GiB of memory, and 4\.0 GiB are free\. Close other programs, unload"
    ):
        fit_into_memory("turbo", config(torch.bfloat16), RELEASED, 4 * GIB, int8=True)


def test_mapped_files_do_not_count_against_what_a_process_may_take() -> None:
    narrow = config(torch.bfloat16)
    assert fit_into_memory("turbo", narrow, RELEASED, 8 * GIB, own_bytes=2 * GIB) == narrow
    with pytest.raises(NotEnoughMemory, match=r"needs 1\.6 GiB of memory, and 1\.0 GiB are free"):
        fit_into_memory("turbo", narrow, RELEASED, 8 * GIB, own_bytes=GIB)
    widened = fit_into_memory("turbo", config(torch.float32), RELEASED, 24 * GIB, own_bytes=8 * GIB)
    assert widened.widens_late  # widened at once, the weights are no files any more
    with pytest.raises(NotEnoughMemory, match=r"needs 4\.9 GiB of memory, and 4\.0 GiB are free"):
        fit_into_memory("turbo", narrow, RELEASED, 24 * GIB, own_bytes=4 * GIB, int8=True)


@pytest.mark.parametrize(
    ("free_gib", "int8", "level"),
    [
        (24.0, False, Offload.NONE), (7.0, False, Offload.IDLE), (7.0, True, Offload.NONE),
        (5.0, False, Offload.ONE_AT_A_TIME), (3.0, False, Offload.LAYERS),
    ],
)  # fmt: skip
def test_a_gpu_gets_the_first_level_that_fits(
    monkeypatch: pytest.MonkeyPatch, free_gib: float, int8: bool, level: Offload
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(free_gib * GIB), 24 * GIB))
    free = policy.free_gib(GPU)
    assert policy.choose_offload("2B", free, torch.bfloat16, int8=int8) is level
    placed = ComputeConfig(GPU, torch.bfloat16, level)
    check_device_memory("turbo", placed, RELEASED, free_gib=free, available_bytes=8 * GIB, int8=int8)


def test_a_gpu_refuses_with_numbers_what_no_level_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (3 * GIB // 2, 24 * GIB))
    free = policy.free_gib(GPU)
    placed = ComputeConfig(GPU, torch.bfloat16, policy.choose_offload("2B", free))
    with pytest.raises(NotEnoughMemory) as caught:
        check_device_memory("turbo", placed, RELEASED, free_gib=free, available_bytes=0)
    assert str(caught.value) == (
        "Model turbo needs 2.0 GiB of memory on cuda:0, and 1.5 GiB are free. Close other programs, unload other models, or"
        " choose --engine draft."
    )


def test_weights_that_are_offloaded_have_to_fit_into_the_machine() -> None:
    placed = ComputeConfig(GPU, torch.bfloat16, Offload.ONE_AT_A_TIME)
    check_device_memory("turbo", placed, RELEASED, free_gib=None, available_bytes=0)
    with pytest.raises(NotEnoughMemory, match=r"needs 5\.9 GiB of memory, and 4\.0 GiB are free\. .* set int8_weights"):
        check_device_memory("turbo", placed, RELEASED, free_gib=5.0, available_bytes=4 * GIB)
    check_device_memory("turbo", placed, RELEASED, free_gib=5.0, available_bytes=4 * GIB, int8=True)
    stays = ComputeConfig(GPU, torch.bfloat16, Offload.NONE)
    check_device_memory("turbo", stays, RELEASED, free_gib=24.0, available_bytes=4 * GIB)


def test_memory_that_is_not_known_refuses_nothing() -> None:
    assert fit_into_memory("turbo", config(torch.float32), RELEASED, 0) == config(torch.float32)


@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_headers_tell_how_many_numbers_a_model_has(tmp_path: Path, layout: str) -> None:
    tiny_checkpoint(tmp_path, layout, "turbo")
    (checkpoint,) = find_checkpoints(tmp_path)
    parts = load.load(checkpoint, torch.float32)
    counted = {
        name: sum(each.numel() for each in getattr(parts, name).state_dict().values())
        for name in ("dit", "encoder", "tokenizer", "detokenizer", "text_encoder", "vae")
        if getattr(parts, name) is not None
    }
    found = Numbers(*numbers.count_weights(checkpoint))
    assert (found.text_encoder, found.vae) == (counted["text_encoder"], counted["vae"])
    silence = parts.silence.numel() if layout == "original" else 0  # it has a file of its own there
    transformer = sum(counted[name] for name in counted if name not in ("text_encoder", "vae"))
    assert found.transformer == transformer - silence


def test_shards_are_counted_together(tmp_path: Path) -> None:
    for number, size in enumerate((3, 4)):
        save_file({f"t{number}": torch.zeros(size, 2)}, tmp_path / f"model-{number}.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"t0": "model-0.safetensors"}}')
    assert numbers.count_numbers(tmp_path, "text encoder") == 14


class Small(nn.Module):
    """A table, a norm and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.norm, self.out = nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)
        self.register_buffer("scale", torch.ones(3))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.out(self.norm(self.table(ids))) * self.scale
        return result


def test_weights_widened_late_stay_where_they_are_and_give_the_same_numbers() -> None:
    torch.manual_seed(1)
    small, ids = Small().to(torch.bfloat16), torch.tensor([[0, 3, 4]])
    addresses = [small.table.weight.data_ptr(), small.out.weight.data_ptr()]
    whole = Small()
    whole.load_state_dict({name: value.float() for name, value in small.state_dict().items()})
    widen_late(small, torch.float32)
    assert torch.equal(small(ids), whole(ids))
    assert [small.table.weight.data_ptr(), small.out.weight.data_ptr()] == addresses
    assert (small.out.weight.dtype, small.norm.weight.dtype) == (torch.bfloat16, torch.float32)


def test_a_cpu_computes_in_bfloat16_where_it_has_instructions_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_is_correct", lambda: True)
    for word, has, expected in (
        ("auto", True, torch.bfloat16), ("auto", False, torch.float32), ("bfloat16", False, torch.bfloat16),
        ("float32", True, torch.float32), ("", True, torch.bfloat16),
    ):  # fmt: skip
        monkeypatch.setenv("ACEBRIDGE_PRECISION", word)
        monkeypatch.setattr(policy, "has_bfloat16_instructions", lambda has=has: has)
        assert policy.native_dtype(CPU) is expected
    monkeypatch.setattr(precision, "_cpu_is_correct", lambda: False)
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "auto")
    monkeypatch.setattr(policy, "has_bfloat16_instructions", lambda: True)
    assert policy.native_dtype(CPU) is torch.float32


@pytest.mark.parametrize(
    ("machine", "avx512", "amx", "arm", "expected"),
    [
        ("x86_64", False, False, True, False), ("x86_64", True, False, True, True), ("x86_64", False, True, True, True),
        ("arm64", False, False, True, True), ("aarch64", True, True, False, False),
    ],
)  # fmt: skip
def test_instructions_count_by_kind_of_cpu(
    monkeypatch: pytest.MonkeyPatch, machine: str, avx512: bool, amx: bool, arm: bool, expected: bool
) -> None:
    monkeypatch.setattr(precision.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arm, raising=False)
    monkeypatch.setattr(torch._C, "_has_mkldnn", True)
    assert precision.has_bfloat16_instructions() is expected


def test_a_precision_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "float8")
    with pytest.raises(InvalidValue, match="ACEBRIDGE_PRECISION is 'float8'; allowed: auto, bfloat16, float32"):
        read_precision()
