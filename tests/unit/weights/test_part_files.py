"""Models as other programs write them load as the same models: GGUF, files of ComfyUI, both layouts of the VAE."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from gguf import GGMLQuantizationType as QuantType
from safetensors.torch import load_file

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights import part_files
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.load import Models, load, load_vae
from acestep_runtime.weights.part_configs import infer_config
from acestep_runtime.weights.selection import select_checkpoint
from acestep_runtime.weights.strangers import find_strangers
from acestep_runtime.weights.wholeness import inspect_checkpoints
from tests.support.other_layouts import (
    COMFY_DIT,
    COMFY_TEXT,
    COMFY_VAE,
    comfy_tensors,
    gguf_models,
    stable_audio_vae,
    write_comfy,
)
from tests.support.tiny_models import tiny_checkpoint

PARTS = ("dit", "encoder", "tokenizer", "detokenizer", "vae", "text_encoder")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, window=128)  # that of the releases, as ComfyUI's files do not say it
    return folder


@pytest.fixture(scope="module")
def original(tiny: Path) -> Models:
    return load(select_checkpoint(tiny, "turbo", False), torch.float32)


def only(folder: Path) -> Checkpoint:
    ((checkpoint, faults),) = inspect_checkpoints(folder).items()
    assert faults == ()
    return checkpoint


def same(a: Any, b: Any) -> bool:
    x, y = a.state_dict(), b.state_dict()
    return x.keys() == y.keys() and all(torch.equal(x[key], y[key]) for key in x)


def outputs(models: Models) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what a model computes: hidden states of a text, a velocity, sound."""
    generator = torch.Generator().manual_seed(4)
    ids = models.text_tokenizer("warm piano, été", return_tensors="pt").input_ids
    x, context = torch.randn(1, 20, 8, generator=generator), torch.randn(1, 20, 16, generator=generator)
    hidden, t = torch.randn(1, 6, 32, generator=generator), torch.full((1,), 0.7)
    with torch.inference_mode():
        return (
            models.text_encoder(ids)[0],
            models.dit(x, t, t, hidden, context, return_dict=False)[0],
            models.vae.decode(x.transpose(1, 2)[:, :, :2]).sample,
        )


