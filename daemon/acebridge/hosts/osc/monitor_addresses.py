"""The addresses that play: a job while it is generated, stored audio, files; see `acebridge.hosts.osc.monitor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from acebridge.hosts.monitor.player import MAX_LEVEL_DB, MIN_LEVEL_DB, SOURCE, Player
from acebridge.hosts.osc.address import Address
from acebridge.hosts.osc.messages import Value
from acebridge.hosts.osc.monitor import Id, is_id
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.hosts.osc.bridge import Bridge
    from acebridge.hosts.osc.peer import Peer

#: Acts on the player with the values of a message.
Act = Callable[[Player, Sequence[Value]], None]
_PREFIX = "/acebridge/monitor/"


def _row(name: str, tags: str, arguments: tuple[str, ...], doc: str, act: Act, *, optional: int = 0) -> Address:
    path = _PREFIX + name

    def handle(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
        bridge.monitor.do(lambda player: act(player, values), partial(bridge.refuse_from_thread, peer, path))

    return Address(path, tags, arguments, doc, handle, optional=optional, button=not tags)


def _play(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    """Play what is named, or play on; a path must be one that the peer may use."""
    what, source, open_file = str(values[0] or ""), bridge.session.text("source"), bridge.file_opener(peer)

    def play(player: Player) -> None:
        if what:
            where = Id(what) if is_id(what) else open_file(what, "what to play")
            beside = Id(source) if is_id(source) else open_file(source, "source") if source else None
            bridge.monitor.play(player, where, beside)
        else:
            player.play()

    bridge.monitor.do(play, partial(bridge.refuse_from_thread, peer, f"{_PREFIX}play"))


def _follow(bridge: Bridge, peer: Peer, values: Sequence[Value]) -> None:
    on = _number("follow", values[0]) != 0
    refuse = partial(bridge.refuse_from_thread, peer, f"{_PREFIX}follow")
    bridge.monitor.do(lambda _: bridge.monitor.follow(on), refuse)


def _loop(player: Player, values: Sequence[Value]) -> None:
    if values[0] is None:
        player.unloop()
    else:
        player.loop(_number("loop start", values[0]), _number("loop end", values[1]))


def _number(name: str, value: Value) -> float:
    if not isinstance(value, (int, float)):
        raise InvalidValue(name, "empty", "a number")
    return value


def _select(player: Player, values: Sequence[Value]) -> None:
    player.select(int(_number("choice", values[0])))


MONITOR = (
    Address(
        f"{_PREFIX}play",
        "s",
        ("what",),
        "play a job, also while it runs, an asset (their ids) or a file (its path); without one, play on",
        _play,
        optional=1,
        button=True,
    ),
    _row("pause", "", (), "pause", lambda player, _: player.pause()),
    _row("stop", "", (), "stop, and go back to the start", lambda player, _: player.stop()),
    _row(
        "seek",
        "f",
        ("seconds",),
        "go to a time of the source",
        lambda player, values: player.seek(_number("position", values[0])),
    ),
    _row("loop", "ff", ("start", "end"), "repeat a region, in seconds; without it, repeat nothing", _loop, optional=2),
    _row(
        "level",
        "f",
        ("db",),
        f"set the level, {MIN_LEVEL_DB:g} to {MAX_LEVEL_DB:g} dB",
        lambda player, values: player.set_level(_number("level", values[0])),
    ),
    _row(
        "device",
        "s",
        ("device",),
        "play on another device: a part of its name, or its number",
        lambda player, values: player.set_device(str(values[0] or "")),
    ),
    _row(
        "select",
        "i",
        ("choice",),
        f"change to the session's source ({SOURCE}) or to a take (from 1) at the same place, equally loud",
        _select,
    ),
    Address(
        f"{_PREFIX}follow", "i", ("on",), "1: keep to the position of the DAW that is followed; 0: no more", _follow
    ),
)
