"""Audio whose notes are known: which instruments are heard, and how their notes come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.audio.convert import resample
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.midi import transcribe
from acestep_runtime.midi.posteriors import Posteriors
from acestep_runtime.midi.transcribe import PitchModel, Transcription, Wishes, transcribe_source
from acestep_runtime.notes import Note
from acestep_runtime.units import ENGINE_RATE_HZ
from tests.support.midi_cases import PIECES, drum, f_measure, onsets, play

NO_MODEL = PitchModel(None, "Run `acebridge models pull basic-pitch`.")
BASS = [Note(0.25 + 0.5 * k, 0.7 + 0.5 * k, pitch, 100) for k, pitch in enumerate((36, 36, 43, 41, 36, 48, 43, 40) * 2)]
STROKES = [(0.25 + 0.5 * k, "kick" if k % 2 == 0 else "snare") for k in range(16)]
SECONDS = 8.6


def run(source: np.ndarray, wishes: Wishes, model: PitchModel = NO_MODEL) -> Transcription:
    analysis = analyse(source, ENGINE_RATE_HZ)
    return transcribe_source(source, analysis, wishes, model, lambda: None, lambda _: None)


def test_a_part_is_written_down_as_the_track_that_is_named() -> None:
    found = run(play(BASS, SECONDS), Wishes(("bass",), "part"))
    (part,) = found.song.parts
    assert (part.name, part.program, part.is_drums) == ("bass", 33, False)
    assert f_measure(onsets(part.notes), onsets(BASS), 0.06) >= 0.85
    assert found.song.end_s == pytest.approx(SECONDS)
    assert found.notes == ()


def test_what_is_missed_without_the_network_is_said() -> None:
    found = run(play(BASS, SECONDS), Wishes(("keyboard",), "part"))
    assert found.notes == (
        "Pitches are found by signal processing alone, which misses more of them. Run `acebridge models pull basic-pitch`.",
    )


def test_drums_alone_are_recognised() -> None:
    found = run(drum(STROKES, SECONDS), Wishes())
    (part,) = found.song.parts
    assert (part.name, part.is_drums) == ("drums", True)
    kicks = [(at, PIECES[name]) for at, name in STROKES if name == "kick"]
    assert f_measure([each for each in onsets(part.notes) if each[1] == PIECES["kick"]], kicks) >= 0.9
    assert "The source is taken for drums alone." in found.notes


def test_one_instrument_alone_is_one_part() -> None:
    found = run(play([Note(0.2 + 0.5 * k, 0.6 + 0.5 * k, 60 + k % 5, 90) for k in range(16)], SECONDS), Wishes())
    assert [part.name for part in found.song.parts] == ["other"]
    assert "The source is taken for one instrument alone." in found.notes


def test_a_mix_is_separated_first() -> None:
    source = play(BASS, SECONDS) + 2 * drum(STROKES, SECONDS)
    found = run(source, Wishes(("drums", "bass"), "mix"))
    assert [part.name for part in found.song.parts] == ["drums", "bass"]
    assert "The source is taken for a mix, and was separated first." in found.notes
    kicks = [(at, PIECES[name]) for at, name in STROKES if name == "kick"]
    assert f_measure([each for each in onsets(found.song.parts[0].notes) if each[1] == PIECES["kick"]], kicks) >= 0.7


def test_a_long_mix_is_separated_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    source = play(BASS, SECONDS) + 2 * drum(STROKES, SECONDS)
    whole = run(source, Wishes(("bass",), "mix"))
    reports: list[float] = []
    monkeypatch.setattr(transcribe, "_STRETCH", 3 * ENGINE_RATE_HZ)
    monkeypatch.setattr(transcribe, "_OVERLAP", ENGINE_RATE_HZ)
    analysis = analyse(source, ENGINE_RATE_HZ)
    parts = transcribe_source(source, analysis, Wishes(("bass",), "mix"), NO_MODEL, lambda: None, reports.append)
    assert f_measure(onsets(parts.song.parts[0].notes), onsets(whole.song.parts[0].notes)) >= 0.9
    assert reports == sorted(reports)
    assert reports[-1] == pytest.approx(1.0)


def test_the_network_gets_the_mean_of_both_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Basic Pitch's own code does; a recording whose channels have opposite polarity is turned upright first."""
    left = play(BASS, SECONDS)[:, 0]
    right = np.random.default_rng(1).permutation(left)
    inputs: list[np.ndarray] = []

    def answer(mono: np.ndarray, *_: object) -> Posteriors:
        inputs.append(mono)
        return Posteriors(np.zeros((4, 88), np.float32), np.zeros((4, 88), np.float32), np.zeros(4))

    monkeypatch.setattr(transcribe, "model_posteriors", answer)
    for sides in ((left, right), (left, right - left), (left, -left)):
        run(np.stack(sides, axis=1), Wishes(("guitar",), "part"), PitchModel(Path("nmp.onnx")))
    means = (left + right) / 2, right / 2, left
    for found, mean in zip(inputs, means, strict=True):
        expected = resample(mean[:, None], ENGINE_RATE_HZ, 22_050)[:, 0]
        assert np.allclose(np.abs(found), np.abs(expected), atol=1e-6)


