"""What has no effect is reported: by the name of the field, its value, and why."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from acestep_runtime.engines.fake import FakeEngine
from acestep_runtime.midi.files import file_text
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output, Source, Task
from acestep_runtime.tasks.complete import Complete
from acestep_runtime.tasks.cover import Cover
from acestep_runtime.tasks.extract import Extract
from acestep_runtime.tasks.lego import Lego
from acestep_runtime.tasks.repaint import Repaint
from acestep_runtime.tasks.schema import from_fields, to_fields
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.tasks.unused import RULES, describe_unused
from acestep_runtime.values import Adapter, Morph, Music, Sampling, Thinking
from tests.support.midi_files import band

SONG = Source("song.wav")


class Neural(FakeEngine):
    """An engine with all there is."""

    name = "neural"
    supports_planning = True

    def __init__(self, kind: str = "base") -> None:
        self.kind = kind

    def model_kind(self, _task: type[Any], _model: str) -> str:
        return self.kind


class Draft(FakeEngine):
    """An engine without a model."""

    name = "draft"
    supports_sampling = False


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (TextToMusic(sampling=Sampling(noise_strength=0.5)), "noise_strength 0.5 had no effect: it is for cover and repaint."),
        (TextToMusic(strength=0.5), "strength 0.5 had no effect: there is no plan to follow."),
        (Repaint(SONG, sampling=Sampling(skip_loop=True)), "skip_loop on had no effect: it is for lego and extract."),
        (TextToMusic(sampling=Sampling(timesteps=(1.0, 0.5), steps=9)), "steps 9 had no effect: timesteps say all of it."),
        (Repaint(SONG, mode="aggressive", strength=0.9), "strength 0.9 had no effect: it is for the mode balanced."),
        (Repaint(SONG, match_loudness=False, loudness_of="context"),
         "loudness_of context had no effect: match_loudness is off."),
        (TextToMusic(thinking=Thinking(negative="noise")), "negative noise had no effect: thinking is off."),
    ],
)  # fmt: skip
def test_what_a_task_does_not_use_is_reported(task: Task, says: str) -> None:
    assert list(describe_unused(task, Neural())) == [says]


def test_an_engine_without_a_model_says_which_settings_it_does_not_have() -> None:
    task = Cover(SONG, sampling=Sampling(steps=50, guidance=7.0, adapters=(Adapter("mystyle", 0.5),)))
    assert list(describe_unused(task, Draft())) == [
        "steps 50 had no effect: the draft engine has no such setting.",
        "guidance 7 had no effect: the draft engine has no such setting.",
        "adapters mystyle had no effect: the draft engine has no such setting.",
    ]


def test_an_engine_without_a_model_reads_no_caption_of_the_song() -> None:
    assert list(describe_unused(Lego(SONG, tracks=("drums",), song_caption="a ballad"), Draft())) == [
        "song_caption a ballad had no effect: the draft engine has no use for it."
    ]


def test_guidance_has_no_effect_on_turbo_models_and_on_these_alone() -> None:
    song = TextToMusic(
        sampling=Sampling(guidance=7.0, guidance_method="adg", guidance_start=0.1, guidance_end=0.9, steps=8)
    )
    why = "guidance is built into turbo models; it is for base and SFT models"
    assert list(describe_unused(song, Neural("turbo"))) == [
        f"guidance 7 had no effect: {why}.",
        f"guidance_method adg had no effect: {why}.",
        f"guidance_start 0.1 had no effect: {why}.",
        f"guidance_end 0.9 had no effect: {why}.",
    ]
    for kind in ("base", "sft", ""):
        assert list(describe_unused(song, Neural(kind))) == []


@pytest.mark.parametrize(
    ("dcw", "kind", "off", "high_alone"),
    [("", "base", True, False), ("auto", "sft", True, False), ("off", "turbo", True, False), ("", "turbo", False, False),
     ("double", "base", False, False), ("low", "turbo", False, True), ("pix", "base", False, True)],
)  # fmt: skip
def test_strengths_of_a_correction_that_does_not_happen_are_reported(
    dcw: str, kind: str, off: bool, high_alone: bool
) -> None:
    song = TextToMusic(sampling=Sampling(dcw=dcw, dcw_strength=0.1, dcw_high_strength=0.2))
    says = [f"dcw_{name} had no effect: dcw is off." for name in ("strength 0.1", "high_strength 0.2") if off]
    says += ["dcw_high_strength 0.2 had no effect: it is for dcw double."] if high_alone else []
    assert list(describe_unused(song, Neural(kind))) == says


def test_a_morph_takes_plain_steps_and_no_turbo_model() -> None:
    sampling = Sampling(guidance=5.0, sampler="heun", dcw="double", noise_strength=0.5)
    task = Cover(SONG, Music("jazz"), sampling=sampling, morph=Morph("style", caption="rock"))
    why = "a morph takes plain steps, which apg guides"
    given = ("sampler heun", "noise_strength 0.5", "dcw double")
    assert list(describe_unused(task, Neural("turbo"))) == [f"{each} had no effect: {why}." for each in given]
    says = list(describe_unused(task, Draft()))
    assert "morph style had no effect: the draft engine has no such setting." in says


def test_what_belongs_to_a_morph_has_no_effect_without_one() -> None:
    task = Cover(SONG, morph=Morph(caption="rock", start=0.1))
    assert list(describe_unused(task, Neural())) == [
        "source_caption rock had no effect: morph is off.", "morph_start 0.1 had no effect: morph is off."
    ]  # fmt: skip


def test_the_kind_of_a_model_is_only_looked_up_for_settings_that_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise AssertionError("nothing asks for it")

    monkeypatch.setattr(Neural, "model_kind", refuse)
    assert list(describe_unused(TextToMusic(sampling=Sampling(steps=8)), Neural())) == []


def test_an_engine_that_uses_no_reference_and_plans_nothing_says_so_by_name_and_value() -> None:
    song = TextToMusic(
        reference=Source("voice.wav", name="목소리.wav"),
        codes=tuple(range(100)),
        thinking=Thinking(plan_first=True, model="acestep-5Hz-lm-4B", temperature=0.5),
    )
    why = "the draft engine neither plans songs nor follows plans, which takes the neural engine"
    says = list(describe_unused(song, Draft()))
    assert says[:3] == [
        "reference 목소리.wav had no effect: the draft engine uses no reference.",
        f"thinking on had no effect: {why}.",
        f"model acestep-5Hz-lm-4B had no effect: {why}.",
    ]
    assert says[3].startswith("codes 0, 1, 2, ")
    assert len(says[3]) < 200
    assert says[4:] == [f"temperature 0.5 had no effect: {why}."]


class Latents(Neural):
    """An engine that makes audio from latents, which follows chords as notes."""

    has_latents = True


CHORDS = Music(chords="Am F")
ON_SOURCES = (
    Cover(SONG, music=CHORDS), Repaint(SONG, music=CHORDS), Lego(SONG, music=CHORDS, tracks=("bass",)),
    Complete(SONG, music=CHORDS, tracks=("bass",)),
)  # fmt: skip
NEW_SONGS = (
    "chords Am F had no effect: the latents engine follows chords in new songs alone, where there are no other notes."
)


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (TextToMusic(CHORDS, strength=0.5, guide="cover"), []),
        (TextToMusic(CHORDS, codes=(1, 2)), [NEW_SONGS]),
        (TextToMusic(CHORDS, thinking=Thinking(plan_first=True)),
         ["thinking on had no effect: the song follows its notes, and no plan."]),
        *((task, [NEW_SONGS]) for task in ON_SOURCES),
        (TextToMusic(CHORDS, midi=file_text(band(1))), [NEW_SONGS]),
    ],
    ids=lambda value: value.name if isinstance(value, Task) else "",
)  # fmt: skip
def test_an_engine_with_latents_follows_chords_in_new_songs_alone(task: Task, says: list[str]) -> None:
    engine = Latents()
    engine.name = "latents"
    assert list(describe_unused(task, engine)) == says


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (TextToMusic(CHORDS), []),
        *((task, []) for task in ON_SOURCES),
        (TextToMusic(CHORDS, guide="cover", strength=0.5),
         ["strength 0.5 had no effect: there is no plan to follow.",
          "guide cover had no effect: the draft engine plays the notes themselves."]),
        (TextToMusic(CHORDS, midi=file_text(band(1))), ["chords Am F had no effect: the song follows the notes of midi."]),
    ],
    ids=lambda value: value.name if isinstance(value, Task) else "",
)  # fmt: skip
def test_an_engine_that_plays_notes_itself_plays_chords_in_all_tasks_that_make_music(
    task: Task, says: list[str]
) -> None:
    assert list(describe_unused(task, Draft())) == says


@pytest.mark.parametrize(
    "task",
    [
        TextToMusic(sampling=Sampling(steps=9, guidance=3.0), thinking=Thinking(plan_first=True, temperature=0.5)),
        TextToMusic(thinking=Thinking(model="acestep-5Hz-lm-1.7B")),
        Cover(SONG, strength=0.3, sampling=Sampling(noise_strength=0.5, skip_quantiser=True)),
        Repaint(SONG, strength=0.3, loudness_of="context", sampling=Sampling(mask="auto")),
        Complete(SONG, tracks=("drums",)),
        Extract(SONG, tracks=("drums",), sampling=Sampling(mask="auto")),
        TextToMusic(strength=0.5, codes=(1, 2)),
        TextToMusic(strength=0.5, thinking=Thinking(plan_first=True)),
        Lego(SONG, tracks=("drums",), song_caption="a ballad"),
    ],
)
def test_what_is_used_is_not_reported(task: Task) -> None:
    assert list(describe_unused(task, Neural())) == []


def test_rules_name_fields_that_some_task_has() -> None:
    def names(kind: type[Any], prefix: str = "") -> set[str]:
        found = set()
        for f in dataclasses.fields(kind):
            group = {"sampling": Sampling, "thinking": Thinking, "output": Output, "morph": Morph, "music": Music}.get(
                f.name
            )
            found |= names(group, f"{f.name}.") if group else {prefix + f.name}
        return found

    assert {field for rule in RULES for field in rule.fields} <= set().union(*map(names, TASKS.values()))


def test_what_is_reported_does_not_depend_on_how_a_task_was_stored() -> None:
    task = Repaint(SONG, mode="aggressive", strength=0.9)
    assert list(describe_unused(from_fields(Repaint, to_fields(task)), Neural())) == list(
        describe_unused(task, Neural())
    )
