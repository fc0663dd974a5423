"""The places where the jobs of a daemon run, as its settings say, and the worker of each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from importlib.util import find_spec

from acebridge.config import Config
from acebridge.errors import InvalidSetting
from acebridge.ray_address import LOCAL
from acebridge.workers import devices, memory
from acebridge.workers.base import Device, Worker
from acebridge.workers.launch import Launcher
from acebridge.workers.local import Limits, LocalWorker, suits_all
from acebridge.workers.ray.plan import Plan, read_settings
from acebridge.workers.ray.worker import RayWorker
from acebridge.workers.remote import Line, RemoteWorker
from acestep_runtime.installation import install_remedy


def choose_places(config: Config, find: devices.Find) -> Callable[[], Coroutine[None, None, Sequence[Device]]]:
    """Return what chooses the devices, one for each worker. That raises `InvalidSetting`.

    What a worker on a Ray cluster computes on is known once it runs.
    """
    if config.workers == LOCAL:
        return partial(devices.choose_devices, config.devices, find, config.parts)
    return partial(_name_places, config)


async def _name_places(config: Config) -> Sequence[Device]:
    if find_spec("ray") is None:
        raise InvalidSetting(
            f"Setting workers is {config.workers!r}, and Ray is not installed.", remedy=install_remedy("ray")
        )
    return [Device(f"ray:{number}") for number in range(config.ray_workers)]


def make_workers(
    config: Config,
    chosen: Sequence[Device],
    launcher: Launcher,
    line: Line | None,
    *,
    record: Callable[[int], None],
    wake: Callable[[], None],
) -> list[Worker]:
    """Return a worker for each device, and one for the daemon at the other end of ``line``.

    ``record`` gets the id of each process that one starts on this machine; ``wake`` is called when one suits jobs that it did
    not suit before.
    """
    if config.workers != LOCAL:
        plan = Plan(
            config.workers, config.ray_resources, config.step_limit_s, config.worker_memory_bytes, read_settings()
        )
        team: list[RayWorker] = []
        return [RayWorker(each, plan, config.data_dir, team=team, wake=wake, record=record) for each in chosen]
    memory_bytes = memory.default_limit() if config.worker_memory_bytes is None else config.worker_memory_bytes
    limits = Limits(step_s=config.step_limit_s, stop_s=config.cancel_grace_s, memory_bytes=memory_bytes)
    suits = suits_all if line is None else line.suits_local
    workers: list[Worker] = [
        LocalWorker(device, launcher, limits=limits, record=record, suits=suits) for device in chosen
    ]
    if line is not None:
        line.on_change = wake
        workers.append(RemoteWorker(line, config.data_dir, record=record))
    return workers
