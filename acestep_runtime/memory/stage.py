"""Placement of a model's modules: which stay on the device and which are moved there for use, by level of offload."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TypeVar

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.heap import return_free_heap
from acestep_runtime.memory.policy import ComputeConfig, Offload

T = TypeVar("T")
_CPU = torch.device("cpu")
#: Modules that stay on the device, by level; at level NONE all do.
_RESIDENT = {Offload.IDLE: {"dit", "encoder", "tokenizer", "detokenizer"}}
#: Modules that a level moves layer by layer.
_LAYERWISE = {Offload.LAYERS: {"dit"}}


class ModulePlacement:
    """Modules by name, on the device of ``config`` while in use, but for those that have one of the ``others``."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        config: ComputeConfig,
        others: Mapping[str, ComputeConfig] = MappingProxyType({}),
    ) -> None:
        self._modules = dict(modules)
        self.config = config
        self._others = dict(others)
        self._in_use = ""
        self._move_modules()

    def _move_modules(self) -> None:
        for name, module in self._modules.items():
            module.to(self.config_of(name).device if self.is_resident(name) else _CPU)

    def config_of(self, name: str) -> ComputeConfig:
        """Return the configuration of the device of a module."""
        return self._others.get(name, self.config)

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """All devices, each once, that of ``config`` first."""
        return tuple(dict.fromkeys(each.device for each in (self.config, *self._others.values())))

    @property
    def device_in_use(self) -> torch.device:
        """The device of the module that was used last."""
        return self.config_of(self._in_use).device

    def is_resident(self, name: str) -> bool:
        """Return whether a module is always on its device."""
        level = self.config_of(name).offload
        return level is Offload.NONE or name in _RESIDENT.get(level, ())

    @contextmanager
    def on_device(self, name: str) -> Iterator[None]:
        """Keep a module on the device inside the context. A module that moves by layers must use `layer_context`.

        What another one left free in the heap goes back to the system first: it would stay beside what this one takes.
        """
        module, config = self._modules[name], self.config_of(name)
        if name != self._in_use and config.device == _CPU:
            return_free_heap()
        self._in_use = name
        if self.is_resident(name) or name in _LAYERWISE.get(config.offload, ()):
            yield
            return
        module.to(config.device)
        try:
            yield
        finally:
            module.to(_CPU)

    @property
    def layer_context(self) -> Callable[[nn.Module], AbstractContextManager[object]]:
        """A context that keeps a layer on the device; it does nothing where whole modules are moved."""
        return self._layer_on_device if self.config.offload in _LAYERWISE else lambda _: nullcontext()

    @contextmanager
    def _layer_on_device(self, layer: nn.Module) -> Iterator[None]:
        layer.to(self.config.device)
        try:
            yield
        finally:
            layer.to(_CPU)

    def raise_offload_level(self) -> bool:
        """Offload one level more from now on, on the device in use; return whether that was possible."""
        if self._in_use in self._others:
            return self._raise_other(self._others[self._in_use])
        if self.config.offload is Offload.LAYERS or self.config.device == _CPU:
            return False
        self.config = ComputeConfig(self.config.device, self.config.dtype, Offload(self.config.offload + 1))
        self._move_modules()
        return True

    def _raise_other(self, config: ComputeConfig) -> bool:
        """Have modules on a device without the transformer only while in use; return whether they stayed there before."""
        if config.offload is not Offload.NONE or config.device == _CPU:
            return False
        moved = dataclasses.replace(config, offload=Offload.ONE_AT_A_TIME)
        self._others = {name: moved if each == config else each for name, each in self._others.items()}
        self._move_modules()
        return True


def retry_with_offload(
    placement: ModulePlacement, work: Callable[[], Iterator[T]], is_final: Callable[[T], bool]
) -> Iterator[T]:
    """Yield the items of ``work``; when memory runs out, raise the level of offload and run ``work`` once more.

    There is no retry after an item for which ``is_final`` is true. Raises `EngineFailure` when memory still runs out.
    """
    for is_retry in (False, True):
        has_output = False
        try:
            for item in work():
                has_output = has_output or is_final(item)
                yield item
            return
        except torch.OutOfMemoryError:
            pass  # the traceback holds tensors until this block ends
        for device in placement.devices:
            empty_device_cache(device)
        if is_retry or has_output or not placement.raise_offload_level():
            break
    raise EngineFailure(
        f"The memory of {placement.device_in_use.type} is not enough for this job.",
        remedy="Ask for a shorter region, fewer takes or less context, close other programs that use the GPU, or take a"
        " smaller model.",
    )


def empty_device_cache(device: torch.device) -> None:
    """Return unused cached memory to the device, and on Linux that of this process to the system."""
    return_free_heap()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
