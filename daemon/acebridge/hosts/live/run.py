"""The program of ``acebridge live run``: waits for Live's bridge, then serves the actions until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

from ableton_extensions import AbletonError, BridgeConnectionError

from acebridge.errors import AceBridgeError
from acebridge.hosts.jobfolder.folders import clean
from acebridge.hosts.live.extension import PLACE_TITLE, Service, make_extension
from acebridge.hosts.live.job import jobs_folder
from acebridge.hosts.live.waiting import waiting_results
from acebridge.private_files import make_private_folder

_LOOK_S = 1.0
_KEEP_DAYS = 7.0


class NoLive(AceBridgeError):
    """What answers in place of Live's bridge is no bridge, or one that this version does not understand."""


def serve(url: str, service: Service, *, say: Callable[[str], None], wait: bool = True) -> None:
    """Serve the actions to the bridge at ``url`` until Ctrl-C; ``wait`` for it as long as none answers.

    Raises `NoLive`.
    """
    make_private_folder(jobs_folder())
    clean(jobs_folder(), _KEEP_DAYS)
    if waiting := waiting_results():
        say(f"{len(waiting)} results wait: run {PLACE_TITLE} in Live.")
    app = make_extension(url, service)
    waits = False
    try:
        while True:
            try:
                app.run()  # until Ctrl-C; it connects again alone
                return
            except AbletonError as error:
                if isinstance(error.__cause__, BridgeConnectionError):
                    raise _refuse(error.__cause__) from error
                if not wait:
                    raise no_bridge(url) from error
            if not waits:
                say(f"Waiting for Live's bridge at {url}.")
            waits = True
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        return


def no_bridge(url: str) -> NoLive:
    """Return the error for a bridge that does not answer."""
    return NoLive(
        f"No bridge of Live answers at {url}.",
        remedy="Start Live 12.4.5 Suite or newer; if the bridge is not in it yet, run `acebridge live install`.",
    )


def _refuse(error: BridgeConnectionError) -> NoLive:
    return NoLive(
        f"The bridge in Live cannot be used: {error}",
        remedy="Update Live and the package ableton-extensions, then run `acebridge live install` again.",
    )
