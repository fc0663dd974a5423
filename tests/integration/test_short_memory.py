"""Where a model does not fit while the job runs: the draft engine makes what nobody asked of the neural one, and says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acebridge.errors import JobFailed
from tests.support.daemon import Daemon, daemon_at, job, request_of
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

#: Less than what is kept for activations.
LIMIT_BYTES = 1_000_000_000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    models = tiny_models(tmp_path_factory.mktemp("models"), "original")
    config = f"models_dir = '{models}'\nworker_memory_bytes = {LIMIT_BYTES}\n"
    with daemon_at(tmp_path_factory.mktemp("home"), config=config) as daemon:
        yield daemon


def test_auto_falls_back_on_draft_and_neural_refuses_with_numbers(daemon: Daemon) -> None:
    client = daemon.client
    assert client is not None
    fields = {"duration_s": 1.0, "output": {"seeds": [1]}}
    events = list(client.submit_request(request_of("text2music", fields)))
    done = job(client, events[0].job_id)
    assert done.engine == "draft"
    assert [event.started.engine for event in events if event.HasField("started")] == ["neural", "draft"]
    (warning,) = [text for text in done.takes[0].metadata.warnings if "memory was short" in text]
    assert warning.startswith("The draft engine made this, as memory was short for the neural engine. Model ")
    assert re.search(r"needs 1\.3 GiB of memory, and .* are free\.", warning)
    refused = client.submit_request(request_of("text2music", fields, submission={"engine": "neural"}))
    with pytest.raises(JobFailed, match=r"needs 1\.3 GiB of memory, and .* are free\. Close other programs"):
        list(refused)
    assert daemon.workers()  # it goes on
