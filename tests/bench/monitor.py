"""Listening, measured: ``python -m tests.bench.monitor``, a part of ``make bench``.

A PulseAudio with a silent sink takes the sound, so no sound card is needed, and what arrives can be compared. Beside the minute
of sound a compiler keeps every core busy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from acebridge.client.client import Client
from acebridge.client.follow import JobSink, follow
from acebridge.hosts.monitor.device import LATENCY_S, LOADED_LATENCY_S
from acebridge.hosts.monitor.job_audio import JobAudio
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.recording import Recording
from acebridge.v1 import audio_pb2
from tests.support.pulse import Record, find, pulse, record
from tests.support.signals import Samples, noise

_RUNS = 5
_MINUTE_S = 60.0
_RATE_HZ = 48_000


class _FirstBlock(JobSink):
    """When the first audio of a job came."""

    at_s = 0.0

    def on_audio(self, _: audio_pb2.AudioChunk) -> None:
        self.at_s = self.at_s or time.monotonic()


@contextmanager
def _compiler() -> Iterator[None]:
    """Compile the standard library on all cores, again and again."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        code = "import compileall, sys\nwhile True: compileall.compile_dir(sys.argv[1], quiet=2, force=True)"
        words = [sys.executable, "-c", code, sysconfig.get_paths()["stdlib"]]
        processes = [
            subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)
        ]
        try:
            yield
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _first_sound(client: Client, arrived: Record) -> None:
    """From the first block of a job to the first sound, out of the callback and at the sink."""
    callback_ms, arrival_ms = [], []
    for run in range(_RUNS):
        before = len(arrived.samples())
        with Player(latency_s=LATENCY_S) as player:
            audio, block = JobAudio(player, client.download, print), _FirstBlock()
            player.play()
            time.sleep(1.5)  # a job takes that long to begin; the stream has played its first silence by then
            fields = {"duration_s": 2.0, "output": {"seeds": [run + 1]}}
            follow(client.submit("text2music", fields, submission={"engine": "fake"}), block, audio)
            while player.status().position_s == 0:
                time.sleep(0.0005)
            callback_ms.append((time.monotonic() - block.at_s) * 1e3)
            player.wait(30)
        time.sleep(0.3)
        loud = before + int(np.flatnonzero(arrived.samples()[before:].any(axis=1))[0])
        arrival_ms.append((arrived.time_of(loud) - block.at_s) * 1e3)
    print(f"first block to first sound at {LATENCY_S} s latency: {np.median(arrival_ms):.0f} ms at the sink "
          f"(worst {max(arrival_ms):.0f}), {np.median(callback_ms):.0f} ms out of the callback ({_RUNS} runs)")  # fmt: skip


def _minute(arrived: Record) -> None:
    """A minute of sound beside a compiler, compared sample for sample."""
    music = noise(_MINUTE_S)
    recording = Recording("a minute", _RATE_HZ, len(music))
    recording.write(0, music)
    before = len(arrived.samples())
    with _compiler(), Player(latency_s=LOADED_LATENCY_S) as player:
        player.add(recording)
        player.play()
        player.wait(_MINUTE_S + 30)
        underruns = player.status().underruns
    time.sleep(0.5)
    same = _same_frames(music, arrived.samples()[before:])
    print(f"{_MINUTE_S:.0f} s at {LOADED_LATENCY_S} s latency beside a compiler on all cores: {underruns.ring} underruns of "
          f"ours, {underruns.device} of the device; {same} of {len(music)} frames arrived equal")  # fmt: skip


def _same_frames(music: Samples, samples: Samples) -> int:
    at = max(find(music[: 10 * _RATE_HZ], samples), 0)
    part = samples[at : at + len(music)]
    return int((part == music[: len(part)]).all(axis=1).sum())


def report(client: Client) -> None:
    """Measure and print, on a machine that has PulseAudio."""
    if not all(map(shutil.which, ("pulseaudio", "parec"))):
        print("listening: not measured, there is no PulseAudio here")
        return
    with tempfile.TemporaryDirectory() as folder, pulse(Path(folder) / "pulse") as environment:
        # PortAudio reads it once, when it is loaded.
        names = ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH")
        own: Mapping[str, str] = {name: environment[name] for name in names}
        with mock.patch.dict(os.environ, own), record(environment) as arrived:
            _first_sound(client, arrived)
            _minute(arrived)


if __name__ == "__main__":
    from tests.support.daemon import daemon_at

    with tempfile.TemporaryDirectory() as home, daemon_at(Path(home)) as daemon:
        assert daemon.client is not None
        report(daemon.client)
