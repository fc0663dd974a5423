"""Every method of the contract, spoken to a real daemon whose fake engine's answers are known in advance."""

from __future__ import annotations

import hashlib
import io
import threading
from itertools import groupby
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile

from acebridge.client.client import Client
from acebridge.contract.enums import encoding_name
from acebridge.contract.metadata import metadata_values
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import wav
from acestep_runtime.values import TRACKS
from tests.support.daemon import (
    Daemon,
    Take,
    assets,
    collect,
    create_tone_job,
    download,
    expected_tone,
    generate,
    job,
    song,
    until_state,
    write_wav,
)

FAKE = {"engine": "fake"}


def perform(client: Client, task: str, fields: dict[str, Any], source: Any = None) -> Take:
    return collect(client.submit(task, fields, source=source, submission=FAKE))


# ---- tasks ----


def test_a_song_tells_its_story_in_order(client: Client) -> None:
    take = collect(generate(client, 3.2, seed=7, steps=20, takes=2))
    kinds = [kind for kind, _ in groupby(take.kinds)]
    per_take = ["audio_header", "audio_chunk", "take_finished"]
    assert [k for k in kinds if k != "progress"] == ["queued", "started", *per_take, *per_take, "completed"]
    assert kinds.index("progress") > kinds.index("started")
    assert take.kinds.count("audio_chunk") > 2 * 2
    completed = take.completed
    assert completed.engine == "fake"
    assert completed.run_s >= 2 * 20 * 0.005
    assert completed.wait_s >= 0
    assert [(t.take, t.seed) for t in completed.takes] == [(1, 7), (2, 8)]
    reply = [e.take_finished for e in take.events if e.WhichOneof("event") == "take_finished"]
    assert list(completed.takes) == reply
    assert metadata_values(reply[0].metadata) == {"bpm": 120, "keyscale": "C major", "timesignature": 4}
    for number, seed in enumerate((7, 8), 1):
        assert np.array_equal(take.samples(number), expected_tone(seed, 3.2))
    started = next(e.started for e in take.events if e.WhichOneof("event") == "started")
    assert (started.engine, started.device, started.attempt) == ("fake", "cpu", 1)


@pytest.mark.parametrize(("encoding", "bits"), [("float32", 0), ("pcm24", 24), ("pcm16", 16)])
@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 2), (44_100, 1), (96_000, 2)])
def test_audio_arrives_as_made_in_every_encoding(
    client: Client, encoding: str, bits: int, rate_hz: int, channels: int
) -> None:
    output = {"encoding": encoding, "sample_rate": rate_hz, "channels": channels}
    take = collect(generate(client, 1.237, seed=300, output=output))
    header = take.headers[1]
    assert (header.sample_rate, header.channels, header.frames) == (rate_hz, channels, round(1.237 * rate_hz))
    assert encoding_name(header.encoding) == encoding
    want = expected_tone(300, 1.237, rate_hz=rate_hz, channels=channels)
    assert np.abs(take.samples() - want).max() <= (3 * 2.0**-bits if bits else 2e-6)  # rounding and dither
    # And the stored file holds the same bytes, as libsndfile reads it.
    stored = download(client, take.completed.takes[0].outputs[0].asset_id)
    read, rate = soundfile.read(io.BytesIO(stored), dtype="float32", always_2d=True)
    assert rate == rate_hz
    assert np.array_equal(read, take.samples())


def test_seeds_count_on_and_wrap_and_missing_ones_are_drawn(client: Client) -> None:
    def seeds(**output: Any) -> list[int]:
        fields = {"duration_s": 0.1, "output": output}
        return [take.seed for take in perform(client, "text2music", fields).completed.takes]

    assert seeds(seeds=[5, 9], takes=4) == [5, 9, 10, 11]
    assert seeds(seeds=[2**32 - 1], takes=2) == [2**32 - 1, 0]
    with pytest.raises(JobFailed, match=r"^output\.seeds holds 3 seeds; allowed: at most as many as takes, 2\."):
        seeds(seeds=[1, 2, 3], takes=2)
    drawn = seeds(takes=3)
    assert [seed - drawn[0] for seed in drawn] == [0, 1, 2]
    assert drawn != seeds(takes=3)


