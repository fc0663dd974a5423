"""Questions are put at a terminal, and nowhere else."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
import typer

from acebridge.cli import asking, models
from acebridge.cli.asking import confirm, offer_model
from acebridge.errors import ErrorReason, JobFailed
from acestep_runtime.errors import InvalidValue

MISSING = JobFailed(
    ErrorReason.UNSUPPORTED_TASK, "There are no weights.", remedy="Run `acebridge models pull acestep-v15-turbo`."
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked at a terminal, and the models that are downloaded; the answer is yes."""
    seen: list[str] = []

    def answer(question: str, **_: object) -> bool:
        seen.append(question)
        return True

    monkeypatch.setattr(asking, "sys", SimpleNamespace(stdin=Terminal(), stderr=Terminal()))
    monkeypatch.setattr(typer, "confirm", answer)
    monkeypatch.setattr(models, "download", seen.append)
    return seen


def failing(times: int) -> tuple[list[int], object]:
    calls: list[int] = []

    def run() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise MISSING

    return calls, run


def test_a_script_says_yes_by_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "sys", SimpleNamespace(stdin=io.StringIO("y\n"), stderr=Terminal()))
    assert confirm("Remove it?", yes=True)
    says = "^Nothing was changed, because there is no terminal to ask in. Give --yes.$"
    with pytest.raises(InvalidValue, match=says):
        confirm("Remove it?", yes=False)


def test_a_person_is_asked(questions: list[str]) -> None:
    assert confirm("Remove it?", yes=False)
    assert questions == ["Remove it?"]


def test_ctrl_c_at_a_question_ends_the_command(questions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", interrupt)
    with pytest.raises(KeyboardInterrupt):
        confirm("Remove it?", yes=False)
    assert questions == []


def test_a_missing_model_is_downloaded_and_the_command_goes_on(questions: list[str]) -> None:
    calls, run = failing(1)
    offer_model(run, can_ask=True)  # type: ignore[arg-type]
    assert questions == ["There are no weights. Download acestep-v15-turbo now, about 6.3 GB?", "acestep-v15-turbo"]
    assert len(calls) == 2


def test_who_says_no_gets_the_sentence(questions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    with pytest.raises(JobFailed, match="There are no weights"):
        offer_model(failing(1)[1], can_ask=True)  # type: ignore[arg-type]
    assert questions == []


@pytest.mark.parametrize("why", ["json", "script", "elsewhere"])
def test_nothing_is_offered(questions: list[str], monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "script":
        monkeypatch.setattr(asking, "sys", SimpleNamespace(stdin=Terminal(), stderr=io.StringIO()))
    if why == "elsewhere":
        monkeypatch.setenv("ACEBRIDGE_ADDRESS", "studio:50710")
    with pytest.raises(JobFailed):
        offer_model(failing(1)[1], can_ask=why != "json")  # type: ignore[arg-type]
    assert questions == []


def test_other_errors_pass(questions: list[str]) -> None:
    def run() -> None:
        raise JobFailed(ErrorReason.ENGINE_FAILURE, "It broke.", remedy="Try `acebridge models pull` one day.")

    with pytest.raises(JobFailed, match="It broke"):
        offer_model(run, can_ask=True)
    assert questions == []
