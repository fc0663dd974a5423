"""The MCP server, with the stock client: every tool, progress, cancellation, results and resources, over stdio and HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio
import pytest
import soundfile
from mcp import Client
from mcp.shared.exceptions import MCPError

from acebridge.client.client import Client as DaemonClient
from acebridge.contract.fields import fields_of
from acebridge.contract.tasks import RPCS
from acestep_runtime.recipes import parse_recipe
from acestep_runtime.tasks import TASKS
from tests.support.daemon import Daemon, create_tone_job, expected_tone, job, song, state, until_state, write_wav
from tests.support.mcp_clients import MODES, Server, error, over_http, over_stdio, serve_http, talk, values
from tests.support.transcripts import _task_requests

#: Gives a client of a server whose results go into the test's folder.
Open = Callable[[], AbstractAsyncContextManager[Client]]
WAYS = [(kind, mode) for kind in ("stdio", "http") for mode in MODES]
#: For what does not depend on how a client begins.
each_transport = pytest.mark.parametrize(
    "connect", [("stdio", "auto"), ("http", "legacy")], indirect=True, ids=["stdio", "http"]
)


@pytest.fixture(scope="module")
def server(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve_http(daemon.environment, tmp_path_factory.mktemp("mcp") / "results") as server:
        yield server


@pytest.fixture(params=WAYS, ids=["-".join(way) for way in WAYS])
def connect(request: pytest.FixtureRequest, daemon: Daemon, client: DaemonClient, tmp_path: Path) -> Open:
    """Each transport, with clients of both kinds."""
    del client  # what a test holds is released at its end
    kind, mode = request.param
    if kind == "http":
        server = request.getfixturevalue("server")
        return lambda: over_http(server, daemon.token, mode)
    return lambda: over_stdio(daemon.environment, tmp_path / "results", mode=mode)


@pytest.fixture
def only_stdio(daemon: Daemon, client: DaemonClient, tmp_path: Path) -> Open:
    del client
    return lambda: over_stdio(daemon.environment, tmp_path / "results")


def seed_of(request: pytest.FixtureRequest) -> int:
    """A seed that no other test of a module has."""
    return int.from_bytes(hashlib.sha256(request.node.nodeid.encode()).digest()[:4], "big") // 2


def tone_fields(seed: int, duration_s: float = 0.5, **more: Any) -> dict[str, Any]:
    return {
        "duration_s": duration_s, "output": {"seeds": [seed]}, "submission": {"engine": "fake"}, **more,
    }  # fmt: skip


def read(file: str | Path) -> bytes:
    return Path(file).read_bytes()


@each_transport
def test_every_task_is_a_tool_that_the_client_calls(
    connect: Open, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = write_wav(tmp_path / "my söng.wav", song(3.0, seed=seed_of(request)))
    tasks = {RPCS[rpc]: fields_of(each) for rpc, each in _task_requests("").items()}
    tasks["text2music"]["duration_s"] = 2.0  # type: ignore[index]
    assert tasks.keys() == TASKS.keys()

    async def chat() -> None:
        async with connect() as client:
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert listed.keys() >= TASKS.keys()
            asset = values(await client.call_tool("upload_file", {"path": str(path)}))
            for number, (task, fields) in enumerate(tasks.items()):
                given = dict(fields)
                if "source" in given:
                    given["source"] = (str(path), asset["id"], {"asset_id": asset["id"]}, {"path": str(path)})[
                        number % 4
                    ]
                assert listed[task].input_schema["properties"].keys() >= given.keys()
                made = values(await client.call_tool(task, given))
                assert made["task"] == task
                assert made["engine"] == "draft"
                check_takes(made, task)

    talk(chat)


def check_takes(made: dict[str, Any], task: str) -> None:
    """Files hold what the store has, and what was measured is reports."""
    (take,) = made["takes"]
    if TASKS[task].kind == "audio":
        assert take["outputs"]
        for output in take["outputs"]:
            data = Path(output["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == output["asset_id"]
            assert output["uri"] == f"acebridge://asset/{output['asset_id']}"
            assert soundfile.info(output["file"]).frames == output["frames"]
    else:
        assert "outputs" not in take or not take["outputs"]
        assert take["metadata"]
        assert take["files"]
    if task == "text2music":
        assert take["metadata"]["lrc"]
        assert take["metadata"]["score"]
    if task == "transcribe":
        assert any(Path(file).suffix == ".mid" for file in take["files"])


@each_transport
def test_the_other_tools(connect: Open, client: DaemonClient, request: pytest.FixtureRequest) -> None:
    seed = seed_of(request)

    async def chat() -> None:
        async with connect() as chatting:
            tools = {tool.name: tool for tool in (await chatting.list_tools()).tools}
            made = values(await chatting.call_tool("text2music", tone_fields(seed)))
            job_id = made["job_id"]
            listed = values(await chatting.call_tool("jobs_list", {"page_size": 3, "states": ["succeeded"]}))
            assert listed["jobs"][0]["id"] == job_id
            assert listed["jobs"][0]["origin"]["host"].endswith("(MCP)")
            got = values(await chatting.call_tool("job_get", {"job_id": job_id}))
            assert got["state"] == "succeeded"
            assert got["takes"][0]["outputs"][0]["asset_id"] == made["takes"][0]["outputs"][0]["asset_id"]
            saved = values(await chatting.call_tool("job_get", {"job_id": job_id, "save": True}))
            first, second = (each["takes"][0]["outputs"][0]["file"] for each in (made, saved))
            assert first != second
            assert read(first) == read(second)
            batch = values(await chatting.call_tool("next_batch", {"job_id": job_id}))
            assert batch["takes"][0]["seed"] == seed + 1
            assert job(client, batch["job_id"]).previous_job_id == job_id
            waiting = values(await chatting.call_tool("text2music", tone_fields(seed + 2, wait_s=0)))
            assert "job_get" in waiting["note"]
            cancelled = values(await chatting.call_tool("job_cancel", {"job_id": waiting["id"]}))
            assert cancelled["id"] == waiting["id"]
            await anyio.to_thread.run_sync(until_state, client, waiting["id"], "cancelled", "succeeded")
            assets = values(await chatting.call_tool("assets_list", {"page_size": 2}))
            assert len(assets["assets"]) == 2
            assert "models" in values(await chatting.call_tool("models_list"))
            able = values(await chatting.call_tool("capabilities"))
            assert {"draft", "neural"} <= {engine["name"] for engine in able["engines"]}
            assert able["status"]["roots"]
            refused = error(await chatting.call_tool("place_audio", {"job_id": job_id}))
            assert "No REAPER watches" in refused["message"]
            others = {"jobs_list", "job_get", "next_batch", "job_cancel", "assets_list", "models_list", "capabilities"}
            assert tools.keys() == TASKS.keys() | others | {"place_audio", "upload_file"}
            assert tools["jobs_list"].annotations.read_only_hint  # type: ignore[union-attr]

    talk(chat)


def test_progress_grows_and_says_what_is_done(connect: Open, daemon: Daemon, request: pytest.FixtureRequest) -> None:
    """The take stands still until its progress was told."""
    seed, reports = seed_of(request), []
    daemon.hold(seed)

    async def note(fraction: float, total: float | None, message: str | None) -> None:
        reports.append((fraction, total, message))
        if fraction > 0:
            daemon.release()

    async def chat() -> None:
        async with connect() as client:
            fields = tone_fields(seed, sampling={"steps": 40})
            values(await client.call_tool("text2music", fields, progress_callback=note))

    talk(chat)
    fractions = [fraction for fraction, _, _ in reports]
    assert fractions == sorted(set(fractions))
    assert fractions[-1] == 1
    assert any(0 < fraction < 1 for fraction in fractions)  # how many of them depends on the machine
    assert {total for _, total, _ in reports} == {1.0}
    assert any("sampling" in message and "s left" in message for _, _, message in reports)


def test_who_cancels_a_call_cancels_its_job(
    connect: Open, daemon: Daemon, client: DaemonClient, request: pytest.FixtureRequest
) -> None:
    seed = seed_of(request)
    daemon.hold(seed)

    async def chat() -> str:
        async with connect() as chatting:
            begun = anyio.Event()

            async def note(fraction: float, *_: Any) -> None:
                if fraction > 0:
                    begun.set()

            async with anyio.create_task_group() as group:
                fields = tone_fields(seed, sampling={"steps": 8})
                group.start_soon(lambda: chatting.call_tool("text2music", fields, progress_callback=note))
                await begun.wait()
                (running,) = values(await chatting.call_tool("jobs_list", {"states": ["running"]}))["jobs"]
                group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(until_state, client, running["id"], "cancelled")
            assert "engines" in values(await chatting.call_tool("capabilities"))  # it goes on
            return str(running["id"])

    assert state(client, talk(chat)) == "cancelled"


def test_a_call_that_waits_no_longer_leaves_its_job(
    only_stdio: Open, daemon: Daemon, request: pytest.FixtureRequest
) -> None:
    seed = seed_of(request)
    daemon.hold(seed)

    async def chat() -> None:
        async with only_stdio() as client:
            left = values(await client.call_tool("text2music", tone_fields(seed, sampling={"steps": 8}, wait_s=0.5)))
            assert left["state"] in ("queued", "running")
            daemon.release(seed)
            made = values(await client.call_tool("job_get", {"job_id": left["id"], "save": True}))
            (output,) = made["takes"][0]["outputs"]
            assert (soundfile.read(output["file"], dtype="float32")[0] == expected_tone(seed, 0.5)).all()

    talk(chat)


@each_transport
def test_assets_and_recipes_are_resources(connect: Open, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    seed = seed_of(request)
    large = write_wav(tmp_path / "large.wav", song(30.0, seed=seed))

    async def chat() -> None:
        async with connect() as client:
            made = await client.call_tool("text2music", tone_fields(seed, music={"caption": "a tone"}))
            (output,) = values(made)["takes"][0]["outputs"]
            (link,) = [each for each in made.content if each.type == "resource_link"]
            assert str(link.uri) == output["uri"]
            listed = await client.list_resources()
            assert output["uri"] in [str(each.uri) for each in listed.resources]
            templates = {each.uri_template for each in (await client.list_resource_templates()).resource_templates}
            assert templates == {"acebridge://asset/{asset_id}", "acebridge://recipe/{asset_id}"}

            (blob,) = (await client.read_resource(output["uri"])).contents
            assert blob.mime_type == "audio/wav"
            assert base64.b64decode(blob.blob) == read(output["file"])
            (text,) = (await client.read_resource(f"acebridge://recipe/{output['asset_id']}")).contents
            assert text.mime_type == "application/json"
            assert parse_recipe(text.text, "it").seed == seed
            assert json.loads(text.text)["task"] == "text2music"

            stored = values(await client.call_tool("upload_file", {"path": str(large)}))
            assert stored["size_bytes"] > 8 << 20
            (elsewhere,) = (await client.read_resource(f"acebridge://asset/{stored['id']}")).contents
            assert elsewhere.mime_type == "text/uri-list"
            assert read(url2pathname(urlsplit(elsewhere.text.strip()).path)) == read(large)
            for uri in (
                f"acebridge://recipe/{stored['id']}",
                f"acebridge://asset/{'0' * 64}",
                "acebridge://asset/../x",
            ):
                with pytest.raises(MCPError, match=r"\w+\. \w+|no such|There is no"):
                    await client.read_resource(uri)

    talk(chat)


BAD = [
    ("text2music", {"speed": 2}, "speed is 2; allowed: one of the fields"),
    ("text2music", {"duration_s": 9000}, "duration_s is 9000"),
    ("text2music", {"duration_s": "long"}, "duration_s is 'long'"),
    ("text2music", {"source": "/tmp/x.wav"}, "source is '/tmp/x.wav'; allowed: nothing"),
    ("text2music", {"wait_s": -1}, "wait_s is -1"),
    ("repaint", {}, "source"),
    ("repaint", {"source": "song.wav"}, "source is 'song.wav'; allowed: the full path"),
    ("repaint", {"source": "/etc/hostname"}, "hostname lies outside the folders"),
    ("repaint", {"source": {"path": "/tmp/x.wav", "asset_id": "0" * 64}}, "either path or asset_id"),
    ("repaint", {"source": 7}, "source"),
    ("job_get", {}, "job_id is missing."),
    ("job_get", {"job_id": "0" * 32}, "0" * 32),
    ("job_get", {"job_id": "0" * 32, "save": "yes"}, "save is 'yes'; allowed: true or false"),
    ("jobs_list", {"states": ["asleep"]}, "queued, running, succeeded"),
    ("upload_file", {"path": "/etc/passwd"}, "passwd lies outside the folders"),
    ("place_audio", {}, "either job_id or audio"),
    ("place_audio", {"job_id": "0" * 32, "host": "cubase"}, "host is 'cubase'; allowed: reaper, ardour"),
    ("place_audio", {"job_id": "0" * 32, "at": "nowhere"}, "at is 'nowhere'; allowed: seconds"),
    ("place_audio", {"job_id": "0" * 32, "as_take": "yes"}, "as_take is 'yes'"),
    ("place_audio", {"audio": [1]}, "audio"),
    ("place_audio", {"audio": ["/etc/passwd"]}, "passwd lies outside the folders"),
]  # fmt: skip


def test_what_is_wrong_is_an_error_that_says_what_to_do(only_stdio: Open) -> None:
    async def chat() -> None:
        async with only_stdio() as client:
            for tool, arguments, says in BAD:
                found = error(await client.call_tool(tool, arguments))
                assert says in found["message"], (tool, arguments, found)
                assert found["reason"] in ("INVALID_VALUE", "NOT_FOUND", "UNREADABLE_AUDIO"), (tool, arguments, found)
            with pytest.raises(MCPError, match="There is no tool 'dance'"):
                await client.call_tool("dance", {})

    talk(chat)


def test_many_calls_at_once_get_files_of_their_own(
    only_stdio: Open, client: DaemonClient, request: pytest.FixtureRequest
) -> None:
    seed = seed_of(request)
    create_tone_job(client, 0.2, seed=seed)

    async def chat() -> None:
        made: dict[int, dict[str, Any]] = {}
        async with only_stdio() as chatting:

            async def ask(number: int) -> None:
                made[number] = values(await chatting.call_tool("text2music", tone_fields(seed + number, 0.2)))

            async with anyio.create_task_group() as group:
                for number in range(1, 7):
                    group.start_soon(ask, number)
        files = {number: each["takes"][0]["outputs"][0]["file"] for number, each in made.items()}
        assert len(set(files.values())) == 6
        for number, file in files.items():
            assert (soundfile.read(file, dtype="float32")[0] == expected_tone(seed + number, 0.2)).all()

    talk(chat)
