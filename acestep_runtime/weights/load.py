"""Loads a checkpoint as modules. Each is built on the meta device and then gets the tensors of the files.

So at most one copy of the weights is in memory, and no random initial values are drawn.

Letters: C latent channels (64), D width of the condition encoder (2048).
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure, printable
from acestep_runtime.json_values import JsonObject
from acestep_runtime.values import Json
from acestep_runtime.weights import catalogue, files, keys, part_files
from acestep_runtime.weights.gguf_tokenizer import load_gguf_tokenizer
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.part_configs import read_part_config
from acestep_runtime.weights.parts import CONFIG_FILE, SILENCE_FILE
from acestep_runtime.weights.selection import repair_remedy
from acestep_runtime.weights.spec import ModelSpec, read_model_spec

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
#: In XL checkpoints all parts but the transformer have other sizes, under these names with the prefix ``encoder_``.
_ENCODER_SIZES = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
#: Settings of the transformer only. The layers of other parts alternate, starting with a sliding layer.
_DIT_ONLY = ("layer_types",)
_SPECIAL_TOKENS = ("eos_token", "pad_token", "bos_token", "unk_token")

_PULL_SHARED = catalogue.pull_hint("acestep-v15-turbo")
_REPAIR_SETTINGS = "Mend its config.json, or pull the model again."


@dataclass(frozen=True)
class PartSource:
    """The source of one part: its settings, the index of its files, and a map from names in files to names in the part.

    ``is_file``: it comes from a file of another program, which may have left out or added axes of length 1.
    """

    config: JsonObject
    tensors: files.TensorIndex
    names: Mapping[str, str]
    is_file: bool = False

    def shapes_like(self, expected: Mapping[str, keys.Shape]) -> dict[str, keys.Shape]:
        """Return the shapes by names in the part: the expected ones where only axes of length 1 are others in a file."""
        found = {name: self.tensors.shapes[key] for key, name in self.names.items()}
        if self.is_file:
            found.update(
                {name: expected[name] for name, shape in found.items() if _long(shape) == _long(expected.get(name, ()))}
            )
        return found


def _long(shape: keys.Shape) -> keys.Shape:
    """Return the axes of a shape that are longer than 1; for no shape one that no tensor has."""
    return tuple(size for size in shape if size != 1) if shape else (-1,)


@dataclass(frozen=True)
class DitParts:
    """A transformer and its condition encoder. The tokenizers are ``None`` in diffusers checkpoints without them.

    ``silence`` is ``[1, F, C]``, F usually 15,000; ``null_condition`` is ``[1, 1, D]``, or ``None``.
    """

    dit: AceStepTransformer1DModel
    encoder: AceStepConditionEncoder
    tokenizer: AceStepAudioTokenizer | None
    detokenizer: AceStepAudioTokenDetokenizer | None
    null_condition: torch.Tensor | None
    silence: torch.Tensor
    spec: ModelSpec


@dataclass(frozen=True)
class Models(DitParts):
    """All modules of a checkpoint."""

    vae: AutoencoderOobleck
    text_encoder: Qwen3Model
    text_tokenizer: PreTrainedTokenizerFast


def load(
    checkpoint: Checkpoint,
    dtype: torch.dtype | None,
    device: torch.device | str = CPU,
    *,
    vae_dtype: torch.dtype | None = None,
) -> Models:
    """Load a whole checkpoint as ``dtype`` on ``device``, ``None`` for the dtype of each file, the VAE as ``vae_dtype``.

    Raises `EngineFailure`, with a remedy, for files that are missing, damaged or do not fit.
    """
    target = torch.device(device)
    if checkpoint.vae is None or checkpoint.text_encoder is None or checkpoint.text_tokenizer is None:
        raise EngineFailure(f"Model {checkpoint.name} has no VAE or no text encoder.", remedy=_repair_hint(checkpoint))
    parts = load_dit(checkpoint, dtype, target)
    return Models(
        **vars(parts),
        vae=load_vae(checkpoint.vae, vae_dtype or dtype, target),
        text_encoder=load_text_encoder(checkpoint.text_encoder, dtype, target),
        text_tokenizer=load_text_tokenizer(checkpoint.text_tokenizer),
    )


def load_dit(checkpoint: Checkpoint, dtype: torch.dtype | None, device: torch.device | str = CPU) -> DitParts:
    """Load the transformer, the condition encoder and the audio tokenizers only. Raises as `load` does."""
    from diffusers.models.transformers.ace_step_transformer import AceStepTransformer1DModel
    from diffusers.pipelines.ace_step.modeling_ace_step import (
        AceStepAudioTokenDetokenizer,
        AceStepAudioTokenizer,
        AceStepConditionEncoder,
    )

    target = torch.device(device)
    sources = (_diffusers_sources if checkpoint.layout == "diffusers" else _original_sources)(checkpoint)
    spec = read_model_spec(checkpoint)

    def load_part(part: str, make: Callable[..., M]) -> M:
        source = sources[part]
        module = build_on_meta(part, make, source.config)
        preset: tuple[str, ...] = ()
        if isinstance(module, AceStepConditionEncoder):
            preset = _add_buffers(module, source, checkpoint, dtype)
        return load_tensors(
            module, source, f"{checkpoint.name} ({part})", dtype, target, _repair_hint(checkpoint), preset
        )

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
        spec=spec,
    )


def load_vae(path: Path, dtype: torch.dtype | None, device: torch.device | str = CPU) -> AutoencoderOobleck:
    """Load the VAE of a folder or a file. Raises as `load` does."""
    from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck

    source = _part_source(path, part_files.VAE)
    module: AutoencoderOobleck = build_on_meta("vae", AutoencoderOobleck, source.config)
    return load_tensors(module, source, f"{path} (VAE)", dtype, torch.device(device), _part_hint(path))


def load_text_encoder(
    path: Path, dtype: torch.dtype | None, device: torch.device | str = CPU, part: str = part_files.TEXT_ENCODER
) -> Qwen3Model:
    """Load the text encoder of a folder or a file, without the head that predicts words. Raises as `load` does.

    ``part`` is the text encoder, or the language model, which is built as it is.
    """
    from transformers import Qwen3Config, Qwen3Model

    source = _part_source(path, part)
    config = source.config
    if config.get("model_type") != "qwen3":
        raise EngineFailure(
            f"The text encoder in {path} is a {config.get('model_type')!r} model; it should be qwen3.",
            remedy=_PULL_SHARED,
        )
    names = {key: name.removeprefix("model.") for key, name in source.names.items() if name != part_files.HEAD}
    module = build_on_meta("text_encoder", lambda **settings: Qwen3Model(Qwen3Config(**settings)), config)
    source, target = replace(source, names=names), torch.device(device)
    return load_tensors(
        module, source, f"{path} ({part})" if source.is_file else str(path), dtype, target, _part_hint(path)
    )


def load_text_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer from its data alone: ``tokenizer.json`` and ``tokenizer_config.json``, or a GGUF file."""
    from transformers import PreTrainedTokenizerFast

    if part_files.has_tokens(folder):
        return load_gguf_tokenizer(folder)
    path = folder / "tokenizer.json"
    config = files.read_json(folder / "tokenizer_config.json")
    if not path.is_file():
        raise EngineFailure(f"{path} is not there.", remedy=_PULL_SHARED)
    try:
        special = {name: _token_text(config[name]) for name in _SPECIAL_TOKENS if config.get(name)}
        extra = {name: config[name] for name in ("padding_side", "model_max_length") if name in config}
        return PreTrainedTokenizerFast(tokenizer_file=str(path), **special, **extra)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise EngineFailure(f"{path}, or what is beside it, cannot be read: {error!r}.", remedy=_PULL_SHARED) from error


