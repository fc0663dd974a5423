"""Playing along with a DAW: its position and its transport arrive now and then, the player keeps to them."""

from __future__ import annotations

import time
from collections.abc import Callable

from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.status import State

#: How far the player may be from the DAW before it jumps. Reports come ten times a second, and each is late by the network.
TOLERANCE_S = 0.06
#: A transport that reports nothing new for this long has stopped.
QUIET_S = 0.5


class DawFollower:
    """Keeps ``player`` at the position of a DAW while ``on``. What is heard then is what the DAW plays at that moment.

    A DAW reports positions (`report_position`), and if it can, whether it rolls (`report_transport`). Without the latter, a
    position that moves means that it rolls. Call `check` now and then: it stops the player when no reports come any more.
    """

    def __init__(self, player: Player, clock: Callable[[], float] = time.monotonic) -> None:
        self.on = False
        self._player, self._clock = player, clock
        self._position_s = 0.0
        self._when = -QUIET_S
        #: Whether the DAW says that it rolls; ``None`` while it has said nothing.
        self._rolls: bool | None = None

    def report_position(self, position_s: float) -> None:
        """Take the DAW's position. Raises `NoSound` and `InvalidValue`, as `Player` does."""
        moved = position_s != self._position_s
        self._position_s = position_s
        if not self.on:
            return
        if moved:
            self._when = self._clock()
        if self._rolls or (self._rolls is None and moved):
            self._keep(position_s)
        elif moved:
            self._player.seek(position_s)

    def report_transport(self, rolls: bool) -> None:
        """Take whether the DAW rolls. Raises `NoSound`."""
        self._rolls = rolls
        if not self.on:
            return
        if rolls:
            self._when = self._clock()
            self._keep(self._position_s)
        else:
            self._player.pause()

    def check(self) -> None:
        """Pause when the DAW has stopped without a word."""
        silent = self._clock() - self._when > QUIET_S
        if self.on and self._rolls is None and silent and self._player.status().state is State.playing:
            self._player.pause()

    def _keep(self, position_s: float) -> None:
        """Play what the DAW plays when the sound that is made now is heard."""
        wanted_s = position_s + self._player.latency_s
        status = self._player.status()
        if not status.start_s <= wanted_s < status.end_s:  # there is nothing to hear here
            self._player.pause()
            return
        if status.state is not State.playing or abs(status.position_s - wanted_s) > TOLERANCE_S:
            self._player.seek(wanted_s)
        self._player.play()
