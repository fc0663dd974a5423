"""Analyse, through the real command and the real daemon: what is heard becomes the project's tempo, key and markers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import signals
from tests.support.reaper_studio import RATE_HZ, Studio, media

pytestmark = pytest.mark.slow


def test_analyse_sets_the_tempo_and_moves_no_item(studio: Studio) -> None:
    studio.project.tempos.clear()
    studio.project.bpm = 120
    studio.item.selected = 1
    studio.project.settle()
    before = [(item.position, item.length) for item in studio.project.items()]
    studio.reaper.answer(6)  # the tempo
    studio.reaper.answer(6)  # the markers
    studio.run("Analyse")
    assert len(studio.reaper.messages) == 2
    assert "100.0 BPM, 4/4" in studio.reaper.messages[0]
    assert studio.project.undo == ["AceBridge: Analyse"]
    assert studio.project.tempos[-1].bpm == 100
    assert [(item.position, item.length) for item in studio.project.items()] == before
    assert len(studio.project.markers) > 3
    assert studio.project.ext[("AceBridge", "key")].split()[1] in ("major", "minor")


def test_analyse_sets_no_meter_and_keeps_no_key_without_a_finding(studio: Studio) -> None:
    """Equal clicks: the beat is clear, where bars begin is not, and there is no key."""
    studio.project.tempos.clear()
    clicks = media(studio.folder / "clicks.wav", signals.clicks(np.arange(0.25, 12, 0.5), 12, rate_hz=RATE_HZ))
    item = studio.project.tracks[-1].add_item(clicks, position=40.0)
    studio.item.selected = 0
    item.selected = 1
    studio.project.settle()
    studio.reaper.answer(6)
    studio.run("Analyse")
    (message,) = studio.reaper.messages
    assert "Heard: 120.0 BPM.\n" in message
    assert "Set the project's tempo from there on?" in message
    tempo = studio.project.tempos[-1]
    assert (tempo.bpm, tempo.beats, tempo.position) == (120, 0, pytest.approx(40.25, abs=0.02))
    assert ("AceBridge", "key") not in studio.project.ext
