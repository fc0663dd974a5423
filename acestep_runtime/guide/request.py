"""From the names of the Python API to a task and its fields: one table. No work is done here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio, AudioLike, audio_of
from acestep_runtime.tasks import TASKS, Cover, Repaint, Understand
from acestep_runtime.units import END
from acestep_runtime.values import Json

#: Tasks that `generate` runs.
AUDIO_TASKS = tuple(name for name, task in TASKS.items() if task.kind == "audio")


@dataclass(frozen=True)
class Argument:
    """Where an argument goes: ``place`` is a field of a task, or ``group.field`` for one of its groups.

    ``task`` is the only task that takes it, where others use a field of that name for something else.
    """

    place: str
    task: str = ""

    @property
    def group(self) -> str:
        """The group, "" for a field of the task itself."""
        return self.place.rpartition(".")[0]

    @property
    def field(self) -> str:
        """The name of the field in its group or task."""
        return self.place.rpartition(".")[2]

    def belongs_to(self, task: str) -> bool:
        """Return whether a task takes the argument: it has the field, and does not mean something else by it."""
        return self.task in ("", task) and TASKS[task].has(self.group or self.field)


#: The arguments of the API by name.
ARGUMENTS = {
    "caption": Argument("music.caption"),
    "lyrics": Argument("music.lyrics"),
    "vocal_language": Argument("music.language"),
    "bpm": Argument("music.bpm"),
    "keyscale": Argument("music.keyscale"),
    "timesignature": Argument("music.timesignature"),
    "duration": Argument("duration_s"),
    "audio_cover_strength": Argument("strength", Cover.name),
    "repaint_strength": Argument("strength", Repaint.name),
    "repaint_mode": Argument("mode", Repaint.name),
    "repainting_start": Argument("start_s"),
    "repainting_end": Argument("end_s"),
    "track_names": Argument("tracks"),
    "model": Argument("sampling.model"),
    "inference_steps": Argument("sampling.steps"),
    "guidance_scale": Argument("sampling.guidance"),
    "batch_size": Argument("output.takes"),
    "seed": Argument("output.seeds"),
    "thinking": Argument("thinking.on"),
    "lm_batch_chunk_size": Argument("thinking.at_once"),
    "auto_lrc": Argument("output.auto_lrc"),
    "auto_score": Argument("output.auto_score"),
    "best_of": Argument("output.tries"),
    "max_tries": Argument("output.tries"),
    "min_score": Argument("output.min_score"),
    "score_by": Argument("output.score_by"),
    "keep_all": Argument("output.keep_all"),
}
#: Arguments with which the best of several takes are kept.
_CHOOSING = {"best_of", "max_tries", "min_score"}
#: Switches that are off are not given.
_OFF = (("auto_lrc", False), ("auto_score", False), ("thinking", False), ("keep_all", False))


@dataclass(frozen=True)
class Order:
    """A task to perform: its name, its fields as JSON but for the audio, the source, the engine, and the reference."""

    task: str
    fields: Mapping[str, Json]
    source: Audio | None
    engine: str
    submission: Mapping[str, Json] = field(default_factory=dict)
    reference: Audio | None = None

    def with_seeds(self, seeds: tuple[int, ...]) -> Order:
        """Return the order with other seeds."""
        held = self.fields.get("output")
        output = {**(held if isinstance(held, Mapping) else {}), "seeds": list(seeds)}
        return dataclasses.replace(self, fields={**self.fields, "output": output})

    def listened_to(self, session: str) -> Order:
        """Return the order with the wish for a next batch, for a listener."""
        return dataclasses.replace(self, submission={"prefetch_next": True, "session": session})


def order_of_call(
    task_type: str,
    given: Mapping[str, Json],
    src_audio: AudioLike | None,
    engine: str,
    reference_audio: AudioLike | None = None,
) -> Order:
    """Return the order that a call of `generate` asks for, as `order_of_task` does.

    Raises `InvalidValue` for a task that makes no music, and for a source that is missing or has no use, too.
    """
    if task_type not in AUDIO_TASKS:
        remedy = "Call analyze_audio." if task_type == Understand.name else ""
        raise InvalidValue("task_type", task_type, ", ".join(AUDIO_TASKS), remedy=remedy)
    task = TASKS[task_type]
    if task.has("source") and src_audio is None:
        raise InvalidValue("src_audio", "", "audio", message=f"{task_type} needs src_audio.",
                           remedy="Give it a path, a result or an array.")  # fmt: skip
    if not task.has("source") and src_audio is not None:
        *others, last = (name for name in AUDIO_TASKS if TASKS[name].has("source"))
        raise InvalidValue("src_audio", "given", "nothing", message=f"{task_type} takes no src_audio.",
                           remedy=f"Choose task_type {', '.join(others)} or {last}.")  # fmt: skip
    if not task.has("reference") and reference_audio is not None:
        raise InvalidValue("reference_audio", "given", "nothing", message=f"{task_type} takes no reference_audio.",
                           remedy="Leave it out.")  # fmt: skip
    wanted = order_of_task(task_type, given, None if src_audio is None else audio_of(src_audio), engine)
    return dataclasses.replace(wanted, reference=None if reference_audio is None else _reference(reference_audio))


def _reference(reference_audio: AudioLike) -> Audio:
    """See `audio_of`."""
    try:
        return audio_of(reference_audio)
    except InvalidValue as error:
        error.field = "reference_audio"
        raise


def order_of_task(task: str, given: Mapping[str, Json], source: Audio | None, engine: str) -> Order:
    """Return the order for a task. ``given`` holds the arguments by name; ``None`` is not given.

    Raises `InvalidValue` for an argument that the task has no use for.
    """
    given = {name: to_plain(name, value) for name, value in given.items()}
    wanted: dict[str, Json] = {
        name: value for name, value in given.items() if value is not None and (name, value) not in _OFF
    }
    if task == Repaint.name:
        wanted = _extend(wanted, source)
    if "best_of" in wanted and "max_tries" in wanted:
        raise InvalidValue("max_tries", wanted["max_tries"], "one of best_of and max_tries, not both")
    seeds = wanted.get("seed")
    if isinstance(seeds, list) and len(seeds) > 1 and "batch_size" not in wanted and not _CHOOSING & wanted.keys():
        wanted["batch_size"] = len(seeds)  # a take for each
    fields: dict[str, Json] = {}
    groups: dict[str, dict[str, Json]] = {}
    for name, value in wanted.items():
        argument = ARGUMENTS[name]
        if not argument.belongs_to(task):
            able = [each for each in AUDIO_TASKS if argument.belongs_to(each)]
            raise InvalidValue(name, value, f"nothing for {task}: it belongs to {', '.join(able)}",
                               remedy=f"Leave out {name}.")  # fmt: skip
        place = groups.setdefault(argument.group, {}) if argument.group else fields
        place[argument.field] = _beats_per_bar(value) if name == "timesignature" else value
    return Order(task, {**fields, **groups}, source, engine)


def _extend(wanted: dict[str, Json], source: Audio | None) -> dict[str, Json]:
    """Return a repaint's arguments with ``duration`` as what it means there: seconds to add after the end."""
    if "duration" not in wanted or source is None:
        return wanted
    end, added = wanted.get("repainting_end", END), wanted["duration"]
    if end != END:
        raise InvalidValue("duration", added, "nothing for a region with an end",
                           remedy="Set repainting_end=-1 to add that many seconds after the end.")  # fmt: skip
    if isinstance(added, bool) or not (isinstance(added, (int, float)) and 0 < added < 1e6):
        raise InvalidValue("duration", added, "more than 0 seconds to add after the end")
    others = {name: value for name, value in wanted.items() if name != "duration"}
    return {**others, "repainting_end": source.seconds + added}


