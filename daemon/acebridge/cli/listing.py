"""Lists of jobs and assets: as tables for people, as lines of tabs for pipes; and ids cut short, found again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from acebridge.client.client import Client

Kind = Literal["job", "asset"]

#: As many characters of an id as are shown.
SHORT = 12
_WHOLE = {"job": 32, "asset": 64}
#: The most that a daemon lists.
_MOST = 1000
_NAMED = 5
_LONGEST_CELL = 1000


def newest(client: Client, kind: Kind, limit: int) -> list[Any]:
    """Return the newest ``limit`` jobs or assets as messages."""
    from acebridge.v1 import assets_pb2, jobs_pb2

    if kind == "job":
        return list(client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(limit=limit)).jobs)
    return list(client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(limit=limit)).assets)


def whole_id(client: Client, kind: Kind, given: str) -> str:
    """Return the id that begins with ``given``; ``given`` itself when none does, for the daemon to say so.

    Raises `InvalidValue` when several do.
    """
    from acebridge.client.client import text_of
    from acestep_runtime.errors import InvalidValue

    if not given or len(given) >= _WHOLE[kind]:
        return text_of(given)
    listed = newest(client, kind, _MOST)
    found = [item.id for item in listed if item.id.startswith(given.lower())]
    if len(listed) == _MOST and len(given) < SHORT:
        found = []  # there may be others that begin like that
    if len(found) > 1:
        length = next(n for n in range(SHORT, _WHOLE[kind] + 1) if len({each[:n] for each in found}) == len(found))
        shown = ", ".join(each[:length] for each in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        message = f"{given!r} is the beginning of {len(found)} {kind} ids: {shown}{more}."
        allowed = "an id, or as much of its beginning as no other has"
        raise InvalidValue(f"{kind} id", given, allowed, message=message, remedy="Give more of it.")
    return found[0] if found else text_of(given)


def size(count: float) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def job_state(job: Any) -> str:
    """Return the state of a job in one word."""
    from acebridge.v1 import jobs_pb2

    return jobs_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()


def _job_row(job: Any) -> tuple[object, ...]:
    state, created = job_state(job), job.created.ToDatetime().strftime("%Y-%m-%d %H:%M")
    about = f"{job.progress.fraction:.0%} {job.progress.stage}" if state == "running" else job.error
    return job.id[:SHORT], job.task, job.engine, state, created, about


def _asset_row(asset: Any) -> tuple[object, ...]:
    length, pinned = f"{asset.frames / asset.sample_rate:.1f} s", "pinned" if asset.pinned else ""
    return asset.id[:SHORT], asset.name, length, asset.sample_rate, asset.channels, size(asset.size_bytes), pinned


_ROWS: dict[Kind, Callable[[Any], tuple[object, ...]]] = {"job": _job_row, "asset": _asset_row}
_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "job": ("job", "task", "engine", "state", "created (UTC)", "about"),
    "asset": ("asset", "name", "length", "Hz", "channels", "size", ""),
}
#: Which one gives way when the terminal is narrow.
_FLEXIBLE: dict[Kind, str] = {"job": "about", "asset": "name"}


def show_list(kind: Kind, items: Iterable[Any]) -> None:
    """Print jobs or assets, one a line."""
    show(_COLUMNS[kind], map(_ROWS[kind], items), flexible=_FLEXIBLE[kind])


def show(columns: tuple[str, ...], rows: Iterable[Iterable[object]], *, flexible: str = "") -> None:
    """Print rows: for people in columns, of which the one named ``flexible`` gives way; for pipes with tabs, no heading."""
    from acestep_runtime.errors import printable

    cells = [[printable(str(cell), _LONGEST_CELL) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", expand=bool(flexible))
    for name in columns:
        table.add_column(
            name,
            no_wrap=bool(flexible),
            overflow="ellipsis" if flexible else "fold",
            ratio=1 if name == flexible else None,
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
