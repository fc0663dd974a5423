"""The table of TaskService's methods, against the contract and the tasks."""

from __future__ import annotations

import dataclasses

import pytest

from acebridge.contract.tasks import METHODS, RPCS, TaskMethod, method_of, request_type
from acebridge.v1 import tasks_pb2
from acestep_runtime.tasks import TASKS


def test_every_task_has_its_method_and_its_request() -> None:
    methods = tasks_pb2.DESCRIPTOR.services_by_name["TaskService"].methods
    assert {method.name: method.input_type.name for method in methods} == {
        rpc: request_type(task).DESCRIPTOR.name for rpc, task in RPCS.items()
    }
    assert set(RPCS.values()) == set(TASKS)


def test_requests_and_tasks_have_the_same_fields() -> None:
    for task, kind in TASKS.items():
        wire = {field.name for field in request_type(task).DESCRIPTOR.fields} - {"submission"}
        assert wire == {field.name for field in dataclasses.fields(kind)}, task


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.task)
def test_a_request_names_its_method(method: TaskMethod) -> None:
    assert method_of(method.request()) is method
    assert request_type(method.task) is method.request
    assert method.request.DESCRIPTOR.name == f"{method.rpc}Request"


def test_the_table_agrees_with_the_tasks() -> None:
    assert {task.rpc: name for name, task in TASKS.items()} == RPCS


def test_an_unknown_task_has_no_request() -> None:
    with pytest.raises(KeyError):
        request_type("remix")
