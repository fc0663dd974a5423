"""Sound devices as PortAudio reports them, and what a person reads when there are none."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acebridge.errors import AceBridgeError
from acebridge.hosts.monitor import device as device_module
from acebridge.hosts.monitor.device import NoSound, OutputRequest, device_names, open_output


class PortAudioError(Exception):
    """As sounddevice raises it."""


class FakeStream:
    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.latency = settings["latency"] * 1.1
        self.is_open = True
        self.fails = False

    def start(self) -> None:
        if self.fails:
            raise PortAudioError("Unanticipated host error")

    def close(self, ignore_errors: bool) -> None:
        assert ignore_errors
        self.is_open = False


class FakeSounddevice:
    """The functions of sounddevice that are used, on a machine with four devices."""

    PortAudioError = PortAudioError

    def __init__(self, rates: tuple[int, ...] = (44_100, 48_000)) -> None:
        self.rates = rates
        self.is_busy = False
        self.streams: list[FakeStream] = []
        names = (("Microphone", 0, 0), ("Speakers", 2, 0), ("USB headphones", 2, 1), ("USB interface", 8, 1))
        self.devices = [
            {"index": index, "name": name, "max_output_channels": channels, "hostapi": api,
             "default_samplerate": float(rates[0])}
            for index, (name, channels, api) in enumerate(names)
        ]  # fmt: skip

    def query_devices(self, device: int | None = None, kind: str = "") -> Any:
        if not kind:
            return self.devices
        if not self.devices:
            raise PortAudioError("Error querying device -1")
        return self.devices[1 if device is None else device]

    def query_hostapis(self, index: int) -> dict[str, str]:
        return {"name": ("ALSA", "Core Audio")[index]}

    def check_output_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        assert (channels, dtype) == (2, "float32")
        assert device in range(4)
        if self.is_busy:
            raise PortAudioError("Device unavailable", -9985)
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate", -9997)

    def OutputStream(self, **settings: Any) -> FakeStream:  # noqa: N802
        self.streams.append(FakeStream(**settings))
        return self.streams[-1]


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> FakeSounddevice:
    fake = FakeSounddevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_a_stream_on_the_default_device(sounddevice: FakeSounddevice) -> None:
    output = open_output(OutputRequest(48_000, 0.25))
    (stream,) = sounddevice.streams
    assert {name: stream.settings[name] for name in ("samplerate", "device", "channels", "dtype", "latency")} == {
        "samplerate": 48_000, "device": 1, "channels": 2, "dtype": "float32", "latency": 0.25,
    }  # fmt: skip
    assert (output.device, output.rate_hz, output.preroll_s) == ("Speakers", 48_000, 1.0)
    assert output.latency_s == pytest.approx(0.275)
    asked = []
    buffer = np.ones((10, 2), np.float32)
    stream.settings["callback"](buffer, 10, None, SimpleNamespace(output_underflow=False))
    assert not buffer.any()
    output.start(lambda out, late: asked.append((len(out), late)))
    stream.settings["callback"](buffer, 10, None, SimpleNamespace(output_underflow=True))
    assert asked == [(10, True)]
    assert not output.is_lost()
    stream.settings["finished_callback"]()
    assert output.is_lost()
    output.close()
    assert not stream.is_open


@pytest.mark.parametrize(
    ("device", "name"), [("2", "USB headphones"), ("usb h", "USB headphones"), ("Speakers", "Speakers")]
)
def test_a_device_by_its_number_or_a_part_of_its_name(sounddevice: FakeSounddevice, device: str, name: str) -> None:
    output = open_output(OutputRequest(48_000, device=device))
    assert (output.device, output.preroll_s) == (name, 0.0 if "USB" in name else 1.0)
    assert sounddevice.streams


@pytest.mark.parametrize(
    ("device", "problem"),
    [("usb", "2 output devices match 'usb'; there is 2: USB headphones, 3: USB interface."),
     ("Microphone", "There is no output device 'Microphone'; there is 1: Speakers, 2:")],
)  # fmt: skip
def test_a_device_that_is_unknown_or_not_the_only_one(sounddevice: FakeSounddevice, device: str, problem: str) -> None:
    with pytest.raises(NoSound) as caught:
        open_output(OutputRequest(48_000, device=device))
    assert str(caught.value).startswith(problem)
    assert not sounddevice.streams


def test_a_rate_that_the_device_refuses_becomes_its_own(sounddevice: FakeSounddevice) -> None:
    assert open_output(OutputRequest(96_000)).rate_hz == 44_100
    sounddevice.rates = ()
    with pytest.raises(NoSound, match="The device Speakers takes no stereo sound at 96000 or 44100 Hz"):
        open_output(OutputRequest(96_000))


def test_the_names_of_output_devices(sounddevice: FakeSounddevice) -> None:
    assert device_names() == ["1: Speakers (ALSA)", "2: USB headphones (Core Audio)", "3: USB interface (Core Audio)"]
    sounddevice.devices = []
    assert device_names() == []


def test_without_a_device_there_is_a_sentence(sounddevice: FakeSounddevice) -> None:
    sounddevice.devices = []
    with pytest.raises(
        NoSound, match=r"An output device cannot be opened: Error querying device -1\. Connect one or start"
    ):
        open_output(OutputRequest(48_000))


def test_a_device_that_asks_for_nothing_any_more_is_lost(
    sounddevice: FakeSounddevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now_s, now_s=100.0)
    monkeypatch.setattr(device_module, "time", clock)
    output = open_output(OutputRequest(48_000))
    clock.now_s += 9
    assert not output.is_lost()  # it has not been started
    output.start(lambda out, late: None)  # noqa: ARG005
    clock.now_s += 2.9
    ask = sounddevice.streams[0].settings["callback"]
    ask(np.ones((10, 2), np.float32), 10, None, SimpleNamespace(output_underflow=False))
    assert not output.is_lost()
    clock.now_s += 2.9
    assert not output.is_lost()
    clock.now_s += 0.2
    assert output.is_lost()


def test_a_device_that_another_program_has(sounddevice: FakeSounddevice) -> None:
    sounddevice.is_busy = True
    with pytest.raises(NoSound, match=r"An output device cannot be opened: Device unavailable\. Connect one"):
        open_output(OutputRequest(48_000))


def test_a_device_that_fails_at_the_start(sounddevice: FakeSounddevice) -> None:
    output = open_output(OutputRequest(48_000))
    sounddevice.streams[0].fails = True
    with pytest.raises(NoSound, match="'Speakers' cannot be opened: Unanticipated host error"):
        output.start(lambda out, late: None)  # noqa: ARG005


def test_without_portaudio_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    real = builtins.__import__

    def fail(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(NoSound) as caught:
        open_output(OutputRequest(48_000))
    assert isinstance(caught.value, AceBridgeError)
    assert str(caught.value) == (
        "There is no sound here: the PortAudio library is not installed. Install it (on Debian or Ubuntu: apt install "
        "libportaudio2); all else works without it."
    )


def test_it_is_imported_only_when_sound_is_played() -> None:
    assert "sounddevice" not in vars(device_module)
