"""The modules of a model, moved to the device when they are used and away again, as the level of offload says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import nn

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.policy import Offload, Place

T = TypeVar("T")
_HOME = torch.device("cpu")
#: What stays on the device, by level; at level NONE everything does.
_RESIDENT = {Offload.IDLE: {"dit", "encoder", "tokenizer", "detokenizer"}}
#: What a level brings in by layers.
_BY_LAYERS = {Offload.LAYERS: {"dit"}}


class Stage:
    """Modules by name, on the device of ``place`` while they are used."""

    def __init__(self, modules: Mapping[str, nn.Module], place: Place) -> None:
        self._modules = dict(modules)
        self.place = place
        self._settle()

    def _settle(self) -> None:
        for name, module in self._modules.items():
            module.to(self.place.device if self._stays(name) else _HOME)

    def _stays(self, name: str) -> bool:
        return self.place.offload is Offload.NONE or name in _RESIDENT.get(self.place.offload, ())

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """Have a module on the device while the context lasts; one that comes by layers see to that with `visiting`."""
        module = self._modules[name]
        if self._stays(name) or name in _BY_LAYERS.get(self.place.offload, ()):
            yield
            return
        module.to(self.place.device)
        try:
            yield
        finally:
            module.to(_HOME)

    @property
    def visiting(self) -> Callable[[nn.Module], AbstractContextManager[object]]:
        """What brings a layer to the device while it is at work; nothing where layers are there already."""
        return self._visit if self.place.offload in _BY_LAYERS else lambda _: nullcontext()

    @contextmanager
    def _visit(self, layer: nn.Module) -> Iterator[None]:
        layer.to(self.place.device)
        try:
            yield
        finally:
            layer.to(_HOME)

    def drop_one_level(self) -> bool:
        """Keep less on the device from now on; return whether that was possible."""
        if self.place.offload is Offload.LAYERS or self.place.device == _HOME:
            return False
        self.place = Place(self.place.device, self.place.dtype, Offload(self.place.offload + 1))
        self._settle()
        return True


def retried(stage: Stage, work: Callable[[], Iterator[T]], final: Callable[[T], bool]) -> Iterator[T]:
    """Yield what ``work`` yields; when memory runs out, all of it once more with one level less on the device.

    Nothing is done twice after something ``final`` has come. Raises `EngineFailure` when memory runs out all the same.
    """
    for last in (False, True):
        given_out = False
        try:
            for item in work():
                given_out = given_out or final(item)
                yield item
            return
        except torch.OutOfMemoryError:
            pass  # what it held is freed only once the error is gone
        release(stage.place.device)
        if last or given_out or not stage.drop_one_level():
            break
    raise EngineFailure(
        f"The memory of {stage.place.device.type} is not enough for this job.",
        remedy="Ask for a shorter region, fewer takes or less context, close other programs that use the GPU, or take a"
        " smaller model.",
    )


def release(device: torch.device) -> None:
    """Give memory that nothing holds any more back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
