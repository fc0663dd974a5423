"""The daemon: puts the parts together, serves, and takes them apart in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import filelock
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from acebridge.config import DEFAULT_PORT, LOCK_FILE, Config
from acebridge.errors import Conflict, DaemonFault
from acebridge.jobs.journal import Journal
from acebridge.jobs.scheduler import Scheduler
from acebridge.paths import ADDRESS_FILE
from acebridge.server import logs
from acebridge.server.context import ServiceContext
from acebridge.server.services.assets import AssetService
from acebridge.server.services.daemon import DaemonService
from acebridge.server.services.jobs import JobService
from acebridge.server.services.models import ModelService
from acebridge.server.services.tasks import TaskService
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from acebridge.v1 import (
    assets_pb2_grpc,
    daemon_pb2_grpc,
    jobs_pb2_grpc,
    models_pb2_grpc,
    tasks_pb2_grpc,
)
from acebridge.workers.base import Device
from acebridge.workers.launch import Spawner
from acebridge.workers.local import LocalWorker
from acebridge.workers.spool import Spool
from acestep_runtime.memory.int8 import VARIABLE as INT8_WEIGHTS
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER

log = logging.getLogger(__name__)
#: A whole inline source with room for the rest of the request.
MAX_MESSAGE_BYTES = 8 * 2**20
_STOP_GRACE_S = 2.0
_EVICTION_INTERVAL_S = 3600.0
_LOOK_INTERVAL_S = 3.0
_FRESH_S = 600.0
_SERVICES: dict[str, tuple[Any, type[Any]]] = {
    "acebridge.v1.TaskService": (tasks_pb2_grpc.add_TaskServiceServicer_to_server, TaskService),
    "acebridge.v1.JobService": (jobs_pb2_grpc.add_JobServiceServicer_to_server, JobService),
    "acebridge.v1.AssetService": (assets_pb2_grpc.add_AssetServiceServicer_to_server, AssetService),
    "acebridge.v1.ModelService": (models_pb2_grpc.add_ModelServiceServicer_to_server, ModelService),
    "acebridge.v1.DaemonService": (daemon_pb2_grpc.add_DaemonServiceServicer_to_server, DaemonService),
}


def serve(config: Config, *, devices: tuple[str, ...] = ("cpu",)) -> None:
    """Run the daemon until it is told to stop. Raises `Conflict` when another one holds the data folder or the port."""
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # other users have no business with your songs
    os.environ[MODELS_FOLDER] = str(config.models_dir)  # for the engines, here and in the workers
    os.environ[INT8_WEIGHTS] = str(config.int8_weights).lower()
    log_path = logs.set_up(config.data_dir / "logs", config.log_level)
    lock = filelock.FileLock(config.data_dir / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Conflict(
            f"Another daemon already serves {config.data_dir}.",
            remedy="Use that one, stop it with `acebridge stop`, or set ACEBRIDGE_HOME to another folder.",
        ) from None
    with lock:
        asyncio.run(_serve(config, devices, log_path))


async def _serve(config: Config, devices: tuple[str, ...], log_path: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
            continue
        with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)

    database = Database(config.data_dir / "acebridge.db")
    store = AssetStore(database, config.data_dir, max_upload_bytes=config.max_upload_bytes)
    journal = Journal(database, max_waiting=config.max_waiting_jobs)
    spool = Spool(config.data_dir / "spool")
    scheduler = Scheduler(journal, store, spool, grace_s=config.cancel_grace_s)
    house = ServiceContext(config, journal, store, scheduler, time.time(), os.getpid(), stop.set, stop.is_set)

    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
    )
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    for name, (add, service) in _SERVICES.items():
        add(service(house), server)
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        port = _listen(server, config)
    except Conflict:
        database.close()
        raise
    await server.start()
    spawner = Spawner(config.data_dir)
    scheduler.start([LocalWorker(Device(name), spawner) for name in devices])

    address = _address(config.host, port)
    address_file = config.data_dir / ADDRESS_FILE
    unfinished = address_file.with_suffix(".part")
    own = json.dumps({"address": address, "pid": os.getpid(), "version": version("acebridge")})
    unfinished.write_text(own)
    unfinished.replace(address_file)
    log.info("serving", extra={"address": address, "data": str(config.data_dir), "log": str(log_path)})
    chores = [asyncio.create_task(_evict(house)), asyncio.create_task(_stop_when_lost(address_file, own, stop))]
    try:
        await stop.wait()
    finally:
        log.info("stopping")
        if _holds(address_file, own):
            address_file.unlink(missing_ok=True)
        for chore in chores:
            chore.cancel()
        await health_servicer.enter_graceful_shutdown()
        # First the engines: what they were doing goes back to the queue before anybody can ask for more.
        await scheduler.stop()
        journal.end_watches()
        await server.stop(_STOP_GRACE_S)
        await asyncio.to_thread(database.close)
        log.info("stopped")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen(server: grpc.aio.Server, config: Config) -> int:
    """Open the port and return its number. Clients find it in the address file, so any will do unless one was asked for."""
    for port in (DEFAULT_PORT, 0) if config.port is None else (config.port,):
        with suppress(RuntimeError):
            return server.add_insecure_port(_address(config.host, port))
    raise Conflict(
        f"Port {config.port} of {config.host} is taken by another program.",
        remedy="Choose another with --port, or --port 0 for any free one.",
    )


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_bytes() == text.encode()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # too many open files, a network folder that is slow: no proof that it is gone
        return True


async def _stop_when_lost(address_file: Path, own: str, stop: asyncio.Event) -> None:
    """Stop once the address file is gone, with its folder or without, or is another daemon's: no client comes any more."""
    while _holds(address_file, own):
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_INTERVAL_S)
            return
    log.warning("stopping, for daemon.json is gone or another daemon's", extra={"file": str(address_file)})
    stop.set()


async def _evict(house: ServiceContext) -> None:
    """Tidy up after every job, and once an hour. What goes wrong once may go well the next time."""
    ended = asyncio.Event()
    house.scheduler.on_end = ended.set
    while True:
        ended.clear()
        try:
            await _tidy(house)
        except (OSError, sqlite3.Error, DaemonFault) as error:  # a full disk, a locked database, a file that vanished
            log.warning("could not tidy up", extra={"error": repr(error)})
        except Exception:
            log.exception("could not tidy up")
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), _EVICTION_INTERVAL_S)


async def _tidy(house: ServiceContext) -> None:
    """Keep the store within its quota and forget old jobs."""
    max_age_s = house.config.max_age_days * 86400
    await house.journal.prune(max_age_s)
    in_use = await house.journal.assets_in_use()
    gone = await house.store.evict(
        quota_bytes=house.config.quota_bytes, max_age_s=max_age_s, in_use=in_use, fresh_s=_FRESH_S
    )
    if gone:
        log.info("evicted assets", extra={"count": gone})
