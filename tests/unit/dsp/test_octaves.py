"""The beat among tempi an octave apart."""

import numpy as np
import pytest

from acestep_runtime.certainty import certainty, is_sure
from acestep_runtime.dsp import harmony, octaves, onsets, tempo
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import CancelToken, Music
from tests.unit.dsp.test_meter import chords_each, onsets_at, strike


@pytest.mark.parametrize(("style", "bpm"), [("folk", 84), ("ballad", 96), ("orchestral", 84)])
def test_a_slow_song_with_busy_eighths_keeps_its_tempo(style: str, bpm: int) -> None:
    request = EngineRequest(TASKS["text2music"], 28 * ENGINE_RATE_HZ, 3, Music(caption=style, bpm=bpm))
    mix = np.concatenate([e.samples for e in DraftEngine().run(request, CancelToken()) if isinstance(e, Block)])
    analysis = analyse(mix, ENGINE_RATE_HZ)
    assert analysis.grid.bpm == pytest.approx(bpm, rel=0.01)
    late = np.array(analysis.beats_s) * bpm / 60
    assert np.abs(late - np.rint(late)).max() < 0.1


def test_a_tempo_that_may_be_the_double_is_not_sure_and_the_other_one_is_named() -> None:
    analysis = analyse(strike("9696", 12, beat_s=60 / 96, to_a_beat=2), ENGINE_RATE_HZ)
    assert sorted([analysis.grid.bpm, analysis.other_bpm or 0.0]) == pytest.approx([96, 192], rel=0.01)
    assert certainty("tempo", analysis.confidence["tempo"]) == "perhaps"
    assert analysis.steadiness > 0.8
    assert is_sure("beats", analysis.confidence)


@pytest.mark.parametrize("chord_beats", [3, 4])
def test_chords_and_bars_of_the_faster_beat_speak_for_it(chord_beats: int) -> None:
    struck = onsets_at((0, 1.0), (0.5, 1.0))
    slow, fast = (
        octaves.find_signs(struck, chords_each(beats), tempo.Pulse(0.5, 0.3, 0.3 + 0.5 * np.arange(60), 1.0), 33.0)
        for beats in (chord_beats, chord_beats / 2)
    )
    assert slow["chords"] < -0.3
    assert fast["chords"] > 0.3
    assert octaves.log_odds(fast) - octaves.log_odds(slow) > 1
    assert {name for name in slow if slow[name] != fast[name]} <= {"chords", "bars"}


@pytest.mark.parametrize("probability", [0.34, 0.5, 0.79, 0.8, 0.95, 1.0])
def test_a_likely_octave_is_sure_and_no_octave_is_unheard(probability: float) -> None:
    octave = octaves.Octave(tempo.Pulse(0.5, 0.0, np.zeros(0), 1.0), probability)
    assert certainty("tempo", octave.confidence) == ("sure" if probability >= 0.8 else "perhaps")


def test_a_pulse_without_beats_keeps_its_octave() -> None:
    silent = onsets.Onsets(*(np.zeros(400) for _ in range(4)))
    pitches = harmony.Pitches(np.zeros((100, 12)), np.zeros((100, 12)), np.zeros(100), 0.0)
    for beats, confidence in ((0, 0.0), (3, 0.5)):
        pulse = tempo.Pulse(0.5, 0.0, 0.5 * np.arange(beats), confidence)
        assert octaves.find_octave(silent, pitches, pulse, 4.0) == octaves.Octave(pulse)


def test_every_second_beat_of_a_pulse() -> None:
    pulse = tempo.Pulse(0.5, 0.3, 0.3 + 0.5 * np.arange(8), 0.7)
    joined = tempo.join_beats(pulse, 4.2, 1)
    assert (joined.period_s, joined.confidence) == (1.0, 0.7)
    np.testing.assert_allclose(joined.beats_s, [0.8, 1.8, 2.8, 3.8])
    drifting = tempo.join_beats(tempo.Pulse(0.5, 0.3, np.array([0.3, 0.8, 1.4, 2.0]), 0.5, drifts=True), 3.0, 1)
    np.testing.assert_allclose(drifting.beats_s, [0.8, 2.0])
    assert drifting.drifts
