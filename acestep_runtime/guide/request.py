"""Mapping the arguments of the Python API to a task and its fields: one table. Nothing runs here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.sound import Audio, AudioLike, to_audio
from acestep_runtime.tasks import TASKS, Cover, Repaint, TextToMusic, Understand
from acestep_runtime.tasks.finishing import finish_fields
from acestep_runtime.tasks.layer_tries import layer_output
from acestep_runtime.tasks.takes import replace_seeds
from acestep_runtime.tasks.variations import vary_fields
from acestep_runtime.units import END
from acestep_runtime.values import Json, TakeSeed

#: Tasks that `generate` runs.
AUDIO_TASKS = tuple(name for name, task in TASKS.items() if task.kind == "audio")


@dataclass(frozen=True)
class Argument:
    """The place of an argument: ``place`` is a field of a task, or ``group.field`` for one of its groups.

    ``tasks`` are the only ones with the argument, where other tasks use the field for something else.
    """

    place: str
    tasks: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The group, "" for a field of the task itself."""
        return self.place.rpartition(".")[0]

    @property
    def field(self) -> str:
        """The name of the field in its group or task."""
        return self.place.rpartition(".")[2]

    def belongs_to(self, task: str) -> bool:
        """Return whether a task takes the argument: it has the field, with this meaning."""
        return (not self.tasks or task in self.tasks) and TASKS[task].has(self.group or self.field)


#: The arguments of the API by name.
ARGUMENTS = {
    "caption": Argument("music.caption"),
    "lyrics": Argument("music.lyrics"),
    "vocal_language": Argument("music.language"),
    "bpm": Argument("music.bpm"),
    "keyscale": Argument("music.keyscale"),
    "timesignature": Argument("music.timesignature"),
    "chords": Argument("music.chords"),
    "duration": Argument("duration_s"),
    "midi": Argument("midi"),
    "guide": Argument("guide"),
    "audio_cover_strength": Argument("strength", (Cover.name, TextToMusic.name)),
    "repaint_strength": Argument("strength", (Repaint.name,)),
    "repaint_mode": Argument("mode", (Repaint.name,)),
    "match_loudness": Argument("match_loudness"),
    "loudness_of": Argument("loudness_of"),
    "repainting_start": Argument("start_s"),
    "repainting_end": Argument("end_s"),
    "track_names": Argument("tracks"),
    "song_caption": Argument("song_caption"),
    "model": Argument("sampling.model"),
    "vae": Argument("sampling.vae"),
    "inference_steps": Argument("sampling.steps"),
    "guidance_scale": Argument("sampling.guidance"),
    **{
        name: Argument(f"sampling.{name}")
        for name in ("guidance_method", "sampler", "dcw", "dcw_strength", "dcw_high_strength")
    },
    "morph": Argument("morph.mode"),
    "source_caption": Argument("morph.caption"),
    "source_lyrics": Argument("morph.lyrics"),
    **{f"morph_{name}": Argument(f"morph.{name}") for name in ("start", "end", "draws")},
    "batch_size": Argument("output.takes"),
    "seed": Argument("output.seeds"),
    "variation": Argument("output.variation"),
    "variation_seed": Argument("output.variation_seeds"),
    "thinking": Argument("thinking.plan_first"),
    "lm_batch_chunk_size": Argument("thinking.at_once"),
    "auto_lrc": Argument("output.auto_lrc"),
    "auto_score": Argument("output.auto_score"),
    "best_of": Argument("output.tries"),
    "max_tries": Argument("output.tries"),
    "min_score": Argument("output.min_score"),
    "score_by": Argument("output.score_by"),
    "keep_all": Argument("output.keep_all"),
    "preview_bars": Argument("output.preview_bars"),
    "fix_timing": Argument("output.fix_timing"),
}
#: Arguments that choose among takes.
_CHOICE_ARGUMENTS = {"best_of", "max_tries", "min_score"}
#: Switches that are off count as not given.
_OFF_SWITCHES = (
    ("auto_lrc", False),
    ("auto_score", False),
    ("thinking", False),
    ("keep_all", False),
    ("fix_timing", False),
)


