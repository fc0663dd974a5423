"""Which checkpoint does a task: the one rule for listings, for ``auto``, for requests and for the engine. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from acestep_runtime.errors import EngineFailure, InvalidValue, printable
from acestep_runtime.installation import MissingRequirement
from acestep_runtime.weights import catalogue
from acestep_runtime.weights.layout import TEXT_ENCODER, Checkpoint
from acestep_runtime.weights.part_configs import read_part_config
from acestep_runtime.weights.part_files import TRANSFORMER, file_faults
from acestep_runtime.weights.parts import find_pickle, part_faults, pickle_error, weights_file
from acestep_runtime.weights.signatures import find_named
from acestep_runtime.weights.strangers import find_strangers
from acestep_runtime.weights.wholeness import inspect_checkpoints

#: Order of preference where no model is named; of one kind, smaller models first.
_PREFERRED = ("turbo", "sft", "base")
#: The release to get where there is none, by ``needs_base``.
_DEFAULTS = {False: "acestep-v15-turbo", True: "acestep-v15-base"}
_MAX_FAULTS = 3
_MAX_FOUND = 3


def can_do(checkpoint: Checkpoint, needs_base: bool) -> bool:
    """Return whether a checkpoint can do a task; ``needs_base``: it is lego, extract or complete.

    These take a base model, or one that was trained for layers.
    """
    return checkpoint.kind == "base" or checkpoint.is_lego_sft or not needs_base


def missing_checkpoint(folder: Path, needs_base: bool = False) -> MissingRequirement | None:
    """Return why no checkpoint in a folder of models can do a task, ``None`` if one can: a whole one, of the right kind."""
    faults = inspect_checkpoints(folder)
    able = any(can_do(each, needs_base) and not faults[each] for each in faults)
    return None if able else _explain(folder, faults, needs_base)


def _explain(folder: Path, faults: Mapping[Checkpoint, Sequence[str]], needs_base: bool) -> MissingRequirement:
    """Return why none of these checkpoints, with their faults, can do a task."""
    suitable = [each for each in faults if can_do(each, needs_base)]
    if suitable:
        reason = "; ".join(describe_faults(each, faults[each]) for each in suitable[:_MAX_FOUND])
        return MissingRequirement(reason, repair_remedy(suitable[0]))
    remedy = catalogue.pull_hint(_DEFAULTS[needs_base])
    if faults:
        there = ", ".join(f"{each.name} ({each.kind})" for each in faults)
        return MissingRequirement(f"only a base model can do this, and {folder} has only {there}", remedy)
    strangers = find_strangers(folder)
    if not strangers:
        return MissingRequirement(f"there are no weights in {folder}", remedy)
    found = "; ".join(each.describe() for each in strangers[:_MAX_FOUND])
    return MissingRequirement(f"there is no model in {folder} that can be loaded; {found}", remedy)


def describe_faults(checkpoint: Checkpoint, faults: Sequence[str]) -> str:
    """Return the end of a sentence about a checkpoint that is not whole."""
    more = f"; and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
    return f"model {printable(checkpoint.name)} is not whole: {'; '.join(faults[:_MAX_FAULTS])}{more}"


def repair_remedy(checkpoint: Checkpoint) -> str:
    """Return what to do about a checkpoint that is not whole."""
    if checkpoint.layout == "file":
        return _file_remedy(checkpoint)
    if checkpoint.name not in catalogue.RELEASES and not part_faults(checkpoint.dit):
        return catalogue.pull_hint(_DEFAULTS[False])  # with it come the parts that all share
    return catalogue.repair_hint(checkpoint.name, checkpoint.folder)


def _file_remedy(checkpoint: Checkpoint) -> str:
    """Return what to do about a checkpoint in a file: it is damaged, or lacks what other files hold."""
    file, folder = checkpoint.dit, checkpoint.dit.parent
    if file_faults(file) or not read_part_config(file, TRANSFORMER):
        return f"Get {file} again, or remove it."
    lacks = {
        f"silence_latent.pt of any model of ACE-Step 1.5 into {folder}": checkpoint.silence,
        f"tokenizer.json and tokenizer_config.json of {TEXT_ENCODER} into {folder / TEXT_ENCODER}": checkpoint.text_tokenizer,
    }
    missing = [what for what, path in lacks.items() if path is None]
    if missing and checkpoint.vae and checkpoint.text_encoder:
        return f"Put {' and '.join(missing)}; `acebridge models pull {_DEFAULTS[False]}` brings them too."
    return catalogue.pull_hint(_DEFAULTS[False])


def select_checkpoint(folder: Path, model: str, needs_base: bool) -> Checkpoint:
    """Return the checkpoint called ``model``, or the preferred one where ``model`` is empty.

    ``needs_base``: the task (lego, extract, complete) needs a base model. Raises `InvalidValue` for an unknown or unsuitable
    model, and `EngineFailure` for one that is not on the disk or not whole, with the command to get it.
    """
    if not model:
        return _select_preferred(folder, needs_base)
    faults = inspect_checkpoints(folder)
    name = catalogue.full_name(model, [each.name for each in faults])
    matches = [each for each in faults if each.name in (name, f"{name}-diffusers")]
    if not matches:
        raise _not_found_error(model, name, folder, [each.name for each in faults])
    checkpoint = min(matches, key=lambda each: (bool(faults[each]), each.name != name))
    if not can_do(checkpoint, needs_base):
        bases = [each.name for each in faults if can_do(each, needs_base) and not faults[each]]
        raise InvalidValue(
            "model",
            name,
            "base models, such as acestep-v15-base",
            message=f"Model {name} is a {checkpoint.kind} model; this task needs a base model.",
            remedy=f"Choose {bases[0]}." if bases else catalogue.pull_hint("acestep-v15-base"),
        )
    if faults[checkpoint]:
        if weights_file(checkpoint.dit) is None and (pickle := find_pickle(checkpoint.dit)):
            raise pickle_error(pickle)
        raise EngineFailure(
            _sentence(describe_faults(checkpoint, faults[checkpoint])), remedy=repair_remedy(checkpoint)
        )
    return checkpoint


def _select_preferred(folder: Path, needs_base: bool) -> Checkpoint:
    faults = inspect_checkpoints(folder)
    able = [each for each in faults if can_do(each, needs_base) and not faults[each]]
    if not able:
        missing = _explain(folder, faults, needs_base)
        raise EngineFailure(_sentence(missing.reason), remedy=missing.remedy)
    return min(able, key=lambda each: (each.is_lego_sft, *_rank(each)))  # those for layers only where they are named


def _rank(checkpoint: Checkpoint) -> tuple[int, str, int, str]:
    return _PREFERRED.index(checkpoint.kind), checkpoint.size, checkpoint.name.count("-"), checkpoint.name


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _not_found_error(model: str, name: str, folder: Path, there: Sequence[str]) -> EngineFailure | InvalidValue:
    strangers = find_strangers(folder)
    found = find_named(strangers, model) or find_named(strangers, name)
    if found is not None:
        what = f"{found.path} is {found.signature.what}."
        return InvalidValue("model", model, ", ".join(there), message=what, remedy=found.signature.advice)
    if name in catalogue.TRANSFORMERS:
        holds = f"there is {', '.join(there)}" if there else "no model is there"
        return EngineFailure(f"Model {name} is not in {folder}; {holds}.", remedy=catalogue.pull_hint(name))
    names = dict.fromkeys([*there, *catalogue.TRANSFORMERS])
    return InvalidValue("model", model, ", ".join(names), remedy=catalogue.pull_hint(_DEFAULTS[False]))
