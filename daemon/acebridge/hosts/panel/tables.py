"""What the forms of the panel are made from: each task with its fields, their limits and defaults.

Everything comes from the messages of the contract and the dataclasses of the tasks. Here stand only the words of people for
them, and which fields come first.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from acebridge.colours import OTHER as OTHER_COLOUR
from acebridge.colours import SONG, TRACK_COLOURS
from acebridge.contract.comments import comments
from acebridge.contract.enums import enum_names
from acebridge.contract.tasks import METHODS
from acebridge.role_names import ROLE_NAMES
from acebridge.v1 import tasks_pb2
from acebridge.version import VERSION
from acestep_runtime.limits import limits_of
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import LANGUAGES, TRACKS, USUAL_VARIATION

if TYPE_CHECKING:
    from google._upb import _message as upb
    from pydantic import JsonValue

#: Fields that a form shows at once, in this order; the others are under "More".
FIRST = (
    "description", "music.caption", "music.lyrics", "music.chords", "tracks", "mode", "strength", "duration_s", "output.takes",
    "output.seeds", "seed", "sampling.model", "sampling.adapters", "thinking.plan_first", "instrumental", "midi",
    "contents", "voices",
)  # fmt: skip
#: Fields that are no inputs: the panel fills them from the source and the region, or from a take.
_FILLED = frozenset(
    ("submission", "source", "start_s", "end_s", "codes", "output.preview_id", "output.base_variations")
)  # fmt: skip
#: Names of fields for people, where the name on the wire does not say it.
_LABELS = {
    "music.bpm": "Tempo", "music.keyscale": "Key", "music.timesignature": "Meter", "output.seeds": "Seeds",
    "duration_s": "Length", "context_s": "Context", "crossfade_ms": "Crossfade", "sampling.dcw": "DCW",
    "sampling.dcw_strength": "DCW strength", "sampling.dcw_high_strength": "DCW strength, high",
    "sampling.vae": "VAE", "thinking.plan_first": "Thinking: plan the song first", "thinking.model": "Language model",
    "output.auto_lrc": "Time the lyrics", "output.auto_score": "Score the takes", "output.tries": "Best of",
    "output.preview_bars": "Preview", "output.keep_all": "Keep the others too", "thinking.top_k": "Top k",
    "thinking.top_p": "Top p", "mode": "How much may change", "midi": "MIDI file to follow", "guide": "How to follow it",
    "morph.mode": "Morph", "morph.caption": "Caption of the source", "morph.lyrics": "Lyrics of the source",
    "contents": "What it holds", "voices": "Notes at a time", "description": "What the song should be",
    "strength": "Strength",
}  # fmt: skip
_GROUPS = {
    "": "Task", "music": "Music", "output": "Result", "sampling": "Neural engine", "thinking": "Language model",
    "morph": "Morph", "submission": "Job",
}  # fmt: skip
_UNITS = {"duration_s": "s", "context_s": "s", "crossfade_ms": "ms", "music.bpm": "bpm", "output.preview_bars": "bars"}
_TASKS = {
    "text2music": "Text to music", "align_lyrics": "Time lyrics", "create_sample": "Write a song", "format_sample": "Format",
    "lego": "Add tracks", "complete": "Accompany", "extract": "Split into stems", "transcribe": "Write down notes",
}  # fmt: skip
#: From that length on a text gets several lines.
_LONG_TEXT = 1000
_WHOLE = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32)
#: Fields whose values the daemon knows: what is listed to choose from.
_LISTS = {
    "sampling.model": "models", "thinking.model": "language_models", "sampling.sampler": "samplers",
    "sampling.guidance_method": "guidance_methods", "music.language": "languages",
}  # fmt: skip


@cache
def tables() -> dict[str, JsonValue]:
    """Return what the panel's forms need to know: tasks with their fields, tracks, roles with colours, priorities."""
    roles: dict[str, JsonValue] = {
        role: {"label": ROLE_NAMES.get(role, role.capitalize()), "colour": colour}
        for role, colour in {**TRACK_COLOURS, "mix": SONG, "other": OTHER_COLOUR}.items()
    }
    return {
        "version": VERSION,
        "tasks": [_task(method.task, method.rpc, method.request.DESCRIPTOR) for method in METHODS],
        "groups": dict(_GROUPS),
        "tracks": list(TRACKS),
        "roles": roles,
        "priorities": list(enum_names(tasks_pb2.Priority.DESCRIPTOR)),
        "languages": list(LANGUAGES),
        "variation": USUAL_VARIATION,
    }


