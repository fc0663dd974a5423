"""Envelopes of takes: points at times of their own, chunks, and the actions that make one. Nothing plays them."""

from __future__ import annotations

import re
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.calls_project import ACTIONS
from tests.support.fake_reaper.calls_tracks import at
from tests.support.fake_reaper.state import Envelope, Take

Call = Any
_CHUNKS = {"Volume": "VOLENV", "Pan": "PANENV", "Mute": "MUTEENV", "Pitch": "PITCHENV"}


@api("GetTakeEnvelope")
def get_take_envelope(_r: Call, take: Take, index: int) -> Any:
    return at(take.envelopes, index)


@api("GetTakeEnvelopeByName")
def get_take_envelope_by_name(_r: Call, take: Take, name: str) -> Any:
    return next((envelope for envelope in take.envelopes if envelope.name == name), None)


@api("GetEnvelopeName")
def get_envelope_name(_r: Call, envelope: Envelope) -> tuple[bool, str]:
    return True, envelope.name


@api("CountEnvelopePoints")
def count_envelope_points(_r: Call, envelope: Envelope) -> int:
    return len(envelope.points)


@api("GetEnvelopePoint")
def get_envelope_point(_r: Call, envelope: Envelope, index: int) -> tuple[bool, float, float, int, float, bool]:
    point = at(envelope.points, index)
    return (False, 0.0, 0.0, 0, 0.0, False) if point is None else (True, *point, 0, 0.0, False)


@api("SetEnvelopePoint")
def set_envelope_point(
    _r: Call, envelope: Envelope, index: int, time: float | None, value: float | None, *more: Any
) -> bool:
    """Without ``noSort`` the points are sorted at once, so that the numbers of later ones may change."""
    old = at(envelope.points, index)
    if old is None:
        return False
    envelope.points[index] = (old[0] if time is None else time, old[1] if value is None else value)
    if not more[-1]:
        envelope.points.sort()
    return True


@api("Envelope_SortPoints")
def envelope_sort_points(_r: Call, envelope: Envelope) -> bool:
    envelope.points.sort()
    return True


@api("GetEnvelopeStateChunk")
def get_envelope_state_chunk(_r: Call, envelope: Envelope, _buffer: str, _undo: bool) -> tuple[bool, str]:
    lines = [f"PT {time!r} {value!r} 0" for time, value in envelope.points]
    head = [f"<{_CHUNKS.get(envelope.name, 'PARMENV')}", "EGUID {0}", "ACT 1 -1", "VIS 1 1 1"]
    return True, "\n".join([*head, *lines, ">", ""])


@api("SetEnvelopeStateChunk")
def set_envelope_state_chunk(_r: Call, envelope: Envelope, chunk: str, _undo: bool) -> bool:
    """A chunk of another kind of envelope is not taken; one with the identity of another envelope makes it a twin."""
    if not chunk.startswith(f"<{_CHUNKS.get(envelope.name, 'PARMENV')}\n"):
        return False
    if "EGUID" in chunk:
        raise ApiMisuse("SetEnvelopeStateChunk: two envelopes have one EGUID")
    envelope.points = [(float(t), float(v)) for t, v in re.findall(r"^PT (\S+) (\S+)", chunk, re.MULTILINE)]
    return True


def _toggle(name: str) -> Any:
    def toggle(_r: Call, project: Any) -> None:
        for item in project.items():
            take = item.active
            if not item["B_UISEL"] or take is None:
                continue
            found = next((envelope for envelope in take.envelopes if envelope.name == name), None)
            if found:
                take.envelopes.remove(found)
            else:
                take.envelopes.append(Envelope(name, [(0.0, 1.0)]))

    return toggle


#: "Take: Toggle take volume / pan / mute / pitch envelope", for the active takes of the selected items.
ACTIONS.update({40693: _toggle("Volume"), 40694: _toggle("Pan"), 40695: _toggle("Mute"), 41612: _toggle("Pitch")})
