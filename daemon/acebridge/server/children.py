"""Programs that the daemon starts beside itself and never imports: they use it as any client does."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress

from acebridge.background import wait_at_most
from acebridge.config import VARIABLES, Config
from acebridge.private_files import user_umask
from acebridge.workers.launch import command, environment

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
    words = ("osc", "serve", "--address", address, "--no-autostart", "--with-parent")
    name = " ".join(words)
    while (code := await _run(words, config)) != _BAD_INPUT:
        log.warning("ended; starting it again", extra={"command": name, "code": code})
        await sleep(_PAUSE_S)
    log.error("cannot run", extra={"command": name})


async def _run(words: tuple[str, ...], config: Config) -> int:
    """Run a command of ours and return its exit code. It ends when its standard input does: with this process at the latest."""
    process = await asyncio.create_subprocess_exec(
        *command("acebridge.cli", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        creationflags=_NO_WINDOW,
        umask=user_umask(),  # it writes results where the musician wants them
        cwd=config.data_dir,
        env={
            **environment(os.environ),
            "ACEBRIDGE_HOME": str(config.data_dir),
            VARIABLES["roots"]: os.pathsep.join(map(str, config.roots)),
        },
    )
    log.info("started", extra={"command": " ".join(words), "pid": process.pid})
    try:
        return await process.wait()
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await wait_at_most(_STOP_TIMEOUT_S, process.wait())
    except asyncio.TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
