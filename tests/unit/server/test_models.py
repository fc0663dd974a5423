"""What the service says of engines and models, by what is in the folder of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.contract.enums import enum_name
from acebridge.server.services import models as service
from acebridge.v1 import models_pb2, tasks_pb2
from acebridge.workers.remote import Line, RemoteState
from acestep_runtime.engines import registry
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.weights.folder import VARIABLE
from tests.support.model_folders import write_language_model, write_original, write_shared_parts


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with a whole turbo, on a machine that has the packages of the neural engine."""
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    write_shared_parts(tmp_path)
    write_original(tmp_path / "acestep-v15-turbo", is_turbo=True)
    return tmp_path


def _tasks(message: models_pb2.EngineCapabilities) -> set[str]:
    return {enum_name(tasks_pb2.TaskKind.DESCRIPTOR, task) for task in message.tasks}


def test_an_engine_has_the_tasks_that_its_models_can_do(models: Path) -> None:
    neural = service._capabilities(registry.ENGINES["neural"])
    assert neural.available
    lacking = {"lego", "extract", "complete", "understand", "create_sample", "format_sample"}
    assert _tasks(neural) == set(TASKS) - lacking
    assert neural.missing == (
        f"Not lego, complete, extract: only a base model can do this, and {models} has only acestep-v15-turbo (turbo)."
        " Run `acebridge models pull acestep-v15-base`."
        f" Not understand, create_sample, format_sample: there is no language model in {models}."
        " Run `acebridge models pull acestep-5Hz-lm-1.7B`."
    )
    write_original(models / "acestep-v15-base", model_version="base")
    write_language_model(models / "acestep-5Hz-lm-1.7B")
    neural = service._capabilities(registry.ENGINES["neural"])
    assert (_tasks(neural), neural.missing) == (set(TASKS), "")


def test_what_the_other_machine_can_do_counts(models: Path) -> None:
    line = Line("studio.local:50710")
    line.note_own(frozenset())
    line.note_state(RemoteState(is_up=True, tasks=frozenset(TASKS)))
    neural, draft = registry.ENGINES["neural"], registry.ENGINES["draft"]
    assert _tasks(service._capabilities(neural, line)) == set(TASKS)
    assert service._capabilities(neural, line).missing == ""
    assert service._capabilities(draft, line) == service._capabilities(draft)
    line.note_state(RemoteState(why="studio.local does not answer.", tasks=frozenset(TASKS)))
    alone, down = service._capabilities(neural), service._capabilities(neural, line)
    assert _tasks(down) == _tasks(alone) != set(TASKS)
    assert down.missing == f"{alone.missing} studio.local does not answer."
    (models / "vae" / "config.json").unlink()
    assert not service._capabilities(neural, line).available


def test_an_engine_without_a_whole_model_is_not_available_and_names_what_it_could_do(models: Path) -> None:
    (models / "vae" / "config.json").unlink()
    neural = service._capabilities(registry.ENGINES["neural"])
    assert not neural.available
    assert _tasks(neural) == set(TASKS)
    assert neural.missing.startswith("model acestep-v15-turbo is not whole: vae/config.json is missing. Run ")
    assert service._capabilities(registry.ENGINES["draft"]).missing == ""


def test_a_model_that_cannot_be_loaded_is_named_with_what_it_lacks(models: Path) -> None:
    assert service._select(models, "turbo").name == "acestep-v15-turbo"
    folder = write_language_model(models / "acestep-5Hz-lm-0.6B")
    assert service._select(models, "lm-0.6B").name == folder.name
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EngineFailure, match=r"acestep-5Hz-lm-0.6B is not whole: .*tokenizer\.json is missing\."):
        service._select(models, "lm-0.6B")
    with pytest.raises(EngineFailure, match=r"acestep-5Hz-lm-4B is not in "):
        service._select(models, "lm-4B")
    with pytest.raises(InvalidValue, match="allowed: acestep-v15-turbo, "):
        service._select(models, "kazoo")
