"""A worker's messages for an order, in this process."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.workers import main
from acebridge.workers.main import Engines, run_order
from acebridge.workers.messages import JobOrder, Message, ModelOrder
from acestep_runtime.values import CancelToken


def order(folder: Path, **more: object) -> JobOrder:
    job_order: JobOrder = {
        "op": "job", "id": "1", "priority": "normal", "task": "text2music",
        "params": {"duration_s": 0.1, "output": {"seeds": [1]}},
        "engine": "fake", "note": "", "spare": "", "files": {}, "folder": str(folder), "takes": [],
    }  # fmt: skip
    return {**job_order, **more}  # type: ignore[typeddict-item]


def messages_of(
    order: JobOrder | ModelOrder, engines: Engines | None = None, cancel: CancelToken | None = None
) -> list[Message]:
    return list(run_order(order, engines or Engines("cpu"), cancel or CancelToken()))


def test_finished_takes_are_not_repeated(tmp_path: Path) -> None:
    params = {"duration_s": 0.1, "output": {"seeds": [5, 6], "takes": 2}}
    whole = messages_of(order(tmp_path / "whole", params=params))
    first, second = (message["body"] for message in whole if message["type"] == "take")
    rest = messages_of(order(tmp_path / "rest", params=params, takes=[first]))
    assert [message["body"] for message in rest if message["type"] == "take"] == [second]
    assert [message["body"]["output"] for message in rest if message["type"] == "header"] == [1]
    assert rest[-1] == {"type": "done", "models": []}


def test_errors_are_messages_and_not_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (message,) = messages_of(order(tmp_path, params={"duration_s": -1}))[-1:]
    assert message["type"] == "error"
    assert message["body"]["kind"] == "InvalidValue"
    assert message["body"]["details"]["field"] == "duration_s"
    cancelled = CancelToken()
    cancelled.cancel()
    (message,) = messages_of(order(tmp_path), cancel=cancelled)[-1:]
    assert (message["type"], message["body"]["kind"]) == ("error", "Cancelled")
    assert not capsys.readouterr().err
    (message,) = messages_of(order(tmp_path / "x", task="text2music", files=None, params={"music": 5}))[-1:]
    assert message["type"] == "error"
    broken = tmp_path / "file"
    broken.write_text("in the way")
    (message,) = messages_of(order(broken))[-1:]
    assert message["body"]["message"].startswith("The engine failed: FileExistsError:")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_is_full_or_fails_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> Iterator[Message]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(main, "run_job", fail)
    (message,) = messages_of(order(tmp_path))
    assert message["body"]["message"].startswith("The disk ")
    assert not capsys.readouterr().err


def test_unloading_a_model_of_an_unloaded_engine_is_immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = Engines("cpu")
    monkeypatch.setattr(engines, "get", lambda name: pytest.fail(f"{name} was loaded"))
    messages = messages_of({"op": "unload", "id": "1", "engine": "neural", "model": "turbo"}, engines)
    assert [message["type"] for message in messages] == ["progress", "done"]
    assert messages[0]["body"]["stage"] == "unloading turbo"


def test_engines_get_their_device(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the neural engine needs torch")
    (message,) = messages_of(order(tmp_path, engine="neural"), Engines("cuda:99"))[-1:]
    assert message["body"]["message"] == "There is no device 'cuda:99' here."
    assert message["body"]["remedy"].startswith("Choose one of these: ")
