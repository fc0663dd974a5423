"""What models read here and in the reference: one table, a row for each way in which the two could differ.

`test_recipes.py` and the tests of prompts and latents have the details; their numbers are described in tests/golden/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.conditioning.latents import span_to_frames
from acestep_runtime.engines.base import EngineRequest
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.language import Plan, code_count, user_metadata
from acestep_runtime.lm import planning, prompts, writing
from acestep_runtime.lm.grammar import build_grammar
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.lm.vocabulary import Matcher
from acestep_runtime.samplers.dcw import make_correction
from acestep_runtime.samplers.loop import injection_steps
from acestep_runtime.samplers.schedule import linear
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Source
from acestep_runtime.tasks.region_input import region_input
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import Music, Sampling
from tests.support.lm_vocabularies import run_to_end, terse, vocabulary
from tests.support.paths import GOLDEN
from tests.unit.engines.neural.test_recipes import CHANNELS, specs

SECOND = ENGINE_RATE_HZ
FACTS = Music("warm piano ballad", "la", "ko", 128, "F# minor", 6)


def _golden(file: str, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = json.loads((GOLDEN / file).read_text("utf-8"))
    return next(row for row in rows if row["name"] == name)


def _lm(name: str, key: str) -> str:
    text: str = _golden("lm_prompts.json", name)["expected"][key]
    return text


def _dit(name: str, key: str) -> str:
    text: str = _golden("dit_prompts.json", name)["expected"][key]
    return text


def _codes_prompt() -> str:
    case = _golden("lm_prompts.json", "all_given")
    thought = planning.codes_thought(user_metadata(FACTS, length_s=20.0))
    return prompts.codes_prompt(case["caption"], case["lyrics"], thought)


def _plan_of_all_facts() -> tuple[Any, int]:
    """What is planned where all is given, and the number of tokens that were sampled for it."""
    given = user_metadata(FACTS, length_s=20.0)
    (metadata,), counts = run_to_end(
        planning.plan_metadata(terse(), FACTS.caption, "la", given, ("genres",), [1], SamplingParams())
    )
    return Plan(metadata).apply_to(FACTS, keep_caption=False), len(counts)


def _mask(task: str, mask: str) -> set[float]:
    more: dict[str, Any] = {"tracks": ("bass",), "span": (SECOND, 3 * SECOND), "mode": "balanced"}
    (spec,) = specs(task, 10 * SECOND, sampling=Sampling(mask=mask, skip_loop=True), **more)
    return set(spec.context[0, :, CHANNELS].tolist())


def _region_input(lyrics: str) -> tuple[bool, str]:
    """Whether a repaint of 40 to 42 s in a song of 80 s hears the whole song, and the words that it reads."""
    source = Source("song.wav")
    object.__setattr__(source, "part", lambda: (SimpleNamespace(sample_rate=10), 0, 800))
    got = region_input(lyrics, source, 40, 42, 10, NeuralEngine())
    return got.context_s >= 80, got.words.text


def _layer(*, is_segment: bool) -> str:
    (spec,) = specs(
        "lego", int(62.4 * SECOND), is_lego_sft=True, tracks=("drums",), song_caption="an indie rock song with male vocals",
        music=Music("tight dry kit, ghost notes on the snare", "[Verse]\nla la", "en", 118, "E minor", 4),
        span=(0, (30 if is_segment else 63) * SECOND),
    )  # fmt: skip
    return spec.prompt.text(spec.prompt.music.caption, spec.prompt.song_caption)


def _extract(seconds: float, name: str) -> str:
    (spec,) = specs("extract", round(seconds * SECOND), tracks=("vocals",), sampling=Sampling(skip_loop=seconds > 10))
    text: str = getattr(spec.prompt, name) if name == "lyrics" else spec.prompt.text("")
    return text


def _late_instruction() -> tuple[float, str]:
    (spec,) = specs("text2music", 10 * SECOND, codes=(1,) * 50, strength=0.5)
    late = spec.late_conditioning
    assert late is not None
    return late.start, late.prompt.instruction


def _fields_asked(task: str) -> set[str]:
    params = SamplingParams()
    work = (
        writing.write_sample(terse(), "a song", instrumental=False, preset={}, seed=3, params=params)
        if task == "create_sample"
        else writing.format_sample(terse(), "warm", "la", {}, 3, params)
    )
    return set(run_to_end(work)[0].metadata)


def _longest_caption() -> int:
    """Letters of a caption that the grammar lets a model write, in lines of 80."""
    line = "warm piano and brushed drums under a close breathy voice in a small dark room so"
    words = vocabulary()
    matcher: Matcher = words.matcher(build_grammar({}, ("bpm",), think_end=words.think_end))
    tokens, written = words.encode("caption: " + "\n  ".join([line] * 26)), 0
    for token in tokens:
        if not matcher.token_mask()[token]:
            break
        matcher.consume(token)
        written += 1
    return len(line) * 26 if written == len(tokens) else written


#: What could differ → ours, the reference's.
ROWS: dict[str, tuple[Callable[[], Any], Any]] = {
    "codes go on in the turn of their thought, which stays open": (_codes_prompt, _lm("all_given", "codes")),
    "guidance of codes compares with no song at all": (
        prompts.codes_negative_prompt, _lm("plain", "codes_unconditional"),
    ),
    "guidance of codes compares with the negative prompt as it is written": (
        lambda: prompts.codes_negative_prompt("흐릿한 소리, 잡음"), _lm("korean_negative", "codes_unconditional"),
    ),
    "with tempo, key, meter and length nothing is planned, and the caption stays": (_plan_of_all_facts, (FACTS, 0)),
    "DCW corrects turbo models, and others only where it is asked for": (
        lambda: [make_correction(mode, is_turbo=is_turbo) is not None
                 for mode in ("", "double", "off") for is_turbo in (True, False)],
        [True, False, True, True, False, False],
    ),
    "the last step of a turbo model is followed by no injection": (
        lambda: [injection_steps(ratio, 8, is_turbo=is_turbo) for ratio in (1.0, 0.5) for is_turbo in (True, False)],
        [7, 8, 4, 4],
    ),
    "eight steps of a turbo model follow any shift": (
        lambda: [round(level, 5) for level in linear(8, 2.5)[1:4]],
        [round(2.5 * t / (1 + 1.5 * t), 5) for t in (7 / 8, 6 / 8, 5 / 8)],
    ),
    "the mask auto is 2 in all frames of a repaint": (lambda: _mask("repaint", "auto"), {2.0}),
    "the mask auto is 2 in all frames of a song": (lambda: _mask("text2music", "auto"), {2.0}),
    "the usual mask marks the region": (lambda: _mask("repaint", ""), {0.0, 1.0}),
    "words without times are those of the whole song, which is heard": (lambda: _region_input("one\ntwo"), (True, "one\ntwo")),
    "of words with times those of what is heard are read": (
        lambda: _region_input("[00:10.00]one\n[00:35.00]two\n[00:41.00]three\n[01:00.00]four"), (False, "two\nthree"),
    ),
    "stems are not told that they are instrumental": (
        lambda: _extract(15, "lyrics"), _dit("extract_empty_lyrics", "lyrics"),
    ),
    "a stem's prompt": (lambda: _extract(15, "text"), _dit("extract_empty_lyrics", "text")),
    "a source that is repeated is told at its length with all repetitions": (
        lambda: _extract(6, "text"),
        _dit("extract_empty_lyrics", "text").replace("15 seconds", "120 seconds"),
    ),
    "the caption of a layer is local, that of the song global": (
        lambda: _layer(is_segment=False), _dit("lego_sft_whole_explicit", "text"),
    ),
    "a part of a layer is a segment without the song": (
        lambda: _layer(is_segment=True), _dit("lego_sft_segment_explicit", "text"),
    ),
    "below strength 1 later steps follow the text, and no codes": (
        _late_instruction, (0.5, "Fill the audio semantic mask based on the given conditions:"),
    ),
    "a length is cut to whole seconds": (
        lambda: [user_metadata(Music(), length_s=length_s)["duration"] for length_s in (29.99, 30.0, 0.5)], [29, 30, 1],
    ),
    "keys keep their letter": (
        lambda: [user_metadata(Music(keyscale=key))["keyscale"] for key in ("Gb minor", "A♭ major", "F#m")],
        ["Gb minor", "A♭ major", "F# minor"],
    ),
    "a song from a sentence has genres": (lambda: "genres" in _fields_asked("create_sample"), True),
    "a song in standard form has genres": (lambda: "genres" in _fields_asked("format_sample"), True),
    "a thought before codes has none": (lambda: planning.codes_thought({"bpm": 90, "genres": "pop"}), "bpm: 90\n"),
    "a caption may have some 2,000 letters": (_longest_caption, 26 * 80),
    "five codes make a second": (
        lambda: [code_count(round(length_s * SECOND)) for length_s in (0.2, 10, 29.8, 30, 600)], [1, 50, 149, 150, 3000],
    ),
    "a region on the frames of the model covers these and no more": (
        lambda: span_to_frames(2 * SECOND, 4 * SECOND), (50, 100),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_model_reads_what_it_reads_in_the_reference(row: str) -> None:
    ours, reference = ROWS[row]
    assert ours() == reference


def test_a_last_part_of_a_fifth_of_a_second_has_a_code_of_its_own() -> None:
    """The reference makes such a song shorter; here it is as long as asked, and no frame of it follows silence."""
    assert code_count(round(10.05 * SECOND)) == int(5 * 10.05) + 1
    request = EngineRequest(TASKS["text2music"], round(10.05 * SECOND), 1, codes=(1,) * 51)
    (spec,) = specs("text2music", request.frames, codes=request.codes)
    assert spec.context[0, :, 0].unique().tolist() == [7.0]
