"""REAPER's OSC surface, as its pattern file defines it: the simulated REAPER sends and takes what stands there, and no more."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.calls_time import tempo_at

#: What can stand at the beginning of a line, each with its patterns, and the settings with the values that they may have.
#: From the file Default.ReaperOSC that REAPER 6 and 7 install, only the lines that a surface of this kind may need.
PUBLISHED = {
    "TIME": "f/time s/time/str",
    "BEAT": "s/beat/str",
    "SAMPLES": "f/samples s/samples/str",
    "FRAMES": "s/frames/str",
    "METRONOME": "t/click",
    "REPEAT": "t/repeat",
    "RECORD": "t/record",
    "STOP": "t/stop",
    "PLAY": "t/play",
    "PAUSE": "t/pause",
    "TEMPO": "n/tempo f/tempo/raw r/tempo/rotary s/tempo/str",
    "LOOP_START_TIME": "f/loop/start/time",
    "LOOP_END_TIME": "f/loop/end/time",
    "TRACK_NAME": "s/track/name s/track/@/name",
    "TRACK_SELECT": "b/track/select b/track/@/select",
    "ACTION": "i/action s/action/str t/action/@ f/action/@/cc",
}
SETTINGS = {
    **dict.fromkeys(
        (
            "DEVICE_TRACK_COUNT", "DEVICE_SEND_COUNT", "DEVICE_RECEIVE_COUNT", "DEVICE_FX_COUNT", "DEVICE_FX_PARAM_COUNT",
            "DEVICE_FX_INST_PARAM_COUNT", "DEVICE_MARKER_COUNT", "DEVICE_REGION_COUNT",
        ),
        r"[0-9]+",
    ),
    "REAPER_TRACK_FOLLOWS": "REAPER|DEVICE",
    "DEVICE_TRACK_FOLLOWS": "DEVICE|LAST_TOUCHED",
    "DEVICE_TRACK_BANK_FOLLOWS": "DEVICE|MIXER",
    "DEVICE_FX_FOLLOWS": "DEVICE|LAST_TOUCHED|FOCUSED",
    "DEVICE_EQ": "INSERT|EXISTING",
    "DEVICE_ROTARY_CENTER": r"0|0\.5",
}  # fmt: skip
#: The longest packet that REAPER sends with its usual setting.
MAX_PACKET_BYTES = 1024
_PATTERN = re.compile(r"([nfbtrsi])(/\S+)")
_PLAYS, _PAUSES, _RECORDS = 1, 2, 4
_REFRESH = 41743


class Patterns(NamedTuple):
    """A pattern file: its settings, and for each action the flags and addresses of its patterns."""

    settings: dict[str, str]
    actions: dict[str, list[tuple[str, str]]]


def read_patterns(text: str) -> Patterns:
    """Return what a pattern file says. Raises ``ValueError`` for a line that REAPER would not know."""
    settings: dict[str, str] = {}
    actions: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        name, *rest = words
        if len(rest) == 1 and "/" not in rest[0]:
            settings[name] = rest[0]
            continue
        for pattern in rest:
            match = _PATTERN.fullmatch(pattern)
            if not match:
                raise ValueError(f"{pattern} is no pattern: a flag, then an address")
            actions.setdefault(name, []).append((match[1], match[2]))
    return Patterns(settings, actions)


def _message(flag: str, address: str, value: float | str) -> OscMessage:
    builder = OscMessageBuilder(address)
    builder.add_arg(str(value) if flag == "s" else float(value), "s" if flag == "s" else "f")
    return builder.build()


class OscDevice:
    """A REAPER's connection to one OSC device."""

    def __init__(self, reaper: Reaper, patterns: Path) -> None:
        self.reaper = reaper
        self.patterns = read_patterns(patterns.read_text("utf-8"))
        self._latest: dict[str, Any] = {}

    # REAPER to the device

    def feedback(self) -> list[bytes]:
        """Return the packets that tell what has changed since the last time: bundles of messages."""
        news = [
            (address, _message(flag, address, value))
            for flag, address, value in self._state()
            if self._latest.get(address, None) != value
        ]
        self._latest = {address: value for _, address, value in self._state()}
        packets: list[bytes] = []
        bundle = OscBundleBuilder(IMMEDIATELY)
        size = 16
        for _, message in news:
            if size + len(message.dgram) + 4 > MAX_PACKET_BYTES:
                packets.append(bundle.build().dgram)
                bundle, size = OscBundleBuilder(IMMEDIATELY), 16
            bundle.add_content(message)
            size += len(message.dgram) + 4
        return [*packets, bundle.build().dgram] if news else []

    def _state(self) -> Iterator[tuple[str, str, Any]]:
        project = self.reaper.project
        plays = project.playing
        values: dict[str, float] = {
            "TIME": project.cursor,
            "REPEAT": 0.0,
            "RECORD": float(bool(plays & _RECORDS)),
            "PLAY": float(bool(plays & _PLAYS)),
            "PAUSE": float(bool(plays & _PAUSES)),
            "STOP": float(not plays),
            "TEMPO": tempo_at(project, project.cursor),
            "LOOP_START_TIME": project.loop[0],
            "LOOP_END_TIME": project.loop[1],
        }
        for name, patterns in self.patterns.actions.items():
            for flag, address in patterns:
                if name in values and flag in "fbt":
                    yield flag, address, values[name]
                elif name.startswith("TRACK_") and "@" in address:
                    for number, track in enumerate(
                        project.tracks[: int(self.patterns.settings["DEVICE_TRACK_COUNT"])], 1
                    ):
                        value = track.name if name == "TRACK_NAME" else float(bool(track["I_SELECTED"]))
                        yield flag, address.replace("@", str(number)), value

    # The device to REAPER

    def receive(self, packet: bytes) -> None:
        """Do what a message asks for; a message that no pattern takes is an error here, REAPER would skip it."""
        message = OscMessage(packet)
        (value,) = message.params
        flags = {address: flag for flag, address in self.patterns.actions["ACTION"]}
        flag = flags.get(message.address)
        if flag == "i":
            assert value == _REFRESH, f"action {value}"
            self._latest = {}
        elif flag == "s":
            self._start(value)
        else:
            raise ValueError(f"no pattern takes {message.address} {message.params}")

    def _start(self, name: str) -> None:
        for path in list(self.reaper.command_ids):
            if name == f"_RS{hashlib.sha1(path.encode()).hexdigest()}":
                self.reaper.start(path)
                return
        raise ValueError(f"there is no action {name}")
