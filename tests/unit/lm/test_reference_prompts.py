"""The prompts of the language model equal those of the reference to the character: see tests/golden/README.md."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from acestep_runtime.lm import prompts
from tests.support.paths import GOLDEN

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.lm import grammar, planning

CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in json.loads((GOLDEN / "lm_prompts.json").read_text())}
SONGS = [name for name, case in CASES.items() if case["mode"] == "generate"]


def _preset(case: dict[str, Any]) -> dict[str, str | int]:
    """The metadata that a user gave, as ours has it: beats per bar as a number, nothing that is ``None``."""
    given = {name: value for name, value in (case["user_metadata"] or {}).items() if value is not None}
    if "timesignature" in given:
        given["timesignature"] = int(str(given["timesignature"]).partition("/")[0])
    return given


def _metadata(case: dict[str, Any]) -> dict[str, str | int]:
    """The metadata of the song: what the model answered, or what was given where it is not asked."""
    if "thought" not in case:
        return _preset(case)
    return grammar.parse_metadata(case["thought"].removeprefix("<think>\n").removesuffix("\n</think>"))


@pytest.mark.parametrize("name", SONGS)
def test_prompts_of_a_song_are_those_of_the_reference(name: str) -> None:
    case, expected = CASES[name], CASES[name]["expected"]
    thought = planning.codes_thought(_metadata(case))
    assert f"<think>\n{thought.strip()}\n</think>" == expected["thought"]
    assert prompts.codes_prompt(case["caption"], case["lyrics"], thought) == expected["codes"]
    assert prompts.codes_negative_prompt(case["negative_prompt"]) == expected["codes_unconditional"]
    assert planning.is_complete(_preset(case)) == ("plan" not in expected)
    if "plan" in expected:
        assert prompts.plan_prompt(case["caption"], case["lyrics"]) == expected["plan"]


def test_a_thought_before_codes_holds_no_genres() -> None:
    assert planning.codes_thought({"bpm": 90, "genres": "pop", "caption": "warm"}) == "bpm: 90\ncaption: warm\n"


@pytest.mark.parametrize("name", [name for name in CASES if name not in SONGS])
def test_prompts_of_text_tasks_are_those_of_the_reference(name: str) -> None:
    case = CASES[name]
    codes = [int(number) for number in re.findall(r"audio_code_(\d+)", case.get("audio_codes", ""))]
    prompt = {
        "understand": lambda: prompts.describe_prompt(codes),
        "simple": lambda: prompts.sample_prompt(case["query"], instrumental=case["instrumental"]),
        "format": lambda: prompts.format_prompt(case["caption"], case["lyrics"]),
    }[case["mode"]]()
    assert prompt == case["expected"]["prompt"]
