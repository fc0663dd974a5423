"""Results of jobs as sources of a command: the id of a job in place of a file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.cli import listing
from acebridge.client.connection import connect
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import MIX

if TYPE_CHECKING:
    from acebridge.cli.options import Options
    from acebridge.client.client import Client
    from acebridge.v1 import tasks_pb2

_JOB_ID = re.compile(r"[0-9a-f]{4,64}(-[0-9a-f]+)*")


@contextmanager
def sources_of_jobs(options: Options) -> Iterator[Options]:
    """Yield options whose sources are files: for the id of a job its result, fetched into a folder for as long as this lasts.

    Of several outputs it is that of the track that the options name, else the mix, else the first. Raises `InvalidValue` for
    a job without audio.
    """
    sources: Sequence[Path] = options["src"]
    if not any(_is_job(each) for each in sources):
        yield options
        return
    tracks = [track.strip().lower() for track in options.get("track") or []]
    with (
        tempfile.TemporaryDirectory(prefix="acebridge-") as folder,
        connect(options["address"], autostart=not options["no_autostart"]) as client,
    ):
        files = [_fetch(client, str(each), tracks, Path(folder)) if _is_job(each) else each for each in sources]
        yield {**options, "src": files}


def _is_job(source: Path) -> bool:
    return _JOB_ID.fullmatch(str(source)) is not None and not source.exists()


def _fetch(client: Client, given: str, tracks: Sequence[str], folder: Path) -> Path:
    """Download the output of a job, and return its file."""
    from acebridge.v1 import jobs_pb2

    job_id = listing.whole_job_id(client, given)
    job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=job_id))
    outputs = [output for take in job.takes[:1] for output in take.outputs]
    if not outputs:
        raise InvalidValue(
            "SRC", given, "a job with audio", message=f"Job {job_id[: listing.SHORT]} has no audio.",
            remedy="`acebridge jobs` shows the jobs.",
        )  # fmt: skip
    chosen = _choose(outputs, tracks)
    file = folder / f"{job_id[: listing.SHORT]}-{chosen.role}.wav"
    with file.open("wb") as out:
        for piece in client.download(chosen.asset_id):
            out.write(piece)
    return file


def _choose(outputs: Sequence[tasks_pb2.StoredOutput], tracks: Sequence[str]) -> tasks_pb2.StoredOutput:
    by_role = {output.role: output for output in outputs}
    wanted = (*(tracks if len(tracks) == 1 else ()), MIX)
    return next((by_role[role] for role in wanted if role in by_role), outputs[0])
