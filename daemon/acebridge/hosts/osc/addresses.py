"""The one table of all addresses. The rows of tasks follow from `acestep_runtime.tasks.TASKS`: a new task has its own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.control import CONTROL, SESSION
from acebridge.hosts.osc.messages import Value
from acebridge.hosts.osc.monitor_addresses import MONITOR
from acebridge.hosts.osc.plugin_addresses import PLUGIN
from acebridge.hosts.osc.request import positions
from acebridge.hosts.osc.surface_addresses import SURFACES
from acestep_runtime.tasks import TASKS, Task

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer


def _task_rows(task: type[Task]) -> Iterator[Address]:
    arguments = positions(task)
    tags = "".join(argument.tag for argument in arguments)
    names = tuple(argument.name for argument in arguments)
    path, go = f"/acebridge/{task.name}", f"/acebridge/go/{task.name}"

    def run(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        bridge.run(task.name, values, peer, path)

    def run_session(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        bridge.run(task.name, [*[None] * len(arguments), *values], peer, go)

    doc = inspect.getdoc(task) or ""
    yield Address(path, tags, names, doc.partition("\n")[0].replace("``", "`"), run, optional=len(tags), json=True)
    yield Address(go, "", (), f"run {task.name} on the session", run_session, json=True, button=True)


TASK_ROWS = tuple(row for task in TASKS.values() for row in _task_rows(task))
ADDRESSES: tuple[Address, ...] = (*TASK_ROWS, *SESSION, *CONTROL, *SURFACES, *MONITOR, *PLUGIN)
