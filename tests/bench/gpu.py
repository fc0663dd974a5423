"""What work costs on a GPU: operations launched one by one, and replayed as CUDA graphs. ``make bench-gpu``.

Two rows compare an operation with a candidate for it, see `gpu_candidates`.

Models have the released shapes and random weights, made on the device. Both ways are measured in turns in one run, and figures
are medians. The floor of a row is the longer of two times:

    operations    at the measured rate of a large matrix product
    bytes         weights read once, at the measured rate of a large copy

A table goes to the screen, and JSON and a picture to ``--out``. Exit codes: 1 where a result differs by more than is allowed, 2
where there is no such device. ``--device cpu --size 0.0625`` runs the same code on a CPU, to try it: its graphs are simulated.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from acestep_runtime.conditioning.latents import FRAME_SAMPLES
from acestep_runtime.dit.graphs import GraphedVelocityModel
from acestep_runtime.dit.windows import sliding_window_attention
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.neural.diffusion import generate_audio
from acestep_runtime.engines.neural.evaluation import TakeAnalysis
from acestep_runtime.engines.neural.model import Model
from acestep_runtime.gpu.graphs import CudaRecorder, Recorder
from acestep_runtime.lm import decode, forward
from acestep_runtime.lm.language import LanguageModel
from acestep_runtime.lm.sampling import SamplingParams
from acestep_runtime.tasks.text2music import TextToMusic
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.vae import parity
from acestep_runtime.vae.fuse import Snake
from acestep_runtime.values import CancelToken, Music, Sampling
from tests.bench.bars import draw_bars
from tests.bench.gpu_candidates import flex_window_attention, one_pass_snake
from tests.support import full_models
from tests.support.rerun_recorder import RerunRecorder

SEED, CONDITION_TOKENS = 11, 300
FRAMES_PER_S = ENGINE_RATE_HZ // FRAME_SAMPLES
#: Relative difference (L2) that a replayed result may have.
TOLERANCE = {torch.bfloat16: 0.02, torch.float16: 0.02, torch.float32: 1e-4}
PLAIN, GRAPHS, CANDIDATE, FLOOR = "one by one", "graphs", "candidate", "floor"
WAYS = (PLAIN, GRAPHS, CANDIDATE, FLOOR)
#: Heads of queries, of keys and values, their channels, and the window, in patches, of the released transformers.
_ATTENTION = 16, 8, 128, 128
Ways = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Bench:
    """What is measured: ``seconds`` are the lengths of songs, ``size`` scales width and depth of the models."""

    device: torch.device
    dtype: torch.dtype
    size: float
    rounds: int
    seconds: tuple[int, ...]
    codes: int

    def recorder(self) -> Recorder:
        """Return a recorder of graphs, or on a CPU its double."""
        return CudaRecorder() if self.device.type == "cuda" else RerunRecorder()

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def random(self, *shape: int) -> Tensor:
        """Return random numbers on the device."""
        return torch.randn(*shape, device=self.device)

    def time_ms(self, work: Callable[[], Any]) -> float:
        """Return how long ``work`` takes, launch included."""
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        return 1e3 * (time.perf_counter() - began)

    def compare(self, ways: Ways) -> dict[str, float]:
        """Return the median time in milliseconds of each way, measured in turns after two rounds to warm up."""
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(self.rounds + 2):
            for name, work in ways.items():
                time_ms = self.time_ms(work)
                if number >= 2:
                    times[name].append(time_ms)
        return {name: statistics.median(each) for name, each in times.items()}


@dataclass(frozen=True)
class Ceilings:
    """What the device reaches: operations and bytes in a second."""

    operations: float
    bytes: float

    def floor_ms(self, operations: float, read: float) -> float:
        """Return the least time for some operations and bytes."""
        return 1e3 * max(operations / self.operations, read / self.bytes)


@dataclass(frozen=True)
class Row:
    """Times in milliseconds by way, and the relative difference of results with what is allowed; other figures in ``more``."""

    name: str
    ms: dict[str, float]
    error: float | None = None
    tolerance: float | None = None
    more: dict[str, float] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether the difference is allowed; NaN is not."""
        return self.error is None or (self.tolerance is not None and self.error <= self.tolerance)


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return the relative difference (L2)."""
    return float((found.float() - expected.float()).norm() / expected.float().norm())


def measure_ceilings(bench: Bench) -> Ceilings:
    """Measure a matrix product and a copy that fill the device."""
    side, numbers = (8192, 2**29) if bench.device.type == "cuda" else (512, 2**22)
    left, right = (bench.random(side, side).to(bench.dtype) for _ in range(2))
    source = bench.random(numbers)
    target = torch.empty_like(source)
    times = bench.compare({"product": lambda: left @ right, "copy": lambda: target.copy_(source)})
    return Ceilings(2e3 * side**3 / times["product"], 2e3 * source.nbytes / times["copy"])


def weight_bytes(module: torch.nn.Module) -> int:
    """Return the bytes of a module's weights."""
    return sum(each.nbytes for each in module.parameters())


