"""What the transformer reads: prompts to the character of the reference, and masks, lengths and conditions of every task."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.conditioning.latents import FRAME_SAMPLES
from acestep_runtime.conditioning.prompts import Instruction
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural.recipes import RECIPES, GenerationSpec, TaskInputs
from acestep_runtime.tasks import TASKS
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames
from acestep_runtime.values import Music, Sampling
from tests.support.paths import GOLDEN

CHANNELS = 4
SILENCE = torch.arange(700.0).reshape(1, 700, 1).expand(-1, -1, CHANNELS)
PROMPTS: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads((GOLDEN / "dit_prompts.json").read_text("utf-8"))
}
TEN_S = 10 * ENGINE_RATE_HZ
TASKS_ON_SOURCES = ("cover", "repaint", "lego", "extract", "complete")


def specs(task: str, frames: int, *, is_lego_sft: bool = False, **more: Any) -> list[GenerationSpec]:
    """The specs of a request on a source of latents 1000, 1001 … a frame."""
    request = EngineRequest(TASKS[task], frames, 7, **{"span": (0, frames), "known": (0, frames), **more})
    count = -(-frames // FRAME_SAMPLES)
    latents = (1000 + torch.arange(float(count))).reshape(1, count, 1).expand(-1, -1, CHANNELS)
    source = None if task == "text2music" else latents
    return list(
        RECIPES[task](
            TaskInputs(
                request, SILENCE, source, lambda hints: hints + 0.5,
                lambda codes: torch.full((1, 5 * len(codes), CHANNELS), 7.0), is_lego_sft,
            )
        )
    )  # fmt: skip


def _masks(spec: GenerationSpec) -> list[float]:
    return spec.context[0, :, CHANNELS].tolist()


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_are_those_of_the_reference(name: str) -> None:
    case = PROMPTS[name]
    tracks = tuple(case.get("tracks") or filter(None, [case.get("track")]))
    meter = case.get("timesignature")
    music = Music(
        case["caption"], case["lyrics"], case["language"], case.get("bpm"), case.get("keyscale") or None,
        int(meter) if meter else None,
    )  # fmt: skip
    frames = seconds_to_frames(case["duration"], ENGINE_RATE_HZ)
    is_segment = "segment" in case.get("instruction", "")
    (spec,) = specs(
        case["task"], frames, is_lego_sft=case["is_lego_sft"], music=music, tracks=tracks or ("drums",),
        span=(0, frames // 2) if is_segment else (0, frames), song_caption=case.get("global_caption", ""),
        sampling=Sampling(mask=case["chunk_mask_mode"], skip_loop=True),
    )  # fmt: skip
    prompt = spec.prompt
    text = prompt.text(music.caption, prompt.song_caption)
    if not tracks and case["task"] != "text2music":  # a task of ours always names a track
        text = text.replace(
            Instruction[case["task"].upper()].text(("drums",)), Instruction[case["task"].upper()].text()
        )
    assert text == case["expected"]["text"]
    assert prompt.lyrics == case["expected"]["lyrics"]


@pytest.mark.parametrize("task", RECIPES)
def test_the_mask_auto_is_2_in_every_frame_of_any_task(task: str) -> None:
    span = (2 * ENGINE_RATE_HZ, 4 * ENGINE_RATE_HZ)
    more = {"tracks": ("bass",), "span": span, "strength": 0.5, "mode": "balanced", "codes": (1,) * 50}
    (auto,) = specs(task, TEN_S, sampling=Sampling(mask="auto", skip_loop=True), **more)
    assert set(_masks(auto)) == {2.0}
    if auto.late_conditioning is not None:
        assert set(auto.late_conditioning.context[0, :, CHANNELS].tolist()) == {2.0}
    (explicit,) = specs(task, TEN_S, sampling=Sampling(skip_loop=True), **more)
    marked = [frame for frame, value in enumerate(_masks(explicit)) if value == 1.0]
    inside = task in ("repaint", "lego")
    assert marked == (list(range(50, 100)) if inside else list(range(250)))
    assert torch.equal(explicit.context[..., :CHANNELS], auto.context[..., :CHANNELS])


@pytest.mark.parametrize("task", RECIPES)
@pytest.mark.parametrize("lyrics", ["", " \n"])
def test_only_the_prompt_of_a_new_song_without_lyrics_says_instrumental(task: str, lyrics: str) -> None:
    (spec,) = specs(task, TEN_S, tracks=("vocals",), music=Music(lyrics=lyrics, language="en"))
    words = "[Instrumental]" if task == "text2music" else lyrics
    assert spec.prompt.lyrics == f"# Languages\nen\n\n# Lyric\n{words}<|endoftext|>"


@pytest.mark.parametrize("task", ["lego", "extract"])
@pytest.mark.parametrize(
    ("seconds", "skip_loop", "duration"),
    [(6, False, "120 seconds"), (6, True, "6 seconds"), (50, False, "100 seconds"), (7.01, False, "119 seconds"),
     (60, False, "60 seconds"), (90.9, False, "90 seconds")],
)  # fmt: skip
def test_a_prompt_tells_the_length_of_what_is_read(task: str, seconds: float, skip_loop: bool, duration: str) -> None:
    frames = round(seconds * ENGINE_RATE_HZ)
    (spec,) = specs(task, frames, tracks=("drums",), sampling=Sampling(skip_loop=skip_loop))
    assert f"- duration: {duration}\n" in spec.prompt.text("")
    read_s = spec.context.shape[1] * FRAME_SAMPLES / ENGINE_RATE_HZ
    assert 0 <= read_s - int(duration.split()[0]) < 1.04
    assert spec.output_span == (0, -(-frames // FRAME_SAMPLES))


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_below_strength_1_later_steps_leave_the_codes_and_follow_the_text(strength: float) -> None:
    music = Music("warm", "la")
    (spec,) = specs("text2music", TEN_S, music=music, codes=(3,) * 50, strength=strength)
    assert spec.prompt.instruction == Instruction.COVER.value
    assert spec.context[..., :CHANNELS].unique().tolist() == [7.0]
    late = spec.late_conditioning
    assert (late is None) == (strength == 1)
    if late is not None:
        assert late.start == strength
        assert (late.prompt.instruction, late.prompt.music) == (Instruction.TEXT2MUSIC.value, music)
        assert torch.equal(late.context[..., :CHANNELS], SILENCE[:, :250])


def test_without_codes_the_strength_of_a_song_changes_nothing() -> None:
    (spec,) = specs("text2music", TEN_S, strength=0.2)
    assert spec.late_conditioning is None


def test_a_partial_layer_of_a_checkpoint_for_layers_is_a_segment() -> None:
    for span, is_segment in (((0, TEN_S), False), ((ENGINE_RATE_HZ, TEN_S), True)):
        (spec,) = specs("lego", TEN_S, is_lego_sft=True, tracks=("bass",), span=span, song_caption="a song")
        assert ("a segment of" in spec.prompt.instruction) == is_segment
        assert spec.prompt.song_caption == ("" if is_segment else "a song")
        (plain,) = specs("lego", TEN_S, tracks=("bass",), span=span, song_caption="a song")
        assert plain.prompt.instruction == "Generate the BASS track based on the audio context:"
        assert "a song" not in plain.prompt.text("a bass", plain.prompt.song_caption)
