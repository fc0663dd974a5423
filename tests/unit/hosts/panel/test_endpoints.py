"""The endpoints of the panel, asked over HTTP, without a daemon: who may call, programs that are open, pulls, refusals."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acebridge.hosts.http.edge import Edge
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.panel import export, hosts
from acebridge.hosts.panel.models import Pulls
from acebridge.hosts.panel.osc import bridge_port
from acebridge.serving_notes import note_serving
from acebridge.v1 import jobs_pb2
from acestep_runtime.weights.hub import PullProgress
from tests.support.daemon import PATIENCE_S, until
from tests.support.panel import Panel, panel_here

INSTANCE = "aa0000000001"


@pytest.fixture
def panel(home: Path) -> Iterator[Panel]:
    def fetch(name: str, _folder: Path, report: Any) -> None:
        report(PullProgress("fetching", 5, 5))
        if name == "damaged":
            raise OSError(28, "No space left on device")
        if name == "odd":
            raise RuntimeError("a fault of ours")

    with panel_here(home, pulls=Pulls(fetch)) as panel:
        yield panel


@pytest.fixture
def reaper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The inbox of a REAPER that shows a project."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    inbox = tmp_path / "REAPER" / "AceBridge" / "inbox"
    inbox.mkdir(parents=True, mode=0o700)
    project = {
        "key": "1", "name": "Song", "file": str(tmp_path / "Song.rpp"), "media": str(tmp_path / "Media"), "shown": True,
    }  # fmt: skip
    state = {
        "version": VERSION, "instance": "abcd1234", "update_time": time.time(), "host": {"name": "REAPER"},
        "projects": [project],
    }  # fmt: skip
    (inbox / "presence-abcd1234.json").write_text(json.dumps(state))


@pytest.mark.parametrize("path", ["tables", "hosts", "models", "osc"])
def test_only_the_key_of_the_panel_opens_them(panel: Panel, path: str) -> None:
    assert panel.get(f"/panel/api/{path}").status == 200
    assert panel.get(f"/panel/api/{path}", key="").status == 401
    assert panel.get(f"/panel/api/{path}", key="0" * 64).status == 403


def test_tables_have_the_tasks(panel: Panel) -> None:
    assert "repaint" in {task["name"] for task in panel.get("/panel/api/tables").json["tasks"]}


@pytest.mark.usefixtures("reaper")
def test_projects_and_instances_that_are_open(panel: Panel, home: Path, tmp_path: Path) -> None:
    folder = home / "plugin" / INSTANCE
    (folder / "commands").mkdir(parents=True)
    (folder / "instance.json").write_text(
        json.dumps({"host": "Carla", "state": "working", "caption": "warm", "progress": 0.25})
    )
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        open_now = panel.get("/panel/api/hosts").json
    assert open_now["projects"] == [
        {
            "id": "reaper:abcd1234:1", "host": "REAPER", "name": "Song", "folder": str(tmp_path), "open": True,
            "shown": True, "recording": False,
        }
    ]  # fmt: skip
    (instance,) = open_now["instances"]
    assert (instance["id"], instance["host"], instance["caption"]) == (INSTANCE, "Carla", "warm")
    assert (instance["progress"], instance["working"]) == (0.25, True)
    assert open_now["osc"] is None
    assert panel.get("/panel/api/hosts").json["instances"] == []  # its lock is free: it has ended


def test_an_instance_gets_a_caption_and_its_button_pressed(panel: Panel, home: Path) -> None:
    folder = home / "plugin" / INSTANCE
    (folder / "commands").mkdir(parents=True)
    facts: dict[str, Any] = {"host": "Carla", "state": "none"}
    (folder / "instance.json").write_text(json.dumps(facts))
    commands: list[Any] = []

    def act() -> None:
        for _ in range(2):
            (file,) = until(lambda: list((folder / "commands").glob("*.json")), "a command")
            commands.append(json.loads(file.read_text()))
            answered = {**facts, **commands[-1], "answers": [{"command": file.name, "sentence": ""}]}
            (folder / "instance.json").write_text(json.dumps(answered))
            file.unlink()

    thread = threading.Thread(target=act)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        answer = panel.post(f"/panel/api/instances/{INSTANCE}", {"caption": "colder", "press": "vary"})
    thread.join()
    assert answer.status == 200, answer.body
    assert commands == [{"caption": "colder"}, {"press": "vary"}]


@pytest.mark.parametrize(
    ("path", "fields", "status", "word"),
    [
        ("instances/aa0000000001", {"press": "explode"}, 400, "go, vary, cancel"),
        ("instances/aa0000000001", {"state": "done"}, 400, "caption, lyrics, press"),
        ("instances/aa0000000001", {"caption": 3}, 400, "text"),
        ("instances/aa0000000001", {"caption": "x"}, 404, "No AceBridge plug-in runs"),
        ("place", {"asset_id": "0" * 64}, 400, "project_id"),
        ("place", {"asset_id": "0" * 64, "project_id": "reaper:x:1", "position_s": "soon"}, 400, "position_s"),
        ("place", {"asset_id": "0" * 64, "project_id": "reaper:x:1"}, 503, "No AceBridge daemon runs"),
        ("export", {"job_id": "0" * 32, "format": "aaf"}, 503, "No AceBridge daemon runs"),
        ("export", {"job_id": "0" * 32, "form": "aaf"}, 400, "job_id, format"),
        ("export", {"job_id": "\ud800", "format": "aaf"}, 400, "Unicode"),
        ("models/pull", {}, 400, "name"),
        ("osc", {"caption": "x"}, 404, "No OSC bridge runs"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_what_is_allowed(
    panel: Panel, path: str, fields: Any, status: int, word: str
) -> None:
    answer = panel.post(f"/panel/api/{path}", fields)
    assert answer.status == status, answer.body
    error = answer.json["error"]
    assert word in f"{error['message']} {error['details']}"


def test_a_pull_is_a_stream_of_events(panel: Panel) -> None:
    events = panel.post("/panel/api/models/pull", {"name": "vae"}).events
    assert events[-1] == ("completed", {})
    assert all(kind == "progress" and step["name"] == "vae" for kind, step in events[:-1])
    (kind, failure) = panel.post("/panel/api/models/pull", {"name": "damaged"}).events[-1]
    assert kind == "error"
    assert (failure["error"]["reason"], "full" in failure["error"]["message"]) == ("DISK_FULL", True)
    (kind, failure) = panel.post("/panel/api/models/pull", {"name": "odd"}).events[-1]
    assert (kind, failure["error"]["reason"]) == ("error", "INTERNAL")
    assert panel.post("/panel/api/models/cancel").json == {"stopped": False}
    assert panel.get("/panel/api/models").json["pull"] is None


def test_many_that_wait_for_a_daw_leave_room_for_others(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, free = threading.Semaphore(0), threading.Event()

    def wait() -> list[Any]:
        waiting.release()
        assert free.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(hosts, "describe_projects", wait)
    with ThreadPoolExecutor(40) as pool:
        try:
            answers = [pool.submit(panel.get, "/panel/api/hosts") for _ in range(40)]
            for _ in answers:
                assert waiting.acquire(timeout=PATIENCE_S)
            assert panel.get("/panel/api/models").status == 200
        finally:
            free.set()
        assert {answer.result().status for answer in answers} == {200}


def test_an_export_that_is_gone_is_not_found(panel: Panel) -> None:
    assert panel.get("/panel/exports/word/song.aaf", key="").status == 404


class _Jobs:
    """A client of a daemon that has every job."""

    jobs = SimpleNamespace(GetJob=None)

    def call(self, _method: object, request: jobs_pb2.GetJobRequest) -> jobs_pb2.Job:
        return jobs_pb2.Job(id=request.job_id)


def test_what_was_exported_goes_with_the_edge(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write(_client: object, _job: object, _title: str, _form: str, folder: Path) -> tuple[Path, list[str]]:
        file = folder / "song.aaf"
        file.write_bytes(b"project")
        return file, []

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(export, "_write", write)
    monkeypatch.setattr(export, "_title", lambda _: "song")
    monkeypatch.setattr(Edge, "client", lambda _: nullcontext(_Jobs()))
    with panel_here(home) as panel:
        made = panel.post("/panel/api/export", {"job_id": "a" * 32, "format": "aaf"}).json
        assert panel.get(made["url"], key="").body == b"project"
        assert list(folder.iterdir())
    assert not list(folder.iterdir())


def test_of_several_bridges_the_last_one_that_runs_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(home))
    for port in (1, 2):
        note_serving(home / "osc.json", "127.0.0.1", port)
    assert bridge_port() == 2
    killed = {**json.loads((home / "osc.json").read_text()), "start": "another"}
    (home / "osc.json").write_text(json.dumps(killed))
    assert bridge_port() == 1


@pytest.mark.parametrize("start", ["", "before"])
def test_a_port_that_a_bridge_left_gets_nothing(panel: Panel, home: Path, start: str) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        other.setblocking(False)
        pid = os.getpid() if start else 2**22 + 1  # of another program by now, or of none
        noted = {"host": "127.0.0.1", "port": other.getsockname()[1], "pid": pid, "start": start}
        (home / "osc.json").write_text(json.dumps(noted))
        assert panel.get("/panel/api/osc").json == {}
        assert panel.get("/panel/api/hosts").json["osc"] is None
        assert panel.post("/panel/api/osc", {"caption": "x"}).status == 404
        with pytest.raises(BlockingIOError):
            other.recv(65_536)