def _task(name: str, rpc: str, request: Descriptor | upb.Descriptor) -> dict[str, JsonValue]:
    kind = TASKS[name]
    fields = sorted(_fields(request, kind), key=_place)
    return {
        "name": name,
        "label": _TASKS.get(name, name.capitalize()),
        "about": _describe(f"TaskService.{rpc}"),
        "field": _request_field(request.name),
        "kind": kind.kind,
        "needs_source": kind.has("source"),
        "has_region": kind.has("start_s"),
        "reaches_past_source": name == "repaint",
        "has_seeds": kind.has("output") or kind.has("seed"),
        "fields": [dict(field) for field in fields],
    }


def _request_field(message: str) -> str:
    """Return the field of a TaskRequest that holds a message."""
    return next(
        field.name
        for field in tasks_pb2.TaskRequest.DESCRIPTOR.fields
        if field.message_type is not None and field.message_type.name == message
    )


def _place(field: Mapping[str, JsonValue]) -> int:
    return FIRST.index(path) if (path := str(field["path"])) in FIRST else len(FIRST)


def _fields(
    message: Descriptor | upb.Descriptor, kind: type | None, prefix: str = ""
) -> Iterator[dict[str, JsonValue]]:
    """Yield the fields of a message and of those inside; ``kind`` is the dataclass that it stands for."""
    hints = {} if kind is None else typing.get_type_hints(kind)
    for field in message.fields:
        path = prefix + field.name
        if path in _FILLED:
            continue
        inner = field.message_type
        if inner is not None and not field.is_repeated and inner.name != "AudioInput":
            yield from _fields(inner, hints.get(field.name), f"{path}.")
        else:
            yield _field(field, path, _own_field(kind, field.name), f"{message.name}.{field.name}")


def _own_field(kind: type | None, name: str) -> dataclasses.Field[Any] | None:
    return next((f for f in dataclasses.fields(kind) if f.name == name), None) if kind is not None else None


def _field(
    field: FieldDescriptor | upb.FieldDescriptor, path: str, own: dataclasses.Field[Any] | None, comment: str
) -> dict[str, JsonValue]:
    limits = limits_of(own) if own is not None else None
    choices = [each for each in (limits.choices if limits else ()) if each != ""]
    if not choices and field.enum_type is not None:
        choices = list(enum_names(field.enum_type))
    default = own.default if own is not None and isinstance(own.default, (bool, int, float, str)) else None
    facts: dict[str, JsonValue] = {
        "path": path,
        "label": _LABELS.get(path) or field.name.replace("_", " ").capitalize(),
        "type": _type(field, path, bool(choices), limits.max_len if limits else None),
        "group": path.rpartition(".")[0],
        "first": path in FIRST,
        "help": _describe(comment),
        "choices": list(choices),
        "default": None if default == "" else default,
        "low": _number(limits.low if limits else None),
        "high": _number(limits.high if limits else None),
        "max_len": limits.max_len if limits else None,
        "unit": _UNITS.get(path, ""),
        "list": _LISTS.get(path, ""),
    }
    return {
        name: value
        for name, value in facts.items()
        if value is not None and value is not False and value not in ("", [])
    }


def _number(value: float | None) -> float | None:
    """Return a limit, whole where it is, as people write it."""
    return int(value) if value is not None and float(value).is_integer() else value


def _type(field: FieldDescriptor | upb.FieldDescriptor, path: str, has_choices: bool, max_len: int | None) -> str:
    """Return what kind of input a field gets."""
    if field.message_type is not None:
        return "audio" if field.message_type.name == "AudioInput" else "adapters"
    if path == "tracks":
        return "tracks"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "file"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "boolean"
    if field.is_repeated:
        return "integers" if field.type in _WHOLE else "numbers"
    if has_choices:
        return "choice"
    if field.type in _WHOLE:
        return "integer"
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return "number"
    return "lines" if (max_len or 0) >= _LONG_TEXT else "text"


def _describe(name: str) -> str:
    """Return what the contract says of a field or a method: see `acebridge.contract.comments`; empty where it says nothing."""
    return _for_people(comments().get(name, ""))


def _for_people(comment: str) -> str:
    """Return a comment without the names of the wire that say nothing to a musician."""
    comment = re.sub(r",? of Capabilities\.\w+|; see AudioInput| \([\d,]+ characters of base64\)", "", comment)
    comment = re.sub(
        r"\b(?:Name of one|One) of (?:EngineCapabilities|ListModelsResponse)\.\w+", "One of the list", comment
    )
    comment = re.sub(r" TakeMetadata\.preview says how long that is; `preview_id` decodes the rest\.", "", comment)
    return re.sub(r"\b(?:REPAINT_MODE|REGION_MASK|DCW_MODE|SCORE_KIND|ENCODING|SCOPE|GUIDE|CONTENTS|MORPH_MODE"
                  r"|LOUDNESS_REFERENCE|VOICES)_(\w+)", lambda match: f'"{match[1].lower()}"', comment)  # fmt: skip
