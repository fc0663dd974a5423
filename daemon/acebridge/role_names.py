"""What the roles of outputs are called on tracks."""

from __future__ import annotations

from acestep_runtime.values import OTHER, TRACKS

#: Roles that are tracks of their own, in plain words.
ROLE_NAMES = {
    **{track: track.replace("_", " ").capitalize() for track in TRACKS},
    "fx": "FX",
    OTHER: "Other",
}
