"""What a file or a folder of weights is, by its names, its first bytes and its keys: one table, `SIGNATURES`.

It names what people have and AceBridge does not load, so that no message says "no weights" beside ten gigabytes of them. It
opens small JSON files, headers of safetensors and the first bytes of other files, nothing else. Needs no torch.

Sources of the names: the files of ACE-Step, ComfyUI, PEFT, LyCORIS, kohya's scripts, diffusers, Git LFS, llama.cpp.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from acestep_runtime.errors import printable
from acestep_runtime.json_values import JsonObject
from acestep_runtime.weights.headers import read_header
from acestep_runtime.weights.small_json import read_small_json

#: Endings of files that may hold weights as pickles, which may hold programs too: they are never opened.
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
#: Endings of files that a program gives to downloads that are not finished.
UNFINISHED = (".part", ".incomplete", ".crdownload", ".partial", ".download", ".aria2")
_HEAD_BYTES = 512
_MAX_NAMES = 1000
_PULL = "Run `acebridge models list` for the models that can be pulled."
_EXPORT = "Export it as a LoRA or LoKr of the transformer, in the format of PEFT, diffusers or LyCORIS."
_FETCH_AGAIN = "Download it again, signed in where the site asks for it."
_TO_MODELS = "Put it into the models folder: it loads as it is."
_TO_ADAPTERS = "Put it into the folder adapters in the models folder, then use its name with --lora."


@dataclass(frozen=True)
class Evidence:
    """What is known of a file or a folder. ``names`` are those in the folder, or the file's own; ``keys`` those of tensors."""

    name: str
    is_folder: bool
    names: frozenset[str] = frozenset()
    head: bytes = b""
    keys: tuple[str, ...] = ()
    config: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Signature:
    """A kind of file or folder: ``what`` it is, with an article, and ``advice``, a sentence on what to do with it.

    It matches where each criterion that it has does: ``own_name`` its name, ``names`` any name in it, ``head`` its first bytes,
    ``keys`` each of these patterns some key, ``config`` an entry of its config.json or model_index.json.
    """

    what: str
    advice: str
    own_name: str = ""
    names: str = ""
    head: bytes = b""
    keys: tuple[str, ...] = ()
    config: tuple[str, str] | None = None
    is_folder: bool | None = None
    #: Whether it can be used once it is where it belongs.
    is_usable: bool = False

    def matches(self, evidence: Evidence) -> bool:
        """Return whether this is what the evidence is of."""
        return all(check(self, evidence) for check in _CHECKS)


def _any_match(pattern: str, names: Iterable[str]) -> bool:
    search = re.compile(pattern).search
    return any(search(name) for name in names)


_CHECKS: tuple[Callable[[Signature, Evidence], object], ...] = (
    lambda row, seen: row.is_folder in (None, seen.is_folder),
    lambda row, seen: not row.own_name or re.fullmatch(row.own_name, seen.name, re.IGNORECASE),
    lambda row, seen: not row.names or _any_match(row.names, seen.names),
    lambda row, seen: not row.head or re.match(row.head, seen.head, re.IGNORECASE | re.DOTALL),
    lambda row, seen: all(_any_match(pattern, seen.keys) for pattern in row.keys),
    lambda row, seen: row.config is None or re.search(row.config[1], str(seen.config.get(row.config[0]) or "")),
)

_TRAINER_STATES = r"(optimizer|scheduler|scaler|training_state|trainer_state|random_states_\d+|rng_state(_\d+)?)"
_COMFY = r"^model\.diffusion_model\."
_COMFY_OTHERS = r"^(text_encoders|conditioner|cond_stage_model|vae|first_stage_model)\."
_GGUF_PARTS = (
    r"^(encoder\.lyric_encoder\.|decoder\.(block\.\d+\.conv_t1|layers\.\d+\.layers\.\d+)\."
    r"|(model\.)?layers\.\d+\.self_attn\.q_norm\.)"
)
_LYRICS = r"(^|\.)encoder\.lyric_encoder\."
_FIRST_VERSION = r"(^|[._])(genre_embedder|lyric_embs|speaker_embedder)\."