@dataclass(frozen=True)
class Order:
    """A task to run: its name, its fields as JSON except the audio, the source, the engine, and the reference."""

    task: str
    fields: Mapping[str, Json]
    source: Audio | None
    engine: str
    submission: Mapping[str, Json] = field(default_factory=dict)
    reference: Audio | None = None

    def with_seeds(self, seeds: tuple[int, ...], base: int) -> Order:
        """Return the order with other seeds; that of variations with other variation seeds of the take of seed ``base``."""
        fields = self.fields.get("output")
        output = layer_output(TASKS[self.task], fields if isinstance(fields, Mapping) else {})
        own = {"seeds": output.get("seeds") or [base]} if output.get("variation") else {}
        return dataclasses.replace(self, fields=replace_seeds({**self.fields, "output": {**output, **own}}, seeds))

    def vary(self, take_seed: TakeSeed, amount: float, takes: int) -> Order:
        """Return the order that varies a take, without prefetch."""
        fields = vary_fields(self.fields, take_seed, amount, takes)
        return dataclasses.replace(self, fields=fields, submission={})

    def finish(self, take_seed: TakeSeed, preview_id: str, engine: str) -> Order:
        """Return the order that decodes the rest of a take which is a preview, without prefetch; ``engine`` made it."""
        fields = finish_fields(self.fields, take_seed, preview_id)
        return dataclasses.replace(self, fields=fields, engine=engine, submission={})

    def with_prefetch(self, session: str) -> Order:
        """Return the order with a prefetch of the next batch for a session."""
        return dataclasses.replace(self, submission={"prefetch_next": True, "session": session})


def order_from_call(
    task_type: str,
    arguments: Mapping[str, Json],
    src_audio: AudioLike | None,
    engine: str,
    reference_audio: AudioLike | None = None,
) -> Order:
    """Return the order of a call of `generate`, as `order_for_task` does.

    Raises `InvalidValue` also for a task without audio, and for a source that is missing or not used.
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
    order = order_for_task(task_type, arguments, None if src_audio is None else to_audio(src_audio), engine)
    return dataclasses.replace(order, reference=None if reference_audio is None else _open_reference(reference_audio))


def _open_reference(reference_audio: AudioLike) -> Audio:
    """See `to_audio`."""
    try:
        return to_audio(reference_audio)
    except InvalidValue as error:
        error.field = "reference_audio"
        raise


def order_for_task(task: str, arguments: Mapping[str, Json], source: Audio | None, engine: str) -> Order:
    """Return the order for a task. ``arguments`` are by name; ``None`` is not given.

    Raises `InvalidValue` for an argument that the task does not take.
    """
    arguments = {name: to_plain(name, value) for name, value in arguments.items()}
    values: dict[str, Json] = {
        name: value for name, value in arguments.items() if value is not None and (name, value) not in _OFF_SWITCHES
    }
    if task == Repaint.name:
        values = _resolve_extension(values, source)
    if "best_of" in values and "max_tries" in values:
        raise InvalidValue("max_tries", values["max_tries"], "one of best_of and max_tries, not both")
    counts = [len(seeds) for name in ("seed", "variation_seed") if isinstance(seeds := values.get(name), list)]
    if max(counts, default=0) > 1 and "batch_size" not in values and not _CHOICE_ARGUMENTS & values.keys():
        values["batch_size"] = max(counts)  # a take for each
    fields: dict[str, Json] = {}
    groups: dict[str, dict[str, Json]] = {}
    for name, value in values.items():
        argument = ARGUMENTS[name]
        if not argument.belongs_to(task):
            able = [each for each in AUDIO_TASKS if argument.belongs_to(each)]
            raise InvalidValue(name, value, f"nothing for {task}: it belongs to {', '.join(able)}",
                               remedy=f"Leave out {name}.")  # fmt: skip
        place = groups.setdefault(argument.group, {}) if argument.group else fields
        place[argument.field] = _beats_per_bar(value) if name == "timesignature" else value
    return Order(task, {**fields, **groups}, source, engine)


def _resolve_extension(values: dict[str, Json], source: Audio | None) -> dict[str, Json]:
    """Return a repaint's arguments with ``duration``, the seconds to add after the end, resolved."""
    if "duration" not in values or source is None:
        return values
    end, added_s = values.get("repainting_end", END), values["duration"]
    if end != END:
        raise InvalidValue("duration", added_s, "nothing for a region with an end",
                           remedy="Set repainting_end=-1 to add that many seconds after the end.")  # fmt: skip
    if isinstance(added_s, bool) or not (isinstance(added_s, (int, float)) and 0 < added_s < 1e6):
        raise InvalidValue("duration", added_s, "more than 0 seconds to add after the end")
    others = {name: value for name, value in values.items() if name != "duration"}
    return {**others, "repainting_end": source.seconds + added_s}


def to_plain(name: str, value: Any) -> Json:
    """Return an argument in plain Python: numpy numbers as numbers, lists for list arguments, "" as not given."""
    plain: Json = value.tolist() if hasattr(value, "tolist") else value
    if name in ("keyscale", "timesignature") and plain == "":
        return None
    if name in ("track_names", "seed", "variation_seed") and plain is not None:
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


def use_argument_name(error: InvalidValue, task: str) -> None:
    """Rename the field in a task's error to the argument that the caller used."""
    for name, argument in ARGUMENTS.items():
        if error.field in (argument.place, argument.field) and (not argument.tasks or task in argument.tasks):
            error.field = name
            error.allowed = error.allowed.replace("start_s", "repainting_start")
            return
