"""The fork server: what it imports, when it refuses, and that nothing is left when it or the daemon ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from acebridge.workers import local
from acebridge.workers.base import Device, WorkerDied
from acebridge.workers.forkserver import IS_SUPPORTED, ForkServer
from acebridge.workers.launch import START_LIMIT_S, Child
from acebridge.workers.local import LocalWorker
from acebridge.workers.messages import decode_message, encode
from acestep_runtime.engines import registry
from tests.support.daemon import PATIENCE_S, assert_gone, until
from tests.unit.workers.test_local import job, messages_of, until_async

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="no fork server on this system")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that children look for modules in."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


def play(folder: Path, scenario: Callable[[ForkServer], Awaitable[None]], limit_s: float = START_LIMIT_S) -> None:
    """Run a scenario with a fork server that works in ``folder``; at the end none of its processes is left."""

    async def run() -> None:
        server, before = ForkServer(folder, limit_s=limit_s), psutil.Process().children()
        try:
            await scenario(server)
        finally:
            mine = [each for each in psutil.Process().children(recursive=True) if each not in before]
            await server.stop()
            assert server.pid == 0
            assert_gone(mine)

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


async def wait_until_ready(child: Child) -> None:
    """Have a worker start."""
    child.orders.write(encode({"op": "start", "device": "cpu", "memory_bytes": 0}))
    assert decode_message(await child.messages.readline()) == {"type": "ready"}


def test_each_server_is_recorded(tmp_path: Path) -> None:
    """The next daemon ends one that was stopped before it could ask the system to end it with this one."""
    recorded: list[int] = []

    async def run() -> None:
        server = ForkServer(tmp_path, record=recorded.append)
        for count in (1, 2):
            await server.preload([])
            assert recorded[-1] == server.pid
            assert len(recorded) == count
            await server.preload([])
            os.kill(server.pid, signal.SIGKILL)
            await until_async(lambda: server.pid == 0)
        await server.stop()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


def is_forked(server: ForkServer, child: Child) -> bool:
    return psutil.Process(child.pid).ppid() == server.pid


async def end(*children: Child) -> None:
    """End workers and close what is left of them."""
    for child in children:
        if not child.exit_code.done():
            child.kill()
        await child.exit_code
        assert not await child.messages.read()
        await child.output.read()
        child.orders.close()


def test_modules_are_imported_once_for_all_workers(tmp_path: Path, modules: Path) -> None:
    noted = tmp_path / "noted"
    for name in ("early", "late"):
        (modules / f"{name}.py").write_text(
            f"import os\nopen({str(noted)!r}, 'a').write(f'{name} {{os.getpid()}}\\n')\n"
        )

    async def scenario(server: ForkServer) -> None:
        await server.preload(["early"])
        pid = server.pid
        assert pid
        children = [await server.launch(["early", "late"]) for _ in range(3)]
        for child in children:
            await wait_until_ready(child)
            assert is_forked(server, child)
            assert psutil.Process(child.pid).name() == "ace-worker"
        assert psutil.Process(pid).name() == "ace-forkserver"
        assert server.pid == pid
        assert noted.read_text() == f"early {pid}\nlate {pid}\n"
        await end(*children)

    play(tmp_path, scenario)


def test_the_end_of_one_worker_is_noticed_while_others_live(tmp_path: Path) -> None:
    async def scenario(server: ForkServer) -> None:
        first, second = [await server.launch([]) for _ in range(2)]
        for child in (first, second):
            await wait_until_ready(child)
        os.kill(first.pid, signal.SIGTERM)
        assert await first.messages.read() == b""  # the other one does not hold its pipe
        assert await first.exit_code == -signal.SIGTERM
        assert not second.exit_code.done()
        second.orders.close()  # as when the daemon ends
        assert await second.exit_code == 0
        third = await server.launch([])
        third.orders.close()  # before it was started
        assert await third.exit_code == 0
        await end(first, second, third)

    play(tmp_path, scenario)


THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
FAKE_TORCH = "class cuda:\n    is_initialized = staticmethod(lambda: True)\n"


@pytest.mark.parametrize(
    ("module", "code", "reason"),
    [
        ("threaded", THREAD, "a library has started threads (1)"),
        ("torch", FAKE_TORCH, "a library has initialised CUDA"),
    ],
)
def test_a_worker_is_spawned_where_a_fork_would_not_be_safe(
    tmp_path: Path, modules: Path, caplog: pytest.LogCaptureFixture, module: str, code: str, reason: str
) -> None:
    (modules / f"{module}.py").write_text(code)

    async def scenario(server: ForkServer) -> None:
        child = await server.launch([module])
        await wait_until_ready(child)
        assert psutil.Process(child.pid).ppid() == os.getpid()
        await end(child)

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario)
    assert caplog.messages == [f"a worker is spawned because it cannot be forked: {reason}"]


def test_modules_that_print_or_fail_to_import_do_no_harm(
    tmp_path: Path, modules: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (modules / "loud.py").write_text("print('hello')")
    (modules / "broken.py").write_text("1 / 0")

    async def scenario(server: ForkServer) -> None:
        worker = LocalWorker(Device("cpu"), server)
        child = await server.launch(["loud", "broken", "missing"])
        await wait_until_ready(child)
        assert is_forked(server, child)
        await end(child)
        assert [message["type"] for message in await messages_of(worker, job(tmp_path))][-1] == "done"
        await worker.kill()

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario)
    assert caplog.messages == [
        "fork server: hello",
        "fork server: broken is not imported ahead: ZeroDivisionError: division by zero",
        "fork server: missing is not imported ahead: ModuleNotFoundError: No module named 'missing'",
    ]


def test_a_dead_server_ends_its_workers_and_is_restarted(tmp_path: Path) -> None:
    async def scenario(server: ForkServer) -> None:
        child = await server.launch([])
        await wait_until_ready(child)
        os.kill(child.pid, signal.SIGSTOP)
        first = server.pid
        os.kill(first, signal.SIGKILL)
        assert await child.exit_code == -signal.SIGKILL
        assert await child.messages.read() == b""
        assert server.pid == 0
        again = await server.launch([])
        await wait_until_ready(again)
        assert server.pid not in (0, first)
        assert is_forked(server, again)
        await end(child, again)

    play(tmp_path, scenario)


HANG = "import threading\nthreading.Event().wait()\n"


def test_a_server_that_hangs_is_ended_and_the_worker_spawned(
    tmp_path: Path, modules: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (modules / "hang.py").write_text(HANG)

    async def scenario(server: ForkServer) -> None:
        child = await server.launch(["hang"])
        assert server.pid == 0
        assert psutil.Process(child.pid).ppid() == os.getpid()
        await wait_until_ready(child)
        await end(child)

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario, limit_s=0.1)
    assert caplog.messages == [
        "the fork server hangs; ending it",
        "a worker is spawned because it cannot be forked: the fork server has ended",
    ]


def test_a_server_that_hangs_is_ended_even_when_nobody_waits_any_more(tmp_path: Path, modules: Path) -> None:
    (modules / "hang.py").write_text(HANG)

    async def scenario(server: ForkServer) -> None:
        launching = asyncio.create_task(server.launch(["hang"]))
        await until_async(lambda: server.pid != 0)
        launching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await launching
        await until_async(lambda: server.pid == 0)

    play(tmp_path, scenario, limit_s=0.1)


def test_a_worker_is_spawned_at_once_while_the_server_owes_an_answer(
    tmp_path: Path, modules: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (modules / "hang.py").write_text(HANG)

    async def scenario(server: ForkServer) -> None:
        launching = asyncio.create_task(server.launch(["hang"]))
        await until_async(lambda: server.pid != 0)
        launching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await launching
        child = await server.launch([])
        assert psutil.Process(child.pid).ppid() == os.getpid()
        assert server.pid != 0
        await end(child)

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario, limit_s=10_000.0)
    (message,) = caplog.messages
    assert message.endswith("the fork server has not answered a caller who gave up")


def test_a_worker_can_be_killed_while_the_server_hangs(tmp_path: Path) -> None:
    async def scenario(server: ForkServer) -> None:
        child = await server.launch([])
        await wait_until_ready(child)
        os.kill(server.pid, signal.SIGSTOP)
        child.kill()
        assert await child.exit_code == -signal.SIGKILL
        await end(child)

    play(tmp_path, scenario)


def test_the_end_of_a_worker_is_noticed_while_the_server_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_END_LIMIT_S", 0.1)

    async def scenario(server: ForkServer) -> None:
        worker = LocalWorker(Device("cpu"), server)
        await messages_of(worker, job(tmp_path))
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(WorkerDied):
            await messages_of(worker, job(tmp_path, caption="crash"))
        assert worker.pid == 0
        await worker.kill()

    play(tmp_path, scenario)


SPY = """
import gc, os
import acebridge.workers.main as worker

