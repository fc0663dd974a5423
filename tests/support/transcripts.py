"""Writes docs/contract.md: what every RPC of the contract really says, recorded from a running daemon.

Run ``python -m tests.support.transcripts``; the suite checks that every RPC stands in the page. Ids, times and bytes are
shortened, so that recording again changes nothing but what the contract changed.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client.client import Client
from acebridge.contract.status import unpack_error
from acebridge.contract.tasks import RPCS, request_type
from acebridge.v1 import assets_pb2, audio_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2
from acestep_runtime.audio import wav
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "contract.md"
_INTRO = """# The wire contract, spoken

Package `acebridge.v1`; the `.proto` files in `protos/acebridge/v1` say what every field means, its unit, limit and
default. This page was recorded from a running daemon by `tests/support/transcripts.py`, with the `fake` engine for the tasks;
ids, times and long values are shortened, fields at zero are left out;
`>` is a request, `<` an answer. To look for yourself:
`grpcurl -plaintext 127.0.0.1:50710 list` (the daemon serves reflection and health).

**Order of events** on a task's stream: `queued` (again whenever the place in the queue changes), `started`, then
`progress`, `audio_header` and `audio_chunk` in turn, `take_finished` for each take, `completed`. A job that fails or is
cancelled ends the stream with a status whose details carry `google.rpc.ErrorInfo` (reason; field, value, allowed, remedy)
and, when a field is to blame, `google.rpc.BadRequest`.

**Leaving and coming back**: a job goes on when its stream is dropped. `WatchJob` with the last `sequence` seen goes on
from there, audio included, also after the daemon was restarted.