def test_a_source_may_be_inline_a_path_or_an_asset(client: Client, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "song.wav", song(1.0))
    inputs = {
        "inline": audio_pb2.AudioInput(inline=file.read_bytes()),
        "path": audio_pb2.AudioInput(path=str(file)),
        "asset": client.upload(file),
    }
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    results = []
    for source in inputs.values():
        take = perform(client, "repaint", {"start_s": 0.25, "end_s": 0.5, "output": {"seeds": [1]}}, source)
        results.append(take.completed.takes[0].outputs[0].asset_id)
        assert digest in {asset.id for asset in assets(client)}
    assert len(set(results)) == 1


def test_a_path_is_read_when_the_request_arrives(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "song.wav", song(1.0))
    before = song(1.0)
    daemon.hold(1)
    until_state(client, create_tone_job(client, 0.1), "running")
    events = client.submit(
        "repaint", {"start_s": 0.5, "end_s": 0.6}, source=audio_pb2.AudioInput(path=str(file)), submission=FAKE
    )
    next(events)
    write_wav(file, song(1.0, seed=9))
    daemon.release()
    take = collect(events)
    assert np.array_equal(take.samples()[:20_000], before[:20_000])
    # Changed, it is another source.
    again = perform(client, "repaint", {"start_s": 0.5}, audio_pb2.AudioInput(path=str(file)))
    assert np.array_equal(again.samples()[:20_000], song(1.0, seed=9)[:20_000])


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_region_of_a_file_is_a_source_of_its_own(client: Client, tmp_path: Path, rate_hz: int) -> None:
    whole = song(3.0, rate_hz=rate_hz)
    source = client.upload(write_wav(tmp_path / "song.wav", whole, rate_hz))
    source.region.start_s, source.region.end_s = 0.5, 2.5
    take = perform(client, "repaint", {"start_s": 1.0, "end_s": 1.5, "crossfade_ms": 10}, source)
    part = whole[rate_hz // 2 : round(2.5 * rate_hz)]
    got, fade = take.samples(), round(0.01 * rate_hz)
    assert len(got) == len(part)
    changed = np.flatnonzero((got != part).any(axis=1))
    assert (changed[0], changed[-1]) == (rate_hz - fade, round(1.5 * rate_hz) + fade - 1)
    source.region.ClearField("end_s")
    assert take.headers[1].frames == 2 * rate_hz
    assert perform(client, "cover", {}, source).headers[1].frames == round(2.5 * rate_hz)


def test_repainting_beyond_both_ends(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(1.0)))
    take = perform(client, "repaint", {"start_s": -0.5, "end_s": 0.25}, source)
    assert (take.headers[1].frames, take.headers[1].start_frame) == (72_000, -24_000)
    assert np.array_equal(take.samples()[-30_000:], song(1.0)[-30_000:])
    take = perform(client, "repaint", {"start_s": 0.75, "end_s": 1.5}, source)
    assert (take.headers[1].frames, take.headers[1].start_frame) == (72_000, 0)
    take = perform(client, "repaint", {"start_s": 0.5, "end_s": 0.75, "scope": "region", "crossfade_ms": 50}, source)
    assert (take.headers[1].frames, take.headers[1].start_frame) == (12_000 + 4_800, 24_000 - 2_400)
    assert take.samples().shape == (16_800, 2)


