"""The registry of engines: capabilities, requirements, and the meaning of ``auto``. Importing this loads no engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from acestep_runtime.engines.base import Engine, TaskTraits
from acestep_runtime.errors import AceStepError, EngineFailure, InvalidValue, UnsupportedTask, printable
from acestep_runtime.installation import MissingRequirement, install_remedy
from acestep_runtime.memory import machine
from acestep_runtime.memory.choice import read_precision
from acestep_runtime.memory.int8 import is_enabled as is_int8_enabled
from acestep_runtime.memory.need import Numbers, least_bytes
from acestep_runtime.values import Sampling
from acestep_runtime.weights.adapters import find_adapter
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import (
    find_language_models,
    find_whole_language_models,
    missing_language_model,
    select_language_model,
)
from acestep_runtime.weights.layout import Checkpoint, find_checkpoints
from acestep_runtime.weights.numbers import count_weights
from acestep_runtime.weights.selection import missing_checkpoint, select_checkpoint
from acestep_runtime.weights.strangers import find_strangers
from acestep_runtime.weights.vaes import select_vae

#: The environment variable that says where engines run, and its value for this machine, the default.
PLACE, HERE = "ACEBRIDGE_WORKERS", "local"


@dataclass(frozen=True)
class EngineInfo:
    """A description of an engine that does not load it. ``factory`` is ``module:class``.

    ``unsupported`` names the tasks that it lacks. ``missing`` returns the first unmet requirement of a task with a model, ""
    for the engine's choice, or of every task where the task is ``None``; ``missing_alone`` what it lacks to do a task without
    the help of another engine.
    ``is_expected`` returns whether its user has files for it, so that a note is due where it is not used.
    ``model_of`` returns the full name of the model that it loads for a task: of the one that the request names, or of the
    preferred one for "". Its last argument is whether that must be a base model. "" where the engine has no models.
    """

    name: str
    factory: str
    about: str
    missing: Callable[[type[TaskTraits] | None, str], MissingRequirement | None] = lambda _task, _model: None
    missing_alone: Callable[[type[TaskTraits]], MissingRequirement | None] = lambda _: None
    is_expected: Callable[[], bool] = lambda: False
    model_of: Callable[[type[TaskTraits], str, bool], str] = lambda _task, _name, _needs_base: ""
    unsupported: frozenset[str] = frozenset()
    #: Whether the factory takes a ``device``.
    uses_device: bool = False
    #: Whether it makes test tones. It is not offered to users.
    for_tests: bool = False
    #: Names of its samplers and guidance methods, the default first; empty for an engine without any.
    samplers: tuple[str, ...] = ()
    guidance_methods: tuple[str, ...] = ()
    #: Modules that the first request imports, in addition to the factory's.
    late_imports: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that a process may import before it uses the engine. This property imports none of them."""
        return (self.factory.partition(":")[0], *self.late_imports)

    def supports(self, task: type[TaskTraits]) -> bool:
        """Return whether the engine can do a task at all."""
        return task.name not in self.unsupported


def _neural_missing(task: type[TaskTraits] | None, model: str) -> MissingRequirement | None:
    missing_packages = [name for name in _NEURAL_PACKAGES if find_spec(name) is None]
    if missing_packages:
        are = "is" if len(missing_packages) == 1 else "are"
        return MissingRequirement(f"{', '.join(missing_packages)} {are} not installed", install_remedy("neural"))
    try:
        folder = models_folder()
    except RuntimeError:
        return MissingRequirement(
            "there is no home folder for models", "Set ACEBRIDGE_MODELS to the full path of a folder."
        )
    needs_base = task is not None and task.needs_base_model
    missing = missing_checkpoint(folder, needs_base)
    writes_text = task is None or task.kind == "text"  # the language model alone answers in words
    if missing is None and not writes_text:
        with suppress(InvalidValue, EngineFailure):  # `check_sampling` says what is wrong with the name
            missing = _missing_memory(select_checkpoint(folder, model, needs_base))
    return None if missing and writes_text and find_whole_language_models(folder) else missing


def _missing_memory(checkpoint: Checkpoint) -> MissingRequirement | None:
    """Return how much memory a machine without a GPU lacks that could never hold a checkpoint, whatever else is in it.

    Where engines run elsewhere nothing is known of it.
    """
    if os.environ.get(PLACE, HERE) != HERE:
        return None
    numbers, is_full = Numbers(*count_weights(checkpoint)), read_precision() == "float32"
    need, total = least_bytes(numbers, int8=is_int8_enabled(), is_full=is_full), machine.total_bytes()
    if not total or need <= total or machine.may_have_gpu_memory():
        return None
    smaller = "" if is_int8_enabled() else "set int8_weights to true, or "
    return MissingRequirement(
        f"model {printable(checkpoint.name)} needs {machine.format_gib(need)} of memory, and there are"
        f" {machine.format_gib(total)}",
        f"{smaller}raise the limit of the container or service that runs the daemon.".capitalize(),
    )