def _token_text(value: Json) -> str:
    return str(value["content"] if isinstance(value, Mapping) else value)


# ---- building and filling ----


def build_on_meta(part: str, make: Callable[..., M], config: JsonObject) -> M:
    """Return the module that ``make`` builds from the settings in ``config``, with its weights on the meta device.

    Settings that ``make`` does not accept are left out; buffers that are not in files are computed. Raises `EngineFailure`,
    which names the ``part``, for invalid settings.
    """
    from accelerate import init_empty_weights

    parameters = inspect.signature(make).parameters
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        config = {name: value for name, value in config.items() if name in parameters}
        for name, value in config.items():
            _check_setting(part, name, value, parameters[name].default)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
            # diffusers builds the VAE with the older weight_norm of torch
            warnings.simplefilter("ignore", FutureWarning)
            return make(**config)
    except Exception as error:  # classes raise anything for settings they do not expect
        raise EngineFailure(
            f"The settings of a model ({part}) make no sense: {type(error).__name__}: {' '.join(str(error).split())}.",
            remedy=_REPAIR_SETTINGS,
        ) from error


def _check_setting(part: str, name: str, value: Json, default: Json) -> None:
    """Raise `EngineFailure` for a setting that is not above 0 where its default is; ``None`` means the default."""
    if isinstance(default, bool) or not isinstance(default, (int, float)) or default <= 0 or value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise EngineFailure(
            f"Setting {name} of a model ({part}) is {printable(repr(value))}; it should be a number above 0.",
            remedy=_REPAIR_SETTINGS,
        )


def load_tensors(
    module: M,
    source: PartSource,
    what: str,
    dtype: torch.dtype | None,
    device: torch.device,
    remedy: str,
    preset: tuple[str, ...] = (),
) -> M:
    """Give ``module`` the tensors of ``source``, all but those in ``preset``, which it has; return it, ready to compute.

    Raises `EngineFailure`, before anything is read, unless names and shapes are exactly those of the module.
    """
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items() if key not in preset}
    keys.check_shapes(what, expected, source.shapes_like(expected), remedy)
    read = files.read_tensors(source.tensors, source.names, dtype, device)
    tensors = {name: value.reshape(expected[name]) for name, value in read}
    wrong_dtypes = [
        f"{name} ({value.dtype})"
        for name, value in tensors.items()
        if not value.is_floating_point() or dtype not in (None, value.dtype)
    ]
    if wrong_dtypes:
        raise EngineFailure(
            f"The weights of {what} are no numbers with a fraction: {keys.summarize_names(wrong_dtypes)}.",
            remedy=remedy,
        )
    module.load_state_dict(tensors, assign=True, strict=False)
    return module.to(device).requires_grad_(False).eval()


