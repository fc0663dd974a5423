"""Which engines exist, what each can do, and which one ``auto`` means. Importing this loads no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.language import find_language_models
from acestep_runtime.weights.layout import find

ALL_TASKS = (
    "text2music",
    "cover",
    "repaint",
    "lego",
    "complete",
    "extract",
    "understand",
    "align_lyrics",
    "score",
    "create_sample",
    "format_sample",
)


@dataclass(frozen=True)
class Lack:
    """What an engine lacks to run here, as the end of a sentence, and what to do about it."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class EngineInfo:
    """What is known of an engine without loading it. ``factory`` is ``module:class``; ``lack`` says what it lacks now.

    ``does_well`` says whether it can do a task as it should now, and not only by another engine's means.
    """

    name: str
    factory: str
    tasks: frozenset[str]
    about: str
    lack: Callable[[], Lack | None] = lambda: None
    does_well: Callable[[str], bool] = lambda _: True
    #: Whether the factory takes a ``device``.
    uses_device: bool = False
    #: What its first request imports on top of the factory's module.
    late_imports: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that a process which is going to use the engine may import ahead. None of them is imported here."""
        return (self.factory.partition(":")[0], *self.late_imports)


def _neural_lack() -> Lack | None:
    lacking = [name for name in _NEURAL_PACKAGES if find_spec(name) is None]
    if lacking:
        are = "is" if len(lacking) == 1 else "are"
        return Lack(f"{', '.join(lacking)} {are} not installed", "Run `pip install 'acebridge[neural]'`.")
    try:
        folder = models_folder()
    except RuntimeError:
        return Lack("there is no home folder to keep models in", "Set ACEBRIDGE_MODELS to the full path of a folder.")
    if not find(folder):
        return Lack(f"there are no weights in {folder}", "Run `acebridge models pull acestep-v15-turbo`.")
    return None


def _neural_does_well(task: str) -> bool:
    return task not in _SPOKEN or bool(find_language_models(models_folder()))


#: What a language model answers in words.
_SPOKEN = ("understand", "create_sample", "format_sample")
_NEURAL_PACKAGES = ("torch", "transformers", "diffusers", "accelerate", "safetensors", "llguidance", "yaml")

ENGINES = {
    info.name: info
    for info in (
        EngineInfo(
            "draft",
            "acestep_runtime.engines.draft.engine:DraftEngine",
            frozenset(ALL_TASKS),
            "Analyses, separates, arranges and synthesises on any CPU; needs no weights.",
        ),
        EngineInfo(
            "neural",
            "acestep_runtime.engines.neural.engine:NeuralEngine",
            frozenset(ALL_TASKS),
            "ACE-Step 1.5, on a GPU or, slowly, on a CPU.",
            _neural_lack,
            _neural_does_well,
            uses_device=True,
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
            frozenset(ALL_TASKS),
            "Test tones, for trying out the plumbing.",
        ),
    )
}


def resolve(name: str, task: str) -> EngineInfo:
    """Return the engine that ``name`` (an engine or ``auto``) means for ``task``.

    ``auto`` takes neural when it can run and knows the task, else draft. Raises `InvalidValue` for an unknown name and
    `UnsupportedTask` when the engine is not there or lacks the task, saying which one would do it.
    """
    if name == "auto":
        neural = ENGINES["neural"]
        is_able = task in neural.tasks and neural.lack() is None and neural.does_well(task)
        name = "neural" if is_able else "draft"
    if name not in ENGINES:
        raise InvalidValue("engine", name, ", ".join(("auto", *ENGINES)))
    info = ENGINES[name]
    if task not in info.tasks:
        able = [e.name for e in ENGINES.values() if task in e.tasks and e.name != "fake"]
        raise UnsupportedTask(f"The {name} engine cannot do {task}.", remedy=f"Use the {' or '.join(able)} engine.")
    lack = info.lack()
    if lack is not None:
        raise UnsupportedTask(
            f"The {name} engine cannot run: {lack.reason}.", remedy=f"{lack.remedy} Or choose --engine draft."
        )
    return info


def load(info: EngineInfo, *, device: str = "auto") -> Engine:
    """Import and construct the engine, on a device if it computes on one (see `best_device` in `memory.policy`).

    Slow for real engines; called in a worker process only.
    """
    module, _, name = info.factory.partition(":")
    options = {"device": device} if info.uses_device else {}
    engine: Engine = getattr(import_module(module), name)(**options)
    return engine
