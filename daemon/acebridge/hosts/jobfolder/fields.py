"""The fields of a part as the wire contract wants them: checked, filled from the metadata of earlier parts, formats added.

Tasks are loaded only to say what is wrong: a command that a person waits for starts sooner without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from acebridge.contract.enums import enum_names, unprefixed
from acebridge.contract.fields import fill
from acebridge.contract.tasks import RPCS, request_type
from acebridge.hosts.jobfolder.request import Part, Request
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from google._upb import _message as upb
    from pydantic import JsonValue

#: Metadata that says what music should be, each the field of ``music`` with its name.
_MUSIC_METADATA = ("caption", "lyrics", "language", "bpm", "keyscale", "timesignature")
_WHOLE_NUMBERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)


def check_parts(request: Request) -> None:
    """Raise `InvalidValue` for the first thing that the contract does not know, or cannot hold."""
    for number, part in enumerate(request.parts):
        place = f"parts[{number}]"
        if part.task not in RPCS.values():
            raise InvalidValue(f"{place}.task", part.task, ", ".join(RPCS.values()))
        if part.source is not None and not _has(part.task, "source"):
            raise InvalidValue(f"{place}.source", "given", f"none: {part.task} works on no file")
        if part.source is None and _has(part.task, "source"):
            raise InvalidValue(f"{place}.source", "nothing", f"a file: {part.task} works on one")
        if makes_audio(part) and request.media is None:
            raise InvalidValue("media.folder", "nothing", "the full path of a folder, for the audio that is made")
        if "source" in part.fields:
            raise InvalidValue(f"{place}.fields.source", part.fields["source"], f"no such field; write {place}.source")
        message_of(request, number, {})


def makes_audio(part: Part) -> bool:
    """Return whether audio comes back, and not only metadata."""
    return _has(part.task, "output")


def message_of(request: Request, number: int, metadata: Mapping[str, JsonValue]) -> Any:
    """Return the request message of a part, without its source.

    What is not given is taken from ``metadata``, and the format from that of the media. Raises `InvalidValue`.
    """
    part, place = request.parts[number], f"parts[{number}].fields"
    message = request_type(part.task)()
    fields = _complete(part, _fitting(message.DESCRIPTOR, part.fields, place), metadata)
    if makes_audio(part):
        fields["output"] = _merge({"encoding": request.format}, fields.get("output"))
    submission = _fitting(message.submission.DESCRIPTOR, {"engine": request.engine})
    fields["submission"] = _merge(submission, fields.get("submission"))
    try:
        fill(message, fields, prefix=f"{place}.")
    except InvalidValue:
        from acestep_runtime.tasks import TASKS

        fill(message, fields, TASKS[part.task], prefix=f"{place}.")  # it says what is allowed more exactly
        raise
    return message


def _complete(part: Part, fields: Mapping[str, JsonValue], metadata: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the fields with what is not given among them taken from ``metadata``."""
    filled = dict(fields)
    if _has(part.task, "music"):
        found = {name: metadata[name] for name in _MUSIC_METADATA if metadata.get(name) not in (None, "")}
        filled["music"] = _merge(found, fields.get("music"))
    if _has(part.task, "duration_s") and "duration_s" not in fields and metadata.get("duration"):
        filled["duration_s"] = metadata["duration"]
    return filled


def _merge(defaults: Mapping[str, JsonValue], given: JsonValue) -> JsonValue:
    """Return an object with what is given in place of defaults."""
    return {**defaults, **(given if isinstance(given, dict) else {})}


def _has(task: str, name: str) -> bool:
    return name in request_type(task).DESCRIPTOR.fields_by_name


def _fitting(
    descriptor: Descriptor | upb.Descriptor, fields: JsonValue | Mapping[str, JsonValue], place: str = ""
) -> dict[str, JsonValue]:
    """Return what is given of JSON fields as `fill` takes it: enums without their prefix, whole numbers as such.

    Texts that are empty are not given, as in the contract. Raises `InvalidValue` for fields that there are not.
    """
    if not isinstance(fields, Mapping):
        raise InvalidValue(place, fields, "an object")
    fitting: dict[str, JsonValue] = {}
    for name, value in fields.items():
        field, where = descriptor.fields_by_name.get(name), f"{place}.{name}".lstrip(".")
        if field is None:
            raise InvalidValue(where, value, f"one of the fields {', '.join(descriptor.fields_by_name)}")
        if value in (None, ""):
            continue
        if not field.is_repeated:
            fitting[name] = _item(field, value, where)
        elif isinstance(value, list):
            fitting[name] = [_item(field, item, f"{where}[{number}]") for number, item in enumerate(value)]
        else:
            raise InvalidValue(where, value, "a list")
    return fitting


def _item(field: FieldDescriptor | upb.FieldDescriptor, value: JsonValue, where: str) -> JsonValue:
    if field.message_type is not None:
        return _fitting(field.message_type, value, where)
    if field.type in _WHOLE_NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if field.enum_type is None:
        return value
    names = enum_names(field.enum_type)
    name = unprefixed(field.enum_type, value) if isinstance(value, str) else value
    if name not in names:
        raise InvalidValue(where, value, ", ".join(names))
    return name
