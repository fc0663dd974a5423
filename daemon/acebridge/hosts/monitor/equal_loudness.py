"""Gains at which recordings are equally loud, so that A/B compares the music and not the level."""

from __future__ import annotations

from collections.abc import Mapping

from acebridge.hosts.monitor.recording import Recording
from acestep_runtime.audio.loudness import SILENT_LUFS
from acestep_runtime.units import db_to_gain

#: Nothing is turned down by more: beside something next to silent, all else would vanish.
MAX_DB = 15.0


def equal_gains(recordings: Mapping[int, Recording]) -> dict[int, float]:
    """Return the linear gain of each recording that is not 1.

    Among complete recordings of one role, the louder ones are turned down to the quietest that is not `MAX_DB` below the
    loudest. Nothing is turned up, so nothing clips. A stem is not compared with a mix: it is as loud as it is in the mix.
    """
    gains: dict[int, float] = {}
    for role in {recording.role for recording in recordings.values()}:
        loudness = {
            number: recording.lufs
            for number, recording in recordings.items()
            if recording.role == role and recording.lufs is not None and recording.lufs > SILENT_LUFS
        }
        if not loudness:
            continue
        loudest = max(loudness.values())
        quietest = min(lufs for lufs in loudness.values() if lufs >= loudest - MAX_DB)
        gains |= {number: db_to_gain(quietest - lufs) for number, lufs in loudness.items() if lufs > quietest}
    return gains
