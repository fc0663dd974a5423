"""``acebridge prune``: delete old jobs and their audio, by age or down to a size, after saying what would go."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from acebridge.cli import listing
from acebridge.cli.asking import Yes, confirm
from acebridge.cli.json_output import print_json
from acebridge.cli.options import Address, AsJson
from acebridge.client.connection import connect
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.v1.assets_pb2 import Asset
    from acebridge.v1.jobs_pb2 import Job

_DAY_S = 86400.0
_USUAL_DAYS = 7.0
#: Audio that no job uses yet may have been sent for a job that is about to come.
_YOUNG_S = 3600.0
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Pruning:
    """Jobs that go, with their audio, and further audio that nothing uses then; ``size_bytes`` is freed."""

    jobs: tuple[Job, ...]
    assets: tuple[Asset, ...]
    size_bytes: int


def prune(
    days: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--days", help="What is older than this many days goes (7, unless --to is given).", show_default=False
        ),
    ] = None,
    to: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--to", help="The oldest go until all audio takes no more than this, such as 5GiB.", show_default=False
        ),
    ] = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")] = False,
    json: AsJson = False,
    address: Address = None,
) -> None:
    """Delete finished jobs and stored audio that are old; says what would go and asks first. Pinned audio stays."""
    most_bytes = None if to is None else parse_size(to)
    if days is None and to is None:
        days = _USUAL_DAYS
    if days is not None and not days >= 0:
        raise InvalidValue("--days", days, "0 or more")
    with connect(address, autostart=True) as client:
        jobs, assets = listing.newest_jobs(client, None), listing.newest_assets(client, None)
        pruning = plan(jobs, assets, now_s=time.time(), days=days, most_bytes=most_bytes)
        if not json:
            typer.echo(_describe(pruning))
        wanted = not dry_run and bool(pruning.jobs or pruning.assets)
        deletes = wanted and confirm("Delete them?", yes=yes)
        if deletes:
            _delete(client, pruning)
        if json:
            counts = {"jobs": len(pruning.jobs), "files": len(pruning.assets), "size_bytes": pruning.size_bytes}
            print_json({**counts, "deleted": deletes})
        elif deletes:
            typer.echo("deleted")


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``5GiB``, ``500 MB`` or ``1000000``. Raises `InvalidValue` for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidValue("--to", text, "a size such as 5GiB, 500MB or 0")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _POWERS[(match[2] or "").lower()])


def plan(
    jobs: Sequence[Job], assets: Sequence[Asset], *, now_s: float, days: float | None, most_bytes: int | None
) -> Pruning:
    """Return what goes: what is older than ``days``, then the oldest until all audio takes at most ``most_bytes``.

    Waiting and running jobs stay, and all audio that a job which stays reads or has made, and what is pinned.
    """
    by_id = {asset.id: asset for asset in assets if not asset.pinned}
    users = Counter(asset_id for job in jobs for asset_id in _uses(job))
    # Where the daemon does not say what a job reads, any audio that is no result may be its source.
    is_known = all(job.HasField("request") for job in jobs)
    excess_bytes = 0 if most_bytes is None else sum(asset.size_bytes for asset in assets) - most_bytes
    oldest_s = -math.inf if days is None else now_s - days * _DAY_S
    chosen: list[Job] = []
    freed: dict[str, Asset] = {}
    for used_s, entry in sorted(_entries(jobs, assets, users if is_known else None, now_s), key=lambda each: each[0]):
        if used_s >= oldest_s and excess_bytes <= 0:
            break
        if isinstance(entry, str):
            unused = [entry]
        else:
            chosen.append(entry)
            users.subtract(_uses(entry))
            made = _results(entry)
            unused = [
                asset_id
                for asset_id in _uses(entry) & by_id.keys()
                if not users[asset_id] and (asset_id in made or (is_known and not _is_young(by_id[asset_id], now_s)))
            ]
        freed |= {asset_id: by_id[asset_id] for asset_id in unused}
        excess_bytes -= sum(by_id[asset_id].size_bytes for asset_id in unused)
    return Pruning(tuple(chosen), tuple(freed.values()), sum(asset.size_bytes for asset in freed.values()))


def _entries(
    jobs: Sequence[Job], assets: Sequence[Asset], users: Counter[str] | None, now_s: float
) -> Iterator[tuple[float, Job | str]]:
    """Yield what may go, with the time when it was needed last: finished jobs, and ids of audio that no job uses."""
    for job in jobs:
        if job.HasField("end_time"):
            yield job.end_time.ToNanoseconds() / 1e9, job
    if users is not None:
        unused = (asset for asset in assets if not (users[asset.id] or asset.pinned or _is_young(asset, now_s)))
        yield from ((_use_s(asset), asset.id) for asset in unused)


def _use_s(asset: Asset) -> float:
    return asset.last_use_time.ToNanoseconds() / 1e9


def _is_young(asset: Asset, now_s: float) -> bool:
    return now_s - _use_s(asset) < _YOUNG_S


def _results(job: Job) -> set[str]:
    """Return the ids of the audio that a job has made."""
    return {output.asset_id for take in job.takes for output in take.outputs}


def _uses(job: Job) -> set[str]:
    """Return the ids of the audio that a job has made, and reads as far as that is known."""
    from acebridge.cli.request_words import request_of_job

    sources = (request_of_job(job).get(name) for name in ("source", "reference"))
    read = {str(source["asset_id"]) for source in sources if isinstance(source, dict) and "asset_id" in source}
    return _results(job) | read


def _describe(pruning: Pruning) -> str:
    if not (pruning.jobs or pruning.assets):
        return "there is nothing so old, or so large, that it would go"
    oldest = f", the oldest of {pruning.jobs[0].create_time.ToDatetime():%Y-%m-%d}" if pruning.jobs else ""
    size = listing.bytes_text(pruning.size_bytes)
    return f"{_count(pruning.jobs, 'job')}{oldest}, and {_count(pruning.assets, 'audio file')}, {size}"


def _count(things: Sequence[object], what: str) -> str:
    return f"{len(things)} {what}" if len(things) == 1 else f"{len(things)} {what}s"


def _delete(client: Client, pruning: Pruning) -> None:
    """Delete jobs, and the audio that is left of them. What is gone already, or is needed again by now, is left alone."""
    from acebridge.errors import ErrorReason, JobFailed
    from acebridge.v1 import assets_pb2, jobs_pb2

    calls: list[Callable[[], object]] = [
        *(
            partial(client.call, client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job.id))
            for job in pruning.jobs
        ),
        *(
            partial(client.call, client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset.id))
            for asset in pruning.assets
        ),
    ]
    for delete in calls:
        try:
            delete()
        except JobFailed as error:  # noqa: PERF203 (each call may fail alone)
            if error.kind not in (ErrorReason.NOT_FOUND, ErrorReason.CONFLICT):
                raise
