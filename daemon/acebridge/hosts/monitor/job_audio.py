"""A job's audio for the player, while the job runs.

Takes play one after another, each from its first block on; outputs of a take (stems) count as takes. Where takes are made to
choose from, only those that were chosen are played, when the choice is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Set
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from acebridge.client.follow import JobSink
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.sources import Warn, load_asset

if TYPE_CHECKING:
    from acebridge.hosts.monitor.player import Player
    from acebridge.v1 import audio_pb2, tasks_pb2
    from acestep_runtime.audio.samples import Samples


class _Output(NamedTuple):
    """An output, and how its chunks are encoded."""

    recording: Recording
    encoding: str
    channels: int


class JobAudio(JobSink):
    """Hands a job's audio to ``player``. ``download`` returns a stored file, for takes that were chosen.

    It never fails the job: when the audio cannot be kept for listening, ``warn`` gets a sentence, and the rest is not played.
    """

    def __init__(self, player: Player, download: Callable[[str], Iterable[bytes]], warn: Warn) -> None:
        self._player, self._download, self._warn = player, download, warn
        self._outputs: dict[int, _Output] = {}
        self._chooses = False
        self._broken = False
        self._more = True
        self._lock = threading.Lock()
        #: Whether the player has nothing more to do with the job.
        self.is_stopped = False
        player.expect(1)

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Keep whether takes are made to choose from."""
        self._chooses = started.chooses

    def on_audio_void(self, outputs: Set[int]) -> None:
        """Void what has come: it plays on from the same place when that has come again."""
        for output in outputs & self._outputs.keys():
            self._outputs[output].recording.restart()

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Begin an output, or the same one again."""
        from acebridge.contract.enums import encoding_name

        if self._chooses:
            return
        known = self._outputs.get(header.output)
        recording = (
            known.recording
            if known
            else Recording(
                _name(header.take, header.role),
                header.sample_rate,
                header.frames,
                start_frame=header.start_frame,
                role=header.role,
            )
        )
        self._outputs[header.output] = _Output(recording, encoding_name(header.encoding), header.channels)
        if known:
            recording.restart(header.frames)
        else:
            self._add(recording)

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        """Take samples."""
        if self._chooses or self._broken:
            return
        output = self._outputs[chunk.output]
        try:
            samples = decode_samples(chunk.data, output.encoding, output.channels)
            output.recording.write(chunk.offset_frames, samples)
        except OSError as error:
            self._broken = True
            self._warn(f"The job goes on, but the rest of it cannot be played: {error.strerror or error}.")
            self.end()

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Play what was chosen; no more is to come."""
        if self._chooses:
            for place, take in enumerate(completed.takes, 1):
                for output in take.outputs:
                    self._add(
                        load_asset(
                            self._download(output.asset_id),
                            self._warn,
                            name=_name(place, output.role),
                            start_frame=output.start_frame,
                            role=output.role,
                        )
                    )
        self.end()

    def _add(self, recording: Recording) -> None:
        with self._lock:
            if self.is_stopped:
                recording.close()
            else:
                self._player.add(recording)

    def stop(self) -> None:
        """Hand nothing more to the player, from now on; any thread may call it."""
        with self._lock:
            self.is_stopped = True
            self._expect_no_more()

    def end(self) -> None:
        """Leave the job's audio at what has come: the job is complete, or there will be no more of it."""
        with self._lock:
            self._expect_no_more()
        for output in self._outputs.values():
            if not output.recording.complete:
                output.recording.end()

    def _expect_no_more(self) -> None:
        if self._more:
            self._more = False
            self._player.expect(-1)


def _name(take: int, role: str) -> str:
    return f"take {take}" if role == "mix" else f"take {take}, {role}"


def decode_samples(data: bytes, encoding: str, channels: int) -> Samples:
    """Return the samples ``[N, C]`` of a chunk: what `acestep_runtime.audio.wav.encode` was given, up to its rounding."""
    if encoding == "float32":
        samples = np.frombuffer(data, "<f4")
    elif encoding == "pcm16":
        samples = np.frombuffer(data, "<i2") / np.float32(1 << 15)
    else:
        octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 1:] = octets
        samples = wide.view("<i4")[:, 0] / np.float32(1 << 31)
    return np.asarray(samples, np.float32).reshape(-1, channels)
