"""A fork server with preloaded engine modules: a worker starts in milliseconds, not in seconds.

    daemon ── fork, with the worker's ends of its pipes ──► fork server ── fork ──► worker
       ▲ ◄──────────── pid, and its exit code later ─────────────┘                   │
       └───────────────────────── orders and messages ───────────────────────────────┘

The server imports modules and computes nothing. So it has one thread, and no device is initialised in it; otherwise it refuses
to fork, and the worker is spawned. It ends with the daemon, and its workers end with it.

Why not `multiprocessing.forkserver`: that one looks for modules in the folder that the daemon was started in, runs the daemon's
main module again in each child, stays in the session of the daemon's terminal, where Ctrl-C reaches it, blocks the event loop
until all is imported, and starts one more process that tracks semaphores.

Linux only. Libraries of macOS do not survive a fork, and Windows has none.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import importlib
import itertools
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict

from acebridge.errors import is_exhausted
from acebridge.workers import blas
from acebridge.workers.launch import (
    LINE_LIMIT,
    PARENT,
    START_LIMIT_S,
    Child,
    Spawner,
    command,
    end_with_parent,
    environment,
    log_output,
)

log = logging.getLogger(__name__)
IS_SUPPORTED = sys.platform == "linux"
_PACKET_BYTES = 1 << 16
#: How many descriptors a worker gets: orders, messages, printed output.
_WORKER_ENDS = 3
#: Has ``torch.cuda.is_available`` ask the driver without initialising CUDA, after which no child could use it.
_NO_CUDA_INIT = "PYTORCH_NVML_BASED_CUDA_CHECK"
#: Seconds between two looks at a worker that was killed: a server that hangs does not report its end.
_LOOK_S = 1.0


class _Preload(TypedDict):
    """Import modules. A later fork waits for that: else the worker would import them itself."""

    op: Literal["preload"]
    modules: Sequence[str]


class _Fork(TypedDict):
    """Import modules and fork. The worker's ends come with it: orders, messages, and printed output."""

    op: Literal["fork"]
    number: int
    modules: Sequence[str]


class _ForkReply(TypedDict):
    type: Literal["forked"]
    number: int
    pid: int


class _RefusalReply(TypedDict):
    """``code`` is the number of the system's error, 0 for a reason of ours."""

    type: Literal["refused"]
    number: int
    reason: str
    code: int


class _ExitReply(TypedDict):
    type: Literal["exited"]
    number: int
    code: int


_Request: TypeAlias = _Preload | _Fork
_Answer: TypeAlias = _ForkReply | _RefusalReply
_Reply: TypeAlias = _Answer | _ExitReply


class CannotFork(Exception):
    """The fork server refuses, or has ended."""


# ---- the daemon's end ----