**Sending twice**: give a request an `idempotency_key`, and sending it again joins the job that is already there.
"""
_SHORTENED = (
    (re.compile(r'"[0-9a-f]{64}"'), '"5f1c…64 hex digits"'),
    (re.compile(r'"[0-9a-f]{32}"'), '"0e9d…32 hex digits"'),
    (re.compile(r'"20\d\d-[^"]*Z"'), '"2026-01-01T00:00:00Z"'),
    (re.compile(r'"[A-Za-z0-9+/=]{60,}"'), '"…base64…"'),
    (re.compile(r'("(?:eta_s|waited_s|worked_s)": )[\d.e-]+'), r"\g<1>0.01"),
    (re.compile(r'("pid": )\d+'), r"\g<1>4711"),
    (re.compile(r'("stored_bytes": )"\d+"'), r'\g<1>"384224"'),
    (re.compile(r'("data_dir": )"[^"]*"'), r'\g<1>"/home/you/.local/share/acebridge"'),
    (re.compile(r'("roots": )\[[^]]*\]'), r'\g<1>["/home/you", "/tmp"]'),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:50710"),
    (re.compile(r"/[^ \"]*/models\b"), "/home/you/.local/share/acebridge/models"),
)


def _shorten(text: str) -> str:
    for pattern, short in _SHORTENED:
        text = pattern.sub(short, text)
    return text


def _in_order(value: Any) -> Any:
    """Return a message as JSON with its metadata, which has no order of its own, by name."""
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: dict(sorted(held.items())) if name == "metadata" else _in_order(held) for name, held in value.items()}


def _format_message(message: Message) -> str:
    held = MessageToDict(message, preserving_proto_field_name=True)
    text = _shorten(json.dumps(_in_order(held), ensure_ascii=False))
    return text if len(text) <= 600 else text[:597] + "…"


def _format_call(rpc: str, request: Message | str, answers: Iterable[Message]) -> str:
    lines = [f"### {rpc}", "", "```", f"> {request if isinstance(request, str) else _format_message(request)}"]
    last_kind = ""
    try:
        for answer in answers:
            kind = answer.WhichOneof("event") if isinstance(answer, tasks_pb2.TaskEvent) else ""
            if kind == last_kind and kind in ("audio_chunk", "progress"):
                if lines[-1] != "< …":
                    lines.append("< …")
                continue
            last_kind = kind or ""
            lines.append(f"< {_format_message(answer)}")
    except grpc.RpcError as error:
        fault = unpack_error(error)
        told = dict(sorted(fault.details.items())) | {"remedy": fault.remedy}
        lines.append(_shorten(f"< {error.code().name}: {fault}"))  # type: ignore[attr-defined]
        lines.append(_shorten(f"  ErrorInfo reason {fault.kind}, metadata {told}"))
    return "\n".join([*lines, "```", ""])


def _task_requests(asset: str) -> dict[str, Any]:
    source = audio_pb2.AudioInput(asset_id=asset)
    music = tasks_pb2.Music(caption="warm soul", bpm=96, keyscale="A minor")
    fake = tasks_pb2.Submission(engine=tasks_pb2.ENGINE_FAKE)
    output = tasks_pb2.Output(seeds=[7])
    words = tasks_pb2.Music(lyrics="[Verse 1]\nHold on")
    fields: dict[str, dict[str, Any]] = {
        "TextToMusic": {"music": music, "duration_s": 1.0, "output": output},
        "Cover": {"source": source, "music": music, "strength": 0.7, "output": output},
        "Repaint": {"source": source, "music": music, "start_s": 0.25, "end_s": 0.75, "output": output},
        "Lego": {"source": source, "tracks": ["drums"], "output": output},
        "Complete": {"source": source, "tracks": ["drums", "bass"], "output": output},
        "Extract": {"source": source, "tracks": ["vocals"], "output": output},
        "Understand": {"source": source},
        "AlignLyrics": {"source": source, "music": words},
        "Score": {"source": source, "music": words},
        "CreateSample": {"description": "a ballad about rain", "seed": 7},
        "FormatSample": {"music": words, "seed": 7},
    }
    return {rpc: request_type(RPCS[rpc])(submission=fake, **given) for rpc, given in fields.items()}


def record(client: Client, song: Path) -> str:
    """Speak every RPC with the daemon and return the page."""
    asset = client.upload(song).asset_id
    parts = [_INTRO, "## TaskService\n"]
    for rpc, request in _task_requests(asset).items():
        parts.append(_format_call(rpc, request, getattr(client.tasks, rpc)(request)))
    bad = tasks_pb2.RepaintRequest(source=audio_pb2.AudioInput(asset_id=asset), start_s=8, end_s=4)
    parts.append(_format_call("Repaint, with a mistake", bad, client.tasks.Repaint(bad)))
    lacking = tasks_pb2.CoverRequest(
        submission=tasks_pb2.Submission(engine=tasks_pb2.ENGINE_NEURAL), source=audio_pb2.AudioInput(asset_id=asset)
    )
    parts.append(_format_call("Cover, with an engine that is not there", lacking, client.tasks.Cover(lacking)))

    newest = client.jobs.ListJobs(jobs_pb2.ListJobsRequest(limit=1)).jobs[0].id
    first = client.jobs.ListJobs(jobs_pb2.ListJobsRequest()).jobs[-1]
    result = first.takes[0].outputs[0].asset_id
    parts.append("## JobService\n")
    unary: tuple[tuple[Any, str, Message], ...] = (
        (client.jobs, "GetJob", jobs_pb2.GetJobRequest(job_id=newest)),
        (client.jobs, "ListJobs", jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_SUCCEEDED], limit=1)),
        (client.jobs, "WatchJob", jobs_pb2.WatchJobRequest(job_id=newest, after_sequence=1)),
        (client.jobs, "NextBatch", jobs_pb2.NextBatchRequest(job_id=first.id)),
        (client.jobs, "CancelJob", jobs_pb2.CancelJobRequest(job_id=newest)),
        (client.jobs, "DeleteJob", jobs_pb2.DeleteJobRequest(job_id=newest)),
        (client.assets, "GetAsset", assets_pb2.GetAssetRequest(asset_id=asset)),
        (client.assets, "ListAssets", assets_pb2.ListAssetsRequest(limit=1)),
        (client.assets, "DownloadAsset", assets_pb2.DownloadAssetRequest(asset_id=asset, length_bytes=44)),
        (client.assets, "PinAsset", assets_pb2.PinAssetRequest(asset_id=asset, pinned=True)),
        (client.assets, "DeleteAsset", assets_pb2.DeleteAssetRequest(asset_id=result)),
        (client.models, "GetCapabilities", models_pb2.GetCapabilitiesRequest()),
        (client.models, "ListModels", models_pb2.ListModelsRequest()),
        (client.models, "LoadModel", models_pb2.LoadModelRequest(name="acestep-v15-turbo")),
        (client.models, "UnloadModel", models_pb2.UnloadModelRequest(name="acestep-v15-turbo")),
        (client.daemon, "GetStatus", daemon_pb2.GetStatusRequest()),
    )
    for stub, rpc, request in unary:
        if rpc == "GetAsset":
            parts.append("## AssetService\n")
            data = song.read_bytes()
            halves = [assets_pb2.UploadAssetRequest(name=song.name, data=data[:9000]),
                      assets_pb2.UploadAssetRequest(data=data[9000:])]  # fmt: skip
            shown = f'{{"name": "{song.name}", "data": "…"}}\n> {{"data": "…"}}'
            parts.append(_format_call("UploadAsset", shown, [client.assets.UploadAsset(iter(halves))]))
            there = assets_pb2.ImportAssetRequest(path=str(song))
            shown = f'{{"path": "/home/you/{song.name}"}}'
            parts.append(_format_call("ImportAsset", shown, _once(client.assets.ImportAsset, there)))
        if rpc == "GetCapabilities":
            parts.append("## ModelService\n")
        if rpc == "GetStatus":
            parts.append("## DaemonService\n")
        answered = getattr(stub, rpc)
        streams = rpc in ("WatchJob", "NextBatch", "DownloadAsset")
        parts.append(_format_call(rpc, request, answered(request) if streams else _once(answered, request)))
    check = health_pb2.HealthCheckRequest(service="acebridge.v1.TaskService")
    with grpc.insecure_channel(client.address) as channel:
        parts.append("## grpc.health.v1.Health\n")
        parts.append(_format_call("Check", check, [health_pb2_grpc.HealthStub(channel).Check(check)]))
    stop = daemon_pb2.ShutdownRequest()
    parts.append("## DaemonService, at the end\n")
    parts.append(_format_call("Shutdown", stop, _once(client.daemon.Shutdown, stop)))
    return "\n".join(parts)


def _once(method: Any, request: Message) -> Iterable[Message]:
    yield method(request)


def main() -> None:
    """Record the page from a daemon of its own."""

    from tests.bench.daemon import _daemon

    with tempfile.TemporaryDirectory() as folder, _daemon() as (client, *_):
        song = Path(folder, "song.wav")
        time = np.arange(24_000) / 24_000
        wav.write(song, np.float32(0.3) * np.sin(2 * np.pi * 220 * time).astype(np.float32)[:, None], 24_000, "pcm16")
        PAGE.write_text(record(client, song), "utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
