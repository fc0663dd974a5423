"""Which failures a job waits for, and what people read meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from acebridge.errors import ConnectionLost, ErrorReason, InvalidSetting, JobFailed, Unauthenticated, Unavailable
from acebridge.forwarding.faults import JobFailure, explain_fault, is_passing

_FINAL = {
    ErrorReason.INVALID_VALUE, ErrorReason.INVALID_SETTING, ErrorReason.UNKNOWN_FIELD, ErrorReason.UNREADABLE_AUDIO,
    ErrorReason.UNSUPPORTED_TASK, ErrorReason.CONFLICT, ErrorReason.NOT_FOUND, ErrorReason.TOO_LARGE, ErrorReason.DISK_FAILING,
    ErrorReason.DATA_LOSS, ErrorReason.CANCELLED, ErrorReason.ENGINE_FAILURE,
}  # fmt: skip


@pytest.mark.parametrize("reason", ErrorReason)
def test_a_call_that_may_succeed_later_is_made_again(reason: ErrorReason) -> None:
    assert is_passing(JobFailed(reason, "No.")) == (reason not in _FINAL)
    assert is_passing(ConnectionLost(reason, "No."))
    assert not is_passing(JobFailure(reason, "No."))


def test_errors_of_this_side() -> None:
    for error in (Unavailable("No."), Unauthenticated("No."), InvalidSetting("No.")):
        assert is_passing(error)
    assert not is_passing(OSError())
    assert not is_passing(ValueError())


def test_people_read_what_to_do(home: Path) -> None:
    lost = ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")
    assert explain_fault(lost, "127.0.0.1:1", home) == "127.0.0.1 does not answer."
    assert explain_fault(lost, "studio.invalid:1", home).startswith(
        "The daemon at studio.invalid:1 is not trusted yet. Run `acebridge trust studio.invalid:1`"
    )
    assert explain_fault(JobFailed(ErrorReason.BUSY, "Full.", remedy="Wait."), "127.0.0.1:1", home) == "Full. Wait."
