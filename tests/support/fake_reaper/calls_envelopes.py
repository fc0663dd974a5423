"""Envelopes of takes and tracks: finding, points, chunks, and the actions that make one: a take has none until then."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.calls_project import ACTIONS
from tests.support.fake_reaper.calls_tracks import at
from tests.support.fake_reaper.state import ENVELOPES, Envelope, Take

Call = Any
_NAMES = {kind: name for name, kind in ENVELOPES.items()}
_NEUTRAL = {"Volume": 1.0, "Pan": 0.0, "Mute": 1.0, "Pitch": 0.0}


@api("CountTakeEnvelopes")
def count_take_envelopes(_r: Call, take: Take) -> int:
    return len(take.envelopes)


@api("GetTakeEnvelope")
def get_take_envelope(_r: Call, take: Take, index: int) -> Any:
    return at(take.envelopes, index)


@api("GetTakeEnvelopeByName")
def get_take_envelope_by_name(_r: Call, take: Take, name: str) -> Any:
    return next((envelope for envelope in take.envelopes if get_envelope_name(_r, envelope)[1] == name), None)


@api("GetEnvelopeName")
def get_envelope_name(_r: Call, envelope: Envelope) -> tuple[bool, str]:
    return True, envelope.name if envelope.fx is not None else _NAMES.get(envelope.kind, envelope.kind)


@api("Envelope_GetParentTake")
def envelope_get_parent_take(r: Call, envelope: Envelope) -> tuple[Any, int, int]:
    """The take, and for a parameter the numbers of its effect and its own, otherwise -1."""
    takes = (take for project in r.projects for item in project.items() for take in item.takes)
    take = next((take for take in takes if any(envelope is each for each in take.envelopes)), None)
    if take is None or envelope.fx is None:
        return take, -1, -1
    return take, next(i for i, fx in enumerate(take.fx) if fx is envelope.fx), envelope.parameter


@api("TakeFX_GetEnvelope")
def take_fx_get_envelope(_r: Call, take: Take, index: int, parameter: int, create: bool) -> Any:
    """The envelope of a parameter; with ``create`` a new one, at 0, where there is none."""
    fx = at(take.fx, index)
    if fx is None:
        return None
    found = next((each for each in take.envelopes if each.fx is fx and each.parameter == parameter), None)
    if found is None and create:
        found = Envelope(f"Parameter {parameter} / {fx.name}", [(0.0, 0.0)], fx=fx, parameter=parameter)
        take.envelopes.append(found)
    return found


@api("CountEnvelopePoints")
def count_envelope_points(_r: Call, envelope: Envelope) -> int:
    return len(envelope.points)


@api("GetEnvelopePoint")
def get_envelope_point(_r: Call, envelope: Envelope, index: int) -> tuple[bool, float, float, int, float, bool]:
    if not 0 <= index < len(envelope.points):
        return False, 0.0, 0.0, 0, 0.0, False
    return True, *envelope.points[index], 0, 0.0, False


@api("SetEnvelopePoint")
def set_envelope_point(
    _r: Call, envelope: Envelope, index: int, time: float | None, value: float | None, *more: Any
) -> bool:
    """Without ``noSort`` the points are sorted at once, so that the numbers of later ones may change."""
    if not 0 <= index < len(envelope.points):
        return False
    old = envelope.points[index]
    envelope.points[index] = (old[0] if time is None else time, old[1] if value is None else value)
    if not more[-1]:
        envelope.points.sort()
    return True


@api("InsertEnvelopePoint")
def insert_envelope_point(
    _r: Call, envelope: Envelope, time: float, value: float, shape: int, _tension: float, _selected: bool, raw: Any
) -> bool:
    """Straight lines only. With ``raw`` the points are not sorted until Envelope_SortPoints."""
    if shape != 0:
        raise ApiMisuse(f"InsertEnvelopePoint: shape {shape} is not played by this fake (only 0)")
    envelope.points.append((time, value))
    if not raw:
        envelope.points.sort()
    return True


@api("DeleteEnvelopePointRange")
def delete_envelope_point_range(_r: Call, envelope: Envelope, start: float, end: float) -> bool:
    kept = [point for point in envelope.points if not start <= point[0] < end]
    found = len(kept) < len(envelope.points)
    envelope.points = kept
    return found


@api("Envelope_SortPoints")
def envelope_sort_points(_r: Call, envelope: Envelope) -> bool:
    envelope.points.sort()
    return True


@api("GetEnvelopeStateChunk")
def get_envelope_state_chunk(_r: Call, envelope: Envelope, _text: str, _undo: bool) -> tuple[bool, str]:
    points = [f"PT {time!r} {value!r} 0" for time, value in envelope.points]
    head = [_first_line(envelope), "EGUID {0}", f"ACT {int(envelope.is_active)} -1", "VIS 1 1 1"]
    return True, "\n".join([*head, *points, ">", ""])


def _first_line(envelope: Envelope) -> str:
    return f"<{envelope.kind}" if envelope.fx is None else f"<{envelope.kind} {envelope.parameter} 0 1 0.5"


@api("SetEnvelopeStateChunk")
def set_envelope_state_chunk(_r: Call, envelope: Envelope, text: str, _undo: bool) -> bool:
    """A chunk of another kind of envelope is refused; one with the identity of another envelope makes it a twin."""
    if "EGUID" in text:
        raise ApiMisuse("SetEnvelopeStateChunk: two envelopes have one EGUID")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != _first_line(envelope).split() or lines[-1] != [">"]:
        return False
    envelope.points = [(float(line[1]), float(line[2])) for line in lines if line[0] == "PT"]
    envelope.is_active = next((line[1] != "0" for line in lines if line[0] == "ACT"), True)
    return True


def _toggle(name: str) -> Any:
    def toggle(_r: Call, project: Any) -> None:
        for take in [item.active for item in project.items() if item["B_UISEL"] and item.active]:
            found = [envelope for envelope in take.envelopes if envelope.kind == ENVELOPES[name]]
            for envelope in found:
                take.envelopes.remove(envelope)
            if not found:
                take.envelopes.append(Envelope(name, [(0.0, _NEUTRAL[name])]))

    return toggle


#: "Take: Toggle take volume / pan / mute / pitch envelope", for the active takes of the selected items.
ACTIONS.update({40693: _toggle("Volume"), 40694: _toggle("Pan"), 40695: _toggle("Mute"), 41612: _toggle("Pitch")})
