"""The types of the stubs say what the contract says."""

from __future__ import annotations

import inspect
import re

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from acebridge.contract import stubs
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2

SERVICES = [
    service
    for module in (jobs_pb2, assets_pb2, models_pb2, daemon_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_method_has_its_types(service: ServiceDescriptor) -> None:
    stub = getattr(stubs, service.name.removesuffix("Service") + "Stub")

    def arity(streams: bool) -> str:
        return "Stream" if streams else "Unary"

    wanted = {
        method.name: f"{arity(method.client_streaming)}{arity(method.server_streaming)}MultiCallable"
        f"[{method.input_type.name}, {method.output_type.name}]"
        for method in service.methods
    }
    given = {name: re.sub(r"\w+_pb2\.", "", text) for name, text in inspect.get_annotations(stub).items()}
    assert given == wanted
