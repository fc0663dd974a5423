"""``acebridge finish``: the rest of a take that is a preview."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acebridge.cli.again import Sources
from acebridge.cli.jobs import JobId, fetch_result
from acebridge.cli.model_options import Model
from acebridge.cli.options import Address, AsJson, Out, ResultPage

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.v1 import jobs_pb2
    from acebridge.v1.tasks_pb2 import TaskEvent


def finish(
    job_id: JobId,
    take: Annotated[
        int | None, typer.Argument(help="Number of the take; not needed for the only preview.", show_default=False)
    ] = None,
    sources: Sources = None,
    model: Model = None,
    out: Out = None,
    html: ResultPage = None,
    json: AsJson = False,
    address: Address = None,
) -> None:
    """Decode the rest of a take made with --preview: the same as without it, and nothing is denoised again."""
    given = sources or []

    def ask(client: Client, job: jobs_pb2.Job) -> Iterator[TaskEvent]:
        from acebridge.cli.again import Repetition, find_inputs
        from acebridge.cli.listing import SHORT
        from acebridge.client.client import request_of
        from acebridge.client.finishing import finish_take
        from acebridge.client.repeats import find_request, parents_of
        from acebridge.contract.tasks import method_of

        fields, note = finish_take(client, job, take, model or "")
        submission = fields.pop("submission", None)
        asked = find_request(job)
        made = Repetition(f"Job {job.id[:SHORT]}", f"acebridge finish {job.id[:SHORT]} {take or ''}".rstrip(), Path())
        inputs = find_inputs(client, parents_of(asked), made, given)
        if note:
            typer.echo(f"warning: {note}", err=True)
        request = request_of(
            method_of(asked).task, fields, inputs.get("source"), inputs.get("reference"),
            submission if isinstance(submission, Mapping) else None,
        )  # fmt: skip
        return client.submit_request(request)

    fetch_result(job_id, out, json, address, ask, "-whole", html=html)
