"""Loading: outputs of the parts against the reference's, both layouts, shards, damaged and malicious files."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file, save_file

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights.layout import Checkpoint, find_checkpoints
from acestep_runtime.weights.load import DitParts, Models, load, load_dit
from acestep_runtime.weights.selection import select_checkpoint
from tests.support.tiny_models import tiny_checkpoint

PARTS = ("dit", "encoder", "tokenizer", "detokenizer")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with one model in both layouts."""
    folder = tmp_path_factory.mktemp("models")
    for layout in ("original", "diffusers"):
        tiny_checkpoint(folder, layout)
    return folder


def golden(kind: str) -> Checkpoint:
    (checkpoint,) = find_checkpoints(GOLDEN / f"acestep-v15-{kind}-tiny")
    return checkpoint


@pytest.fixture
def tiny_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "acestep-v15-base-tiny", tmp_path / "acestep-v15-base-tiny"))


def only(folder: Path) -> Checkpoint:
    (checkpoint,) = find_checkpoints(folder)
    return checkpoint


def same(a: Any, b: Any) -> bool:
    x, y = a.state_dict(), b.state_dict()
    return x.keys() == y.keys() and all(torch.equal(x[key], y[key]) for key in x)


def same_parts(a: DitParts, b: DitParts) -> bool:
    return all(same(getattr(a, part), getattr(b, part)) for part in PARTS) and torch.equal(a.silence, b.silence)


# ---- against the reference ----


@pytest.mark.parametrize("kind", ["base", "turbo"])
def test_outputs_equal_those_of_the_reference(kind: str) -> None:
    parts, truth = load_dit(golden(kind), torch.float32), load_file(GOLDEN / f"{kind}_golden.safetensors")

    def off(value: torch.Tensor, name: str) -> float:
        return float((value.float() - truth[name].float()).abs().max())

    inputs = {key.removeprefix("in/"): value for key, value in truth.items() if key.startswith("in/")}
    assert parts.tokenizer is not None
    assert parts.detokenizer is not None
    with torch.inference_mode():
        hidden, mask = parts.encoder(
            inputs["text_hidden_states"],
            inputs["text_attention_mask"],
            inputs["lyric_hidden_states"],
            inputs["lyric_attention_mask"],
            inputs["refer_audio_acoustic_hidden_states_packed"],
            inputs["refer_audio_order_mask"],
        )
        assert off(hidden, "encoder/hidden_states") < 1e-5
        assert off(mask, "encoder/mask") == 0
        quantized, indices = parts.tokenizer.tokenize(inputs["src_latents"], parts.silence)
        assert off(quantized, "tokenizer/quantized") < 1e-5
        assert off(indices, "tokenizer/indices") == 0
        assert off(parts.detokenizer(truth["tokenizer/quantized"]), "detokenizer/latents") < 1e-5
        t, source = truth["decoder/timestep"], inputs["src_latents"]
        context = torch.cat([source, torch.ones_like(source)], dim=-1)
        velocity = parts.dit(inputs["noise"], t, t, truth["encoder/hidden_states"], context, return_dict=False)[0]
        assert off(velocity, "decoder/velocity") < 1e-5
    assert off(parts.silence, "in/silence_latent") == 0
    assert parts.null_condition is not None
    assert parts.null_condition.shape == (1, 1, 32)
    assert (parts.spec.kind, parts.spec.channels, parts.spec.layers) == (kind, 8, 8)


# ---- both layouts ----


def test_both_layouts_load_the_same_parts(tiny: Path) -> None:
    a, b = (load(checkpoint, torch.float32) for checkpoint in find_checkpoints(tiny))
    assert same_parts(a, b)
    assert same(a.vae, b.vae)
    assert same(a.text_encoder, b.text_encoder)
    assert a.null_condition is not None
    assert b.null_condition is not None
    assert torch.equal(a.null_condition, b.null_condition)
    text = "# Lyric\nla, été!\n"
    assert a.text_tokenizer(text).input_ids == b.text_tokenizer(text).input_ids
    assert a.text_tokenizer.decode(a.text_tokenizer(text).input_ids) == text + "<|endoftext|>"
    assert a.silence.shape == (1, 15_000, 8)
    assert a.spec == replace(b.spec, name="acestep-v15-turbo")
    assert (a.spec.sample_rate, a.spec.steps, a.spec.guidance, a.spec.shift) == (48_000, 8, 1.0, 3.0)


def test_parts_equal_those_loaded_by_diffusers(tiny: Path) -> None:
    from diffusers import AceStepPipeline

    ours = load(only(tiny / "acestep-v15-turbo-diffusers"), torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of diffusers about itself
        theirs = AceStepPipeline.from_pretrained(tiny / "acestep-v15-turbo-diffusers", torch_dtype=torch.float32)
    pairs = {"dit": "transformer", "encoder": "condition_encoder", "tokenizer": "audio_tokenizer",
             "detokenizer": "audio_token_detokenizer", "vae": "vae", "text_encoder": "text_encoder"}  # fmt: skip
    for part, name in pairs.items():
        assert same(getattr(ours, part), getattr(theirs, name))
    ids = theirs.tokenizer("warm piano", return_tensors="pt")
    with torch.inference_mode():
        a, b = ours.text_encoder(**ids)[0], theirs.text_encoder(**ids)[0]
        assert torch.equal(a, b)
        latents = torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(5))
        assert torch.equal(ours.vae.decode(latents).sample, theirs.vae.decode(latents).sample)


