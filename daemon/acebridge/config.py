"""Settings of the daemon: built-in defaults, then ``config.toml`` in the data folder, then the environment, then the command
line. The later one counts.
"""

from __future__ import annotations

import ipaddress
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from acebridge import ray_address
from acebridge.addresses import is_address, is_loopback
from acebridge.errors import InvalidSetting
from acebridge.paths import CONFIG_FILE, data_folder
from acestep_runtime.errors import InvalidValue, short_text
from acestep_runtime.gpu.settings import VARIABLE as CUDA_GRAPHS
from acestep_runtime.memory.choice import VARIABLE as PRECISION
from acestep_runtime.memory.int8 import VARIABLE as INT8_WEIGHTS
from acestep_runtime.memory.parts import parse_parts
from acestep_runtime.midi.sound_fonts import VARIABLE as SOUND_FONT
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER
from acestep_runtime.weights.vaes import VARIABLE as VAE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PORT = 50710
DEFAULT_OSC_PORT = 50711
DEFAULT_HTTP_PORT = 50780
GIB = 2**30
RESERVE_BYTES = 16 * 2**20
#: The value of a setting before it is checked; ``None`` where none is given.
Setting: TypeAlias = bool | int | float | str | Path | Sequence[str] | Sequence[Path] | None


def _default_roots() -> tuple[Path, ...]:
    """Return the home folder and the one for temporary files. The working folder is none: a system may start us in ``/``."""
    roots = []
    for find in (Path.home, lambda: Path(tempfile.gettempdir())):
        with suppress(RuntimeError, OSError):  # there is none
            folder = find()
            if folder != Path(folder.anchor):  # a user of the system may live in /, which is everything
                roots.append(folder)
    return tuple(roots)


def _default_models_dir() -> Path:
    return data_folder() / "models"


def _resolve(path: Path | None) -> Path | None:
    """Return the full path. Raises ``ValueError`` where ``~`` means nothing."""
    try:
        return None if path is None else path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("there is no home folder that ~ could mean") from error


