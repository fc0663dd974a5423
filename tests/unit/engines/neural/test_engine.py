"""The neural engine on a tiny complete checkpoint: every task, and what each promises."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress, TaskTraits
from acestep_runtime.engines.neural import model, sampling
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.errors import Cancelled, EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.installation import install_remedy
from acestep_runtime.memory.policy import Offload, Place
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling
from acestep_runtime.weights.layout import chosen
from tests.support.signals import noise
from tests.support.tiny_models import tiny_checkpoint, tiny_models

pytestmark = pytest.mark.slow

FRAMES = 3 * 48_000 + 777
SPAN = (48_000, 96_000)
FEW = Sampling(steps=2, skip_loop=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> NeuralEngine:
    return NeuralEngine(folder)


@pytest.fixture(scope="module")
def source() -> Samples:
    return np.ascontiguousarray(0.3 * noise(FRAMES / 48_000, rate_hz=48_000)[:FRAMES])


def request(task: str, source: Samples | None, **more: Any) -> EngineRequest:
    if task != "text2music":
        more = {"source": source, "known": (0, FRAMES), "span": SPAN, **more}
    tracks = {"lego": ("drums", "bass"), "extract": ("vocals",), "complete": ("vocals", "fx")}.get(task, ())
    music = Music("warm piano", "la la\nla", "en", bpm=120.0)
    return EngineRequest(
        TASKS[task], FRAMES, 7, music, **{"sampling": FEW, "tracks": tracks, "mode": "balanced", **more}
    )


def play(engine: NeuralEngine, asked: EngineRequest) -> tuple[dict[str, Samples], dict[str, Any], list[Progress]]:
    blocks: dict[str, list[Samples]] = {}
    facts: dict[str, Any] = {}
    progress = []
    for event in engine.run(asked, CancelToken()):
        if isinstance(event, Block):
            blocks.setdefault(event.role, []).append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
        else:
            progress.append(event)
    return {role: np.concatenate(parts) for role, parts in blocks.items()}, facts, progress


@pytest.mark.parametrize("task", RECIPES)
def test_every_task_makes_its_roles_in_full_and_the_same_again(
    engine: NeuralEngine, source: Samples, task: str
) -> None:
    roles, facts, progress = play(engine, request(task, source))
    expected = {"lego": ["drums", "bass"], "extract": ["vocals", "other"]}.get(task, ["mix"])
    assert list(roles) == expected
    for made in roles.values():
        assert made.shape == (FRAMES, 2)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert np.abs(made[slice(*SPAN)]).max() > 0.01
    assert facts["model"] == ("acestep-v15-base" if task in ("lego", "extract", "complete") else "acestep-v15-turbo")
    fractions = [each.fraction for each in progress]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    again, _, _ = play(engine, request(task, source))
    assert all(np.array_equal(again[role], made) for role, made in roles.items())
    other, _, _ = play(engine, replace(request(task, source), seed=8))
    assert not np.array_equal(other[expected[0]], roles[expected[0]])


def test_stems_and_the_rest_add_up_to_the_source(engine: NeuralEngine, source: Samples) -> None:
    roles, _, _ = play(engine, request("extract", source, tracks=("vocals", "drums")))
    assert np.abs(sum(roles.values()) - source).max() < 1e-5


def test_the_second_take_of_a_region_encodes_nothing(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(engine, request("repaint", source))
    assert engine._model is not None
    encoded = []
    means = type(engine._model.codec)._posterior_mean
    monkeypatch.setattr(type(engine._model.codec), "_posterior_mean", lambda *a: (encoded.append(1), means(*a))[1])
    play(engine, replace(request("repaint", source), seed=9))
    assert not encoded


def test_a_repaint_decodes_only_what_it_changes(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(engine, request("repaint", source))
    assert engine._model is not None
    decoded = []
    plain = type(engine._model.codec)._decode_tile
    monkeypatch.setattr(
        type(engine._model.codec), "_decode_tile", lambda self, x, span: (decoded.append(span), plain(self, x, span))[1]
    )
    roles, _, _ = play(engine, request("repaint", source))
    assert sum(stop - start for start, stop in decoded) == 25
    assert not roles["mix"][: SPAN[0]].any()


@pytest.mark.parametrize(
    ("task", "sampling"),
    [
        ("text2music", Sampling(steps=3, sampler="heun")),
        ("text2music", Sampling(timesteps=(1.0, 0.5))),
        ("text2music", Sampling(model="base", steps=2, guidance=5.0, guidance_method="adg", guidance_start=0.2)),
        ("text2music", Sampling(model="base", steps=3, sampler="sde", velocity_clamp=1.0, velocity_ema=0.2)),
        ("cover", Sampling(steps=4, noise_strength=0.5)),
        ("cover", Sampling(steps=2, skip_quantiser=True)),
        ("repaint", Sampling(steps=2, mask="auto")),
        ("lego", Sampling(steps=1)),  # repeated to two minutes
    ],
)
def test_ways_of_sampling_change_the_result(
    engine: NeuralEngine, source: Samples, task: str, sampling: Sampling
) -> None:
    plain = request(task, source, sampling=Sampling(model=sampling.model, steps=2, skip_loop=True))
    usual, other = (play(engine, asked)[0] for asked in (plain, replace(plain, sampling=sampling)))
    for role, made in other.items():
        assert np.isfinite(made).all()
        assert not np.array_equal(made, usual[role])


def test_strength_and_mode_say_how_much_is_kept(engine: NeuralEngine, source: Samples) -> None:
    covers = [
        play(engine, request("cover", source, strength=s, sampling=Sampling(steps=4)))[0]["mix"] for s in (0, 0.5, 1)
    ]
    assert not np.array_equal(covers[0], covers[1])
    assert not np.array_equal(covers[1], covers[2])
    text, _, _ = play(engine, request("text2music", None, sampling=Sampling(steps=4)))
    assert np.abs(covers[0] - text["mix"]).max() < 1e-5
    made = [play(engine, request("repaint", source, mode=mode))[0]["mix"] for mode in ("conservative", "aggressive")]
    assert not np.array_equal(*made)


def test_both_layouts_make_the_same(engine: NeuralEngine, source: Samples, tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path, "diffusers", "turbo")
    for task in ("text2music", "cover", "repaint"):
        ours, theirs = (play(each, request(task, source))[0]["mix"] for each in (engine, NeuralEngine(tmp_path)))
        assert np.abs(ours - theirs).max() < 1e-5


def test_what_a_model_cannot_do_is_refused_with_the_model_that_can(
    folder: Path, source: Samples, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValue, match=r"needs a base model\. Choose acestep-v15-base"):
        next(NeuralEngine(folder).run(request("lego", source, sampling=Sampling(model="turbo")), CancelToken()))
    with pytest.raises(EngineFailure, match="acebridge models pull acestep-v15-base"):
        next(NeuralEngine(tmp_path).run(request("extract", source), CancelToken()))

    class Mastering(TaskTraits):
        name = "mastering"

    with pytest.raises(UnsupportedTask, match=r"cannot do mastering; it can do text2music, cover"):
        next(NeuralEngine(folder).run(EngineRequest(Mastering, 0, 0), CancelToken()))


def test_cancelling_stops_at_the_next_step(engine: NeuralEngine, source: Samples) -> None:
    cancel = CancelToken()
    events = engine.run(request("repaint", source, sampling=Sampling(steps=50)), cancel)
    for event in events:
        if isinstance(event, Progress) and "step 2" in event.stage:
            break
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(events)


def test_when_memory_runs_out_the_job_says_so(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Iterator[object]:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(sampling, "_denoise", full)
    with pytest.raises(EngineFailure, match=r"The memory of cpu is not enough for this job\. Ask for a shorter region"):
        play(engine, request("repaint", source))


def test_takes_that_fit_are_made_in_one_pass(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(request("lego", source, sampling=Sampling(steps=2, sampler="sde", skip_loop=True)), seeds=(7, 8, 9))
    alone = {seed: play(engine, replace(asked, seed=seed, seeds=()))[0] for seed in asked.seeds}
    passes = []
    plain = sampling._denoise
    monkeypatch.setattr(sampling, "takes_at_once", lambda *_, **__: 2)
    monkeypatch.setattr(sampling, "_denoise", lambda *given: (passes.append(given[3]), plain(*given))[1])
    for seed in asked.seeds:
        together, _, _ = play(engine, replace(asked, seed=seed))
        for role, made in together.items():
            assert np.abs(made - alone[seed][role]).max() < 1e-5
    assert passes == [[7, 8]] * 2 + [[9]] * 2  # two tracks


def test_weights_in_int8_make_nearly_the_same(
    engine: NeuralEngine, folder: Path, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = NeuralEngine(folder)
    for task in ("text2music", "repaint", "lego"):
        monkeypatch.delenv("ACEBRIDGE_INT8_WEIGHTS", raising=False)
        whole, _, _ = play(engine, request(task, source))
        monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", "true")
        made, _, _ = play(small, request(task, source))
        again, _, _ = play(small, request(task, source))
        for role, samples in made.items():
            assert np.array_equal(samples, again[role])
            off = np.linalg.norm(samples - whole[role]) / np.linalg.norm(whole[role])
            assert 0 < off < 0.05, off


def test_weights_in_int8_become_so_before_they_go_to_a_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded_to = []
    place = Place(torch.device("meta"), torch.float32, Offload.NONE)
    monkeypatch.setattr(model, "best_place", lambda *_, **__: place)
    plain = model.load

    def load(checkpoint: Any, dtype: torch.dtype, device: torch.device) -> Any:
        loaded_to.append(device.type)
        return plain(checkpoint, dtype, torch.device("cpu"))

    monkeypatch.setattr(model, "load", load)
    monkeypatch.setattr(model, "fingerprint", lambda _: "none")  # there are no values on that device
    monkeypatch.setattr(model.int8, "quantised", lambda _: loaded_to.append("smaller"))
    for wanted in ("false", "true"):
        monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", wanted)
        model.Model.load(chosen(folder, "turbo", needs_base=False))
    assert loaded_to == ["meta", "cpu", "smaller", "smaller", "smaller"]


def test_weights_in_int8_need_torchao(folder: Path, source: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", "true")
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(EngineFailure, match=re.escape(f"torchao is not installed. {install_remedy('neural-gpu')}")):
        play(NeuralEngine(folder), request("repaint", source))