def test_layers_stems_and_accompaniment(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(1.0, channels=1)))
    output = {"seeds": [40], "takes": 2}
    take = perform(
        client, "lego", {"tracks": ["bass", "drums"], "start_s": 0.25, "end_s": 0.75, "output": output}, source
    )
    assert [(h.take, h.role, h.start_frame) for h in take.headers.values()] == [
        (1, "bass", 0), (1, "drums", 0), (2, "bass", 0), (2, "drums", 0),
    ]  # fmt: skip
    for number in take.headers:
        layer = take.samples(number)
        assert layer.shape == (48_000, 1)
        assert not layer[:12_000].any()
        assert not layer[36_000:].any()
        assert layer[12_000:36_000].any()
    take = perform(
        client, "lego", {"tracks": ["fx"], "start_s": 0.25, "end_s": 0.5, "scope": "region", "output": output}, source
    )
    assert [(h.frames, h.start_frame) for h in take.headers.values()] == 2 * [(12_000, 12_000)]
    take = perform(client, "extract", {"output": {"seeds": [40]}}, source)
    assert [h.role for h in take.headers.values()] == list(TRACKS)
    for number in range(len(TRACKS)):
        assert np.array_equal(take.samples(number + 1), expected_tone(40, 1.0, role=number, channels=1))
    take = perform(client, "complete", {"tracks": ["strings"], "output": {"seeds": [40]}}, source)
    assert np.array_equal(take.samples(), expected_tone(40, 1.0, channels=1))


def test_tasks_that_only_tell(client: Client, tmp_path: Path) -> None:
    source = client.upload(write_wav(tmp_path / "song.wav", song(0.5)))
    music = {"bpm": 97.5, "lyrics": "la la", "keyscale": "F# minor"}
    for task in ("understand", "align_lyrics", "score"):
        take = perform(client, task, {"music": music}, source)
        (finished,) = take.completed.takes
        assert metadata_values(finished.metadata) == {"bpm": 97.5, "keyscale": "F# minor", "timesignature": 4}
        assert not finished.outputs
        assert "audio_header" not in take.kinds
    assert perform(client, "create_sample", {"description": "a slow waltz", "seed": 3}).completed.takes[0].seed == 3
    assert perform(client, "format_sample", {"music": {"caption": "jazz"}, "seed": 0}).completed.takes[0].seed == 0


def test_what_was_asked_for_and_did_not_come_is_said(client: Client) -> None:
    take = collect(generate(client, 0.1, output={"auto_lrc": True, "auto_score": True}))
    facts = take.completed.takes[0].metadata
    assert facts.lrc_missing == "The fake engine gave no lrc for this take."
    assert facts.score_missing == "The fake engine gave no score for this take."


# ---- submission ----


def test_one_key_is_one_job(client: Client) -> None:
    first = collect(generate(client, 0.2, key="my take", steps=10))
    again = collect(generate(client, 0.2, key="my take", steps=10))
    assert again.job_id == first.job_id
    assert [e.sequence for e in again.events][-1] == first.events[-1].sequence
    assert again.data == first.data
    with pytest.raises(JobFailed, match=r"'my take' already belongs to job .* Use a new key") as caught:
        collect(generate(client, 0.3, key="my take"))
    assert caught.value.kind == "CONFLICT"


def test_many_with_one_key_at_once_are_one_job(daemon: Daemon) -> None:
    ids: list[str] = []

    def ask() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            fields = {"duration_s": 0.2}  # no seed: each request would draw its own
            events = client.submit("text2music", fields, submission={**FAKE, "idempotency_key": "at once"})
            ids.append(collect(events).job_id)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_priorities_and_places(daemon: Daemon, client: Client) -> None:
    daemon.hold(99)
    running = create_tone_job(client, 0.1, seed=99)
    until_state(client, running, "running")
    asked = [create_tone_job(client, 0.1, priority=priority, seed=n) for n, priority in enumerate(
        ("low", "normal", "high", "normal", "high", "low"))]  # fmt: skip
    due = [asked[n] for n in (2, 4, 1, 3, 0, 5)]
    assert [job(client, job_id).position for job_id in due] == [1, 2, 3, 4, 5, 6]
    assert job(client, running).position == 0
    seen: list[int] = []

    def follow() -> None:
        with Client(daemon.address) as other:
            seen.extend(
                e.queued.position for e in collect(other.watch(due[-1])).events if e.WhichOneof("event") == "queued"
            )

    follower = threading.Thread(target=follow)
    follower.start()
    daemon.release()
    takes = [collect(client.watch(job_id)) for job_id in due]
    follower.join()
    started = [job(client, job_id).start_time.ToNanoseconds() for job_id in due]
    assert started == sorted(started)
    # Who watches while it waits learns its place, but perhaps not each of those that passed at once.
    assert seen == sorted(set(seen), reverse=True)
    assert seen[0] == 6
    # What is kept is the place that each had when it was queued.
    places = [next(e.queued.position for e in take.events if e.WhichOneof("event") == "queued") for take in takes]
    assert places == [1, 2, 1, 3, 1, 6]


