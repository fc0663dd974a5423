"""The fields of a part as the wire contract wants them: checked, filled from what earlier parts found, formats added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS
from daemon.edge.convert import fill, request_type
from daemon.reaper.request import Part, Request

#: Facts that say what music should be, each the field of ``music`` with its name.
_MUSIC_FACTS = ("caption", "lyrics", "language", "bpm", "keyscale", "timesignature")


def check_parts(request: Request) -> None:
    """Raise `InvalidValue` for the first thing that the contract does not know, or cannot hold."""
    for number, part in enumerate(request.parts):
        if part.task not in TASKS:
            raise InvalidValue(f"parts[{number}].task", part.task, ", ".join(TASKS))
        if part.source is not None and not _has(part.task, "source"):
            raise InvalidValue(f"parts[{number}].source", str(part.source.file), f"none: {part.task} works on no file")
        if part.source is None and _has(part.task, "source"):
            raise InvalidValue(f"parts[{number}].source", "nothing", f"a file: {part.task} works on one")
        if makes_audio(part) and request.media is None:
            raise InvalidValue("media.folder", "nothing", "the full path of a folder, for the audio that is made")
        _check_fields(f"parts[{number}].fields", part.task, complete_fields(request, part, {}))
        _check_fields(f"parts[{number}].fields", part.task, {"submission": submission(request, part)})


def makes_audio(part: Part) -> bool:
    """Return whether audio comes back, and not only facts."""
    return _has(part.task, "output")


def submission(request: Request, part: Part) -> dict[str, Any]:
    """Return how a part is queued, its engine among it."""
    return {"engine": request.engine, **_group(part.fields, "submission")}


def complete_fields(request: Request, part: Part, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields to send: those of the part, then ``facts``, then the format of the media."""
    fields = {name: value for name, value in part.fields.items() if name != "submission"}
    if makes_audio(part):
        fields["output"] = {"encoding": request.format, **_given(_group(fields, "output"))}
    if _has(part.task, "music"):
        found = {name: facts[name] for name in _MUSIC_FACTS if facts.get(name) not in (None, "")}
        if music := {**found, **_given(_group(fields, "music"))}:
            fields["music"] = music
    if _has(part.task, "duration_s") and fields.get("duration_s") is None and facts.get("duration"):
        fields["duration_s"] = facts["duration"]
    return fields


def _has(task: str, name: str) -> bool:
    return name in request_type(task).DESCRIPTOR.fields_by_name


def _group(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = fields.get(name)
    return group if isinstance(group, Mapping) else {}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _check_fields(place: str, task: str, fields: Mapping[str, Any], message: Any = None) -> None:
    for name, value in fields.items():
        message = request_type(task)()
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None or name == "source":
            known = ", ".join(n for n in message.DESCRIPTOR.fields_by_name if n not in ("source", "submission"))
            raise InvalidValue(f"{place}.{name}", value, f"no such field; {task} has {known}")
        try:
            fill(message, {name: value}, TASKS[task], prefix=f"{place}.")
        except KeyError as error:
            raise InvalidValue(f"{place}.{name}", str(error.args[0]), "what the contract knows") from error
        except (TypeError, AttributeError) as error:
            raise InvalidValue(f"{place}.{name}", value, "a value of another type") from error
