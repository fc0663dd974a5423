"""From the arguments of a message and the session to an order: a task with the fields of its request.

What a message says counts more than the session; the fields of its JSON text count most.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acebridge.contract.fields import coerce, merge_fields
from acebridge.contract.tasks import request_type
from acebridge.hosts.osc.messages import Value
from acebridge.hosts.osc.session import split_tracks
from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.files import read_file_text
from acestep_runtime.tasks import TASKS, Task
from acestep_runtime.tasks.variations import VARIATION_FIELDS
from acestep_runtime.units import END

if TYPE_CHECKING:
    from pydantic import JsonValue

_AUDIO = ("source", "reference")
_MUSIC = ("bpm", "keyscale", "timesignature", "caption", "chords", "lyrics")
#: Fields of a session that lie within a field of the request → that field, and their names there.
_WITHIN = {
    "morph": ("morph", "mode"),
    "source_caption": ("morph", "caption"),
    "source_lyrics": ("morph", "lyrics"),
    "dcw": ("sampling", "dcw"),
}
_ASSET_ID_DIGITS = 64


class Positional(NamedTuple):
    """An argument of a task's address: its type tag and its name, which is that of the request's field."""

    tag: str
    name: str


def _has_music(task: type[Task]) -> bool:
    return task.has("music")


def _has_strength(task: type[Task]) -> bool:
    """Return whether a task follows a source by a strength; that of a song is for its notes, and not an argument."""
    return task.has("strength") and task.has("source")


#: Arguments in their order, each for the tasks that have it. An analysis is given words; its caption is in the session or JSON.
_POSITIONS = (
    (Positional("s", "source"), lambda task: task.has("source")),
    (Positional("f", "start_s"), lambda task: task.has("start_s")),
    (Positional("f", "end_s"), lambda task: task.has("end_s")),
    (Positional("s", "tracks"), lambda task: task.has("tracks")),
    (Positional("s", "description"), lambda task: task.has("description")),
    (Positional("s", "caption"), lambda task: _has_music(task) and task.kind != "analysis"),
    (Positional("s", "lyrics"), _has_music),
    (Positional("f", "duration_s"), lambda task: task.has("duration_s")),
    (Positional("f", "strength"), _has_strength),
)


def positions(task: type[Task]) -> tuple[Positional, ...]:
    """Return the arguments of a task's address in their order."""
    return tuple(position for position, applies in _POSITIONS if applies(task))


@dataclass(frozen=True)
class Order:
    """A task to run: the fields of its request, and its sources, each a path or an id of an asset, with a region if it has one.

    ``output`` is the folder of its results; empty for the usual one.
    """

    task: str
    fields: Mapping[str, JsonValue]
    audio: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    submission: Mapping[str, JsonValue] = field(default_factory=dict)
    output: str = ""

    def with_new_seeds(self) -> Order:
        """Return the order without seeds, so that the daemon draws them; it makes no variations."""
        fields = {name: value for name, value in self.fields.items() if name != "seed"}
        output = fields.get("output")
        if isinstance(output, dict):
            fields["output"] = {name: output[name] for name in output if name not in ("seeds", *VARIATION_FIELDS)}
        return self.with_fields(fields)

    def with_fields(self, fields: Mapping[str, JsonValue]) -> Order:
        """Return the order with other fields, as an order of its own."""
        submission = {name: value for name, value in self.submission.items() if name != "idempotency_key"}
        return replace(self, fields=fields, submission=submission)


