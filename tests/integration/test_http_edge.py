"""The JSON edge beside a real daemon, asked over real connections with the standard library."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.client.client import Client
from acebridge.contract.json_form import message_json
from acebridge.tokens import Scope, add_token, revoke_token
from acebridge.v1 import models_pb2
from tests.support.daemon import (
    Daemon,
    create_tone_job,
    download,
    expected_tone,
    job,
    song,
    until,
    until_state,
    write_wav,
)
from tests.support.edge import Edge, edge_of
from tests.support.shell import COMMAND

TONE = {"duration_s": 0.5, "submission": {"engine": "fake"}}


@pytest.fixture(scope="module")
def edge(daemon: Daemon) -> Iterator[Edge]:
    """An edge that all tests of the module share."""
    with edge_of(daemon) as edge:
        yield edge


def tone(seed: int, **more: Any) -> dict[str, Any]:
    """A request for a tone of the fake engine."""
    return {**TONE, "output": {"seeds": [seed]}, **more}


def make_asset(edge: Edge, seed: int) -> str:
    """The id of a stored tone."""
    events = list(edge.stream("/v1/TaskService/TextToMusic", tone(seed)))
    asset_id: str = events[-1].data["completed"]["takes"][0]["outputs"][0]["asset_id"]
    return asset_id


def test_calls_answer_what_the_daemon_does(edge: Edge, client: Client) -> None:
    answer = client.call(client.models.GetCapabilities, models_pb2.GetCapabilitiesRequest())
    assert edge.call("ModelService/GetCapabilities") == message_json(answer)
    assert edge.call("DaemonService/GetStatus", {})["data_dir"] == str(edge.home)


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/v1/JobService/GetJob", {"job_id": "0" * 32}, 404, "NOT_FOUND"),
        ("/v1/JobService/GetJob", {"id": "0" * 32}, 400, "INVALID_VALUE"),
        ("/v1/JobService/ListJobs", {"page_size": 1001}, 400, "INVALID_VALUE"),
        ("/v1/TaskService/TextToMusic", {"duration_s": 601}, 400, "INVALID_VALUE"),
        ("/v1/TaskService/Cover", {"source": {"asset_id": "0" * 64}}, 404, "NOT_FOUND"),
        ("/v1/JobService/NextBatch", {"job_id": "0" * 32}, 404, "NOT_FOUND"),
        ("/v1/ModelService/LoadModel", {"name": "none"}, 409, "CONFLICT"),
        ("/v1/JobService/Sing", {}, 404, "NOT_FOUND"),
        ("/v1/JobService/GetJob", b"\xff", 400, "INVALID_VALUE"),
        ("/v1/AssetService/UploadAsset", b"no audio", 400, "UNREADABLE_AUDIO"),
    ],
)
def test_errors_say_what_is_wrong(edge: Edge, path: str, body: Any, status: int, reason: str) -> None:
    answer = edge.ask("POST", path, body)
    assert answer.status == status, answer
    if path != "/v1/ModelService/LoadModel":
        assert answer.reason == reason
    assert answer.json["error"]["message"]


def test_a_method_is_called_by_post(edge: Edge) -> None:
    answer = edge.ask("GET", "/v1/JobService/ListJobs")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("GET", "/v1/JobService/ListJobs", None, {}),
        ("POST", "/v1/JobService/ListJobs", b"{", {}),
        ("POST", "/v1/JobService/ListJobs", [], {}),
        ("POST", "/v1/JobService/ListJobs", b'{"page_token": "\\ud800"}', {}),
        ("POST", "/v1/links", {"asset": "5f"}, {}),
        ("POST", "/v1/links", {"asset_id": 5}, {}),
        ("GET", f"/v1/jobs/{'0' * 32}/events", None, {"Last-Event-ID": "first"}),
        ("GET", f"/v1/jobs/{'0' * 32}/events?audio=2", None, {}),
        ("GET", f"/v1/jobs/{'0' * 32}/outputs/x/audio", None, {}),
        ("GET", f"/v1/uploads/{'0' * 64}", None, {}),
        ("GET", f"/v1/uploads/{'0' * 64}?size_bytes=0", None, {}),
        ("PUT", f"/v1/uploads/{'0' * 64}", b"a", {}),
        ("PUT", f"/v1/uploads/{'0' * 64}?size_bytes=3", b"a", {"Content-Range": "bytes 0-0/2"}),
        ("PUT", f"/v1/uploads/{'0' * 64}", b"a", {"Content-Range": "bytes 0-1/2"}),
        ("PUT", f"/v1/uploads/{'0' * 64}", b"a", {"Content-Range": "bytes 0-0/0"}),
    ],
)
def test_what_the_edge_refuses_has_a_remedy(
    edge: Edge, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    answer = edge.ask(method, path, body, headers=headers)
    assert answer.status in (400, 405), answer
    assert answer.json["error"]["remedy"], answer.json


def test_a_task_streams_its_events(edge: Edge, client: Client) -> None:
    events = list(edge.stream("/v1/TaskService/TextToMusic", tone(501)))
    kinds = [event.kind for event in events]
    assert kinds[:2] == ["queued", "started"]
    assert kinds[-2:] == ["progress", "completed"]
    assert set(kinds) == {"queued", "started", "progress", "audio_header", "take_finished", "completed"}
    assert all(event.data["sequence"] == event.id and event.kind in event.data for event in events)
    assert [event.id for event in events] == sorted(event.id for event in events)
    data = download(client, events[-1].data["completed"]["takes"][0]["outputs"][0]["asset_id"])
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    assert np.array_equal(samples, expected_tone(501, 0.5))


def test_audio_comes_with_the_events_where_it_is_asked_for(edge: Edge, client: Client) -> None:
    events = list(edge.stream("/v1/TaskService/TextToMusic?audio=1", tone(502)))
    chunks = [event.data["audio_chunk"] for event in events if event.kind == "audio_chunk"]
    sent = b"".join(base64.b64decode(chunk["data"]) for chunk in chunks)
    data = download(client, events[-1].data["completed"]["takes"][0]["outputs"][0]["asset_id"])
    assert data.endswith(sent)
    assert len(sent) == 24_000 * 2 * 4


def test_a_stream_resumes_behind_the_last_event(edge: Edge, client: Client) -> None:
    job_id = create_tone_job(client, 0.5, seed=503)
    until_state(client, job_id, "succeeded")
    path = f"/v1/jobs/{job_id}/events"
    whole = list(edge.stream(path))
    middle = whole[3].id
    rest = [event for event in whole if event.id > middle]
    assert list(edge.stream(path, headers={"Last-Event-ID": str(middle)})) == rest
    assert list(edge.stream(f"{path}?after_sequence={middle}")) == rest
    assert list(edge.stream(path, headers={"Last-Event-ID": str(whole[-1].id)})) == []
    assert list(edge.stream(path, headers={"Last-Event-ID": "1000000"})) == whole
    assert edge.ask("GET", path, headers={"Last-Event-ID": "-1"}).status == 400
    watched = list(edge.stream("/v1/JobService/WatchJob", {"job_id": job_id, "after_sequence": middle}))
    assert watched == rest


def test_a_job_that_fails_ends_its_stream_with_the_error(edge: Edge) -> None:
    events = list(edge.stream("/v1/TaskService/TextToMusic", tone(504, music={"caption": "fail"})))
    assert events[-1].kind == "error"
    error = events[-1].data["error"]
    assert (error["reason"], error["message"]) == ("ENGINE_FAILURE", "The fake engine failed as asked.")
    assert error["remedy"] == "Ask for something else."


def test_the_next_batch_is_a_stream_too(edge: Edge, client: Client) -> None:
    job_id = create_tone_job(client, 0.2, seed=505)
    until_state(client, job_id, "succeeded")
    events = list(edge.stream("/v1/JobService/NextBatch", {"job_id": job_id}))
    assert events[-1].kind == "completed"
    assert events[0].data["job_id"] != job_id
    assert events[-1].data["completed"]["takes"][0]["seed"] == 506


def test_a_cancel_ends_the_stream(edge: Edge, daemon: Daemon) -> None:
    daemon.hold(507)
    events = edge.stream("/v1/TaskService/TextToMusic", tone(507))
    job_id = next(events).data["job_id"]
    with contextlib.closing(edge.connect()) as connection:  # the next request on it does not wait for the job
        assert edge.begin(connection, "HEAD", f"/v1/jobs/{job_id}/events").read() == b""
        assert edge.begin(connection, "GET", "/health").status == 200
    assert edge.ask("HEAD", f"/v1/jobs/{'0' * 32}/events").status == 404
    edge.call("JobService/CancelJob", {"job_id": job_id})
    assert list(events)[-1].data["error"]["reason"] == "CANCELLED"


def test_an_asset_is_a_file_with_ranges(edge: Edge, client: Client) -> None:
    asset_id = make_asset(edge, 510)
    data, path = download(client, asset_id), f"/v1/assets/{asset_id}/audio"
    whole = edge.ask("GET", path)
    assert (whole.status, whole.body) == (200, data)
    assert whole.headers["etag"] == f'"{asset_id}"'
    assert whole.headers["cache-control"].startswith("private")
    assert whole.headers["content-type"] == "audio/wav"
    for text, start, end in (
        ("0-0", 0, 1),
        ("100-", 100, len(data)),
        ("-7", len(data) - 7, len(data)),
        ("5-99", 5, 100),
    ):
        part = edge.ask("GET", path, headers={"Range": f"bytes={text}"})
        assert (part.status, part.body) == (206, data[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    beyond = edge.ask("GET", path, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    head = edge.ask("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(data)))
    assert edge.ask("GET", path, headers={"If-None-Match": f'"{asset_id}"'}).status == 304
    same = {"Range": "bytes=0-3", "If-Range": f'"{asset_id}"'}
    assert edge.ask("GET", path, headers=same).body == data[:4]
    assert edge.ask("GET", path, headers={**same, "If-Range": '"other"'}).body == data
    assert edge.ask("GET", f"/v1/assets/{'0' * 64}/audio").status == 404
    assert (
        edge.ask("POST", "/v1/AssetService/DownloadAsset", {"asset_id": asset_id, "offset_bytes": 9}).body == data[9:]
    )


def test_a_link_opens_one_asset_without_a_token(edge: Edge, client: Client) -> None:
    asset_id = make_asset(edge, 511)
    made = edge.ask("POST", "/v1/links", {"asset_id": asset_id, "name": "Größe 1.wav"})
    link = made.json["url"]
    answer = edge.ask("GET", link, token="")
    assert (answer.status, answer.body) == (200, download(client, asset_id))
    wanted = "attachment; filename=\"Gr__e 1.wav\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.wav"
    assert answer.headers["content-disposition"] == wanted
    part = edge.ask("GET", link, token="", headers={"Range": "bytes=8-11"})
    assert (part.status, part.body) == (206, b"WAVE")
    assert edge.ask("HEAD", link, token="").status == 200
    other = link.replace(link.split("/")[3], "x" * 32)
    assert edge.ask("GET", other, token="").status == 404
    assert edge.ask("POST", "/v1/links", {"asset_id": "0" * 64}).status == 404
    assert edge.ask("POST", "/v1/links", {"asset_id": asset_id, "title": "a"}).status == 400
    assert edge.ask("POST", "/v1/links", {"asset_id": 5}).status == 400


def test_an_upload_goes_on_where_it_broke_off(edge: Edge, client: Client, tmp_path: Path) -> None:
    data = write_wav(tmp_path / "a.wav", song(2.0, seed=512)).read_bytes()
    name, size = hashlib.sha256(data).hexdigest(), len(data)
    path = f"/v1/uploads/{name}"
    assert edge.ask("GET", f"{path}?size_bytes={size}").json == {"received_bytes": 0}
    half = size // 2

    def put(start: int, end: int) -> Any:
        place = {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
        return edge.ask("PUT", f"{path}?name=My%20song.wav&size_bytes={size}", data[start:end], headers=place)

    assert put(0, half).json == {"received_bytes": half}
    assert put(half + 1, size).status == 400
    assert edge.ask("GET", f"{path}?size_bytes={size}").json == {"received_bytes": half}
    stored = put(half, size).json["asset"]
    assert (stored["id"], stored["name"], stored["frames"]) == (name, "My song.wav", 96_000)
    assert edge.ask("GET", f"{path}?size_bytes={size}").json["asset"]["id"] == name
    assert download(client, name) == data


def test_pieces_that_do_not_fit_are_refused(edge: Edge) -> None:
    path = f"/v1/uploads/{'a' * 64}"
    for query, place, body in (
        ("", "", b"abc"),
        ("", "bytes 0-3/9", b"abc"),
        ("?size_bytes=8", "bytes 0-2/9", b"abc"),
        ("", "bytes 0-2/2", b"abc"),
    ):
        assert edge.ask("PUT", path + query, body, headers={"Content-Range": place}).status == 400
    assert edge.ask("GET", path).status == 400
    long = bytes((4 << 20) + 1)
    error = edge.ask("PUT", path, long, headers={"Content-Range": f"bytes 0-{4 << 20}/9999999"}).json["error"]
    assert (error["reason"], error["remedy"]) == ("TOO_LARGE", "Send the file in smaller pieces.")


def test_a_whole_file_is_one_body(edge: Edge, client: Client, tmp_path: Path) -> None:
    data = write_wav(tmp_path / "a.wav", song(8.0, seed=513)).read_bytes()
    asset = edge.ask("POST", "/v1/AssetService/UploadAsset?name=b.wav", data).json
    assert (asset["id"], asset["name"]) == (hashlib.sha256(data).hexdigest(), "b.wav")
    assert download(client, asset["id"]) == data


def test_an_upload_that_breaks_off_stores_nothing(edge: Edge, tmp_path: Path) -> None:
    data = write_wav(tmp_path / "a.wav", song(8.0, seed=518)).read_bytes()
    head = (
        f"POST /v1/AssetService/UploadAsset HTTP/1.1\r\nHost: 127.0.0.1:{edge.port}\r\n"
        f"Authorization: Bearer {edge.key}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with contextlib.closing(socket.create_connection(("127.0.0.1", edge.port))) as connection:
        connection.sendall(head.encode() + data[: len(data) // 2])
    assert edge.ask("POST", f"/v1/AssetService/UploadAsset?name={'n' * 201}", data).reason == "INVALID_VALUE"
    names = {asset["id"] for asset in edge.call("AssetService/ListAssets")["assets"]}
    assert not names & {hashlib.sha256(data[: len(data) // part]).hexdigest() for part in (1, 2)}
    until(lambda: not list((edge.home / "incoming").glob("*")), "the half file to be removed")


def test_an_output_is_read_while_it_is_made(edge: Edge, daemon: Daemon, client: Client) -> None:
    daemon.hold(514, at="audio")
    job_id = create_tone_job(client, 2.0, seed=514)
    with contextlib.closing(edge.connect()) as connection:
        response = edge.begin(connection, "GET", f"/v1/jobs/{job_id}/outputs/1/audio")
        first = response.read(4096)
        assert job(client, job_id).takes == []
        assert int(response.headers["content-length"]) > 2 * 48_000 * 8
        daemon.release(514)
        data = first + response.read()
    until_state(client, job_id, "succeeded")
    asset_id = job(client, job_id).takes[0].outputs[0].asset_id
    assert hashlib.sha256(data).hexdigest() == asset_id
    assert edge.ask("GET", f"/v1/jobs/{job_id}/outputs/1/audio").body == data
    part = edge.ask("GET", f"/v1/jobs/{job_id}/outputs/1/audio", headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, b"RIFF")
    for number, status in (("2", 404), ("0", 404), ("x", 400)):
        assert edge.ask("GET", f"/v1/jobs/{job_id}/outputs/{number}/audio").status == status


def test_who_waits_for_an_output_gets_the_error_of_its_job(edge: Edge, daemon: Daemon, client: Client) -> None:
    daemon.hold(515)
    job_id = create_tone_job(client, 0.5, seed=515)
    until_state(client, job_id, "running")
    with contextlib.closing(edge.connect()) as connection:
        connection.request("GET", f"/v1/jobs/{job_id}/outputs/1/audio", headers={"Authorization": f"Bearer {edge.key}"})
        client.cancel(job_id)
        assert connection.getresponse().status == 409
    assert edge.ask("GET", f"/v1/jobs/{job_id}/outputs/1/audio").status == 409  # and who asks later the same


def test_a_page_gets_the_key_for_a_code_once(edge: Edge, daemon: Daemon) -> None:
    shown = subprocess.run([*COMMAND, "panel", "--no-open"], env=daemon.environment, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    where, _, code = shown.stdout.strip().partition("/#code=")
    assert where == f"http://127.0.0.1:{edge.port}"
    assert edge.ask("POST", "/panel/session", {"code": code}, token="").json == {"key": edge.key}
    for bad in ({"code": code}, {}, {"code": 5}):
        assert edge.ask("POST", "/panel/session", bad, token="").status == 401


def test_the_scopes_of_a_token_hold(edge: Edge, daemon: Daemon) -> None:
    reads = add_token(daemon.home, "reads", [Scope.READ])
    submits = add_token(daemon.home, "submits", [Scope.SUBMIT])
    assert edge.ask("POST", "/v1/JobService/ListJobs", {}, token=reads).status == 200
    refused = edge.ask("POST", "/v1/TaskService/TextToMusic", tone(516), token=reads)
    assert (refused.status, refused.reason) == (403, "PERMISSION_DENIED")
    with contextlib.closing(edge.connect()) as connection:
        answer = edge.begin(connection, "POST", "/v1/TaskService/TextToMusic", tone(516), token=submits)
        assert (answer.status, b"completed" in answer.read()) == (200, True)
    assert edge.ask("POST", "/v1/JobService/ListJobs", {}, token=submits).status == 403
    assert edge.ask("POST", "/v1/DaemonService/Shutdown", {}, token=submits).status == 403
    for path in ("/panel/api/codes", "/panel/api/tables"):
        assert edge.ask("POST", path, {}, token=reads).status == 403
    revoke_token(daemon.home, "reads")
    assert edge.ask("POST", "/v1/JobService/ListJobs", {}, token=reads).status == 401
    assert edge.ask("POST", "/v1/JobService/ListJobs", {}, token="e" * 64).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_foreign_page_gets_nothing(edge: Edge, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/JobService/ListJobs"), ("GET", "/openapi.json"), ("OPTIONS", "/v1/links")):
        answer = edge.ask(method, path, headers=headers)
        assert (answer.status, answer.body) == (403, b"")
        assert not [name for name in answer.headers if name.startswith(("access-control", "set-cookie"))]
    assert edge.ask("POST", "/v1/JobService/ListJobs", {}, token="").status == 401


def test_the_document_is_there_for_everybody(edge: Edge) -> None:
    document = edge.ask("GET", "/openapi.json", token="").json
    assert document["openapi"] == "3.1.0"
    assert "/v1/TaskService/Repaint" in document["paths"]