def split_files(tiny: Path, folder: Path) -> None:
    tensors = comfy_tensors(tiny)
    for name, prefix, kept in (
        ("diffusion_models/acestep_v1.5_turbo", COMFY_DIT, ""),
        ("text_encoders/qwen_0.6b_ace15", COMFY_TEXT, "model."),
        ("vae/ace_1.5_vae", COMFY_VAE, ""),
    ):
        part = {kept + key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        write_comfy(folder / f"{name}.safetensors", part)


def small_files(tiny: Path, folder: Path) -> None:
    """Copy what files of ComfyUI do not hold: the tokenizer and the latents of silence."""
    (folder / "Qwen3-Embedding-0.6B").mkdir(parents=True)
    for name in TOKENIZER:
        shutil.copy(tiny / "Qwen3-Embedding-0.6B" / name, folder / "Qwen3-Embedding-0.6B" / name)
    shutil.copy(tiny / "acestep-v15-turbo" / "silence_latent.pt", folder)


def write_compiled(tiny: Path, folder: Path) -> None:
    tensors = comfy_tensors(tiny)
    write_comfy(
        folder / "turbo_compiled.safetensors",
        {key.replace(COMFY_DIT, f"{COMFY_DIT}_orig_mod."): value for key, value in tensors.items()},
    )


LAYOUTS: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "all-in-one": (
        lambda tiny, it: write_comfy(it / "ace_step_1.5_turbo_aio.safetensors", comfy_tensors(tiny)),
        "ComfyUI, all-in-one",
    ),
    "all-in-one, VAE of diffusers": (
        lambda tiny, it: write_comfy(it / "turbo_aio.safetensors", comfy_tensors(tiny, stable_audio=False)),
        "ComfyUI, all-in-one",
    ),
    "split": (split_files, "ComfyUI, split"),
    "compiled": (write_compiled, "ComfyUI, all-in-one"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_of_comfyui_load_the_same_model(tiny: Path, original: Models, tmp_path: Path, layout: str) -> None:
    write, said = LAYOUTS[layout]
    write(tiny, tmp_path)
    small_files(tiny, tmp_path)
    checkpoint = only(tmp_path)
    assert (checkpoint.kind, checkpoint.size, checkpoint.layout) == ("turbo", "2B", "file")
    assert part_files.describe_file(checkpoint.dit) == said
    assert find_strangers(tmp_path) == ()
    models = load(checkpoint, torch.float32)
    assert all(same(getattr(models, part), getattr(original, part)) for part in PARTS)
    assert torch.equal(models.silence, original.silence)
    assert models.spec == replace(original.spec, name=checkpoint.name)
    assert all(torch.equal(a, b) for a, b in zip(outputs(models), outputs(original), strict=True))


def test_gguf_in_bfloat16_loads_the_same_model(tiny: Path, original: Models, tmp_path: Path) -> None:
    checkpoint = only(gguf_models(tmp_path, tiny))
    assert (checkpoint.name, checkpoint.kind) == ("acestep-v15-turbo-BF16", "turbo")
    assert part_files.describe_file(checkpoint.dit) == "GGUF, BF16"
    models = load(checkpoint, torch.float32)
    assert all(same(getattr(models, part), getattr(original, part)) for part in PARTS)
    assert torch.equal(models.silence, original.silence)
    text = "# Lyric\nla, été!\n"
    assert models.text_tokenizer(text).input_ids == original.text_tokenizer(text).input_ids
    assert all(torch.equal(a, b) for a, b in zip(outputs(models), outputs(original), strict=True))


def test_gguf_in_8_bits_is_as_close_as_8_bits_are(tiny: Path, original: Models, tmp_path: Path) -> None:
    checkpoint = only(gguf_models(tmp_path, tiny, QuantType.Q8_0))
    assert part_files.describe_file(checkpoint.dit) == "GGUF, Q8_0"
    models = load(checkpoint, torch.float32)
    for part in ("dit", "text_encoder"):
        ours, theirs = getattr(models, part).state_dict(), getattr(original, part).state_dict()
        for name, value in theirs.items():
            step = value.abs().max() / 127  # the largest scale of a block, which halves cannot exceed
            assert (ours[name] - value).abs().max() <= 0.51 * step + 2**-12
    hidden, velocity, sound = outputs(models)
    expected = outputs(original)
    assert 0 < (velocity - expected[1]).abs().max() < 0.05 * expected[1].abs().max()
    assert (hidden - expected[0]).norm() < 0.05 * expected[0].norm()
    assert torch.equal(sound, expected[2])


@pytest.mark.parametrize("parametrized", [False, True])
def test_both_layouts_of_the_vae_load(tiny: Path, original: Models, tmp_path: Path, parametrized: bool) -> None:
    tensors = load_file(tiny / "vae" / "diffusion_pytorch_model.safetensors")
    path = write_comfy(tmp_path / "mine.safetensors", stable_audio_vae(tensors, parametrized=parametrized))
    assert same(load_vae(path, torch.float32), original.vae)
    assert same(load_vae(write_comfy(tmp_path / "2.safetensors", tensors), torch.float32), original.vae)


def test_shapes_tell_the_settings_of_the_releases() -> None:
    """Those of XL have another width in the transformer than in the condition encoder."""
    layer = {"self_attn.q_norm.weight": (128,), "self_attn.q_proj.weight": (4096, 2560),
             "self_attn.k_proj.weight": (1024, 2560), "mlp.gate_proj.weight": (9728, 2560)}  # fmt: skip
    lyric = {"self_attn.q_norm.weight": (128,), "self_attn.q_proj.weight": (2048, 2048),
             "self_attn.k_proj.weight": (1024, 2048), "mlp.gate_proj.weight": (6144, 2048)}  # fmt: skip
    shapes = {
        **{f"decoder.layers.{number}.{name}": shape for number in range(32) for name, shape in layer.items()},
        **{f"encoder.lyric_encoder.layers.{number}.{name}": shape for number in range(8) for name, shape in lyric.items()},
        **{f"encoder.timbre_encoder.layers.{number}.norm": (1,) for number in range(4)},
        **{f"detokenizer.layers.{number}.norm": (1,) for number in range(2)},
        "decoder.proj_in.1.weight": (2560, 192, 2), "decoder.proj_out.1.weight": (2560, 64, 2),
        "detokenizer.special_tokens": (1, 5, 2048), "encoder.text_projector.weight": (2048, 1024),
        "encoder.timbre_encoder.embed_tokens.weight": (2048, 64), "tokenizer.quantizer.project_in.weight": (6, 2048),
    }  # fmt: skip
    config = infer_config(part_files.TRANSFORMER, shapes)
    expected = {
        "hidden_size": 2560, "intermediate_size": 9728, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
        "num_hidden_layers": 32, "encoder_hidden_size": 2048, "encoder_intermediate_size": 6144,
        "encoder_num_attention_heads": 16, "in_channels": 192, "audio_acoustic_hidden_dim": 64, "patch_size": 2,
        "text_hidden_dim": 1024, "timbre_hidden_dim": 64, "num_lyric_encoder_hidden_layers": 8, "pool_window_size": 5,
        "num_timbre_encoder_hidden_layers": 4, "num_attention_pooler_hidden_layers": 2, "fsq_dim": 2048,
        "rope_theta": 1_000_000,
    }  # fmt: skip
    assert {name: config[name] for name in expected} == expected


def without(tensors: dict[str, torch.Tensor], *parts: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in tensors.items() if not any(part in name for part in parts)}


def spoil(tiny: Path, how: str) -> dict[str, torch.Tensor]:
    tensors = comfy_tensors(tiny)
    name = f"{COMFY_DIT}decoder.layers.1.mlp.up_proj.weight"
    if how == "superfluous":
        return {**tensors, f"{COMFY_DIT}decoder.extra.weight": torch.zeros(1)}
    if how == "no part":
        return {**tensors, "conditioner.embedder.weight": torch.zeros(1)}
    if how == "shape":
        return {**tensors, name: tensors[name].T}
    if how == "vae layer":
        return {**tensors, f"{COMFY_VAE}decoder.layers.1.layers.7.beta": torch.zeros(4)}
    return without(tensors, {"missing": name, "sizes": "decoder.proj_in", "text layer": "layers.1.mlp.up_proj"}[how])


REFUSED = {
    "missing": r"aio \(dit\) do not fit the model; 1 missing: layers\.1\.mlp\.up_proj\.weight\. ",
    "superfluous": r"aio \(dit\) do not fit the model; 1 unexpected: extra\.weight\. ",
    "shape": r"aio \(dit\) do not fit the model; 1 of another shape: layers\.1\.mlp\.up_proj\.weight is \[32, 48\] instead of",
    "text layer": r"do not fit the model; \d missing: layers\.1\.mlp\.up_proj\.weight",
    "vae layer": r"do not fit the model; 1 unexpected: decoder\.layers\.1\.layers\.7\.beta",
    "no part": r"turbo_aio\.safetensors holds names of no part: conditioner\.embedder\.weight\. ",
    "sizes": r"turbo_aio\.safetensors lacks tensors that tell the sizes of the transformer",
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_file_that_is_almost_right_is_refused_in_one_sentence(tiny: Path, tmp_path: Path, how: str) -> None:
    write_comfy(tmp_path / "turbo_aio.safetensors", spoil(tiny, how))
    small_files(tiny, tmp_path)
    with pytest.raises(EngineFailure, match=REFUSED[how]) as caught:
        load(select_checkpoint(tmp_path, "turbo_aio", False), torch.float32)
    assert str(caught.value).count(". ") == 1
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("silence_latent.pt", r"silence_latent\.pt is missing"),
        ("Qwen3-Embedding-0.6B", r"the tokenizer of the text encoder is missing"),
    ],
)
def test_what_a_file_does_not_hold_is_asked_for(tiny: Path, tmp_path: Path, lost: str, said: str) -> None:
    write_comfy(tmp_path / "turbo_aio.safetensors", comfy_tensors(tiny))
    small_files(tiny, tmp_path)
    (tmp_path / lost).rename(tmp_path.parent / f"{tmp_path.name}-{lost}")
    with pytest.raises(EngineFailure, match=said):
        select_checkpoint(tmp_path, "turbo_aio", False)


@pytest.mark.parametrize("keep", [3, 20, 200, 2000, 0.5, 0.999])
def test_a_gguf_file_that_is_cut_short_is_refused(tiny: Path, tmp_path: Path, keep: float) -> None:
    path = gguf_models(tmp_path, tiny) / "acestep-v15-turbo-BF16.gguf"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    assert part_files.file_faults(path)[0].startswith("acestep-v15-turbo-BF16.gguf ")
    with pytest.raises(EngineFailure, match=r"no model in .* that can be loaded|is cut short|There are no weights"):
        load(select_checkpoint(tmp_path, "", False), torch.float32)
