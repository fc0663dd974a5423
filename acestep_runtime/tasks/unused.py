"""What a task asks for in vain: one table of the fields that an engine, a model or a task has no use for, with the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import printable
from acestep_runtime.tasks.guide import guide_song, has_midi, music_of_guide, voices_chords
from acestep_runtime.tasks.preview_input import PREVIEWED
from acestep_runtime.tasks.schema import to_fields
from acestep_runtime.values import Json, Morph, Music, Sampling, Thinking

if TYPE_CHECKING:
    from acestep_runtime.tasks.base import Task

SAMPLING = tuple(f"sampling.{f.name}" for f in dataclasses.fields(Sampling))
#: Settings of a plan; the model also judges takes.
PLANNING = tuple(f"thinking.{f.name}" for f in dataclasses.fields(Thinking) if f.name not in ("plan_first", "model"))
MORPH = tuple(f"morph.{f.name}" for f in dataclasses.fields(Morph))
#: Settings that a morph, which takes plain steps guided by apg, has no use for.
_NOT_OF_MORPHS = (
    "sampler", "guidance_method", "noise_strength", "dcw", "dcw_strength", "dcw_high_strength"
)  # fmt: skip
#: Fields of a task without audio that a model serves.
_OF_MODELS = ("sampling.model", "sampling.adapters", "sampling.vae")
#: Tempos that differ by less, in beats a minute, are one.
_SAME_BPM = 0.05
#: Fields that users know by another name.
_NAMES = {
    "thinking.plan_first": "thinking", "morph.mode": "morph", "morph.caption": "source_caption",
    "morph.lyrics": "source_lyrics", **{f"morph.{name}": f"morph_{name}" for name in ("start", "end", "draws")},
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """``fields``, as ``group.field``, that have no effect where ``applies`` says so; ``why`` ends the sentence."""

    fields: tuple[str, ...]
    applies: Callable[[Task, Engine], bool]
    why: str


def _only_for(*tasks: str) -> Callable[[Task, Engine], bool]:
    return lambda task, _engine: task.name not in tasks


def _morphs(task: Task, _engine: Engine | None = None) -> bool:
    return bool(getattr(task, "morph", Morph()).mode)


def _is_distilled(task: Task, engine: Engine) -> bool:
    """Return whether the model of a task has its guidance built in, whatever is asked for."""
    if _morphs(task):
        return False  # it takes no turbo model
    sampling: Sampling = getattr(task, "sampling", Sampling())
    return engine.model_kind(type(task), sampling.model) == "turbo"


def _plans(task: Task) -> bool:
    thinking: Thinking = getattr(task, "thinking", Thinking())
    return thinking.plan_first


def _has_mode(*modes: str) -> Callable[[Task, Engine], bool]:
    """Return whether DCW works in one of ``modes``; what "auto" is depends on the model."""

    def applies(task: Task, engine: Engine) -> bool:
        mode = getattr(task, "sampling", Sampling()).dcw
        if mode in ("", "auto"):
            mode = "double" if _is_distilled(task, engine) else "off"
        return mode in modes

    return applies


def _follows_notes(task: Task, engine: Engine) -> bool:
    return has_midi(task) or voices_chords(task, engine)


def _covers(task: Task, engine: Engine) -> bool:
    return task.name == "cover" or (_follows_notes(task, engine) and getattr(task, "guide", "") == "cover")


def _has_other_time(task: Task) -> bool:
    """Return whether a task asks for another tempo or meter than its notes have."""
    song, asked = guide_song(task), getattr(task, "music", Music())
    if song is None:
        return False
    own = music_of_guide(dataclasses.replace(asked, bpm=None, timesignature=None), song)
    close = asked.bpm is None or (own.bpm is not None and abs(asked.bpm - own.bpm) < _SAME_BPM)
    return not close or asked.timesignature not in (None, own.timesignature)


#: The first rule that names a field counts.
RULES = (
    Rule(
        (*SAMPLING, *MORPH),
        lambda _task, engine: not engine.supports_sampling,
        "the {engine} engine has no such setting",
    ),
    Rule(
        tuple(field for field in SAMPLING if field not in _OF_MODELS),
        lambda task, _engine: task.kind != "audio",
        "{task} makes no audio",
    ),
    Rule(("reference",), lambda _task, engine: not engine.supports_reference, "the {engine} engine uses no reference"),
    Rule(
        ("thinking.plan_first", "thinking.model", "codes", *PLANNING),
        lambda task, engine: task.can_plan and not engine.supports_planning,
        "the {engine} engine neither plans songs nor follows plans, which takes the neural engine",
    ),
    Rule(tuple(f"sampling.{name}" for name in _NOT_OF_MORPHS), _morphs, "a morph takes plain steps, which apg guides"),
    Rule(MORPH, lambda task, _engine: not _morphs(task), "morph is off"),
    Rule(
        ("sampling.guidance", "sampling.guidance_method", "sampling.guidance_start", "sampling.guidance_end"),
        _is_distilled,
        "guidance is built into turbo models; it is for base and SFT models",
    ),
    Rule(("sampling.dcw_strength", "sampling.dcw_high_strength"), _has_mode("off"), "dcw is off"),
    Rule(("sampling.dcw_high_strength",), _has_mode("low", "high", "pix"), "it is for dcw double"),
    Rule(
        ("sampling.noise_strength",),
        lambda task, engine: task.name != "repaint" and not _covers(task, engine),
        "it is for cover and repaint",
    ),
    Rule(("sampling.skip_quantiser",), lambda task, engine: not _covers(task, engine), "it is for cover"),
    Rule(("thinking.plan_first", *PLANNING), _follows_notes, "the song follows its notes, and no plan"),
    Rule(("sampling.skip_loop",), _only_for("lego", "extract"), "it is for lego and extract"),
    Rule(
        ("sampling.steps", "sampling.shift"),
        lambda task, _engine: bool(getattr(task, "sampling", Sampling()).timesteps),
        "timesteps say all of it",
    ),
    Rule(
        ("strength",),
        lambda task, _engine: task.name == "repaint" and getattr(task, "mode", "") != "balanced",
        "it is for the mode balanced",
    ),
    Rule(
        ("output.variation",),
        lambda task, engine: task.name == "extract" and not engine.supports_sampling,
        "the {engine} engine leaves nothing to chance when it separates",
    ),
    Rule(
        ("strength",),
        lambda task, engine: (
            task.name == "text2music"
            and not (getattr(task, "codes", ()) or _follows_notes(task, engine) or _plans(task))
        ),
        "there is no plan to follow",
    ),
    Rule(("guide",), lambda _task, engine: not engine.has_latents, "the {engine} engine plays the notes themselves"),
    Rule(("guide",), lambda task, engine: not _follows_notes(task, engine), "there are no notes to follow"),
    Rule(
        ("music.bpm", "music.timesignature"),
        lambda task, engine: has_midi(task) and not engine.has_latents and _has_other_time(task),
        "the song has the tempo and the meter of its notes",
    ),
    Rule(
        ("strength", "song_caption"),
        lambda task, engine: task.name in ("text2music", "lego") and not engine.supports_planning,
        "the {engine} engine has no use for it",
    ),
    Rule(
        ("output.preview_bars",),
        lambda _task, engine: not engine.has_latents,
        "the {engine} engine makes the whole take at once",
    ),
    Rule(("output.preview_bars", "output.preview_id"), _only_for(*PREVIEWED), "it is for {previewed}"),
    Rule(
        ("music.chords",),
        lambda task, _engine: task.kind != "audio" or task.name == "extract",
        "{task} plays nothing",
    ),
    Rule(
        ("music.chords",),
        lambda task, engine: has_midi(task) and not engine.has_latents,
        "the song follows the notes of midi",
    ),
    Rule(
        ("music.chords",),
        lambda task, engine: engine.has_latents and not voices_chords(task, engine),
        "the {engine} engine follows chords in new songs alone, where there are no other notes",
    ),
    Rule(("loudness_of",), lambda task, _engine: not getattr(task, "match_loudness", True), "match_loudness is off"),
    Rule(
        PLANNING,
        lambda task, _engine: task.can_plan and not _plans(task),
        "thinking is off",
    ),
)


def describe_unused(task: Task, engine: Engine) -> Iterator[str]:
    """Yield a sentence about each field that was given and has no effect: its name, its value and why."""
    given = dict(_flatten(to_fields(task)))
    given.update({name: source.display_name for name, source in task.audio_inputs().items()})
    for rule in RULES:
        fields = [field for field in rule.fields if field in given]
        if not fields or not rule.applies(task, engine):
            continue
        why = rule.why.format(engine=engine.name, task=task.name, previewed=", ".join(PREVIEWED))
        for field in fields:
            name = _NAMES.get(field, field.rpartition(".")[2])
            yield f"{name} {_describe(given.pop(field))} had no effect: {why}."


def _flatten(fields: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, Json]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _describe(value: Json) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        names = (_describe(item["name"] if isinstance(item, Mapping) else item) for item in value)
        return printable(", ".join(names))
    return f"{value:g}" if isinstance(value, float) else printable(str(value))