def to_plain(name: str, value: Any) -> Json:
    """Return an argument in plain Python: numbers of numpy as numbers, lists for what may be several, "" as not given."""
    plain: Json = value.tolist() if hasattr(value, "tolist") else value
    if name in ("keyscale", "timesignature") and plain == "":
        return None
    if name in ("track_names", "seed") and plain is not None:
        items = plain if isinstance(plain, Iterable) and not isinstance(plain, (str, bytes)) else [plain]
        return [to_plain("", item) for item in items]
    return plain


def _beats_per_bar(value: Json) -> Json:
    """Read ``"3/4"``, ``"4"`` or ``4.0``; leave a number as it is."""
    if not isinstance(value, (str, float)):
        return value
    beats = str(value).partition("/")[0].strip().removesuffix(".0")
    if not beats.isdecimal():
        raise InvalidValue("timesignature", value, 'beats per bar: 2, 3, 4 or 6, or for example "3/4"')
    return int(beats)


def name_as_given(error: InvalidValue, task: str) -> None:
    """Let a task's error blame its field by the name that the caller knows, that of the argument."""
    for name, argument in ARGUMENTS.items():
        if error.field in (argument.place, argument.field) and argument.task in ("", task):
            error.field = name
            error.allowed = error.allowed.replace("start_s", "repainting_start")
            return
