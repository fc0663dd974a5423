"""A process that watches the line to the daemon elsewhere and says what it finds: one JSON object a line, a `Report`.

It says so at each change, and at each line on its standard input, with which it ends. While the line is up, it also cancels
jobs there that nobody here waits for any more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import grpc
from grpc_health.v1.health_pb2_grpc import HealthStub

from acebridge.client.channels import TIMEOUT_S, open_route, route_to
from acebridge.client.client import Client
from acebridge.client.credentials import check_health, token_for
from acebridge.client.forwarded import cancel_noted, is_wanted, read_notes
from acebridge.client.own_daemon import address_in
from acebridge.contract.enums import enum_name
from acebridge.errors import AceBridgeError
from acebridge.forwarding.connection import find_capabilities
from acebridge.forwarding.faults import explain_fault
from acebridge.paths import data_folder
from acebridge.v1 import models_pb2, tasks_pb2

_NEURAL = "neural"
#: Seconds between two looks.
_LOOK_S = 1.0


class Report(TypedDict, total=False):
    """Whether the line is up, and ``why`` not; what the daemon there is and can do, where it is up."""

    up: bool
    why: str
    version: str
    missing: str
    tasks: list[str]
    models: list[str]
    adapters: list[str]


def main() -> None:
    """Watch the line to the address in the first argument, and say what is found on standard output."""
    is_asked = threading.Event()
    threading.Thread(target=_read_questions, args=(is_asked,), daemon=True).start()
    home, address = data_folder(), sys.argv[1]
    reports = sys.stdout
    sys.stdout = sys.stderr

    def say(report: Report) -> None:
        try:
            reports.write(json.dumps(report) + "\n")
            reports.flush()
        except BrokenPipeError:  # who asked has ended, a moment before our standard input says so
            os._exit(0)

    watch(address, home, say, is_asked)


def _read_questions(is_asked: threading.Event) -> None:
    while os.read(0, 1024):  # a reader of Python's own would hold a lock when the process ends
        is_asked.set()
    os._exit(0)


def watch(address: str, home: Path, say: Callable[[Report], None], is_asked: threading.Event) -> None:
    """Say at each change how the line to ``address`` is, and whenever it ``is_asked``. Does not return."""
    last: Report = {}
    while True:
        if is_asked.is_set():
            is_asked.clear()
            last = {}
        try:
            found = ask(address)
        except (AceBridgeError, grpc.RpcError, OSError) as error:
            found = Report(up=False, why=explain_fault(error, address, home))
        if found != last:
            say(found)
            last = found
        if found["up"]:
            _stay(address, home, is_asked)
        is_asked.wait(_LOOK_S)


def ask(address: str) -> Report:
    """Return what the daemon at ``address`` is and can do. Raises `AceBridgeError`, see `find_capabilities`, and
    ``grpc.RpcError``.
    """
    with Client(address) as client:
        can = find_capabilities(client, address)
        listed = client.call(client.models.ListModels, models_pb2.ListModelsRequest(), TIMEOUT_S)
    engine = next((each for each in can.engines if each.name == _NEURAL), models_pb2.EngineCapabilities())
    return {
        "up": True,
        "why": "",
        "version": can.version,
        "missing": engine.missing,
        "tasks": [enum_name(tasks_pb2.TaskKind.DESCRIPTOR, task) for task in engine.tasks] if engine.available else [],
        "models": [model.name for model in listed.models],
        "adapters": [adapter.name for adapter in listed.adapters],
    }


def _stay(address: str, home: Path, is_asked: threading.Event) -> None:
    """Look after the line until it is down, or somebody asks.

    Health is asked, for who watches a daemon does not use it: see `acebridge.server.idle`.
    """
    route, token = route_to(address, home), token_for(address)
    with open_route(route) as channel:
        while True:
            try:
                if not check_health(HealthStub(channel), token, fingerprint=route.fingerprint, timeout_s=TIMEOUT_S):
                    return
                with suppress(AceBridgeError, grpc.RpcError):
                    cancel_unwanted(address, home)
            except grpc.RpcError:
                return
            if is_asked.wait(_LOOK_S):
                return


def cancel_unwanted(address: str, home: Path) -> None:
    """Cancel the jobs at ``address`` that no job here waits for. Raises `AceBridgeError`."""
    notes = list(read_notes(home, address))
    own = address_in(home)
    if not notes or not own:
        return
    with Client(own) as here:
        unwanted = [note for note in notes if not is_wanted(here, note)]
    if unwanted:
        with Client(address) as there:
            for note in unwanted:
                cancel_noted(there, note)
