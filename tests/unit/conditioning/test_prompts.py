"""Prompts equal those of training to the letter."""

from __future__ import annotations

import pytest

from acestep_runtime.conditioning.prompts import (
    Instruction,
    layer_caption,
    lyrics_prompt,
    text_prompt,
)
from acestep_runtime.engines.registry import ENGINES
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import Music

pytest.importorskip("diffusers", reason="compares with diffusers, which only the neural engine needs")

from diffusers import AceStepPipeline

PIPELINE = AceStepPipeline.__new__(AceStepPipeline)  # its prompts need none of its models

_WORDS = "[Verse]\n밤하늘 별빛\n\n[Chorus]\n사랑해 "
CASES = [
    ("text2music", (), Music("funk with a slap bass", "", "en"), 30.0),
    ("text2music", (), Music("  spaces  \nand lines ", _WORDS, "ko", 120, "A minor", 3), 61.96),
    ("cover", (), Music('"quoted" {braces} 🎸', "la la", "unknown", 92.0, "Eb major", 6), 600.0),
    ("repaint", (), Music("", "", "unknown", 300, None, 2), 10.0),
    ("lego", ("backing_vocals",), Music("soft", "", "ja", None, "F# minor", 4), 119.999),
    ("extract", ("drums",), Music(), 12.5),
    ("complete", ("drums", "bass", "fx"), Music("band", "[Instrumental]", "zh", 30, "B♭ major", None), 45.0),
]  # fmt: skip


@pytest.mark.parametrize(("task", "tracks", "music", "duration_s"), CASES)
def test_prompts_equal_those_of_diffusers(task: str, tracks: tuple[str, ...], music: Music, duration_s: float) -> None:
    name = tracks[0] if len(tracks) == 1 and task != "complete" else None
    expected = PIPELINE._get_task_instruction(task, name, list(tracks) if task == "complete" else None)
    text, lyrics = PIPELINE._format_prompt(
        music.caption, music.lyrics, music.language, duration_s, expected,
        None if music.bpm is None else int(music.bpm), music.keyscale,
        None if music.timesignature is None else str(music.timesignature),
    )  # fmt: skip
    instruction = Instruction[task.upper()].text(tracks)
    assert instruction == expected
    assert text_prompt(instruction, music, duration_s) == text
    assert lyrics_prompt(music) == lyrics


def test_every_task_that_makes_audio_has_an_instruction() -> None:
    names = [each.name.lower() for each in Instruction]
    names.remove("lego_segment")  # a form of lego
    assert names == ["text2music", "cover", "repaint", "lego", "extract", "complete"]
    neural = ENGINES["neural"]
    assert set(names) == {name for name, task in TASKS.items() if task.kind == "audio" and neural.supports(task)}


def test_tempo_is_rounded_to_whole_beats() -> None:
    assert "- bpm: 93\n" in text_prompt("x:", Music(bpm=92.6), 30.0)


def test_keys_are_written_in_full_with_their_own_letter() -> None:
    for given, written in (("gbm", "Gb minor"), ("F# min", "F# minor"), ("A♭", "A♭ major"), ("B♭ major", "B♭ major")):
        assert f"- keyscale: {written}\n" in text_prompt("x:", Music(keyscale=given), 30.0)


def test_layer_captions_have_the_trained_form() -> None:
    whole = layer_caption("brushes", "a ballad", explicit=False, is_segment=False)
    assert whole == "Global: a ballad\nLocal: brushes\nMask Control: false"
    segment = layer_caption("brushes", "a ballad", explicit=True, is_segment=True)
    assert segment == "Local: brushes\nMask Control: true"
