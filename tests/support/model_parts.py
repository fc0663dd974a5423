"""The classes of a checkpoint's parts, by the names that `acestep_runtime.weights` gives the parts."""

from __future__ import annotations

from collections.abc import Callable

from diffusers import AceStepTransformer1DModel
from diffusers.pipelines.ace_step.modeling_ace_step import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
    AceStepConditionEncoder,
)
from torch import nn
from transformers import Qwen3Config, Qwen3Model

CLASSES: dict[str, Callable[..., nn.Module]] = {
    "dit": AceStepTransformer1DModel,
    "encoder": AceStepConditionEncoder,
    "tokenizer": AceStepAudioTokenizer,
    "detokenizer": AceStepAudioTokenDetokenizer,
    "text_encoder": lambda **settings: Qwen3Model(Qwen3Config(**settings)),
}