def count_operations(work: Callable[[], Any]) -> int:
    """Return the floating-point operations of matrix products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def make_graphed_model(bench: Bench, model: Model) -> GraphedVelocityModel:
    """Return the velocity model with graphs, on the transformer of ``model``."""
    return GraphedVelocityModel(model.velocity.dit, lambda _: nullcontext(), bench.recorder(), lambda: True)


@torch.inference_mode()
def measure_steps(bench: Bench, ceilings: Ceilings, model: Model) -> list[Row]:
    """Measure one pass of the transformer by length, the first length with guidance too."""
    dit = model.velocity.dit
    width, read = dit.config["hidden_size"], weight_bytes(dit)
    hidden, null = bench.random(1, CONDITION_TOKENS, width), bench.random(1, 1, width)
    rows = []
    for seconds, guided in ((bench.seconds[0], True), *((each, False) for each in bench.seconds)):
        frames = seconds * FRAMES_PER_S
        x, context, t = bench.random(1, frames, 64), bench.random(1, frames, 128), torch.tensor([0.7])

        conditions = model.velocity.project_condition(hidden), model.velocity.project_null(null) if guided else None
        ways = {
            name: partial(velocity, x, t, context, *conditions)
            for name, velocity in ((PLAIN, model.velocity), (GRAPHS, make_graphed_model(bench, model)))
        }
        times = bench.compare(ways)
        operations = count_operations(ways[PLAIN])
        rows.append(
            Row(
                f"DiT step, {seconds} s{', guidance' if guided else ''}",
                {**times, FLOOR: ceilings.floor_ms(operations, read)},
                relative_error(ways[GRAPHS](), ways[PLAIN]()), TOLERANCE[bench.dtype], {"tflop": operations / 1e12},
            )
        )  # fmt: skip
    return rows


@torch.inference_mode()
def measure_vae(bench: Bench, ceilings: Ceilings, model: Model) -> list[Row]:
    """Measure decoding and encoding, and how well the dtype decodes."""
    vae, seconds = model.modules.vae, bench.seconds[0]
    latents = bench.random(1, seconds * FRAMES_PER_S, 64)
    song = (0.1 * np.random.default_rng(SEED).standard_normal((seconds * ENGINE_RATE_HZ, 2))).astype(np.float32)
    error = None if bench.dtype == torch.float32 else parity.decoding_error(vae)
    rows = []
    for name, module, work, difference in (
        ("VAE decode", vae.decoder, lambda: list(model.codec.decode(latents)), error),
        ("VAE encode", vae.encoder, lambda: model.codec.encode(song), None),
    ):
        operations = count_operations(work)
        floor = ceilings.floor_ms(operations, weight_bytes(module))
        times = {**bench.compare({PLAIN: work}), FLOOR: floor}
        rows.append(Row(f"{name}, {seconds} s", times, difference, parity.TOLERANCE, {"tflop": operations / 1e12}))
    return rows


@torch.inference_mode()
def measure_language_model(bench: Bench, ceilings: Ceilings) -> list[Row]:
    """Measure codes with guidance, of one song and of four; a row's times are those of one step for all songs."""
    whole = full_models.build_language_model(bench.device, bench.dtype, depth=bench.size, width=bench.size)
    whole.model.norm.weight.fill_(4.0)  # logits as peaked as those of a model that knows something
    codes = slice(151_669, 151_669 + 64_000)
    language = LanguageModel(whole.model, whole.lm_head.weight, SimpleNamespace(code_ids=codes))  # type: ignore[arg-type]
    read = weight_bytes(whole.model.layers) + whole.lm_head.weight[codes].nbytes
    draw = torch.Generator().manual_seed(SEED)
    rows = []
    for songs in (1, 4):
        prompts, negatives = (
            torch.randint(0, codes.start, (songs, count), generator=draw).tolist() for count in (150, 20)
        )
        ways = {
            name: _write_codes(bench, language, prompts, negatives, recorder)
            for name, recorder in ((PLAIN, None), (GRAPHS, bench.recorder()))
        }
        times = {name: each / bench.codes for name, each in bench.compare(ways).items()}
        states = [_states(language, [*prompts, *negatives], recorder) for recorder in (None, bench.recorder())]
        rows.append(
            Row(
                f"LM step, {songs} song{'s' if songs > 1 else ''}, guidance",
                {**times, FLOOR: ceilings.floor_ms(2 * songs * read, read)},  # two operations a weight, two rows a song
                relative_error(states[1], states[0]), TOLERANCE[bench.dtype],
                {f"codes_a_second {name}": 1e3 * songs / each for name, each in times.items()},
            )
        )  # fmt: skip
    return rows


