"""``acebridge doctor``: what a musician would have to check by hand, checked."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from acebridge.cli.json_output import print_json
from acebridge.config import DEFAULT_PORT, GIB, VARIABLES, load_config
from acebridge.errors import AceBridgeError
from acebridge.health_check import Finding
from acebridge.paths import QUARANTINE_FOLDER, data_folder
from acebridge.private_files import FILE_MODE, make_private_folder
from acebridge.ray_address import LOCAL, find_problem
from acebridge.tls_identity import identity_files, read_identity
from acebridge.version import VERSION
from acestep_runtime.errors import printable
from acestep_runtime.memory.int8 import remedy_without_torchao
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER

if TYPE_CHECKING:
    from acestep_runtime.engines.registry import EngineInfo
    from acestep_runtime.weights.installed import InstalledModel


#: Of what the settings say, where the check of the settings has said already what is wrong with them.
_UNREAD = "not known, for the settings cannot be used"


def _python(_: str | None) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 10), found, "Install Python 3.10 or newer.")


def _settings(_: str | None) -> Finding:
    try:
        config = load_config()
    except AceBridgeError as fault:
        return Finding("settings", False, fault.message, fault.remedy)
    os.environ[MODELS_FOLDER] = str(config.models_dir)  # where the engines look, further down
    os.environ[VARIABLES["workers"]] = config.workers  # else the memory of this machine would count
    if config.int8_weights and find_spec("torchao") is None:
        return Finding(
            "settings", False, "int8_weights is set, and torchao is not installed.", remedy_without_torchao()
        )
    port = {None: f"port {DEFAULT_PORT}, or a free one when that is taken", 0: "any free port"}
    says = port.get(config.port, f"port {config.port}")
    return Finding("settings", True, f"{says}; roots {', '.join(map(str, config.roots)) or 'none'}")


def _tls(_: str | None) -> Finding:
    try:
        config = load_config()
    except AceBridgeError:
        return Finding("TLS", False, _UNREAD)
    try:
        if not config.uses_tls:
            return Finding("TLS", True, f"off, for {config.host} is this machine's own")
        if not identity_files(config)[0].exists() and config.tls.certificate is None:
            return Finding("TLS", True, f"on at {config.host}; the next start makes a certificate")
        identity = read_identity(config)
    except AceBridgeError as fault:
        return Finding("TLS", False, fault.message, fault.remedy)
    says = f"on at {config.host}; certificate {identity.fingerprint}, valid until {identity.end:%Y-%m-%d}"
    return Finding("TLS", True, says)


def _workers(_: str | None) -> Finding:
    try:
        workers = load_config().workers
    except AceBridgeError:
        return Finding("workers", False, _UNREAD)
    if workers == LOCAL:
        return Finding("workers", True, "on this machine")
    if problem := find_problem(workers):
        return Finding("workers", False, problem.says, problem.remedy)
    return Finding("workers", True, f"on the Ray cluster at {workers}, which answers")


def _disk(_: str | None) -> Finding:
    try:
        folder = data_folder()
    except AceBridgeError as fault:
        return Finding("data folder", False, fault.message, fault.remedy)
    try:
        make_private_folder(folder)
        probe = folder / ".writable"
        probe.touch(FILE_MODE)
        probe.unlink()
    except OSError as error:
        return Finding(
            "data folder",
            False,
            f"{folder} cannot be written: {error.strerror}.",
            "Set ACEBRIDGE_HOME to a folder of yours.",
        )
    free = shutil.disk_usage(folder).free
    return Finding("data folder", free > GIB, f"{folder}, {free / GIB:.1f} GiB free", "Free at least 1 GiB.")


def _store(_: str | None) -> Finding:
    try:
        quarantine = data_folder() / QUARANTINE_FOLDER
        found = sum(1 for _ in quarantine.iterdir()) if quarantine.is_dir() else 0
    except (AceBridgeError, OSError) as fault:
        return Finding("stored audio", False, str(fault), "Make the data folder readable.")
    return Finding(
        "stored audio",
        not found,
        f"{found} damaged or unknown files lie in {quarantine}" if found else "no damage was found",
        "Run `acebridge logs` to see which; make them again or take a backup, then empty that folder.",
    )


def _codecs(_: str | None) -> Finding:
    import soundfile

    missing = {"WAV", "FLAC", "AIFF", "OGG", "MP3"} - set(soundfile.available_formats())
    says = f"libsndfile {soundfile.__libsndfile_version__}"
    return Finding(
        "audio files",
        not missing,
        f"{says}, cannot read {', '.join(missing)}" if missing else says,
        "Reinstall the soundfile package.",
    )


def _playback(_: str | None) -> Finding:
    try:
        import sounddevice

        outputs = [device["name"] for device in sounddevice.query_devices() if device["max_output_channels"]]
    except (OSError, ImportError):
        outputs = []
    # Only listening needs it, so it is never a fault.
    return Finding("sound output", True, outputs[0] if outputs else "none found; only listening needs it")


def _engines(_: str | None) -> Finding:
    from acestep_runtime.engines.registry import ENGINES

    return Finding("engines", True, "; ".join(_engine(each) for each in ENGINES.values() if not each.for_tests))


def _engine(engine: EngineInfo) -> str:
    """Return whether an engine can run, and which of its tasks it cannot do now."""
    from acestep_runtime.engines.registry import describe_missing, missing_by_task
    from acestep_runtime.tasks import TASKS

    lacks = missing_by_task(engine, TASKS.values())
    missing = describe_missing(engine, lacks)
    if None not in lacks.values():
        return f"{engine.name}: no, {missing}"
    return f"{engine.name}: yes. {missing}" if missing else f"{engine.name}: yes"


def _model_name(model: InstalledModel) -> str:
    return f"{model.name} ({model.form})" if model.form else model.name


def _models(_: str | None) -> Finding:
    from acestep_runtime.weights.adapters import adapter_fault, find_adapters, find_others
    from acestep_runtime.weights.folder import models_folder
    from acestep_runtime.weights.installed import find_installed_models
    from acestep_runtime.weights.strangers import find_strangers
    from acestep_runtime.weights.wheels import find_wheel_models

    try:
        folder = models_folder()
    except RuntimeError:
        return Finding("models", False, "there is no home folder for models.", "Set ACEBRIDGE_MODELS to a folder.")
    models = (*find_installed_models(folder), *find_wheel_models(folder))
    broken = [model for model in models if not model.complete]
    says = [
        f"{folder}: {', '.join(_model_name(model) for model in models if model.complete) or 'no model'}",
        *(f"{printable(model.name)} is not whole: {'; '.join(model.faults)}" for model in broken),
        *(f"{each.name} in adapters {fault}" for each in find_adapters(folder) if (fault := adapter_fault(each))),
        *(each.describe() for each in (*find_strangers(folder), *find_others(folder))),
    ]
    return Finding("models", not broken, ". ".join(says), " ".join(dict.fromkeys(model.remedy for model in broken)))


def _memory(_: str | None) -> Finding:
    """Compare what is free with what the largest model that may be chosen needs."""
    from acestep_runtime.memory import machine
    from acestep_runtime.memory.choice import read_precision
    from acestep_runtime.memory.int8 import is_enabled
    from acestep_runtime.memory.need import Numbers, least_bytes
    from acestep_runtime.weights.folder import models_folder
    from acestep_runtime.weights.numbers import count_weights
    from acestep_runtime.weights.wholeness import inspect_checkpoints

    free, total = machine.available_bytes(), machine.total_bytes()
    if not total:
        return Finding("memory", True, "nobody says how much there is")
    faults = inspect_checkpoints(models_folder())
    needs = {
        each.name: least_bytes(Numbers(*count_weights(each)), int8=is_enabled()) for each in faults if not faults[each]
    }
    says = [
        f"{machine.format_gib(free)} of {machine.format_gib(total)} free; models compute in {read_precision()} precision",
        *(f"{name} needs {machine.format_gib(need)} on a CPU" for name, need in needs.items()),
    ]
    is_elsewhere = os.environ.get(VARIABLES["workers"], LOCAL) != LOCAL
    is_enough = is_elsewhere or max(needs.values(), default=0) <= total or machine.may_have_gpu_memory()
    return Finding("memory", is_enough, "; ".join(says), "Set int8_weights to true, or choose a smaller model.")


def _daemon(address: str | None) -> Finding:
    from acebridge.client.connection import connect
    from acebridge.client.restart import get_status

    try:
        with connect(address, autostart=True, warn=lambda _: None) as client:  # it says so itself, further down
            state = get_status(client)
            says = f"version {state.version} answers at {client.address}"
    except AceBridgeError as fault:
        return Finding("daemon", False, fault.message, fault.remedy)
    if state.version != VERSION:
        return Finding(
            "daemon",
            False,
            f"{says}, but this command is version {VERSION}.",
            "Run `acebridge stop` when its jobs are done; the next command starts the right one.",
        )
    return Finding("daemon", True, says)


def _remote(_: str | None) -> Finding:
    from acebridge.client.remote_daemon import problem_with

    try:
        address = load_config().remote
    except AceBridgeError:
        return Finding("connection", False, _UNREAD)
    if not address:
        return Finding("connection", True, "to no other machine")
    problem = problem_with(address)
    return Finding("connection", not problem, problem or f"{address} answers", "Neural jobs wait until it does.")


CHECKS: tuple[Callable[[str | None], Finding], ...] = (
    _python,
    _settings,
    _tls,
    _workers,
    _disk,
    _store,
    _codecs,
    _playback,
    _engines,
    _models,
    _memory,
    _remote,
    _daemon,
)


def examine(address: str | None) -> list[Finding]:
    """Make every check; the last one starts a daemon when none answers."""
    return [_make(check, address) for check in CHECKS]


def _make(check: Callable[[str | None], Finding], address: str | None) -> Finding:
    """Make one check; files that it may not look at are a finding, too."""
    try:
        return check(address)
    except OSError as error:
        where = f"{printable(str(error.filename), 300)}: " if error.filename else ""
        says = f"{where}{error.strerror or error}."
        return Finding(check.__name__.strip("_"), False, says, "Let it be yours to read.")


def report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print findings; ends the command with code 4 when something is wrong."""
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'BAD '} {finding.about}: {finding.says}")
            if not finding.ok and finding.remedy:
                typer.echo(f"     {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(4)
