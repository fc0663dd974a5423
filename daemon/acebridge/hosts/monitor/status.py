"""What a player does, as a value that any thread may keep."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(str, Enum):
    """What the player does. It waits when it plays and the audio is still to come."""

    stopped = "stopped"
    playing = "playing"
    paused = "paused"
    ended = "ended"


class Underruns(NamedTuple):
    """How often there was nothing to play, for how long, and how often the device was asked too late."""

    ring: int = 0
    missing_s: float = 0.0
    device: int = 0


class Status(NamedTuple):
    """What the player does now. Times in seconds on the time line of the source."""

    state: State
    choice: int
    name: str
    position_s: float
    start_s: float
    end_s: float
    level_db: float
    underruns: Underruns
