"""Finding compute devices, and choosing those that a daemon uses.

The daemon never imports torch: a separate process asks it, and only where there may be a GPU.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from acebridge.background import wait_at_most
from acebridge.errors import InvalidSetting
from acebridge.workers.base import Device
from acebridge.workers.launch import command, environment
from acestep_runtime.memory.parts import devices_of

log = logging.getLogger(__name__)
AUTO = "auto"
CPU = Device("cpu")
_TIMEOUT_S = 120.0
#: Device files of GPU drivers on Linux: NVIDIA, its Jetson, AMD, Intel (and the displays of others), and WSL.
#: Without any of them torch, whose import takes seconds, is not imported.
_DRIVERS = ("nvidia*", "nvhost*", "nvmap", "kfd", "dri/renderD*", "dxg")

Find = Callable[[], Awaitable[Sequence[Device]]]


async def find_devices(folder: Path) -> Sequence[Device]:
    """Return the devices of this machine, the best first, the CPU last.

    The process that finds them works in ``folder``.
    """
    if find_spec("torch") is None or not _may_have_gpu():
        return [CPU]
    process = await asyncio.create_subprocess_exec(
        *command("acebridge.workers.devices"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment(os.environ),
        start_new_session=True,
    )
    try:
        answer, error_output = await wait_at_most(_TIMEOUT_S, process.communicate())
        return [Device(name, label) for name, label in json.loads(answer)]
    except asyncio.TimeoutError:
        log.warning("looking for devices took too long; using the CPU", extra={"limit_s": _TIMEOUT_S})
    except ValueError:  # it ended without an answer
        log.warning("cannot look for devices; using the CPU", extra={"printed": error_output.decode(errors="replace")})
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [CPU]


def _may_have_gpu() -> bool:
    return sys.platform != "linux" or any(next(Path("/dev").glob(driver), None) for driver in _DRIVERS)


async def choose_devices(names: Sequence[str], find: Find, parts: str = "") -> Sequence[Device]:
    """Return the devices named; for "auto" all GPUs, or the CPU where there are none.

    The devices of ``parts`` are one with that of the transformer, which comes first; then "auto" is no other one. Raises
    `InvalidSetting` for a device that is not there, or would have two workers.
    """
    of_parts, is_auto = devices_of(parts), list(names) == [AUTO]
    if parts and not is_auto:
        _check_used_once(names, of_parts, parts)
    wanted = [*of_parts, *(() if parts and is_auto else names)]
    if set(wanted) == {CPU.name}:
        return [Device(CPU.name, parts=parts)]
    available = await find()
    if wanted == [AUTO]:
        return [device for device in available if device != CPU] or [CPU]
    by_name = {device.name: device for device in available}
    for name in wanted:
        if name not in by_name:
            setting = "parts to some" if name in of_parts else "devices to one or more"
            raise InvalidSetting(
                f"There is no device {name!r} here.",
                remedy=f"Set {setting} of these: {', '.join(map(str, available))}{'' if name in of_parts else '; or to auto'}.",
            )
    first = [replace(by_name[of_parts[0]], parts=parts)] if of_parts else []
    return [*first, *(by_name[name] for name in dict.fromkeys(wanted[len(of_parts) :]))]


def _check_used_once(names: Sequence[str], of_parts: Sequence[str], parts: str) -> None:
    twice = next((name for name in names if name in of_parts), None)
    if twice is not None:
        raise InvalidSetting(
            f"Device {twice} would have two workers: parts has it ({parts}), and devices too.",
            remedy="Name it in one of them; devices = auto leaves all to parts.",
        )


def main() -> None:
    """Print the names and labels of the devices, as JSON."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # for whatever libraries print
    from acestep_runtime.memory import policy

    with answer:
        json.dump([(name, policy.device_label(name)) for name in policy.find_devices()], answer)
