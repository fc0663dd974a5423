"""Who may call the MCP server over HTTP, and a daemon that is killed and comes back between its calls and amid one."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import soundfile

from acebridge.hosts.mcp.http import MAX_BODY_BYTES
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, expected_tone
from tests.support.mcp_clients import Server, error, over_http, over_stdio, serve_http, talk, values
from tests.support.shell import Shell

TONE = {"duration_s": 0.3, "submission": {"engine": "fake"}}
ASK = json.dumps(
    {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }
).encode()  # fmt: skip


@pytest.fixture(scope="module")
def server(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve_http(daemon.environment, tmp_path_factory.mktemp("mcp") / "results") as server:
        yield server


def ask(
    server: Server, method: str = "POST", path: str = "/mcp", body: bytes = ASK, **headers: str
) -> tuple[int, bytes]:
    """Send one request with these headers and no others of ours; return status and body."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    usual = {"Host": f"127.0.0.1:{server.port}", "Content-Type": "application/json",
             "Accept": "application/json, text/event-stream", "Content-Length": str(len(body))}  # fmt: skip
    for name, value in {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
        if value:
            line.putheader(name, value)
    line.endheaders(body)
    answer = line.getresponse()
    found = answer.status, answer.read()
    assert not {"access-control-allow-origin", "set-cookie"} & {name.lower() for name, _ in answer.getheaders()}
    line.close()
    return found


def test_only_this_machine_s_programs_with_a_token_get_anything(server: Server, daemon: Daemon) -> None:
    token = f"Bearer {daemon.token}"
    status, body = ask(server, Authorization=token)
    assert status == 200
    assert b"acebridge" in body
    here = f"127.0.0.1:{server.port}"
    for name in ("localhost", "[::1]"):
        assert ask(server, Authorization=token, Host=f"{name}:{server.port}")[0] == 200
    assert ask(server, Authorization=token, Origin=f"http://{here}")[0] == 200
    for headers in (
        {"Host": "evil.example"}, {"Host": f"evil.example:{server.port}"}, {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": f"https://{here}"},
        {"Origin": "http://127.0.0.1:1"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
    ):  # fmt: skip
        for method in ("POST", "GET", "DELETE", "OPTIONS"):
            assert ask(server, method, Authorization=token, **headers) == (403, b""), headers
    assert ask(server, Authorization=token, Host="")[0] == 400, "HTTP has no such request"
    for wrong in ("", "Bearer", f"Bearer {'0' * 64}", f"Basic {daemon.token}", f"Bearer {daemon.token}0", "Bearer x"):
        for path in ("/mcp", "/", "/nothing"):
            assert ask(server, path=path, Authorization=wrong) == (401, b""), wrong


def test_a_body_has_a_limit(server: Server, daemon: Daemon) -> None:
    token = f"Bearer {daemon.token}"
    fits = ASK + b" " * (MAX_BODY_BYTES - len(ASK))
    assert ask(server, body=fits, Authorization=token)[0] == 200
    assert ask(server, body=fits + b" ", Authorization=token)[0] == 413


def test_the_scopes_of_a_token_hold(server: Server, shell: Shell) -> None:
    tokens = {
        scope: shell.run("token", "new", f"mcp-{scope}", "--scope", scope).stdout.split()[-1]
        for scope in ("read", "submit")
    }

    async def chat() -> None:
        async with over_http(server, tokens["read"]) as reader, over_http(server, tokens["submit"]) as maker:
            assert error(await reader.call_tool("text2music", TONE))["reason"] == "PERMISSION_DENIED"
            assert error(await maker.call_tool("jobs_list"))["reason"] == "PERMISSION_DENIED"
            made = values(await maker.call_tool("text2music", {**TONE, "output": {"seeds": [61]}}))
            listed = values(await reader.call_tool("jobs_list"))
            assert made["job_id"] in [job["id"] for job in listed["jobs"]]
            shell.run("token", "revoke", "mcp-submit")
            refused = await maker.call_tool("capabilities")
            while not refused.is_error:  # the daemon notices within a moment
                refused = await maker.call_tool("capabilities")
            assert error(refused)["reason"] == "UNAUTHENTICATED"

    talk(chat)


@pytest.mark.slow
def test_a_daemon_that_was_killed_is_found_again(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        own = Shell(tmp_path, daemon.environment)
        token = own.run("token", "new", "chat", "--scope", "admin").stdout.split()[-1]
        results = tmp_path / "results"
        with serve_http(daemon.environment, results, "--no-autostart") as server:

            async def chat() -> None:
                async with (
                    over_stdio(daemon.environment, results, "--no-autostart") as by_pipe,
                    over_http(server, token) as by_http,
                ):
                    for client in (by_pipe, by_http):
                        values(await client.call_tool("text2music", TONE))
                    daemon.kill()
                    away = error(await by_pipe.call_tool("capabilities"))
                    assert away["reason"] == "UNAVAILABLE"
                    assert "acebridge serve" in away["remedy"]
                    daemon.start()
                    for client in (by_pipe, by_http):
                        values(await client.call_tool("text2music", TONE))

            talk(chat)
            daemon.kill()
            # A token that was asked about a moment ago may still open the door; there is nobody behind it.
            status, body = ask(server, Authorization=f"Bearer {'1' * 64}")
            assert status == 503
            assert json.loads(body)["error"]["reason"] == "UNAVAILABLE"
            daemon.start()


@pytest.mark.slow
def test_a_daemon_that_is_killed_amid_a_call_is_started_again_and_the_job_goes_on(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="port = 0\n") as daemon:
        daemon.hold(71)
        fields: dict[str, Any] = {**TONE, "output": {"seeds": [71]}, "sampling": {"steps": 8}}

        async def chat() -> dict[str, Any]:
            async with over_stdio(daemon.environment, tmp_path / "results") as client:
                begun = anyio.Event()

                async def note(fraction: float, *_: Any) -> None:
                    if fraction > 0:
                        begun.set()

                made: list[Any] = []

                async def ask() -> None:
                    made.append(values(await client.call_tool("text2music", fields, progress_callback=note)))

                async with anyio.create_task_group() as group:
                    group.start_soon(ask)
                    await begun.wait()
                    daemon.kill()
                    daemon.release()
                found: dict[str, Any] = made[0]
                return found

        made = talk(chat)
        own = Shell(tmp_path, daemon.environment)
        (output,) = made["takes"][0]["outputs"]
        assert (soundfile.read(output["file"], dtype="float32")[0] == expected_tone(71, 0.3)).all()
        own.run("stop")  # the one that the server has started
