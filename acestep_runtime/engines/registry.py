"""Which engines exist, what each can do, and which one ``auto`` means. Importing this loads no engine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue, UnsupportedTask

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
class EngineInfo:
    """What is known of an engine without loading it. ``factory`` is ``module:class``; empty means not installed."""

    name: str
    factory: str
    tasks: frozenset[str]
    about: str
    missing: str = ""


ENGINES = {
    info.name: info
    for info in (
        EngineInfo(
            "draft",
            "acestep_runtime.engines.draft:DraftEngine",
            frozenset(ALL_TASKS),
            "Analyses, separates, arranges and synthesises on any CPU; needs no weights.",
        ),
        EngineInfo(
            "neural",
            "",
            frozenset(ALL_TASKS),
            "ACE-Step 1.5.",
            missing="this version of AceBridge does not contain it yet; use the draft engine",
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

    ``auto`` takes neural when it can run, else draft. Raises `InvalidValue` for an unknown name and `UnsupportedTask`
    when the engine is not there or lacks the task, saying which one would do it.
    """
    if name == "auto":
        name = "neural" if ENGINES["neural"].factory else "draft"
    if name not in ENGINES:
        raise InvalidValue("engine", name, ", ".join(("auto", *ENGINES)))
    info = ENGINES[name]
    if not info.factory:
        raise UnsupportedTask(f"The {name} engine cannot run: {info.missing}.", remedy="Choose --engine draft.")
    if task not in info.tasks:
        able = [e.name for e in ENGINES.values() if task in e.tasks and e.name != "fake"]
        raise UnsupportedTask(
            f"The {name} engine cannot do {task}.",
            remedy=f"Use the {' or '.join(able)} engine"
            + (" with ACE-Step 1.5 weights." if able == ["neural"] else "."),
        )
    return info


def load(info: EngineInfo) -> Engine:
    """Import and construct the engine. Slow for real engines; called in a worker process only."""
    module, _, name = info.factory.partition(":")
    engine: Engine = getattr(import_module(module), name)()
    return engine
