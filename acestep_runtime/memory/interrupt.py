"""A check before every layer that computes, so that a cancel waits for one layer, not for a step or a tile. Of the CPU only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn


class Interrupt:
    """Calls ``check``, which stops the work by raising, before the layers of the modules that are watched."""

    def __init__(self) -> None:
        self.check: Callable[[], object] = _pass

    def watch(self, module: nn.Module) -> None:
        """Check before each layer of a module that has weights of its own."""
        for child in module.modules():
            if any(True for _ in child.parameters(recurse=False)) or any(True for _ in child.buffers(recurse=False)):
                child.register_forward_pre_hook(self._run_check)

    @contextmanager
    def during(self, check: Callable[[], object]) -> Iterator[None]:
        """Call ``check`` inside the context."""
        before, self.check = self.check, check
        try:
            yield
        finally:
            self.check = before

    def _run_check(self, _module: nn.Module, _inputs: object) -> None:
        self.check()


def _pass() -> None:
    """Let the work go on."""
