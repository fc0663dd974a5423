"""Parts of tasks from plain fields. Whole tasks: test_tasks.py."""

from __future__ import annotations

import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.schema import from_fields
from acestep_runtime.values import Sampling


def test_parts_of_tasks_are_built_alike() -> None:
    assert from_fields(Sampling, {"steps": 4, "guidance": 2}) == Sampling(steps=4, guidance=2.0)
    with pytest.raises(InvalidValue, match=r"^sampling\.steps is 1\.5; allowed: a value of type int\.$"):
        from_fields(Sampling, {"steps": 1.5}, "sampling")
