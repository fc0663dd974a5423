"""Stays connected to Pro Tools: says what is selected, and runs the tasks that memory locations ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from acebridge.errors import AceBridgeError, ErrorReason, JobFailed, reason_of
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import CommandRefusal, ProToolsLoss
from acebridge.hosts.protools.locations import Wish, fail, finish, order_of, read_wishes, recall
from acebridge.hosts.protools.run import Order, Outcome
from acebridge.hosts.protools.session import Session, Span, Track, read_session, read_span, read_tracks
from acestep_runtime.errors import AceStepError

_LOOK_S, _AGAIN_S = 0.5, 2.0
Say = Callable[[str], None]
Run = Callable[[ProTools, Order], Outcome]


def watch(port: int, run: Run, say: Say) -> None:
    """Watch until Ctrl-C; a Pro Tools that ends or is not there yet is waited for.

    Raises `JobFailed` for one that is too old, and when a job is cancelled by Ctrl-C.
    """
    said = ""
    while True:
        absence = _watch_until_gone(port, run, say)
        if absence != said:
            say(f"{absence} Waiting for it.")
        said = absence
        time.sleep(_AGAIN_S)


def _watch_until_gone(port: int, run: Run, say: Say) -> str:
    """Watch as long as Pro Tools answers; return why it does not."""
    try:
        with ProTools(port) as pro:
            return _watch(pro, run, say)
    except JobFailed as error:
        if error.kind not in (ErrorReason.UNAVAILABLE, ErrorReason.TIMED_OUT, ErrorReason.BUSY):
            raise
        return error.message


def _watch(pro: ProTools, run: Run, say: Say) -> NoReturn:
    said = ""
    granted: set[Wish] = set()  # a location that cannot be removed asks once
    while True:
        try:
            line = describe(read_session(pro), read_span(pro), read_tracks(pro))
            wishes = read_wishes(pro)
        except JobFailed as error:
            if error.kind is not ErrorReason.CONFLICT:  # no session is open
                raise
            line, wishes = error.message, []
        if line != said:
            say(line)
            said = line
        granted &= {*wishes}
        for wish in wishes:
            if wish not in granted:
                granted.add(wish)
                grant(pro, wish, run, say)
        time.sleep(_LOOK_S)


def describe(session: Session, span: Span, tracks: list[Track]) -> str:
    """Return what is selected, in a line."""
    names = ", ".join(track.name for track in tracks if track.selected) or "no track"
    start_s, stop_s = span.start / session.rate_hz, span.stop / session.rate_hz
    where = f"{start_s:.3f} to {stop_s:.3f} s" if span else f"{start_s:.3f} s"
    return f"{session.name}, {session.rate_hz} Hz: {where} on {names}"


def grant(pro: ProTools, wish: Wish, run: Run, say: Say) -> None:
    """Run what a memory location asks for; it is gone then, or says why it failed. Raises `JobFailed` when Ctrl-C ended it."""
    say(f"memory location {wish.number}: {wish.words}")
    try:
        recall(pro, wish)
        outcome = run(pro, order_of(wish.words))
    except ProToolsLoss:
        raise
    except (AceBridgeError, AceStepError, OSError) as error:
        say(str(error))
        with suppress(JobFailed):
            fail(pro, wish, error)
        if reason_of(error) is ErrorReason.CANCELLED:
            raise
        return
    for clip in outcome.clips:
        say(f"{clip.track}: {clip.frames} samples at {clip.sample}")
    try:
        finish(pro, wish, outcome)
    except CommandRefusal as error:
        say(str(error))
