"""All that the reference recorded, in one table: no case is left out, and each is as near as its kind has to be.

What the numbers are: tests/golden/README.md. ``pytest -s`` prints the largest difference of each kind.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file
from torch import Tensor

from acestep_runtime.dit.velocity import VelocityModel
from acestep_runtime.samplers.dcw import make_correction
from acestep_runtime.samplers.noise import NoiseStream
from acestep_runtime.samplers.steps import HISTORY, STEPS
from acestep_runtime.values import TakeSeed
from acestep_runtime.weights.layout import find_checkpoints
from acestep_runtime.weights.load import load_dit
from acestep_runtime.weights.lora import add_adapter, remove_adapter, scale_adapter
from tests.support import golden_cases, sampling_cases
from tests.support.golden_cases import condition, difference, golden_input, parts
from tests.support.paths import GOLDEN
from tests.unit.engines.neural import test_recipes as recipes
from tests.unit.lm import test_reference_prompts as lm_prompts
from tests.unit.lyrics import test_lyric_alignment as lyrics
from tests.unit.samplers import test_mask_latents as masks
from tests.unit.weights import test_golden_adapters as adapters

LATENTS, COMPONENTS, WEIGHTS, EXACT = 1e-4, 1e-5, 1e-6, 0.0
KINDS_OF_MODELS = ("base", "turbo")


@dataclass(frozen=True)
class Kind:
    """Cases of one kind: the file that they are in, their names, how far one is off, and how far it may be."""

    file: str
    names: tuple[str, ...]
    off: Callable[[str], float]
    bound: float


def _model(name: str) -> str:
    return name.partition("/")[0]


@cache
def _load_numbers(file: str) -> dict[str, Tensor]:
    return load_file(GOLDEN / file)


# ---- components ----


def _component_names(kind: str) -> tuple[str, ...]:
    """All that was recorded of a model beside its inputs and its cases."""
    others = {"in", *golden_cases.cases(kind)}
    keys = (key for key in golden_cases.numbers(kind) if _model(key) not in others and key != "decoder/timestep")
    return tuple(sorted(keys))


@cache
def _outputs(kind: str) -> dict[str, Tensor]:
    """What our components answer to the recorded inputs, by the names of the records."""
    model, velocity = parts(kind), VelocityModel(parts(kind).dit)
    tokenizer, detokenizer = model.tokenizer, model.detokenizer
    assert tokenizer is not None
    assert detokenizer is not None
    source, noise, recorded = golden_input(kind, "src_latents"), golden_input(kind, "noise"), golden_cases.numbers(kind)
    level, context = recorded["decoder/timestep"], torch.cat((source, torch.ones_like(source)), -1)
    inputs = ("text_hidden_states", "text_attention_mask", "lyric_hidden_states", "lyric_attention_mask",
              "refer_audio_acoustic_hidden_states_packed", "refer_audio_order_mask")  # fmt: skip
    with torch.inference_mode():
        hidden, mask = model.encoder(*(golden_input(kind, name) for name in inputs))
        quantized, indices = tokenizer.tokenize(source, model.silence)
        keys = velocity.project_condition(condition(kind))
        heads = {layer: range(12) for layer in range(8)}
        maps: dict[int, list[Tensor]] = {}
        for (layer, _), weights in velocity.attention_maps(noise, level, context, keys, heads):
            maps.setdefault(layer, []).append(weights.T)
        return {
            "encoder/hidden_states": hidden, "encoder/mask": mask,
            "tokenizer/quantized": quantized, "tokenizer/indices": indices,
            "detokenizer/latents": detokenizer(recorded["tokenizer/quantized"]),
            "decoder/velocity": velocity(noise, level, context, keys),
            **{f"cross_attention/layer{layer}": torch.stack(each) for layer, each in maps.items()},
        }  # fmt: skip


def _component_off(kind: str, name: str) -> float:
    recorded = golden_cases.numbers(kind)[name]
    ours = _outputs(kind)[name]
    return difference(ours.float(), (recorded[0] if name.startswith("cross_attention") else recorded).float())


# ---- latents ----


def _first_set_off(kind: str, name: str) -> float:
    return difference(golden_cases.generate(kind, name), golden_cases.numbers(kind)[f"{name}/target_latents"])


def _sampling_off(file: str, name: str) -> float:
    return difference(
        sampling_cases.generate(_model(name), sampling_cases.cases(file)[name]), sampling_cases.target(name)
    )


def _morph_off(name: str) -> float:
    ours = sampling_cases.generate_morph(_model(name), sampling_cases.cases("sampling")[name])
    return difference(ours, sampling_cases.target(name))


def _mask_off(name: str) -> float:
    case = masks.CASES[name]
    ours = masks.generate(_model(name), case, is_auto=case.get("chunk_mask") == "auto")
    return difference(ours, masks.numbers()[f"{name}/target_latents"])


# ---- steps and noise ----


def _ab3_off(name: str) -> float:
    levels, given, after = (
        sampling_cases.numbers()[f"ab3/{name}/{each}"] for each in ("timesteps", "velocity", "x_after_step")
    )
    x, off = sampling_cases.numbers()["ab3/x0"], 0.0
    for step in range(len(given)):
        velocities = [given[step - back] for back in range(min(step + 1, HISTORY))]
        x = STEPS["ab3"](velocities, lambda x, _: x, x, float(levels[step]), float(levels[step + 1]), lambda x, _: x)
        off = max(off, difference(x, after[step]))
    return off


def _dcw_off(name: str) -> float:
    case = sampling_cases.cases("sampling")[name]
    after, clean, levels, corrected = (
        _load_numbers("step_golden.safetensors")[f"{name}/{each}"]
        for each in ("x_after_step", "denoised", "t", "corrected")
    )
    correction = make_correction(case["dcw_mode"], case["dcw_scaler"], case.get("dcw_high_scaler"))
    assert correction is not None
    rows = zip(after, clean, levels.tolist(), corrected, strict=True)
    return max(difference(correction(x, y, t), expected) for x, y, t, expected in rows)


#: What is drawn from generators of which seeds: one for each item, or one for both.
_SEEDS = {
    "morph_even": (31, 42),
    "morph_odd": (31, 42),
    "morph_variation_even": (271, 828),
    "sde_even": (65,),
    "sde_odd": (65,),
}


def _noise_off(name: str) -> float:
    expected = _load_numbers("step_golden.safetensors")[f"draws/{name}"]
    if len(_SEEDS[name]) == 1:
        generator = torch.Generator().manual_seed(*_SEEDS[name])
        return max(difference(torch.randn(each.shape, generator=generator), each) for each in expected)
    stream = NoiseStream([TakeSeed(seed) for seed in _SEEDS[name]], 0)
    return max(difference(stream.draw(each), each) for each in expected)


# ---- adapters ----


@cache
def _adaptable() -> Any:
    (checkpoint,) = find_checkpoints(GOLDEN / "acestep-v15-base-tiny")
    return load_dit(checkpoint, torch.float32).dit


def _adapter_off(case: str) -> float:
    """Records in bfloat16 have another eps, and a test of their own."""
    if case.endswith(adapters.EPS):
        adapters.test_in_bfloat16_the_magnitudes_have_the_eps_of_bfloat16(_adaptable(), case.removesuffix(adapters.EPS))
        return 0.0
    add_adapter(_adaptable(), adapters.path_of(case), case)
    try:
        off = adapters.worst(_adaptable(), case)
        if any(key.startswith(f"{case}/") and "@" in key for key in adapters.EXPECTED):
            scale_adapter(_adaptable(), case, 0.5)
            off = max(off, adapters.worst(_adaptable(), case, "@0.5"))
    finally:
        remove_adapter(_adaptable(), case)
    return off


def _adapter_names_off(file: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        adapters.test_every_way_of_writing_names_gives_the_same_weights(
            _adaptable(), adapters.ADAPTERS / f"{file}.safetensors", Path(folder)
        )
    return 0.0


# ---- texts ----


def _text_off(check: Callable[[str], None], name: str) -> float:
    """Return 0 where each text of a case equals the reference's to the character; else the check fails."""
    check(name)
    return 0.0


