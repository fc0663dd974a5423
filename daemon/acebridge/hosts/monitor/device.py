"""The sound device, through PortAudio. sounddevice is imported here, when sound is played or devices are listed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from acebridge.errors import AceBridgeError

if TYPE_CHECKING:
    from acestep_runtime.audio.samples import Samples

#: Latency that a quiet machine keeps up with, and one that computes: at 0.1 s, a minute beside a compiler had one underrun.
LATENCY_S = 0.1
LOADED_LATENCY_S = 0.3
#: Silence that a stream opens with. What goes through ALSA (PulseAudio and PipeWire too) loses its first samples while the
#: device wakes up; elsewhere nothing was seen to be lost.
PREROLL_S = {"ALSA": 1.0}
#: A stream that asks for nothing in this time is lost.
STALL_S = 3.0
CHANNELS = 2
#: PortAudio's paInvalidSampleRate.
_INVALID_RATE = -9997

#: Fills a buffer ``[N, 2]``; the second argument says whether the device ran dry before.
Render = Callable[["Samples", bool], None]


class NoSound(AceBridgeError):
    """Sound cannot be played here, or not any more."""


@dataclass(frozen=True)
class OutputRequest:
    """What a stream should be like. ``device`` is a part of its name or its number, empty for the system's default."""

    rate_hz: int
    latency_s: float = LATENCY_S
    device: str = ""


class Output(Protocol):
    """An open stream. ``preroll_s`` is the silence that it needs before the first sample."""

    device: str
    rate_hz: int
    latency_s: float
    preroll_s: float

    def start(self, render: Render) -> None:
        """Begin to ask ``render`` for buffers, from a thread of the stream's own."""

    def is_lost(self) -> bool:
        """Whether the stream ended although nobody closed it, or asks for nothing any more."""
        ...

    def close(self) -> None:
        """End the stream at once."""


OpenOutput = Callable[[OutputRequest], Output]


def open_output(request: OutputRequest) -> Output:
    """Open a stream on a device at the rate of ``request``, or where the device refuses that, at the device's own.

    Raises `NoSound` with what to do about it.
    """
    sounddevice = _load()
    number = _find(sounddevice, request.device)
    try:
        info = sounddevice.query_devices(number, "output")
        rates = dict.fromkeys((request.rate_hz, round(info["default_samplerate"])))
        for rate_hz in rates:
            if _accepts(sounddevice, info["index"], rate_hz):
                return _PortAudioOutput(sounddevice, info, rate_hz, request.latency_s)
    except sounddevice.PortAudioError as error:
        raise _refusal(request.device, error) from error
    raise NoSound(
        f"The device {info['name']} takes no stereo sound at {' or '.join(str(rate) for rate in rates)} Hz.",
        remedy="Choose another one: `acebridge listen --devices` lists them.",
    )


def device_names() -> list[str]:
    """Return the names of the output devices, as PortAudio numbers them. Raises `NoSound`."""
    sounddevice = _load()
    return [
        f"{device['index']}: {device['name']} ({sounddevice.query_hostapis(device['hostapi'])['name']})"
        for device in sounddevice.query_devices()
        if device["max_output_channels"] >= CHANNELS
    ]


def _load() -> Any:
    try:
        import sounddevice
    except OSError as error:  # how the package says that the library is missing
        raise NoSound(
            "There is no sound here: the PortAudio library is not installed.",
            remedy="Install it (on Debian or Ubuntu: apt install libportaudio2); all else works without it.",
        ) from error
    return sounddevice


def _find(sounddevice: Any, device: str) -> int | None:
    """Return the number of a device, ``None`` for the default one."""
    if not device:
        return None
    outputs = [each for each in sounddevice.query_devices() if each["max_output_channels"] >= CHANNELS]
    found = [each for each in outputs if device in (str(each["index"]), each["name"])]
    found = found or [each for each in outputs if device.lower() in each["name"].lower()]
    if len(found) == 1:
        return int(found[0]["index"])
    names = ", ".join(f"{each['index']}: {each['name']}" for each in found or outputs) or "none"
    problem = f"{len(found)} output devices match {device!r}" if found else f"There is no output device {device!r}"
    raise NoSound(f"{problem}; there is {names}.", remedy="Give the number, or more of the name.")


def _accepts(sounddevice: Any, device: int, rate_hz: int) -> bool:
    try:
        sounddevice.check_output_settings(device=device, channels=CHANNELS, dtype="float32", samplerate=rate_hz)
    except sounddevice.PortAudioError as error:
        if error.args[1:2] == (_INVALID_RATE,):
            return False
        raise
    return True


def _refusal(device: str, error: Exception) -> NoSound:
    which = f"The output device {device!r}" if device else "An output device"
    return NoSound(
        f"{which} cannot be opened: {error.args[0] if error.args else error}.",
        remedy="Connect one or start the sound server (PipeWire, PulseAudio); `acebridge listen --devices` lists them.",
    )


class _PortAudioOutput:
    def __init__(self, sounddevice: Any, info: dict[str, Any], rate_hz: int, latency_s: float) -> None:
        self.device, self.rate_hz = str(info["name"]), rate_hz
        self.preroll_s = PREROLL_S.get(sounddevice.query_hostapis(info["hostapi"])["name"], 0.0)
        self._error = sounddevice.PortAudioError
        self._render: Render = _silence
        self._ended = False
        self._buffers = 0
        #: How many buffers had been asked for when that last changed, and when that was.
        self._seen = (0, math.inf)
        self._stream = sounddevice.OutputStream(
            samplerate=rate_hz, device=info["index"], channels=CHANNELS, dtype="float32", latency=latency_s,
            callback=self._fill, finished_callback=self._end,
        )  # fmt: skip
        self.latency_s = float(self._stream.latency)

    def _fill(self, out: Samples, frames: int, _time: Any, status: Any) -> None:
        """Fill a buffer; in PortAudio's own thread."""
        del frames
        self._buffers += 1
        self._render(out, status.output_underflow)

    def _end(self) -> None:
        self._ended = True

    def start(self, render: Render) -> None:
        self._render = render
        self._seen = (self._buffers, time.monotonic())
        try:
            self._stream.start()
        except self._error as error:
            raise _refusal(self.device, error) from error

    def is_lost(self) -> bool:
        count, now = self._buffers, time.monotonic()
        if count != self._seen[0]:
            self._seen = (count, now)
        return self._ended or now - self._seen[1] > STALL_S

    def close(self) -> None:
        self._stream.close(ignore_errors=True)


def _silence(out: Samples, late: bool) -> None:
    del late
    out.fill(0)