#: The first row that matches counts.
SIGNATURES = (
    # ---- downloads that went wrong ----
    Signature("an unfinished download", "Finish the download; `acebridge models pull` resumes its own.",
              own_name=rf".*({'|'.join(map(re.escape, UNFINISHED))})", is_folder=False),
    Signature("a Git LFS pointer, not the file itself",
              "Fetch the file with `git lfs pull`, or the model with `acebridge models pull`.",
              head=rb"version https://git-lfs", is_folder=False),
    Signature("a web page, not the file itself", _FETCH_AGAIN, head=rb"\s*<(!doctype|html|\?xml)", is_folder=False),
    Signature("a server's error message, not the file itself", _FETCH_AGAIN, is_folder=False, own_name=r".*\.(?!json$)\w+",
              head=rb"\s*(\{\s*\"(error|detail|message)\"|entry not found|invalid username|access to model"
                   rb"|repository not found|unauthorized|forbidden|not found|access denied)"),
    # ---- formats ----
    Signature("a part of ACE-Step 1.5 as GGUF", _TO_MODELS, head=rb"GGUF", keys=(_GGUF_PARTS,), is_folder=False,
              is_usable=True),
    Signature("a GGUF file that is cut short, damaged, or of another model than ACE-Step 1.5",
              f"Get one that was made for acestep.cpp, or a model as safetensors. {_PULL}", head=rb"GGUF", is_folder=False),
    Signature("a trainer's state, for going on with a training",
              "The adapter is the safetensors file beside it or in the folder above.", is_folder=False,
              own_name=rf"{_TRAINER_STATES}\.(pt|pth|bin|pkl)"),
    Signature("a pickle, which may hold programs, and is not opened", "Get the model as safetensors, or convert it.",
              own_name=rf".*({'|'.join(map(re.escape, PICKLES))})", is_folder=False),
    Signature("a pickle under another name, which may hold programs, and is not opened",
              "Get the model as safetensors, or convert it.", is_folder=False,
              head=rb"(PK\x03\x04|\x80[\x02-\x05][c(}\]\x8a\x95])"),
    # ---- checkpoints in one file ----
    Signature("ACE-Step v1, not 1.5", f"Get a model of ACE-Step 1.5. {_PULL}", keys=(_FIRST_VERSION,)),
    Signature("an all-in-one checkpoint of ComfyUI, with the transformer, the VAE and the text encoder of ACE-Step 1.5",
              _TO_MODELS, keys=(_COMFY, _COMFY_OTHERS, _LYRICS), is_usable=True),
    Signature("an all-in-one checkpoint of ComfyUI, of another model than ACE-Step 1.5",
              f"Get a model of ACE-Step 1.5. {_PULL}", keys=(_COMFY, _COMFY_OTHERS)),
    # ---- adapters ----
    Signature("an adapter of another method than LoRA, LoKr, LoHa and DoRA", _EXPORT,
              keys=(r"\.(oft_\w+|boft_\w+|ia3_l|on_input|glora_\w+|diff|diff_b|set_weight|vera_\w+)(\.|$)",)),
    Signature("an adapter of another model than ACE-Step 1.5", "Get one that was trained for ACE-Step 1.5.",
              keys=(r"\.lora[_.]", r"(^|[._])(transformer_blocks|double_blocks|single_blocks|input_blocks|down_blocks)[._]\d")),
    Signature("a LoKr adapter with Tucker factors, which are for layers that ACE-Step does not have", _EXPORT,
              keys=(r"\.lokr_t2$",)),
    Signature("a LoHa adapter with Tucker factors, which are for layers that ACE-Step does not have", _EXPORT,
              keys=(r"\.hada_t[12]$",)),
    Signature("a LoKr adapter of LyCORIS with magnitudes (DoRA)", _TO_ADAPTERS, is_usable=True,
              keys=(r"\.lokr_w[12](_[ab])?$", r"\.dora_scale$")),
    Signature("a LoKr adapter of LyCORIS", _TO_ADAPTERS, keys=(r"\.lokr_w[12](_[ab])?$",), is_usable=True),
    Signature("a LoHa adapter of LyCORIS", _TO_ADAPTERS, keys=(r"\.hada_w[12]_[ab]$",), is_usable=True),
    Signature("a DoRA adapter", _TO_ADAPTERS, is_usable=True,
              keys=(r"\.lora_(A|B|down|up)\b", r"\.(dora_scale|lora_magnitude_vector(\..+)?)$")),
    Signature("a LoRA with the flattened names of kohya's scripts or LyCORIS", _TO_ADAPTERS, is_usable=True,
              keys=(r"^(lora_(unet|transformer)|lycoris)_\w+\.lora_",)),
    Signature("a LoRA", _TO_ADAPTERS, keys=(r"\.lora_(A|B|down|up)\b",), is_folder=False, is_usable=True),
    # ---- parts in one file ----
    Signature("the transformer of ACE-Step 1.5 alone", _TO_MODELS, keys=(_LYRICS,), is_folder=False, is_usable=True),
    Signature("a VAE alone", f"{_TO_MODELS} Its name with --vae chooses it.", is_folder=False, is_usable=True,
              keys=(r"^(vae\.)?decoder\.(block\.\d+\.conv_t1|layers\.\d+\.layers\.\d+)\.",)),
    Signature("a text encoder or language model alone, without its tokenizer",
              f"A text encoder loads from the models folder; get a language model as GGUF or in its folder. {_PULL}",
              is_folder=False, keys=(r"^(model\.)?layers\.\d+\.self_attn\.q_norm\.",)),
    Signature("the transformer of another model than ACE-Step 1.5", f"Get a model of ACE-Step 1.5. {_PULL}", is_folder=False,
              keys=(r"(^|\.)(transformer_blocks|double_blocks|single_blocks|input_blocks|down_blocks|blocks)\.\d+\.",)),
    # ---- folders ----
    Signature("the cache of the Hugging Face Hub", "Run `acebridge models pull`, or copy the folder in its `snapshots`.",
              own_name=r"(models|datasets|spaces)--.+", names=r"^(snapshots|blobs|refs)$", is_folder=True),
    Signature("ACE-Step v1, not 1.5", f"Get a model of ACE-Step 1.5. {_PULL}",
              names=r"^(ace_step_transformer|music_dcae_f8c8|music_vocoder|umt5-base)$", is_folder=True),
    Signature("a trainer's folder with the state of its optimizer",
              f"Copy its adapter_model.safetensors and adapter_config.json. {_TO_ADAPTERS}", is_folder=True,
              names=rf"^{_TRAINER_STATES}\.(pt|pth|bin|pkl|json)$"),
    Signature("a trainer's checkpoint", _TO_ADAPTERS, is_folder=True,
              own_name=r"(checkpoint|epoch|step)[-_]\d+.*", names=r"\.(safetensors|bin|pt|pth|ckpt)$"),
    Signature("a LoRA in the folder of PEFT", _TO_ADAPTERS, is_folder=True, is_usable=True,
              names=r"^adapter_model\.safetensors$"),
    Signature("a LoRA in the folder of diffusers", _TO_ADAPTERS, is_folder=True, is_usable=True,
              names=r"^pytorch_lora_weights\.safetensors$"),
    Signature("a LoRA as a pickle, which may hold programs, and is not opened", "Get it as safetensors, or convert it.",
              names=r"^(adapter_model|pytorch_lora_weights)\.bin$", is_folder=True),
    Signature("the settings of a LoRA without its weights", "Get adapter_model.safetensors, which belongs beside them.",
              names=r"^adapter_config\.json$", is_folder=True),
    Signature("a pipeline of diffusers for another model", f"Get a model of ACE-Step 1.5. {_PULL}", is_folder=True,
              config=("_class_name", r"^(?!AceStepPipeline$).*Pipeline")),
    Signature("a model of another kind", f"Get a model of ACE-Step 1.5. {_PULL}", is_folder=True,
              names=r"^(model|diffusion_pytorch_model|pytorch_model)\b.*\.(safetensors|bin)(\.index\.json)?$",
              config=("model_type", r"^(?!(acestep|qwen3)$).+")),
)  # fmt: skip


