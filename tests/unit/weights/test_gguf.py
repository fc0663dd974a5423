"""GGUF files against the package that defines them: headers, numbers of every type, tokenizers, language models."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as QuantType
from safetensors.torch import load_file

from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights.gguf_headers import TYPES, read_gguf_header
from acestep_runtime.weights.gguf_tensors import GgufFile
from acestep_runtime.weights.gguf_tokenizer import load_gguf_tokenizer
from acestep_runtime.weights.language import find_whole_language_models, load_language_model
from acestep_runtime.weights.load import load_text_encoder
from tests.support import tiny_lm
from tests.support.other_layouts import random_blocks, write_gguf

QUANTS = (QuantType.Q4_K, QuantType.Q5_K, QuantType.Q6_K, QuantType.Q8_0)


def write_quantised(path: Path, tensors: dict[str, tuple[np.ndarray[Any, Any], QuantType]], **config: Any) -> Path:
    writer = gguf.GGUFWriter(path, "acestep-text-enc")
    writer.add_string("acestep.config_json", json.dumps(config))
    for name, (numbers, quant) in tensors.items():
        writer.add_tensor(name, numbers, raw_dtype=quant)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_table_of_types_is_that_of_the_package() -> None:
    for number, each in TYPES.items():
        assert QuantType(number).name == each.name
        assert gguf.GGML_QUANT_SIZES[QuantType(number)] == (each.block, each.block_bytes)


def test_headers_equal_those_that_the_package_reads(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.ones(3, 64), "b.weight": torch.ones(2, 1, 7), "c": torch.ones(5)}
    path = write_gguf(tmp_path / "x.gguf", "acestep-dit", tensors, QuantType.Q8_0, {"hidden_size": 64})
    ours, theirs = read_gguf_header(path), gguf.GGUFReader(path)
    assert ours.fault == ""
    assert ours.metadata["general.architecture"] == "acestep-dit"
    assert json.loads(str(ours.metadata["acestep.config_json"])) == {"hidden_size": 64}
    for tensor in theirs.tensors:
        place = ours.tensors[tensor.name]
        assert (place.shape, place.type_number) == (tuple(map(int, tensor.shape))[::-1], tensor.tensor_type)
        assert (place.start, place.size_bytes) == (tensor.data_offset, tensor.n_bytes)


@pytest.mark.parametrize("quant", QUANTS)
def test_numbers_equal_those_of_the_package(tmp_path: Path, quant: QuantType) -> None:
    blocks = random_blocks(quant, 5, 512)
    path = write_quantised(tmp_path / "x.gguf", {"a": (blocks, quant)})
    value = GgufFile(path, "").get_tensor("a")
    assert value.shape == (5, 512)
    assert torch.isfinite(value).all()
    assert torch.equal(value, torch.from_numpy(gguf.quants.dequantize(blocks, quant)))
    assert value.std() > 0


@pytest.mark.parametrize("quant", [QuantType.F32, QuantType.F16, QuantType.BF16])
def test_plain_numbers_are_mapped_not_copied(tmp_path: Path, quant: QuantType) -> None:
    numbers = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)).bfloat16()
    path = write_gguf(tmp_path / "x.gguf", "acestep-dit", {"a": numbers}, quant)
    file = GgufFile(path, "")
    value = file.get_tensor("a")
    assert torch.equal(value.float(), numbers.float())
    mapped = file._data.ctypes.data
    assert mapped <= value.data_ptr() < mapped + file._data.nbytes


@pytest.mark.parametrize(("most", "rest", "said"), [
    (QuantType.Q4_K, QuantType.Q6_K, "Q4_K_M"), (QuantType.Q5_K, QuantType.Q6_K, "Q5_K_M"),
    (QuantType.Q6_K, QuantType.Q6_K, "Q6_K"), (QuantType.Q8_0, QuantType.Q8_0, "Q8_0"),
])  # fmt: skip
def test_a_text_encoder_of_mixed_types_computes_with_their_numbers(
    tmp_path: Path, most: QuantType, rest: QuantType, said: str
) -> None:
    from transformers import Qwen3Config, Qwen3Model

    sizes = {
        "vocab_size": 12, "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 4, "head_dim": 64, "rope_theta": 1_000_000.0,
    }  # fmt: skip
    truth = Qwen3Model(Qwen3Config(**sizes)).eval()
    written: dict[str, tuple[np.ndarray[Any, Any], QuantType]] = {}
    for number, (name, value) in enumerate(truth.state_dict().items()):
        if value.ndim == 1:
            written[name] = (value.numpy(), QuantType.F32)
            continue
        quant = rest if "v_proj" in name or "down_proj" in name else most
        blocks = random_blocks(quant, *value.shape, seed=number)
        written[name] = (blocks, quant)
        value.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, quant)))
    path = write_quantised(tmp_path / "Qwen3-Embedding-0.6B.gguf", written, model_type="qwen3", **sizes)
    assert read_gguf_header(path).quantisation == said
    ids = torch.tensor([[1, 5, 2, 9]])
    with torch.inference_mode():
        assert torch.equal(load_text_encoder(path, torch.float32)(ids)[0], truth(ids)[0])


@pytest.mark.slow
def test_a_language_model_loads_with_its_tokenizer_and_head(tmp_path: Path) -> None:
    folder = tiny_lm.tiny_lm(tmp_path / "folder")
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    own_head = torch.randn(config["vocab_size"], 32).bfloat16()
    for name, head in (("tied", None), ("own", own_head)):
        place = tmp_path / name / "acestep-5Hz-lm-0.6B-BF16.gguf"
        more = {} if head is None else {"model.lm_head.weight": head}
        settings = {**config, "tie_word_embeddings": head is None}
        write_gguf(place, "acestep-lm", {**tensors, **more}, QuantType.F32, settings, folder)
        (checkpoint,) = find_whole_language_models(place.parent)
        assert checkpoint.name == "acestep-5Hz-lm-0.6B-BF16"
        core, loaded_head, tokenizer = load_language_model(checkpoint, torch.float32)
        expected = tensors["model.embed_tokens.weight"].float() if head is None else head.float()
        assert torch.equal(loaded_head, expected)
        assert torch.equal(core.embed_tokens.weight, tensors["model.embed_tokens.weight"].float())
        text = "<|im_start|>rain on the window<think>\na calm song\n</think><|audio_code_17|><|audio_code_65534|><|im_end|>"
        assert tokenizer(text).input_ids == tiny_lm.tokenizer()(text).input_ids


def test_tokens_behind_the_vocabulary_have_qwen3s_order(tmp_path: Path) -> None:
    """As in the releases: 151,643 tokens, 26 of Qwen3, in language models the audio codes."""
    folder = tiny_lm.tiny_lm(tmp_path / "folder")
    base = len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    for architecture, size, last in (
        ("acestep-text-enc", 26, "</think>"),
        ("acestep-lm", 26 + 65_535, "<|audio_code_65534|>"),
    ):
        path = tmp_path / f"{architecture}.gguf"
        weights = {"model.layers.0.self_attn.q_norm.weight": torch.ones(4)}
        write_gguf(path, architecture, weights, config={"vocab_size": base + size}, tokenizer=folder, vocabulary=base)
        tokenizer = load_gguf_tokenizer(path)
        marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # which the small vocabulary begins with
        assert [tokenizer.convert_tokens_to_ids(each) for each in marks] == [0, 1, 2]
        assert tokenizer.convert_tokens_to_ids("<|object_ref_start|>") == base
        assert tokenizer.convert_tokens_to_ids("</think>") == base + 22
        assert tokenizer.convert_tokens_to_ids(last) == base + size - 4
        ends = tokenizer("a").input_ids[-1] == 0
        assert ends == (architecture == "acestep-text-enc")


def patch(path: Path, place: int, value: bytes) -> bytes:
    whole = path.read_bytes()
    return whole[:place] + value + whole[place + len(value) :]


BROKEN = {
    "version": (4, struct.pack("<I", 9), "is GGUF of version 9; versions 2 and 3 are loaded"),
    "other end first": (4, struct.pack(">I", 3), "is GGUF of version 50331648"),
    "too many tensors": (8, struct.pack("<Q", 2**40), "has a damaged header"),
    "more tensors than there are": (8, struct.pack("<Q", 7), "cut short|damaged"),
    "too many entries": (16, struct.pack("<Q", 2**40), "has a damaged header"),
    "a name without an end": (24, struct.pack("<Q", 2**50), "is cut short"),
    "no name": (32, b"\xff\xfe\xfd", "has a damaged header"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_header_is_refused_with_its_fault(tmp_path: Path, how: str) -> None:
    place, value, said = BROKEN[how]
    path = write_gguf(tmp_path / "x.gguf", "acestep-dit", {"a": torch.ones(3, 32)})
    path.write_bytes(patch(path, place, value))
    with pytest.raises(EngineFailure, match=rf"x\.gguf .*({said}).*\. Get it again\."):
        GgufFile(path, "Get it again.")


def test_a_type_that_is_not_loaded_is_named(tmp_path: Path) -> None:
    path = write_quantised(tmp_path / "x.gguf", {"a": (np.zeros((2, 66), np.uint8), QuantType.IQ2_XXS)})
    with pytest.raises(EngineFailure, match=r"holds numbers of type 16; types that are loaded: F32, F16, .*, BF16\."):
        GgufFile(path, "")
