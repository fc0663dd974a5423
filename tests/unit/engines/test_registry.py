"""Which engine does a task with what is installed: ``auto``, refusals, and what the notes say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.engines import registry
from acestep_runtime.engines.base import TaskTraits
from acestep_runtime.errors import InvalidValue, UnsupportedTask
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.tasks import TASKS, TextToMusic
from acestep_runtime.values import Adapter, CancelToken, Sampling
from acestep_runtime.weights.folder import VARIABLE
from tests.support.model_folders import (
    safetensors,
    write_language_model,
    write_original,
    write_part,
    write_shared_parts,
)

NEURAL, DRAFT = registry.ENGINES["neural"], registry.ENGINES["draft"]
OF_BASE = {"lego", "extract", "complete"}
#: Tasks that a language model answers.
OF_WORDS = {"understand", "create_sample", "format_sample"}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models, with a whole turbo, on a machine that has the packages of the neural engine."""
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    write_shared_parts(tmp_path)
    write_original(tmp_path / "acestep-v15-turbo", is_turbo=True)
    return tmp_path


def _choices() -> dict[str, registry.Choice]:
    return {name: registry.resolve("auto", task) for name, task in TASKS.items()}


def test_auto_takes_the_model_for_what_it_can_do_and_says_why_not_for_the_rest(models: Path) -> None:
    choices = _choices()
    assert {name for name, choice in choices.items() if choice.engine is DRAFT} == OF_BASE | OF_WORDS
    for name in OF_BASE:
        assert choices[name].note == (
            f"The draft engine made this, as the neural engine cannot do {name} now: only a base model can do this, and"
            f" {models} has only acestep-v15-turbo (turbo). Run `acebridge models pull acestep-v15-base`."
        )
    for name in OF_WORDS:
        assert choices[name].note == (
            f"The draft engine made this, as the neural engine cannot do {name} now: there is no language model in {models}."
            " Run `acebridge models pull acestep-5Hz-lm-1.7B`."
        )
    assert {choice.note for name, choice in choices.items() if name not in OF_BASE | OF_WORDS} == {""}
    write_original(models / "acestep-v15-base", model_version="base")
    write_language_model(models / "acestep-5Hz-lm-0.6B")
    assert set(_choices().values()) == {registry.Choice(NEURAL)}


@pytest.mark.parametrize("task", [TASKS[name] for name in sorted(OF_BASE)])
def test_the_neural_engine_refuses_what_only_a_base_model_can_do(models: Path, task: type[TaskTraits]) -> None:
    with pytest.raises(UnsupportedTask) as caught:
        registry.resolve("neural", task)
    assert str(caught.value) == (
        f"The neural engine cannot do {task.name} now: only a base model can do this, and {models} has only"
        " acestep-v15-turbo (turbo). Run `acebridge models pull acestep-v15-base`. Or choose --engine draft."
    )
    assert registry.resolve("neural", TextToMusic) == (NEURAL, "")


def test_a_model_that_is_not_whole_is_not_available(models: Path) -> None:
    (models / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert {choice.engine for choice in _choices().values()} == {DRAFT}
    with pytest.raises(
        UnsupportedTask, match=r"^The neural engine cannot run: model acestep-v15-turbo is not whole: vae"
    ):
        registry.resolve("neural", TextToMusic)
    lacks = registry.missing_by_task(NEURAL, TASKS.values())
    assert None not in lacks.values()
    assert "is not whole" in registry.resolve("auto", TextToMusic).note


@pytest.mark.usefixtures("models")
def test_auto_takes_no_model_that_this_machine_can_never_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.machine, "total_bytes", lambda: 1 << 30)
    monkeypatch.setattr(registry.machine, "may_have_gpu_memory", lambda: True)
    assert registry.resolve("auto", TextToMusic) == (NEURAL, "")  # it is for the memory of that GPU to say
    monkeypatch.setattr(registry.machine, "may_have_gpu_memory", lambda: False)
    choice = registry.resolve("auto", TextToMusic)
    assert choice.engine is DRAFT
    assert "model acestep-v15-turbo needs 1.3 GiB of memory, and there are 1.0 GiB. Set int8_weights" in choice.note
    with pytest.raises(UnsupportedTask, match="cannot do text2music now"):
        registry.resolve("neural", TextToMusic)
    monkeypatch.setenv("ACEBRIDGE_WORKERS", "ray://studio.local:10001")
    assert registry.resolve("auto", TextToMusic) == (NEURAL, "")  # it is not for the memory of this machine
    monkeypatch.setenv("ACEBRIDGE_WORKERS", "local")
    monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", "true")
    assert "there are 1.0 GiB. Raise the limit" in registry.resolve("auto", TextToMusic).note
    monkeypatch.delenv("ACEBRIDGE_INT8_WEIGHTS")
    monkeypatch.setattr(registry.machine, "total_bytes", lambda: 2 << 30)
    assert registry.resolve("auto", TextToMusic) == (NEURAL, "")
    monkeypatch.setattr(registry.machine, "total_bytes", lambda: 0)
    assert registry.resolve("auto", TextToMusic) == (NEURAL, "")


