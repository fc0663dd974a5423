"""Answers: all of it for programs, short for models; errors say what to do."""

from __future__ import annotations

import json
import math

import pytest

from acebridge.errors import Conflict, ErrorReason, JobFailed
from acebridge.hosts.mcp.answers import Answer, asset_link, error_facts, error_result, result_of
from acestep_runtime.errors import InvalidValue


def test_the_text_of_an_answer_is_its_values_without_the_ends_of_long_lists() -> None:
    values = {"beats_s": [float(n) for n in range(500)], "lyrics": "la " * 5000, "takes": [{"words": list(range(3))}]}
    result = result_of(Answer(values, [asset_link("5f" * 32, "a take")]))
    assert result.structured_content == values
    text, link = result.content
    short = json.loads(text.text)  # type: ignore[union-attr]
    assert short["beats_s"][:40] == values["beats_s"][:40]
    assert short["beats_s"][40] == "… (500 entries in all)"
    assert short["lyrics"].endswith("… (15,000 characters in all)")
    assert short["takes"] == values["takes"]
    assert link.uri == f"acebridge://asset/{'5f' * 32}"  # type: ignore[union-attr]
    assert not result.is_error


def test_numbers_that_json_does_not_have_are_absent() -> None:
    result = result_of(Answer({"score": math.nan, "bpm": 90.0}))
    assert result.structured_content == {"bpm": 90.0}


def test_names_of_files_that_are_no_text_can_be_sent() -> None:
    result = result_of(Answer({"takes": [{"file": "/r\udcff/a.wav"}]}))
    assert result.structured_content == {"takes": [{"file": "/r?/a.wav"}]}
    for each in (result, error_result(FileNotFoundError(2, "No such file", "/r\udcff"))):
        each.model_dump_json()


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (
            InvalidValue("bpm", 7, "30 to 300"),
            {"field": "bpm", "value": "7", "allowed": "30 to 300", "reason": "INVALID_VALUE"},
        ),
        (Conflict("It runs.", remedy="Wait."), {"reason": "CONFLICT", "message": "It runs.", "remedy": "Wait."}),
        (
            JobFailed(ErrorReason.BUSY, "Full.", details={"field": "x"}),
            {"reason": "BUSY", "message": "Full.", "field": "x"},
        ),
        (FileNotFoundError(2, "No such file", "/x"), {"reason": "INVALID_VALUE", "message": "/x: No such file."}),
        (OSError(28, "No space left on device"), {"reason": "DISK_FULL", "message": "No space left on device."}),
        (ZeroDivisionError("x"), {"reason": "INTERNAL", "remedy": "Report this, with what was sent."}),
    ],
)
def test_errors_have_reason_message_and_remedy(error: Exception, facts: dict[str, str]) -> None:
    found = error_facts(error)
    assert found.items() >= facts.items()
    result = error_result(error)
    assert result.is_error
    assert result.structured_content == {"error": found}
    assert result.content[0].text.startswith(str(found["message"]))  # type: ignore[union-attr]