@dataclass(frozen=True)
class FolderEntry:
    """A file or a folder that is there: its ``name`` without the ending of a file, its path and what it is."""

    name: str
    path: Path
    signature: Signature

    def describe(self) -> str:
        """Return what it is, as a sentence without its end."""
        return f"{printable(self.path.name)} is {self.signature.what}"

    def sentence(self) -> str:
        """Return what it is and what to do, as sentences."""
        return f"{self.describe()}. {self.signature.advice}"


def find_named(found: Iterable[FolderEntry], name: str) -> FolderEntry | None:
    """Return the one with this name, with or without the ending of its file, in any case; ``None`` if there is none."""
    key = name.strip().casefold()
    for each in found:
        full = each.path.name.casefold()
        if key in (each.name.casefold(), full) or full.endswith(f"--{key}"):  # so in the cache of the Hub
            return each
    return None


def identify(path: Path) -> FolderEntry | None:
    """Return what a file or a folder is, or ``None`` where no row of the table says so. Raises nothing."""
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            name, row = path.name, _find_row(_look_into(path))
        else:
            name, row = path.stem, _find_row_of_file(path, facts.st_mode, facts.st_size, facts.st_ctime_ns)
    except (OSError, ValueError):
        return None
    return None if row is None else FolderEntry(name, path, row)


def _find_row(evidence: Evidence) -> Signature | None:
    return next((each for each in SIGNATURES if each.matches(evidence)), None)


@lru_cache(maxsize=512)
def _find_row_of_file(path: Path, mode: int, *_changes: int) -> Signature | None:
    """Return the row of a file, which is looked at again only when it has changed: each request may ask."""
    if not stat.S_ISREG(mode):
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return _find_row(Evidence(path.name, False, frozenset({path.name}), head, read_header(path).keys))


def describe_damage(path: Path) -> str:
    """Return the end of a sentence about a file that should be safetensors: what it is instead, or its fault; "" if whole."""
    fault = read_header(path).fault
    found = identify(path) if fault else None
    return fault if found is None or found.signature.keys else f"is {found.signature.what}"


def _look_into(folder: Path) -> Evidence:
    names = frozenset(sorted(each.name for each in folder.iterdir())[:_MAX_NAMES])
    config = {**read_small_json(folder / "config.json"), **read_small_json(folder / "model_index.json")}
    tensors = [name for name in names if name.endswith(".safetensors")]
    keys = read_header(folder / tensors[0]).keys if len(tensors) == 1 else ()
    return Evidence(folder.name, True, names, keys=keys, config=config)
