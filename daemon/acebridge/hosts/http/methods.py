"""Every method of the contract with its path, ``/v1/SERVICE/METHOD``, as the descriptors have it."""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from acebridge.contract.tasks import RPCS
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2
from acestep_runtime.tasks import TASKS

#: The services, in the order of the documents.
SERVICES = tuple(
    service
    for contract in (tasks_pb2, jobs_pb2, assets_pb2, models_pb2, daemon_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
)
#: Methods that copy or load files, and how long that may take, in seconds.
_LONG_S = {"ImportAsset": 600.0, "LoadModel": 600.0, "UnloadModel": 600.0, "CreateJob": 600.0, "ContinueUpload": 600.0}
_USUAL_S = 30.0


class Method(NamedTuple):
    """A method of a service."""

    service: str
    name: str
    #: As gRPC names it.
    rpc: str
    request: type[Message]
    answer: type[Message]
    answers_stream: bool
    #: The dataclass of its task, which says what its fields may hold; ``None`` for a method that is no task.
    kind: type | None

    @property
    def path(self) -> str:
        """Where it is called."""
        return f"/v1/{self.service}/{self.name}"

    @property
    def timeout_s(self) -> float:
        """How long a call that answers once may take."""
        return _LONG_S.get(self.name, _USUAL_S)


def _methods() -> tuple[Method, ...]:
    return tuple(
        Method(
            service.name,
            method.name,
            f"/{service.full_name}/{method.name}",
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            method.server_streaming,
            TASKS[RPCS[method.name]] if service.name == "TaskService" else None,
        )
        for service in SERVICES
        for method in service.methods
    )


METHODS = _methods()
BY_NAME = {(method.service, method.name): method for method in METHODS}