class ForkServer:
    """Starts workers by forking. The server starts with the first request, and again after it has died.

    One that does not answer within ``limit_s`` hangs, and is ended. ``record`` gets the id of its process: one that is stopped
    as soon as it begins does not end with the daemon.
    """

    def __init__(
        self, folder: Path, *, limit_s: float = START_LIMIT_S, record: Callable[[int], None] = lambda _: None
    ) -> None:
        self._folder = folder
        self._limit_s = limit_s
        self._record = record
        self._spawner = Spawner(folder)
        self._server: _Server | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Its process id, 0 when it is not alive."""
        return 0 if self._server is None or self._server.ended.done() else self._server.process.pid

    async def preload(self, modules: Sequence[str]) -> None:
        """See `Launcher.preload`."""
        (await self._running()).send({"op": "preload", "modules": modules})

    async def launch(self, modules: Sequence[str]) -> Child:
        """See `Launcher.launch`. Where the server cannot fork, but the system would let it, the worker is spawned."""
        try:
            return await (await self._running()).fork(modules)
        except (OSError, CannotFork) as error:
            if is_exhausted(error):  # a spawn needs more
                raise
            log.warning("a worker is spawned because it cannot be forked: %s", error)
            return await self.spawn()

    async def spawn(self) -> Child:
        """See `Launcher.spawn`."""
        return await self._spawner.spawn()

    async def _running(self) -> _Server:
        async with self._starting:
            if not self.pid:
                self._server = await _Server.start(self._folder, self._limit_s)
                self._record(self._server.process.pid)
            assert self._server is not None
            return self._server

    async def stop(self) -> None:
        """See `Launcher.stop`. Workers that still run end, too."""
        if self._server is not None:
            await self._server.stop()


class _Server:
    """A running fork server."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket, limit_s: float) -> None:
        assert process.stdout is not None
        self.process = process
        self._control = control
        self._limit_s = limit_s
        self._numbers = itertools.count()
        #: By the number of the request: its answer, the worker's exit code.
        self._answers: dict[int, asyncio.Future[_Answer]] = {}
        #: How many callers wait for an answer.
        self._waiting = 0
        self._exit_codes: dict[int, asyncio.Future[int]] = {}
        self._log_task = asyncio.create_task(log_output(process.stdout, "fork server"))
        #: Done when it has ended.
        self.ended = asyncio.create_task(self._read_replies())

    @classmethod
    async def start(cls, folder: Path, limit_s: float) -> _Server:
        control, server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        variables = environment(os.environ)
        with ExitStack() as stack, server_end:
            stack.enter_context(control)
            process = await asyncio.create_subprocess_exec(
                *command("acebridge.workers.forkserver", str(server_end.fileno()), variables[blas.THREADS]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LINE_LIMIT,
                pass_fds=[server_end.fileno()],
                cwd=folder,
                # With more threads it could not fork. Its workers set what the user wants.
                env={**variables, blas.THREADS: "1", PARENT: str(os.getpid())},
                # Ctrl-C in the daemon's terminal is the daemon's to handle.
                start_new_session=True,
            )
            stack.pop_all()
        control.setblocking(False)
        return cls(process, control, limit_s)

    def send(self, request: _Request, descriptors: Sequence[int] = ()) -> None:
        """Send a request. Raises ``OSError`` when the server has ended."""
        socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)

    async def fork(self, modules: Sequence[str]) -> Child:
        """Return a new worker. Raises `CannotFork` and ``OSError``."""
        if len(self._answers) > self._waiting:  # else the next caller would give up, too
            raise CannotFork("the fork server has not answered a caller who gave up")
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        answered: asyncio.Future[_Answer] = loop.create_future()
        exit_code: asyncio.Future[int] = loop.create_future()
        with ExitStack() as stack:
            ours, worker_end = map(stack.enter_context, socket.socketpair())
            messages, their_messages = map(stack.enter_context, _pipe())
            output, their_output = map(stack.enter_context, _pipe())
            with worker_end, their_messages, their_output:
                ends = [worker_end.fileno(), their_messages.fileno(), their_output.fileno()]
                self.send({"op": "fork", "number": number, "modules": modules}, ends)
            self._answers[number], self._exit_codes[number] = answered, exit_code
            limit = loop.call_later(self._limit_s, self._end_hanging)
            answered.add_done_callback(lambda _: limit.cancel())
            # Outlives this wait, which may be cancelled: then the worker ends because its pipe is closed.
            self._waiting += 1
            try:
                await asyncio.wait([answered])
            finally:
                self._waiting -= 1
            answer = answered.result()
            if answer["type"] == "refused":
                raise OSError(answer["code"], answer["reason"]) if answer["code"] else CannotFork(answer["reason"])
            stack.pop_all()  # from here on the streams have them
        pid = answer["pid"]
        _, orders = await asyncio.open_connection(sock=ours)

        def kill() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            loop.call_later(_LOOK_S, notice_end)

        def notice_end() -> None:
            if not exit_code.done():
                if _is_running(pid):
                    loop.call_later(_LOOK_S, notice_end)
                else:
                    exit_code.set_result(-signal.SIGKILL)

        return Child(pid, orders, await _reader(messages), await _reader(output), exit_code, kill)

    def _end_hanging(self) -> None:
        log.warning("the fork server hangs; ending it", extra={"limit_s": self._limit_s})
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()

    async def _read_replies(self) -> None:
        loop = asyncio.get_running_loop()
        with self._control, suppress(ConnectionError):
            while data := await loop.sock_recv(self._control, _PACKET_BYTES):
                self._take(json.loads(data))
        for number, answered in self._answers.items():
            answered.set_result({"type": "refused", "number": number, "reason": "the fork server has ended", "code": 0})
        for exit_code in self._exit_codes.values():
            _set(exit_code, -signal.SIGKILL)  # they end with the server

    def _take(self, reply: _Reply) -> None:
        if reply["type"] == "exited":
            _set(self._exit_codes.pop(reply["number"]), reply["code"])
            return
        if reply["type"] == "refused":
            del self._exit_codes[reply["number"]]
        self._answers.pop(reply["number"]).set_result(reply)

    async def stop(self) -> None:
        self._kill()
        await asyncio.wait([self.ended, self._log_task])
        await self.process.wait()


