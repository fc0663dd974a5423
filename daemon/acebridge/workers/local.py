"""The daemon's end of a worker process: start it, give it a job, read what it says, and end it when it will not stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

log = logging.getLogger(__name__)
_LINE_LIMIT = 16 * 2**20  # facts of a long song: beats, chords, lyrics


class WorkerDied(Exception):
    """The process ended in the middle of a job."""


class WorkerProcess:
    """A worker for one device, started when first needed and again after it died."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.restarts = -1
        #: Held by whoever gives it an order, until that is done.
        self.turn = asyncio.Lock()
        self._models: tuple[str, ...] = ()
        self._process: asyncio.subprocess.Process | None = None
        self._log_task: asyncio.Task[None] | None = None
        # Held until the process has its job, so that a cancel never overtakes the job it is for.
        self._ordering = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Its process id, 0 when it is not alive."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that it has loaded."""
        return self._models if self.pid else ()

    async def start(self) -> None:
        """Make sure that the process is alive and ready."""
        if self.pid:
            return
        self.restarts += 1
        self._models = ()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "acebridge.workers.main",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},  # its threads spin, at the cost of the DAW's audio
            # Ctrl-C in the daemon's terminal is the daemon's to handle.
            start_new_session=True,
        )
        self._log_task = asyncio.create_task(self._forward_log(self._process))
        await self._read()

    async def _forward_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            log.warning("worker: %s", line.decode(errors="replace").rstrip(), extra={"device": self.device})

    async def _read(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise WorkerDied(f"exit code {await self._process.wait()}")
        message: dict[str, Any] = json.loads(line)
        return message

    async def _tell(self, message: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None or not self.pid:
            return
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the reader of its output will notice

    async def run(self, order: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Give it an order and yield what it says, up to and with ``done`` or ``error``. Raises `WorkerDied`.

        Only one order at a time: hold ``turn``.
        """
        rested = bool(self.pid)
        await self._give(order)
        try:
            message = await self._read()
        except WorkerDied:
            if not rested:
                raise
            # It died, or was being ended, while it had nothing to do: that is not this job's fault.
            await self._give(order)
            message = await self._read()
        while True:
            last = message["is"] in ("done", "error")
            if last:
                self._models = tuple(message.pop("models", ()))
            yield message
            if last:
                return
            message = await self._read()

    async def _give(self, order: Mapping[str, Any]) -> None:
        async with self._ordering:
            await self.start()
            await self._tell(order)

    async def cancel(self, job_id: str, grace_s: float) -> None:
        """Ask it to stop a job; end the process when the job still runs after ``grace_s``, unless cancelled meanwhile."""
        async with self._ordering:
            await self._tell({"do": "cancel", "id": job_id})
        await asyncio.sleep(grace_s)
        log.warning("worker did not stop in %.1f s; ending it", grace_s, extra={"device": self.device, "job": job_id})
        await self.kill()

    async def kill(self) -> None:
        """End the process now."""
        if self._process is not None and self.pid:
            self._process.kill()
            await self._process.wait()
        if self._log_task is not None:
            await asyncio.wait([self._log_task])  # which outlives it when this wait is cancelled
            self._log_task = None