def _neural_missing_alone(task: type[TaskTraits]) -> MissingRequirement | None:
    return missing_language_model(models_folder()) if task.needs_language_model else None


def _neural_is_expected() -> bool:
    try:
        folder = models_folder()
    except RuntimeError:
        return False
    return bool(find_checkpoints(folder) or find_language_models(folder) or find_strangers(folder))


def _neural_model(task: type[TaskTraits], name: str, needs_base: bool) -> str:
    try:
        if task.kind == "text":
            return select_language_model(models_folder(), name).name
        return select_checkpoint(models_folder(), name, needs_base).name
    except AceStepError:  # the job itself will say why
        return ""


_NEURAL_PACKAGES = ("torch", "transformers", "diffusers", "accelerate", "safetensors", "llguidance", "yaml")

ENGINES = {
    info.name: info
    for info in (
        EngineInfo(
            "draft",
            "acestep_runtime.engines.draft.engine:DraftEngine",
            "Analyses, separates, arranges and synthesises on any CPU; needs no weights.",
        ),
        EngineInfo(
            "neural",
            "acestep_runtime.engines.neural.engine:NeuralEngine",
            "ACE-Step 1.5, on a GPU or, slowly, on a CPU.",
            _neural_missing,
            _neural_missing_alone,
            _neural_is_expected,
            _neural_model,
            uses_device=True,
            samplers=("euler", "heun", "sde", "ab3"),
            guidance_methods=("apg", "adg", "cfg", "adg_w_norm", "adg_wo_clip"),
            late_imports=(
                "transformers.models.qwen3.modeling_qwen3",
                "transformers.tokenization_utils_fast",
                "diffusers.models.transformers.ace_step_transformer",
                "diffusers.models.autoencoders.autoencoder_oobleck",
                "diffusers.pipelines.ace_step.modeling_ace_step",
            ),
        ),
        EngineInfo(
            "fake",
            "acestep_runtime.engines.fake:FakeEngine",
            "Test tones, for trying out the plumbing.",
            for_tests=True,
        ),
    )
}
#: What a message says that an engine may be.
OFFERED = ("auto", *(info.name for info in ENGINES.values() if not info.for_tests))


class Choice(NamedTuple):
    """The engine of a task. ``note`` says why it is not the one that may be expected, "" where it is."""

    engine: EngineInfo
    note: str = ""


def resolve(name: str, task: type[TaskTraits], model: str = "") -> Choice:
    """Return the engine for ``task``; ``name`` is an engine or ``auto``, ``model`` that of the request, "" for none.

    ``auto`` selects neural when it can run and fully supports the task, else draft. Raises `InvalidValue` for an unknown name
    and `UnsupportedTask` when the engine cannot run or lacks the task; the remedy names an engine that has it.
    """
    if name == "auto":
        return _choose(task, model)
    if name not in ENGINES:
        raise InvalidValue("engine", name, ", ".join(OFFERED))
    info = ENGINES[name]
    if not info.supports(task):
        capable = [each.name for each in ENGINES.values() if each.supports(task) and not each.for_tests]
        remedy = f"Use the {' or '.join(capable)} engine." if capable else ""
        raise UnsupportedTask(f"The {name} engine cannot do {task.name}.", remedy=remedy)
    missing = info.missing(task, model)
    if missing is not None:
        cannot = "cannot run" if info.missing(None, "") else f"cannot do {task.name} now"
        raise UnsupportedTask(
            f"The {name} engine {cannot}: {missing.reason}.", remedy=f"{missing.remedy} Or choose --engine draft."
        )
    return Choice(info)


def _choose(task: type[TaskTraits], model: str) -> Choice:
    """Return the engine that ``auto`` stands for."""
    neural, draft = ENGINES["neural"], ENGINES["draft"]
    if not neural.supports(task):
        return Choice(draft)
    missing = _missing_for(neural, task, model)
    if missing is None:
        return Choice(neural)
    if not neural.is_expected():
        return Choice(draft)
    note = (
        f"The {draft.name} engine made this, as the {neural.name} engine cannot do {task.name} now: {missing.reason}."
    )
    return Choice(draft, f"{note} {missing.remedy}")


