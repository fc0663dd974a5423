"""From the names of the Python API to a task and its fields: one table. No work is done here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio, audio_of
from acestep_runtime.tasks import TASKS
from acestep_runtime.units import END

#: Tasks that `generate` performs.
MAKING = ("text2music", "cover", "repaint", "lego", "complete", "extract")

#: Name in the API → where it goes in a task. A task takes what its dataclass has a field for.
FIELDS = {
    "caption": "music.caption",
    "lyrics": "music.lyrics",
    "vocal_language": "music.language",
    "bpm": "music.bpm",
    "keyscale": "music.keyscale",
    "timesignature": "music.timesignature",
    "duration": "duration_s",
    "audio_cover_strength": "strength",
    "repaint_strength": "strength",
    "repaint_mode": "mode",
    "repainting_start": "start_s",
    "repainting_end": "end_s",
    "track_names": "tracks",
    "model": "sampling.model",
    "inference_steps": "sampling.steps",
    "guidance_scale": "sampling.guidance",
    "batch_size": "output.takes",
    "seed": "output.seeds",
    "auto_lrc": "output.auto_lrc",
    "auto_score": "output.auto_score",
}
#: Names that look alike from inside a task and are not: name → the only task that takes it.
_ONLY = {"audio_cover_strength": "cover", "repaint_strength": "repaint", "repaint_mode": "repaint"}


@dataclass(frozen=True)
class Order:
    """A task to perform: its name, its fields as JSON but for the source, the source, and the engine."""

    task: str
    fields: Mapping[str, Any]
    source: Audio | None
    engine: str
    submission: Mapping[str, Any] = field(default_factory=dict)

    def seeded(self, seeds: tuple[int, ...]) -> Order:
        """Return the order with other seeds."""
        output = {**self.fields.get("output", {}), "seeds": list(seeds)}
        return dataclasses.replace(self, fields={**self.fields, "output": output})

    def listened_to(self, session: str) -> Order:
        """Return the order with the wish for a next batch, for a listener."""
        return dataclasses.replace(self, submission={"auto_gen": True, "session": session})


def order(task_type: str, given: Mapping[str, Any], src_audio: Any, engine: str) -> Order:
    """Return the order that a call asks for. ``given`` holds the arguments by name; ``None`` is not given.

    Raises `InvalidValue` for an unknown task, and for an argument that the task has no use for.
    """
    if task_type not in MAKING:
        remedy = "Call analyze_audio." if task_type == "understand" else ""
        raise InvalidValue("task_type", task_type, ", ".join(MAKING), remedy=remedy)
    kind = TASKS[task_type]
    names = {f.name for f in dataclasses.fields(kind)}
    if "source" in names and src_audio is None:
        raise InvalidValue("src_audio", "", "audio", message=f"{task_type} needs src_audio.",
                           remedy="Give it a path, a result or an array.")  # fmt: skip
    if "source" not in names and src_audio is not None:
        raise InvalidValue("src_audio", "given", "nothing", message=f"{task_type} takes no src_audio.",
                           remedy="Choose task_type cover, repaint, lego, complete or extract.")  # fmt: skip
    source = None if src_audio is None else audio_of(src_audio)
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    if task_type == "repaint":
        wanted = _extended(wanted, source)
    seeds: Any = wanted.get("seed")
    if "batch_size" not in wanted and getattr(seeds, "ndim", None) != 0 and hasattr(seeds, "__len__") and len(seeds) > 1:
        wanted["batch_size"] = len(seeds)  # a take for each
    fields: dict[str, Any] = {}
    for name, value in wanted.items():
        group, _, leaf = FIELDS[name].rpartition(".")
        if (group or leaf) not in names or _ONLY.get(name, task_type) != task_type:
            able = [t for t in MAKING if (group or leaf) in {f.name for f in dataclasses.fields(TASKS[t])}]
            able = [_ONLY[name]] if name in _ONLY else able
            raise InvalidValue(name, value, f"nothing for {task_type}: it belongs to {', '.join(able)}",
                               remedy=f"Leave out {name}.")  # fmt: skip
        (fields.setdefault(group, {}) if group else fields)[leaf] = _json(name, value)
    return Order(task_type, fields, source, engine)


def _extended(wanted: dict[str, Any], source: Audio | None) -> dict[str, Any]:
    """Return a repaint's arguments with ``duration`` as what it means there: seconds to add after the end."""
    if "duration" not in wanted or source is None:
        return wanted
    end, added = wanted.get("repainting_end", END), wanted["duration"]
    if end != END:
        raise InvalidValue("duration", added, "nothing for a region with an end",
                           remedy="Set repainting_end=-1 to add that many seconds after the end.")  # fmt: skip
    if not (isinstance(added, (int, float)) and 0 < added < 1e6):
        raise InvalidValue("duration", added, "more than 0 seconds to add after the end")
    return {name: value for name, value in wanted.items() if name != "duration"} | {
        "repainting_end": source.seconds + added
    }


def _json(name: str, value: Any) -> Any:
    """Return an argument as its field wants it: lists for what may be several, plain Python numbers."""
    if hasattr(value, "tolist"):
        value = value.tolist()  # numbers of numpy
    if name in ("track_names", "seed") and not isinstance(value, (list, tuple)):
        return [value]
    if name == "timesignature" and isinstance(value, (str, float)):
        return _beats_per_bar(value)
    return list(value) if isinstance(value, tuple) else value


def _beats_per_bar(value: str | float) -> int:
    """Read ``"3/4"``, ``"4"`` or ``4.0``."""
    beats = str(value).partition("/")[0].strip().removesuffix(".0")
    if not beats.isdecimal():
        raise InvalidValue("timesignature", value, 'beats per bar: 2, 3, 4 or 6, or for example "3/4"')
    return int(beats)


def named_as_given(error: InvalidValue, task: str) -> InvalidValue:
    """Return a task's error with the field's name as the caller knows it."""
    for name, place in FIELDS.items():
        leaf = place.rpartition(".")[2]
        if error.field in (place, leaf) and _ONLY.get(name, task) == task:
            message = error.message
            message = name + message[len(error.field) :] if message.startswith(error.field) else message
            out = type(error)(name, "", error.allowed, remedy=error.remedy, message=message)
            out.value = error.value
            return out
    return error
