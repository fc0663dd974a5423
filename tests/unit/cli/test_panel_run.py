"""What `acebridge panel` does where an edge serves already, and where none does."""

from __future__ import annotations

import asyncio
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acebridge.cli import panel_run
from acebridge.config import HttpSettings
from acebridge.errors import Unavailable
from acebridge.hosts.http import serve as serving
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.serve import find_running


@contextmanager
def edge_at(home: Path) -> Iterator[Edge]:
    """An edge in a thread."""
    ready, stops = threading.Event(), []
    edges: list[Edge] = []

    async def main() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))

        def note(edge: Edge) -> None:
            edges.append(edge)
            ready.set()

        await serving.serve(home, 0, stop, ready=note)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(60)
        yield edges[0]
    finally:
        ((loop, stop),) = stops
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def test_a_code_of_the_edge_that_runs_opens_the_browser(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(panel_run, "find_daemon", lambda *_, **__: "127.0.0.1:1")
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)) or True)
    with edge_at(home) as edge:
        panel_run.open_or_serve(None, is_opening=True, address=None, autostart=True)
        (url,) = opened
        assert capsys.readouterr().out.strip() == url
        where, _, code = url.partition("/#code=")
        assert where == edge.url
        edge.codes.take(code)
        panel_run.open_or_serve(None, is_opening=False, address=None, autostart=True)
        assert len(opened) == 1
        assert "#code=" in capsys.readouterr().out


def test_no_key_is_sent_to_a_program_that_is_not_the_edge(home: Path) -> None:
    with edge_at(home):
        running = find_running(home)
        assert running is not None
        (home / "panel-key").write_text("f" * 64)  # another one's
        with pytest.raises(Unavailable, match="does not answer as it should") as caught:
            panel_run._ask_code(running)
        assert str(running.pid) in caught.value.remedy


def test_without_a_daemon_nothing_is_served_where_none_may_be_started(home: Path) -> None:
    with pytest.raises(Unavailable, match="No AceBridge daemon"):
        panel_run.open_or_serve(None, is_opening=False, address=None, autostart=False)
    assert not (home / "panel.json").exists()


def test_the_usual_port_stays_unless_the_settings_name_another() -> None:
    assert HttpSettings().port == 50780
    with pytest.raises(ValueError, match="less than or equal to 65535"):
        HttpSettings(port=70000)
