"""The folders of running plug-ins, as the plug-in keeps them: which count, which is meant, and what comes of commands."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import Conflict, ErrorReason, JobFailed, NotFound
from acebridge.hosts.plugin import instances
from acebridge.hosts.plugin.instances import find_instance, press_go, running_instances, send_command
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import until

A, B = "aa0000000001", "ab0000000002"


@contextmanager
def plug_in(home: Path, name: str, **facts: Any) -> Iterator[Path]:
    """Keep the folder of an instance as long as it lives."""
    folder = home / "plugin" / name
    (folder / "commands").mkdir(parents=True)
    say(folder, **facts)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def say(folder: Path, **facts: Any) -> None:
    job = {"number": facts.pop("number", 0), "files": facts.pop("files", [])}
    (folder / "part").write_text(json.dumps({"host": "DAW", "state": "none", "job": job, **facts}), "utf-8")
    (folder / "part").replace(folder / "instance.json")


def act(folder: Path, answer: Callable[[dict[str, Any]], None]) -> threading.Thread:
    """Do what the next command says, as the plug-in's thread does."""

    def run() -> None:
        (file,) = until(lambda: list((folder / "commands").glob("*.json")), "a command")
        command = json.loads(file.read_text("utf-8"))
        assert os.stat(file).st_mode & 0o777 == 0o600  # noqa: PTH116
        file.unlink()
        answer(command)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_those_that_run_are_listed(tmp_path: Path) -> None:
    assert running_instances(tmp_path) == []
    with plug_in(tmp_path, A), plug_in(tmp_path, B):
        (tmp_path / "plugin" / "media").mkdir()
        (tmp_path / "plugin" / "ac0000000003").symlink_to(tmp_path / "plugin" / A)
        assert [each.id for each in running_instances(tmp_path)] == [A, B]
    assert running_instances(tmp_path) == []  # their locks are free


def test_a_beginning_names_one_of_them(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No AceBridge plug-in runs"):
        find_instance(tmp_path)
    with plug_in(tmp_path, A):
        assert find_instance(tmp_path).id == A
        with plug_in(tmp_path, B):
            assert find_instance(tmp_path, "ab").id == B
            with pytest.raises(InvalidValue, match=rf"2 plug-ins run: {A} \(DAW\), {B} \(DAW\)"):
                find_instance(tmp_path)
            with pytest.raises(InvalidValue, match="2 plug-ins begin with a"):
                find_instance(tmp_path, "a")
            with pytest.raises(NotFound, match="begins with x"):
                find_instance(tmp_path, "x")


def test_damaged_facts_are_no_instance(tmp_path: Path) -> None:
    with plug_in(tmp_path, A) as folder:
        (folder / "instance.json").write_bytes(b"\xff{")
        assert running_instances(tmp_path) == []
        say(folder, caption=7, progress="x", job=None)
        (instance,) = running_instances(tmp_path)
        assert (instance.text("caption"), instance.fraction(), instance.job()) == ("", 0.0, (0, []))


def test_a_command_is_handed_over(tmp_path: Path) -> None:
    commands: list[dict[str, Any]] = []
    with plug_in(tmp_path, A) as folder:
        thread = act(folder, commands.append)
        send_command(find_instance(tmp_path), {"caption": "Grüße"})
        thread.join()
    assert commands == [{"caption": "Grüße"}]


def test_a_text_that_the_plug_in_would_not_read_is_refused(tmp_path: Path) -> None:
    with plug_in(tmp_path, A) as folder:
        with pytest.raises(InvalidValue, match=r"too long for the plug-in: 1,200,\d\d\d bytes; allowed: 1,048,576"):
            send_command(find_instance(tmp_path), {"lyrics": "東" * 200_000})
        assert not list((folder / "commands").iterdir())


def test_an_instance_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_ACT_S", 0.05)
    with plug_in(tmp_path, A) as folder:
        with pytest.raises(Conflict, match=f"{A} does not answer"):
            send_command(find_instance(tmp_path), {"press": "go"})
        assert not list((folder / "commands").iterdir())


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_go_waits_for_the_outcome(state: str, tmp_path: Path) -> None:
    shown: list[str] = []
    with plug_in(tmp_path, A) as folder:

        def answer(command: dict[str, Any]) -> None:
            assert command == {"press": "go"}
            say(folder, state="working", number=1, sentence="playing")
            until(lambda: "playing" in shown, "a look at it")
            say(folder, state=state, number=1, sentence="So it is.", files=["/a.wav"])

        thread = act(folder, answer)
        instance = find_instance(tmp_path)

        def go() -> instances.Instance:
            return press_go(instance, wait=True, show=lambda now: shown.append(now.text("sentence")))

        if state == "done":
            assert go().job() == (1, ["/a.wav"])
        else:
            with pytest.raises(JobFailed, match="So it is") as failed:
                go()
            assert (
                failed.value.kind == {"failed": ErrorReason.ENGINE_FAILURE, "cancelled": ErrorReason.CANCELLED}[state]
            )
        thread.join()


def test_go_while_a_job_runs_is_refused(tmp_path: Path) -> None:
    with plug_in(tmp_path, A, state="working"), pytest.raises(Conflict, match="A job of the plug-in"):
        press_go(find_instance(tmp_path), wait=False, show=lambda _: None)


def test_a_plug_in_that_ends_during_its_job_is_said(tmp_path: Path) -> None:
    with plug_in(tmp_path, A) as folder:
        instance = find_instance(tmp_path)
        thread = act(folder, lambda _: (folder / "instance.json").unlink())
        with pytest.raises(JobFailed, match="ended during its job"):
            press_go(instance, wait=True, show=lambda _: None)
        thread.join()
