"""settings.lua: defaults, what is kept, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from acestep_runtime.engines import registry
from acestep_runtime.limits import field_limits
from acestep_runtime.tasks.base import MAX_TAKES
from acestep_runtime.values import Sampling
from tests.support.lua_modules import Leaves

DEFAULTS = {
    "command": b"", "engine": b"auto", "capture": b"auto", "repaint_as": b"take", "context_s": 30, "media_format": b"float32",
    "takes": 1, "window": b"yes", "mute_source": b"no", "tempo_from": b"project", "dcw": b"auto",
}  # fmt: skip


def fields(leaves: Leaves) -> dict[str, Any]:
    return {field[b"key"].decode(): field for field in leaves["settings"].all.values()}


def test_defaults() -> None:
    leaves = Leaves()
    assert {key: leaves["settings"].get(key.encode()) for key in fields(leaves)} == DEFAULTS


def test_every_setting_has_words_and_may_be_any_of_what_it_allows() -> None:
    leaves = Leaves()
    for key, field in fields(leaves).items():
        assert field[b"caption"]
        assert field[b"help"].endswith(b".")
        assert b"," not in field[b"caption"]  # where REAPER's form would end it
        for value in field[b"allowed"].values() if field[b"allowed"] else [b"/x"]:
            assert leaves["settings"].set(key.encode(), value) is True
            assert leaves["settings"].get(key.encode()) == value


def test_allowed_values_are_those_of_the_daemon() -> None:
    allowed = {key: list(field[b"allowed"].values()) for key, field in fields(Leaves()).items() if field[b"allowed"]}
    assert {name.decode() for name in allowed["engine"]} - {"auto"} <= set(registry.ENGINES)
    assert allowed["takes"] == [1, MAX_TAKES]
    assert sorted(name.decode() for name in allowed["dcw"]) == sorted(
        filter(None, field_limits(Sampling, "dcw").choices)
    )


def test_they_are_kept_as_text_and_defaults_are_not() -> None:
    leaves = Leaves()
    for key, value in ((b"engine", b" "), (b"context_s", b"12,5"), (b"takes", 4), (b"window", b"NO")):
        leaves["settings"].set(key, value)
    section = b"AceBridge"
    assert leaves.extension == {
        (section, b"context_s"): b"12.5",
        (section, b"takes"): b"4",
        (section, b"window"): b"no",
    }
    leaves["settings"].set(b"takes", b"")
    leaves["settings"].set(b"window", b"yes")
    assert list(leaves.extension) == [(section, b"context_s")]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("engine", "fast", 'Engine (auto / draft / neural) is "fast"; allowed: auto, draft, neural.'),
        ("takes", 9, 'Takes is "9"; allowed: a whole number from 1 to 8.'),
        ("takes", "1.5", 'Takes is "1.5"; allowed: a whole number from 1 to 8.'),
        ("context_s", "-1", 'Context in seconds is "-1"; allowed: seconds, or a time such as 1:30.5, from 0 to 600.'),
        (
            "context_s",
            "much",
            'Context in seconds is "much"; allowed: seconds, or a time such as 1:30.5, from 0 to 600.',
        ),
        ("command", "a\nb", "Path of acebridge (empty: search) holds a line break; enter one line."),
    ],
)
def test_what_is_not_allowed_is_reported_and_not_kept(key: str, value: Any, message: str) -> None:
    leaves = Leaves()
    assert leaves["settings"].set(key.encode(), value.encode() if isinstance(value, str) else value) == (
        None,
        message.encode(),
    )
    assert leaves.extension == {}


def test_a_value_of_another_version_counts_as_the_default() -> None:
    leaves = Leaves()
    leaves.extension[b"AceBridge", b"engine"] = b"quantum"
    assert leaves["settings"].get(b"engine") == b"auto"


def test_there_are_no_other_settings() -> None:
    with pytest.raises(Exception, match='There is no setting "volume"'):
        Leaves()["settings"].get(b"volume")
