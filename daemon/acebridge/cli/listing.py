"""Lists of jobs and assets: tables for people, lines of tabs for pipes. And ids: shown short, completed when given short."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from acebridge.limits import LONGEST_PAGE

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.v1 import assets_pb2, jobs_pb2

Limit = Annotated[int, typer.Option("--limit", help="Show at most this many.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]

T = TypeVar("T")
#: As many characters of an id as are shown.
SHORT = 12
_WHOLE = {"job": 32, "asset": 64}
_NAMED = 5
_LONGEST_CELL = 1000


def newest_jobs(client: Client, limit: int | None) -> list[jobs_pb2.Job]:
    """Return the newest ``limit`` jobs, or all."""
    from acebridge.v1 import jobs_pb2

    def page(size: int, token: str) -> tuple[Sequence[jobs_pb2.Job], str]:
        request = jobs_pb2.ListJobsRequest(page_size=size, page_token=token)
        answer = client.call(client.jobs.ListJobs, request)
        return answer.jobs, answer.next_page_token

    return _entries(page, limit)


def newest_assets(client: Client, limit: int | None) -> list[assets_pb2.Asset]:
    """Return the newest ``limit`` assets, or all."""
    from acebridge.v1 import assets_pb2

    def page(size: int, token: str) -> tuple[Sequence[assets_pb2.Asset], str]:
        request = assets_pb2.ListAssetsRequest(page_size=size, page_token=token)
        answer = client.call(client.assets.ListAssets, request)
        return answer.assets, answer.next_page_token

    return _entries(page, limit)


def _entries(page: Callable[[int, str], tuple[Sequence[T], str]], limit: int | None) -> list[T]:
    """Return the first ``limit`` entries, or all, of the list that ``page`` returns by size and token."""
    from acestep_runtime.errors import InvalidValue

    if limit is not None and limit < 1:
        raise InvalidValue("--limit", limit, "1 or more", remedy="Give --all for all of them.")
    entries: list[T] = []
    token = ""
    while True:
        more, token = page(LONGEST_PAGE if limit is None else min(LONGEST_PAGE, limit - len(entries)), token)
        entries += more
        if not token or len(entries) == limit:
            return entries


def whole_job_id(client: Client, given: str) -> str:
    """Return the id of a job by its beginning. See `whole_id`."""
    return whole_id("job", given, lambda: [job.id for job in newest_jobs(client, LONGEST_PAGE)])


def whole_asset_id(client: Client, given: str) -> str:
    """Return the id of an asset by its beginning. See `whole_id`."""
    return whole_id("asset", given, lambda: [asset.id for asset in newest_assets(client, LONGEST_PAGE)])


def whole_id(kind: str, given: str, newest: Callable[[], list[str]]) -> str:
    """Return the one of the ``newest`` ids that begins with ``given``; ``given`` itself when none does, so that the daemon
    says so.

    Raises `InvalidValue` when several do.
    """
    from acebridge.client.client import text_of
    from acestep_runtime.errors import InvalidValue

    if not given or len(given) >= _WHOLE[kind]:
        return text_of(given)
    listed = newest()
    found = [each for each in listed if each.startswith(given.lower())]
    if len(listed) == LONGEST_PAGE and len(given) < SHORT:
        found = []  # older ones may begin like that too
    if len(found) > 1:
        length = next(n for n in range(SHORT, _WHOLE[kind] + 1) if len({each[:n] for each in found}) == len(found))
        shown = ", ".join(each[:length] for each in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        message = f"{given!r} is the beginning of {len(found)} {kind} ids: {shown}{more}."
        allowed = "an id, or as much of its beginning as no other has"
        raise InvalidValue(f"{kind} id", given, allowed, message=message, remedy="Give more of it.")
    return found[0] if found else text_of(given)


def bytes_text(count: float) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def job_state(job: jobs_pb2.Job) -> str:
    """Return the state of a job in one word."""
    from acebridge.contract.enums import enum_name
    from acebridge.v1 import jobs_pb2

    return enum_name(jobs_pb2.JobState.DESCRIPTOR, job.state)


def job_task(job: jobs_pb2.Job) -> str:
    """Return the name of a job's task."""
    from acebridge.contract.enums import enum_name
    from acebridge.v1 import tasks_pb2

    return enum_name(tasks_pb2.TaskKind.DESCRIPTOR, job.task)


def show_jobs(jobs: Iterable[jobs_pb2.Job]) -> None:
    """Print jobs, one a line."""
    show(("job", "task", "engine", "state", "created (UTC)", "about"), map(_job_row, jobs), flexible="about")


def _job_row(job: jobs_pb2.Job) -> tuple[str, ...]:
    from acebridge.cli.request_words import title_of

    state, created = job_state(job), job.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M")
    now = f"{job.progress.fraction:.0%} {job.progress.stage}" if state == "running" else job.error.message
    if state == "queued":
        now = job.progress.stage  # why no worker takes it
    about = " – ".join(filter(None, (title_of(job), now)))
    return job.id[:SHORT], job_task(job), job.engine, state, created, about


def show_assets(assets: Iterable[assets_pb2.Asset]) -> None:
    """Print assets, one a line."""
    show(("asset", "name", "length", "Hz", "channels", "size", ""), map(_asset_row, assets), flexible="name")


def _asset_row(asset: assets_pb2.Asset) -> tuple[str, ...]:
    length, pinned = f"{asset.frames / asset.sample_rate:.1f} s", "pinned" if asset.pinned else ""
    size = bytes_text(asset.size_bytes)
    return asset.id[:SHORT], asset.name, length, str(asset.sample_rate), str(asset.channels), size, pinned


def show(columns: Sequence[str], rows: Iterable[Iterable[str]], *, flexible: str = "") -> None:
    """Print rows: for people in columns, of which the one named ``flexible`` gives way; for pipes with tabs, no heading."""
    from acestep_runtime.errors import printable

    cells = [[printable(cell, _LONGEST_CELL) for cell in row] for row in rows]
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
