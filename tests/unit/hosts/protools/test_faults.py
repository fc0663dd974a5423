"""What Pro Tools refuses becomes one sentence with a remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acebridge.errors import ErrorReason
from acebridge.hosts.protools import faults
from acebridge.hosts.protools.schema import number_of


def error(kind: object, message: str = "", **more: Any) -> dict[str, Any]:
    return {"command_error_type": kind, "command_error_message": message, **more}


@pytest.mark.parametrize("kind", ["PT_NoOpenedSession", "CEType_PT_NoOpenedSession", 106, "106"])
def test_a_type_of_error_may_be_a_name_or_a_number(kind: object) -> None:
    found = faults.refusal("GetTrackList", json.dumps({"errors": [error(kind, "x")]}))
    assert (found.kind, found.message) == (ErrorReason.CONFLICT, "No session is open in Pro Tools.")
    assert found.remedy == "Open one, then run it again."


@pytest.mark.parametrize("name", faults._MEANINGS)
def test_every_error_with_a_meaning_is_one_of_ptsl_and_ends_in_a_remedy(name: str) -> None:
    assert number_of("CommandErrorType", name) >= 0
    found = faults.refusal("BounceTrack", json.dumps({"errors": [error(name, "no \n\x07 such thing")]}))
    assert found.remedy.endswith(".")
    assert found.message.endswith(".")
    assert found.message.isprintable()
    assert "{" not in found.message


def test_a_warning_is_not_the_reason() -> None:
    errors = [error("PT_Info", "mind", is_warning=True), error("PT_HostIsBusy")]
    assert faults.refusal("Import", json.dumps({"errors": errors})).kind is ErrorReason.BUSY
    assert "mind" in faults.refusal("Import", json.dumps({"errors": errors[:1]})).message


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '{"errors": 5}', '{"errors": []}', '{"errors": [7]}'])
def test_an_error_that_cannot_be_read_is_one_sentence_all_the_same(body: str) -> None:
    found = faults.refusal("SpotClipsByID", body)
    assert found.message.startswith("Pro Tools refused SpotClipsByID: ")
    assert found.message.endswith(".")


def test_only_an_unknown_command_is_gone_without() -> None:
    with faults.without_unknown():
        raise faults.refusal("SetTrackColor", json.dumps({"errors": [error("PT_UnsupportedCommand")]}))
    with pytest.raises(faults.CommandRefusal), faults.without_unknown():
        raise faults.refusal("SetTrackColor", json.dumps({"errors": [error("PT_Forbidden")]}))
