"""``acebridge jobs top``: what the daemon does now, again and again, until somebody ends it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.options import Address, NoAutostart

if TYPE_CHECKING:
    from acebridge.cli.top_page import Facts
    from acebridge.client.client import Client
    from acebridge.v1 import jobs_pb2

Every = Annotated[float, typer.Option("--every", min=0.5, max=60, help="Seconds between two looks.", metavar="SECONDS")]

#: Jobs that wait or run, and those that ended last: as many as are asked for.
_MOST_JOBS, _MOST_ENDED = 200, 5
#: A daemon that takes longer to answer is said to be away.
_TIMEOUT_S = 5.0
#: How long one look at the keyboard waits.
_KEY_S = 0.1


def top(every: Every = 1.0, address: Address = None, no_autostart: NoAutostart = False) -> None:
    """Show the queue, devices, memory and speed until q. Into a pipe the jobs are printed once, with tabs."""
    watch = Watch(address)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from acebridge.cli.listing import show
        from acebridge.cli.top_page import top_rows

        with watch:
            watch.connect(autostart=not no_autostart)
            watch.look()
            show(*top_rows(watch.facts), flexible="about")
        return
    with watch:
        watch.connect(autostart=not no_autostart)
        _show(watch, every)


class Watch:
    """What a daemon said last, and the connection to it, which is made again when it was away.

    A look is three calls, and one more for a source whose length is not known yet.
    """

    def __init__(self, address: str | None) -> None:
        from acebridge.cli.top_page import Facts

        self._address = address
        self._client: Client | None = None
        self._lengths_s: dict[str, float] = {}
        self.facts: Facts = Facts()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def connect(self, *, autostart: bool) -> Client:
        """Connect, unless that is done. Raises `Unavailable`."""
        from acebridge.client.connection import connect

        if self._client is None:
            self._client = connect(self._address, autostart=autostart, warn=lambda _: None)
        return self._client

    def look(self) -> None:
        """Ask for status and jobs. A daemon that does not answer is noted, and looked for again next time."""
        from acebridge.errors import AceBridgeError

        try:
            self._ask(self.connect(autostart=False))
        except AceBridgeError as error:
            self._close()
            self.facts = replace(self.facts, problem=f"{error.message} It is looked for again.")

    def cancel(self, job_id: str) -> None:
        """Cancel a job, if the daemon answers and still has it."""
        from acebridge.errors import AceBridgeError

        with suppress(AceBridgeError):
            self.connect(autostart=False).cancel(job_id)

    def _ask(self, client: Client) -> None:
        from acebridge.cli.top_page import Facts
        from acebridge.v1 import daemon_pb2, jobs_pb2

        status = client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest(), timeout_s=_TIMEOUT_S)
        at_work = (jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING)
        ended = (jobs_pb2.JOB_STATE_SUCCEEDED, jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_CANCELLED)
        found: dict[str, jobs_pb2.Job] = {}
        for states, most in ((at_work, _MOST_JOBS), (ended, _MOST_ENDED)):
            request = jobs_pb2.ListJobsRequest(states=states, page_size=most)
            listed = client.call(client.jobs.ListJobs, request, timeout_s=_TIMEOUT_S).jobs
            found.update((job.id, job) for job in listed)  # a job that ended in between is listed twice
        jobs = list(found.values())
        self._measure(client, jobs)
        self.facts = Facts(client.address, status, jobs, self._lengths_s, time.time())

    def _measure(self, client: Client, jobs: list[jobs_pb2.Job]) -> None:
        """Ask for the length of one source that is not known yet: of a running job, whose speed is shown."""
        from acebridge.cli.request_words import request_of_job
        from acebridge.errors import JobFailed
        from acebridge.v1 import assets_pb2, jobs_pb2

        for job in jobs:
            source = request_of_job(job).get("source")
            asset_id = str(source.get("asset_id", "")) if isinstance(source, dict) else ""
            if job.state != jobs_pb2.JOB_STATE_RUNNING or not asset_id or asset_id in self._lengths_s:
                continue
            with suppress(JobFailed):
                asset = client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset_id))
                self._lengths_s[asset_id] = asset.frames / asset.sample_rate
            return

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _show(watch: Watch, every_s: float) -> None:
    """Show what is going on in the whole terminal, until q or Ctrl-C."""
    from rich.live import Live

    from acebridge.cli.keys import read_keys
    from acebridge.cli.top_page import top_page

    chosen, next_look_s = "", 0.0
    with suppress(KeyboardInterrupt), read_keys() as read_key, Live(screen=True, auto_refresh=False) as live:
        while True:
            if time.monotonic() >= next_look_s:
                watch.look()
                next_look_s = time.monotonic() + every_s
            size = live.console.size
            live.update(top_page(watch.facts, chosen=chosen, width=size.width, height=size.height), refresh=True)
            key = read_key(min(every_s, max(next_look_s - time.monotonic(), _KEY_S)))
            if key in ("q", "\x1b", "\x03"):
                return
            if key in ("up", "down"):
                chosen = _neighbour(watch.facts, chosen, 1 if key == "down" else -1)
            elif key == "c" and chosen:
                watch.cancel(chosen)
                next_look_s = 0.0


def _neighbour(facts: Facts, chosen: str, step: int) -> str:
    """Return the id of the job above or below the chosen one; of the first or the last where none is chosen."""
    from acebridge.cli.top_page import sort_jobs

    ids = [job.id for job in sort_jobs(facts.jobs)]
    if not ids:
        return ""
    if chosen not in ids:
        return ids[0 if step > 0 else -1]
    return ids[max(0, min(ids.index(chosen) + step, len(ids) - 1))]
