"""Where the modules of a checkpoint compute, and whether they fit there, known before they are loaded."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from acestep_runtime.memory import machine
from acestep_runtime.memory.fit import check_device_memory, fit_into_memory
from acestep_runtime.memory.need import Numbers
from acestep_runtime.memory.parts import MODULES
from acestep_runtime.memory.policy import ComputeConfig, choose_compute_config, choose_part_config, free_gib
from acestep_runtime.weights.layout import Checkpoint
from acestep_runtime.weights.numbers import count_weights

_CPU = torch.device("cpu")
#: The modules that weigh, in the order of `Numbers`.
_WEIGHTS = ("dit", "text_encoder", "vae")


def choose_configs(
    checkpoint: Checkpoint,
    device: torch.device | None,
    part_devices: Mapping[str, str],
    *,
    own_bytes: int = 0,
    in_int8: bool = False,
) -> tuple[ComputeConfig, dict[str, ComputeConfig]]:
    """Return the configuration of the transformer's device, and those of modules on other devices.

    ``own_bytes`` is what this process may take beside mapped files, 0 for any; what it has taken already counts. Raises
    `NotEnoughMemory` for weights that do not fit into the memory of a device.
    """
    others: dict[str, ComputeConfig] = {}
    elsewhere = [part for part in ("text", "vae") if part_devices and part_devices[part] != part_devices["dit"]]
    for name in dict.fromkeys(part_devices[part] for part in elsewhere):
        here = [part for part in elsewhere if part_devices[part] == name]
        config = choose_part_config(torch.device(name), here)
        others |= {module: config for part in here for module in MODULES[part]}
    config = choose_compute_config(checkpoint.size, device, int8=in_int8, elsewhere=elsewhere)

    counts, available, left = count_weights(checkpoint), machine.available_bytes(), machine.left_of(own_bytes)
    modules = {name: others.get(name, config) for name in _WEIGHTS}
    for place in dict.fromkeys(each.device for each in modules.values()):
        used = next(each for each in modules.values() if each.device == place)
        counted = (count if modules[name].device == place else 0 for name, count in zip(_WEIGHTS, counts, strict=True))
        numbers = Numbers(*counted)
        if place != _CPU:
            free = free_gib(place)
            check_device_memory(checkpoint.name, used, numbers, free_gib=free, available_bytes=available, int8=in_int8)
            continue
        fitted = fit_into_memory(checkpoint.name, used, numbers, available, own_bytes=left, int8=in_int8)
        others |= {module: fitted for module, each in others.items() if each.device == place}
        if config.device == place:
            config = fitted
    return config, others
