"""Requests that cannot be served: each gets one sentence that says what is wrong and what to do."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile
from google.protobuf.message import Message

from acebridge.client.client import Client
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import wav
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    song,
    status,
    until_state,
    write_wav,
)
from tests.support.refusals import Refusal, assert_refused
from tests.support.shell import FAKE, Shell

Code = grpc.StatusCode


@pytest.fixture
def ask(client: Client) -> Callable[..., Refusal]:
    """Send a request that must be refused."""

    def ask(rpc: str, request: Message) -> Refusal:
        request.submission.engine = request.submission.engine or "fake"  # type: ignore[attr-defined]
        return assert_refused(lambda: list(getattr(client.tasks, rpc)(request, timeout=PATIENCE_S)))

    return ask


def repaint(source: Any, **fields: Any) -> tasks_pb2.RepaintRequest:
    return tasks_pb2.RepaintRequest(source=source, **fields)


def at(path: Any) -> audio_pb2.AudioInput:
    return audio_pb2.AudioInput(path=str(path))


def good(tmp_path: Path) -> audio_pb2.AudioInput:
    return at(write_wav(tmp_path / "song.wav", song(1.0)))


# ---- values ----

Music, Output = tasks_pb2.Music, tasks_pb2.Output
VALUES: list[tuple[Message, str, str]] = [
    (tasks_pb2.TextToMusicRequest(music=Music(bpm=1000)), "music.bpm",
     "music.bpm is 1000.0; allowed: 30 to 300 beats per minute."),
    (tasks_pb2.TextToMusicRequest(music=Music(bpm=math.nan)), "music.bpm",
     "music.bpm is nan; allowed: 30 to 300 beats per minute."),
    (tasks_pb2.TextToMusicRequest(music=Music(keyscale="H major")), "music.keyscale",
     "music.keyscale is 'H major'; allowed: A to G, with #, b, ♯ or ♭, then major or minor."
     ' Write for example "C major", "F# minor" or "Am".'),
    (tasks_pb2.TextToMusicRequest(music=Music(timesignature=5)), "music.timesignature",
     "music.timesignature is 5; allowed: 2, 3, 4, 6."),
    (tasks_pb2.TextToMusicRequest(music=Music(caption="x" * 4097)), "music.caption",
     "music.caption holds 4097 characters; allowed: at most 4096."),
    (tasks_pb2.TextToMusicRequest(music=Music(chords="C " * 2049)), "music.chords",
     "music.chords holds 4098 characters; allowed: at most 4096."),
    (tasks_pb2.TextToMusicRequest(music=Music(chords="| C D E F | A B C D E |")), "music.chords",
     "music.chords has 5 chords in bar 2; allowed: at most 4, one for each beat."
     " Give the time signature, or write more bars."),
    (tasks_pb2.TextToMusicRequest(duration_s=0.01), "duration_s", "duration_s is 0.01; allowed: 0.1 to 600 seconds."),
    (tasks_pb2.TextToMusicRequest(duration_s=math.inf), "duration_s", "duration_s is inf; allowed: 0.1 to 600 seconds."),
    (tasks_pb2.TextToMusicRequest(output=Output(takes=9)), "output.takes", "output.takes is 9; allowed: 1 to 8 takes."),
    (tasks_pb2.TextToMusicRequest(output=Output(takes=0)), "output.takes", "output.takes is 0; allowed: 1 to 8 takes."),
    (tasks_pb2.TextToMusicRequest(output=Output(seeds=[-1])), "output.seeds",
     "output.seeds is -1; allowed: 0 to 4294967295."),
    (tasks_pb2.TextToMusicRequest(output=Output(seeds=range(9))), "output.seeds",
     "output.seeds holds 9 seeds; allowed: at most 8, one for each take."),
    (tasks_pb2.TextToMusicRequest(output=Output(channels=3)), "output.channels", "output.channels is 3; allowed: 1, 2."),
    (tasks_pb2.TextToMusicRequest(output=Output(sample_rate=7999)), "output.sample_rate",
     "output.sample_rate is 7999; allowed: 8000 to 384000 Hz."),
    (tasks_pb2.TextToMusicRequest(sampling=tasks_pb2.Sampling(steps=0)), "sampling.steps",
     "sampling.steps is 0; allowed: 1 to 200 steps."),
    (tasks_pb2.TextToMusicRequest(submission=tasks_pb2.Submission(engine="grand")), "submission.engine",
     "submission.engine is 'grand'; allowed: auto, draft, neural."),
    (tasks_pb2.TextToMusicRequest(submission=tasks_pb2.Submission(idempotency_key="k" * 129)),
     "submission.idempotency_key", "submission.idempotency_key holds 129 characters; allowed: at most 128."),
    (tasks_pb2.RepaintRequest(), "source",
     "The request names no source. Say which audio to work on: by an asset id, inline bytes or a path."),
    (tasks_pb2.RepaintRequest(source=audio_pb2.AudioInput(path="song.wav")), "source.path",
     "source.path is 'song.wav'; allowed: a file below"),
    (tasks_pb2.CreateSampleRequest(), "description", "description is ''; allowed: a sentence. Say what the song should be."),
    (tasks_pb2.FormatSampleRequest(), "music.caption",
     "music.caption is ''; allowed: a caption, lyrics or both. Give something to format."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_message", "field", "says"), VALUES, ids=[f"{i}-{v[1]}" for i, v in enumerate(VALUES)]
)
def test_values(ask: Callable[..., Refusal], request_message: Message, field: str, says: str) -> None:
    copy = type(request_message)()
    copy.CopyFrom(request_message)
    reply = ask(type(copy).__name__.removesuffix("Request"), copy)
    assert reply.code is Code.INVALID_ARGUMENT
    assert reply.text.startswith(says)
    assert reply.info.reason == "INVALID_VALUE"
    assert reply.info.metadata["field"] == field
    assert reply.info.metadata["allowed"]


REGIONS = [
    ({"start_s": 0.5, "end_s": 0.25}, "end_s", "end_s is 0.25; allowed: at least one frame later than start_s, 0.5."),
    ({"start_s": 1.5}, "start_s", "start_s is 1.5; allowed: at most 1, the end of the source."),
    ({"end_s": -0.5}, "end_s", "end_s is -0.5; allowed: 0 to 2400 seconds. Leave it out for the end of the source."),
    ({"start_s": math.nan}, "start_s", "start_s is nan; allowed: -1200 to 1200 seconds."),
    ({"strength": 1.01}, "strength", "strength is 1.01; allowed: 0 to 1."),
    ({"crossfade_ms": -1}, "crossfade_ms", "crossfade_ms is -1.0; allowed: 0 to 1000 ms."),
    ({"end_s": 1200.5}, "end_s", "The result would be 1200 s long; allowed: at most 1200 s."),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field", "says"), REGIONS)
def test_regions(ask: Callable[..., Refusal], tmp_path: Path, fields: dict[str, Any], field: str, says: str) -> None:
    reply = ask("Repaint", repaint(good(tmp_path), **fields))
    assert reply.code is Code.INVALID_ARGUMENT
    assert reply.text.startswith(says)
    assert reply.info.metadata["field"] == field


@pytest.mark.parametrize(("region", "field", "says"), [
    ({"start_s": -1.0}, "source.region.start_s", "source.region.start_s is -1.0; allowed: 0 to 86400 seconds."),
    ({"start_s": 1e308}, "source.region.start_s", "source.region.start_s is 1e+308; allowed: 0 to 86400 seconds."),
    ({"start_s": 1.0}, "source.region.start_s",
     "source.region.start_s is 1.0; allowed: 0 to below 1.000 seconds. song.wav is 1.000 s long."),
    ({"start_s": 0.5, "end_s": 0.25}, "source.region.end_s",
     "source.region.end_s is 0.25; allowed: after the start, 0.5 s."),
    ({"end_s": math.nan}, "source.region.end_s", "source.region.end_s is nan; allowed: 0 to 86400 seconds."),
    ({"end_s": 1e308}, "source.region.end_s", "source.region.end_s is 1e+308; allowed: 0 to 86400 seconds."),
])  # fmt: skip
def test_regions_of_a_source(
    ask: Callable[..., Refusal], tmp_path: Path, region: dict[str, float], field: str, says: str
) -> None:
    source = good(tmp_path)
    source.region.CopyFrom(audio_pb2.Region(**region))
    reply = ask("Repaint", repaint(source))
    assert reply.text.startswith(says)
    assert reply.info.metadata["field"] == field


def test_tracks(ask: Callable[..., Refusal], tmp_path: Path) -> None:
    source = good(tmp_path)
    reply = ask("Lego", tasks_pb2.LegoRequest(source=source, tracks=["kazoo"]))
    assert reply.text.startswith("tracks is 'kazoo'; allowed: vocals, backing_vocals, drums,")
    reply = ask("Lego", tasks_pb2.LegoRequest(source=source))
    assert reply.text.startswith("No track is named; allowed: vocals, ")
    assert reply.text.endswith("Name at least one.")
    reply = ask("Extract", tasks_pb2.ExtractRequest(source=source, tracks=["bass", "bass"]))
    assert reply.text == "tracks is 'bass, bass'; allowed: each name once."
    reply = ask("Lego", tasks_pb2.LegoRequest(source=source, tracks=["bass"], end_s=1.5))
    assert reply.text == (
        "end_s is 1.5; allowed: at most 1 s, the end of the source. A layer plays with the source, so it cannot go on after it."
    )


def test_an_engine_that_is_not_there(ask: Callable[..., Refusal], tmp_path: Path) -> None:
    neural = tasks_pb2.Submission(engine="neural")
    reply = ask("TextToMusic", tasks_pb2.TextToMusicRequest(submission=neural))
    assert reply.code is Code.FAILED_PRECONDITION
    assert reply.text.startswith("The neural engine cannot run: ")
    assert reply.info.reason == "UNSUPPORTED_TASK"
    reply = ask("AlignLyrics", tasks_pb2.AlignLyricsRequest(source=good(tmp_path)))
    assert reply.text == "music.lyrics is ''; allowed: the words that are sung. Give the lyrics."


# ---- files ----


def text_file(folder: Path) -> Path:
    (path := folder / "notes.wav").write_text("Dear diary, today I wrote a song.")
    return path


def no_frames(folder: Path) -> Path:
    return write_wav(folder / "empty.wav", np.zeros((0, 2), np.float32))


def three_channels(folder: Path) -> Path:
    soundfile.write(folder / "surround.wav", np.zeros((100, 3)), 48_000)
    return folder / "surround.wav"


def an_hour(folder: Path) -> Path:
    path = folder / "hour.wav"
    frames = 3600 * 8000
    with path.open("wb") as file:
        file.write(wav.header(frames, 1, 8000, "pcm16"))
        file.truncate(file.tell() + 2 * frames)
    return path


def file_with_a_hole(folder: Path) -> Path:
    path = folder / "damaged.flac"
    soundfile.write(path, song(2.0), 48_000)
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 40_000)
    data[middle] = bytes(len(data[middle]))
    path.write_bytes(data)
    return path


def not_numbers(folder: Path) -> Path:
    samples = song(1.0)
    samples[24_000, 1] = np.nan
    return write_wav(folder / "broken.wav", samples)


def slow_rate(folder: Path) -> Path:
    soundfile.write(folder / "slow.wav", np.zeros((100, 1)), 4000)
    return folder / "slow.wav"


def half_a_header(folder: Path) -> Path:
    (path := folder / "half.wav").write_bytes(b"RIFF" + struct.pack("<I", 10**9) + b"WAVEfmt ")
    return path


FILES: list[tuple[Callable[[Path], Path], str]] = [
    (text_file, "notes.wav is not audio, is damaged, or is of a kind that AceBridge does not read. Use WAV, FLAC,"),
    (no_frames, "empty.wav holds no audio (0 frames). Choose a file with sound in it."),
    (three_channels, "surround.wav has 3 channels. Export it in stereo, or only two of its channels."),
    (an_hour, "hour.wav is 3600 s long; allowed: at most 1200 s. Cut out the part that matters"),
    (file_with_a_hole, "damaged.flac cannot be read beyond about "),
    (not_numbers, "broken.wav holds a sample that is not a number at frame 24000 (0.500 s). Render it again, without"),
    (slow_rate, "slow.wav has a sample rate of 4000 Hz. Convert it to a rate from 8 to 384 kHz."),
    (half_a_header, "half.wav is not audio, is damaged, or is of a kind"),
]


@pytest.mark.parametrize(("make", "says"), FILES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("way", ["path", "asset", "inline"])
def test_files(
    ask: Callable[..., Refusal], client: Client, tmp_path: Path, make: Callable[[Path], Path], says: str, way: str
) -> None:
    path = make(tmp_path)
    reply: Refusal
    if way == "path":
        reply = ask("Understand", tasks_pb2.UnderstandRequest(source=at(path)))
    elif way == "inline":
        if path.stat().st_size > 4 << 20:
            return
        source = audio_pb2.AudioInput(inline=path.read_bytes(), name=path.name)
        reply = ask("Understand", tasks_pb2.UnderstandRequest(source=source))
    else:
        pieces = [assets_pb2.UploadAssetRequest(name=path.name)]
        data = path.read_bytes()
        pieces += [assets_pb2.UploadAssetRequest(data=data[i : i + (1 << 20)]) for i in range(0, len(data), 1 << 20)]
        try:
            asset = client.assets.UploadAsset(iter(pieces))
        except grpc.RpcError as error:
            reply = Refusal(error)
        else:
            reply = ask("Understand", tasks_pb2.UnderstandRequest(source=audio_pb2.AudioInput(asset_id=asset.id)))
    assert reply.code is Code.INVALID_ARGUMENT
    assert reply.text.startswith(says)


def test_paths(ask: Callable[..., Refusal], tmp_path: Path) -> None:
    def say(path: Any) -> str:
        reply = ask("Repaint", repaint(at(path)))
        assert reply.code is Code.INVALID_ARGUMENT
        assert reply.info.metadata["field"] in ("source.path", "source")
        return reply.text

    long = tmp_path / ("n" * 300 + ".wav")
    assert say(long) == "n" * 79 + "… cannot be read: File name too long. Check the path."
    assert say(tmp_path / "nowhere.wav") == "nowhere.wav cannot be read: No such file or directory. Check the path."
    assert say(tmp_path) == f"{tmp_path.name} is not a file. Name an audio file."
    assert say(f"{tmp_path}/a\0b.wav") == "source.path holds a NUL character. Check the path."
    assert say(tmp_path / "two\nlines.wav").startswith("two\N{REPLACEMENT CHARACTER}lines.wav cannot be read: No such")
    assert say("/etc/passwd").startswith("passwd lies outside the folders that the daemon may read (")
    assert say("/etc/passwd").endswith("Upload it instead, or add its folder to `roots` in config.toml.")
    (tmp_path / "link.wav").symlink_to("/etc/passwd")
    assert say(tmp_path / "link.wav").startswith("link.wav lies outside the folders that the daemon may read (")
    assert say(f"{tmp_path}/../../../../../../etc/passwd").startswith("passwd lies outside")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    assert say(tmp_path / "loop.wav").startswith("loop.wav cannot be ")
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "gone.wav")
    assert say(tmp_path / "dangling.wav").startswith("gone.wav cannot be read: No such file or directory.")
    os.mkfifo(tmp_path / "pipe.wav")
    assert say(tmp_path / "pipe.wav") == "pipe.wav is not a file. Name an audio file."
    assert say("~/song.wav").startswith("source.path is '~/song.wav'; allowed: a file below ")
    assert say("").startswith("source.path is ''; allowed: a file below ")


def test_assets_and_jobs_that_are_not_there(ask: Callable[..., Refusal], client: Client) -> None:
    reply = ask("Repaint", repaint(audio_pb2.AudioInput(asset_id="0" * 64)))
    assert reply.code is Code.NOT_FOUND
    assert reply.text.startswith("There is no asset '000000")
    assert reply.text.endswith("It may have been evicted or deleted: upload it again.")
    reply = ask("Repaint", repaint(audio_pb2.AudioInput(asset_id="../../etc/passwd")))
    assert reply.code is Code.NOT_FOUND
    calls: list[Callable[[], Any]] = [
        lambda: client.jobs.GetJob(jobs_pb2.GetJobRequest(job_id="nope")),
        lambda: client.jobs.CancelJob(jobs_pb2.CancelJobRequest(job_id="nope")),
        lambda: client.jobs.DeleteJob(jobs_pb2.DeleteJobRequest(job_id="nope")),
        lambda: list(client.jobs.WatchJob(jobs_pb2.WatchJobRequest(job_id="nope"))),
    ]
    for call in calls:
        reply = assert_refused(call)
        assert reply.code is Code.NOT_FOUND
        assert reply.text == "There is no job 'nope'. List the jobs to see their ids."
    calls = [
        lambda: client.assets.GetAsset(assets_pb2.GetAssetRequest(asset_id="nope")),
        lambda: client.assets.PinAsset(assets_pb2.PinAssetRequest(asset_id="nope")),
        lambda: client.assets.DeleteAsset(assets_pb2.DeleteAssetRequest(asset_id="nope")),
        lambda: list(client.assets.DownloadAsset(assets_pb2.DownloadAssetRequest(asset_id="nope"))),
    ]
    for call in calls:
        assert assert_refused(call).text.startswith("There is no asset 'nope'. It may have been evicted")


def test_lists(client: Client) -> None:
    for size in (-1, 1001):
        reply = assert_refused(lambda size=size: client.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=size)))
        assert reply.text == f"page_size is {size}; allowed: 1 to 1000, or 0 for 100."
        assert assert_refused(lambda size=size: client.assets.ListAssets(assets_pb2.ListAssetsRequest(page_size=size)))
    request = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_UNSPECIFIED])
    reply = assert_refused(lambda: client.jobs.ListJobs(request))
    assert reply.text == "states is 'unspecified'; allowed: queued, running, succeeded, failed, cancelled."
    reply = assert_refused(lambda: client.assets.UploadAsset(iter([])))
    assert reply.text == "No bytes were sent. Send an audio file."


def test_too_many_bytes(ask: Callable[..., Refusal], client: Client) -> None:
    reply = ask("Repaint", repaint(audio_pb2.AudioInput(inline=bytes((4 << 20) + 1))))
    assert reply.code is Code.INVALID_ARGUMENT
    assert reply.text == (
        "source.inline holds 4194305 bytes; allowed: at most 4194304."
        " Upload the file with AssetService.UploadAsset and send its asset id."
    )
    # What does not fit a message at all is refused by gRPC itself; the client says so in plain words.
    from acebridge.contract.status import unpack_error

    with pytest.raises(grpc.RpcError) as caught:
        list(client.tasks.Repaint(repaint(audio_pb2.AudioInput(inline=bytes(9 << 20)))))
    assert caught.value.code() is Code.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    fault = unpack_error(caught.value)
    assert str(fault) == "The request is larger than the daemon takes. Upload the audio, and send its id instead."


@pytest.mark.slow
def test_bounds_of_a_small_daemon(tmp_path: Path) -> None:
    """An upload limit, a full queue and roots of the musician's own, with names as long as they get."""
    roots = [tmp_path / "音楽" / (f"{n}" + "とても長い名前" * 8) for n in range(20)]
    for root in roots:
        root.mkdir(parents=True)
    quoted = ", ".join(f'"{root}"' for root in roots)
    config = f"max_upload_bytes = 100000\nmax_waiting_jobs = 2\nroots = [{quoted}]\n"
    with (
        daemon_at(tmp_path / "home", step_ms=5, config=config) as daemon,
        Client(daemon.address, token=daemon.token) as client,
    ):
        big = write_wav(roots[3] / "大.wav", song(1.0))
        pieces = [assets_pb2.UploadAssetRequest(name="big.wav", data=big.read_bytes())]
        reply = assert_refused(lambda: client.assets.UploadAsset(iter(pieces)))
        assert reply.code is Code.RESOURCE_EXHAUSTED
        assert reply.text.startswith("big.wav is larger than 0.1 MiB. Send only the part that is needed")
        assert reply.info.reason == "TOO_LARGE"
        shell = Shell(tmp_path, daemon.environment)
        assert shell.failure("cover", str(big), "-o", "x.wav", *FAKE).startswith("大.wav is larger than 0.1 MiB.")
        request = tasks_pb2.UnderstandRequest(source=at(big))
        request.submission.engine = "fake"
        reply = assert_refused(lambda: list(client.tasks.Understand(request)))
        assert reply.text.startswith("大.wav is larger than 0.1 MiB.")
        request.source.path = str(write_wav(tmp_path / "outside.wav", song(0.1)))
        with pytest.raises(grpc.RpcError) as caught:
            list(client.tasks.Understand(request))
        assert caught.value.code() is Code.INVALID_ARGUMENT  # type: ignore[attr-defined]
        assert caught.value.details().startswith("outside.wav lies outside the folders that the daemon may read (")  # type: ignore[attr-defined]
        daemon.hold(1)
        running = [create_tone_job(client, 0.1)]
        until_state(client, running[0], "running")
        running += [create_tone_job(client, 0.1) for _ in range(2)]
        events = generate(client, 0.1)
        with pytest.raises(Exception, match=r"^2 jobs wait already\. Try again later, or cancel some of them\.$"):
            next(events)
        for job_id in reversed(running):
            client.cancel(job_id)


def test_the_daemon_serves_on(daemon: Daemon, client: Client) -> None:
    """After all the above, in the same daemon: no trace in its log, nothing lies about, and it works."""
    assert np.array_equal(collect(generate(client, 0.3, seed=8)).samples(), expected_tone(8, 0.3))
    assert "Traceback" not in daemon.console()
    reply = status(client)
    assert (reply.running_jobs, reply.waiting_jobs) == (0, 0)
    daemon.check_store()
