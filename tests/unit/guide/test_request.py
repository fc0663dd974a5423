"""The table from the API's names to task fields, checked against the tasks themselves."""

import dataclasses
import inspect

import numpy as np
import pytest

from acestep_runtime import generate
from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.request import ARGUMENTS, AUDIO_TASKS, order_from_call
from acestep_runtime.guide.sound import to_audio
from acestep_runtime.tasks import TASKS, build_task
from tests.support.signals import sine

SECOND = sine(440, 1.0)


def test_every_argument_maps_to_a_field() -> None:
    arguments = inspect.signature(generate).parameters
    for name, argument in ARGUMENTS.items():
        assert name in arguments
        group, _, leaf = argument.place.rpartition(".")
        assert (argument.group, argument.field) == (group, leaf)
        holders = [
            kind for kind in (TASKS[task] for task in AUDIO_TASKS) if (group or leaf) in kind.__dataclass_fields__
        ]
        assert [kind.name for kind in holders if not argument.tasks or kind.name in argument.tasks] == [
            task for task in AUDIO_TASKS if argument.belongs_to(task)
        ]
        assert holders
        for kind in holders if group else ():
            order = kind.__dataclass_fields__[group].default_factory()
            assert leaf in {f.name for f in dataclasses.fields(order)}


def test_arguments_map_to_the_fields_of_their_tasks() -> None:
    given = {
        "caption": "jazz", "bpm": np.float64(90), "keyscale": "Am", "timesignature": "3/4", "batch_size": 2,
        "seed": 7, "auto_lrc": True, "auto_score": False, "audio_cover_strength": 0.0, "lyrics": None,
    }  # fmt: skip
    order = order_from_call("cover", given, SECOND, "draft")
    assert order.fields == {
        "music": {"caption": "jazz", "bpm": 90.0, "keyscale": "Am", "timesignature": 3},
        "output": {"takes": 2, "seeds": [7], "auto_lrc": True},
        "strength": 0.0,
    }
    build_task("cover", {**order.fields, "source": {"path": "x.wav"}})


def test_each_seed_gives_a_take() -> None:
    for seeds in ([5, 6], (5, 6), np.array([5, 6])):
        assert order_from_call("text2music", {"seed": seeds}, None, "auto").fields["output"] == {
            "takes": 2,
            "seeds": [5, 6],
        }
    assert order_from_call("text2music", {"seed": np.int64(5)}, None, "auto").fields["output"] == {"seeds": [5]}


def test_one_track_or_several() -> None:
    assert order_from_call("lego", {"track_names": ["drums"]}, SECOND, "auto").fields["tracks"] == ["drums"]
    assert order_from_call("complete", {"track_names": ("drums", "bass")}, SECOND, "auto").fields["tracks"] == [
        "drums",
        "bass",
    ]


@pytest.mark.parametrize(("end", "expected"), [(None, 31.0), (-1, 31.0)])
def test_duration_extends_a_repaint(end: float | None, expected: float) -> None:
    given = {"repainting_start": 0.5, "repainting_end": end, "duration": 30}
    assert order_from_call("repaint", given, SECOND, "auto").fields == {"start_s": 0.5, "end_s": expected}


@pytest.mark.parametrize(
    ("task", "given", "source", "said"),
    [
        ("sing", {}, None, "task_type is 'sing'; allowed: text2music, cover"),
        ("understand", {}, None, "analyze_audio"),
        ("cover", {}, None, "cover needs src_audio"),
        ("text2music", {}, SECOND, "text2music takes no src_audio"),
        ("text2music", {"repainting_start": 1}, None, "it belongs to repaint, lego"),
        ("repaint", {"audio_cover_strength": 1.0}, SECOND, "it belongs to text2music, cover"),
        ("extract", {"caption": "x"}, SECOND, "caption is 'x'; allowed: nothing for extract"),
        (
            "repaint",
            {"repainting_end": 1.0, "duration": 3},
            SECOND,
            "duration is 3; allowed: nothing for a region with an",
        ),
        ("repaint", {"duration": -3}, SECOND, "duration is -3; allowed: more than 0"),
        ("cover", {"timesignature": "waltz"}, SECOND, "timesignature is 'waltz'"),
    ],
)
def test_contradictory_arguments_are_refused(task: str, given: dict, source: object, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        order_from_call(task, given, source, "auto")


def test_the_source_is_opened_once() -> None:
    sound = to_audio(SECOND)
    assert order_from_call("cover", {}, sound, "auto").source is sound