# ---- jobs ----


def test_jobs_are_listed_shown_watched_and_deleted(client: Client) -> None:
    done = collect(generate(client, 0.3, seed=77, takes=2))
    with pytest.raises(JobFailed):
        collect(generate(client, 0.3, caption="fail"))
    shown = job(client, done.job_id)
    assert (shown.task, shown.engine, shown.attempts) == (tasks_pb2.TASK_KIND_TEXT_TO_MUSIC, "fake", 1)
    assert shown.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert shown.priority == tasks_pb2.PRIORITY_NORMAL
    assert list(shown.takes) == list(done.completed.takes)
    assert shown.last_sequence == done.events[-1].sequence
    assert shown.create_time.ToNanoseconds() <= shown.start_time.ToNanoseconds() <= shown.end_time.ToNanoseconds()

    def list_ids(**request: Any) -> list[jobs_pb2.Job]:
        return list(client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(**request)).jobs)

    newest, before = list_ids(page_size=2)
    for take in shown.takes:  # a list leaves the facts of takes out
        take.ClearField("metadata")
    assert before == shown
    assert newest.error.message == "The fake engine failed as asked. Ask for something else."
    failed = list_ids(states=[jobs_pb2.JOB_STATE_FAILED])
    assert newest in failed
    assert {j.state for j in failed} == {jobs_pb2.JOB_STATE_FAILED}
    both = list_ids(states=[jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_SUCCEEDED], page_size=1000)
    assert both == list_ids(page_size=1000)

    replay = collect(client.watch(done.job_id))
    assert replay.kinds == done.kinds or [k for k, _ in groupby(replay.kinds)] == [k for k, _ in groupby(done.kinds)]
    assert replay.data == done.data

    (result, _) = (output.asset_id for take in done.completed.takes for output in take.outputs)
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=done.job_id))
    for attempt in (lambda: job(client, done.job_id), lambda: collect(client.watch(done.job_id)),
                    lambda: download(client, result)):  # fmt: skip
        with pytest.raises(JobFailed, match="There is no") as caught:
            attempt()
        assert caught.value.kind == "NOT_FOUND"


def test_deleting_a_job_spares_what_is_pinned_and_what_another_job_made_too(client: Client) -> None:
    twins = [collect(generate(client, 0.3, seed=4242)).completed.takes[0].outputs[0].asset_id for _ in range(2)]
    assert twins[0] == twins[1]
    first, second = (j.id for j in client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=2)).jobs)
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=first))
    assert collect(client.watch(second)).completed
    download(client, twins[0])
    client.call(client.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=twins[0]))
    client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=second))
    download(client, twins[0])


def test_a_job_that_runs_is_not_deleted_nor_is_its_source(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    daemon.hold(7)
    source = client.upload(write_wav(tmp_path / "song.wav", song(0.5, seed=5)))
    events = client.submit("cover", {"output": {"seeds": [7]}}, source=source, submission=FAKE)
    job_id = next(events).job_id
    until_state(client, job_id, "running")
    with pytest.raises(JobFailed, match=r"is running\. Cancel it first") as caught:
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=job_id))
    assert caught.value.kind == "CONFLICT"
    with pytest.raises(JobFailed, match="is needed by a job"):
        client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=source.asset_id))
    daemon.release()
    assert collect(events).completed
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=source.asset_id))


