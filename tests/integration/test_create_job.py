"""Creating jobs without a stream, checking requests alone, and what a newer client sends to an older daemon."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import grpc
import pytest

from acebridge.client.client import Client, request_of
from acebridge.contract.status import failure_in
from acebridge.contract.tasks import METHODS, TaskMethod, unwrap, wrap
from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2, models_pb2, tasks_pb2
from tests.support.daemon import (
    Daemon,
    assets,
    collect,
    create_tone_job,
    generate,
    job,
    song,
    tone_request,
    until_state,
    write_wav,
)


def create(client: Client, request: Any, *, validate_only: bool = False) -> jobs_pb2.Job:
    wrapped = jobs_pb2.CreateJobRequest(request=wrap(request), validate_only=validate_only)
    return client.call(client.jobs.CreateJob, wrapped)


def job_ids(client: Client) -> list[str]:
    return [each.id for each in client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1000)).jobs]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.task)
def test_a_request_for_any_task_is_wrapped_and_unwrapped(method: TaskMethod) -> None:
    request = method.request(submission={"engine": "fake"})
    assert unwrap(wrap(request)) == request
    assert wrap(request).WhichOneof("task") == tasks_pb2.TaskKind.Name(
        list(tasks_pb2.TaskKind.values())[1 + METHODS.index(method)]
    ).removeprefix("TASK_KIND_").lower()  # fmt: skip


def test_a_created_job_is_the_one_that_its_stream_would_be(client: Client) -> None:
    made = create(client, tone_request(0.2, seed=5, key="created"))
    assert (made.task, made.engine) == (tasks_pb2.TASK_KIND_TEXT_TO_MUSIC, "fake")
    assert made.state in (jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING)
    watched = collect(client.watch(made.id))
    assert [take.seed for take in watched.completed.takes] == [5]
    # The same key joins the same job, from either side.
    assert create(client, tone_request(0.2, seed=5, key="created")).id == made.id
    assert collect(generate(client, 0.2, seed=5, key="created")).job_id == made.id
    with pytest.raises(JobFailed, match="already belongs to job") as caught:
        create(client, tone_request(0.3, seed=5, key="created"))
    assert caught.value.kind is ErrorReason.CONFLICT


def test_a_job_gives_its_request_back_and_that_makes_the_same_again(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "returned.wav", song(1.0, seed=33)))
    source.region.end_s = 0.75
    fields: dict[str, Any] = {"start_s": 0.25, "end_s": 0.5, "music": {"caption": "brighter"}}
    submission = {"engine": "fake", "priority": "high", "idempotency_key": "returned", "session": "ideas"}
    first = create(client, request_of("repaint", fields, source, submission=submission))
    until_state(client, first.id, "succeeded")
    made = job(client, first.id)
    returned = made.request.repaint
    assert (returned.source, returned.start_s, returned.music.caption) == (source, 0.25, "brighter")
    assert list(returned.output.seeds) == [made.takes[0].seed]
    assert returned.submission == tasks_pb2.Submission(engine="fake", priority=tasks_pb2.PRIORITY_HIGH)
    second = create(client, unwrap(made.request))
    until_state(client, second.id, "succeeded")
    again = job(client, second.id)
    assert again.id != made.id
    assert again.request == made.request
    assert again.takes[0].outputs == made.takes[0].outputs
    (listed, *_) = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1)).jobs
    assert listed.request == made.request


def test_a_request_for_no_task_is_refused(client: Client) -> None:
    with pytest.raises(JobFailed, match=r"^The request names no task\. Set the field of one task\.$") as caught:
        client.call(client.jobs.CreateJob, jobs_pb2.CreateJobRequest())
    assert caught.value.details["field"] == "request.task"


def test_validating_checks_everything_and_creates_nothing(client: Client, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "validated.wav", song(1.0, seed=91))
    before, stored = job_ids(client), {asset.id for asset in assets(client)}
    sources = (audio_pb2.AudioInput(path=str(file)), audio_pb2.AudioInput(inline=file.read_bytes()))
    for source in sources:
        fields: dict[str, Any] = {"start_s": 0.25, "end_s": 0.5}
        checked = create(
            client, request_of("repaint", fields, source, submission={"engine": "fake"}), validate_only=True
        )
        assert checked == jobs_pb2.Job(
            task=tasks_pb2.TASK_KIND_REPAINT, engine="fake", priority=tasks_pb2.PRIORITY_NORMAL
        )
        with pytest.raises(JobFailed, match=r"^start_s is 8\.0; allowed: at most 1, the end of the source") as caught:
            create(client, request_of("repaint", {"start_s": 8.0}, source), validate_only=True)
        assert caught.value.kind is ErrorReason.INVALID_VALUE
    not_audio = write_text(tmp_path / "words.wav")
    key = {"engine": "fake", "idempotency_key": "validated"}
    until_state(client, create(client, request_of("cover", {}, sources[0], submission=key)).id, "succeeded")
    before, stored = job_ids(client), {asset.id for asset in assets(client)}
    refused = (
        (request_of("cover", {}, sources[1], submission=key), ErrorReason.CONFLICT),
        (request_of("cover", {}, audio_pb2.AudioInput(path=str(not_audio))), ErrorReason.UNREADABLE_AUDIO),
        (request_of("cover", {}, audio_pb2.AudioInput(inline=b"words")), ErrorReason.UNREADABLE_AUDIO),
        (request_of("cover", {}, audio_pb2.AudioInput(asset_id="0" * 64)), ErrorReason.NOT_FOUND),
        (request_of("cover", {}), ErrorReason.INVALID_VALUE),
        (request_of("cover", {}, sources[0], submission={"engine": "neural"}), ErrorReason.UNSUPPORTED_TASK),
        (request_of("cover", {}, sources[0], submission={"engine": "grand"}), ErrorReason.INVALID_VALUE),
        (request_of("score", {}, sources[0], submission={"prefetch_next": True}), ErrorReason.INVALID_VALUE),
    )
    for request, reason in refused:
        with pytest.raises(JobFailed) as caught:
            create(client, request, validate_only=True)
        assert caught.value.kind is reason, caught.value
    assert job_ids(client) == before
    assert {asset.id for asset in assets(client)} == stored


@pytest.mark.parametrize("name", ["source", "reference"])
@pytest.mark.parametrize("validate_only", [True, False], ids=["validate", "create"])
def test_errors_name_the_field_that_holds_the_audio(
    client: Client, tmp_path: Path, name: str, validate_only: bool
) -> None:
    whole = client.upload(write_wav(tmp_path / "whole.wav", song(0.5)))
    missing, words = tmp_path / "missing.wav", write_text(tmp_path / "words.wav")
    for audio, field in (
        (audio_pb2.AudioInput(path=str(missing)), f"{name}.path"),
        (audio_pb2.AudioInput(path="words.wav"), f"{name}.path"),
        (audio_pb2.AudioInput(path=str(words)), f"{name}.path"),
        (audio_pb2.AudioInput(inline=b"words"), f"{name}.inline"),
        (audio_pb2.AudioInput(), name),
        (audio_pb2.AudioInput(asset_id=whole.asset_id, name="n" * 201), f"{name}.name"),
    ):
        audios = {"source": whole, name: audio}
        with pytest.raises(JobFailed) as caught:
            create(
                client, request_of("cover", {}, **audios, submission={"engine": "fake"}), validate_only=validate_only
            )
        assert caught.value.details["field"] == field, caught.value


def test_watching_from_an_event_that_is_not_there_is_refused(client: Client) -> None:
    made = collect(generate(client, 0.1))
    last = made.events[-1].sequence
    assert list(client.watch(made.job_id, last)) == []
    for after in (-1, last + 1, 2**63 - 1):
        with pytest.raises(JobFailed, match=rf"^after_sequence is {after}; allowed: 0 to {last}, "):
            list(client.watch(made.job_id, after))


def test_a_job_can_be_watched_from_each_of_its_events(client: Client) -> None:
    made = collect(generate(client, 1.5, seed=8, takes=2))
    for after in range(made.events[-1].sequence + 1):
        events = list(client.watch(made.job_id, after))
        announced: set[int] = set()
        frames: dict[int, int] = {}
        for event in events:
            assert event.sequence >= after
            if event.WhichOneof("event") == "audio_header":
                announced.add(event.audio_header.output)
            elif event.WhichOneof("event") == "audio_chunk":
                chunk = event.audio_chunk
                assert chunk.output in announced
                assert chunk.offset_frames == frames.get(chunk.output, chunk.offset_frames)
                frames[chunk.output] = chunk.offset_frames + len(chunk.data) // 8
        assert set(frames.values()) <= {72_000}


def write_text(path: Path) -> Path:
    path.write_text("words")
    return path


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"end_s": -1.0}, "end_s is -1.0; allowed: 0 to 2400 seconds. Leave it out for the end of the source."),
        ({"end_s": 1e9}, "end_s is 1000000000.0; allowed: 0 to 2400 seconds. Leave it out for the end of the source."),
        (
            {"sampling": {"sampler": "dpm"}},
            "sampling.sampler is 'dpm'; allowed: euler, heun, sde, ab3. Leave it out for",
        ),
        (
            {"sampling": {"guidance_method": "pag"}},
            "sampling.guidance_method is 'pag'; allowed: apg, adg, cfg, adg_w_norm, adg_wo_clip. Leave it out for the default.",
        ),
    ],
)
def test_what_the_wire_does_not_take(client: Client, tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(0.5)))
    with pytest.raises(JobFailed) as caught:
        create(client, request_of("repaint", fields, source, submission={"engine": "fake"}))
    assert str(caught.value).startswith(says)
    source.region.end_s = -1
    with pytest.raises(JobFailed, match=r"^source\.region\.end_s is -1\.0; allowed: 0 to 86400 seconds\. Leave it out"):
        create(client, request_of("cover", {}, source, submission={"engine": "fake"}))


def test_a_failed_job_keeps_the_status_that_ended_its_stream(daemon: Daemon, client: Client) -> None:
    with pytest.raises(JobFailed) as caught:
        collect(generate(client, 0.1, caption="fail"))
    (failed,) = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1)).jobs
    kept = failure_in(failed.error)
    assert kept is not None
    assert (kept.kind, kept.message, kept.remedy) == (caught.value.kind, caught.value.message, caught.value.remedy)
    assert failed.error.code == grpc.StatusCode.INTERNAL.value[0]
    daemon.hold(3)
    waiting = create_tone_job(client, 0.1, seed=3)
    until_state(client, waiting, "running")
    client.cancel(waiting)
    until_state(client, waiting, "cancelled")
    daemon.release()
    assert job(client, waiting).error.code == grpc.StatusCode.CANCELLED.value[0]
    done = collect(generate(client, 0.1))
    assert not job(client, done.job_id).HasField("error")
    assert job(client, done.job_id).progress == tasks_pb2.Progress(stage="done", fraction=1.0)


# ---- a newer client ----


def unknown(number: int, text: bytes = b"new") -> bytes:
    """A field that no message has, on the wire."""
    key = number << 3 | 2
    return bytes([key & 0x7F | 0x80, key >> 7, len(text)]) + text


def refusal(call: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        call()
    assert caught.value.kind is ErrorReason.UNKNOWN_FIELD
    assert caught.value.remedy == "The client is newer than the daemon: update AceBridge, then restart the daemon."
    return caught.value


def test_fields_that_the_contract_does_not_have_are_refused(client: Client) -> None:
    newer = jobs_pb2.GetJobRequest.FromString(b"\n\x01x" + unknown(99))
    failed = refusal(lambda: client.call(client.jobs.GetJob, newer))
    assert failed.message == "GetJobRequest has no field number 99 in this version of the contract."
    assert failed.details == {"field": "99"}
    deep = tone_request(0.1)
    deep.MergeFromString(deep.SerializeToString())
    deep.sampling.MergeFromString(unknown(77))
    assert refusal(lambda: collect(client.submit_request(deep))).message.startswith("Sampling has no field number 77")
    assert refusal(lambda: create(client, deep)).message.startswith("Sampling has no field number 77")
    assert refusal(lambda: create(client, deep)).details == {"field": "sampling.77"}
    upload = assets_pb2.UploadAssetRequest.FromString(unknown(50))
    with pytest.raises(grpc.RpcError, match="UploadAssetRequest has no field number 50") as caught:
        client.assets.UploadAsset(iter([upload]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
    empty = models_pb2.GetCapabilitiesRequest.FromString(unknown(20))
    refusal(lambda: client.call(client.models.GetCapabilities, empty))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"output": {"encoding": 9}}, "output.encoding is 9, and Encoding has no such value"),
        ({"submission": {"priority": -7}}, "submission.priority is -7, and Priority has no such value"),
        ({"scope": 5}, "scope is 5, and Scope has no such value"),
        ({"mode": 4}, "mode is 4, and RepaintMode has no such value"),
    ],
)
def test_enum_values_that_the_contract_does_not_have_are_refused(
    client: Client, fields: dict[str, Any], says: str
) -> None:
    for call in (create, lambda client, request: collect(client.submit_request(request))):
        failed = refusal(lambda call=call: call(client, tasks_pb2.RepaintRequest(**fields)))
        assert failed.message == f"{says} in this version of the contract."
        assert failed.details["field"] == says.split()[0]
        assert failed.__cause__.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[union-attr]


def test_enum_values_of_a_list_are_checked_too(client: Client) -> None:
    listed = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_FAILED, 77])  # type: ignore[list-item]
    assert refusal(lambda: client.call(client.jobs.ListJobs, listed)).details == {"field": "states", "value": "77"}


# ---- pages ----


def test_pages_hold_each_job_once_while_new_ones_arrive(client: Client) -> None:
    made = [create_tone_job(client, 0.1, seed=n) for n in range(7)]
    for each in made:
        until_state(client, each, "succeeded")
    seen: list[str] = []
    token, sizes = "", []
    while not set(made) <= set(seen):
        request = jobs_pb2.ListJobsRequest(page_size=3, page_token=token, states=[jobs_pb2.JOB_STATE_SUCCEEDED])
        answer = client.call(client.jobs.ListJobs, request)
        seen += [each.id for each in answer.jobs]
        sizes.append(len(answer.jobs))
        token = answer.next_page_token
        create_tone_job(client, 0.1)
    assert set(sizes[:-1]) <= {3}
    assert [each for each in seen if each in made] == made[::-1]
    assert len(set(seen)) == len(seen)


def test_the_last_page_has_no_token_and_wrong_ones_are_refused(client: Client, tmp_path: Path) -> None:
    for n in range(3):
        client.upload(write_wav(tmp_path / f"{n}.wav", song(0.1, seed=n)))
    everything = client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_size=1000))
    assert everything.next_page_token == ""
    first = client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_size=1))
    rest = client.call(
        client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_size=1000, page_token=first.next_page_token)
    )
    assert [each.id for each in [*first.assets, *rest.assets]] == [each.id for each in everything.assets]
    forged = [
        base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
        for content in (
            ["ListAssetsRequest", math.nan, "a"],
            ["ListAssetsRequest", math.inf, "a"],
            ["ListAssetsRequest", 1.0, "\ud800"],
            ["ListAssetsRequest", 1.0, 1],
            {"a": 1},
        )
    ]
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    for token in ("x", "W10=", first.next_page_token + "A", "é", *forged, nested):
        with pytest.raises(
            JobFailed, match=r"^page_token is .*; allowed: next_page_token of the page before"
        ) as caught:
            client.call(client.assets.ListAssets, assets_pb2.ListAssetsRequest(page_token=token))
        assert caught.value.kind is ErrorReason.INVALID_VALUE
    with pytest.raises(JobFailed, match="page_token"):  # of another list
        client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_token=first.next_page_token))
    for seed in range(2):
        until_state(client, create_tone_job(client, 0.1, seed=seed), "succeeded")
    states = [jobs_pb2.JOB_STATE_SUCCEEDED]
    page = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(states=states, page_size=1))
    for others in ([], [jobs_pb2.JOB_STATE_FAILED]):
        request = jobs_pb2.ListJobsRequest(states=others, page_token=page.next_page_token)
        with pytest.raises(JobFailed, match=r"page_token is .* of the same list"):
            client.call(client.jobs.ListJobs, request)
    for size in (-1, 1001):
        with pytest.raises(JobFailed, match=r"^page_size is .*; allowed: 1 to 1000, or 0 for 100\."):
            client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=size))


@pytest.mark.parametrize(
    ("sampling", "says"),
    [
        ({"timesteps": [0.5, 0.9]}, "sampling.timesteps is [0.5, 0.9]; allowed: levels that fall from at most 1 to 0"),
        ({"timesteps": [0.0]}, "sampling.timesteps is [0.0]; allowed: levels that fall from at most 1 to 0"),
        ({"timesteps": [1.0] * 201}, "sampling.timesteps holds 201 noise levels; allowed: at most 200."),
        ({"timesteps": [2.0, 1.0]}, "sampling.timesteps is 2.0; allowed: 0 to 1."),
        ({"adapters": [{"scale": 1.0}]}, "sampling.adapters.name is ''; allowed: the name of an adapter."),
    ],
)
def test_settings_that_no_engine_could_follow_are_refused_at_once(
    client: Client, sampling: dict[str, Any], says: str
) -> None:
    request = tasks_pb2.TextToMusicRequest(submission={"engine": "fake"}, sampling=sampling)
    with pytest.raises(JobFailed) as caught:
        create(client, request, validate_only=True)
    assert caught.value.message.startswith(says)


def test_a_job_says_where_its_request_came_from(client: Client) -> None:
    origin = {"host": "Ardour 7.3", "instance": "5f1c0e9d2b3a", "project": "/home/me/Mein Lied"}
    request = tone_request(seed=3)
    request.submission.origin.CopyFrom(tasks_pb2.Origin(**origin))
    made = create(client, request)
    assert made.origin == tasks_pb2.Origin(**origin)
    until_state(client, made.id, "succeeded")
    following = collect(client.jobs.NextBatch(jobs_pb2.NextBatchRequest(job_id=made.id)))
    assert job(client, following.job_id).origin == made.origin
    assert not create(client, tone_request(seed=4)).HasField("origin")
    request.submission.origin.host = "x" * 256
    with pytest.raises(JobFailed, match=r"submission\.origin\.host holds 256 characters; allowed: at most 255"):
        create(client, request)