def test_memory_is_judged_by_the_model_of_the_request_and_by_the_precision(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_original(models / "acestep-v15-base", model_version="base")
    sizes = {"acestep-v15-turbo": 1 << 20, "acestep-v15-base": 1 << 28}
    monkeypatch.setattr(registry, "count_weights", lambda checkpoint: (sizes[checkpoint.name], 0, 1 << 28))
    monkeypatch.setattr(registry.machine, "total_bytes", lambda: 2 << 30)
    monkeypatch.setattr(registry.machine, "may_have_gpu_memory", lambda: False)
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "auto")
    assert registry.resolve("auto", TextToMusic) == (NEURAL, "")
    assert "model acestep-v15-base needs 2.2 GiB" in registry.resolve("auto", TASKS["lego"]).note
    reason = r"acestep-v15-base needs 2\.2 GiB of memory, and there are"
    with pytest.raises(UnsupportedTask, match=reason):
        registry.resolve("neural", TextToMusic, "base")
    assert registry.resolve("auto", TextToMusic, "base").engine is DRAFT
    with pytest.raises(InvalidValue, match=reason):
        registry.check_sampling(DRAFT, TextToMusic, Sampling(model="base"))
    assert registry.resolve("auto", TextToMusic, "nobody's") == (NEURAL, "")  # the name is refused by `check_sampling`
    monkeypatch.setenv("ACEBRIDGE_PRECISION", "float32")
    assert "acestep-v15-turbo needs 2.3 GiB" in registry.resolve("auto", TextToMusic).note


@pytest.mark.usefixtures("models")
def test_another_engine_helps_out_only_where_nobody_asked_for_this_one() -> None:
    assert registry.spare_engine("auto", NEURAL, Sampling()) == "draft"
    assert registry.spare_engine("auto", DRAFT, Sampling()) == ""
    assert registry.spare_engine("neural", NEURAL, Sampling()) == ""
    for sampling in (Sampling(model="turbo"), Sampling(vae="mine"), Sampling(adapters=(Adapter("warm"),))):
        assert registry.spare_engine("auto", NEURAL, sampling) == ""


def test_nothing_is_noted_where_nobody_has_set_up_the_neural_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("not_installed_here",))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert registry.resolve("auto", TextToMusic) == (DRAFT, "")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert registry.resolve("auto", TextToMusic) == (DRAFT, "")
    (tmp_path / "turbo.gguf").write_bytes(b"GGUF")
    assert "not_installed_here is not installed" in registry.resolve("auto", TextToMusic).note
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    assert "turbo.gguf is a GGUF file" in registry.resolve("auto", TextToMusic).note


def test_a_language_model_alone_answers_in_words(models: Path) -> None:
    (models / "acestep-v15-turbo" / "config.json").unlink()
    write_language_model(models / "acestep-5Hz-lm-0.6B")
    able = {task for task, lack in registry.missing_by_task(NEURAL, TASKS.values()).items() if lack is None}
    assert able == {"create_sample", "format_sample"}
    assert NEURAL.missing(None, "") is None
    (models / "acestep-5Hz-lm-0.6B" / "tokenizer.json").unlink()
    assert NEURAL.missing(None, "") is not None