serve = worker.serve

def spy(orders, messages):
    print(os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK"), gc.isenabled(), gc.get_freeze_count() > 0, flush=True)
    serve(orders, messages)

worker.serve = spy
"""


def test_a_forked_worker_is_like_a_spawned_one_but_shares_what_was_imported(tmp_path: Path, modules: Path) -> None:
    (modules / "spy.py").write_text(SPY)

    async def scenario(server: ForkServer) -> None:
        child = await server.launch(["spy"])
        # It may initialise CUDA, it collects garbage, and what it shares is no garbage.
        assert await child.output.readline() == b"None True True\n"
        assert is_forked(server, child)
        await wait_until_ready(child)
        await end(child)

    play(tmp_path, scenario)


@pytest.mark.parametrize(("wanted", "for_openmp"), [("1", "2"), ("2", "1"), ("1000", "1"), ("", "1"), ("0", "")])
def test_a_forked_worker_has_the_threads_of_a_spawned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, for_openmp: str
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", wanted)
    monkeypatch.setenv("OMP_NUM_THREADS", for_openmp)

    async def scenario(server: ForkServer) -> None:
        children = [await server.launch([]), await server.spawn()]
        for child in children:
            await wait_until_ready(child)
        are_forked = [is_forked(server, child) for child in children]
        forked, spawned, of_server = (
            psutil.Process(pid).num_threads() for pid in (*(child.pid for child in children), server.pid)
        )
        await end(*children)
        assert are_forked == [True, False]
        assert forked == spawned
        assert of_server == 1

    play(tmp_path, scenario)


DAEMON = """
import asyncio, sys
from pathlib import Path
from acebridge.workers.forkserver import ForkServer
from acebridge.workers.messages import encode

async def run():
    server = ForkServer(Path(sys.argv[1]))
    child = await server.launch([])
    child.orders.write(encode({"op": "start", "device": "cpu", "memory_bytes": 0}))
    await child.messages.readline()
    print(server.pid, child.pid, flush=True)
    await asyncio.sleep(100)

asyncio.run(run())
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_all_end_with_a_daemon_that_is_killed(tmp_path: Path, stopped: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(tmp_path)], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in daemon.stdout.readline().split()]
        assert len(processes) == 2
        if stopped:  # so that they cannot notice anything themselves
            for process in processes:
                process.suspend()
            until(lambda: all(each.status() == psutil.STATUS_STOPPED for each in processes), "the processes to stop")
        daemon.kill()
    assert_gone(processes)


