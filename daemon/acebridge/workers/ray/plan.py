"""What a relay has to know: which cluster, and what an actor may take. It goes to the relay as its argument."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from acebridge.version import VERSION
from acestep_runtime.gpu.settings import VARIABLE as CUDA_GRAPHS
from acestep_runtime.memory.choice import VARIABLE as PRECISION
from acestep_runtime.memory.int8 import VARIABLE as INT8_WEIGHTS
from acestep_runtime.midi.sound_fonts import VARIABLE as SOUND_FONT
from acestep_runtime.recipes import VARIABLE as RECIPES
from acestep_runtime.weights.vaes import VARIABLE as VAE

#: Settings of the daemon that change results. The folder of models is each node's own; a sound font has one path on all.
_SHARED = (INT8_WEIGHTS, CUDA_GRAPHS, PRECISION, VAE, SOUND_FONT, RECIPES)


@dataclass(frozen=True)
class Plan:
    """``address`` is ``ray://HOST:PORT`` or ``ray://auto``; ``resources`` are Ray's, empty for one GPU or else one CPU.

    ``step_s`` and ``memory_bytes`` are limits of the worker process: see `acebridge.workers.local.Limits`. Memory may be
    ``None``, the share of the node's memory that a worker may take there.
    """

    address: str
    resources: Mapping[str, float] = field(default_factory=dict)
    step_s: float = 0.0
    memory_bytes: int | None = None
    #: Environment variables of the worker process.
    variables: Mapping[str, str] = field(default_factory=dict)
    version: str = VERSION

    def to_json(self) -> str:
        """Return the plan as text."""
        return json.dumps(asdict(self))


def plan_from_json(text: str) -> Plan:
    """Return the plan in a text of `Plan.to_json`."""
    return Plan(**json.loads(text))


def read_settings() -> dict[str, str]:
    """Return the settings of this process that a worker elsewhere has to have, too."""
    return {name: os.environ[name] for name in _SHARED if name in os.environ}
