"""Commands about engines and models: list them, fetch models, check their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from acebridge.cli import listing
from acebridge.cli.asking import Yes, confirm
from acebridge.cli.echo import echo
from acebridge.cli.json_output import print_json
from acebridge.cli.options import Address, AsJson, NoAutostart
from acebridge.client.connection import connect
from acebridge.contract.json_form import message_json
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from rich.progress import TaskID

    from acebridge.v1 import models_pb2
    from acestep_runtime.weights.hub import PullProgress
    from acestep_runtime.weights.known_models import ModelRow

Folder = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--folder", help="Models folder; default: models_dir of the settings.", show_default=False),
]
Name = Annotated[str, typer.Argument(help="Name from `acebridge models list`, or the end of one.", show_default=False)]

#: Smaller models are not told in GB.
_SMALL_BYTES = 50 * 10**6
#: Behind a long job, and from a slow disk.
_LOADING_S = 3600.0
_LONGEST_PROBLEM = 1000

models = typer.Typer(help="Show engines and models; list, fetch, check and remove models.", invoke_without_command=True)


def _folder(given: Path | None) -> Path:
    from acebridge.config import load_config

    return load_config(models_dir=given).models_dir


@models.callback()
def show_models(
    context: typer.Context, json: AsJson = False, address: Address = None, no_autostart: NoAutostart = False
) -> None:
    """Show the engines, their tasks and the models."""
    if context.invoked_subcommand is not None:
        return
    from acebridge.v1 import models_pb2

    with connect(address, autostart=not no_autostart) as client:
        able = client.call(client.models.GetCapabilities, models_pb2.GetCapabilitiesRequest())
        listed = client.call(client.models.ListModels, models_pb2.ListModelsRequest())
    if json:
        print_json({"capabilities": message_json(able), **message_json(listed)})
        return
    engines = [engine for engine in able.engines if engine.name != "fake"]  # that one is for tests of programs
    listing.show(
        ("engine", "available", "tasks", "about"),
        ((e.name, _availability(e), ", ".join(_tasks(e)), e.about) for e in engines),
    )
    for model in listed.models:
        typer.echo(
            f"{model.name} ({model.engine}, {listing.bytes_text(model.size_bytes)}{', loaded' if model.loaded else ''})"
        )
    for adapter in listed.adapters:
        typer.echo(f"{adapter.name} (adapter, {listing.bytes_text(adapter.size_bytes)})")


def _availability(engine: models_pb2.EngineCapabilities) -> str:
    state = "yes" if engine.available else "no"
    return f"{state}: {engine.missing}" if engine.missing else state


def _tasks(engine: models_pb2.EngineCapabilities) -> list[str]:
    from acebridge.contract.enums import enum_name
    from acebridge.v1 import tasks_pb2

    return [enum_name(tasks_pb2.TaskKind.DESCRIPTOR, task) for task in engine.tasks]


@models.command("list")
def list_models(folder: Folder = None, json: AsJson = False) -> None:
    """List the released models, and what is in the models folder: models, adapters and anything else."""
    from acestep_runtime.errors import printable
    from acestep_runtime.weights.adapters import adapter_fault, adapter_method, find_adapters, find_others
    from acestep_runtime.weights.known_models import find_models, model_rows
    from acestep_runtime.weights.strangers import find_strangers
    from acestep_runtime.weights.vaes import find_vaes

    where = _folder(folder)
    installed = find_models(where)
    rows, adapters = model_rows(installed), find_adapters(where)
    others = (*find_strangers(where), *find_others(where))
    faults = {each.name: adapter_fault(each) for each in adapters}
    vaes = {name: path for name, path in find_vaes(where).items() if name != "vae"}
    if json:
        print_json(
            {
                "folder": str(where),
                "models": [row._asdict() for row in rows],
                "adapters": [
                    {
                        "name": each.name,
                        "size_bytes": each.size_bytes,
                        "path": str(each.path),
                        "fault": faults[each.name],
                        "method": adapter_method(each),
                    }
                    for each in adapters
                ],
                "vaes": [{"name": name, "path": str(path)} for name, path in vaes.items()],
                "others": [
                    {
                        "name": each.name,
                        "path": str(each.path),
                        "what": each.signature.what,
                        "advice": each.signature.advice,
                    }
                    for each in others
                ],
            }
        )
        return
    listing.show(
        ("model", "kind", "size", "there", "about"),
        ((row.name, row.kind, _size(row.size_bytes), _presence(row), row.about) for row in rows),
        flexible="about",
    )
    for model in installed.values():
        if not model.complete:
            typer.echo(f"{printable(model.name)} is not whole: {'; '.join(model.faults)}. {model.remedy}")
    for adapter in adapters:
        use = f"it {faults[adapter.name]}" if faults[adapter.name] else f"--lora {adapter.name}"
        typer.echo(f"{adapter.name} ({adapter_method(adapter)}, {listing.bytes_text(adapter.size_bytes)}): {use}")
    for name, path in vaes.items():
        typer.echo(f"{name} (VAE, {path}): --vae {name}")
    for each in others:
        typer.echo(each.sentence())


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= _SMALL_BYTES else listing.bytes_text(size_bytes)


def _presence(row: ModelRow) -> str:
    return "yes" if row.there else "in part" if row.faults else "no"


@models.command("pull")
def pull_model(
    name: Name,
    folder: Folder = None,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take other files than were downloaded the first time.")
    ] = False,
) -> None:
    """Download a model and its parts; resume a download, replace damaged files. basic-pitch is fetched with pip."""
    download(name, folder, accept_changed=accept_changed)


def download(name: str, folder: Path | None = None, *, accept_changed: bool = False) -> None:
    """Download a model with a bar, and print its folders.

    Raises what `acestep_runtime.weights.known_models.fetch_model` raises.
    """
    from acestep_runtime.weights.known_models import fetch_model

    with _bar(name) as show:
        folders = fetch_model(name, _folder(folder), show, accept_changed=accept_changed)
    for each in folders:
        typer.echo(str(each))


@models.command("rm")
def remove_model(name: Name, folder: Folder = None, yes: Yes = False) -> None:
    """Remove a model or an adapter from the models folder."""
    from acestep_runtime.weights.removal import plan_removal, remove

    where = _folder(folder)
    removal = plan_removal(name, where)
    for path in removal.paths:
        echo(str(path))
    gigabytes = removal.size_bytes / 1e9
    size = f"{gigabytes:.1f} GB" if gigabytes >= 0.05 else "less than 0.1 GB"
    if confirm(f"Remove {removal.name}, {size}?", yes=yes):
        remove(removal, where)
        typer.echo(f"removed: {size}")


@models.command("load")
def load_model(name: Name, address: Address = None, no_autostart: NoAutostart = False) -> None:
    """Load a model into the daemon now, so that the first job does not wait for it."""
    from acebridge.v1 import models_pb2

    with connect(address, autostart=not no_autostart) as client:
        model = client.call(client.models.LoadModel, models_pb2.LoadModelRequest(name=name), timeout_s=_LOADING_S)
    typer.echo(f"{model.name} is loaded")
    _echo_problems(model)


@models.command("unload")
def unload_model(name: Name, address: Address = None) -> None:
    """Free the memory of a model; the next job that needs it loads it again."""
    from acebridge.v1 import models_pb2

    with connect(address, autostart=False) as client:
        there = client.call(client.models.ListModels, models_pb2.ListModelsRequest())
        loaded = {each.name for each in there.models if each.loaded}
        model = client.call(client.models.UnloadModel, models_pb2.UnloadModelRequest(name=name), timeout_s=_LOADING_S)
    typer.echo(f"{model.name} is not in memory any more" if model.name in loaded else f"{model.name} was not in memory")
    _echo_problems(model)


def _echo_problems(model: models_pb2.Model) -> None:
    """Say which workers could not load or unload a model, where others could."""
    for problem in model.problems:
        typer.echo(f"note: not on {printable(problem, _LONGEST_PROBLEM)}", err=True)


@models.command("verify")
def verify_models(folder: Folder = None, json: AsJson = False) -> None:
    """Compare every file of the downloaded models with its checksum."""
    from acestep_runtime.errors import EngineFailure
    from acestep_runtime.weights.hub import verify

    where = _folder(folder)
    with _bar("models") as show:
        verdicts = verify(where, show)
    if json:
        print_json([{"folder": str(v.folder), "files": v.files, "faults": list(v.faults)} for v in verdicts])
    else:
        for verdict in verdicts:
            typer.echo(
                f"{verdict.folder}: {verdict.files} files, {'; '.join(verdict.faults) or 'all as they should be'}"
            )
    if not verdicts and not json:
        typer.echo(
            f"{where} holds no models that were fetched with `acebridge models pull`: there are no checksums to compare with."
            " `acebridge doctor` says whether the files there are whole."
        )
    faulty = [verdict for verdict in verdicts if verdict.faults]
    groups = {
        "Not as they should be": [verdict.folder.name for verdict in faulty if verdict.files],
        "Not verified": [verdict.folder.name for verdict in faulty if not verdict.files],
    }
    if faulty:
        raise EngineFailure(
            " ".join(f"{what}: {', '.join(names)}." for what, names in groups.items() if names),
            remedy="Pull the model again; only what is damaged is fetched.",
        )


@contextmanager
def _bar(title: str) -> Iterator[Callable[[PullProgress], None]]:
    """Yield what shows the steps of a pull: as a bar on stderr where that is a terminal, else not at all."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        rows: dict[str, TaskID] = {}

        def show(step: PullProgress) -> None:
            if step.stage not in rows:
                rows[step.stage] = bar.add_task(f"{step.stage} {title}", total=step.total)
            bar.update(rows[step.stage], completed=step.done, total=step.total)

        yield show
