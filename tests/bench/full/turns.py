"""Processes that get orders, one process at a time: each turn starts one, gives it its orders and ends it.

So only one copy of the weights is in memory, the files stay in the system's cache, and other load meets all ways in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.full.table import MACHINE, OURS, Turn

_FOLDER = Path(__file__).parent
FIRST, FIRST_NARROW, DIFFUSERS = "first version", "first version in bfloat16", "diffusers"
WIDE, INT8 = "AceBridge in float32", "AceBridge in int8"
PRECISION = "ACEBRIDGE_PRECISION"
#: Characters of a failure that are told.
_ERROR_SIZE = 2000
#: Threads that wait spin as briefly as in a worker of the daemon: processor time is that of work.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000", "PYTHONWARNINGS": "ignore"}
#: What a worker of the daemon has too.
_OURS = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Way:
    """The file of a way and its variables; one ``is_first`` runs in the worktree of the first version."""

    file: str
    variables: dict[str, str] = field(default_factory=dict)
    is_first: bool = False


WAYS = {
    OURS: Way("ours", _OURS),
    WIDE: Way("ours", {**_OURS, PRECISION: "float32"}),
    INT8: Way("ours", {**_OURS, "ACEBRIDGE_INT8_WEIGHTS": "true"}),
    DIFFUSERS: Way("pipeline"),
    FIRST: Way("first", {PRECISION: "float32"}, is_first=True),
    FIRST_NARROW: Way("first", {PRECISION: "bfloat16"}, is_first=True),
    MACHINE: Way("machine"),
}


@dataclass(frozen=True)
class Order:
    """An order of `ways`, with a label for its laps."""

    label: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def run_turn(way: Way, orders: Sequence[Order], precision: str, first: Path | None) -> Turn:
    """Run orders in a process of its own; return the laps of each. Raises `RuntimeError` where the process fails."""
    python = str(first / ".venv/bin/python") if way.is_first and first else sys.executable
    command = [python, str(_FOLDER / "launch.py"), str(_FOLDER / "ways" / f"{way.file}.py")]
    variables = {**os.environ, **_ENVIRONMENT, PRECISION: precision, **way.variables}
    variables.pop("PYTHONPATH", None)
    turn = {}
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for order in orders:
            with suppress(BrokenPipeError):  # the missing answer says it
                print(json.dumps([order.name, order.arguments]), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                code = process.wait()
                errors.seek(0)
                raise RuntimeError(
                    f"{way.file}: {order.name} failed with exit code {code}: {errors.read()[-_ERROR_SIZE:]}"
                )
            turn[order.label] = json.loads(answer)
        process.stdin.close()
    return turn
