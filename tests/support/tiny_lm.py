"""A tiny 5 Hz language model with random weights, whose tokenizer has all that the released ones have."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

#: The released ones know 65,535 codes, of which 64,000 can be.
CODE_MARKS = 65_535
_TEXT = (
    "# Instruction\nGenerate audio semantic tokens based on the given conditions:\n\n",
    "# Caption\nwarm piano, brushed drums\n\n# Lyric\n[Verse]\nrain on the window\n밤하늘 별빛\n",
    "bpm: 120\ncaption: a calm song\nduration: 30\ngenres: pop\nkeyscale: C major\nlanguage: en\ntimesignature: 4\n",
)


@functools.cache
def tokenizer() -> Any:
    """Return a byte-level BPE tokenizer with words, marks, and codes behind them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(_TEXT, trainer)
    more = ["<think>", "</think>", *(f"<|audio_code_{code}|>" for code in range(CODE_MARKS))]
    backend.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in more])
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<|endoftext|>", eos_token="<|im_end|>")


def model(seed: int = 1, **changes: Any) -> Any:
    """Return a Qwen3 of two layers, which likes to come to an end: or else it would talk until it may not."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    config = {
        "vocab_size": len(tokenizer()), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 8192,
        "tie_word_embeddings": True, "eos_token_id": 2, "pad_token_id": 0, "initializer_range": 0.3,
    }  # fmt: skip
    made = Qwen3ForCausalLM(Qwen3Config(**{**config, **changes})).eval()
    with torch.no_grad():
        made.get_input_embeddings().weight[config["eos_token_id"]] *= 2
    return made


def tiny_lm(folder: Path, name: str = "acestep-5Hz-lm-0.6B", seed: int = 1) -> Path:
    """Write it into a folder of models, as the released ones are; return its folder."""
    place = folder / name
    model(seed).save_pretrained(place)
    tokenizer().save_pretrained(place)
    return place