def _lm_prompt(name: str) -> None:
    if name in lm_prompts.SONGS:
        lm_prompts.test_prompts_of_a_song_are_those_of_the_reference(name)
    else:
        lm_prompts.test_prompts_of_text_tasks_are_those_of_the_reference(name)


MORPHS = tuple(name for name, case in sampling_cases.cases("sampling").items() if "n_avg" in case)
KINDS = {
    **{
        f"components of {kind}": Kind(
            f"{kind}_golden.safetensors", _component_names(kind), partial(_component_off, kind), COMPONENTS,
        )
        for kind in KINDS_OF_MODELS
    },
    **{
        f"first set, {kind}": Kind(
            f"{kind}_cases.json", tuple(golden_cases.cases(kind)), partial(_first_set_off, kind), LATENTS,
        )
        for kind in KINDS_OF_MODELS
    },
    "DCW, samplers, repaints, guidance": Kind(
        "sampling_cases.json", tuple(name for name in sampling_cases.cases("sampling") if name not in MORPHS),
        partial(_sampling_off, "sampling"), LATENTS,
    ),
    "morphs": Kind("sampling_cases.json", MORPHS, _morph_off, LATENTS),
    "variations": Kind(
        "variation_cases.json", tuple(sampling_cases.cases("variation")), partial(_sampling_off, "variation"), LATENTS,
    ),
    "masks and layers": Kind("mask_cases.json", tuple(masks.CASES), _mask_off, LATENTS),
    "steps of ab3": Kind("sampling_golden.safetensors", ("shift1.0", "shift3.0"), _ab3_off, WEIGHTS),
    "steps of DCW": Kind("step_golden.safetensors", ("turbo/dcw_double_odd", "base/dcw_high_heun"), _dcw_off, COMPONENTS),
    # The last bits of drawn numbers depend on the instructions of a CPU.
    "noise": Kind("step_golden.safetensors", tuple(_SEEDS), _noise_off, COMPONENTS),
    "weights with adapters": Kind(
        "adapters/expected.safetensors", tuple(sorted({_model(key) for key in adapters.EXPECTED})), _adapter_off, WEIGHTS,
    ),
    "names in adapters": Kind("adapters", tuple(each.stem for each in adapters.NAMES), _adapter_names_off, EXACT),
    "prompts of the language model": Kind("lm_prompts.json", tuple(lm_prompts.CASES), partial(_text_off, _lm_prompt), EXACT),
    "prompts of the text encoder": Kind(
        "dit_prompts.json", tuple(recipes.PROMPTS), partial(_text_off, recipes.test_prompts_are_those_of_the_reference), EXACT,
    ),
    "lines and scores of lyrics": Kind(
        "lyrics_expected.json", tuple(json.loads((GOLDEN / "lyrics_expected.json").read_text("utf-8"))),
        partial(_text_off, lyrics.test_lines_and_scores_are_those_of_the_reference), EXACT,
    ),
}  # fmt: skip
ALL = [(kind, name) for kind, row in KINDS.items() for name in row.names]


