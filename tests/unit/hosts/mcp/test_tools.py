"""The table of tools: names, schemas, and choosing among them."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import jsonschema
import pytest
from mcp import Client

from acebridge.cli.mcp import mcp
from acebridge.client.client import Client as DaemonClient
from acebridge.contract.json_schema import Schema
from acebridge.contract.tasks import request_type
from acebridge.hosts.mcp import server as mcp_server
from acebridge.hosts.mcp.access import Access
from acebridge.hosts.mcp.answers import Answer
from acebridge.hosts.mcp.calls import MAX_CALLS
from acebridge.hosts.mcp.server import make_server
from acebridge.hosts.mcp.sources import audio_fields, import_file
from acebridge.hosts.mcp.tasks import wait_of
from acebridge.hosts.mcp.tool import Tool
from acebridge.hosts.mcp.tools import all_tools
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS
from tests.support.daemon import PATIENCE_S
from tests.support.mcp_clients import error, talk, values

TOOLS = all_tools()


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_says_what_it_is_and_takes(name: str) -> None:
    tool = TOOLS[name]
    assert tool.about.endswith(".")
    jsonschema.Draft202012Validator.check_schema(tool.schema)
    assert tool.schema["additionalProperties"] is False
    assert all(field.get("description") for field in tool.schema["properties"].values())
    assert not (tool.reads and tool.destructive)


@pytest.mark.parametrize("task", TASKS)
def test_the_tool_of_a_task_has_all_fields_of_its_request(task: str) -> None:
    fields = TOOLS[task].schema["properties"]
    assert fields.keys() == {*request_type(task).DESCRIPTOR.fields_by_name, "wait_s"}
    for name in {*AUDIO_FIELDS} & fields.keys():
        for given in ("/music/a.wav", "5f" * 32, {"path": "/a.wav", "region": {"start_s": 1, "end_s": 2}}):
            jsonschema.validate(given, fields[name])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"inline": "AAAA"}, fields[name])


def test_the_whole_list_is_as_long_as_docs_mcp_md_says(tmp_path: Path) -> None:
    server = make_server(lambda _: Access(None, tmp_path, autostart=False))

    async def chat() -> dict[str, int]:
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
        return {tool.name: len(tool.model_dump_json(by_alias=True, exclude_none=True).encode()) for tool in tools}

    sizes = talk(chat)
    for name, task in TASKS.items():
        least, most = (
            (8_500, 9_500) if name == "extract" else (11_500, 14_500) if task.kind == "audio" else (2_500, 5_500)
        )
        assert least < sizes[name] < most, name
    assert 4_500 < sum(size for name, size in sizes.items() if name not in TASKS) < 5_500
    assert 90_000 < sum(sizes.values()) < 110_000


def test_some_tools_alone(tmp_path: Path) -> None:
    access = Access(None, tmp_path, autostart=False)
    server = make_server(lambda _: access, ["repaint", "place_audio"])

    async def chat() -> None:
        async with Client(server) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["repaint", "place_audio"]
            refused = error(await client.call_tool("repaint", {"source": "/x.wav"}))
            assert (refused["reason"], refused["message"]) == ("UNAVAILABLE", "No AceBridge daemon runs.")

    talk(chat)
    with pytest.raises(InvalidValue, match="--tools is 'dance'; allowed: text2music, cover"):
        make_server(lambda _: access, ["repaint", "dance"])


def test_calls_that_last_keep_neither_other_tokens_waiting_nor_short_calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun, go_on, access = threading.Semaphore(0), threading.Event(), Access(None, tmp_path, token="a")

    def hold(*_: object) -> Answer:
        begun.release()
        assert go_on.wait(PATIENCE_S)
        return Answer({"held": True})

    def look(*_: object) -> Answer:
        return Answer({"looked": True})

    def schema(*names: str) -> Schema:
        return {"type": "object", "properties": {name: {"type": "number"} for name in names}}

    tools = {"hold": Tool("hold", "Waits.", schema("wait_s"), hold), "look": Tool("look", "Looks.", schema(), look)}
    monkeypatch.setattr(mcp_server, "all_tools", lambda: tools)
    server = make_server(lambda _: access)

    async def chat() -> None:
        nonlocal access
        async with Client(server) as client, anyio.create_task_group() as group:
            for _ in range(MAX_CALLS):
                group.start_soon(client.call_tool, "hold")
            try:
                for _ in range(MAX_CALLS):
                    await anyio.to_thread.run_sync(begun.acquire)
                assert values(await client.call_tool("look")) == {"looked": True}
                access = access.with_token("b")
                group.start_soon(client.call_tool, "hold")
                await anyio.to_thread.run_sync(begun.acquire)
            finally:
                go_on.set()

    talk(chat)


def test_the_folder_for_results_is_no_home_of_nobody() -> None:
    with pytest.raises(InvalidValue, match="--results is '~nobody-5302/a'; allowed: the path of a folder"):
        mcp(results=Path("~nobody-5302/a"))


@pytest.mark.parametrize(("given", "wait_s"), [({}, None), ({"wait_s": 0}, 0.0), ({"wait_s": 2.5, "x": 1}, 2.5)])
def test_the_wait_is_taken_out_of_the_arguments(given: dict[str, float], wait_s: float | None) -> None:
    assert wait_of(given) == wait_s
    assert "wait_s" not in given


@pytest.mark.parametrize("value", [True, "1", -1, float("nan"), 1e9])
def test_a_wait_is_a_time(value: object) -> None:
    with pytest.raises(InvalidValue, match="wait_s"):
        wait_of({"wait_s": value})


def test_sources_are_assets_or_full_paths() -> None:
    with DaemonClient("127.0.0.1:1") as client:
        for given in ("5f" * 32, f"acebridge://asset/{'5f' * 32}", {"asset_id": "5f" * 32}):
            assert audio_fields(client, given, "source") == ({"asset_id": "5f" * 32}, None)
        region = {"asset_id": "5f" * 32, "region": {"start_s": 1.0}}
        assert audio_fields(client, region, "source") == (region, None)
        for wrong in (7, {"path": "/a.wav", "asset_id": "5f" * 32}, {"path": 7}):
            with pytest.raises(InvalidValue, match="source"):
                audio_fields(client, wrong, "source")
        for path in ("song.wav", "~nobody-5302/song.wav", "~nobody\0/song.wav"):
            with pytest.raises(InvalidValue, match="the full path of an audio file"):
                import_file(client, path, "path")