def test_parts_have_the_requested_dtype(tiny: Path) -> None:
    models: Models = load(select_checkpoint(tiny, "turbo", False), torch.bfloat16, vae_dtype=torch.float32)
    for part in (*PARTS, "text_encoder"):
        module = getattr(models, part)
        assert {value.dtype for value in module.state_dict().values()} == {torch.bfloat16}
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())
        assert not any(value.is_meta for value in (*module.parameters(), *module.buffers()))
    assert models.silence.dtype == torch.bfloat16
    assert {value.dtype for value in models.vae.state_dict().values()} == {torch.float32}
    # Small tables that are computed, not stored, keep the precision that they need.
    assert models.text_encoder.rotary_emb.inv_freq.dtype == torch.float32


def test_loading_draws_no_random_numbers(tiny: Path) -> None:
    before = torch.get_rng_state()
    load(select_checkpoint(tiny, "turbo", False), torch.float32)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_audio_tokenizers_may_be_left_out(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny / "acestep-v15-turbo-diffusers", tmp_path / "mine"))
    for name in ("audio_tokenizer", "audio_token_detokenizer"):
        shutil.rmtree(folder / name)
    parts = load_dit(only(tmp_path), torch.float32)
    assert (parts.tokenizer, parts.detokenizer) == (None, None)


def test_the_head_of_a_text_encoder_is_ignored(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "models", ignore=shutil.ignore_patterns("*-diffusers")))
    path = folder / "Qwen3-Embedding-0.6B" / "model.safetensors"
    weights = {f"model.{key}": value for key, value in load_file(path).items()}
    save_file({**weights, "lm_head.weight": torch.zeros(2, 2)}, path)
    expected = load(select_checkpoint(tiny, "turbo", False), torch.float32)
    assert same(load(only(folder), torch.float32).text_encoder, expected.text_encoder)


# ---- files ----


def test_shards_load_the_same_parts(tiny_copy: Path) -> None:
    expected, path = load_dit(only(tiny_copy), torch.float32), tiny_copy / "model.safetensors"
    weights = load_file(path)
    names = sorted(weights)
    halves = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, names in halves.items():
        save_file({name: weights[name] for name in names}, tiny_copy / file)
    index = {"weight_map": {name: file for file, names in halves.items() for name in names}}
    (tiny_copy / "model.safetensors.index.json").write_text(json.dumps(index))
    path.unlink()
    assert same_parts(load_dit(only(tiny_copy), torch.float32), expected)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl"])
def test_weights_in_a_pickle_are_not_opened(tiny_copy: Path, tmp_path: Path, name: str) -> None:
    trace, checkpoint = tmp_path / "was-run", only(tiny_copy)
    (tiny_copy / "model.safetensors").unlink()
    (tiny_copy / name).write_bytes(pickle.dumps(Evil(trace)))
    for open_it in (
        lambda: load_dit(checkpoint, torch.float32),
        lambda: select_checkpoint(tiny_copy.parent, tiny_copy.name, False),
    ):
        with pytest.raises(EngineFailure) as caught:
            open_it()
        assert str(caught.value) == (
            f"{tiny_copy / name} is a pickle, which may hold programs, and is not opened."
            " Get the model as safetensors, or convert it."
        )
    (tiny_copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": name}}))
    with pytest.raises(EngineFailure, match="is damaged or not whole"):
        load_dit(checkpoint, torch.float32)
    assert not trace.exists()


def test_a_missing_null_condition_is_none(tiny_copy: Path) -> None:
    weights = load_file(tiny_copy / "model.safetensors")
    del weights["null_condition_emb"]
    save_file(weights, tiny_copy / "model.safetensors")
    assert load_dit(only(tiny_copy), torch.float32).null_condition is None


def test_missing_and_unexpected_weights_are_named(tiny_copy: Path) -> None:
    weights = load_file(tiny_copy / "model.safetensors")
    weights["vocoder.weight"] = weights.pop("decoder.norm_out.weight")
    save_file(weights, tiny_copy / "model.safetensors")
    with pytest.raises(EngineFailure) as caught:
        load_dit(only(tiny_copy), torch.float32)
    assert str(caught.value) == (
        "The weights of acestep-v15-base-tiny (dit) do not fit the model; 1 missing: norm_out.weight; 1 unexpected:"
        f" vocoder.weight. Mend or remove {tiny_copy}."
    )
    official = tiny_copy.rename(tiny_copy.with_name("acestep-v15-base"))
    with pytest.raises(EngineFailure, match=r"Run `acebridge models pull acestep-v15-base`\. It fetches only what"):
        load_dit(only(official), torch.float32)


def test_damaged_files_raise(tiny_copy: Path) -> None:
    path = tiny_copy / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineFailure, match=r"model\.safetensors is damaged or not whole: .* Pull the model again\."):
        load_dit(only(tiny_copy), torch.float32)
    path.write_bytes(whole)
    (tiny_copy / "silence_latent.pt").write_bytes(b"")
    with pytest.raises(EngineFailure, match=r"silence_latent\.pt is damaged"):
        load_dit(only(tiny_copy), torch.float32)
    (tiny_copy / "silence_latent.pt").unlink()
    with pytest.raises(EngineFailure, match=r"has no silence_latent\.pt"):
        load_dit(only(tiny_copy), torch.float32)
    checkpoint = only(tiny_copy)
    (tiny_copy / "config.json").write_text("{")
    with pytest.raises(EngineFailure, match=r"config\.json cannot be read"):
        load_dit(checkpoint, torch.float32)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sliding_window", 0, "sliding_window of a model (dit) is 0; it should be a number above 0"),
        ("rope_theta", -1, "rope_theta of a model (dit) is -1"),
        ("rms_norm_eps", "small", "rms_norm_eps of a model (dit) is 'small'"),
        ("layer_types", ["full_attention"], "The settings of a model (dit) make no sense: IndexError"),
    ],
)
def test_invalid_settings_raise(tiny_copy: Path, name: str, value: Any, message: str) -> None:
    path = tiny_copy / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(EngineFailure, match=re.escape(message)) as caught:
        load_dit(only(tiny_copy), torch.float32)
    assert str(caught.value).endswith("Mend its config.json, or pull the model again.")


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64])
def test_integer_weights_raise(tiny_copy: Path, dtype: torch.dtype) -> None:
    weights, name = load_file(tiny_copy / "model.safetensors"), "decoder.layers.0.self_attn.q_proj.weight"
    save_file({**weights, name: weights[name].float().to(dtype)}, tiny_copy / "model.safetensors")
    with pytest.raises(
        EngineFailure, match=rf"no numbers with a fraction: layers\.0\.self_attn\.to_q\.weight \({dtype}\)"
    ):
        load_dit(only(tiny_copy), torch.float32)