def test_cancelling_a_waiting_a_running_and_an_ended_job(daemon: Daemon, client: Client) -> None:
    daemon.hold(1)
    running = generate(client, 0.1)
    first = next(running).job_id
    waiting = generate(client, 0.1)
    second = next(waiting).job_id
    assert client.cancel(second).state == jobs_pb2.JOB_STATE_CANCELLED
    until_state(client, first, "running")
    client.cancel(first)  # in the middle of a step
    for events in (running, waiting):
        with pytest.raises(JobFailed, match=r"The job was cancelled\.") as caught:
            collect(events)
        assert caught.value.kind == "CANCELLED"
        assert caught.value.__cause__.code() is grpc.StatusCode.CANCELLED  # type: ignore[union-attr]
    daemon.release()
    done = collect(generate(client, 0.1))
    assert client.cancel(done.job_id).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_watching_from_any_event_gives_exactly_the_rest(client: Client) -> None:
    whole = collect(generate(client, 2.5, seed=3, takes=2, steps=8))
    for seen in whole.events:
        if seen.WhichOneof("event") in ("queued", "completed"):
            continue
        rest = list(client.watch(whole.job_id, after_sequence=seen.sequence))
        assert all(event.sequence >= seen.sequence for event in rest)
        wanted = [e for e in whole.events if e.sequence > seen.sequence and e.WhichOneof("event") != "audio_chunk"]
        headers = {e.audio_header.output: e for e in rest if e.WhichOneof("event") == "audio_header"}
        again = {output: e for output, e in headers.items() if e not in wanted}
        assert [e for e in rest if e.WhichOneof("event") != "audio_chunk" and e not in again.values()] == wanted
        for output, e in headers.items():  # whoever comes back can decode: the header is before the chunks
            assert e.audio_header == whole.headers[output]
            chunks = [n for n, c in enumerate(rest) if c.audio_chunk.output == output and c.HasField("audio_chunk")]
            assert rest.index(e) < min(chunks)
        assert headers.keys() == {e.audio_chunk.output for e in rest if e.WhichOneof("event") == "audio_chunk"}
        # Up to the event that was seen, and from it on: no frame is missing.
        frame_bytes = 8
        for output, data in whole.data.items():
            got = {
                e.audio_chunk.offset_frames: e.audio_chunk.data
                for e in rest
                if e.WhichOneof("event") == "audio_chunk" and e.audio_chunk.output == output
            }
            had = sum(
                1 for e in whole.events[: whole.events.index(seen) + 1]
                if e.WhichOneof("event") == "audio_chunk" and e.audio_chunk.output == output
            )  # fmt: skip
            offsets = [
                e.audio_chunk.offset_frames for e in whole.events
                if e.WhichOneof("event") == "audio_chunk" and e.audio_chunk.output == output
            ]  # fmt: skip
            done = offsets[had] * frame_bytes if had < len(offsets) else len(data)
            start = min(got, default=len(data) // frame_bytes)
            assert start * frame_bytes <= done
            assert b"".join(got[at] for at in sorted(got)) == data[start * frame_bytes :]
    assert not list(client.watch(whole.job_id, after_sequence=whole.events[-1].sequence))


def test_who_wants_no_samples_gets_all_else(client: Client) -> None:
    whole = perform(client, "text2music", {"duration_s": 0.5, "output": {"takes": 2, "seeds": [771]}})
    silent = jobs_pb2.WatchJobRequest(job_id=whole.job_id, without_audio=True)
    events = list(client.jobs.WatchJob(silent))
    assert events == [event for event in client.watch(whole.job_id) if event.WhichOneof("event") != "audio_chunk"]
    assert "audio_header" in {event.WhichOneof("event") for event in events}


@pytest.mark.slow
def test_a_stored_result_is_the_file_that_its_stream_makes(client: Client) -> None:
    take = collect(generate(client, 0.2, seed=12, output={"encoding": "pcm24", "channels": 1}))
    header = take.headers[1]
    file = (
        wav.header(header.frames, 1, 48_000, "pcm24", header.chunks)
        + bytes(take.data[1])
        + wav.trailer(header.frames, 1, "pcm24")
    )
    assert hashlib.sha256(file).hexdigest() == take.completed.takes[0].outputs[0].asset_id
