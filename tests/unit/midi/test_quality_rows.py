"""The figures of `make quality` on notes: what they count, on an excerpt that a test can make."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from acestep_runtime.midi.transcribe import PitchModel
from acestep_runtime.notes import Note
from tests.quality.rows_drums_out import count_strokes, measure_drums
from tests.quality.rows_midi_out import measure_mix, measure_parts, pool
from tests.support.midi_cases import PIECES, drum, play

BASS = [Note(0.25 + 0.5 * k, 0.7 + 0.5 * k, pitch, 100) for k, pitch in enumerate((36, 36, 43, 41, 36, 48, 43, 40) * 2)]
STROKES = [(0.25 + 0.5 * k, "kick" if k % 2 == 0 else "snare") for k in range(16)]


def test_figures_of_an_excerpt() -> None:
    stems = {"bass": play(BASS, 8.6), "drums": drum(STROKES, 8.6), "guitar": play(BASS[:3], 8.6)}
    notes = {"bass": BASS, "drums": [Note(at, at + 0.1, PIECES[name], 96) for at, name in STROKES], "guitar": BASS[:3]}
    excerpt = SimpleNamespace(stems=stems, notes=notes, mix=stems["bass"] + stems["drums"])
    parts = measure_parts(excerpt, PitchModel(None))
    # an instrument with a few notes says nothing, and there is no reference without the network
    assert parts.keys() == {"bass", "bass round trip"}
    assert parts["bass"] >= 0.8
    assert measure_mix(excerpt, PitchModel(None)).keys() == {"bass"}
    drums = measure_drums(excerpt)
    assert drums.keys() == {
        "kick", "snare", "all", "every piece", "without drums",
        "kick from the mix", "snare from the mix", "all from the mix", "every piece from the mix",
    }  # fmt: skip
    assert drums["kick"] >= 0.9
    assert drums["snare"] >= 0.9
    assert drums["without drums"] <= 60
    assert pool([parts, {"bass": 0.0}])["bass"] == pytest.approx(parts["bass"] / 2)


def test_strokes_count_once_and_in_their_own_class() -> None:
    kicks = [(0.5 * k, 36) for k in range(8)]
    layered = [*kicks, *((at_s + 0.004, 35) for at_s, _ in kicks)]
    assert count_strokes(kicks, layered) == {"kick": 1.0, "all": 1.0, "every piece": 1.0}
    cabasa = [(0.25 + 0.5 * k, 69) for k in range(8)]
    as_hats = [(at_s, 42) for at_s, _ in cabasa]
    found = count_strokes([*kicks, *as_hats], [*kicks, *cabasa])
    assert found == {"kick": 1.0, "all": pytest.approx(16 / 24), "every piece": 0.5}
    # a note that General MIDI has no drum for is missed
    assert count_strokes(kicks, [*kicks, *((at_s, 99) for at_s, _ in kicks)])["every piece"] == pytest.approx(16 / 24)
