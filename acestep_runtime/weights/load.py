"""A checkpoint as modules, ready to compute. Each is built without memory and then given the tensors of the files.

So no more than one copy of the weights is ever in memory, and no random start values are drawn.

Letters: C latent channels (64), D width of the condition encoder (2048).
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.json_values import JsonObject
from acestep_runtime.values import Json
from acestep_runtime.weights import catalogue, files, keys
from acestep_runtime.weights.facts import Facts, facts_of
from acestep_runtime.weights.layout import Checkpoint, config_in

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step.modeling_ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )
    from transformers import PreTrainedTokenizerFast, Qwen3Model

M = TypeVar("M", bound=nn.Module)
CPU = torch.device("cpu")
#: Folders of the parts in the diffusers layout. The tokenizers are optional there.
_FOLDERS = {
    "dit": "transformer",
    "encoder": "condition_encoder",
    "tokenizer": "audio_tokenizer",
    "detokenizer": "audio_token_detokenizer",
}
#: An XL checkpoint has all but the transformer in other sizes, under these names with ``encoder_`` before them.
_OTHER_SIZES = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
#: Layer types of the config are those of the transformer; all other parts alternate from a sliding layer on.
_DIT_ONLY = ("layer_types",)
_SPECIAL_TOKENS = ("eos_token", "pad_token", "bos_token", "unk_token")

_PULL_SHARED = catalogue.pull_hint("acestep-v15-turbo")
_MEND_SETTINGS = "Mend its config.json, or pull the model again."


@dataclass(frozen=True)
class PartSource:
    """Where one part comes from: its settings, the tensors of its files, and of these the names it wants, as it calls them."""

    config: JsonObject
    tensors: files.Tensors
    names: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, keys.Shape]:
        """Shapes by the names of the part."""
        return {name: self.tensors.shapes[key] for key, name in self.names.items()}


@dataclass(frozen=True)
class DitParts:
    """What a transformer comes with. The tokenizers are ``None`` in diffusers checkpoints that leave them out.

    ``silence`` is ``[1, F, C]``, F usually 15,000; ``null_condition`` is ``[1, 1, D]``, or ``None``.
    """

    dit: AceStepTransformer1DModel
    encoder: AceStepConditionEncoder
    tokenizer: AceStepAudioTokenizer | None
    detokenizer: AceStepAudioTokenDetokenizer | None
    null_condition: torch.Tensor | None
    silence: torch.Tensor
    facts: Facts


@dataclass(frozen=True)
class Models(DitParts):
    """Everything that makes music."""

    vae: AutoencoderOobleck
    text_encoder: Qwen3Model
    text_tokenizer: PreTrainedTokenizerFast


def load(
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    device: torch.device | str = CPU,
    *,
    vae_dtype: torch.dtype | None = None,
) -> Models:
    """Load a whole checkpoint with its weights as ``dtype`` on ``device``; the VAE's as ``vae_dtype`` where that is given.

    Raises `EngineFailure` for files that are missing, damaged or do not fit, naming them and what to do.
    """
    place = torch.device(device)
    if checkpoint.vae is None or checkpoint.text_encoder is None or checkpoint.text_tokenizer is None:
        raise EngineFailure(f"Model {checkpoint.name} has no VAE or no text encoder.", remedy=_remedy(checkpoint))
    parts = load_dit(checkpoint, dtype, place)
    return Models(
        **vars(parts),
        vae=load_vae(checkpoint.vae, vae_dtype or dtype, place),
        text_encoder=load_text_encoder(checkpoint.text_encoder, dtype, place),
        text_tokenizer=load_text_tokenizer(checkpoint.text_tokenizer),
    )


def load_dit(checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device | str = CPU) -> DitParts:
    """Load the transformer, the condition encoder and the audio tokenizers only. Raises as `load` does."""
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step.modeling_ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )

    place = torch.device(device)
    sources = (_original if checkpoint.layout == "original" else _diffusers)(checkpoint)
    facts = facts_of(checkpoint)

    def load_part(part: str, make: Callable[..., M]) -> M:
        source = sources[part]
        module = build(part, make, source.config)
        given: tuple[str, ...] = ()
        if isinstance(module, AceStepConditionEncoder):
            given = _complete(module, source, checkpoint, dtype)
        return fill(module, source, f"{checkpoint.name} ({part})", dtype, place, _remedy(checkpoint), given)

    dit: AceStepTransformer1DModel = load_part("dit", AceStepTransformer1DModel)
    encoder: AceStepConditionEncoder = load_part("encoder", AceStepConditionEncoder)
    has_null = keys.NULL_CONDITION in sources["encoder"].names.values()
    return DitParts(
        dit=dit,
        encoder=encoder,
        tokenizer=load_part("tokenizer", AceStepAudioTokenizer) if "tokenizer" in sources else None,
        detokenizer=load_part("detokenizer", AceStepAudioTokenDetokenizer) if "detokenizer" in sources else None,
        null_condition=encoder.null_condition_emb.detach() if has_null else None,
        silence=encoder.silence_latent,
        facts=facts,
    )


def load_vae(folder: Path, dtype: torch.dtype, device: torch.device | str = CPU) -> AutoencoderOobleck:
    """Load the VAE of ``folder``. Raises as `load` does."""
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

    module: AutoencoderOobleck = build("vae", AutoencoderOobleck, files.read_json(folder / "config.json"))
    return fill(module, _whole(folder), f"{folder} (VAE)", dtype, torch.device(device), _PULL_SHARED)


def load_text_encoder(folder: Path, dtype: torch.dtype, device: torch.device | str = CPU) -> Qwen3Model:
    """Load the text encoder of ``folder``, without the head that predicts words. Raises as `load` does."""
    from transformers import Qwen3Config, Qwen3Model

    config = files.read_json(folder / "config.json")
    if config.get("model_type") != "qwen3":
        raise EngineFailure(
            f"The text encoder in {folder} is a {config.get('model_type')!r} model; it should be qwen3.",
            remedy=_PULL_SHARED,
        )
    whole = _whole(folder)
    names = {key: key.removeprefix("model.") for key in whole.names if key != "lm_head.weight"}
    source = PartSource(config, whole.tensors, names)
    module = build("text_encoder", lambda **settings: Qwen3Model(Qwen3Config(**settings)), config)
    return fill(module, source, str(folder), dtype, torch.device(device), _PULL_SHARED)


def load_text_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the tokenizer of the text encoder from its data alone, ``tokenizer.json`` and ``tokenizer_config.json``."""
    from transformers import PreTrainedTokenizerFast

    path = folder / "tokenizer.json"
    config = files.read_json(folder / "tokenizer_config.json")
    if not path.is_file():
        raise EngineFailure(f"{path} is not there.", remedy=_PULL_SHARED)
    try:
        special = {name: _token(config[name]) for name in _SPECIAL_TOKENS if config.get(name)}
        extra = {name: config[name] for name in ("padding_side", "model_max_length") if name in config}
        return PreTrainedTokenizerFast(tokenizer_file=str(path), **special, **extra)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise EngineFailure(f"{path}, or what is beside it, cannot be read: {error!r}.", remedy=_PULL_SHARED) from error


