"""Running the demo's steps on a private daemon."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from acebridge.client.client import Client
from acebridge.client.discovery import private_daemon
from acebridge.client.own_daemon import read_token
from acebridge.demo import steps
from acebridge.demo.progress import StepLines
from acebridge.demo.steps import Outcome
from acestep_runtime.audio import decode, wav


def run_steps(out: Path, lines: StepLines) -> tuple[list[Outcome], float]:
    """Run all steps on a private daemon, writing files below ``out``; return their outcomes, and the seconds
    they took together.

    The daemon has a temporary data folder and is always ended.
    """
    outcomes = []
    with ExitStack() as stack:
        home = stack.enter_context(TemporaryDirectory(prefix="acebridge-demo-", ignore_cleanup_errors=True))
        with lines.step("starting a daemon"):
            address = stack.enter_context(private_daemon(Path(home)))
            client = stack.enter_context(Client(address, token=read_token(Path(home))))
        began = time.monotonic()
        for step in steps.STEPS:
            if step.source == "backing.wav":
                _write_backing(out)
            with lines.step(step.says) as progress:
                outcomes.append(steps.run_step(client, step, out, progress))
        took_s = time.monotonic() - began
    return outcomes, took_s


def _write_backing(out: Path) -> None:
    """Write the song without the tracks that the layers replace: the sum of its other stems."""
    stems = [decode.read(out / f"stems/{stem}.wav") for stem in steps.STEMS if stem not in steps.LAYERS]
    wav.write(out / "backing.wav", np.sum(stems, axis=0, dtype=np.float32), steps.RATE_HZ, steps.ENCODING)