def spare_engine(name: str, chosen: EngineInfo, sampling: Sampling) -> str:
    """Return the engine that makes the takes where the memory is short for the models of the ``chosen`` one, "" for none.

    ``name`` is what the user asked for: whoever names an engine, a model, a VAE or an adapter wants that and nothing else.
    """
    is_asked = name != "auto" or sampling.model or sampling.vae or sampling.adapters
    return "" if is_asked or not chosen.uses_device else ENGINES["draft"].name


def missing_by_task(info: EngineInfo, tasks: Iterable[type[TaskTraits]]) -> dict[str, MissingRequirement | None]:
    """Return the names of those of ``tasks`` that an engine knows, each with what it lacks for it now, ``None`` for nothing."""
    return {task.name: _missing_for(info, task, "") for task in tasks if info.supports(task)}


def _missing_for(info: EngineInfo, task: type[TaskTraits], model: str) -> MissingRequirement | None:
    return info.missing(task, model) or info.missing_alone(task)


def describe_missing(info: EngineInfo, lacks: Mapping[str, MissingRequirement | None]) -> str:
    """Return what an engine lacks for which of its tasks, as sentences with remedies; "" where it can do all of them now.

    ``lacks`` is that of `missing_by_task`.
    """
    groups: dict[MissingRequirement, list[str]] = {}
    for task, lack in lacks.items():
        if lack is not None:
            groups.setdefault(lack, []).append(task)
    everything = info.missing(None, "") if None not in lacks.values() else None
    if everything is not None:
        return f"{everything.reason}. {everything.remedy}"
    return " ".join(f"Not {', '.join(tasks)}: {lack.reason}. {lack.remedy}" for lack, tasks in groups.items())


def check_sampling(info: EngineInfo, task: type[TaskTraits], sampling: Sampling) -> None:
    """Raise `InvalidValue` or `UnsupportedTask` for settings that cannot be honoured, as the result would be another one.

    Those are what `check_names` refuses, and a model or an adapter that is not there, cannot do the task, or that the engine
    has no use for.
    """
    check_names(info, sampling)
    if info.samplers:
        _check_models(task, sampling)
        return
    adapters = ", ".join(each.name for each in sampling.adapters)
    models = {"sampling.model": sampling.model, "sampling.adapters": adapters, "sampling.vae": sampling.vae}
    for field, name in models.items():
        if name:
            missing = ENGINES["neural"].missing(task, sampling.model)
            why = f", and the neural engine cannot do {task.name} now: {missing.reason}" if missing else ""
            raise InvalidValue(
                field, name, "nothing",
                message=f"The {info.name} engine has no models, so {printable(name)} would have no effect{why}.",
                remedy=f"{missing.remedy if missing else 'Choose the neural engine.'} Or leave it out.",
            )  # fmt: skip


def check_names(info: EngineInfo, sampling: Sampling) -> None:
    """Raise `InvalidValue` for a sampler or a method of guidance that no engine has; "" is the default."""
    engines = [info, *ENGINES.values()]
    samplers = next(each.samplers for each in engines if each.samplers)
    methods = next(each.guidance_methods for each in engines if each.guidance_methods)
    for field, name, known in (
        ("sampling.sampler", sampling.sampler, samplers),
        ("sampling.guidance_method", sampling.guidance_method, methods),
    ):
        if name and name not in known:
            raise InvalidValue(field, name, ", ".join(known), remedy="Leave it out for the default.")


def _check_models(task: type[TaskTraits], sampling: Sampling) -> None:
    """Raise for a model, a VAE or an adapter that is not there, or cannot do the task."""
    folder = models_folder()
    try:
        if sampling.model:
            select_checkpoint(folder, sampling.model, task.needs_base_model)
    except EngineFailure as error:
        raise UnsupportedTask(error.message, remedy=error.remedy) from error
    if sampling.vae:
        select_vae(folder, sampling.vae)
    for adapter in sampling.adapters:
        find_adapter(folder, adapter.name)


def load(info: EngineInfo, *, device: str = "auto", memory_bytes: int = 0, parts: str = "") -> Engine:
    """Import and construct the engine, with a device if it uses one (see `select_device` in `memory.policy`).

    ``memory_bytes`` is what this process may take, 0 for any. ``parts`` are on devices of their own, see `memory.parts`.

    Slow for real engines; only worker processes call it.
    """
    module, _, name = info.factory.partition(":")
    options = {"device": device, "memory_bytes": memory_bytes, "parts": parts} if info.uses_device else {}
    engine: Engine = getattr(import_module(module), name)(**options)
    return engine
