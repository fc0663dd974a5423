"""Which calls a scope allows: the table names every method that the daemon has."""

from __future__ import annotations

import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from acebridge.server.scopes import OPEN_SERVICE, SCOPES, allows, is_known, is_open, scopes_for
from acebridge.tokens import Scope
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2

CONTRACTS = (tasks_pb2, jobs_pb2, assets_pb2, models_pb2, daemon_pb2, reflection_pb2)
#: What takes something from others, or changes how the daemon works.
FOR_ADMIN = {"DeleteJob", "DeleteAsset", "UnpinAsset", "LoadModel", "UnloadModel", "Shutdown"}


def test_every_method_of_every_service_is_in_the_table() -> None:
    services = [service for module in CONTRACTS for service in module.DESCRIPTOR.services_by_name.values()]
    methods = {service.full_name: {method.name for method in service.methods} for service in services}
    assert {service: set(rows) for service, rows in SCOPES.items()} == methods


def test_only_health_is_open() -> None:
    (health,) = health_pb2.DESCRIPTOR.services_by_name.values()
    assert health.full_name == OPEN_SERVICE
    assert all(is_open(f"/{OPEN_SERVICE}/{method.name}") for method in health.methods)
    assert not any(is_open(f"/{service}/{method}") for service, rows in SCOPES.items() for method in rows)
    assert not is_open("/grpc.health.v1.Healthy/Check")


def test_what_each_scope_allows() -> None:
    def methods_for(*scopes: Scope) -> set[str]:
        return {name for service, rows in SCOPES.items() for name in rows if allows(scopes, f"/{service}/{name}")}

    everything = {name for rows in SCOPES.values() for name in rows}
    assert methods_for() == set()
    assert methods_for(Scope.ADMIN) == everything
    assert methods_for(Scope.SUBMIT, Scope.READ) == everything - FOR_ADMIN
    assert everything - FOR_ADMIN - methods_for(Scope.SUBMIT) == {"ListJobs", "ListAssets"}
    assert methods_for(Scope.READ) == {
        "GetJob", "ListJobs", "WatchJob", "DownloadAsset", "GetAsset", "ListAssets", "GetCapabilities", "ListModels",
        "GetStatus", "ServerReflectionInfo",
    }  # fmt: skip


@pytest.mark.parametrize(
    "method", ["/acebridge.v1.JobService/Invent", "/acebridge.v2.JobService/GetJob", "/x/y/z", "/x", "x", "/", ""]
)
def test_what_is_in_no_table_is_for_admin_alone(method: str) -> None:
    assert not allows([Scope.SUBMIT, Scope.READ], method)
    assert allows([Scope.ADMIN], method)
    assert scopes_for(method) == ["admin"]
    assert not is_known(method)
