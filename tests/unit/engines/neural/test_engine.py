"""The neural engine on a tiny complete checkpoint: every task and its guarantees."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from safetensors.torch import load_file, save_file

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress, TaskTraits
from acestep_runtime.engines.neural import diffusion, model
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.engines.neural.recipes import RECIPES
from acestep_runtime.errors import Cancelled, EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.installation import install_remedy
from acestep_runtime.memory import machine
from acestep_runtime.memory.need import Numbers, need_bytes
from acestep_runtime.memory.policy import ComputeConfig, Offload
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music, Sampling, TakeSeed
from acestep_runtime.weights.numbers import count_weights
from acestep_runtime.weights.selection import select_checkpoint
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


def run_engine(engine: NeuralEngine, job: EngineRequest) -> tuple[dict[str, Samples], dict[str, Any], list[Progress]]:
    blocks: dict[str, list[Samples]] = {}
    facts: dict[str, Any] = {}
    progress = []
    for event in engine.run(job, CancelToken()):
        if isinstance(event, Block):
            blocks.setdefault(event.role, []).append(event.samples)
        elif isinstance(event, Metadata):
            facts.update(event.values)
        else:
            progress.append(event)
    return {role: np.concatenate(parts) for role, parts in blocks.items()}, facts, progress


@pytest.mark.parametrize("task", RECIPES)
def test_every_task_returns_full_roles_deterministically(engine: NeuralEngine, source: Samples, task: str) -> None:
    roles, facts, progress = run_engine(engine, request(task, source))
    expected = {"lego": ["drums", "bass"], "extract": ["vocals", "other"]}.get(task, ["mix"])
    assert list(roles) == expected
    for samples in roles.values():
        assert samples.shape == (FRAMES, 2)
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert np.abs(samples[slice(*SPAN)]).max() > 0.01
    assert facts["model"] == ("acestep-v15-base" if task in ("lego", "extract", "complete") else "acestep-v15-turbo")
    fractions = [each.fraction for each in progress]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    again, _, _ = run_engine(engine, request(task, source))
    assert all(np.array_equal(again[role], samples) for role, samples in roles.items())
    other, _, _ = run_engine(engine, replace(request(task, source), seed=8))
    assert not np.array_equal(other[expected[0]], roles[expected[0]])


def test_stems_and_rest_sum_to_the_source(engine: NeuralEngine, source: Samples) -> None:
    roles, _, _ = run_engine(engine, request("extract", source, tracks=("vocals", "drums")))
    assert np.abs(sum(roles.values()) - source).max() < 1e-5


def test_the_second_take_of_a_region_uses_cached_latents(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_engine(engine, request("repaint", source))
    assert engine._model is not None
    encoded = []
    means = type(engine._model.codec)._posterior_mean
    monkeypatch.setattr(type(engine._model.codec), "_posterior_mean", lambda *a: (encoded.append(1), means(*a))[1])
    run_engine(engine, replace(request("repaint", source), seed=9))
    assert not encoded


def test_a_repaint_decodes_only_its_span(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_engine(engine, request("repaint", source))
    assert engine._model is not None
    decoded = []
    original = type(engine._model.codec)._decode_tile
    monkeypatch.setattr(
        type(engine._model.codec),
        "_decode_tile",
        lambda self, x, span: (decoded.append(span), original(self, x, span))[1],
    )
    roles, _, _ = run_engine(engine, request("repaint", source))
    assert sum(stop - start for start, stop in decoded) == 25
    assert not roles["mix"][: SPAN[0]].any()


@pytest.mark.parametrize(
    ("task", "sampling"),
    [
        ("text2music", Sampling(steps=3, sampler="heun")),
        ("text2music", Sampling(timesteps=(1.0, 0.5))),
        ("text2music", Sampling(steps=2, shift=2.5)),
        ("text2music", Sampling(steps=2, dcw="off")),
        ("repaint", Sampling(steps=2, dcw="high", dcw_strength=0.3)),
        ("lego", Sampling(steps=2, skip_loop=True, dcw="double", dcw_high_strength=0.5)),
        ("text2music", Sampling(model="base", steps=3, sampler="ab3")),
        ("text2music", Sampling(model="base", steps=2, guidance=5.0, guidance_method="adg", guidance_start=0.2)),
        ("text2music", Sampling(model="base", steps=3, sampler="sde", velocity_clamp=1.0, velocity_ema=0.2)),
        ("cover", Sampling(steps=4, noise_strength=0.5)),
        ("cover", Sampling(steps=2, skip_quantiser=True)),
        ("repaint", Sampling(steps=2, mask="auto")),
        ("lego", Sampling(steps=1)),  # repeated to two minutes
    ],
)
def test_sampling_options_change_the_result(
    engine: NeuralEngine, source: Samples, task: str, sampling: Sampling
) -> None:
    original = request(task, source, sampling=Sampling(model=sampling.model, steps=2, skip_loop=True))
    usual, other = (
        run_engine(engine, lego_request)[0] for lego_request in (original, replace(original, sampling=sampling))
    )
    for role, samples in other.items():
        assert np.isfinite(samples).all()
        assert not np.array_equal(samples, usual[role])


@pytest.mark.parametrize(("kind", "default"), [("turbo", "double"), ("base", "off")])
def test_turbo_models_alone_are_corrected_where_nobody_says_otherwise(
    engine: NeuralEngine, kind: str, default: str
) -> None:
    def make(dcw: str) -> Samples:
        return run_engine(engine, request("text2music", None, sampling=Sampling(model=kind, steps=3, dcw=dcw)))[0][
            "mix"
        ]

    usual = make("")
    assert np.array_equal(usual, make("auto"))
    assert np.array_equal(usual, make(default))
    assert not np.array_equal(usual, make("off" if default == "double" else "double"))


def test_repaint_strength_and_mode_control_preservation(engine: NeuralEngine, source: Samples) -> None:
    covers = [
        run_engine(engine, request("cover", source, strength=s, sampling=Sampling(steps=4)))[0]["mix"]
        for s in (0, 0.5, 1)
    ]
    assert not np.array_equal(covers[0], covers[1])
    assert not np.array_equal(covers[1], covers[2])
    text, _, _ = run_engine(engine, request("text2music", None, sampling=Sampling(steps=4)))
    assert np.abs(covers[0] - text["mix"]).max() < 1e-5
    samples = [
        run_engine(engine, request("repaint", source, mode=mode))[0]["mix"] for mode in ("conservative", "aggressive")
    ]
    assert not np.array_equal(*samples)


def test_both_layouts_generate_the_same_audio(engine: NeuralEngine, source: Samples, tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path, "diffusers", "turbo")
    for task in ("text2music", "cover", "repaint"):
        ours, theirs = (run_engine(each, request(task, source))[0]["mix"] for each in (engine, NeuralEngine(tmp_path)))
        assert np.abs(ours - theirs).max() < 1e-5


def test_unsupported_tasks_raise_with_a_remedy(folder: Path, source: Samples, tmp_path: Path) -> None:
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


class CountingToken(CancelToken):
    """Counts its checks; the one with the number ``last`` cancels."""

    def __init__(self, last: int = 0) -> None:
        super().__init__()
        self.count, self._last = 0, last

    def check(self) -> None:
        self.count += 1
        if self.count == self._last:
            self.cancel()
        super().check()


def test_a_cancel_waits_for_one_layer_and_loses_no_model(folder: Path, source: Samples) -> None:
    engine, counting = NeuralEngine(folder), CountingToken()
    job, counts, expected = request("repaint", source), list[tuple[str, int]](), list[Samples]()
    for event in engine.run(job, counting):
        if isinstance(event, Progress):
            counts.append((event.stage, counting.count))
        elif isinstance(event, Block):
            expected.append(event.samples)
    steps = [count for stage, count in counts if "step" in stage]
    model, layers = engine._model, len(list(engine._model.modules.dit.layers)) if engine._model else 0
    assert min(after - before for before, after in pairwise(steps)) >= 10 * layers
    decoding = counting.count - steps[-1]
    assert decoding > 10
    again = CountingToken()
    list(engine.run(replace(job, seed=0), again))
    for last in range(1, again.count, again.count // 6):
        with pytest.raises(Cancelled):
            list(engine.run(replace(job, seed=last), CountingToken(last)))
        assert engine._model is model
    blocks = [event.samples for event in engine.run(job, CancelToken()) if isinstance(event, Block)]
    assert np.array_equal(np.concatenate(blocks), np.concatenate(expected))


def test_a_model_that_is_loaded_for_a_cancelled_job_is_there_for_the_next_one(
    folder: Path, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, cancel, loads = NeuralEngine(folder), CancelToken(), list[bool]()
    original = model.Model.load

    def load(*given: Any, **more: Any) -> Any:
        cancel.cancel()
        loads.append(engine.is_loading)
        return original(*given, **more)

    monkeypatch.setattr(model.Model, "load", load)
    events = engine.run(request("repaint", source), cancel)
    assert next(events).stage.startswith("loading acestep-v15-turbo")  # type: ignore[union-attr]
    with pytest.raises(Cancelled):
        next(events)
    assert (engine.resident_models, engine.is_loading) == (("acestep-v15-turbo",), False)
    next(engine.run(request("repaint", source), CancelToken()))
    assert loads == [True]
    engine.unload("acestep-v15-turbo")
    with pytest.raises(Cancelled):  # before the load
        list(engine.run(request("repaint", source), cancel))
    assert (engine.resident_models, loads) == ((), [True])


def test_the_condition_of_takes_and_of_silence_is_encoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, calls = NeuralEngine(folder), list[str]()
    original = model.encode_condition
    monkeypatch.setattr(
        model, "encode_condition", lambda *given, **more: (calls.append("all"), original(*given, **more))[1]
    )
    first, _, _ = run_engine(engine, request("text2music", None))
    assert engine._model is not None
    timbre = engine._model.modules.encoder.timbre_encoder.encoder
    timbre.register_forward_pre_hook(lambda *_: calls.append("timbre"))
    other, _, _ = run_engine(engine, replace(request("text2music", None), seed=8))
    again, _, _ = run_engine(engine, request("text2music", None))
    assert calls == ["all"]
    assert np.array_equal(first["mix"], again["mix"])
    assert not np.array_equal(first["mix"], other["mix"])
    words = replace(request("text2music", None), music=Music("cold piano", "la", "en"))
    run_engine(engine, words)
    assert calls == ["all", "all"]  # other words, the same timbre
    run_engine(engine, replace(words, reference=0.1 * noise(30, rate_hz=48_000)))
    assert calls == ["all", "all", "all", "timbre"]


def test_repeating_a_source_is_reported(engine: NeuralEngine, source: Samples) -> None:
    for skip_loop in (False, True):
        job = request("lego", source, sampling=replace(FEW, skip_loop=skip_loop))
        _, facts, _ = run_engine(engine, job)
        notes = [each for each in facts.get("warnings", []) if "repeated" in each]
        assert bool(notes) is not skip_loop


def test_out_of_memory_raises_with_a_remedy(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Iterator[object]:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(diffusion, "_denoise", full)
    with pytest.raises(EngineFailure, match=r"The memory of cpu is not enough for this job\. Ask for a shorter region"):
        run_engine(engine, request("repaint", source))


def test_takes_are_generated_in_one_batch(
    engine: NeuralEngine, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    lego_request = replace(
        request("lego", source, sampling=Sampling(steps=2, sampler="sde", skip_loop=True)),
        take_seeds=(TakeSeed(7), TakeSeed(8), TakeSeed(9)),
    )
    alone = {seed: run_engine(engine, replace(lego_request, seed=seed, take_seeds=()))[0] for seed in (7, 8, 9)}
    passes = []
    original = diffusion._denoise
    monkeypatch.setattr(diffusion, "max_batch_takes", lambda *_, **__: 2)
    monkeypatch.setattr(diffusion, "_denoise", lambda *given: (passes.append(given[3]), original(*given))[1])
    for seed in (7, 8, 9):
        together, _, _ = run_engine(engine, replace(lego_request, seed=seed))
        for role, samples in together.items():
            assert np.abs(samples - alone[seed][role]).max() < 1e-5
    assert passes == [[TakeSeed(7)]] * 2 + [[TakeSeed(8), TakeSeed(9)]] * 2  # two tracks; the first take is alone


def test_int8_weights_give_similar_audio(
    engine: NeuralEngine, folder: Path, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = NeuralEngine(folder)
    for task in ("text2music", "repaint", "lego"):
        monkeypatch.delenv("ACEBRIDGE_INT8_WEIGHTS", raising=False)
        whole, _, _ = run_engine(engine, request(task, source))
        monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", "true")
        roles, _, _ = run_engine(small, request(task, source))
        again, _, _ = run_engine(small, request(task, source))
        for role, samples in roles.items():
            assert np.array_equal(samples, again[role])
            off = np.linalg.norm(samples - whole[role]) / np.linalg.norm(whole[role])
            assert 0 < off < 0.05, off


def test_weights_are_quantized_before_they_move_to_a_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded_to = []
    config = ComputeConfig(torch.device("meta"), torch.float32, Offload.NONE)
    monkeypatch.setattr(model, "choose_configs", lambda *_, **__: (config, {}))
    original = model.load

    def load(checkpoint: Any, dtype: torch.dtype, device: torch.device) -> Any:
        loaded_to.append(device.type)
        return original(checkpoint, dtype, torch.device("cpu"))

    monkeypatch.setattr(model, "load", load)
    monkeypatch.setattr(model, "fingerprint", lambda _: "none")  # there are no values on that device
    monkeypatch.setattr(model.int8, "quantize_linears", lambda *_: loaded_to.append("smaller"))
    for value in ("false", "true"):
        monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", value)
        model.Model.load(select_checkpoint(folder, "turbo", needs_base=False))
    assert loaded_to == ["meta", "cpu", "smaller", "smaller", "smaller"]


def test_a_model_is_mapped_or_refused_by_the_memory_that_is_free(
    tmp_path: Path, source: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path, "original", "turbo")
    for file in tmp_path.rglob("*.safetensors"):
        save_file({name: value.bfloat16() for name, value in load_file(file).items()}, file)
    numbers = Numbers(*count_weights(select_checkpoint(tmp_path, "turbo", needs_base=False)))
    whole, mapped = (need_bytes(numbers, 4, mapped=each) for each in (False, True))
    expected, _, _ = run_engine(NeuralEngine(tmp_path), request("repaint", source))
    monkeypatch.setattr(machine, "available_bytes", lambda: whole - 1)
    monkeypatch.setattr(machine, "own_bytes", lambda: 200 << 20)
    late = NeuralEngine(tmp_path)
    roles, _, _ = run_engine(late, request("repaint", source))
    assert late._model is not None
    assert late._model.placement.config.widens_late
    assert np.array_equal(roles["mix"], expected["mix"])
    with pytest.raises(
        EngineFailure, match=r"Model acestep-v15-turbo needs 1\.3 GiB of memory, and 100 MiB are free\."
    ):
        # Of a limit only what the process has not taken already is left.
        run_engine(NeuralEngine(tmp_path, memory_bytes=300 << 20), request("repaint", source))
    monkeypatch.setattr(machine, "available_bytes", lambda: mapped - 1)
    with pytest.raises(EngineFailure, match="Close other programs"):
        run_engine(NeuralEngine(tmp_path), request("repaint", source))


def test_int8_weights_need_torchao(folder: Path, source: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_INT8_WEIGHTS", "true")
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(EngineFailure, match=re.escape(f"torchao is not installed. {install_remedy('neural-gpu')}")):
        run_engine(NeuralEngine(folder), request("repaint", source))
