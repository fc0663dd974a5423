"""The tokenizer in a GGUF file: byte-level BPE of Qwen3, built from its tokens and merges.

acestep.cpp writes those of ``vocab.json``, without what Qwen3 and ACE-Step add after them: its special tokens and, in language
models, the audio codes.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from acestep_runtime.errors import EngineFailure
from acestep_runtime.values import Json
from acestep_runtime.weights import part_files
from acestep_runtime.weights.gguf_headers import read_gguf_header, read_strings
from acestep_runtime.weights.part_configs import read_part_config

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_END_OF_TEXT, _END_OF_TURN = "<|endoftext|>", "<|im_end|>"
#: Qwen3's added tokens, in the order of their ids after the vocabulary. Those in the second list are text like any other.
_SPECIAL = (
    _END_OF_TEXT, "<|im_start|>", _END_OF_TURN, "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
    "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
_ADDED = (
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
    "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
)  # fmt: skip
_AUDIO_CODES = 65_535
#: How Qwen splits text before the merges: contractions, words, single digits, marks, line ends, blanks.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def load_gguf_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer in a GGUF file. Raises `EngineFailure` where its lists are missing or make no sense."""
    try:
        return _build(path)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise EngineFailure(
            f"The tokenizer in {path} cannot be read: {error!r}.",
            remedy="Get the file again, or its folder with the safetensors.",
        ) from error


def _build(path: Path) -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    lists = read_gguf_header(path).lists
    tokens, merges = (read_strings(path, lists[name]) for name in (part_files.TOKENS, part_files.MERGES))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(first, second) for first, _, second in (merge.partition(" ") for merge in merges)]
    backend = Tokenizer(models.BPE(vocabulary, pairs))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    is_language_model = part_files.LANGUAGE in part_files.read_parts(path)
    part = part_files.LANGUAGE if is_language_model else part_files.TEXT_ENCODER
    added = _extra_tokens(vocabulary, read_part_config(path, part).get("vocab_size"), is_language_model)
    special = [each for each in added if each in _SPECIAL]
    backend.add_special_tokens([AddedToken(each, normalized=False, special=True) for each in special])
    backend.add_tokens([AddedToken(each, normalized=False) for each in added if each not in _SPECIAL])
    if not is_language_model:  # Qwen3-Embedding's tokenizer ends every text
        end = (_END_OF_TEXT, backend.token_to_id(_END_OF_TEXT))
        backend.post_processor = processors.TemplateProcessing(single=f"$A {_END_OF_TEXT}", special_tokens=[end])
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=_END_OF_TEXT, eos_token=_END_OF_TURN)


def _extra_tokens(vocabulary: Collection[str], size: Json, is_language_model: bool) -> list[str]:
    """Return the added tokens, in the order of their ids: those in the vocabulary, and those behind it up to ``size``."""
    codes = [f"<|audio_code_{number}|>" for number in range(_AUDIO_CODES)] if is_language_model else []
    known = (*_SPECIAL, *_ADDED, *codes)
    room = max(0, size - len(vocabulary)) if isinstance(size, int) else len(known)
    behind = set([each for each in known if each not in vocabulary][:room])
    return [each for each in known if each in vocabulary or each in behind]
