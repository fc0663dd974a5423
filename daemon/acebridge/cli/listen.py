"""``acebridge listen``: play a job while it runs, stored audio, or files; compare takes with their source."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli import listing
from acebridge.cli.declare import parse_time
from acebridge.cli.options import Address, NoAutostart

if TYPE_CHECKING:
    from collections.abc import Callable

    from acebridge.client.client import Client
    from acebridge.hosts.monitor.load import JobFollower
    from acebridge.hosts.monitor.player import Player

What = Annotated[
    list[str] | None,
    typer.Argument(
        help="Job, asset (its id or a unique prefix) or audio file; several are takes to compare.", show_default=False
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="File or asset to compare with: choice 0.", metavar="FILE|ASSET", show_default=False),
]
Take = Annotated[
    int | None, typer.Option("--take", help="Begin with this choice; 0 is the source.", show_default=False)
]
Start = Annotated[
    float | None,
    typer.Option(
        "--start", help="Begin at this time: seconds or 1:30.5.", show_default=False, metavar="TIME", parser=parse_time
    ),
]
Loop = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--loop",
        help="Repeat a region: its start and its end.",
        show_default=False,
        metavar="TIME TIME",
        parser=parse_time,
    ),
]
Level = Annotated[float, typer.Option("--level", help="Level in dB, -90 to 12.")]
Device = Annotated[
    str, typer.Option("--device", help="Output device: a part of its name, or its number.", show_default=False)
]
Devices = Annotated[bool, typer.Option("--devices", help="List the output devices.")]
Latency = Annotated[
    float | None,
    typer.Option(
        "--latency",
        help="Latency in seconds; default 0.1, and 0.3 while the job runs.",
        show_default=False,
        metavar="TIME",
        parser=parse_time,
    ),
]
OwnLevels = Annotated[bool, typer.Option("--own-levels", help="Play takes as loud as they are, not equally loud.")]


def listen(
    what: What = None,
    source: Source = None,
    take: Take = None,
    start: Start = None,
    loop: Loop = None,
    level: Level = 0.0,
    device: Device = "",
    devices: Devices = False,
    latency: Latency = None,
    own_levels: OwnLevels = False,
    address: Address = None,
    no_autostart: NoAutostart = False,
) -> None:
    """Play a job, also while it runs, stored audio, or files. In a terminal, keys pause, seek and choose takes."""
    from acebridge.cli.listening import play_to_end, warn
    from acebridge.hosts.monitor.device import LATENCY_S, LOADED_LATENCY_S, device_names
    from acebridge.hosts.monitor.player import SOURCE, Player
    from acestep_runtime.errors import InvalidValue

    if devices:
        names = device_names()
        for name in names:
            typer.echo(name)
        if not names:
            typer.echo("There is no output device.", err=True)
        return
    if not what:
        raise InvalidValue("what to play", "nothing", "a file, or the id of a job or an asset")
    with ExitStack() as stack:
        sources = _Sources(stack, address, autostart=not no_autostart)
        whole = [sources.whole_name(name) for name in what]
        default_s = LOADED_LATENCY_S if any(map(sources.runs, whole)) else LATENCY_S
        player = stack.enter_context(
            Player(device=device, latency_s=_check_latency_s(latency, default_s), matches=not own_levels)
        )
        player.set_level(level)
        player.first = take
        followers = [follower for name in whole if (follower := sources.add(player, name, warn))]
        if source is not None:
            sources.add(player, sources.whole_name(source), warn, SOURCE)
        if loop is not None:
            player.loop(*loop)
        if start is not None:
            player.seek(start)
        player.play()
        play_to_end(player)
        for follower in followers:
            if follower.error is not None:
                raise follower.error
        if take is not None and take not in player.choices:
            raise InvalidValue("--take", take, ", ".join(map(str, player.choices)))


def _check_latency_s(latency_s: float | None, default_s: float) -> float:
    from acestep_runtime.errors import InvalidValue

    if latency_s is None:
        return default_s
    if not 0.005 <= latency_s <= 5:
        raise InvalidValue("--latency", latency_s, "0.005 to 5 seconds")
    return latency_s


class _Sources:
    """What is to be played, and the daemon that has it: connected when it is needed."""

    def __init__(self, stack: ExitStack, address: str | None, *, autostart: bool) -> None:
        self._stack, self._address, self._autostart = stack, address, autostart
        self._client: Client | None = None

    def client(self) -> Client:
        from acebridge.client.connection import connect

        if self._client is None:
            self._client = self._stack.enter_context(connect(self._address, autostart=self._autostart))
        return self._client

    def whole_name(self, name: str) -> str:
        """Return a file's name as it is, and an id, which may be only its beginning, as a whole."""
        from acebridge.hosts.monitor.load import kind_of

        if not Path(name).exists() and set(name) <= set("0123456789abcdef") and len(name) not in (32, 64):
            whole = listing.whole_job_id(self.client(), name)
            name = whole if whole != name else listing.whole_asset_id(self.client(), name)
        kind_of(name)
        return name

    def runs(self, name: str) -> bool:
        """Return whether it is a job that has not ended."""
        from acebridge.hosts.monitor.load import kind_of
        from acebridge.v1 import jobs_pb2

        if kind_of(name) != "job":
            return False
        job = self.client().call(self.client().jobs.GetJob, jobs_pb2.GetJobRequest(job_id=name))
        return listing.job_state(job) in ("queued", "running")

    def add(
        self, player: Player, name: str, warn: Callable[[str], None], number: int | None = None
    ) -> JobFollower | None:
        """Add it as a choice; return the follower of a job."""
        from acebridge.hosts.monitor.load import JobFollower, add_asset, add_file, kind_of

        kind = kind_of(name)
        if kind == "job":
            return JobFollower(player, self.client(), name, warn)
        if kind == "asset":
            add_asset(player, self.client(), name, warn, number)
        else:
            add_file(player, Path(name), warn, number)
        return None
