"""Between a DAW and the bridge: one UDP socket.

The socket takes what the DAW and its hook send, asks the DAW for more when it is silent, and sends each field of the session
that has changed to the bridge. A bridge that was started again gets all fields again.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from acebridge.errors import AceBridgeError, InvalidSetting
from acebridge.hosts.osc.messages import Argument, BadPacket, Message, decode, encode
from acebridge.hosts.osc.surface_addresses import ACTION, PLAYING, POSITION, TEXT
from acebridge.hosts.osc.surfaces.timeline import Fields, Timeline, describe, session_fields
from acestep_runtime.errors import AceStepError

Place: TypeAlias = "tuple[str, int]"

LOOPBACK = "127.0.0.1"
#: Time between two looks at files and clocks.
_STEP_S = 0.05
#: A DAW that has been silent for so long is asked again; so is the bridge.
_SILENCE_S = 3.0
_BRIDGE_PREFIX, _HOOK_PREFIX = "/acebridge/", "/acebridge/ardour/"
_QUESTION = "/acebridge/session"
_ERROR = "/acebridge/error"


@dataclass(frozen=True)
class Surface:
    """A DAW's own OSC: where it listens, what is known of it at first, and how that changes.

    ``hello`` gives the packets that ask it to send, ``read`` what is known after a message, ``action`` what starts an action
    there, ``poll`` what is known after a look at its files; an equal result means that nothing has changed.

    With ``has_hook`` nothing is sent before the hook reports, and then whenever the surface is silent: Ardour's sends a
    heartbeat, and a message that arrives while Ardour still starts can leave its surface silent for good.
    """

    daw: Place
    timeline: Timeline
    hello: Callable[[], list[bytes]]
    read: Callable[[Timeline, str, tuple[Argument, ...]], Timeline]
    action: Callable[[Timeline, str], bytes]
    poll: Callable[[Timeline], Timeline] = lambda timeline: timeline
    has_hook: bool = False


class Follower:
    """The state of one run: what is known of the DAW, and which fields the bridge has."""

    def __init__(
        self,
        surface: Surface,
        bridge: Place,
        listen: int,
        say: Callable[[str], None],
    ) -> None:
        self._surface, self._bridge, self._say = surface, bridge, say
        self._timeline = surface.timeline
        self._fields: Fields = {}
        self._words = ""
        self._daw_at = self._hook_at = self._greeted_at = self._asked_at = float("-inf")
        self._bridge_at = time.monotonic()
        self._has_bridge: bool | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((LOOPBACK, listen))
        except OSError as error:
            self._socket.close()
            raise InvalidSetting(
                f"Port {listen} cannot be listened at: {error.strerror}.",
                remedy="End the program that has it, such as another `acebridge osc follow`, or choose another with --listen.",
            ) from error
        self._socket.settimeout(_STEP_S)

    @property
    def port(self) -> int:
        """The port that the DAW sends to."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def step(self) -> None:
        """Take what has arrived, or wait a moment for it; then do what the clock says."""
        # Windows reports a port where nobody listens at the next read.
        with contextlib.suppress(TimeoutError, ConnectionError):
            packet, sender = self._socket.recvfrom(65536)
            self._receive(packet, sender)
        self._change(self._surface.poll)
        self._ask()

    def _receive(self, packet: bytes, sender: Place) -> None:
        try:
            messages = decode(packet)
        except BadPacket as fault:
            self._say(f"A packet of {sender[0]}:{sender[1]}: {fault}")
            return
        for message in messages:
            if sender == self._bridge:
                self._read_bridge(message.address, message.arguments)
            elif not message.address.startswith(_BRIDGE_PREFIX) or message.address.startswith(_HOOK_PREFIX):
                if message.address.startswith(_HOOK_PREFIX):
                    self._hook_at = time.monotonic()
                else:
                    self._daw_at = time.monotonic()
                self._change(partial(self._read, message))

    def _read(self, message: Message, timeline: Timeline) -> Timeline:
        return self._surface.read(timeline, message.address, message.arguments)

    def _change(self, change: Callable[[Timeline], Timeline]) -> None:
        try:
            timeline = change(self._timeline)
        except (AceBridgeError, AceStepError) as error:
            self._report(str(error))
            return
        if timeline == self._timeline:
            return
        before, self._timeline = self._timeline, timeline
        for name, value in session_fields(timeline).items():
            if self._fields.get(name) != value or name not in self._fields:
                self._fields[name] = value
                self._send_field(name, value)
        if timeline.position_s not in (None, before.position_s):
            self._send(encode(POSITION, "d", timeline.position_s), self._bridge)
        if timeline.is_playing != before.is_playing:
            self._send(encode(PLAYING, "i", int(timeline.is_playing)), self._bridge)
        self._report(describe(timeline))

    def _report(self, words: str) -> None:
        if words != self._words:
            self._words = words
            self._say(words)
            self._send(encode(TEXT, "s", words), self._bridge)

    # The bridge

    def _send_field(self, name: str, value: str | float | int | None) -> None:
        tag = {type(None): "N", str: "s", int: "i", float: "d"}[type(value)]
        self._send(encode(f"/acebridge/session/{name}", tag, value), self._bridge)

    def _read_bridge(self, address: str, arguments: tuple[Argument, ...]) -> None:
        self._bridge_at = time.monotonic()
        if address == _ERROR:
            self._say(" ".join(str(argument) for argument in arguments))
        if address == ACTION and arguments:
            self._start_action(str(arguments[0]))
        if not self._has_bridge:
            self._has_bridge = True
            self._send_all()

    def _start_action(self, name: str) -> None:
        try:
            self._send(self._surface.action(self._timeline, name), self._surface.daw)
        except AceBridgeError as error:
            self._report(str(error))

    def _send_all(self) -> None:
        """Send what is known to a bridge that has just appeared.

        Without the token: any program of this machine can send what a DAW would, and so name a file.
        """
        for name, value in self._fields.items():
            self._send_field(name, value)
        self._send(encode(TEXT, "s", self._words), self._bridge)

    def _ask(self) -> None:
        """Ask the DAW to send when it is silent, and the bridge whether it is there."""
        now = time.monotonic()
        if self._is_silent(now) and now - self._greeted_at > _SILENCE_S:
            self._greeted_at = now
            for packet in self._surface.hello():
                self._send(packet, self._surface.daw)
        if now - self._asked_at < _SILENCE_S:
            return
        self._asked_at = now
        if self._has_bridge is not False and now - self._bridge_at > 2 * _SILENCE_S:
            self._has_bridge = False
            self._say(
                f"The bridge at {self._bridge[0]}:{self._bridge[1]} does not answer. Start `acebridge osc serve`."
            )
        self._send(encode(_QUESTION), self._bridge)

    def _is_silent(self, now: float) -> bool:
        """Return whether the DAW has to be asked to send."""
        if self._surface.has_hook:
            return now - self._hook_at < _SILENCE_S < now - self._daw_at
        return self._daw_at == float("-inf")

    def _send(self, packet: bytes, to: Place) -> None:
        # Nobody listens there yet: that shows in what does not come back.
        with contextlib.suppress(OSError):
            self._socket.sendto(packet, to)