# ---- where the tensors of each part are ----


def _folder_source(folder: Path, config: JsonObject) -> PartSource:
    tensors = files.index_folder(folder)
    return PartSource(config, tensors, {key: keys.without_compiler(key) for key in tensors.files})


def _part_source(path: Path, part: str) -> PartSource:
    """Return the source of a part in a folder, which has its config.json, or in a file, see `part_files`."""
    if path.is_dir() or path.suffix.lower() not in part_files.ENDINGS:
        return _folder_source(path, files.read_json(path / CONFIG_FILE))
    tensors, found = files.index_file(path), part_files.read_parts(path).get(part)
    if found is None:
        raise EngineFailure(f"{path} holds no {part} of ACE-Step 1.5.", remedy="Choose another file.")
    return PartSource(read_part_config(path, part), tensors, found.names, is_file=True)


def _diffusers_sources(checkpoint: Checkpoint) -> dict[str, PartSource]:
    return {
        part: _folder_source(folder, files.read_json(folder / CONFIG_FILE))
        for part, name in _FOLDERS.items()
        if (folder := checkpoint.folder / name).is_dir() or part in ("dit", "encoder")
    }


def _original_sources(checkpoint: Checkpoint) -> dict[str, PartSource]:
    source = _part_source(checkpoint.dit, part_files.TRANSFORMER)
    names: dict[str, dict[str, str]] = {part: {} for part in keys.PREFIXES}
    for key, original in source.names.items():
        if source.is_file and original == keys.SILENCE:  # read by `_load_silence`
            continue
        part, name = keys.split_key(original) or ("dit", original)
        names[part][key] = name
    configs = split_original_config(source.config)
    return {part: replace(source, config=configs[part], names=names[part]) for part in names}


def split_original_config(config: JsonObject) -> dict[str, dict[str, Json]]:
    """Return the settings of each part from the single ``config.json`` of an original checkpoint."""
    others = {name: value for name, value in config.items() if name not in _DIT_ONLY}
    others.update({name: config[f"encoder_{name}"] for name in _ENCODER_SIZES if config.get(f"encoder_{name}")})
    return {part: dict(config) if part == "dit" else others for part in keys.PREFIXES}


def _add_buffers(
    encoder: AceStepConditionEncoder, source: PartSource, checkpoint: Checkpoint, dtype: torch.dtype | None
) -> tuple[str, ...]:
    """Set the tensors of the condition encoder that its files do not hold; return their names.

    The latents of silence have their own file in the original layout, and may be longer or shorter than the class expects. A
    transformer without guidance may lack the null condition.
    """
    names = {name: key for key, name in source.names.items()}
    preset: list[str] = []
    if keys.SILENCE in names:
        encoder.silence_latent = torch.empty(source.tensors.shapes[names[keys.SILENCE]], device="meta")
    else:
        encoder.silence_latent = files.cast(_load_silence(checkpoint), dtype, CPU)
        preset.append(keys.SILENCE)
    if keys.NULL_CONDITION not in names:
        encoder.null_condition_emb = nn.Parameter(torch.zeros(encoder.null_condition_emb.shape, dtype=dtype))
        preset.append(keys.NULL_CONDITION)
    return tuple(preset)


def _load_silence(checkpoint: Checkpoint) -> torch.Tensor:
    """Return the latents of silence ``[1, F, C]``; their own file holds ``[1, C, F]``, a GGUF file ``[F, C]``."""
    path = checkpoint.silence
    if path is None or not path.is_file():
        raise EngineFailure(f"Model {checkpoint.name} has no {SILENCE_FILE}.", remedy=_repair_hint(checkpoint))
    channels = read_part_config(checkpoint.dit, part_files.TRANSFORMER).get("audio_acoustic_hidden_dim")
    is_part = part_files.holds_silence(path)
    value = _read_silence(path).T[None] if is_part else files.load_tensor(path)
    if value.ndim != 3 or value.shape[:2] != (1, channels) or not value.numel():
        expected = f"[1, {channels}, F]"
        raise EngineFailure(
            f"{path} has shape {list(value.shape)} instead of {expected}.", remedy=_repair_hint(checkpoint)
        )
    return value.transpose(1, 2).contiguous()


def _read_silence(path: Path) -> torch.Tensor:
    names = part_files.read_parts(path)[part_files.TRANSFORMER].names
    key = next(key for key, name in names.items() if name == keys.SILENCE)
    ((_, value),) = files.read_tensors(files.index_file(path), {key: key}, torch.float32, CPU)
    return value


def _part_hint(path: Path) -> str:
    return _PULL_SHARED if path.is_dir() else f"Get {path.name} again, or choose another file."


def _repair_hint(checkpoint: Checkpoint) -> str:
    return (
        repair_remedy(checkpoint)
        if checkpoint.layout == "file"
        else catalogue.repair_hint(checkpoint.name, checkpoint.folder)
    )
