"""The folders of running plug-ins, as the plug-in keeps them: which count, which is meant, and what comes of commands."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acebridge.atomic_files import unwritable
from acebridge.errors import Conflict, ErrorReason, JobFailed, NotFound
from acebridge.hosts.plugin import instances
from acebridge.hosts.plugin.instances import Instance, find_instance, press_button, running_instances, send_command
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
    job = {"number": 0, "files": [], "daemon_id": "", "reason": "", **facts.pop("job", {})}
    (folder / "part").write_text(json.dumps({"host": "DAW", "state": "none", "job": job, **facts}), "utf-8")
    (folder / "part").replace(folder / "instance.json")


def act(folder: Path, answer: Callable[[dict[str, Any], str], None]) -> threading.Thread:
    """Do what the next command says, as the plug-in's thread does: the command's file goes when the answer is there."""

    def run() -> None:
        (file,) = until(lambda: list((folder / "commands").glob("*.json")), "a command")
        assert os.stat(file).st_mode & 0o777 == 0o600  # noqa: PTH116
        answer(json.loads(file.read_text("utf-8")), file.name)
        file.unlink()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def answers(command: str, sentence: str = "", reason: str = "") -> list[dict[str, str]]:
    return [{"command": "another", "sentence": "No."}, {"command": command, "sentence": sentence, "reason": reason}]


def test_those_that_run_are_listed(tmp_path: Path) -> None:
    assert running_instances(tmp_path) == []
    with plug_in(tmp_path, A), plug_in(tmp_path, B):
        (tmp_path / "plugin" / "media").mkdir()
        (tmp_path / "plugin" / "ac0000000003").symlink_to(tmp_path / "plugin" / A)
        assert [each.id for each in running_instances(tmp_path)] == [A, B]
    with (tmp_path / "plugin" / A / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as somebody else does who looks
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
        say(folder, caption=7, progress="x", job={"number": "x", "files": 7})
        (instance,) = running_instances(tmp_path)
        assert (instance.text("caption"), instance.fraction()) == ("", 0.0)
        assert (instance.job_number(), instance.job_files(), instance.is_at_daemon()) == (0, [], False)


def test_a_command_is_handed_over(tmp_path: Path) -> None:
    commands: list[dict[str, Any]] = []
    with plug_in(tmp_path, A) as folder:

        def answer(command: dict[str, Any], name: str) -> None:
            commands.append(command)
            say(folder, caption="Grüße", answers=answers(name))

        thread = act(folder, answer)
        assert send_command(find_instance(tmp_path), {"caption": "Grüße"}).text("caption") == "Grüße"
        thread.join()
    assert commands == [{"caption": "Grüße"}]


def test_a_command_without_an_answer_is_said(tmp_path: Path) -> None:
    """As when the disk is full: the plug-in acts, and removes the command, but cannot write what came of it."""
    with plug_in(tmp_path, A) as folder:
        thread = act(folder, lambda _command, _name: None)
        with pytest.raises(JobFailed, match=r"cannot say what it does: .*instance\.json cannot be written\. Free some"):
            send_command(find_instance(tmp_path), {"press": "go"})
        thread.join()


def test_a_folder_of_commands_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        raise unwritable(path.parent, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(instances, "write_whole", full)
    with plug_in(tmp_path, A), pytest.raises(InvalidValue, match=r"No space left on device\. Free some space there"):
        send_command(find_instance(tmp_path), {"press": "go"})


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


ENDS = {
    "done": None,
    "failed": ErrorReason.UNAVAILABLE,
    "cancelled": ErrorReason.CANCELLED,
}


@pytest.mark.parametrize("state", ENDS)
def test_go_waits_for_the_outcome(state: str, tmp_path: Path) -> None:
    shown: list[str] = []
    with plug_in(tmp_path, A) as folder:

        def answer(command: dict[str, Any], name: str) -> None:
            assert command == {"press": "go"}
            say(folder, state="working", sentence="playing", job={"number": 1, "daemon_id": "j"}, answers=answers(name))

        def end() -> None:
            until(lambda: "playing" in shown, "a look at it")
            job = {"number": 1, "files": ["/a.wav"], "reason": "UNAVAILABLE"}
            say(folder, state=state, sentence="So it is.", job=job)

        threads = act(folder, answer), threading.Thread(target=end)
        threads[1].start()
        instance = find_instance(tmp_path)

        def go() -> instances.Instance:
            return press_button(instance, "go", wait=True, show=lambda now: shown.append(now.text("sentence")))

        if state == "done":
            assert go().job_files() == ["/a.wav"]
        else:
            with pytest.raises(JobFailed, match="So it is") as failed:
                go()
            assert failed.value.kind == ENDS[state]
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("state", ["working", "failed"])
def test_go_without_waiting_ends_when_the_daemon_has_the_job_or_it_failed(state: str, tmp_path: Path) -> None:
    shown: list[str] = []
    with plug_in(tmp_path, A) as folder:

        def answer(_: dict[str, Any], name: str) -> None:
            say(folder, state="working", sentence="starting", job={"number": 1}, answers=answers(name))

        def go_on() -> None:
            until(lambda: "starting" in shown, "a look at it")
            say(folder, state=state, sentence="No.", job={"number": 1, "daemon_id": "j" if state == "working" else ""})

        threads = act(folder, answer), threading.Thread(target=go_on)
        threads[1].start()
        instance = find_instance(tmp_path)
        if state == "working":
            press_button(instance, "go", wait=False, show=lambda now: shown.append(now.text("sentence")))
        else:
            with pytest.raises(JobFailed, match="No") as failed:
                press_button(instance, "go", wait=False, show=lambda now: shown.append(now.text("sentence")))
            assert failed.value.kind == ErrorReason.ENGINE_FAILURE
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("reason", [ErrorReason.CONFLICT, ErrorReason.ENGINE_FAILURE])
def test_a_go_that_is_refused_says_why(reason: ErrorReason, tmp_path: Path) -> None:
    """What instance.json said before does not count: the plug-in says itself whether it can."""
    with plug_in(tmp_path, A, state="none") as folder:
        thread = act(folder, lambda _, name: say(folder, state="none", answers=answers(name, "It is so.", reason)))
        with pytest.raises(JobFailed, match="It is so") as failed:
            press_button(find_instance(tmp_path), "go", wait=False, show=lambda _: None)
        thread.join()
        assert failed.value.kind == reason


def test_a_plug_in_that_can_write_no_more_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait without news asks, and the answer does not come."""
    monkeypatch.setattr(instances, "_ASK_S", 0.0)
    with plug_in(tmp_path, A) as folder:

        def answer(_: dict[str, Any], name: str) -> None:
            say(folder, state="working", job={"number": 1, "daemon_id": "j"}, answers=answers(name))

        def fall_silent() -> None:
            thread = act(folder, answer)
            thread.join()
            act(folder, lambda command, _: asked.append(command)).join()

        asked: list[dict[str, Any]] = []
        thread = threading.Thread(target=fall_silent)
        thread.start()
        with pytest.raises(JobFailed, match="cannot say what it does"):
            press_button(find_instance(tmp_path), "go", wait=True, show=lambda _: None)
        thread.join()
        assert asked == [{}]


def test_another_job_ends_the_wait(tmp_path: Path) -> None:
    with plug_in(tmp_path, A) as folder:

        def answer(_: dict[str, Any], name: str) -> None:
            say(folder, state="working", job={"number": 1}, answers=answers(name))

        def show(_: Instance) -> None:
            say(folder, state="working", job={"number": 2})

        thread = act(folder, answer)
        with pytest.raises(JobFailed, match="another job"):
            press_button(find_instance(tmp_path), "go", wait=True, show=show)
        thread.join()


def test_a_plug_in_that_ends_during_its_job_is_said(tmp_path: Path) -> None:
    with plug_in(tmp_path, A) as folder:
        instance = find_instance(tmp_path)
        thread = act(folder, lambda *_: (folder / "instance.json").unlink())
        with pytest.raises(JobFailed, match="has ended"):
            press_button(instance, "go", wait=True, show=lambda _: None)
        thread.join()
