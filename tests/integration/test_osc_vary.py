"""Varying takes over OSC."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import Recipe, parse_recipe
from tests.support.daemon import daemon_at, expected_tone
from tests.support.osc import Answer, OscPeer, osc_peer, port_of


def takes_of(peer: OscPeer) -> list[Answer]:
    return [answer for answer in peer.wait_for("done") if answer.kind == "take"]


def recipe_of(take: Answer) -> Recipe:
    return parse_recipe(describe_file(Path(take.values[3]))[1], "take.wav")


@pytest.mark.slow
def test_vary_makes_takes_near_the_last_one(tmp_path: Path) -> None:
    with (
        daemon_at(tmp_path / "home", config=f"roots = ['{tmp_path}']\n[osc]\nport = 0\n") as daemon,
        osc_peer(port_of(daemon.home)) as peer,
    ):
        peer.send("/acebridge/session/engine", "s", "fake")
        peer.send("/acebridge/session/output", "s", str(tmp_path))
        output = {"seeds": [100, 200], "takes": 2}
        peer.send("/acebridge/text2music", "ssfs", "soul", "", 0.2, json.dumps({"output": output}))
        peer.wait_for("done")
        peer.send("/acebridge/session/takes", "i", 2)
        peer.send("/acebridge/vary", "fi", 0.5, 2)
        takes = takes_of(peer)
        assert [take.values[1] for take in takes] == ["200", "200"]
        steps = [recipe_of(take).take_seed.variations[0] for take in takes]
        assert [step.amount for step in steps] == [0.5, 0.5]
        for take, step in zip(takes, steps, strict=True):
            samples, _ = soundfile.read(take.values[3], dtype="float32")
            assert np.array_equal(samples, expected_tone(200 + round(0.5 * (step.seed - 200)), 0.2))
        peer.send("/acebridge/vary")
        once_more, _ = takes_of(peer)
        first, second = recipe_of(once_more).take_seed.variations
        assert first == steps[0], "a variation of the first take, which is one itself"
        assert second.amount == 0.3
        assert peer.ask("/acebridge/vary", "fi", 0.5, 3).values[:2] == ("/acebridge/vary", "take is 3; allowed: 1, 2.")
        assert peer.ask("/acebridge/vary", "f", 1.5).values[1] == "output.variation is 1.5; allowed: 0 to 1."
        peer.send("/acebridge/again")
        assert [recipe_of(take).take_seed.variations for take in takes_of(peer)] == [(), ()]
