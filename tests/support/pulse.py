"""A PulseAudio of its own with a silent sink, and a recorder of what arrives there: what a person would hear, as samples.

Needs pulseaudio, parec and ALSA's pulse plug-in (Debian: pulseaudio pulseaudio-utils libasound2-plugins), no sound card, no
session, no dbus.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.support.daemon import until
from tests.support.signals import Samples

_ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
_FRAME_BYTES = 8


@contextmanager
def pulse(folder: Path, rate_hz: int = 48_000) -> Iterator[dict[str, str]]:
    """Run a PulseAudio whose only sink is called ``null``; give the environment in which programs play to it."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, parents=True)
    (folder / ".asoundrc").write_text(_ALSA)
    environment = {
        **os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime), "PULSE_RUNTIME_PATH": str(runtime),
    }  # fmt: skip
    sink = f"module-null-sink sink_name=null rate={rate_hz} channels=2 format=float32le"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
             "--log-target=stderr", "-L", sink, "-L", "module-native-protocol-unix"],
            env=environment, stdin=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: (runtime / "native").exists() or process.poll() is not None, "PulseAudio")
        assert process.poll() is None, (folder / "log").read_text()
        yield environment
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@dataclass
class Record:
    """What has arrived at the sink so far, and when: pairs of a time of the monotonic clock and a number of frames."""

    data: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    def samples(self) -> Samples:
        whole = len(self.data) // _FRAME_BYTES * _FRAME_BYTES
        return np.frombuffer(bytes(self.data[:whole]), "<f4").reshape(-1, 2)

    def time_of(self, frame: int) -> float:
        """When a frame had arrived."""
        return next(time_s for time_s, count in self.arrivals if count > frame)


@contextmanager
def record(environment: Mapping[str, str], rate_hz: int = 48_000) -> Iterator[Record]:
    """Record the sink; what is given grows until the end."""
    process = subprocess.Popen(
        ["parec", "-d", "null.monitor", "--format=float32le", f"--rate={rate_hz}", "--channels=2", "--raw",
         "--latency-msec=10"],
        env=dict(environment), stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    stream, taken = process.stdout, Record()

    def take() -> None:
        while data := stream.read1(1 << 16):
            taken.data.extend(data)
            taken.arrivals.append((time.monotonic(), len(taken.data) // _FRAME_BYTES))

    thread = threading.Thread(target=take)
    thread.start()
    try:
        until(lambda: taken.data, "the silence of the sink")
        yield taken
    finally:
        process.terminate()
        process.wait()
        thread.join()
        stream.close()


def find(music: Samples, record: Samples) -> int:
    """Return the frame of ``record`` at which ``music`` begins: where the two correlate best. It may be negative."""
    size = 1 << (len(music) + len(record)).bit_length()
    spectrum = np.fft.rfft(record[:, 0], size) * np.conj(np.fft.rfft(music[:, 0], size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)))
    return at - size if at > size // 2 else at
