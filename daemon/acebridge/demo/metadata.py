"""What of a take's metadata the demo shows."""

from __future__ import annotations

from pydantic import BaseModel


class NamedSpan(BaseModel, frozen=True):
    """A chord or a section, in seconds."""

    name: str
    start_s: float
    end_s: float


class Metadata(BaseModel, frozen=True):
    """What an engine found or decided, 0 or empty where it does not say. ``confidence`` (0 to 1) is by tempo, key and meter."""

    bpm: float = 0.0
    keyscale: str = ""
    timesignature: int = 0
    confidence: dict[str, float] = {}
    chords: tuple[NamedSpan, ...] = ()
    sections: tuple[NamedSpan, ...] = ()