def test_a_server_that_is_still_importing_ends_with_its_daemon(tmp_path: Path, modules: Path) -> None:
    (modules / "slow.py").write_text("import time\ntime.sleep(100)")
    code = DAEMON.replace("server.launch([])", "server.launch(['slow'])")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as daemon:
        (server,) = until(lambda: psutil.Process(daemon.pid).children(), "the fork server")
        until(lambda: server.name() == "ace-forkserver", "the fork server to be up")
        daemon.kill()
    assert_gone([server])


@pytest.mark.slow
def test_the_server_can_fork_after_importing_the_engines(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the neural engine needs torch")

    async def scenario(server: ForkServer) -> None:
        for engine in ("draft", "neural"):
            child = await server.launch(registry.ENGINES[engine].modules)
            assert is_forked(server, child)  # one thread, and CUDA as it was
            await wait_until_ready(child)
            await end(child)
        mapped = {each.path for each in psutil.Process(server.pid).memory_maps()}
        assert any("libtorch" in path for path in mapped)
        assert psutil.Process(server.pid).num_threads() == 1

    play(tmp_path, scenario)


def test_a_server_without_descriptors_refuses_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import resource

    async def scenario(server: ForkServer) -> None:
        child = await server.launch([])
        await wait_until_ready(child)
        pid = server.pid
        whole = resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for _ in range(2):
            with pytest.raises(OSError, match="Too many open files") as caught:
                await server.launch([])
            assert caught.value.errno == errno.EMFILE
        resource.prlimit(pid, resource.RLIMIT_NOFILE, whole)
        again = await server.launch([])
        await wait_until_ready(again)
        assert server.pid == pid
        assert is_forked(server, again)
        await end(child, again)

    play(tmp_path, scenario)
    assert not caplog.messages