def _write_codes(
    bench: Bench, language: LanguageModel, prompts: list[list[int]], negatives: list[list[int]], recorder: Recorder | None
) -> Callable[[], None]:  # fmt: skip
    def write() -> None:
        with mock.patch.object(forward, "find_recorder", return_value=recorder):
            for _ in decode.generate_codes(
                language, prompts, bench.codes, range(len(prompts)), SamplingParams(), decode.Guidance(negatives, 2.0)
            ):
                pass

    return write


def _states(language: LanguageModel, prompts: list[list[int]], recorder: Recorder | None) -> Tensor:
    """Return the states of each row after some tokens."""
    with mock.patch.object(forward, "find_recorder", return_value=recorder):
        rows = forward.DecoderRows(language.core, prompts, 8)
    for token in range(8):
        rows.append(torch.full((len(prompts),), token, device=rows.hidden.device))
    return rows.hidden


@torch.inference_mode()
def measure_candidates(bench: Bench) -> list[Row]:
    """Measure what may become a setting, see `gpu_candidates`; one that does not work here has no time."""
    width, seconds = max(1, int(128 * bench.size)), bench.seconds[-1]
    snake = Snake(bench.random(1, width, 1).abs() + 0.5, bench.random(1, width, 1).abs() + 0.5).to(bench.dtype)
    signal = bench.random(1, width, ENGINE_RATE_HZ).to(bench.dtype)
    heads, kv_heads, channels, window = _ATTENTION
    patches = seconds * FRAMES_PER_S // 2
    queries, keys, values = (
        bench.random(1, each, patches, channels).to(bench.dtype) for each in (heads, kv_heads, kv_heads)
    )
    attention = queries, keys, values, channels**-0.5
    square, flex = (
        partial(make, patches, window, bench.device) for make in (sliding_window_attention, flex_window_attention)
    )
    return [
        _compare_candidate(bench, "Snake, 1 s", lambda: snake, partial(one_pass_snake, snake, bench.device), (signal,)),
        _compare_candidate(bench, f"windowed attention, {seconds} s", square, flex, attention),
    ]


def _compare_candidate(
    bench: Bench, name: str, make_plain: Callable[[], Any], make_candidate: Callable[[], Any], inputs: tuple[Any, ...]
) -> Row:
    ways: dict[str, Callable[[], Any]] = {PLAIN: partial(make_plain(), *inputs)}
    error = None
    try:
        candidate = partial(make_candidate(), *inputs)
        error = relative_error(candidate(), ways[PLAIN]())
        ways[CANDIDATE] = candidate
    except Exception as failure:  # compilers fail in many ways, and the other rows are worth having
        print(f"{name}: the candidate does not work here: {failure}", file=sys.stderr)
    return Row(name, bench.compare(ways), error, TOLERANCE[bench.dtype])


