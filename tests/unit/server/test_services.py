"""Every method of the contract is written out in its service."""

from __future__ import annotations

import inspect

import pytest

from acebridge.server.services import assets, daemon, jobs, models, tasks
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2

SERVICES = {
    tasks.TaskService: tasks_pb2,
    jobs.JobService: jobs_pb2,
    assets.AssetService: assets_pb2,
    models.ModelService: models_pb2,
    daemon.DaemonService: daemon_pb2,
}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
def test_methods_are_those_of_the_contract(service: type) -> None:
    (contract,) = SERVICES[service].DESCRIPTOR.services_by_name.values()
    assert contract.name == service.__name__
    written = {name for name in vars(service) if name[0].isupper()}
    assert written == {method.name for method in contract.methods}
    for method in contract.methods:
        assert inspect.isasyncgenfunction(getattr(service, method.name)) == method.server_streaming
