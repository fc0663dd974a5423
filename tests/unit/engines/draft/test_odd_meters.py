"""Music in 5 and 7: what the draft engine plays to it has bars as long as its own."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.dsp.players import rhythm_lines
from acestep_runtime.engines.base import Block, EngineRequest, Metadata
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.text.style import table
from acestep_runtime.values import CancelToken, Music
from tests.support import signals

RATE_HZ = 48_000


@pytest.mark.parametrize("meter", [5, 7])
@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("lego", {"tracks": ("drums", "bass", "vocals")}),
        ("complete", {"tracks": ("drums", "keyboard")}),
        ("cover", {"strength": 0.7}),
        ("repaint", {"span": (4 * RATE_HZ, 8 * RATE_HZ)}),
    ],
)
def test_every_task_follows_bars_of_five_and_seven(task: str, more: dict[str, object], meter: int) -> None:
    source = np.float32(0.5) * signals.song(bpm=140, bars=8, beats_per_bar=meter)
    fields = {"span": (0, len(source)), "known": (0, len(source)), **more}
    music = Music(caption="rock", lyrics="over the river\nand under the moon" if task == "lego" else "")
    events = list(
        DraftEngine().run(EngineRequest(TASKS[task], len(source), 1, music, source=source, **fields), CancelToken())
    )
    (facts,) = (event.values for event in events if isinstance(event, Metadata))
    assert (round(facts["bpm"]), facts["timesignature"]) == (140, meter)
    made = [event.samples for event in events if isinstance(event, Block)]
    assert float(np.abs(np.concatenate(made)).max()) > 0.05


def test_rhythms_in_five_and_seven_are_beginnings_of_those_in_four() -> None:
    rhythms = table()["rhythm"]
    for kind in ("drums", "percussion", "bass", "chords"):
        for name in rhythms[kind]:
            four = rhythm_lines(kind, name, 4)
            for meter, parts in ((5, (3, 2)), (7, (4, 3))):
                for piece, line in rhythm_lines(kind, name, meter).items():
                    beat = len(four[piece]) // 4
                    assert line == "".join(four[piece][: beat * part] for part in parts)
                    assert len(line) == meter * beat
