"""Requests that schemathesis makes from the OpenAPI document, right and wrong ones: no answer is a fault of the edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import jsonschema
import pytest
import requests
import schemathesis
from schemathesis import GenerationMode

from acebridge.hosts.http.openapi import document
from acebridge.v1 import jobs_pb2
from tests.support.daemon import Daemon, daemon_at
from tests.support.edge import Edge, edge_of

_EXAMPLES = 12
#: It would end the daemon.
_LEFT_OUT = "/v1/DaemonService/Shutdown"
#: What asks for nothing that may be absent.
_ALWAYS_RIGHT = tuple(
    f"post /v1/{name}"
    for name in ("ModelService/GetCapabilities", "ModelService/ListModels", "DaemonService/GetStatus")
)
SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {
    f"{operation.ok().method} {operation.ok().path}": operation.ok()
    for operation in SCHEMA.get_all_operations()
    if operation.ok().path != _LEFT_OUT
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that does no work: what is asked for waits."""
    with daemon_at(tmp_path_factory.mktemp("home"), config="cancel_grace_s = 60\nmax_waiting_jobs = 50\n") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def edge(daemon: Daemon) -> Iterator[Edge]:
    """An edge beside it."""
    with edge_of(daemon) as edge:
        yield edge


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that are used again."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def cancel_all(daemon: Daemon) -> None:
    """Cancel what valid requests have begun."""
    client = daemon.client
    assert client is not None
    states = [jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING]
    request = jobs_pb2.ListJobsRequest(states=states, page_size=1000)
    for job in client.call(client.jobs.ListJobs, request).jobs:
        client.cancel(job.id)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_is_a_fault(
    edge: Edge, daemon: Daemon, session: requests.Session, name: str, mode: GenerationMode
) -> None:
    operation, base_url = OPERATIONS[name], f"http://127.0.0.1:{edge.port}"
    answered: set[int] = set()

    @hypothesis.settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(mode))
    def check(case: Any) -> None:
        wanted = case.as_transport_kwargs(base_url, {"Authorization": f"Bearer {edge.key}"})
        wanted.pop("cookies", None)
        with session.request(**wanted, stream=True, timeout=300) as answer:
            answered.add(answer.status_code)
            assert answer.status_code < 500, (answer.status_code, wanted, answer.text)
            kind = answer.headers.get("content-type", "")
            if kind == "application/json":
                check_answer(operation, answer)

    try:
        check()
        assert mode is GenerationMode.NEGATIVE or name not in _ALWAYS_RIGHT or answered == {200}
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # there is no wrong request where nothing is asked for
    finally:
        cancel_all(daemon)


def check_answer(operation: Any, answer: requests.Response) -> None:
    """Assert that JSON has the form that the document gives it."""
    described: Any = document()["paths"][operation.path][operation.method]["responses"]  # type: ignore[index, call-overload]
    row = described.get(str(answer.status_code), described["default"])
    if "$ref" in row:
        row = document()["components"]["responses"]["Error"]  # type: ignore[index, call-overload]
    schema = {**row["content"]["application/json"]["schema"], "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
