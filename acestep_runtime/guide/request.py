"""From the names of the Python API to a task and its fields: one table. No work is done here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
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
    "thinking": "thinking.on",
    "lm_batch_chunk_size": "thinking.at_once",
    "auto_lrc": "output.auto_lrc",
    "auto_score": "output.auto_score",
    "best_of": "output.tries",
    "max_tries": "output.tries",
    "min_score": "output.min_score",
    "score_by": "output.score_by",
    "keep_all": "output.keep_all",
}
#: Arguments with which the best of several takes are kept.
_CHOOSING = {"best_of", "max_tries", "min_score"}
#: Tasks that think first, when they are asked to.
THINKING = ("text2music", "lego", "complete")
#: Switches that are off are not given.
_OFF = (("auto_lrc", False), ("auto_score", False), ("thinking", False), ("keep_all", False))
#: Names that look alike from inside a task and are not: name → the only task that takes it.
_ONLY = {"audio_cover_strength": "cover", "repaint_strength": "repaint", "repaint_mode": "repaint"}


@dataclass(frozen=True)
class Order:
    """A task to perform: its name, its fields as JSON but for the audio, the source, the engine, and the reference."""

    task: str
    fields: Mapping[str, Any]
    source: Audio | None
    engine: str
    submission: Mapping[str, Any] = field(default_factory=dict)
    reference: Audio | None = None

    def seeded(self, seeds: tuple[int, ...]) -> Order:
        """Return the order with other seeds."""
        output = {**self.fields.get("output", {}), "seeds": list(seeds)}
        return dataclasses.replace(self, fields={**self.fields, "output": output})

    def listened_to(self, session: str) -> Order:
        """Return the order with the wish for a next batch, for a listener."""
        return dataclasses.replace(self, submission={"auto_gen": True, "session": session})


def order(task_type: str, given: Mapping[str, Any], src_audio: Any, engine: str, reference_audio: Any = None) -> Order:
    """Return the order that a call of `generate` asks for, as `ordered` does.

    Raises `InvalidValue` for a task that makes no music, and for a source that is missing or has no use, too.
    """
    if task_type not in MAKING:
        remedy = "Call analyze_audio." if task_type == "understand" else ""
        raise InvalidValue("task_type", task_type, ", ".join(MAKING), remedy=remedy)
    names = _fields_of(task_type)
    if "source" in names and src_audio is None:
        raise InvalidValue("src_audio", "", "audio", message=f"{task_type} needs src_audio.",
                           remedy="Give it a path, a result or an array.")  # fmt: skip
    if "source" not in names and src_audio is not None:
        raise InvalidValue("src_audio", "given", "nothing", message=f"{task_type} takes no src_audio.",
                           remedy="Choose task_type cover, repaint, lego, complete or extract.")  # fmt: skip
    if "reference" not in names and reference_audio is not None:
        raise InvalidValue("reference_audio", "given", "nothing", message=f"{task_type} takes no reference_audio.",
                           remedy="Leave it out.")  # fmt: skip
    wanted = ordered(task_type, given, None if src_audio is None else audio_of(src_audio), engine)
    return dataclasses.replace(wanted, reference=None if reference_audio is None else _reference(reference_audio))


def _reference(reference_audio: Any) -> Audio:
    """See `audio_of`."""
    try:
        return audio_of(reference_audio)
    except InvalidValue as error:
        message = error.message.replace("src_audio", "reference_audio")
        raise type(error)("reference_audio", error.value, error.allowed, remedy=error.remedy, message=message) from None


def ordered(task: str, given: Mapping[str, Any], source: Audio | None, engine: str) -> Order:
    """Return the order for a task. ``given`` holds the arguments by name; ``None`` is not given.

    Raises `InvalidValue` for an argument that the task has no use for.
    """
    names = _fields_of(task)
    given = {name: plain(name, value) for name, value in given.items()}
    wanted = {name: value for name, value in given.items() if value is not None and (name, value) not in _OFF}
    if task == "repaint":
        wanted = _extended(wanted, source)
    if "best_of" in wanted and "max_tries" in wanted:
        raise InvalidValue("max_tries", wanted["max_tries"], "one of best_of and max_tries, not both")
    if "batch_size" not in wanted and not _CHOOSING & wanted.keys() and len(wanted.get("seed", ())) > 1:
        wanted["batch_size"] = len(wanted["seed"])  # a take for each
    fields: dict[str, Any] = {}
    for name, value in wanted.items():
        group, _, leaf = FIELDS[name].rpartition(".")
        if (group or leaf) not in names or _ONLY.get(name, task) != task:
            able = [t for t in MAKING if (group or leaf) in _fields_of(t)]
            able = [_ONLY[name]] if name in _ONLY else able
            raise InvalidValue(name, value, f"nothing for {task}: it belongs to {', '.join(able)}",
                               remedy=f"Leave out {name}.")  # fmt: skip
        (fields.setdefault(group, {}) if group else fields)[leaf] = (
            _beats_per_bar(value) if name == "timesignature" else value
        )
    return Order(task, fields, source, engine)


def _fields_of(task: str) -> set[str]:
    return {f.name for f in dataclasses.fields(TASKS[task])}


def _extended(wanted: dict[str, Any], source: Audio | None) -> dict[str, Any]:
    """Return a repaint's arguments with ``duration`` as what it means there: seconds to add after the end."""
    if "duration" not in wanted or source is None:
        return wanted
    end, added = wanted.get("repainting_end", END), wanted["duration"]
    if end != END:
        raise InvalidValue("duration", added, "nothing for a region with an end",
                           remedy="Set repainting_end=-1 to add that many seconds after the end.")  # fmt: skip
    if isinstance(added, bool) or not (isinstance(added, (int, float)) and 0 < added < 1e6):
        raise InvalidValue("duration", added, "more than 0 seconds to add after the end")
    return {name: value for name, value in wanted.items() if name != "duration"} | {
        "repainting_end": source.seconds + added
    }


def plain(name: str, value: Any) -> Any:
    """Return an argument in plain Python: numbers of numpy as numbers, lists for what may be several, "" as not given."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if name in ("keyscale", "timesignature") and value == "":
        return None
    if name in ("track_names", "seed") and value is not None:
        several = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
        value = [item.item() if hasattr(item, "item") else item for item in value] if several else [value]
    return value


def _beats_per_bar(value: Any) -> Any:
    """Read ``"3/4"``, ``"4"`` or ``4.0``; leave a number as it is."""
    if not isinstance(value, (str, float)):
        return value
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
            message = re.sub(r"\b(start|end)_s\b", r"repainting_\1", message)
            out = type(error)(name, "", error.allowed, remedy=error.remedy, message=message)
            out.value = error.value
            return out
    return error