def _check_ip(address: str, message: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(message) from None


class OscSettings(BaseModel):
    """The table ``[osc]``: where there is one, the daemon starts the OSC bridge with these settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Address to listen at; one beyond loopback lets the machines in ``allow`` in.
    host: str = "127.0.0.1"
    #: Port of UDP and TCP; 0 takes a free one.
    port: int = Field(default=DEFAULT_OSC_PORT, ge=0, le=65535)
    #: Folder for results that no source says a folder for.
    output: Path | None = None
    #: Addresses beyond this machine that may send and get feedback, such as that of a tablet.
    allow: tuple[str, ...] = ()
    #: Where all feedback goes, each as host:port.
    feedback: tuple[str, ...] = ()

    @field_validator("allow")
    @classmethod
    def _addresses_only(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for address in allow:
            _check_ip(address, f"{address!r} is no address such as 192.168.1.20")
        return allow

    @field_validator("feedback")
    @classmethod
    def _hosts_and_ports_only(cls, feedback: tuple[str, ...]) -> tuple[str, ...]:
        for entry in feedback:
            host, _, port = entry.rpartition(":")
            _check_ip(host, f"{entry!r} is no address and port such as 127.0.0.1:9000")
            if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
                raise ValueError(f"{entry!r} has no port from 1 to 65535")
        return feedback

    @field_validator("output")
    @classmethod
    def _resolve_output(cls, folder: Path | None) -> Path | None:
        return _resolve(folder)

    def feedback_addresses(self) -> list[tuple[str, int]]:
        """Return where all feedback goes."""
        return [(host, int(port)) for host, _, port in (entry.rpartition(":") for entry in self.feedback)]


class HttpSettings(BaseModel):
    """The table ``[http]``: where there is one, the daemon starts the JSON edge, which also serves the panel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Port on loopback; 0 takes a free one.
    port: int = Field(default=DEFAULT_HTTP_PORT, ge=0, le=65535)


class AuthSettings(BaseModel):
    """The table ``[auth]``: who may call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Whether a call needs a token. Without, every program and every user of this machine may call.
    required: bool = True


class TlsSettings(BaseModel):
    """The table ``[tls]``: whether calls are encrypted, and what the daemon proves with who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: ``None`` is where ``host`` lets other machines in.
    enabled: bool | None = None
    #: Files in PEM; without them the daemon makes a certificate of its own.
    certificate: Path | None = None
    key: Path | None = None

    @field_validator("certificate", "key")
    @classmethod
    def _resolve_file(cls, file: Path | None) -> Path | None:
        return _resolve(file)

    @model_validator(mode="after")
    def _both_or_none(self) -> TlsSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: name both files, or none")
        return self


class Config(BaseModel):
    """All settings; every field but ``data_dir`` may stand in ``config.toml`` under its own name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=data_folder)
    #: Address to listen at; one beyond loopback lets other machines in, with TLS and tokens only.
    host: str = "127.0.0.1"
    #: 0 takes a free port; ``None`` the usual one, or a free one when another program has it.
    port: int | None = Field(None, ge=0, le=65535)
    #: Folders from which requests may name files by path.
    roots: tuple[Path, ...] = Field(default_factory=_default_roots)
    #: Folder of the models of ACE-Step, which other programs may share.
    models_dir: Path = Field(default_factory=_default_models_dir)
    #: Whether models keep most weights in int8, which halves the memory that they take.
    int8_weights: bool = False
    #: Whether a GPU of CUDA replays each step as one graph instead of launching every operation.
    cuda_graphs: bool = False
    #: What models compute in. "auto" is bfloat16 where the device computes it natively and correctly.
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    #: Name of the VAE in ``models_dir`` that models use in place of their own; "" for their own.
    vae: str = ""
    #: SF2 or SF3 file that plays the notes which a model follows; "" for an installed one, "none" for our own voices.
    sound_font: str = ""
    #: Whether results say how they were made: task, caption, lyrics, seed and the names of what they were made from.
    recipes: bool = True
    #: Assets that nobody pinned are evicted, oldest use first, above this size and after this age. Uploads that the size
    #: leaves no room for are refused. A pause between two runs of the daemon counts as a day at most.
    quota_bytes: int = Field(20 * GIB, ge=0)
    max_age_days: float = Field(30.0, gt=0)
    max_upload_bytes: int = Field(2 * GIB, ge=1)
    #: Room on the disk that is kept to end jobs and to delete when the disk is full; 0 is none.
    reserve_bytes: int = Field(RESERVE_BYTES, ge=0)
    #: How fast stored audio is read in the background to find damage; 0 is never.
    scrub_bytes_per_s: int = Field(4 * 2**20, ge=0)
    max_waiting_jobs: int = Field(1000, ge=1)
    #: Connections, open calls and uploads at once.
    max_connections: int = Field(256, ge=8)
    max_open_calls: int = Field(512, ge=8)
    max_uploads: int = Field(16, ge=1)
    #: Seconds that an upload may stand still, and that a client may leave a stream unread, before the daemon ends the call.
    idle_upload_s: float = Field(60.0, gt=0)
    stalled_reader_s: float = Field(600.0, gt=0)
    #: Devices to compute on, one worker for each, such as "cuda:0"; "auto" is all GPUs, or the CPU where there are none.
    devices: tuple[str, ...] = ("auto",)
    #: Devices of the parts dit, lm, vae and text, such as "dit:cuda:0, lm:cuda:1"; one worker has all of them. "" is none.
    parts: str = ""
    #: Where workers run: on this machine, or on a Ray cluster at "ray://HOST:PORT"; "ray://auto" is the one of this machine.
    workers: str = ray_address.LOCAL
    #: How many workers there may be on a Ray cluster, and what each asks it for, such as {"CPU" = 4, "GPU" = 1}. Empty is one
    #: CPU, and one GPU where the cluster has any.
    ray_workers: int = Field(1, ge=1, le=256)
    ray_resources: dict[str, float] = Field(default_factory=dict)
    #: Address of the daemon on another machine that does neural work for this one; "" for none. `acebridge connect` writes it.
    remote: str = ""
    #: Seconds that an engine has to stop before its process is killed.
    cancel_grace_s: float = Field(10.0, ge=0)
    #: Seconds that an engine may work without progress before its process is killed; 0 is no limit.
    step_limit_s: float = Field(3600.0, ge=0)
    #: Memory that an engine's process may take; 0 is no limit, ``None`` three quarters of what the machine has.
    worker_memory_bytes: int | None = Field(None, ge=0)
    #: Seconds after which a daemon that nobody uses frees the memory of its models, and after which it exits; 0 is never.
    idle_unload_s: float = Field(300.0, ge=0)
    idle_exit_s: float = Field(0.0, ge=0)
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    #: How calls are encrypted.
    tls: TlsSettings = TlsSettings()
    #: Who may call.
    auth: AuthSettings = AuthSettings()
    #: The OSC bridge, which the daemon starts where the file has the table.
    osc: OscSettings | None = None
    #: The JSON edge and the panel, which the daemon starts where the file has the table.
    http: HttpSettings | None = None

    @field_validator("host")
    @classmethod
    def _address_only(cls, host: str) -> str:
        if host != "localhost":
            _check_ip(
                host, "must be an address of this machine in numbers, such as 127.0.0.1, or 0.0.0.0 for all of them"
            )
        return host

    @field_validator("tls", "auth")
    @classmethod
    def _guard_other_machines(
        cls, table: TlsSettings | AuthSettings, info: ValidationInfo
    ) -> TlsSettings | AuthSettings:
        host = info.data.get("host", "")
        if host and not is_loopback(host):
            if isinstance(table, AuthSettings) and not table.required:
                raise ValueError(f"host {host} lets other machines in, and they need tokens, so required must be true")
            if isinstance(table, TlsSettings) and table.enabled is False:
                raise ValueError(
                    f"host {host} lets other machines in, and they need TLS, so enabled must be true or left out"
                )
        return table

    @property
    def uses_tls(self) -> bool:
        """Whether calls are encrypted, and the daemon has a certificate: always where other machines can call."""
        return bool(self.tls.enabled) or not is_loopback(self.host)

    @field_validator("devices", mode="before")
    @classmethod
    def _one_or_more(cls, devices: str | Sequence[str]) -> Sequence[str]:
        if not devices:
            raise ValueError('must name a device, such as "cpu" or "cuda:0", or be "auto"')
        return (devices,) if isinstance(devices, str) else devices

    @field_validator("parts")
    @classmethod
    def _parts_only(cls, parts: str) -> str:
        try:
            parse_parts(parts)
        except InvalidValue as error:
            raise ValueError(f"allowed: {error.allowed}. {error.remedy}".strip().removesuffix(".")) from None
        return parts

    @field_validator("workers")
    @classmethod
    def _check_place(cls, place: str, info: ValidationInfo) -> str:
        if not ray_address.is_place(place):
            raise ValueError('must be "local", "ray://HOST:PORT" such as "ray://192.168.1.20:10001", or "ray://auto"')
        if place != ray_address.LOCAL and info.data.get("parts"):
            raise ValueError('parts are devices of this machine: leave parts out, or set workers to "local"')
        return place

    @field_validator("ray_resources", mode="before")
    @classmethod
    def _name_resources(cls, resources: object) -> object:
        return ray_address.read_resources(resources) if isinstance(resources, str) else resources

    @field_validator("ray_resources")
    @classmethod
    def _amounts_only(cls, resources: dict[str, float]) -> dict[str, float]:
        for name, amount in resources.items():
            if not name or not 0 < amount < math.inf:
                raise ValueError(f"{name!r} must be above 0, such as CPU = 4")
        return resources

    @field_validator("remote")
    @classmethod
    def _address_or_none(cls, remote: str, info: ValidationInfo) -> str:
        if remote and not is_address(remote):
            raise ValueError("must be host:port, such as studio.local:50710")
        if remote and info.data.get("workers", ray_address.LOCAL) != ray_address.LOCAL:
            raise ValueError(
                'workers and remote exclude each other: set workers to "local", or run acebridge disconnect'
            )
        return remote

    @field_validator("models_dir")
    @classmethod
    def _resolve_models_dir(cls, folder: Path) -> Path | None:
        return _resolve(folder)

    @field_validator("roots")
    @classmethod
    def _resolve_roots(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        try:
            return tuple(dict.fromkeys(root.expanduser().resolve() for root in roots))
        except RuntimeError as error:
            raise ValueError("there is no home folder that ~ could mean") from error


def let_in(config: Config) -> list[str]:
    """Return the names of the settings that let more callers in than the user's own programs on this machine."""
    osc = config.osc
    open_ones = {
        "auth.required": not config.auth.required,
        "host": not is_loopback(config.host),
        "osc.host": osc is not None and not is_loopback(osc.host),
        "osc.allow": osc is not None and bool(osc.allow),
    }
    return [name for name, is_open in open_ones.items() if is_open]


#: Setting → its environment variable. Engines without a daemon read two of them too.
VARIABLES = {
    **{
        name: f"ACEBRIDGE_{name.upper()}"
        for name in Config.model_fields
        if name not in ("data_dir", "tls", "auth", "osc", "http")
    },
    "models_dir": MODELS_FOLDER,
    "int8_weights": INT8_WEIGHTS,
    "cuda_graphs": CUDA_GRAPHS,
    "precision": PRECISION,
    "vae": VAE,
    "sound_font": SOUND_FONT,
}
#: What separates the entries of a list in an environment variable.
_SEPARATORS = {"roots": os.pathsep, "devices": ","}


class Settings(NamedTuple):
    """The settings in force, and where each comes from that is not the default: a file, a variable, "the command line"."""

    config: Config
    origins: dict[str, str]


def _why(kind: str, message: str) -> str:
    """Return what is wrong with a setting, in words."""
    return "There is no such setting" if kind == "extra_forbidden" else message.removeprefix("Value error, ")


def load_config(**overrides: Setting) -> Config:
    """Return the settings in force. See `load_settings`."""
    return load_settings(**overrides).config


def load_settings(**overrides: Setting) -> Settings:
    """Return the settings in force; ``overrides`` that are ``None`` are ignored.

    Raises `InvalidSetting` naming the place and field of a setting that is not allowed.
    """
    path = data_folder() / CONFIG_FILE
    places: dict[str, dict[str, Setting]] = {str(path): _read_file(path)}
    for name, value in _read_environment().items():
        places[f"the environment variable {VARIABLES[name]}"] = {name: value}
    places["the command line"] = {name: value for name, value in overrides.items() if value is not None}
    settings = {name: value for place in places.values() for name, value in place.items()}
    origins = {name: place for place, values in places.items() for name in values}
    try:
        return Settings(Config.model_validate(settings), origins)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = origins.get(str(first["loc"][0]), "the defaults")
        raise InvalidSetting(
            f"Setting {field} in {where} is {short_text(first.get('input'))}: {_why(first['type'], first['msg'])}.",
            remedy="Correct or remove it.",
        ) from error


def _read_file(path: Path) -> dict[str, Setting]:
    try:
        settings: dict[str, Setting] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidSetting(
            f"{path} cannot be read: {error.strerror}.",
            remedy="Let it be yours to read, or set ACEBRIDGE_HOME to another folder.",
        ) from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number with too many digits
        raise InvalidSetting(f"{path} cannot be read as TOML: {error}.", remedy="Mend or delete the file.") from error
    if "data_dir" in settings:  # clients, which read no settings, would not find the daemon
        raise InvalidSetting(
            f"Setting data_dir in {path} is not allowed: that file is in the data folder itself.",
            remedy="Remove it, and set the environment variable ACEBRIDGE_HOME to the folder.",
        )
    return settings


def _read_environment() -> dict[str, Setting]:
    """Return the settings that environment variables hold; an empty one holds none."""
    given = {name: text for name, variable in VARIABLES.items() if (text := os.environ.get(variable))}
    return {name: text.split(_SEPARATORS[name]) if name in _SEPARATORS else text for name, text in given.items()}