@pytest.fixture(scope="module")
def largest() -> Iterator[dict[str, float]]:
    """The largest difference of each kind; printed in the end."""
    found: dict[str, float] = {}
    yield found
    for kind, off in found.items():
        print(f"\n{kind}: {off:.1e} in {len(KINDS[kind].names)} cases, {KINDS[kind].bound:g} allowed", end="")


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_case_is_that_of_the_reference(kind: str, name: str, largest: dict[str, float]) -> None:
    off = KINDS[kind].off(name)
    largest[kind] = max(largest.get(kind, 0.0), off)
    assert off <= KINDS[kind].bound


def test_the_table_has_every_case_of_every_file() -> None:
    text = (GOLDEN / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| (\d+) \|$", text, re.MULTILINE)
    assert {(file, kind): int(count) for file, kind, count in rows} == {
        (row.file, kind): len(row.names) for kind, row in KINDS.items()
    }
    latents = {
        f"{file}/{key}"
        for file in GOLDEN.glob("*_golden.safetensors")
        for key in _load_numbers(file.name)
        if key.endswith("/target_latents")
    }
    in_table = [name for kind, row in KINDS.items() if row.bound == LATENTS for name in row.names]
    assert len(in_table) == len(latents) == 127
    for file in [*GOLDEN.glob("*.json"), *GOLDEN.glob("*.safetensors"), *GOLDEN.glob("adapters/*")]:
        assert f"`{file.name}`" in text or file.parent.name == "adapters", f"{file.name} is not described"
    files = {each.stem for each in (GOLDEN / "adapters").iterdir()} - {"expected"}
    assert files == {name.removesuffix(adapters.EPS) for name in KINDS["weights with adapters"].names} | set(
        KINDS["names in adapters"].names
    )
