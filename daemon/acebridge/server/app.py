"""The daemon: builds its parts, serves, and stops them in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from acebridge.addresses import join_address, reachable_host
from acebridge.atomic_files import write_whole
from acebridge.audit import AuditLog
from acebridge.background import Supervisor, stop_on_signals, wait_at_most
from acebridge.config import Config, let_in
from acebridge.jobs.journal import Journal
from acebridge.jobs.scheduler import Scheduler
from acebridge.paths import ADDRESS_FILE, LOG_FILE, START_LOG_FILE, TOKEN_FILE, WORKERS_FILE
from acebridge.private_files import explain_access, make_private_folder, repair_modes, restrict_umask
from acebridge.processes import start_of
from acebridge.ray_address import LOCAL
from acebridge.server import children, logs
from acebridge.server.authentication import TokenCheck, is_allowed
from acebridge.server.connections import connection_options
from acebridge.server.context import ServiceContext
from acebridge.server.health import Health
from acebridge.server.health_report import report_health, set_serving
from acebridge.server.housekeeping import FRESH_S, check_store, gc_loop
from acebridge.server.idle import is_busy, run_when_idle, unload_models
from acebridge.server.known_tokens import KnownTokens, write_token
from acebridge.server.malformed import RequestCheck
from acebridge.server.open_calls import LOOK_S, CallLimits, OpenCalls
from acebridge.server.places import choose_places, make_workers
from acebridge.server.port import listen
from acebridge.server.refused_calls import RefusedCalls
from acebridge.server.services.assets import AssetService
from acebridge.server.services.daemon import DaemonService
from acebridge.server.services.jobs import JobService
from acebridge.server.services.models import ModelService
from acebridge.server.services.tasks import TaskService
from acebridge.server.tls import find_identity, port_opener
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from acebridge.store.folder_lock import hold_folder
from acebridge.store.start import open_database
from acebridge.v1 import (
    assets_pb2,
    assets_pb2_grpc,
    daemon_pb2,
    daemon_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    models_pb2,
    models_pb2_grpc,
    tasks_pb2,
    tasks_pb2_grpc,
)
from acebridge.version import VERSION
from acebridge.workers import devices, forkserver
from acebridge.workers.base import Device
from acebridge.workers.forkserver import ForkServer
from acebridge.workers.launch import Launcher, Spawner
from acebridge.workers.orphans import WorkerRecord
from acebridge.workers.remote import Line
from acebridge.workers.spool import Spool
from acestep_runtime.engines import registry
from acestep_runtime.gpu.settings import VARIABLE as CUDA_GRAPHS
from acestep_runtime.memory.choice import VARIABLE as PRECISION
from acestep_runtime.memory.int8 import VARIABLE as INT8_WEIGHTS
from acestep_runtime.midi.sound_fonts import VARIABLE as SOUND_FONT
from acestep_runtime.recipes import VARIABLE as RECIPES
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER
from acestep_runtime.weights.vaes import VARIABLE as VAE

log = logging.getLogger(__name__)
#: Work in the background, and its name in the log.
Work: TypeAlias = tuple[str, Callable[[], Awaitable[None]]]
_STOP_GRACE_S = 2.0
_CHECK_INTERVAL_S = 3.0
_SERVICES = tuple(
    service.full_name
    for contract in (tasks_pb2, jobs_pb2, assets_pb2, models_pb2, daemon_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
)
#: Services that are of no use while no jobs run.
_NEED_JOBS = ("acebridge.v1.TaskService", "acebridge.v1.JobService")


def serve(config: Config) -> None:
    """Run the daemon until it is asked to stop.

    Raises `Conflict` when another one holds the data folder or the port, `InvalidSetting` for a device that is not here and
    for a data folder that this user may not write.
    """
    with explain_access(config.data_dir):
        make_private_folder(config.data_dir)
        restrict_umask()
        repaired = repair_modes(config.data_dir, leave=(config.models_dir,))
        os.environ[MODELS_FOLDER] = str(config.models_dir)  # for the engines, here and in the workers
        os.environ[registry.PLACE] = config.workers
        os.environ[INT8_WEIGHTS] = str(config.int8_weights).lower()
        os.environ[CUDA_GRAPHS] = str(config.cuda_graphs).lower()
        os.environ[PRECISION] = config.precision
        os.environ[VAE] = config.vae
        os.environ[SOUND_FONT] = config.sound_font
        os.environ[RECIPES] = str(config.recipes).lower()
        log_path = config.data_dir / LOG_FILE
        logs.set_up(log_path, config.log_level)
    remedy = "Use that one, stop it with `acebridge stop`, or set ACEBRIDGE_HOME to another folder."
    with hold_folder(config.data_dir, remedy=remedy):
        (config.data_dir / ADDRESS_FILE).unlink(missing_ok=True)  # of a daemon that was killed
        _warn_of_access(config, repaired)
        log.info("starting", extra={"data": str(config.data_dir), "log": str(log_path)})
        asyncio.run(_run_until_signal(config))


def _warn_of_access(config: Config, repaired: int) -> None:
    """Log what let others in, or does so."""
    if repaired:
        log.info("other users could reach files of the data folder, and cannot any more", extra={"count": repaired})
    if not config.auth.required:
        log.warning("calls need no token: every program and user of this machine may use and stop this daemon")
    for setting in let_in(config):
        AuditLog(config.data_dir).note("others are let in", setting=setting)


async def _run_until_signal(config: Config) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await run(config, stop)


@dataclass(frozen=True)
class _Daemon:
    """The parts that run and stop."""

    database: Database
    context: ServiceContext
    launcher: Launcher
    workers: WorkerRecord
    #: Of all work in the background but running jobs.
    supervisor: Supervisor
    tokens: KnownTokens
    refused: RefusedCalls
    server: grpc.aio.Server
    health: Health


def build(config: Config, stop: asyncio.Event) -> _Daemon:
    """Return the parts of a daemon that stops when ``stop`` is set. Nothing runs yet, and it listens nowhere."""
    database = open_database(config.data_dir, reserve_bytes=config.reserve_bytes)
    try:
        return _build_on(database, config, stop)
    except BaseException:
        database.close()
        raise


def _build_on(database: Database, config: Config, stop: asyncio.Event) -> _Daemon:
    store = AssetStore(
        database, config.data_dir, max_upload_bytes=config.max_upload_bytes, quota_bytes=config.quota_bytes,
        fresh_s=FRESH_S,
    )  # fmt: skip
    journal = Journal(database, max_waiting=config.max_waiting_jobs)
    scheduler = Scheduler(journal, store, Spool(config.data_dir / "spool"), grace_s=config.cancel_grace_s)
    calls = OpenCalls(
        CallLimits(config.max_open_calls, config.max_uploads, config.idle_upload_s, config.stalled_reader_s)
    )
    audit = AuditLog(config.data_dir)
    line = Line(config.remote) if config.remote else None
    context = ServiceContext(
        config, journal, store, scheduler, time.time(), os.getpid(), stop.set, stop.is_set, calls, audit, line
    )
    workers = WorkerRecord(config.data_dir / WORKERS_FILE)
    workers.end_all()
    folder = config.data_dir
    launcher = ForkServer(folder, record=workers.add) if forkserver.IS_SUPPORTED else Spawner(folder)
    tokens = KnownTokens(write_token(config.data_dir), config.data_dir)
    refused = RefusedCalls(audit)
    server, health_servicer = _build_server(context, tokens, refused)
    return _Daemon(database, context, launcher, workers, Supervisor(), tokens, refused, server, health_servicer)


def _build_server(
    context: ServiceContext, tokens: KnownTokens, refused: RefusedCalls
) -> tuple[grpc.aio.Server, Health]:
    check = TokenCheck(tokens, refused, required=context.config.auth.required)
    server = grpc.aio.server(
        interceptors=(check, context.calls, RequestCheck()),
        options=connection_options(context.config.max_connections),
    )
    tasks_pb2_grpc.add_TaskServiceServicer_to_server(TaskService(context), server)
    jobs_pb2_grpc.add_JobServiceServicer_to_server(JobService(context), server)
    assets_pb2_grpc.add_AssetServiceServicer_to_server(AssetService(context), server)
    models_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(context), server)
    daemon_pb2_grpc.add_DaemonServiceServicer_to_server(DaemonService(context), server)
    health_servicer = Health(tokens)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, health_servicer


async def run(config: Config, stop: asyncio.Event, *, find_devices: devices.Find | None = None) -> None:
    """Serve until ``stop`` is set, which clients do too. See `serve`, which holds the lock meanwhile."""
    identity = find_identity(config)
    choose = choose_places(config, find_devices or partial(devices.find_devices, config.data_dir))
    choosing = asyncio.create_task(choose())
    if config.parts or config.devices != (devices.AUTO,) or config.workers != LOCAL:
        await choosing  # a wrong name is an error; but looking for all of them must not delay the start
    daemon = build(config, stop)
    try:
        port = listen(port_opener(daemon.server, identity), config)
    except BaseException:
        daemon.database.close()
        raise
    certificate, fingerprint = ("", "") if identity is None else (identity.certificate, identity.fingerprint)
    daemon.health.port, daemon.health.fingerprint = port, fingerprint
    await set_serving(daemon.health, _SERVICES)
    await daemon.server.start()
    if choosing.done():  # always so without a GPU to look for; clients then never see a daemon without workers
        _start_workers(daemon, choosing.result())
    address = join_address(reachable_host(config.host), port)
    facts = {"address": address, "pid": os.getpid(), "start": start_of(os.getpid()), "version": VERSION}
    own = json.dumps({**facts, "certificate": certificate} if certificate else facts)
    address_file, token_file = config.data_dir / ADDRESS_FILE, config.data_dir / TOKEN_FILE
    token = token_file.read_text("ascii")
    write_whole(address_file, [own.encode()], private=True)
    daemon.context.audit.note("daemon started", address=address, pid=os.getpid(), version=VERSION)
    extra = {"address": join_address(config.host, port), "data": str(config.data_dir), "certificate": fingerprint}
    log.info("serving", extra=extra)
    jobs, others = daemon.context.scheduler.supervisor, daemon.supervisor
    work: list[Work] = [
        ("collecting garbage", partial(gc_loop, daemon.context)),
        ("keeping the start log short", partial(logs.keep_short, config.data_dir / START_LOG_FILE)),
        ("looking at open calls", partial(_look_at_calls, daemon)),
        *_watches(daemon, config),
        ("reporting health", partial(report_health, daemon.health, {jobs: _NEED_JOBS, others: ()})),
        *_idle_work(daemon, config, stop),
    ]
    may_end: list[Work] = [
        *([("preloading", partial(_preload, daemon.launcher))] if config.workers == LOCAL else []),
        ("checking the store", partial(check_store, daemon.context)),  # it ends where the scrub is off
        ("watching the files of clients", partial(exit_if_replaced, {address_file: own, token_file: token}, stop)),
        *_children(config, address),
    ]
    starting = partial(_start_workers_on, [choosing], choose, daemon)
    background_tasks = [
        asyncio.create_task(jobs.run("starting workers", starting, may_end=True)),
        *(asyncio.create_task(others.run(*each)) for each in work),
        *(asyncio.create_task(others.run(*each, may_end=True)) for each in may_end),
    ]
    try:
        await stop.wait()
    finally:
        log.info("stopping")
        if _holds(address_file, own):
            address_file.unlink(missing_ok=True)
        for task in (*background_tasks, choosing):
            task.cancel()
        await asyncio.gather(*background_tasks, choosing, return_exceptions=True)
        await _stop(daemon)
        daemon.refused.flush()
        daemon.context.audit.note("daemon stopped", pid=os.getpid())
        log.info("stopped")


async def _stop(daemon: _Daemon) -> None:
    await daemon.health.enter_graceful_shutdown()
    # First the workers: what they were doing goes back to the queue before a client can ask for more.
    await daemon.context.scheduler.stop()
    await daemon.launcher.stop()
    daemon.context.journal.end_watches()
    await daemon.server.stop(_STOP_GRACE_S)
    await asyncio.to_thread(daemon.database.close)


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_bytes() == text.encode()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # too many open files, a network folder that is slow: no proof that it is gone
        return True


# ---- background tasks ----


def _start_workers(daemon: _Daemon, chosen: Sequence[Device]) -> None:
    log.info("workers", extra={"devices": ", ".join(map(str, chosen))})
    scheduler = daemon.context.scheduler
    config, line = daemon.context.config, daemon.context.line
    made = make_workers(config, chosen, daemon.launcher, line, record=daemon.workers.add, wake=scheduler.wake)
    scheduler.start(made)


async def _start_workers_on(
    choosing: list[asyncio.Task[Sequence[Device]]],
    choose: Callable[[], Awaitable[Sequence[Device]]],
    daemon: _Daemon,
) -> None:
    """Start the workers as soon as their devices are known, unless they have been started.

    They may be known to the task in the list ``choosing``, which is taken out of it.
    """
    chosen = await (choosing.pop() if choosing else choose())
    if not daemon.context.scheduler.workers:
        _start_workers(daemon, chosen)


async def _preload(launcher: Launcher) -> None:
    """Import what the neural engine needs if it can run here: that takes seconds, other engines are imported when needed."""
    neural = registry.ENGINES["neural"]
    if await asyncio.to_thread(neural.missing, None, "") is None:
        await launcher.preload(neural.modules)


async def _look_at_calls(daemon: _Daemon) -> None:
    """End calls that may not go on, and record those that were refused, for ever."""

    def allows(token_hash: str, method: str) -> bool:
        return is_allowed(daemon.tokens.find(token_hash), method)

    while True:
        await asyncio.sleep(LOOK_S)
        daemon.context.calls.end_forbidden(allows)
        daemon.context.calls.end_idle()
        daemon.refused.flush()


def _idle_work(daemon: _Daemon, config: Config, stop: asyncio.Event) -> list[Work]:
    """Return what has to run for the settings ``idle_unload_s`` and ``idle_exit_s``; 0 switches one off."""

    async def exit_idle() -> None:
        log.info("stopping, for nobody has used the daemon", extra={"idle_s": config.idle_exit_s})
        stop.set()

    actions: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {
        "unloading idle models": (config.idle_unload_s, partial(unload_models, daemon.context.scheduler, "neural")),
        "exiting when idle": (config.idle_exit_s, exit_idle),
    }
    calls = daemon.context.calls
    busy = partial(is_busy, daemon.context.journal, calls)
    return [
        (name, partial(run_when_idle, idle_s, action, busy=busy, calls=calls))
        for name, (idle_s, action) in actions.items()
        if idle_s
    ]


def _children(config: Config, address: str) -> list[Work]:
    """Return what runs the programs that the settings ask for."""
    osc: Work = ("the OSC bridge", partial(children.run_osc_bridge, config, address))
    panel: Work = ("the JSON edge", partial(children.run_panel, config, address))
    return [*([] if config.osc is None else [osc]), *([] if config.http is None else [panel])]


def _watches(daemon: _Daemon, config: Config) -> list[Work]:
    """Return what watches the line to another machine, if there is one."""
    line = daemon.context.line
    return [] if line is None else [("watching the line", partial(children.watch_line, config, line))]


async def exit_if_replaced(files: Mapping[Path, str], stop: asyncio.Event) -> None:
    """Stop once a file with the address or the token is missing, or another daemon's: no client can use this one any more."""
    while not (gone := [file.name for file, text in files.items() if not _holds(file, text)]):
        with suppress(asyncio.TimeoutError):
            await wait_at_most(_CHECK_INTERVAL_S, stop.wait())
            return
    log.warning("stopping, for %s is gone or another daemon's", gone[0])
    stop.set()