def _token(value: Json) -> str:
    return str(value["content"] if isinstance(value, Mapping) else value)


# ---- building and filling ----


def build(part: str, make: Callable[..., M], config: JsonObject) -> M:
    """Return the module that ``make`` returns for the settings in ``config``, its weights without memory (on the meta device).

    Settings that ``make`` does not name are left out, unless it takes any; small tables that are not in files are computed.
    Raises `EngineFailure`, which names the ``part``, for settings that it cannot be built with.
    """
    from accelerate import init_empty_weights

    known = inspect.signature(make).parameters
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values()):
        config = {name: value for name, value in config.items() if name in known}
        for name, value in config.items():
            _check_setting(part, name, value, known[name].default)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
            # diffusers builds the VAE with the older weight_norm of torch
            warnings.simplefilter("ignore", FutureWarning)
            return make(**config)
    except Exception as error:  # whatever a class makes of settings that it was not written for
        raise EngineFailure(
            f"The settings of a model ({part}) make no sense: {type(error).__name__}: {' '.join(str(error).split())}.",
            remedy=_MEND_SETTINGS,
        ) from error


def _check_setting(part: str, name: str, value: Json, usual: Json) -> None:
    """Raise `EngineFailure` for a setting that is no number above 0 where the usual one is; ``None`` is "not given"."""
    if isinstance(usual, bool) or not isinstance(usual, (int, float)) or usual <= 0 or value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise EngineFailure(
            f"Setting {name} of a model ({part}) is {printable(repr(value))}; it should be a number above 0.",
            remedy=_MEND_SETTINGS,
        )


