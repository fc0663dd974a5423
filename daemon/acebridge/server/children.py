"""Programs that the daemon starts beside itself and never imports: they use it as any client does."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from acebridge.background import wait_at_most
from acebridge.config import VARIABLES, Config
from acebridge.private_files import user_umask
from acebridge.server.engine_choice import find_own_tasks
from acebridge.workers.launch import LINE_LIMIT, command, environment
from acebridge.workers.remote import Line, RemoteState

log = logging.getLogger(__name__)
#: The exit code of a program that would only fail again: a port that is taken, a setting that is wrong.
_BAD_INPUT = 2
_STOP_TIMEOUT_S, _PAUSE_S = 5.0, 1.0
#: Windows would open a console for it.
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


async def run_osc_bridge(
    config: Config, address: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Run the OSC bridge, again when it ends, until it says that it cannot run; when cancelled, end it."""
    await _keep(("osc", "serve", "--address", address, "--no-autostart", "--with-parent"), config, sleep)


async def run_panel(config: Config, address: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Run the JSON edge and the panel, as `run_osc_bridge` does."""
    await _keep(("panel", "serve", "--address", address, "--no-autostart", "--with-parent"), config, sleep)


async def _keep(words: tuple[str, ...], config: Config, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Run a command of ours, again when it ends, until it says that it cannot run."""
    name = " ".join(words)
    while (code := await _run(words, config)) != _BAD_INPUT:
        log.warning("ended; starting it again", extra={"command": name, "code": code})
        await sleep(_PAUSE_S)
    log.error("cannot run", extra={"command": name})


async def watch_line(config: Config, line: Line) -> None:
    """Run the process that watches the line to the other machine, and note what it says; when cancelled, end it."""
    line.note_own(await asyncio.to_thread(find_own_tasks))
    words = (line.address,)
    process = await _start("acebridge.forwarding.watch", words, config, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    line.ask_again = partial(process.stdin.write, b"\n")
    try:
        while report := await process.stdout.readline():
            state = _state_of(json.loads(report), line.state)
            extra = {"address": line.address, "version": state.version, "why": state.why}
            log.info("the line is up" if state.is_up else "the line is down", extra=extra)
            line.note_own(await asyncio.to_thread(find_own_tasks))
            line.note_state(state)
    finally:
        line.ask_again = lambda: None
        await _end(process)


def _state_of(report: dict[str, Any], before: RemoteState) -> RemoteState:
    """Return what a report of the watch says; where the line is down, what was known before stays."""
    if not report["up"]:
        return dataclasses.replace(before, is_up=False, why=report["why"])
    return RemoteState(
        is_up=True,
        version=report["version"],
        missing=report["missing"],
        tasks=frozenset(report["tasks"]),
        models=tuple(report["models"]),
        adapters=tuple(report["adapters"]),
    )


async def _run(words: tuple[str, ...], config: Config) -> int:
    """Run a command of ours and return its exit code. It ends when its standard input does: with this process at the latest."""
    process = await _start("acebridge.cli", words, config, stdout=asyncio.subprocess.DEVNULL)
    try:
        return await process.wait()
    finally:
        await _end(process)


async def _start(module: str, words: tuple[str, ...], config: Config, *, stdout: int) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *command(module, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        limit=LINE_LIMIT,
        creationflags=_NO_WINDOW,
        umask=user_umask(),  # it writes results where the musician wants them
        cwd=config.data_dir,
        env={
            **environment(os.environ),
            "ACEBRIDGE_HOME": str(config.data_dir),
            VARIABLES["roots"]: os.pathsep.join(map(str, config.roots)),
        },
    )
    log.info("started", extra={"command": " ".join((module, *words)), "pid": process.pid})
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await wait_at_most(_STOP_TIMEOUT_S, process.wait())
    except asyncio.TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
