"""A tool: what a caller reads of it, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mcp_types as types

if TYPE_CHECKING:
    from acebridge.contract.json_schema import Schema
    from acebridge.hosts.mcp.answers import Answer
    from acebridge.hosts.mcp.calls import Call

#: Does what a tool does, with the arguments as the caller gave them. It checks them, and raises errors of ours.
Run = Callable[["Call", Mapping[str, Any]], "Answer"]


@dataclass(frozen=True)
class Tool:
    """One tool. ``reads`` says that it changes nothing, ``destructive`` that something is lost by it."""

    name: str
    about: str
    schema: Schema
    run: Run
    reads: bool = False
    destructive: bool = False

    @property
    def lasts(self) -> bool:
        """Whether a call may last: it waits for a job or a DAW."""
        return "wait_s" in self.schema["properties"]

    def describe(self) -> types.Tool:
        """Return the tool as the protocol has it."""
        hints = types.ToolAnnotations(
            read_only_hint=self.reads, destructive_hint=self.destructive, open_world_hint=False
        )
        return types.Tool(name=self.name, description=self.about, input_schema=self.schema, annotations=hints)
