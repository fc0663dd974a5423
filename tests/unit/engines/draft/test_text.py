"""The draft engine's text tasks: sheets that it can play itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.limits import validate
from acestep_runtime.lyrics.text import lyric_lines, parse
from acestep_runtime.tasks import TASKS
from acestep_runtime.text.form import section_tags
from acestep_runtime.values import CancelToken, Music

FACTS = {"engine", "caption", "lyrics", "bpm", "keyscale", "timesignature", "duration_s", "language", "instrumental"}


def run_text_task(task: str, seed: int = 1, mode: str = "", **music: Any) -> dict[str, Any]:
    events = list(DraftEngine().run(EngineRequest(TASKS[task], 0, seed, Music(**music), mode=mode), CancelToken()))
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert not any(isinstance(event, Block) for event in events)
    (facts,) = [dict(event.values) for event in events if isinstance(event, Metadata)]
    assert set(facts) == FACTS
    assert json.loads(json.dumps(facts)) == facts
    return facts


def as_music(facts: dict[str, Any]) -> Music:
    given_fields = ("caption", "lyrics", "language", "bpm", "keyscale", "timesignature")
    music = Music(**{name: facts[name] for name in given_fields})
    validate(music)
    return music


@pytest.mark.parametrize("description", ["emotional piano ballad about lost love", "신나는 여름 바다 댄스곡"])
def test_a_sample_can_be_played_unchanged(description: str) -> None:
    facts = run_text_task("create_sample", caption=description, mode="song")
    request = EngineRequest(TASKS["text2music"], 3 * 48_000, 1, as_music(facts))
    events = list(DraftEngine().run(request, CancelToken()))
    metadata = {name: value for event in events if isinstance(event, Metadata) for name, value in event.values.items()}
    assert (metadata["bpm"], metadata["keyscale"], metadata["timesignature"]) == (facts["bpm"], facts["keyscale"], 4)
    assert sum(len(event.samples) for event in events if isinstance(event, Block)) == 3 * 48_000
    assert len(section_tags(facts["lyrics"])) >= 6


def test_samples_differ_by_seed_and_repeat() -> None:
    one, again, other = (run_text_task("create_sample", seed, caption="folk about home") for seed in (1, 1, 2))
    assert one == again
    assert one["lyrics"] != other["lyrics"]


def test_a_sample_without_words() -> None:
    facts = run_text_task("create_sample", caption="pop about love", mode="instrumental")
    assert facts["lyrics"] == "[Instrumental]"
    assert facts["instrumental"] is True


def test_given_values_are_kept_and_missing_ones_proposed() -> None:
    facts = run_text_task(
        "format_sample",
        caption="soft piano, Ballad, ballad",
        lyrics="verse 1:\nI am here  \n\n\n(Chorus)\nsing",
        bpm=71.0,
        keyscale="Ab minor",
        timesignature=6,
        language="fr",
    )
    assert facts["lyrics"] == "[Verse 1]\nI am here\n\n[Chorus]\nsing"
    assert (facts["bpm"], facts["keyscale"], facts["timesignature"], facts["language"]) == (71, "Ab minor", 6, "fr")
    assert facts["caption"].split(", ")[:2] == ["Ballad", "soft piano"]
    assert facts["duration_s"] == 30  # four bars would be less than any song
    proposed = run_text_task("format_sample", caption="soft piano, Ballad")
    assert 40 < proposed["bpm"] < 90
    assert proposed["keyscale"] in proposed["caption"]
    assert 150 <= proposed["duration_s"] <= 210
    assert proposed["lyrics"] == ""
    assert not proposed["instrumental"]


def test_formatting_is_idempotent() -> None:
    once = run_text_task("format_sample", caption="jazzy, epic thing", lyrics="la la\n\nda da\n\nla la")
    again = run_text_task("format_sample", caption=once["caption"], lyrics=once["lyrics"])
    assert (once["caption"], once["lyrics"]) == (again["caption"], again["lyrics"])


def test_the_length_fits_the_lines() -> None:
    lyrics = "\n\n".join(f"[Verse {n}]\n" + "\n".join(["la la la la"] * 4) for n in range(1, 9))
    facts = run_text_task("format_sample", caption="rock", lyrics=lyrics, bpm=120.0)
    assert facts["duration_s"] == 2 * 32 * 2  # two bars of two seconds a line
    assert len(parse(facts["lyrics"])) == 8


@pytest.mark.parametrize(
    ("lyrics", "language"),
    [
        ("안녕 내 사랑", "ko"),
        ("さくら 咲く", "ja"),
        ("月亮代表", "zh"),
        ("песня", "ru"),
        ("hello", "en"),
        ("123", "unknown"),
    ],
)
def test_the_script_determines_the_language(lyrics: str, language: str) -> None:
    assert run_text_task("format_sample", caption="", lyrics=lyrics)["language"] == language


def test_instrumental_music_stays_instrumental() -> None:
    facts = run_text_task("format_sample", caption="ambient, instrumental")
    assert (facts["lyrics"], facts["instrumental"]) == ("[Instrumental]", True)
    assert run_text_task("format_sample", lyrics="[Guitar solo]")["instrumental"]
    assert not lyric_lines(facts["lyrics"])
