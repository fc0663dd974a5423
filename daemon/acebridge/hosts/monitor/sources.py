"""Files and stored audio as recordings: each is decoded by a thread of its own, so that it plays at once."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from acebridge.errors import Busy
from acebridge.hosts.monitor.recording import FRAME_BYTES, Recording
from acestep_runtime.audio import decode

#: What is left free on the disk, for other programs.
_SPARE_BYTES = 1 << 28

#: Gets a sentence about a recording that ends early.
Warn = Callable[[str], None]


def check_room(name: str, frames: int) -> None:
    """Raise `Busy` for audio that would fill the disk of the temporary files: a day of it takes 33 GB."""
    need, free = frames * FRAME_BYTES, shutil.disk_usage(tempfile.gettempdir()).free
    if need + _SPARE_BYTES > free:
        raise Busy(
            f"{name} takes {need / 1e9:.1f} GB in {tempfile.gettempdir()} while it plays, where {free / 1e9:.1f} GB are free.",
            remedy="Set TMPDIR to a folder on a larger disk, or cut the file.",
        )


def load_file(path: Path, warn: Warn, *, name: str = "") -> Recording:
    """Return the audio of a file, which comes in while it is decoded. Raises `UnreadableAudio`, and `Busy` without room."""
    info = decode.measure(path, field="file")
    check_room(name or path.name, info.frames)
    recording = Recording(name or path.name, info.sample_rate, info.frames)
    threading.Thread(target=_decode, args=(path, recording, warn), name="monitor decoder", daemon=True).start()
    return recording


def load_asset(data: Iterable[bytes], warn: Warn, *, name: str, start_frame: int = 0, role: str = "mix") -> Recording:
    """Return the audio of a stored file, whose bytes are fetched first. Raises `UnreadableAudio`, and what ``data`` raises."""
    with tempfile.NamedTemporaryFile(prefix="acebridge-", delete=False) as file:
        path = Path(file.name)
    try:
        with path.open("wb") as out:
            out.writelines(data)
        info = decode.measure(path, field="asset", name=name)
    except BaseException:
        path.unlink()
        raise
    recording = Recording(name, info.sample_rate, info.frames, start_frame=start_frame, role=role)
    arguments = (path, recording, warn, path.unlink)
    threading.Thread(target=_decode, args=arguments, name="monitor decoder", daemon=True).start()
    return recording


def _decode(path: Path, recording: Recording, warn: Warn, after: Callable[[], None] = lambda: None) -> None:
    """Write the audio of a file into a recording; leave it at what could be read."""
    from acestep_runtime.errors import AceStepError

    try:
        at = 0
        for block in decode.blocks(path, name=recording.name):
            if recording.is_closed:
                return
            recording.write(at, block)
            at += len(block)
    except (AceStepError, OSError) as error:
        if not recording.is_closed:  # else nobody waits for the rest of it
            warn(str(error))
    finally:
        if not recording.complete:
            recording.end()
        after()
