"""The commands of tasks: each task has one, and each of its options does something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from acebridge.cli import options, request_fields
from acebridge.cli.app import TASK_COMMANDS
from acebridge.cli.task_command import Command
from acebridge.contract.fields import fields_of, fill
from acebridge.contract.tasks import request_type
from acestep_runtime.tasks import TASKS, Task

#: Options that are no field of the request: files, and how it is sent, queued and reported.
APART = {"src", "reference", "out", "save_plan", "timing", "words", "offset", "html", "engine", "auto_gen", "session",
         "bits", "by_path", "bars", "caption_words", "downmix", "detach", "listen", "play", "json", "address",
         "no_autostart", "midi_out"}  # fmt: skip
#: A value for each option that needs more than a number.
VALUES: Mapping[str, Any] = {
    "lyrics": "la la", "key": "Am", "time_signature": 3, "lora": ["soft:0.5"], "timesteps": "1,0.5", "track": ["drums"],
    "seed": [7], "encoding": options.EncodingName.pcm24, "scope": options.ScopeName.region, "min_score": 0.5, "tries": 2,
    "steps": 4, "lm_top_k": 20, "lm_at_once": 2, "takes": 2, "sample_rate": 44_100, "channels": 1, "best_of": 3,
    "variation_seed": [9], "max_tries": 3, "mode": "aggressive", "mask": "auto", "dcw": "low",
    "morph": "style", "morph_draws": 2,
    "score_by": "lm", "match_loudness": "context", "preview": 8, "guide": "cover",
}  # fmt: skip
WORDS = {
    "caption",
    "song_caption",
    "source_caption",
    "source_lyrics",
    "language",
    "chords",
    "model",
    "vae",
    "sampler",
    "guidance_method",
    "lm",
    "negative",
    "description",
}
FLAGS = {
    "thinking",
    "keep_caption",
    "skip_quantiser",
    "skip_loop",
    "auto_lrc",
    "auto_score",
    "keep_all",
    "fix_timing",
    "instrumental",
    "mono",
    "mix",
}


#: Options that name a file, each with the one that the test writes.
FILES = {"plan": "plan.json", "chords_file": "chords.txt", "midi": "notes.mid"}


def value_of(option: str) -> Any:
    if option in VALUES:
        return VALUES[option]
    return "word" if option in WORDS else True if option in FLAGS else 0.25


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_each_task_has_a_command(task: type[Task]) -> None:
    (command,) = (each for each in TASK_COMMANDS.values() if each.task == task.name)
    assert ("out" in command.options) == (task.kind == "audio")
    assert ({"listen", "play", "html"} <= set(command.options)) == (task.kind == "audio")
    assert ("src" in command.options) == task.has("source")
    assert ("reference" in command.options) == task.has("reference")
    assert ("track" in command.options) == task.has("tracks")
    assert ("thinking" in command.options) == task.can_plan
    assert command.run.__doc__


@pytest.mark.parametrize("command", TASK_COMMANDS.values(), ids=TASK_COMMANDS)
def test_each_option_is_a_field_that_the_wire_takes(command: Command, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"metadata": {}, "codes": [1, 2]}')
    (tmp_path / "chords.txt").write_text("Am F")
    (tmp_path / "notes.mid").write_bytes(b"MThd")
    task = TASKS[command.task]
    for option in command.options:
        beside = {"thinking": True} if option == "save_plan" else {}
        value = tmp_path / FILES[option] if option in FILES else value_of(option)
        fields = request_fields.request_fields(task, {**beside, option: value})
        assert (fields != request_fields.request_fields(task, beside)) == (option not in APART), option
        message = request_type(command.task)()
        fill(message, fields)
        assert fields_of(message).keys() == fields.keys(), option


@pytest.mark.parametrize(
    ("name", "tracks", "several"),
    [("lego", 1, False), ("lego", 2, True), ("lego", 0, True), ("extract", 1, True), ("extract", 0, True),
     ("complete", 1, True), ("repaint", 0, False), ("text2music", 0, False), ("score", 0, False)],
)  # fmt: skip
def test_several_outputs_need_a_folder(name: str, tracks: int, several: bool) -> None:
    assert TASKS[name].returns_several(tracks) == several
