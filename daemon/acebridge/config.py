"""Settings of the daemon: built-in defaults, then ``config.toml`` in the data folder, then the command line."""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from acebridge.errors import InvalidSetting
from acebridge.paths import data_folder
from acestep_runtime.memory.int8 import VARIABLE as INT8_WEIGHTS
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PORT = 50710
#: In the data folder; held by the daemon that serves it.
LOCK_FILE = "daemon.lock"
GIB = 2**30
#: The value of a setting before it is checked; ``None`` where none is given.
Setting: TypeAlias = bool | int | float | str | Path | Sequence[str] | Sequence[Path] | None


def _default_roots() -> tuple[Path, ...]:
    roots = []
    for folder in (Path.home, lambda: Path(tempfile.gettempdir()), Path.cwd):
        with suppress(RuntimeError, OSError):  # no home; a working folder that was deleted
            roots.append(folder())
    return tuple(roots)


def _default_models_dir() -> Path:
    named = os.environ.get(MODELS_FOLDER)
    return Path(named) if named else data_folder() / "models"


class Config(BaseModel):
    """All settings; every field but ``data_dir`` may stand in ``config.toml`` under its own name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=data_folder)
    host: str = "127.0.0.1"
    #: 0 takes a free port; ``None`` the usual one, or a free one when another program has it.
    port: int | None = Field(None, ge=0, le=65535)
    #: Folders from which requests may name files by path.
    roots: tuple[Path, ...] = Field(default_factory=_default_roots)
    #: Folder of the models of ACE-Step, which other programs may share; by default ``ACEBRIDGE_MODELS``.
    models_dir: Path = Field(default_factory=_default_models_dir)
    #: Whether models keep most weights in int8, which halves the memory that they take; by default ``ACEBRIDGE_INT8_WEIGHTS``.
    int8_weights: bool = Field(default_factory=lambda: os.environ.get(INT8_WEIGHTS) or False, validate_default=True)
    #: Assets that nobody pinned are evicted, oldest use first, above this size and after this age.
    quota_bytes: int = Field(20 * GIB, ge=0)
    max_age_days: float = Field(30.0, gt=0)
    max_upload_bytes: int = Field(2 * GIB, ge=1)
    max_waiting_jobs: int = Field(1000, ge=1)
    #: Devices to compute on, one worker for each, such as "cuda:0"; "auto" is all GPUs, or the CPU where there are none.
    devices: tuple[str, ...] = ("auto",)
    #: Seconds an engine has to stop by itself before its process is ended.
    cancel_grace_s: float = Field(10.0, ge=0)
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError("must be a loopback address such as 127.0.0.1, so that nobody else can reach your audio")
        return host

    @field_validator("devices", mode="before")
    @classmethod
    def _one_or_more(cls, devices: str | Sequence[str]) -> Sequence[str]:
        if not devices:
            raise ValueError('must name a device, such as "cpu" or "cuda:0", or be "auto"')
        return (devices,) if isinstance(devices, str) else devices

    @field_validator("models_dir")
    @classmethod
    def _resolve_models_dir(cls, folder: Path) -> Path:
        try:
            return folder.expanduser().absolute()
        except RuntimeError as error:
            raise ValueError("there is no home folder that ~ could mean") from error

    @field_validator("roots")
    @classmethod
    def _resolve_roots(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        try:
            return tuple(dict.fromkeys(root.expanduser().resolve() for root in roots))
        except RuntimeError as error:
            raise ValueError("there is no home folder that ~ could mean") from error


def load_config(**overrides: Setting) -> Config:
    """Return the settings in force; ``overrides`` that are ``None`` are ignored.

    Raises `InvalidSetting` naming the file and field for a setting that is not allowed.
    """
    path = data_folder() / "config.toml"
    settings: dict[str, Setting] = {}
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSetting(f"{path} cannot be read as TOML: {error}.", remedy="Mend or delete the file.") from error
    if "data_dir" in settings:  # clients, which read no settings, would not find the daemon
        raise InvalidSetting(
            f"Setting data_dir in {path} is not allowed: that file is in the data folder itself.",
            remedy="Remove it, and set the environment variable ACEBRIDGE_HOME to the folder.",
        )
    settings.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        in_file = str(path) if field in settings else "the environment"
        where = "the command line" if overrides.get(field) is not None else in_file
        raise InvalidSetting(
            f"Setting {field} in {where} is {first.get('input')!r}: {first['msg'].removeprefix('Value error, ')}.",
            remedy="Correct or remove it.",
        ) from error
