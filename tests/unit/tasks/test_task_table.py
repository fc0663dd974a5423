"""The traits of each task, against the wire contract, the engines' tables and the command line."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pytest

from acebridge.v1 import tasks_pb2
from acestep_runtime.engines import registry
from acestep_runtime.engines.draft.engine import FUNCTIONS
from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.tasks import TASKS, Task
from acestep_runtime.tasks.base import Source
from acestep_runtime.values import MIX, OTHER, TRACKS, CancelToken, Music, Thinking

SERVICE = tasks_pb2.DESCRIPTOR.services_by_name["TaskService"]
by_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def dataclass_of(hint: Any) -> type[Any] | None:
    """The dataclass that a field holds, one or several of."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        kind = typing.get_args(option)[0] if typing.get_origin(option) is tuple else option
        if dataclasses.is_dataclass(kind):
            return typing.cast(type[Any], kind)
    return None


def assert_same_fields(kind: type[Any], message: Any) -> None:
    """A dataclass and its message have the same fields in the same order, and so have those that they hold."""
    names = [f.name for f in dataclasses.fields(kind)]
    assert [field.name for field in message.fields if field.name != "submission"] == names, kind
    hints = typing.get_type_hints(kind)
    for name in names:
        inner = dataclass_of(hints[name])
        if inner is Source:
            assert message.fields_by_name[name].message_type.name == "AudioInput"
        elif inner is not None:
            assert_same_fields(inner, message.fields_by_name[name].message_type)


@by_task
def test_the_wire_has_its_method_and_its_fields(task: type[Task]) -> None:
    method = SERVICE.methods_by_name[task.rpc]
    assert method.server_streaming
    assert method.input_type.name == f"{task.rpc}Request"
    assert method.input_type.fields[0].name == "submission"
    assert_same_fields(task, method.input_type)


def test_every_method_is_of_a_task() -> None:
    assert [task.rpc for task in TASKS.values()] == [method.name for method in SERVICE.methods]
    assert all(name == task.name for name, task in TASKS.items())


@by_task
def test_traits_agree_with_the_fields(task: type[Task]) -> None:
    assert task.kind in ("audio", "analysis", "text")
    assert (task.kind == "audio") == task.has("output")
    assert (task.kind == "analysis") <= task.has("source")
    assert (task.kind == "text") <= (not task.has("source"))
    assert (task.kind == "audio") == bool(task.roles or (task.has("tracks") and not task.decides_tracks))
    assert task.decides_tracks <= task.has("tracks")
    assert set(task.roles) <= {MIX, OTHER}
    assert not set(task.roles) & set(TRACKS)
    assert task.is_accompaniment <= (task.has("source") and task.has("tracks"))
    assert (task.can_plan or task.needs_language_model) == task.has("thinking")
    assert task.can_plan <= (task.kind == "audio")
    assert task.needs_language_model <= (task.kind != "audio")
    assert task.needs_base_model <= task.has("sampling")
    assert 0 <= task.fade_s <= (1 if task.kind == "audio" else 0)


@by_task
def test_its_engines_implement_it(task: type[Task]) -> None:
    assert registry.ENGINES["fake"].supports(task)
    assert registry.ENGINES["draft"].supports(task) == (task.name in FUNCTIONS)


@by_task
def test_the_neural_engine_tables_contain_it(task: type[Task]) -> None:
    pytest.importorskip("torch", reason="only the neural engine needs torch")
    from acestep_runtime.engines.neural.evaluation import EVALUATIONS
    from acestep_runtime.engines.neural.language import TEXT_TASKS
    from acestep_runtime.engines.neural.recipes import RECIPES
    from acestep_runtime.engines.signal.transcription import SIGNAL_TASKS

    tables = [task.name in table for table in (RECIPES, TEXT_TASKS, EVALUATIONS)]
    if not registry.ENGINES["neural"].supports(task) or task.name in SIGNAL_TASKS:
        assert tables == [False, False, False]
        return
    is_audio, answers = task.kind == "audio", task.needs_language_model
    assert tables == [is_audio, answers, not (is_audio or answers)]


@by_task
def test_an_engine_returns_its_roles(task: type[Task], tmp_path: Any) -> None:
    """The fake engine makes what it is asked for: tracks where there are tracks, else the mix, else metadata only."""
    from acestep_runtime.audio import wav
    from acestep_runtime.recording import TakeFiles, record
    from tests.support.signals import noise

    wav.write(tmp_path / "song.wav", noise(0.5), 48_000)
    given: dict[str, Any] = {
        "source": Source(str(tmp_path / "song.wav")),
        "music": Music(lyrics="la la"),
        "tracks": ("drums", "bass"),
        "description": "a song",
        "thinking": Thinking(),
    }
    instance = task(**{name: value for name, value in given.items() if task.has(name)})
    instance.validate()
    takes = [e for e in record(instance, FakeEngine(), tmp_path / "out", CancelToken()) if isinstance(e, TakeFiles)]
    roles = {output.header.role for take in takes for output in take.outputs}
    assert roles <= {*task.roles, *(given["tracks"] if task.has("tracks") else ())}
    assert bool(roles) == (task.kind == "audio")


def test_an_engine_without_a_task_is_refused_with_the_name_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from acestep_runtime.errors import UnsupportedTask

    draft = dataclasses.replace(registry.ENGINES["draft"], unsupported=frozenset({"cover"}))
    monkeypatch.setitem(registry.ENGINES, "draft", draft)
    with pytest.raises(UnsupportedTask, match=r"^The draft engine cannot do cover\. Use the neural engine\.$"):
        registry.resolve("draft", TASKS["cover"])
    assert registry.resolve("draft", TASKS["repaint"]) == (draft, "")