def measure_song(bench: Bench, model: Model) -> list[Row]:
    """Measure text to music of the first length: the whole song, its first audio, and the first song of its length."""
    seconds = bench.seconds[0]
    request = EngineRequest(
        TextToMusic, seconds * ENGINE_RATE_HZ, SEED, Music("warm piano", "[Verse]\nrain\n" * 8), Sampling(steps=8)
    )  # fmt: skip
    firsts: dict[str, list[float]] = {PLAIN: [], GRAPHS: []}
    songs: dict[str, Tensor] = {}

    def make(name: str, model: Model) -> Callable[[], None]:
        def generate() -> None:
            began, blocks = time.perf_counter(), []
            for event in generate_audio(model, request, CancelToken(), {}, TakeAnalysis()):
                if isinstance(event, Block):
                    if not blocks:
                        firsts[name].append(1e3 * (time.perf_counter() - began))
                    blocks.append(event.samples)
            songs[name] = torch.from_numpy(np.concatenate(blocks))

        return generate

    ways = {PLAIN: make(PLAIN, model), GRAPHS: make(GRAPHS, replace(model, velocity=make_graphed_model(bench, model)))}
    peaks, cold = {}, {}
    for name, work in ways.items():
        if bench.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        cold[name] = bench.time_ms(work)
        peaks[name] = _peak_gib(bench.device)
    for first in firsts.values():
        first.clear()
    whole = Row(
        f"text2music, {seconds} s, 8 steps", bench.compare(ways), relative_error(songs[GRAPHS], songs[PLAIN]),
        TOLERANCE[bench.dtype], {f"peak_gib {name}": each for name, each in peaks.items()},
    )  # fmt: skip
    first_audio = Row("first audio of it", {name: statistics.median(each) for name, each in firsts.items()})
    return [whole, first_audio, Row("the first song of its length", cold)]


def _peak_gib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def describe_machine(bench: Bench, ceilings: Ceilings) -> dict[str, str | float]:
    """Return the device and versions."""
    name = (
        torch.cuda.get_device_name() if bench.device.type == "cuda" else f"{platform.machine()}, {os.cpu_count()} cores"
    )
    return {
        "device": name, "torch": torch.__version__, "dtype": str(bench.dtype).removeprefix("torch."), "size": bench.size,
        "tflops": ceilings.operations / 1e12, "gb_a_second": ceilings.bytes / 1e9,
    }  # fmt: skip


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for a terminal."""
    lines = [f"{'':34}{''.join(f'{way:>12}' for way in WAYS)}   difference (allowed)"]
    for row in rows:
        figures = "".join(f"{row.ms[way]:9.2f} ms" if way in row.ms else f"{'':12}" for way in WAYS)
        error = (
            "" if row.error is None else f"   {row.error:.1e} ({row.tolerance:g}){'' if row.is_right else '  WRONG'}"
        )
        lines.append(f"{row.name:34}{figures}{error}")
        lines += [f"{'':6}{name}: {figure:.3g}" for name, figure in row.more.items()]
    return "\n".join(lines)


def run(bench: Bench, out: Path) -> int:
    """Measure everything; return the exit code."""
    ceilings = measure_ceilings(bench)
    machine = describe_machine(bench, ceilings)
    print(", ".join(f"{name} {value:.4g}" if isinstance(value, float) else value for name, value in machine.items()))
    model = full_models.build_model(bench.device, bench.dtype, depth=bench.size, width=bench.size)
    rows = [
        *measure_steps(bench, ceilings, model),
        *measure_vae(bench, ceilings, model),
        *measure_song(bench, model),
        *measure_language_model(bench, ceilings),
        *measure_candidates(bench),
    ]
    print(format_table(rows))
    out.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [asdict(row) for row in rows]}
    out.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n")
    title = f"{machine['device']}, torch {machine['torch']}"
    bars = [(row.name, row.ms) for row in rows]
    picture = draw_bars(title, WAYS, bars, "ms")
    out.with_suffix(".svg").write_text(picture)
    print(f"Wrote {out.with_suffix('.json')} and {out.with_suffix('.svg')}.")
    return 0 if all(row.is_right and all(map(math.isfinite, row.ms.values())) for row in rows) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure on a device; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=float, default=1.0, help="scales width and depth of the models")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 60, 120])
    parser.add_argument("--codes", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("build/bench-gpu"))
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(
            f"No CUDA device: torch {torch.__version__} finds none here, so nothing was measured. Run this on a machine with"
            " an NVIDIA GPU, its driver, and a torch that was built for CUDA.",
            file=sys.stderr,
        )
        return 2
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return run(Bench(device, dtype, given.size, given.rounds, tuple(given.seconds), given.codes), given.out)


if __name__ == "__main__":
    raise SystemExit(main())
