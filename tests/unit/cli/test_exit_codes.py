"""Exit codes by the reason of an error, however it came."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from acebridge.cli.exit_codes import BAD_INPUT, CANCELLED, FAILED, NO_DAEMON, exit_code, sentence_of
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


def test_an_error_of_the_system_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "gone.wav").open()
    assert sentence_of(missing.value) == f"{tmp_path / 'gone.wav'}: No such file or directory. Check the path."
    assert sentence_of(OSError(errno.ENAMETOOLONG, "File name too long", "x")).endswith("long. Choose a shorter name.")
    assert sentence_of(OSError(errno.EIO, "Input/output error", "a.wav")) == "a.wav: Input/output error."
    assert (
        sentence_of(OSError(errno.EIO, "Input/output error", "\x1b[2Ja.wav")) == "\ufffd[2Ja.wav: Input/output error."
    )
