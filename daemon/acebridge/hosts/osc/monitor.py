"""Listening from OSC: the player of a bridge, and what it reports.

Messages act in a thread of their own, in the order in which they came: opening a device and reading a file take a moment.
Another thread reports to the feedback addresses and keeps to the DAW.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acebridge.errors import AceBridgeError, Busy
from acebridge.hosts.monitor.follow_daw import DawFollower
from acebridge.hosts.monitor.load import JobFollower, add_asset, add_file, kind_of
from acebridge.hosts.monitor.player import SOURCE, Player
from acebridge.hosts.monitor.status import State, Status

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.hosts.osc.messages import Argument

#: Sends feedback: address, type tags, values.
Send = Callable[..., None]
Refuse = Callable[[Exception], None]

POSITION, STATE, UNDERRUNS = "/acebridge/monitor/position", "/acebridge/monitor/state", "/acebridge/monitor/underruns"
#: What is sent: path → tags, names of the arguments, meaning.
ANSWERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    POSITION: ("fff", ("seconds", "start", "end"), "where the monitor plays, ten times a second"),
    STATE: ("iss", ("choice", "state", "name"), "what the monitor plays: playing, paused, stopped or ended"),
    UNDERRUNS: (
        "iif",
        ("underruns", "device_underruns", "missing_s"),
        "how often it had nothing to play, how often the device was served too late, and how much was missing",
    ),
}
_REPORT_S = 0.1
#: Messages that wait for those before them.
MAX_WAITING = 256


class Id(NamedTuple):
    """The id of a job or an asset."""

    text: str


def is_id(name: str) -> bool:
    """Return whether a name is written as the id of a job or an asset."""
    return re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", name) is not None


class Monitor:
    """A player that is made when something is played. ``client`` connects to the daemon, ``send`` sends feedback.

    ``daw`` returns the position of the DAW that is followed in seconds and whether it rolls, as far as they are known.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        send: Send,
        daw: Callable[[], tuple[float | None, bool | None]],
        make_player: Callable[[], Player] = Player,
    ) -> None:
        self._client, self._send, self._daw, self._make_player = client, send, daw, make_player
        self._room = threading.BoundedSemaphore(MAX_WAITING)
        self._actions = ThreadPoolExecutor(1, thread_name_prefix="osc-monitor")
        self._player: Player | None = None
        self._follower: DawFollower | None = None
        self._job: JobFollower | None = None
        self._on_refusal: Refuse = lambda _: None
        self._end = threading.Event()
        self._reporter: threading.Thread | None = None
        self._reported: dict[str, tuple[Argument, ...]] = {}
        self._daw_before: tuple[float | None, bool | None] = (None, None)

    def do(self, act: Callable[[Player], None], refuse: Refuse) -> None:
        """Act on the player, after everything that came before; ``refuse`` gets what goes wrong, now and while it plays.

        Raises `Busy` when too much waits already.
        """
        if not self._room.acquire(blocking=False):
            raise Busy(f"{MAX_WAITING} messages to the monitor wait.", remedy="Send less often.")

        def run() -> None:
            self._room.release()
            self._on_refusal = refuse
            try:
                act(self._player_now())
            except Exception as error:  # whatever it is, somebody waits for an answer
                refuse(error)

        self._actions.submit(run)

    def play(self, player: Player, what: Path | Id, source: Path | Id | None) -> None:
        """Play a file, an asset or a job from its start, with ``source`` to compare, if there is one."""
        player.clear()
        self._job = self._add(player, what)
        if source is not None and source != what:
            self._add(player, source, SOURCE)
        player.play()

    def _add(self, player: Player, what: Path | Id, number: int | None = None) -> JobFollower | None:
        """Add it as a choice; return the follower of a job."""
        if isinstance(what, Path):
            add_file(player, what, self._warn, number)
        elif kind_of(what.text) == "job":
            return JobFollower(player, self._client(), what.text, self._warn)
        else:
            add_asset(player, self._client(), what.text, self._warn, number)
        return None

    def follow(self, on: bool) -> None:
        """Keep to the DAW's position, or no more."""
        if self._follower is not None:
            self._follower.on = on
            self._daw_before = (None, None)

    def close(self) -> None:
        """End the sound."""
        self._actions.shutdown(cancel_futures=True)
        self._end.set()
        if self._reporter is not None:
            self._reporter.join()
        if self._player is not None:
            self._player.close()

    def _player_now(self) -> Player:
        if self._player is None:
            self._player = self._make_player()
            self._follower = DawFollower(self._player)
            self._reporter = threading.Thread(target=self._report_on, name="osc-monitor-report", daemon=True)
            self._reporter.start()
        return self._player

    def _warn(self, text: str) -> None:
        self._on_refusal(AceBridgeError(text))

    def _report_on(self) -> None:
        while not self._end.wait(_REPORT_S):
            player, follower = self._player, self._follower
            if player is None or follower is None:
                continue
            try:
                self._keep_to_daw(follower)
                player.wait(0)  # raises when the device was lost
                if self._job is not None and self._job.error is not None:
                    error, self._job = self._job.error, None
                    self._on_refusal(error)
            except Exception as error:  # a report that fails must not end those that follow
                self._on_refusal(error)
            self._report(player.status())

    def _keep_to_daw(self, follower: DawFollower) -> None:
        position_s, rolls = now = self._daw()
        if follower.on and now != self._daw_before:
            if rolls is not None and rolls != self._daw_before[1]:
                follower.report_transport(rolls)
            if position_s is not None and position_s != self._daw_before[0]:
                follower.report_position(position_s)
        self._daw_before = now
        follower.check()

    def _report(self, status: Status) -> None:
        """Send what has changed."""
        if status.state is State.playing or POSITION not in self._reported:
            self._send_new(POSITION, "fff", status.position_s, status.start_s, status.end_s)
        self._send_new(STATE, "iss", status.choice, status.state.value, status.name)
        underruns = status.underruns
        self._send_new(UNDERRUNS, "iif", underruns.ring, underruns.device, underruns.missing_s)

    def _send_new(self, address: str, tags: str, *values: Argument) -> None:
        if self._reported.get(address) != values:
            self._reported[address] = values
            self._send(address, tags, *values)
