"""The neural engine beside `diffusers.AceStepPipeline`, on the same random weights in one run. ``make bench-neural``.

Each way of working has a process of its own, so that its peak memory is its own: what it holds beyond the loaded model is told.
On a GPU the transformer and the VAE have the released sizes, on a CPU smaller ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEED = 11
SECONDS, SONG_S, REGION_S = 60, 180, (80.0, 90.0)
PROMPT = {"caption": "warm piano, brushed drums", "lyrics": "[Verse]\nrain on the window\nand a light in the hall"}
WIDTHS = {
    "cpu": {
        "hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8, "num_key_value_heads": 4,
        "head_dim": 64, "layers": 8, "channels": 16, "vae": {"encoder_hidden_size": 32, "decoder_channels": 16},
        "channel_multiples": [1, 1, 1, 1, 1],
    },
    "cuda": {
        "hidden_size": 2048, "intermediate_size": 6144, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "layers": 24, "channels": 64, "vae": {"encoder_hidden_size": 128, "decoder_channels": 128},
        "channel_multiples": [1, 2, 4, 8, 16],
    },
}  # fmt: skip


def checkpoint(folder: Path, device: str) -> Path:
    """Write a turbo checkpoint with random weights in the diffusers layout."""
    import torch
    from diffusers import AceStepPipeline, AceStepTransformer1DModel, AutoencoderOobleck
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepConditionEncoder

    from tests.support import tiny_models

    size = dict(WIDTHS[device])
    layers, vae, multiples = size.pop("layers"), size.pop("vae"), size.pop("channel_multiples")
    channels = size.pop("channels")
    parts = tiny_models._parts("turbo", channels)
    torch.manual_seed(SEED)
    parts["transformer"] = AceStepTransformer1DModel(
        **size, num_hidden_layers=layers, in_channels=3 * channels, audio_acoustic_hidden_dim=channels, is_turbo=True,
        model_version="turbo",
    )  # fmt: skip
    parts["condition_encoder"] = AceStepConditionEncoder(
        **size,
        text_hidden_dim=tiny_models._TEXT_WIDTH,
        timbre_hidden_dim=channels,
        num_lyric_encoder_hidden_layers=2,
        num_timbre_encoder_hidden_layers=2,
    )
    parts["vae"] = AutoencoderOobleck(
        **vae, channel_multiples=multiples, decoder_input_channels=channels, downsampling_ratios=[2, 4, 4, 6, 10],
        sampling_rate=48_000,
    )  # fmt: skip
    AceStepPipeline(**parts).save_pretrained(folder / "acestep-v15-turbo-bench")
    return folder


def song() -> np.ndarray[Any, Any]:
    """A song ``[N, 2]`` of `SONG_S` at 48 kHz."""
    draw = np.random.default_rng(SEED)
    return (0.1 * draw.standard_normal((SONG_S * 48_000, 2))).astype(np.float32)


def peak_mb() -> float:
    """Peak memory of this process, or of the GPU that it uses."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def ours(folder: Path) -> dict[str, Callable[[int], None]]:
    """The engine as tasks use it, from the file of a song."""
    from acestep_runtime.audio import wav
    from acestep_runtime.engines.neural.engine import NeuralEngine
    from acestep_runtime.tasks.base import Output, Source
    from acestep_runtime.tasks.repaint import Repaint
    from acestep_runtime.tasks.text2music import TextToMusic
    from acestep_runtime.values import CancelToken, Music

    engine, file, music = NeuralEngine(folder), folder / "song.wav", Music(**PROMPT)
    wav.write(file, song(), 48_000)

    def perform(task: Any) -> None:
        for _ in task.run(engine, CancelToken()):
            pass

    def text2music(seed: int, seconds: float = SECONDS) -> None:
        perform(TextToMusic(music, seconds, output=Output(seeds=(seed,))))

    def repaint(seed: int) -> None:
        task = Repaint(
            Source(str(file)), music, *REGION_S, mode="aggressive", scope="region", output=Output(seeds=(seed,))
        )
        perform(task)

    return {"load": lambda _: text2music(0, 1.0), "text2music": text2music, "repaint": repaint}


def theirs(folder: Path) -> dict[str, Callable[[int], None]]:
    """The pipeline, with the song in memory."""
    import torch
    from diffusers import AceStepPipeline

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    pipe = AceStepPipeline.from_pretrained(folder / "acestep-v15-turbo-bench", torch_dtype=dtype).to(device)
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.enable_tiling()  # or three minutes do not fit into memory
    source = torch.from_numpy(song().T.copy())

    def perform(seed: int, **more: Any) -> None:
        generator = torch.Generator().manual_seed(seed)
        pipe(prompt=PROMPT["caption"], lyrics=PROMPT["lyrics"], generator=generator, **more)

    def repaint(seed: int) -> None:
        start, end = REGION_S
        perform(
            seed, task_type="repaint", src_audio=source, audio_duration=float(SONG_S), repainting_start=start,
            repainting_end=end,
        )  # fmt: skip

    return {
        "load": lambda seed: perform(seed, audio_duration=1.0),
        "text2music": lambda seed: perform(seed, audio_duration=float(SECONDS)),
        "repaint": repaint,
    }


def measure(way: str, what: str, folder: Path) -> None:
    """Load, then do ``what`` twice; print seconds of each and the peak of memory."""
    calls = {"ours": ours, "theirs": theirs}[way](folder)
    calls["load"](0)
    loaded, took = peak_mb(), []
    for seed in (1, 2):
        began = time.perf_counter()
        calls[what](seed)
        took.append(time.perf_counter() - began)
    print(json.dumps({"took": took, "peak_mb": peak_mb(), "loaded_mb": loaded}))


def main() -> None:
    """Compare both ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.one:
        return measure(given.one[0], given.one[1], Path(given.one[2]))
    import diffusers
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else f"{os.cpu_count()} cores"
    print(f"{platform.machine()}, {name}, torch {torch.__version__}, diffusers {diffusers.__version__}")
    with tempfile.TemporaryDirectory() as place:
        folder = checkpoint(Path(place), device)
        for what, title in (("text2music", f"{SECONDS} s"), ("repaint", f"10 s in {SONG_S} s")):
            found = {}
            for way in ("theirs", "ours"):
                command = [sys.executable, "-m", "tests.bench.neural", "--one", way, what, str(folder)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(done.stderr[-2000:])
                found[way] = json.loads(done.stdout.strip().splitlines()[-1])
            a, b = found["ours"], found["theirs"]
            for take in (0, 1):
                mine, other = a["took"][take], b["took"][take]
                print(f"{what} {title}, take {take + 1}: {mine:.1f} s, diffusers {other:.1f} s: {other / mine:.2f} x")
            print(
                f"{what} {title}: peak memory {a['peak_mb']:.0f} MB ({a['loaded_mb']:.0f} once loaded), diffusers"
                f" {b['peak_mb']:.0f} MB ({b['loaded_mb']:.0f})"
            )
    return None


if __name__ == "__main__":
    main()
