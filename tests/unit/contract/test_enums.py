"""Enum values by name, against the generated code."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import EnumDescriptor

from acebridge.contract.enums import (
    ENCODINGS,
    encoding_name,
    enum_name,
    enum_names,
    enum_number,
    strip_prefix,
)
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import wav
from acestep_runtime.tasks import TASKS, base

ENUMS = [enum for module in (audio_pb2, jobs_pb2, tasks_pb2) for enum in module.DESCRIPTOR.enum_types_by_name.values()]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.name)
def test_names_and_numbers(enum: EnumDescriptor) -> None:
    numbers = [value.number for value in enum.values[1:]]
    assert [enum_name(enum, number) for number in numbers] == enum_names(enum)
    assert [enum_number(enum, name) for name in enum_names(enum)] == numbers
    for value in enum.values[1:]:
        assert strip_prefix(enum, value.name) == strip_prefix(enum, strip_prefix(enum, value.name))
        assert value.name.endswith(enum_name(enum, value.number).upper()) or value.name == "TASK_KIND_TEXT_TO_MUSIC"


def test_examples() -> None:
    assert enum_names(jobs_pb2.JobState.DESCRIPTOR) == ["queued", "running", "succeeded", "failed", "cancelled"]
    assert enum_name(jobs_pb2.JobState.DESCRIPTOR, 77) == "number 77"
    with pytest.raises(KeyError):
        enum_number(jobs_pb2.JobState.DESCRIPTOR, "lost")


def test_tasks_are_those_of_the_runtime() -> None:
    assert enum_names(tasks_pb2.TaskKind.DESCRIPTOR) == list(TASKS)
    assert enum_number(tasks_pb2.TaskKind.DESCRIPTOR, "text2music") == tasks_pb2.TASK_KIND_TEXT_TO_MUSIC
    assert enum_names(tasks_pb2.ScoreKind.DESCRIPTOR) == [name for name in base.SCORES if name]
    assert enum_names(tasks_pb2.Scope.DESCRIPTOR) == list(base.SCOPES)


def test_encodings_are_those_of_the_runtime() -> None:
    assert ENCODINGS == tuple(wav.ENCODINGS) == base.ENCODINGS
    assert [enum_number(audio_pb2.Encoding.DESCRIPTOR, name) for name in ENCODINGS] == [1, 2, 3]
    assert encoding_name(audio_pb2.ENCODING_PCM24) == "pcm24"