@pytest.mark.parametrize("track", [(), ("bass",), ("drums",)])
@pytest.mark.parametrize("contents", ["", "part", "mix"])
def test_silence_has_no_notes(track: tuple[str, ...], contents: str) -> None:
    found = run(np.zeros((ENGINE_RATE_HZ, 2), np.float32), Wishes(track, contents))
    assert not any(part.notes for part in found.song.parts)
    assert any(note.startswith("No notes are heard") for note in found.notes)
    assert any(note.startswith("No beat is heard") for note in found.notes)


def chord(voices: str, monkeypatch: pytest.MonkeyPatch, track: str) -> list[int]:
    """Return the pitches that a network's chord of C and G becomes."""
    sounds, begins = np.zeros((2, 200, 88), np.float32)
    for pitch, value in ((39, 0.9), (46, 0.7)):
        sounds[20:120, pitch] = value
        begins[20, pitch] = 0.9
    asked: list[Path] = []

    def answer(mono: np.ndarray, model: Path, *_: object) -> Posteriors:
        asked.append(model)
        assert mono.dtype == np.float32
        assert mono.ndim == 1
        return Posteriors(sounds, begins, np.arange(200) * 256 / 22_050)

    monkeypatch.setattr(transcribe, "model_posteriors", answer)
    found = run(play(BASS, SECONDS), Wishes((track,), "part", voices), PitchModel(Path("nmp.onnx")))
    assert asked == [Path("nmp.onnx")]
    assert not any("signal processing alone" in note for note in found.notes)
    return [note.pitch for note in found.song.parts[0].notes]


@pytest.mark.parametrize(
    ("track", "voices", "pitches"),
    [
        ("keyboard", "", [60, 67]), ("keyboard", "mono", [60]), ("bass", "poly", [60, 67]), ("vocals", "", [60]),
    ],
)  # fmt: skip
def test_voices_have_one_note_at_a_time(
    monkeypatch: pytest.MonkeyPatch, track: str, voices: str, pitches: list[int]
) -> None:
    assert chord(voices, monkeypatch, track) == pitches


@pytest.mark.parametrize("voices", ["", "mono"])
def test_a_line_of_a_bass_needs_no_network(monkeypatch: pytest.MonkeyPatch, voices: str) -> None:
    """Signal processing finds more of its notes: docs/QUALITY.md."""
    monkeypatch.setattr(transcribe, "model_posteriors", None)
    source, wishes = play(BASS, SECONDS), Wishes(("bass",), "part", voices)
    found = run(source, wishes, PitchModel(Path("nmp.onnx")))
    assert f_measure(onsets(found.song.parts[0].notes), onsets(BASS)) >= 0.9
    assert found == run(source, wishes, PitchModel(None, "Fetch it."))
