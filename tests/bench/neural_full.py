"""The neural engine beside `diffusers.AceStepPipeline` on the weights in a folder of models. ``make bench-neural FULL=DIR``.

Both have a process of their own with the same weights, precision and number of threads. They take turns, so that other load on
the machine meets both; medians and ratios are told, in seconds on the clock and of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

PROMPT = {"caption": "warm piano, brushed drums", "lyrics": "[Verse]\nrain on the window\nand a light in the hall"}
MODEL = "acestep-v15-turbo"


def ours(folder: Path, seconds: float, steps: int) -> Callable[[int], dict[str, float]]:
    """Load our engine; return a function that generates with a seed.

    It returns the seconds of a step, and those of decoding a second.
    """
    from acestep_runtime.engines.base import EngineRequest, Progress
    from acestep_runtime.engines.neural.engine import NeuralEngine
    from acestep_runtime.tasks import TASKS
    from acestep_runtime.values import CancelToken, Music, Sampling

    engine = NeuralEngine(folder)
    engine.load(MODEL)

    def generate(seed: int) -> dict[str, float]:
        sampling = Sampling(model=MODEL, steps=steps)
        request = EngineRequest(TASKS["text2music"], int(seconds * 48_000), seed, Music(**PROMPT), sampling=sampling)
        laps, at_s = dict[str, list[float]](), time.perf_counter()
        for event in engine.run(request, CancelToken()):
            if isinstance(event, Progress):
                laps.setdefault(event.stage.split(" ")[0], []).append(time.perf_counter() - at_s)
                at_s = time.perf_counter()
        return {
            "step_s": median(laps["step"][1:] or laps["step"]),
            "decode_s_per_s": sum(laps["decoding"]) / seconds,
        }

    return generate


def theirs(folder: Path, seconds: float, steps: int) -> Callable[[int], dict[str, float]]:
    """Build the pipeline from the same files; see `ours`."""
    import torch
    from diffusers import AceStepPipeline, FlowMatchEulerDiscreteScheduler

    from acestep_runtime.memory.policy import native_dtype
    from acestep_runtime.weights.load import load
    from acestep_runtime.weights.selection import select_checkpoint

    parts = load(select_checkpoint(folder, MODEL, needs_base=False), native_dtype(torch.device("cpu")))
    pipe = AceStepPipeline(
        vae=parts.vae, text_encoder=parts.text_encoder, tokenizer=parts.text_tokenizer, transformer=parts.dit,
        condition_encoder=parts.encoder, scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)

    def generate(seed: int) -> dict[str, float]:
        generator = torch.Generator().manual_seed(seed)
        pipe(
            prompt=PROMPT["caption"], lyrics=PROMPT["lyrics"], audio_duration=seconds, num_inference_steps=steps,
            generator=generator,
        )  # fmt: skip
        return {}

    return generate


def serve(way: str, folder: Path, seconds: float, steps: int) -> None:
    """Load, then generate with each seed that comes in; print the times of each as JSON."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    generate = {"ours": ours, "theirs": theirs}[way](folder, seconds, steps)

    def say(**more: float) -> None:
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        took = {"wall_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s, "peak_gib": peak_gib}
        print(json.dumps({**took, **more}), flush=True)

    say()
    for line in sys.stdin:
        began_s, cpu_s = time.perf_counter(), time.process_time()
        say(**generate(int(line)))


class Way:
    """A process that generates on demand."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        command = [sys.executable, "-m", "tests.bench.neural_full", *arguments, "--serve", name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.load = self._read()
        self.takes: list[dict[str, float]] = []

    def generate(self, seed: int) -> None:
        """Generate with a seed."""
        assert self._process.stdin is not None
        print(seed, file=self._process.stdin, flush=True)
        self.takes.append(self._read())

    def median(self, name: str) -> float:
        """Return the median of a measure over all takes."""
        return median(take[name] for take in self.takes)

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, float] = json.loads(line)
                return found
        raise SystemExit(f"a process ended: {self._process.wait()}")

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()


def main() -> None:
    """Compare both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--serve", choices=("ours", "theirs"))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.serve:
        return serve(given.serve, given.folder, given.seconds, given.steps)
    arguments = [str(given.folder), "--seconds", str(given.seconds), "--steps", str(given.steps)]
    ways = {name: Way(name, arguments) for name in ("ours", "theirs")}
    for seed in range(given.takes):
        for way in ways.values():
            way.generate(seed)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {given.takes} takes"
    )
    title = f"text2music, {given.seconds:g} s, {given.steps} steps"
    mine, other = ways["ours"], ways["theirs"]
    for unit, name in (("on the clock", "wall_s"), ("of processor time", "cpu_s")):
        a, b = mine.median(name), other.median(name)
        print(f"{title}: {a:.1f} s {unit}, diffusers {b:.1f} s: {b / a:.2f} x")
        print(f"load: {mine.load[name]:.1f} s {unit}, diffusers {other.load[name]:.1f} s")
    print(f"peak memory: {mine.median('peak_gib'):.2f} GiB, diffusers {other.median('peak_gib'):.2f} GiB")
    print(
        f"a step {mine.median('step_s'):.2f} s, decoding {mine.median('decode_s_per_s'):.2f} s a second, on the clock"
    )
    for way in ways.values():
        way.end()
    return None


if __name__ == "__main__":
    main()
