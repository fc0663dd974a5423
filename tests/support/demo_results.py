"""Results of the demo as a test needs them: noise, and figures that can be found again on the page."""

from __future__ import annotations

import numpy as np

from acebridge.demo import steps
from acebridge.demo.checks import RegionCheck
from acebridge.demo.results import Results
from acebridge.demo.steps import Outcome

FRAMES = 30_000
PATCH = (10_000, 14_000)


def results(**changes: object) -> Results:
    rng = np.random.default_rng(5)
    names = ["song.wav", "repainted.wav", "backing.wav", "layered.wav"]
    names += [file for step in (steps.EXTRACT, steps.LAYER) for file in step.files.values()]
    files = {name: rng.uniform(-0.4, 0.4, (FRAMES, 2)).astype(np.float32) for name in names}
    files["repainted-bars.wav"] = files["repainted.wav"][slice(*PATCH)]
    facts = {
        "text2music": {"sections": [{"name": "Verse <1>", "start_s": 0.0, "end_s": 0.25}]},
        "understand": {
            "bpm": 111.96, "keyscale": "B minor", "timesignature": 4.0, "confidence": {"key": 0.5},
            "chords": [{"start_s": 0.0, "end_s": 0.3, "name": "F#m7"}, {"start_s": 0.3, "end_s": 0.6, "name": "N"}],
        },
    }  # fmt: skip
    outcomes = [
        Outcome(step, "draft", 0.021, None if step is steps.UNDERSTAND else 0.43, 4.0, facts.get(step.task, {}))
        for step in steps.STEPS
    ]
    fields = {
        "outcomes": outcomes, "files": files, "patch": PATCH, "region_check": RegionCheck(26_000, 4_000, 0.9996),
        "stem_error": 2.4e-7, "took_s": 21.4,
    }  # fmt: skip
    return Results(**{**fields, **changes})  # type: ignore[arg-type]