def fill(
    module: M,
    source: PartSource,
    what: str,
    dtype: torch.dtype,
    device: torch.device,
    remedy: str,
    given: tuple[str, ...] = (),
) -> M:
    """Give ``module`` the tensors of ``source``, all but those in ``given``, which it has; return it, ready to compute.

    Raises `EngineFailure`, before anything is read, unless names and shapes are exactly those of the module.
    """
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items() if key not in given}
    keys.check(what, expected, source.shapes, remedy)
    tensors = dict(files.read(source.tensors, source.names, dtype, device))
    strange = [f"{name} ({value.dtype})" for name, value in tensors.items() if value.dtype != dtype]
    if strange:
        raise EngineFailure(
            f"The weights of {what} are no numbers with a fraction: {keys.some(strange)}.", remedy=remedy
        )
    module.load_state_dict(tensors, assign=True, strict=False)
    return module.to(device).requires_grad_(False).eval()


# ---- where the tensors of each part are ----


def _whole(folder: Path, config: JsonObject | None = None) -> PartSource:
    tensors = files.opened(folder)
    return PartSource(config or {}, tensors, {key: key for key in tensors.files})


def _diffusers(checkpoint: Checkpoint) -> dict[str, PartSource]:
    return {
        part: _whole(folder, files.read_json(folder / "config.json"))
        for part, name in _FOLDERS.items()
        if (folder := checkpoint.folder / name).is_dir() or part in ("dit", "encoder")
    }


def _original(checkpoint: Checkpoint) -> dict[str, PartSource]:
    config = files.read_json(checkpoint.dit / "config.json")
    tensors = files.opened(checkpoint.dit)
    names: dict[str, dict[str, str]] = {part: {} for part in keys.PREFIXES}
    for key in tensors.files:
        part, name = keys.placed(key) or ("dit", key)
        names[part][key] = name
    configs = original_configs(config)
    return {part: PartSource(configs[part], tensors, names[part]) for part in names}


def original_configs(config: JsonObject) -> dict[str, dict[str, Json]]:
    """Return the settings of each part from the one ``config.json`` of an original checkpoint."""
    others = {name: value for name, value in config.items() if name not in _DIT_ONLY}
    others.update({name: config[f"encoder_{name}"] for name in _OTHER_SIZES if config.get(f"encoder_{name}")})
    return {part: dict(config) if part == "dit" else others for part in keys.PREFIXES}


def _complete(
    encoder: AceStepConditionEncoder, source: PartSource, checkpoint: Checkpoint, dtype: torch.dtype
) -> tuple[str, ...]:
    """Give the condition encoder what its files do not hold; return the names of that.

    The latents of silence are in a file of their own in the original layout, and may have another length than the class
    expects. A transformer that never works with guidance may come without the null condition.
    """
    names = {name: key for key, name in source.names.items()}
    given: list[str] = []
    if keys.SILENCE in names:
        encoder.silence_latent = torch.empty(source.tensors.shapes[names[keys.SILENCE]], device="meta")
    else:
        encoder.silence_latent = _silence(checkpoint).to(dtype)
        given.append(keys.SILENCE)
    if keys.NULL_CONDITION not in names:
        encoder.null_condition_emb = nn.Parameter(torch.zeros(encoder.null_condition_emb.shape, dtype=dtype))
        given.append(keys.NULL_CONDITION)
    return tuple(given)


def _silence(checkpoint: Checkpoint) -> torch.Tensor:
    """Return the latents of silence ``[1, F, C]`` from their file, where they are ``[1, C, F]``."""
    path = checkpoint.folder / "silence_latent.pt"
    if not path.is_file():
        raise EngineFailure(f"Model {checkpoint.name} has no {path.name}.", remedy=_remedy(checkpoint))
    value = next(iter(files.pickled(path).values()), torch.empty(0))
    channels = config_in(checkpoint.dit).get("audio_acoustic_hidden_dim")
    if value.ndim != 3 or value.shape[:2] != (1, channels) or not value.numel():
        expected = f"[1, {channels}, F]"
        raise EngineFailure(f"{path} has shape {list(value.shape)} instead of {expected}.", remedy=_remedy(checkpoint))
    return value.transpose(1, 2).contiguous()


def _remedy(checkpoint: Checkpoint) -> str:
    return catalogue.mend_hint(checkpoint.name, checkpoint.folder)