def test_a_model_or_an_adapter_that_cannot_be_honoured_is_refused(models: Path) -> None:
    write_part(models / "adapters" / "warm", {}, "adapter_model.safetensors", ("layers.0.q.lora_A.weight",))
    registry.check_sampling(NEURAL, TextToMusic, Sampling(model="turbo", adapters=(Adapter("warm"),)))
    with pytest.raises(UnsupportedTask) as caught:
        registry.check_sampling(NEURAL, TextToMusic, Sampling(model="xl-base"))
    assert str(caught.value) == (
        f"Model acestep-v15-xl-base is not in {models}; there is acestep-v15-turbo."
        " Run `acebridge models pull acestep-v15-xl-base`."
    )
    with pytest.raises(InvalidValue, match="'trubo'; allowed: acestep-v15-turbo, "):
        registry.check_sampling(NEURAL, TextToMusic, Sampling(model="trubo"))
    with pytest.raises(InvalidValue, match=r"'cold'; allowed: warm\."):
        registry.check_sampling(NEURAL, TextToMusic, Sampling(adapters=(Adapter("cold"),)))
    (models / "adapters" / "cold.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidValue, match=r"cold\.pt is a pickle, which .* allowed: warm\. Get the model as safetens"):
        registry.check_sampling(NEURAL, TextToMusic, Sampling(adapters=(Adapter("cold"),)))
    with pytest.raises(InvalidValue, match=r"turbo model; this task needs a base model\. Run `acebridge models pull"):
        registry.check_sampling(NEURAL, TASKS["lego"], Sampling(model="turbo"))
    says = (
        r"The draft engine has no models, so turbo would have no effect, and the neural engine cannot do lego now: only"
    )
    with pytest.raises(InvalidValue, match=says):
        registry.check_sampling(DRAFT, TASKS["lego"], Sampling(model="turbo"))


def test_the_note_of_a_choice_is_the_first_warning_of_each_take(tmp_path: Path) -> None:
    from acestep_runtime.engines.fake import FakeEngine
    from acestep_runtime.tasks.base import Output

    song = TextToMusic(duration_s=0.1, output=Output(takes=2, seeds=(5, 5)))
    events = record(song, FakeEngine(), tmp_path / "out", CancelToken(), note="Because.")
    warnings = [event.metadata.get("warnings", []) for event in events if isinstance(event, TakeFiles)]
    assert [each[0] for each in warnings] == ["Because.", "Because."]
    assert all(len(each) == 2 for each in warnings)


def test_looking_reads_files_again_only_when_they_have_changed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NEURAL.missing(TextToMusic, "") is None
    read: list[Path] = []
    opening = Path.open

    def count(path: Path, *how: Any, **more: Any) -> Any:
        if path.suffix == ".safetensors" and "rb" in how:
            read.append(path)
        return opening(path, *how, **more)

    monkeypatch.setattr(Path, "open", count)
    assert NEURAL.missing(TextToMusic, "") is None
    assert read == []
    (models / "acestep-v15-turbo" / "model.safetensors").write_bytes(safetensors("a", "b"))
    assert NEURAL.missing(TextToMusic, "") is None
    assert [path.name for path in read] == ["model.safetensors"]


def test_a_job_needs_the_model_that_it_names_or_the_preferred_one(models: Path) -> None:
    write_original(models / "acestep-v15-base", model_version="base")
    write_language_model(models / "acestep-5Hz-lm-0.6B")
    assert NEURAL.model_of(TextToMusic, "", False) == "acestep-v15-turbo"
    assert NEURAL.model_of(TextToMusic, "base", False) == NEURAL.model_of(TASKS["lego"], "", True) == "acestep-v15-base"
    assert NEURAL.model_of(TASKS["create_sample"], "", False) == "acestep-5Hz-lm-0.6B"
    assert NEURAL.model_of(TextToMusic, "sft", False) == ""  # it is not there, which the job itself says
    assert DRAFT.model_of(TextToMusic, "", False) == ""
