"""Playing to the end in a terminal: keys, a line that shows where it is, and what went wrong at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from acestep_runtime.errors import AceStepError, InvalidValue, printable

if TYPE_CHECKING:
    from acebridge.cli.keys import ReadKey
    from acebridge.client.client import Client
    from acebridge.hosts.monitor.job_audio import JobAudio
    from acebridge.hosts.monitor.player import Player
    from acebridge.hosts.monitor.status import Status, Underruns

KEYS = "space: pause, left and right: 5 s, 0-9: source or take, q: end"
_STEP_S = 5.0
_SHOW_S = 0.1


def warn(text: str) -> None:
    """Print a sentence to standard error."""
    typer.echo(f"warning: {printable(text, 1000)}", err=True)


class Listening(NamedTuple):
    """A player with its stream open, and what hands it the audio of a job."""

    player: Player
    audio: JobAudio


@contextmanager
def listen_to_job(client: Client, source: Path | None) -> Iterator[Listening | None]:
    """Give what plays a job that is about to run, with its source to compare; ``None``, after a warning, without sound."""
    from acebridge.hosts.monitor.device import LOADED_LATENCY_S, NoSound
    from acebridge.hosts.monitor.job_audio import JobAudio
    from acebridge.hosts.monitor.load import add_file
    from acebridge.hosts.monitor.player import SOURCE, Player

    with Player(latency_s=LOADED_LATENCY_S) as player:
        audio = JobAudio(player, client.download, warn)
        try:
            player.play()
        except NoSound as error:
            warn(str(error))
            yield None
            return
        if source is not None:
            with suppress(AceStepError):  # the daemon says better what is wrong with it
                add_file(player, source, warn, SOURCE)
        yield Listening(player, audio)


def play_to_end(player: Player) -> None:
    """Play until the music ends, somebody ends it, or the device is gone; then report underruns. Keys work in a terminal."""
    from acebridge.cli.keys import read_keys

    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if terminal:
        typer.echo(KEYS, err=True)
    try:
        with read_keys() if terminal else nullcontext() as read_key:
            while not player.wait(0 if read_key else None):
                if read_key is not None:
                    _show(player.status())
                    if not _obey(player, read_key):
                        break
    except KeyboardInterrupt:
        pass  # the music is over; what made it is done
    finally:
        if terminal:
            typer.echo("", err=True)
    report = underrun_report(player.status().underruns)
    if report:
        warn(report)


def _obey(player: Player, read_key: ReadKey) -> bool:
    """Wait a moment for a key and do what it says; return whether to play on."""
    from acebridge.hosts.monitor.status import State

    key, status = read_key(_SHOW_S), player.status()
    if key in ("left", "right"):
        player.seek(max(status.start_s, status.position_s + (_STEP_S if key == "right" else -_STEP_S)))
    elif key == " ":
        if status.state is State.playing:
            player.pause()
        else:
            player.play()
    elif key.isdecimal() and key.isascii():
        try:
            player.select(int(key))
        except InvalidValue as error:
            typer.echo(f"\r\x1b[K{error}", err=True)
    return key not in ("q", "\x1b", "\x03")


def _show(status: Status) -> None:
    position, end = (_clock(time_s) for time_s in (status.position_s, status.end_s))
    line = f"{status.state.value} {position} of {end}  {status.choice}: {printable(status.name, 40)}"
    underruns = f"  underruns: {status.underruns.ring}" if status.underruns.ring else ""
    sys.stderr.write(f"\r\x1b[K{line}{underruns}")
    sys.stderr.flush()


def _clock(time_s: float) -> str:
    """Return a time in minutes and seconds."""
    sign, tenths = "-" if time_s < 0 else "", round(abs(time_s) * 10)
    return f"{sign}{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def underrun_report(underruns: Underruns) -> str:
    """Return what a person should know of underruns; empty if there were none."""
    parts = []
    if underruns.ring:
        parts.append(f"there was nothing to play {_times(underruns.ring)}, {underruns.missing_s:.1f} s in all")
    if underruns.device:
        parts.append(f"the device was served too late {_times(underruns.device)} (a longer --latency helps)")
    return f"Underruns: {'; '.join(parts)}." if parts else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