def _set(exit_code: asyncio.Future[int], value: int) -> None:
    if not exit_code.done():  # the end was noticed before it was reported
        exit_code.set_result(value)


def _is_running(pid: int) -> bool:
    """Return whether a process has not ended. One that has ended and waits for its parent holds nothing any more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def _pipe() -> tuple[FileIO, FileIO]:
    read_end, write_end = os.pipe()
    return FileIO(read_end, "rb"), FileIO(write_end, "wb")


async def _reader(pipe: FileIO) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


# ---- the server's end ----


def main() -> None:
    """Serve requests on the socket whose number is the first argument. Forked workers carry on from here.

    The second argument is the number of BLAS threads of a worker, as `blas.THREADS` has it.
    """
    sys.stdout = sys.stderr  # which holds nothing back that a fork would double
    os.environ[_NO_CUDA_INIT] = "1"
    end_with_parent(int(os.environ.pop(PARENT)))
    _set_process_name("ace-forkserver")
    gc.disable()
    import acebridge.workers.main as worker  # what every worker needs

    with socket.socket(fileno=int(sys.argv[1])) as control:
        orders, messages, output = _serve(control)
    _become_worker(output)
    worker.serve(os.fdopen(orders, "rb"), FileIO(messages, "wb"))


def _serve(control: socket.socket) -> list[int]:
    """Import and fork as requested. Returns in forked workers only, with the worker's ends."""
    workers: dict[int, int] = {}

    def reply(message: _Reply) -> None:
        with suppress(OSError):  # the daemon has ended, and so does this process
            control.send(json.dumps(message).encode())

    def reap(*_: object) -> None:
        for pid, number in list(workers.items()):  # and no other children, which libraries may have
            with suppress(ChildProcessError):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    del workers[pid]
                    reply({"type": "exited", "number": number, "code": os.waitstatus_to_exitcode(status)})

    signal.signal(signal.SIGCHLD, reap)
    while True:
        data, descriptors, *_ = socket.recv_fds(control, _PACKET_BYTES, _WORKER_ENDS)
        if not data:
            sys.exit()
        request: _Request = json.loads(data)
        for module in request["modules"]:
            _import(module)
        if request["op"] == "preload":
            continue
        try:
            pid = _fork(len(descriptors))
        except (OSError, CannotFork) as refusal:
            code = refusal.errno or 0 if isinstance(refusal, OSError) else 0
            reply({"type": "refused", "number": request["number"], "reason": str(refusal), "code": code})
        else:
            if pid == 0:
                return descriptors
            workers[pid] = request["number"]
            reply({"type": "forked", "number": request["number"], "pid": pid})
            reap()  # it may have ended before it was known
        for descriptor in descriptors:
            os.close(descriptor)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # the worker that needs it fails with a better message
        print(f"{module} is not imported ahead: {type(error).__name__}: {error}")


def _fork(descriptors: int) -> int:
    """Fork; return 0 in the worker. Raises `CannotFork`, and ``OSError`` where the system has no process to give."""
    if descriptors < _WORKER_ENDS:  # those beyond the limit of this process were dropped
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if reason := _reason_not_to_fork():
        raise CannotFork(reason)
    gc.freeze()  # else collections in the workers would copy the pages that they share
    server = os.getpid()
    if (pid := os.fork()) == 0:
        end_with_parent(server)
    return pid


def _reason_not_to_fork() -> str:
    """Return why this process must not fork, "" if it may."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        return f"a library has started threads ({threads - 1})"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "a library has initialised CUDA"
    return ""


def _become_worker(output: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _set_process_name("ace-worker")
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    del os.environ[_NO_CUDA_INIT]
    blas.set_threads(sys.argv[2])
    gc.enable()


def _set_process_name(name: str) -> None:
    """Set what ``top`` and ``ps`` show. At most 15 characters."""
    Path("/proc/self/comm").write_text(name)
