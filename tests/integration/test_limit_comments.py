"""Every limit that a request is held to is in the comment of its field, in the numbers that the check has."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest

from acebridge.contract.tasks import METHODS
from acestep_runtime.limits import Limits, limits_of
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.values import Adapter, Morph, Music, Sampling, Thinking
from tests.support.paths import ROOT

MESSAGES = {
    **{method.request.DESCRIPTOR.name: TASKS[method.task] for method in METHODS},
    "Music": Music, "Sampling": Sampling, "Adapter": Adapter, "Thinking": Thinking,
    "Morph": Morph, "Output": Output, "Region": Source,
}  # fmt: skip
#: Fields whose comment names the list that the value is of instead of a number.
LISTS = {("Sampling", "sampler"), ("Sampling", "guidance_method")}
_MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"((?:^ *//.*\n)+) *(?:optional |repeated )?[\w.]+ (\w+) = \d+;", re.MULTILINE)


def comments() -> dict[tuple[str, str], str]:
    """The comment of each field of each message, in one line."""
    found = {}
    for file in (ROOT / "protos" / "acebridge").rglob("*.proto"):
        for message, body in _MESSAGE.findall(file.read_text("utf-8")):
            for comment, name in _FIELD.findall(body):
                found[message, name] = " ".join(comment.replace("//", " ").split())
    return found


def fields() -> Iterator[tuple[str, str, Limits]]:
    for message, kind in MESSAGES.items():
        for field in dataclasses.fields(kind):
            limits = limits_of(field)
            if limits is not None and (message, field.name) not in LISTS:
                yield message, field.name, limits


def numbers(limits: Limits) -> list[str]:
    """The numbers that a comment has to name, as it writes them; 0 as the lowest goes without saying for whole numbers."""
    bounds = [limits.low, limits.high, limits.max_len, *(each for each in limits.choices if isinstance(each, int))]
    return [f"{number:,.12g}" for number in bounds if number is not None]


@pytest.mark.parametrize(
    ("message", "name", "limits"), [pytest.param(*each, id=".".join(each[:2])) for each in fields()]
)
def test_the_comment_of_a_field_states_its_limits(message: str, name: str, limits: Limits) -> None:
    comment = comments().get((message, name))
    if comment is None:
        assert (message, name) == ("Region", "name")
        return
    missing = [number for number in numbers(limits) if not re.search(rf"(?<![\d.,]){number}(?![\d]|[.,]\d)", comment)]
    assert not missing, f"{comment} does not name {missing}"
