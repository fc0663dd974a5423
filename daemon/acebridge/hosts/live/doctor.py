"""What can be wrong between Live and the command, checked from the command's side."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from acebridge.errors import AceBridgeError
from acebridge.health_check import Finding
from acebridge.hosts.live.package import DEFAULT_URL, PACKAGE, check_package

#: How long a bridge may take to answer.
ANSWER_S = 10.0


def examine(_job: Path | None = None, url: str = DEFAULT_URL) -> list[Finding]:
    """Make the checks about Live: the package, and the bridge at ``url``."""
    try:
        check_package()
    except AceBridgeError as error:
        return [Finding("Live's package", False, error.message, error.remedy)]
    from ableton_extensions import __version__

    return [Finding("Live's package", True, f"{PACKAGE} {__version__}"), _bridge(url)]


def _bridge(url: str) -> Finding:
    from acebridge.hosts.live.run import no_bridge

    answers: queue.Queue[str | Exception] = queue.Queue()
    threading.Thread(target=_ask, args=(url, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_S)
    except queue.Empty:
        answer = TimeoutError(f"nothing is said within {ANSWER_S:.0f} s")
    if isinstance(answer, str):
        return Finding("Live", True, answer)
    fault = no_bridge(url)
    return Finding("Live", False, f"{fault.message} ({answer})", fault.remedy)


def _ask(url: str, answers: queue.Queue[str | Exception]) -> None:
    """Ask Live for its tempo and the number of its tracks."""
    from ableton_extensions import connect

    try:
        app = connect(url)
        transport, song = app.transport, app.song
        answers.put(
            f"bridge {transport.welcome.get('bridge')} with API {transport.host_api_version} at {url}; "
            f"{song.tempo:g} BPM, {len(song.tracks)} tracks"
        )
        app.close()
    except Exception as error:  # refused, no WebSocket, no bridge: the sentence says which
        answers.put(error)
