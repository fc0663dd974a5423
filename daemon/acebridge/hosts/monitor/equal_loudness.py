"""Gains at which recordings are equally loud, so that A/B compares the music and not the level."""

from __future__ import annotations

from collections.abc import Mapping

from acebridge.hosts.monitor.recording import Recording
from acestep_runtime.audio.loudness import equal_levels_db
from acestep_runtime.units import db_to_gain


def equal_gains(recordings: Mapping[int, Recording]) -> dict[int, float]:
    """Return the linear gain of each recording that is not 1.

    Complete recordings of one role are made equally loud: see `equal_levels_db`. A stem is not compared with a mix: it is as
    loud as it is in the mix.
    """
    gains: dict[int, float] = {}
    for role in {recording.role for recording in recordings.values()}:
        loudness = {
            number: recording.lufs
            for number, recording in recordings.items()
            if recording.role == role and recording.lufs is not None
        }
        levels_db = dict(zip(loudness, equal_levels_db(list(loudness.values())), strict=True))
        gains |= {number: db_to_gain(db) for number, db in levels_db.items() if db < 0}
    return gains
