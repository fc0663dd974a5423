"""Exit codes by the reason of an error, however it came."""

from __future__ import annotations

import pytest

from acebridge.cli.exit_codes import BAD_INPUT, CANCELLED, FAILED, NO_DAEMON, exit_code
from acebridge.demo.checks import ClaimFailed
from acebridge.errors import Busy, ConnectionLost, ErrorReason, InvalidSetting, JobFailed, Unavailable
from acestep_runtime.errors import EngineFailure, InvalidValue, UnreadableAudio

ERRORS = [
    (InvalidValue("x", 1, "2"), BAD_INPUT),
    (UnreadableAudio("x", 1, "2"), BAD_INPUT),
    (InvalidSetting("x"), BAD_INPUT),
    (FileNotFoundError("x"), BAD_INPUT),
    (Unavailable("x"), NO_DAEMON),
    (ConnectionLost("Unavailable", "x"), NO_DAEMON),
    (EngineFailure("x"), FAILED),
    (Busy("x"), FAILED),
    (ClaimFailed("x"), FAILED),
    (JobFailed("SomethingNew", "x"), FAILED),
    (JobFailed("Cancelled", "x"), CANCELLED),
    (JobFailed(ErrorReason.TOO_LARGE, "x"), BAD_INPUT),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_exit_codes(error: Exception, code: int) -> None:
    assert exit_code(error) == code