def order_of(task: str, session: Mapping[str, Value], arguments: Sequence[Value] = ()) -> Order:
    """Return what a message orders: ``arguments`` are those of `positions`, then its JSON text or ``None``.

    Raises `InvalidValue` for JSON that cannot be read, and for fields that the request does not have.
    """
    kind = TASKS[task]
    given = {p.name: value for p, value in zip(positions(kind), arguments, strict=False) if value not in (None, "")}
    text = arguments[len(positions(kind))] if len(arguments) > len(positions(kind)) else None
    values: dict[str, JsonValue] = {**_from_session(kind, session), **given}
    fields = merge_fields(_nest(kind, values), _read_json(text))
    fitting = coerce(request_type(task).DESCRIPTOR, fields)
    audio = {name: value for name in _AUDIO if isinstance(value := fitting.pop(name, None), dict)}
    submission = fitting.pop("submission", None)
    if "source" not in audio and kind.has("source"):
        raise InvalidValue(
            "source", "", "the path of an audio file, or the id of an asset",
            message=f"{task} needs a source.", remedy="Send it as the first argument, or to /acebridge/session/source.",
        )  # fmt: skip
    return Order(
        task, fitting, audio, submission if isinstance(submission, dict) else {}, str(session.get("output") or "")
    )


def _from_session(kind: type[Task], session: Mapping[str, Value]) -> dict[str, JsonValue]:
    """Return what a session says for a task, by the names of `_nest`."""
    values: dict[str, JsonValue] = dict(session)
    start, end = values.pop("start", None), values.pop("end", None)
    if kind.has("start_s"):
        values |= {"start_s": start, "end_s": end}
    elif kind.has("duration_s") and isinstance(end, (int, float)) and end > 0:
        values["duration_s"] = end - (start if isinstance(start, (int, float)) else 0)
    if kind.has("description"):
        values["description"] = values.get("caption")
    return {name: value for name, value in values.items() if value is not None}


def _nest(kind: type[Task], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the fields of a request, nested as the request has them; what the task does not have is left out."""
    fields: dict[str, JsonValue] = {
        name: values[name]
        for name in ("start_s", "end_s", "duration_s", "strength", "description")
        if name in values and (_has_strength(kind) if name == "strength" else kind.has(name))
    }
    if kind.has("midi") and isinstance(midi := values.get("midi"), str):
        fields["midi"] = read_file_text(Path(midi))
        fields |= {name: values[name] for name in ("guide", "strength") if name in values}
    if fields.get("end_s") == END:
        del fields["end_s"]
    if kind.has("source") and isinstance(source := values.get("source"), str):
        fields["source"] = {"asset_id": source} if is_asset_id(source) else {"path": source}
    if kind.has("tracks") and isinstance(tracks := values.get("tracks"), str):
        fields["tracks"] = list(split_tracks(tracks))
    if kind.has("music"):
        fields["music"] = {name: values[name] for name in _MUSIC if name in values}
    for name, (group, within) in _WITHIN.items():
        if name in values and kind.has(group) and kind.kind == "audio":
            fields = dict(merge_fields(fields, {group: {within: values[name]}}))
    if kind.has("output"):
        seeds: dict[str, JsonValue] = {"seeds": [values["seed"]]} if "seed" in values else {}
        fields["output"] = {**{name: values[name] for name in ("takes", "tries") if name in values}, **seeds}
    elif kind.has("seed") and "seed" in values:
        fields["seed"] = values["seed"]
    if "engine" in values:
        fields["submission"] = {"engine": values["engine"]}
    return fields


def is_asset_id(text: str) -> bool:
    """Return whether a text is the id of a stored asset: 64 hex digits."""
    return len(text) == _ASSET_ID_DIGITS and all(digit in "0123456789abcdef" for digit in text)


def _read_json(text: Value) -> dict[str, JsonValue]:
    if not isinstance(text, str):
        return {}
    try:
        fields = json.loads(text)
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        reason = _why(error)
        message = f"The JSON text cannot be read: {reason}."
        raise InvalidValue(
            "JSON", text, "an object", message=message, remedy='Write for example {"crossfade_ms": 50}.'
        ) from error
    return dict(fields)


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, UnicodeError):
        return "it holds half a character"
    return "it is nested too deep" if isinstance(error, RecursionError) else "a number has too many digits"
