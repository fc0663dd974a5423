"""A job's events become what the player can play, also when the job is started again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given

from acebridge.client.follow import follow
from acebridge.hosts.monitor.job_audio import JobAudio, decode_samples
from acebridge.hosts.monitor.player import Player
from acebridge.v1 import audio_pb2
from acestep_runtime.audio import wav
from tests.support.daemon import until
from tests.support.fake_output import FakeDevice
from tests.support.job_events import JobStory, header, job_stories, take_message
from tests.support.signals import decode_chunk, noise


def no_download(asset_id: str) -> Iterator[bytes]:
    raise AssertionError(asset_id)


@pytest.mark.parametrize("encoding", wav.ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_of_each_encoding_as_libsndfile_reads_them(encoding: str, channels: int) -> None:
    data = wav.encode(noise(0.1, channels=channels, rms=0.3).clip(-1, 1), encoding)
    np.testing.assert_array_equal(decode_samples(data, encoding, channels), decode_chunk(data, encoding, channels))


@given(job_stories())
def test_what_is_played_is_what_the_attempt_that_finished_made(story: JobStory) -> None:
    warnings: list[str] = []
    with Player(opener=FakeDevice()) as player:
        follow(story.events, JobAudio(player, no_download, warnings.append))
        recordings = [player._choices[number] for number in sorted(player._choices)]
        assert len(recordings) >= len(story.outputs)
        samples = [decode_samples(data, "pcm16", 1) for data in story.outputs.values()]
        for recording, wanted in zip(recordings, samples, strict=False):
            assert recording.frames == len(wanted)
            np.testing.assert_array_equal(recording.read(48_000, 0, len(wanted)), np.repeat(wanted, 2, axis=1))
        assert all(recording.complete for recording in recordings)
        assert player._jobs == 0
    assert warnings == []


def chunk(output: int, data: bytes, at: int = 0) -> dict[str, object]:
    return {"output": output, "offset_frames": at, "data": data}


def test_outputs_are_named_and_placed() -> None:
    story = JobStory()
    story.add(started={"attempt": 1})
    for output, role in enumerate(("mix", "drums"), 1):
        message = header(output, 1, 10, role)
        message.start_frame = 480
        message.encoding = audio_pb2.ENCODING_PCM24
        message.channels = 2
        story.add(audio_header=message)
        story.add(audio_chunk=chunk(output, wav.encode(noise(10 / 48_000), "pcm24")))
    story.add(take_finished=take_message(1, {1, 2}))
    story.add(completed={})
    with Player(opener=FakeDevice()) as player:
        follow(story.events, JobAudio(player, no_download, print))
        assert player.choices == {1: "take 1", 2: "take 1, drums"}
        assert player.status().start_s == 0.01


def test_of_takes_to_choose_from_the_chosen_ones_are_played() -> None:
    music, story = noise(0.5), JobStory()
    data = wav.header(len(music), 2, 48_000, "float32") + wav.encode(music, "float32")
    story.add(started={"attempt": 1, "chooses": True})
    for take in (1, 2, 3):
        story.add(audio_header=header(take, take, 10))
        story.add(audio_chunk=chunk(take, bytes(20)))
        story.add(take_finished=take_message(take, {take}))
    chosen = take_message(3, {3})
    chosen.outputs[0].asset_id = "c" * 64
    story.add(completed={"takes": [chosen]})
    with Player(opener=FakeDevice()) as player:
        follow(story.events, JobAudio(player, {"c" * 64: [data[:1000], data[1000:]]}.__getitem__, print))
        recording = player._choices[1]
        until(lambda: recording.complete)
        np.testing.assert_array_equal(recording.read(48_000, 0, len(music)), music)
        assert player.choices == {1: "take 1"}


def test_a_full_disk_ends_the_listening_and_not_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    story, warnings = JobStory(), list[str]()
    story.add(started={"attempt": 1})
    story.add(audio_header=header(1, 1, 10))
    for at in (0, 5):
        story.add(audio_chunk=chunk(1, bytes(10), at))
    story.add(take_finished=take_message(1, {1}))
    story.add(completed={})
    with Player(opener=FakeDevice()) as player:
        audio = JobAudio(player, no_download, warnings.append)

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("acebridge.hosts.monitor.recording.Recording.write", refuse)
        follow(story.events, audio)
    assert warnings == ["The job goes on, but the rest of it cannot be played: No space left on device."]
