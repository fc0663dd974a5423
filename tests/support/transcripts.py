"""Writes the second half of docs/contract.md: what every RPC of the contract really says, recorded from a running daemon.

Run ``python -m tests.support.transcripts``; the suite checks that every RPC stands in the page. Ids, times and bytes are
shortened, so that recording again changes nothing but what the contract changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client.client import Client
from acebridge.contract.status import unpack_error
from acebridge.contract.tasks import RPCS, request_type, wrap
from acebridge.v1 import assets_pb2, audio_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2
from tests.support.midi_files import band
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "contract.md"
#: What is above this heading in the page is written by hand.
_HEADING = "## What every method says"
_INTRO = f"""{_HEADING}

Recorded from a running daemon by `tests/support/transcripts.py`, with the draft engine for the tasks. `>` is a request, `<` an
answer, in the JSON of protobuf. Ids, times and long values are shortened, and fields at zero are left out.
"""
#: What is sung.
_WORDS = "[Verse 1]\nHold on to me\nuntil the morning"
_SHORTENED = (
    (re.compile(r'"[0-9a-f]{64}"'), '"5f1c…64 hex digits"'),
    (re.compile(r'"[0-9a-f]{32}"'), '"0e9d…32 hex digits"'),
    (re.compile(r'"20\d\d-[^"]*Z"'), '"2026-01-01T00:00:00Z"'),
    (re.compile(r'("(?:eta_s|wait_s|run_s)": )[\d.e-]+'), r"\g<1>0.01"),
    (re.compile(r'("pid": )\d+'), r"\g<1>4711"),
    (re.compile(r'("stored_bytes": )"\d+"'), r'\g<1>"384224"'),
    (re.compile(r'("data_dir": )"[^"]*"'), r'\g<1>"/home/you/.local/share/acebridge"'),
    (re.compile(r'("roots": )\[[^]]*\]'), r'\g<1>["/home/you", "/tmp"]'),
    (re.compile(r'("next_page_token": )"[^"]+"'), r'\g<1>"WyJM…"'),
    (re.compile(r'("memory_bytes": )"\d+"'), r'\g<1>"145506304"'),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:50710"),
    (re.compile(r"/[^ \"]*/models\b"), "/home/you/.local/share/acebridge/models"),
)


def _shorten(text: str) -> str:
    for pattern, short in _SHORTENED:
        text = pattern.sub(short, text)
    return text


#: Longest list of numbers or objects that is shown whole.
_LONGEST_LIST = 3
_LONGEST_TEXT = 160
#: Fields of bytes.
_BYTES = ("data", "midi", "chunks")
#: Fields that are maps, which have no order of their own.
_MAPS = ("parts", "computed_from", "missing", "confidence", "certainty")


def _cut(value: Any) -> Any:
    """Return a message as JSON with only the beginnings of long lists and texts."""
    if isinstance(value, dict):
        return {name: "…base64…" if name in _BYTES else _cut(_sort(name, held)) for name, held in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value[:_LONGEST_LIST]] + (["…"] if len(value) > _LONGEST_LIST else [])
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return value[:_LONGEST_TEXT] + "…"
    return value


def _sort(name: str, value: Any) -> Any:
    return dict(sorted(value.items())) if name in _MAPS and isinstance(value, dict) else value


def _format_message(message: Message) -> str:
    held = MessageToDict(message, preserving_proto_field_name=True)
    for inner in (held, held.get("completed", {})):
        if "takes" in inner and "completed" in held:
            inner["takes"] = ["as take_finished says"]
    return _shorten(json.dumps(_cut(held), ensure_ascii=False))


def _is_end(event: Message) -> bool:
    """Return whether an event is the last progress of a job."""
    return isinstance(event, tasks_pb2.TaskEvent) and event.progress.fraction == 1


def _format_call(rpc: str, request: Message | str, answers: Iterable[Message]) -> str:
    lines = [f"### {rpc}", "", "```", f"> {request if isinstance(request, str) else _format_message(request)}"]
    shown: set[str] = set()  # kinds of events since the last that is no part of the work in between
    try:
        for answer in answers:
            kind = answer.WhichOneof("event") if isinstance(answer, tasks_pb2.TaskEvent) else ""
            if kind not in ("audio_chunk", "progress") or _is_end(answer):
                shown.clear()
            elif kind in shown:
                if lines[-1] != "< …":
                    lines.append("< …")
                continue
            shown.add(kind)
            lines.append(f"< {_format_message(answer)}")
    except grpc.RpcError as error:
        fault = unpack_error(error)
        reply = dict(sorted(fault.details.items())) | {"remedy": fault.remedy}
        lines.append(_shorten(f"< {error.code().name}: {fault}"))  # type: ignore[attr-defined]
        lines.append(_shorten(f"  ErrorInfo reason {fault.kind}, metadata {reply}"))
    return "\n".join([*lines, "```", ""])


def _task_requests(asset: str) -> dict[str, Any]:
    source = audio_pb2.AudioInput(asset_id=asset)
    music = tasks_pb2.Music(caption="warm soul", bpm=96, keyscale="A minor")
    draft = tasks_pb2.Submission(engine="draft")
    output = tasks_pb2.Output(seeds=[7])
    words = tasks_pb2.Music(lyrics=_WORDS)
    fields: dict[str, dict[str, Any]] = {
        "TextToMusic": {"music": {"caption": "warm soul", "bpm": 96, "keyscale": "A minor", "lyrics": _WORDS},
                        "duration_s": 10.0, "output": {"seeds": [7], "auto_lrc": True, "auto_score": True}},
        "Cover": {"source": source, "music": music, "strength": 0.7, "output": output},
        "Repaint": {"source": source, "music": music, "start_s": 2.5, "end_s": 5.0, "output": output},
        "Lego": {"source": source, "tracks": ["drums"], "output": output},
        "Complete": {"source": source, "tracks": ["drums", "bass"], "output": output},
        "Extract": {"source": source, "tracks": ["vocals"], "output": output},
        "Understand": {"source": source},
        "AlignLyrics": {"source": source, "music": words},
        "Score": {"source": source, "music": words},
        "CreateSample": {"description": "a ballad about rain", "seed": 7},
        "FormatSample": {"music": words, "seed": 7},
        "Transcribe": {"source": source, "tracks": ["bass"]},
    }  # fmt: skip
    return {rpc: request_type(RPCS[rpc])(submission=draft, **given) for rpc, given in fields.items()}


def _more_requests(asset: str) -> Iterable[tuple[str, str, Message]]:
    """Yield tasks again with other fields: the title, the RPC and the request."""
    draft, output = tasks_pb2.Submission(engine="draft"), tasks_pb2.Output(seeds=[7])
    chords = tasks_pb2.Music(caption="warm soul", bpm=96, chords="| Am . F . | C G/B |")
    yield (
        "TextToMusic, with chords", "TextToMusic",
        tasks_pb2.TextToMusicRequest(submission=draft, music=chords, duration_s=10, output=output),
    )  # fmt: skip
    yield (
        "TextToMusic, from a MIDI file", "TextToMusic",
        tasks_pb2.TextToMusicRequest(
            submission=draft, music=tasks_pb2.Music(caption="warm soul"), midi=band(2), output=output
        ),
    )  # fmt: skip
    scored = tasks_pb2.Output(seeds=[7], auto_score=True)
    yield (
        "Lego, with its fit", "Lego",
        tasks_pb2.LegoRequest(
            submission=draft, source=audio_pb2.AudioInput(asset_id=asset), tracks=["bass"], output=scored
        ),
    )  # fmt: skip


def record(client: Client, song: Path) -> str:
    """Speak every RPC with the daemon and return that part of the page; ``song`` is a file that it may read."""
    (song_request,) = (request for rpc, request in _task_requests("").items() if rpc == "TextToMusic")
    made = [*client.submit_request(song_request)][-1].completed.takes[0].outputs[0].asset_id
    song.write_bytes(b"".join(client.download(made)))
    asset = client.upload(song).asset_id
    more = [
        _format_call(title, request, getattr(client.tasks, rpc)(request))
        for title, rpc, request in _more_requests(asset)
    ]
    parts = [_INTRO, "## TaskService\n"]
    for rpc, request in _task_requests(asset).items():
        parts.append(_format_call(rpc, request, getattr(client.tasks, rpc)(request)))
    parts += more
    bad = tasks_pb2.RepaintRequest(source=audio_pb2.AudioInput(asset_id=asset), start_s=80, end_s=40)
    parts.append(_format_call("Repaint, with a mistake", bad, client.tasks.Repaint(bad)))
    lacking = tasks_pb2.CoverRequest(
        submission=tasks_pb2.Submission(engine="neural"), source=audio_pb2.AudioInput(asset_id=asset)
    )
    parts.append(_format_call("Cover, with an engine that is not there", lacking, client.tasks.Cover(lacking)))

    newest = client.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=1)).jobs[0].id
    first = client.jobs.ListJobs(jobs_pb2.ListJobsRequest()).jobs[-1]
    result = first.takes[0].outputs[0].asset_id
    understood = _task_requests(asset)["Understand"]
    parts.append("## JobService\n")
    unary: tuple[tuple[Any, str, Message], ...] = (
        (client.jobs, "CreateJob", jobs_pb2.CreateJobRequest(request=wrap(bad), validate_only=True)),
        (client.jobs, "CreateJob", jobs_pb2.CreateJobRequest(request=wrap(understood), validate_only=True)),
        (client.jobs, "GetJob", jobs_pb2.GetJobRequest(job_id=newest)),
        (client.jobs, "ListJobs", jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_SUCCEEDED], page_size=1)),
        (client.jobs, "WatchJob", jobs_pb2.WatchJobRequest(job_id=newest, after_sequence=1)),
        (client.jobs, "NextBatch", jobs_pb2.NextBatchRequest(job_id=first.id)),
        (client.jobs, "CancelJob", jobs_pb2.CancelJobRequest(job_id=newest)),
        (client.jobs, "DeleteJob", jobs_pb2.DeleteJobRequest(job_id=newest)),
        (client.assets, "GetAsset", assets_pb2.GetAssetRequest(asset_id=asset)),
        (client.assets, "ListAssets", assets_pb2.ListAssetsRequest(page_size=1)),
        (client.assets, "DownloadAsset", assets_pb2.DownloadAssetRequest(asset_id=asset, length_bytes=44)),
        (client.assets, "PinAsset", assets_pb2.PinAssetRequest(asset_id=asset)),
        (client.assets, "UnpinAsset", assets_pb2.UnpinAssetRequest(asset_id=asset)),
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
            rest = assets_pb2.ContinueUploadRequest(
                asset_id=hashlib.sha256(data).hexdigest(), size_bytes=len(data), name=song.name
            )
            parts.append(_format_call("ContinueUpload", rest, _once(client.assets.ContinueUpload, rest)))
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
    from tests.bench.running import run_daemon

    with tempfile.TemporaryDirectory() as folder, run_daemon() as daemon:
        song = Path(folder, "song.wav")
        by_hand = PAGE.read_text("utf-8").partition(_HEADING)[0]
        PAGE.write_text(by_hand + record(daemon.client, song), "utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
