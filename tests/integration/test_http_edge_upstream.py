"""A front end written for ACE-Step's own server works with the edge: its steps, by the documentation of that server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.daemon import Daemon, until
from tests.support.edge import Edge, edge_of


@pytest.fixture(scope="module")
def edge(daemon: Daemon) -> Iterator[Edge]:
    """An edge that all tests of the module share."""
    with edge_of(daemon) as edge:
        yield edge


def wait(edge: Edge, task_id: str, token: str | None = None) -> dict[str, Any]:
    """Ask for a task as front ends do, until it has ended."""

    def ask() -> Any:
        answer = edge.ask("POST", "/query_result", {"task_id_list": [task_id]}, token=token).json
        assert answer["code"] == 200
        (entry,) = answer["data"]
        assert entry["task_id"] == task_id
        return entry if entry["status"] else None

    found: dict[str, Any] = until(ask, task_id)
    return found


def test_health(edge: Edge) -> None:
    answer = edge.ask("GET", "/health", token="")
    assert answer.status == 200
    assert answer.json["data"]["status"] == "ok"
    assert answer.json.keys() == {"data", "code", "error", "timestamp", "extra"}


@pytest.mark.slow
def test_a_song_from_release_to_file(edge: Edge) -> None:
    wanted = {
        "prompt": "warm soul", "lyrics": "[Verse]\nHold on", "audio_duration": 3, "batch_size": 2, "seed": 801,
        "use_random_seed": False, "thinking": False, "inference_steps": 8, "audio_format": "mp3",
    }  # fmt: skip
    released = edge.ask("POST", "/release_task", wanted).json
    assert released["code"] == 200
    assert released["data"]["status"] == "queued"
    entry = wait(edge, released["data"]["task_id"])
    assert entry["status"] == 1, entry
    results = json.loads(entry["result"])
    assert len(results) == 2
    for result in results:
        assert (result["status"], result["prompt"], result["lyrics"]) == (1, "warm soul", "[Verse]\nHold on")
        assert result["seed_value"] == "801,802"
        assert result["metas"]["duration"] == 3
        assert isinstance(result["metas"]["timesignature"], str)
        answer = edge.ask("GET", result["file"], token="")  # many front ends send no token here
        assert answer.status == 200
        assert answer.body[:4] == b"RIFF"
    stored = edge.call("AssetService/ListAssets")["assets"]
    assert hashlib.sha256(answer.body).hexdigest() in {asset["id"] for asset in stored}
    again = json.loads(wait(edge, released["data"]["task_id"])["result"])
    assert [each["file"] for each in again] == [each["file"] for each in results]


def test_a_form_with_the_token_inside(edge: Edge) -> None:
    form = {"ai_token": edge.key, "prompt": "a", "duration": "0.5", "batch_size": "1"}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    released = edge.ask("POST", "/release_task", urlencode(form).encode(), token="", headers=kind)
    assert released.status == 200, released
    task_id = released.json["data"]["task_id"]
    body = {"ai_token": edge.key, "task_id_list": json.dumps([task_id, "unknown"])}
    answer = edge.ask("POST", "/query_result", body, token="").json["data"]
    assert [entry["task_id"] for entry in answer] == [task_id, "unknown"]
    assert (answer[1]["status"], answer[1]["result"]) == (0, "[]")
    assert wait(edge, task_id)["status"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/release_task", {"task_type": "cover"}, 400),
        ("/release_task", {"bpm": 999}, 400),
        ("/release_task", {"guidance_scale": 31}, 400),
        ("/release_task", {"guidance_scale": "strong"}, 400),
        ("/release_task", {"guidance_variant": "none such", "audio_duration": 0.5}, 400),
        ("/release_task", {"task_type": "repaint", "src_audio_path": "/etc/passwd"}, 400),
        ("/release_task", b"{", 400),
        ("/query_result", {"task_id_list": 5}, 400),
        ("/query_result", {"task_id_list": ["a"] * 201}, 400),
    ],
)
def test_errors_have_the_form_of_that_server(edge: Edge, path: str, body: Any, status: int) -> None:
    answer = edge.ask("POST", path, body)
    assert answer.status == status, answer
    assert isinstance(answer.json["detail"], str)


def test_without_a_token_there_is_nothing(edge: Edge) -> None:
    for path in ("/release_task", "/query_result"):
        assert edge.ask("POST", path, {"ai_token": "wrong", "task_id_list": []}, token="").status == 401
        assert edge.ask("POST", path, {"ai_token": edge.key}, headers={"Origin": "http://evil.example"}).status == 403
    for path in ("/v1/audio", "/v1/audio?path=..%2F..%2Fetc%2Fpasswd"):
        assert edge.ask("GET", path, token="").status == 404
