"""What a repaint leaves alone is put around what it changed, exactly as the daemon itself would."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
import soundfile

from acebridge.client.client import Client
from acebridge.client.follow import JobSink, follow
from acebridge.contract.metadata import metadata_message, metadata_values
from acebridge.hosts.jobfolder.request import AudioFile
from acebridge.hosts.jobfolder.widen import SentSource, WideningSink
from acebridge.v1 import audio_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import Daemon, song, write_wav
from tests.support.job_folders import RATE_HZ, Job, outputs, part


@pytest.mark.parametrize(
    ("fields", "region", "encoding"),
    [
        ({"start_s": 0.5, "end_s": 1.25}, {}, "float32"),
        ({"start_s": 0.5, "end_s": 1.25}, {}, "pcm24"),
        ({"start_s": 0, "end_s": 0.4, "crossfade_ms": 250}, {}, "pcm16"),
        ({"start_s": 1.0}, {}, "pcm24"),
        ({"start_s": -0.75, "end_s": 0}, {}, "pcm16"),
        ({"start_s": 2.0, "end_s": 3.3}, {}, "float32"),
        ({"start_s": -0.1, "end_s": 2.1}, {}, "pcm24"),
        ({"start_s": 0.3, "end_s": 0.6}, {"start_s": 0.5, "end_s": 1.75}, "float32"),
        ({"start_s": 0.3, "end_s": 0.6}, {"start_s": 0.5, "end_s": 1.75}, "pcm16"),
        ({"start_s": 0.5, "end_s": 1.0, "output": {"sample_rate": 48_000, "channels": 1}}, {}, "float32"),
        ({"start_s": 0.5, "end_s": 1.0, "output": {"sample_rate": 48_000, "channels": 1}}, {}, "pcm16"),
    ],
)
def test_it_equals_the_repaint_of_the_whole(
    tmp_path: Path, daemon: Daemon, client: Client, fields: dict[str, Any], region: dict[str, float], encoding: str
) -> None:
    job = Job(tmp_path)
    output = {"seeds": [7, 8], "takes": 2, **fields.get("output", {})}
    asked = part(**{**fields, "output": output}, music={"caption": "piano"})
    asked["source"] = {"file": "source-1.wav", **region}
    job.ask(asked, media={"folder": str(job.media), "format": encoding})
    made = job.run(daemon)
    source = client.upload(job.folder / "source-1.wav")
    if region:
        source.region.CopyFrom(audio_pb2.Region(**region))
    wanted = {**fields, "output": {**output, "encoding": encoding}, "scope": "whole", "music": {"caption": "piano"}}
    events = client.submit("repaint", wanted, source=source, submission={"engine": "fake"})
    (completed,) = (event.completed for event in events if event.WhichOneof("event") == "completed")
    for take, whole, result in zip(completed.takes, outputs(made), made["parts"][0]["takes"], strict=True):
        (stored,) = take.outputs
        assert Path(whole["file"]).read_bytes() == b"".join(client.download(stored.asset_id))
        assert (whole["frames"], whole["start_frame"]) == (stored.frames, stored.start_frame)
        assert result["metadata"] == metadata_values(take.metadata)


def test_a_region_that_was_asked_for_comes_as_such(tmp_path: Path, daemon: Daemon) -> None:
    job = Job(tmp_path).ask(part(start_s=0.5, end_s=1.0, scope="region", crossfade_ms=0, output={"seeds": [1]}))
    (region,) = outputs(job.run(daemon))
    assert soundfile.info(region["file"]).frames == region["frames"] == RATE_HZ // 2


@pytest.mark.parametrize("change", ["rewrite", "touch", "remove"])
def test_a_file_that_changed_meanwhile_is_not_mixed_with_the_old_one(tmp_path: Path, change: str) -> None:
    file = write_wav(tmp_path / "곡.wav", song(1.0), RATE_HZ)
    sent = SentSource.of(AudioFile(file))
    if change == "rewrite":
        write_wav(file, song(1.5), RATE_HZ)
    elif change == "touch":
        os.utime(file, ns=(1, 1))
    else:
        file.unlink()
    header = audio_pb2.AudioHeader(sample_rate=RATE_HZ, channels=2, encoding=1, frames=100, start_frame=50)
    with pytest.raises(InvalidValue, match=r"곡\.wav was changed or removed while its repaint was waiting\. Run the"):
        follow([tasks_pb2.TaskEvent(audio_header=header)], WideningSink(sent, JobSink()))


def test_a_file_that_changes_between_two_takes_is_not_mixed_with_the_old_one(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "song.wav", song(1.0), RATE_HZ)
    passed: list[int] = []

    class Headers(JobSink):
        def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
            passed.append(header.output)

    def events() -> Iterator[tasks_pb2.TaskEvent]:
        for output in range(3):
            if output == 2:
                write_wav(file, song(1.0, seed=1), RATE_HZ)
                os.utime(file, ns=(1, 1))  # however coarse the clock of the file system is
            header = audio_pb2.AudioHeader(
                output=output, sample_rate=RATE_HZ, channels=2, encoding=1, frames=100, start_frame=50
            )
            yield tasks_pb2.TaskEvent(audio_header=header)

    with pytest.raises(InvalidValue, match=r"song\.wav was changed or removed"):
        follow(events(), WideningSink(SentSource.of(AudioFile(file)), Headers()))
    assert passed == [0, 1]


def test_audio_of_an_attempt_that_was_interrupted_is_void(tmp_path: Path) -> None:
    void: list[Set[int]] = []

    class Void(JobSink):
        def on_audio_void(self, outputs: Set[int]) -> None:
            void.append(outputs)

    header = audio_pb2.AudioHeader(output=3, sample_rate=RATE_HZ, channels=2, encoding=1, frames=100, start_frame=50)
    events = [tasks_pb2.TaskEvent(audio_header=header), tasks_pb2.TaskEvent(started=tasks_pb2.Started())]
    events.append(tasks_pb2.TaskEvent(completed=tasks_pb2.Completed()))
    sent = SentSource.of(AudioFile(write_wav(tmp_path / "song.wav", song(1.0), RATE_HZ)))
    follow(events, WideningSink(sent, Void()))
    assert void == [{3}]


@pytest.mark.slow
def test_facts_are_reported_in_times_of_the_whole(tmp_path: Path) -> None:
    class Takes(JobSink):
        def __init__(self) -> None:
            self.takes: list[tasks_pb2.TakeFinished] = []

        def on_take(self, take: tasks_pb2.TakeFinished) -> None:
            self.takes.append(take)

        def on_completed(self, completed: tasks_pb2.Completed) -> None:
            self.takes.extend(completed.takes)

    sent = SentSource.of(AudioFile(write_wav(tmp_path / "song.wav", song(2.0, rate_hz=RATE_HZ), RATE_HZ)))
    header = audio_pb2.AudioHeader(
        sample_rate=RATE_HZ, channels=2, encoding=1, frames=RATE_HZ, start_frame=RATE_HZ // 2
    )
    stored = tasks_pb2.StoredOutput(sample_rate=RATE_HZ, channels=2, frames=RATE_HZ, start_frame=RATE_HZ // 2)
    message = {"beats": [0.25, 0.5], "bpm": 120.0, "lrc": "[00:00.25]la\n"}
    finished = tasks_pb2.TakeFinished(outputs=[stored], metadata=metadata_message(message))
    events = [tasks_pb2.TaskEvent(audio_header=header), tasks_pb2.TaskEvent(take_finished=finished)]
    events.append(tasks_pb2.TaskEvent(completed=tasks_pb2.Completed(takes=[finished])))
    whole = Takes()
    follow(events, WideningSink(sent, whole))
    assert len(whole.takes) == 2
    for take in whole.takes:
        assert metadata_values(take.metadata) == {"beats": [0.75, 1.0], "bpm": 120, "lrc": "[00:00.75]la\n"}
        assert (take.outputs[0].frames, take.outputs[0].start_frame) == (2 * RATE_HZ, 0)
