"""What people have in folders of models is named: by file names, first bytes and keys, as their programs write them."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from acestep_runtime.weights.adapters import adapter_fault, find_adapters, find_others
from acestep_runtime.weights.signatures import SIGNATURES, describe_damage, find_named, identify
from acestep_runtime.weights.strangers import find_strangers
from tests.support.model_folders import gguf, safetensors, write_models, write_part

QUERY = "layers.0.self_attn.q_proj"
FLAT = QUERY.replace(".", "_")
LYRICS = "encoder.lyric_encoder.layers.0.input_layernorm.weight"
COMFY = "model.diffusion_model."

#: Name of a file, its keys, and what it is.
FILES_OF_KEYS = [
    ("ace_step_1.5_turbo_aio",
     (f"{COMFY}{LYRICS}", "vae.decoder.conv1.bias", "text_encoders.qwen3_06b.transformer.model.norm.weight"),
     "an all-in-one checkpoint of ComfyUI, with the transformer, the VAE and the text encoder of ACE-Step 1.5"),
    ("flux", (f"{COMFY}double_blocks.0.img_attn.qkv.weight", "vae.decoder.conv_in.weight"),
     "an all-in-one checkpoint of ComfyUI, of another model than ACE-Step 1.5"),
    ("ace_step_v1_3.5b", (f"{COMFY}genre_embedder.weight", "vae.vocoder.head.bias", "text_encoders.umt5base.shared.weight"),
     "ACE-Step v1, not 1.5"),
    ("turbo", (LYRICS, "decoder.layers.0.self_attn.q_proj.weight"),
     "the transformer of ACE-Step 1.5 alone"),
    ("ace_1.5_vae", ("decoder.block.0.conv_t1.weight_g", "encoder.conv1.bias"), "a VAE alone"),
    ("stable_vae", ("decoder.layers.1.layers.0.beta",), "a VAE alone"),
    ("qwen_0.6b_ace15", ("model.embed_tokens.weight", "model.layers.0.self_attn.q_norm.weight"),
     "a text encoder or language model alone, without its tokenizer"),
    ("wan", ("transformer_blocks.0.attn.to_q.weight",), "the transformer of another model than ACE-Step 1.5"),
    ("lokr", (f"lycoris_{FLAT}.lokr_w1", f"lycoris_{FLAT}.lokr_w2_a", f"lycoris_{FLAT}.alpha"), "a LoKr adapter of LyCORIS"),
    ("loha", (f"lora_unet_{FLAT}.hada_w1_a", f"lora_unet_{FLAT}.hada_w2_b"), "a LoHa adapter of LyCORIS"),
    ("dora", (f"base_model.model.{QUERY}.lora_A.weight", f"base_model.model.{QUERY}.lora_magnitude_vector"), "a DoRA adapter"),
    ("kohya_dora", (f"lora_unet_{FLAT}.lora_down.weight", f"lora_unet_{FLAT}.dora_scale"), "a DoRA adapter"),
    ("lokr_dora", (f"lycoris_{FLAT}.lokr_w1", f"lycoris_{FLAT}.lokr_w2", f"lycoris_{FLAT}.dora_scale"),
     "a LoKr adapter of LyCORIS with magnitudes (DoRA)"),
    ("lokr_tucker", (f"lycoris_{FLAT}.lokr_w1", f"lycoris_{FLAT}.lokr_t2"),
     "a LoKr adapter with Tucker factors, which are for layers that ACE-Step does not have"),
    ("loha_tucker", (f"lycoris_{FLAT}.hada_w1_a", f"lycoris_{FLAT}.hada_t1"),
     "a LoHa adapter with Tucker factors, which are for layers that ACE-Step does not have"),
    ("oft", (f"{QUERY}.oft_blocks",), "an adapter of another method than LoRA, LoKr, LoHa and DoRA"),
    ("kohya", (f"lora_unet_{FLAT}.lora_down.weight", f"lora_unet_{FLAT}.lora_up.weight"),
     "a LoRA with the flattened names of kohya's scripts or LyCORIS"),
    ("v1_lora", ("transformer_blocks.0.attn.to_q.lora_A.weight",), "an adapter of another model than ACE-Step 1.5"),
    ("sd_lora", ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",),
     "an adapter of another model than ACE-Step 1.5"),
    ("peft", (f"base_model.model.{QUERY}.lora_A.weight", f"base_model.model.{QUERY}.lora_B.weight"), "a LoRA"),
    ("compiled", (f"base_model.model._orig_mod.{QUERY}.lora_A.mine.weight",), "a LoRA"),
]  # fmt: skip
#: Name of a file, its content, and what it is.
FILES_OF_BYTES = [
    ("acestep-v15-turbo-Q8_0.gguf", b"GGUF\x03\0\0\0",
     "a GGUF file that is cut short, damaged, or of another model than ACE-Step 1.5"),
    ("Qwen3-Embedding-0.6B.gguf", gguf("layers.0.self_attn.q_norm.weight", "acestep-text-enc"),
     "a part of ACE-Step 1.5 as GGUF"),
    ("llama.gguf", gguf("blk.0.attn_q.weight", "llama"),
     "a GGUF file that is cut short, damaged, or of another model than ACE-Step 1.5"),
    ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 4\n",
     "a Git LFS pointer, not the file itself"),
    ("model.safetensors", b"\n<!DOCTYPE html>\n<html><title>Sign in</title>", "a web page, not the file itself"),
    ("model.safetensors", b'{"error":"Access to model is restricted"}', "a server's error message, not the file itself"),
    ("model.safetensors", b"Invalid username or password.", "a server's error message, not the file itself"),
    ("model.safetensors.4177f600501a.part", b"\x08", "an unfinished download"),
    ("4177f6.incomplete", b"", "an unfinished download"),
    ("model.safetensors.crdownload", b"", "an unfinished download"),
    ("pytorch_model.bin", pickle.dumps({}), "a pickle, which may hold programs, and is not opened"),
    ("last.ckpt", b"PK\x03\x04", "a pickle, which may hold programs, and is not opened"),
    ("model.safetensors", b"PK\x03\x04", "a pickle under another name, which may hold programs, and is not opened"),
    ("model.safetensors", pickle.dumps({}), "a pickle under another name, which may hold programs, and is not opened"),
    ("optimizer.pt", b"PK\x03\x04", "a trainer's state, for going on with a training"),
    ("training_state.pt", b"PK\x03\x04", "a trainer's state, for going on with a training"),
    ("random_states_0.pkl", b"\x80\x04", "a trainer's state, for going on with a training"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "keys", "what"), FILES_OF_KEYS, ids=[row[0] for row in FILES_OF_KEYS])
def test_files_are_named_by_their_keys(tmp_path: Path, name: str, keys: tuple[str, ...], what: str) -> None:
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(safetensors(*keys))
    found = identify(path)
    assert found is not None
    assert (found.name, found.path, found.signature.what) == (name, path, what)
    assert found.sentence() == f"{name}.safetensors is {what}. {found.signature.advice}"


@pytest.mark.parametrize(("name", "content", "what"), FILES_OF_BYTES, ids=[row[2] + row[0] for row in FILES_OF_BYTES])
def test_files_are_named_by_their_first_bytes_and_names(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = identify(tmp_path / name)
    assert found is not None
    assert found.signature.what == what


def _write(folder: Path, **files: bytes | str) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def _peft(folder: Path, **more: bytes | str) -> Path:
    weights = safetensors(f"base_model.model.{QUERY}.lora_A.weight", f"base_model.model.{QUERY}.lora_B.weight")
    return _write(folder, adapter_model__safetensors=weights, adapter_config__json="{}", **more)


def _hub_cache(folder: Path) -> Path:
    for name in ("snapshots/abc", "blobs", "refs"):
        (folder / name).mkdir(parents=True)
    return folder


def _first_version(folder: Path) -> Path:
    (folder / "ace_step_transformer").mkdir(parents=True)
    return folder


FOLDERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "models--ACE-Step--acestep-v15-base": (_hub_cache, "the cache of the Hugging Face Hub"),
    "ACE-Step-v1-3.5B": (_first_version, "ACE-Step v1, not 1.5"),
    "checkpoint-500": (lambda it: _peft(it, optimizer__pt=b"", trainer_state__json="{}"),
                       "a trainer's folder with the state of its optimizer"),
    "epoch_10_loss_0.5": (lambda it: _write(it, lokr_weights__bin=b""), "a trainer's checkpoint"),
    "mine": (_peft, "a LoRA in the folder of PEFT"),
    "theirs": (lambda it: _write(it, pytorch_lora_weights__safetensors=safetensors(f"transformer.{QUERY}.lora_A.weight")),
               "a LoRA in the folder of diffusers"),
    "lokr": (lambda it: _write(it, lokr_weights__safetensors=safetensors(f"lycoris_{FLAT}.lokr_w1")),
             "a LoKr adapter of LyCORIS"),
    "pickled": (lambda it: _write(it, adapter_config__json="{}", adapter_model__bin=b""),
                "a LoRA as a pickle, which may hold programs, and is not opened"),
    "half": (lambda it: _write(it, adapter_config__json="{}"), "the settings of a LoRA without its weights"),
    "sdxl": (lambda it: _write(it, model_index__json='{"_class_name": "StableDiffusionXLPipeline"}'),
             "a pipeline of diffusers for another model"),
    "llama": (lambda it: write_part(it, {"model_type": "llama"}), "a model of another kind"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_are_named(tmp_path: Path, name: str) -> None:
    write, what = FOLDERS[name]
    found = identify(write(tmp_path / name))
    assert found is not None
    assert (found.name, found.signature.what) == (name, what)
    assert find_strangers(tmp_path) == (found,)


def test_each_row_of_the_table_is_seen_here() -> None:
    seen = {row[2] for row in (*FILES_OF_KEYS, *FILES_OF_BYTES)} | {what for _, what in FOLDERS.values()}
    assert {row.what for row in SIGNATURES} == seen
    assert all(row.advice.endswith(".") for row in SIGNATURES)


def test_models_that_are_loaded_and_other_files_are_no_strangers(tmp_path: Path) -> None:
    folder = write_models(tmp_path / "models")
    (folder / "README.md").write_text("<html>")
    (folder / "acestep-v15-turbo" / "README.md").write_text("a model")
    assert find_strangers(folder) == ()
    assert find_strangers(tmp_path / "nowhere") == ()


def test_strangers_are_found_below_and_by_name(tmp_path: Path) -> None:
    write_models(tmp_path)
    (tmp_path / "gguf" / "q8").mkdir(parents=True)
    (tmp_path / "gguf" / "q8" / "turbo-Q8_0.gguf").write_bytes(b"GGUF")
    _hub_cache(tmp_path / "models--ACE-Step--acestep-v15-sft")
    strangers = find_strangers(tmp_path)
    assert [each.path.name for each in strangers] == ["turbo-Q8_0.gguf", "models--ACE-Step--acestep-v15-sft"]
    for name in ("turbo-Q8_0", "TURBO-q8_0.gguf"):
        assert find_named(strangers, name) == strangers[0]
    assert find_named(strangers, "acestep-v15-sft") == strangers[1]
    assert find_named(strangers, "turbo") is None


def test_damage_is_described_by_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert describe_damage(path) == "is a Git LFS pointer, not the file itself"
    path.write_bytes(safetensors("a")[:-1])
    assert describe_damage(path).startswith("is cut short")
    path.write_bytes(safetensors("a"))
    assert describe_damage(path) == ""


def test_adapters_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "adapters"
    _peft(folder / "mine", training_state__pt=b"PK\x03\x04")
    (folder / "lokr.safetensors").write_bytes(safetensors(f"lycoris_{FLAT}.lokr_w1"))
    (folder / "oft.safetensors").write_bytes(safetensors(f"{QUERY}.oft_blocks"))
    (folder / "page.safetensors").write_text("<html>")
    (folder / "old.pt").write_bytes(b"PK\x03\x04")
    assert {each.name: adapter_fault(each) for each in find_adapters(tmp_path)} == {
        "lokr": "",
        "mine": "",
        "oft": "is an adapter of another method than LoRA, LoKr, LoHa and DoRA",
        "page": "is a web page, not the file itself",
    }
    assert [(each.name, each.signature.what) for each in find_others(tmp_path)] == [
        ("old", "a pickle, which may hold programs, and is not opened")
    ]


def test_nothing_is_opened_that_would_wait_or_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    for name in ("pipe.safetensors", "gone.safetensors", "\0", "nothing"):
        assert identify(tmp_path / name) is None
    (tmp_path / "config.json").write_text(json.dumps({"error": "none"}))
    assert identify(tmp_path / "config.json") is None
