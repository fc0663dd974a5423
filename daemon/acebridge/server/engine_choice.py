"""Which engine does a task, where another machine may do it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from acebridge.workers.remote import Line
from acestep_runtime.engines import registry
from acestep_runtime.engines.base import TaskTraits
from acestep_runtime.engines.registry import Choice
from acestep_runtime.errors import UnsupportedTask, printable
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Sampling
from acestep_runtime.weights.catalogue import full_name

_NEURAL = registry.ENGINES["neural"]


def find_own_tasks() -> frozenset[str]:
    """Return the tasks that the neural engine can do on this machine. Looks at the disk."""
    lacks = registry.missing_by_task(_NEURAL, TASKS.values())
    return frozenset(task for task, lack in lacks.items() if lack is None)


async def look_around(
    name: str, task: type[TaskTraits], model: str, adapters: Sequence[str], line: Line | None
) -> None:
    """See that ``line`` knows what both machines can do, where that decides which engine ``name`` is; it may have changed.

    The other machine is asked again where it lacks something of the request, as far as is known: it may have been installed.
    """
    if line is None or name not in ("auto", _NEURAL.name) or not _NEURAL.supports(task):
        return
    await line.wait_until_known()
    line.note_own(await asyncio.to_thread(find_own_tasks))
    if line.state.is_up and not _has_all(line, task, model, adapters):
        await line.refresh()


def _has_all(line: Line, task: type[TaskTraits], model: str, adapters: Sequence[str]) -> bool:
    """Return whether the other machine can do a task and has a model and adapters, as far as is known."""
    state = line.state
    return line.can_do(task.name) and not any(
        name and full_name(name, names) not in names
        for name, names in ((model, state.models), *((each, state.adapters) for each in adapters))
    )


def choose_engine(name: str, task: type[TaskTraits], model: str, line: Line | None) -> Choice:
    """Return the engine for ``task``; ``name`` is an engine or ``auto``, ``model`` the one asked for, if any.

    See `acestep_runtime.engines.registry.resolve`.

    ``auto`` is neural where this machine or the other one can do the task now. An explicit neural job is one also while the
    line is down, unless it is known that neither can do it: it waits. Looks at the disk. Raises what `resolve` does.
    """
    if line is None or name not in ("auto", _NEURAL.name) or not _NEURAL.supports(task):
        return registry.resolve(name, task, model)
    if line.can_do(task.name):
        return Choice(_NEURAL)
    if name == _NEURAL.name:
        return _choose_neural(task, line)
    choice = registry.resolve(name, task, model)
    if choice.engine is _NEURAL:
        return choice
    return Choice(choice.engine, f"{_reason(line, task)} The {choice.engine.name} engine made this instead.")


def _choose_neural(task: type[TaskTraits], line: Line) -> Choice:
    tasks = line.state.tasks
    if tasks is None or task.name in tasks or task.name in (line.own_tasks or ()):
        return Choice(_NEURAL)
    message = f"The neural engine cannot do {task.name} at {line.host}: {line.state.missing}"
    raise UnsupportedTask(message, remedy="Or choose --engine draft.")


def _reason(line: Line, task: type[TaskTraits]) -> str:
    """Return a sentence about why the other machine does not do a task."""
    if not line.state.is_up:
        return line.state.why or f"{line.host} has not answered yet."
    return f"The neural engine cannot do {task.name} at {line.host}: {line.state.missing}"


def check_sampling(choice: Choice, task: type[TaskTraits], sampling: Sampling, line: Line | None) -> None:
    """Raise for settings that cannot be honoured where the job goes. See `acestep_runtime.engines.registry.check_sampling`.

    Where it goes to the other machine, its models and adapters count, as they were when the line was up last; the daemon there
    checks the rest itself.
    """
    if line is None or not line.leads_there(choice.engine.name, task.name):
        registry.check_sampling(choice.engine, task, sampling)
        return
    registry.check_names(choice.engine, sampling)
    if line.state.tasks is None:
        return
    _check_there("model", sampling.model, line.state.models, line)
    for adapter in sampling.adapters:
        _check_there("adapter", adapter.name, line.state.adapters, line)


def _check_there(kind: str, name: str, names: tuple[str, ...], line: Line) -> None:
    if name and full_name(name, names) not in names:
        there = ", ".join(names) or "none"
        raise UnsupportedTask(
            f"There is no {kind} {printable(name)} at {line.host}, which does neural work for this machine; it has: {there}.",
            remedy="Choose one of them, or leave it out.",
        )