@pytest.mark.parametrize("shape", [(1, 4, 100), (1, 8, 0), (8, 100)])
def test_silence_of_another_shape_raises(tiny_copy: Path, shape: tuple[int, ...]) -> None:
    torch.save(torch.zeros(shape), tiny_copy / "silence_latent.pt")
    message = rf"silence_latent\.pt has shape {re.escape(str(list(shape)))} instead of \[1, 8, F\]\. "
    with pytest.raises(EngineFailure, match=message):
        load_dit(only(tiny_copy), torch.float32)


class Evil:
    """What an unpickler would run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_no_code_in_a_checkpoint_is_run(tiny_copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "was-run"
    for name in ("modeling_acestep_v15_base.py", "configuration_acestep_v15.py", "__init__.py"):
        (tiny_copy / name).write_text(f"import pathlib; pathlib.Path({str(trace)!r}).mkdir()")
    config = json.loads((tiny_copy / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_acestep_v15_base.AceStepConditionGenerationModel"}
    (tiny_copy / "config.json").write_text(json.dumps(config))
    load_dit(only(tiny_copy), torch.float32)

    torch.save({"silence": Evil(trace)}, tiny_copy / "silence_latent.pt")
    with pytest.raises(EngineFailure, match="holds more than tensors, which is not opened"):
        load_dit(only(tiny_copy), torch.float32)
    (tiny_copy / "silence_latent.pt").write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(EngineFailure, match="silence_latent"):
        load_dit(only(tiny_copy), torch.float32)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/hostname", "absent.safetensors"])
def test_an_index_with_files_elsewhere_raises(tiny_copy: Path, name: str) -> None:
    checkpoint = only(tiny_copy)
    (tiny_copy / "model.safetensors").rename(tiny_copy.parent / "other.safetensors")
    (tiny_copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": name}}))
    with pytest.raises(EngineFailure, match="which is not there"):
        load_dit(checkpoint, torch.float32)


def test_a_text_encoder_of_another_kind_raises(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "models", ignore=shutil.ignore_patterns("*-diffusers")))
    path = folder / "Qwen3-Embedding-0.6B" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "bert"}))
    with pytest.raises(EngineFailure, match=r"is a 'bert' model; it should be qwen3\. Run `acebridge models pull"):
        load(only(folder), torch.float32)
    with pytest.raises(EngineFailure, match="has no VAE or no text encoder"):
        load(replace(only(folder), vae=None), torch.float32)


def test_an_invalid_tokenizer_raises(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "models", ignore=shutil.ignore_patterns("*-diffusers")))
    encoder = folder / "Qwen3-Embedding-0.6B"
    config = encoder / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "pad_token": {"x": 1}}))
    with pytest.raises(
        EngineFailure, match=r"tokenizer\.json, or what is beside it, cannot be read: KeyError\('content'\)"
    ):
        load(only(folder), torch.float32)
    (encoder / "tokenizer.json").unlink()
    with pytest.raises(EngineFailure, match=r"tokenizer\.json is not there\. Run `acebridge models pull"):
        load(only(folder), torch.float32)
