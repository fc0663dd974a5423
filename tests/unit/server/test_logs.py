"""What the daemon's logs leave out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from acebridge.server.logs import set_up


class ExecuteBatchError(Exception):
    """Named as gRPC's own."""


def log_lines(error: Exception, folder: Path) -> str:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        path = folder / "daemon.log"
        set_up(path, "info")
        try:
            raise error
        except Exception as caught:
            logging.getLogger("grpc").error("raised in core", exc_info=caught)
        return path.read_text("utf-8")
    finally:
        for handler in logging.root.handlers:
            handler.close()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


@pytest.mark.parametrize("operation", ["SendMessageOperation", "SendStatusFromServerOperation"])
def test_a_client_that_goes_away_is_no_error(tmp_path: Path, operation: str) -> None:
    assert log_lines(ExecuteBatchError(f"Failed execute_batch: (<grpc.{operation} object>,)"), tmp_path) == ""


def test_other_errors_are_reported_with_their_trace(tmp_path: Path) -> None:
    assert "ReceiveMessageOperation" in log_lines(ExecuteBatchError("(<ReceiveMessageOperation>,)"), tmp_path / "a")
    assert "Traceback" in log_lines(ValueError("SendMessageOperation"), tmp_path / "b")
