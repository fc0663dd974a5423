"""Which engines exist, what each can do, and which one ``auto`` means. Importing this loads no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from acestep_runtime.engines.base import Engine, TaskTraits
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.installation import install_remedy
from acestep_runtime.values import Sampling
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import find


@dataclass(frozen=True)
class MissingRequirement:
    """What an engine lacks to run here, as the end of a sentence, and what to do about it."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class EngineInfo:
    """What is known of an engine without loading it. ``factory`` is ``module:class``.

    ``unsupported`` names the tasks that it lacks. ``missing`` returns what it needs to run here and does not find now.
    ``fully_supports`` says whether it can do a task now by its own means, without another engine's help.
    """

    name: str
    factory: str
    about: str
    missing: Callable[[], MissingRequirement | None] = lambda: None
    fully_supports: Callable[[type[TaskTraits]], bool] = lambda _: True
    unsupported: frozenset[str] = frozenset()
    #: Whether the factory takes a ``device``.
    uses_device: bool = False
    #: Names of its samplers and of its methods of guidance, the default first; empty where it does without.
    samplers: tuple[str, ...] = ()
    guidance_methods: tuple[str, ...] = ()
    #: What its first request imports on top of the factory's module.
    late_imports: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that a process which is going to use the engine may import ahead. None of them is imported here."""
        return (self.factory.partition(":")[0], *self.late_imports)

    def supports(self, task: type[TaskTraits]) -> bool:
        """Return whether the engine can do a task at all."""
        return task.name not in self.unsupported


def _neural_missing() -> MissingRequirement | None:
    lacking = [name for name in _NEURAL_PACKAGES if find_spec(name) is None]
    if lacking:
        are = "is" if len(lacking) == 1 else "are"
        return MissingRequirement(f"{', '.join(lacking)} {are} not installed", install_remedy("neural"))
    try:
        folder = models_folder()
    except RuntimeError:
        return MissingRequirement(
            "there is no home folder to keep models in", "Set ACEBRIDGE_MODELS to the full path of a folder."
        )
    if not find(folder):
        return MissingRequirement(f"there are no weights in {folder}", "Run `acebridge models pull acestep-v15-turbo`.")
    return None


def _neural_fully_supports(task: type[TaskTraits]) -> bool:
    return not task.needs_language_model or bool(find_language_models(models_folder()))


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
            _neural_fully_supports,
            uses_device=True,
            samplers=("euler", "heun", "sde"),
            guidance_methods=("apg", "adg", "cfg"),
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
        ),
    )
}


def resolve(name: str, task: type[TaskTraits]) -> EngineInfo:
    """Return the engine that ``name`` (an engine or ``auto``) means for ``task``.

    ``auto`` takes neural when it can run and fully supports the task, else draft. Raises `InvalidValue` for an unknown name
    and `UnsupportedTask` when the engine cannot run or lacks the task; the remedy names one that has it.
    """
    if name == "auto":
        neural = ENGINES["neural"]
        is_able = neural.supports(task) and neural.missing() is None and neural.fully_supports(task)
        name = "neural" if is_able else "draft"
    if name not in ENGINES:
        raise InvalidValue("engine", name, ", ".join(("auto", *ENGINES)))
    info = ENGINES[name]
    if not info.supports(task):
        able = [each.name for each in ENGINES.values() if each.supports(task) and each.name != "fake"]
        remedy = f"Use the {' or '.join(able)} engine." if able else ""
        raise UnsupportedTask(f"The {name} engine cannot do {task.name}.", remedy=remedy)
    missing = info.missing()
    if missing is not None:
        raise UnsupportedTask(
            f"The {name} engine cannot run: {missing.reason}.", remedy=f"{missing.remedy} Or choose --engine draft."
        )
    return info


def check_sampling(info: EngineInfo, sampling: Sampling) -> None:
    """Raise `InvalidValue` for a sampler or a method of guidance that the engine does not have; "" is its default.

    An engine without any ignores those that another engine has.
    """
    engines = [info, *ENGINES.values()]
    samplers = next(each.samplers for each in engines if each.samplers)
    methods = next(each.guidance_methods for each in engines if each.guidance_methods)
    for field, name, known in (
        ("sampling.sampler", sampling.sampler, samplers),
        ("sampling.guidance_method", sampling.guidance_method, methods),
    ):
        if name and name not in known:
            raise InvalidValue(field, name, ", ".join(known), remedy="Leave it out for the default.")


def load(info: EngineInfo, *, device: str = "auto") -> Engine:
    """Import and construct the engine, on a device if it computes on one (see `best_device` in `memory.policy`).

    Slow for real engines; called in a worker process only.
    """
    module, _, name = info.factory.partition(":")
    options = {"device": device} if info.uses_device else {}
    engine: Engine = getattr(import_module(module), name)(**options)
    return engine
