"""The registry of engines: capabilities, requirements, and the meaning of ``auto``. Importing this loads no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from acestep_runtime.engines.base import Engine, TaskTraits
from acestep_runtime.errors import InvalidValue, UnsupportedTask, printable
from acestep_runtime.installation import install_remedy
from acestep_runtime.values import Sampling
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import find_checkpoints


@dataclass(frozen=True)
class MissingRequirement:
    """A requirement that this machine does not meet: ``reason`` is the end of a sentence, ``remedy`` says what to do."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class EngineInfo:
    """A description of an engine that does not load it. ``factory`` is ``module:class``.

    ``unsupported`` names the tasks that it lacks. ``missing`` returns the first unmet requirement. ``fully_supports`` returns
    whether it can do a task now without the help of another engine.
    """

    name: str
    factory: str
    about: str
    missing: Callable[[], MissingRequirement | None] = lambda: None
    fully_supports: Callable[[type[TaskTraits]], bool] = lambda _: True
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


def _neural_missing() -> MissingRequirement | None:
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
    if not find_checkpoints(folder):
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
            for_tests=True,
        ),
    )
}
#: What a message says that an engine may be.
OFFERED = ("auto", *(info.name for info in ENGINES.values() if not info.for_tests))


def resolve(name: str, task: type[TaskTraits]) -> EngineInfo:
    """Return the engine for ``task``; ``name`` is an engine or ``auto``.

    ``auto`` selects neural when it can run and fully supports the task, else draft. Raises `InvalidValue` for an unknown name
    and `UnsupportedTask` when the engine cannot run or lacks the task; the remedy names an engine that has it.
    """
    if name == "auto":
        neural = ENGINES["neural"]
        use_neural = neural.supports(task) and neural.missing() is None and neural.fully_supports(task)
        name = "neural" if use_neural else "draft"
    if name not in ENGINES:
        raise InvalidValue("engine", name, ", ".join(OFFERED))
    info = ENGINES[name]
    if not info.supports(task):
        capable = [each.name for each in ENGINES.values() if each.supports(task) and not each.for_tests]
        remedy = f"Use the {' or '.join(capable)} engine." if capable else ""
        raise UnsupportedTask(f"The {name} engine cannot do {task.name}.", remedy=remedy)
    missing = info.missing()
    if missing is not None:
        raise UnsupportedTask(
            f"The {name} engine cannot run: {missing.reason}.", remedy=f"{missing.remedy} Or choose --engine draft."
        )
    return info


def check_sampling(info: EngineInfo, sampling: Sampling) -> None:
    """Raise `InvalidValue` for a sampler or a method of guidance that no engine has ("" is the default), and for a model or an
    adapter where the engine has none: the result would be another one than was asked for."""
    engines = [info, *ENGINES.values()]
    samplers = next(each.samplers for each in engines if each.samplers)
    methods = next(each.guidance_methods for each in engines if each.guidance_methods)
    for field, name, known in (
        ("sampling.sampler", sampling.sampler, samplers),
        ("sampling.guidance_method", sampling.guidance_method, methods),
    ):
        if name and name not in known:
            raise InvalidValue(field, name, ", ".join(known), remedy="Leave it out for the default.")
    models = {"sampling.model": sampling.model, "sampling.adapters": ", ".join(each.name for each in sampling.adapters)}
    for field, name in models.items():
        if name and not info.samplers:
            missing = ENGINES["neural"].missing()
            why = f", and the neural engine cannot run: {missing.reason}" if missing else ""
            raise InvalidValue(
                field, name, "nothing",
                message=f"The {info.name} engine has no models, so {printable(name)} would have no effect{why}.",
                remedy=f"{missing.remedy if missing else 'Choose the neural engine.'} Or leave it out.",
            )  # fmt: skip


def load(info: EngineInfo, *, device: str = "auto") -> Engine:
    """Import and construct the engine, with a device if it uses one (see `select_device` in `memory.policy`).

    Slow for real engines; only worker processes call it.
    """
    module, _, name = info.factory.partition(":")
    options = {"device": device} if info.uses_device else {}
    engine: Engine = getattr(import_module(module), name)(**options)
    return engine
