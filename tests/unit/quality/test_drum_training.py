"""What the network that hears drums learns from: strokes are where the target says, and torch trains what numpy runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from acestep_runtime.midi.drum_bands import BANDS, FRAME_S
from acestep_runtime.midi.drum_network import USUAL, hear_strokes, measure_usual, read_weights
from acestep_runtime.midi.drums import PIECES
from tests.quality.drum_training.material import COLUMNS, DRAWN_FRAMES, LEAD, NAMES, draft_bank, draw_drums
from tests.quality.drum_training.patterns import NOTES, Stroke, draw_song
from tests.quality.drum_training.train import Network, mix, save


def test_songs_are_drawn_from_all_pieces_and_lie_within_their_time() -> None:
    songs = [draw_song(np.random.default_rng(seed), 30.0) for seed in range(40)]
    assert {NAMES[stroke.pitch] for song in songs for stroke in song} == set(NOTES)
    assert all(0 <= stroke.start_s < 29.9 and 1 <= stroke.velocity <= 127 for song in songs for stroke in song)


def test_the_pieces_that_patterns_play_are_those_of_the_network() -> None:
    assert {name: {pitch for pitch, _ in pairs} for name, pairs in NOTES.items()} == {
        name: set(piece.pitches) for name, piece in PIECES.items()
    }


def test_power_rises_at_each_target_and_nowhere_else() -> None:
    sound = np.zeros((LEAD + 20, BANDS), np.float32)
    sound[LEAD:] = np.exp(-0.5 * np.arange(20))[:, None]
    strokes = [Stroke(0.5 * k * FRAME_S * 100, 36, 100) for k in range(80)]
    for seed in range(5):
        piece = draw_drums(np.random.default_rng(seed), [{name: [sound] for name in NOTES}], [strokes])
        assert piece.power.shape == (DRAWN_FRAMES, BANDS)
        struck = np.flatnonzero(piece.target.max(axis=1) == 1)
        level = piece.power.sum(axis=1)
        rises = np.flatnonzero(np.diff(level, prepend=0) > 0.05 * level.max())
        assert set(rises.tolist()) <= set(struck.tolist())


def test_a_bank_of_the_draft_engine_has_its_strokes_at_the_lead() -> None:
    bank = draft_bank("acoustic", np.random.default_rng(1))
    assert {"kick", "snare", "hat", "open", "crash", "ride"} <= set(bank)
    for name, sounds in bank.items():
        for sound in sounds:
            level = sound.sum(axis=1)
            assert level[: LEAD - 2].max() < 0.01 * level.max(), name
            assert level[LEAD : LEAD + 4].max() > 0.2 * level.max(), name


def test_music_alone_has_no_targets() -> None:
    music = np.random.default_rng(2).uniform(0, 1, (DRAWN_FRAMES + 50, BANDS)).astype(np.float32)
    power, target = mix(None, music, np.random.default_rng(3))
    assert power.shape == (DRAWN_FRAMES, BANDS)
    assert not target.any()
    assert target.shape == (DRAWN_FRAMES, len(COLUMNS))


def test_numpy_runs_what_torch_trains(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = Network().eval()
    path = tmp_path / "weights.npz"
    save(network, path)
    with path.open("rb") as file:
        weights = read_weights(file)
    levels = np.random.default_rng(5).uniform(0, 1, (90, BANDS)).astype(np.float32)
    usual = measure_usual(levels)
    assert usual.shape == (len(USUAL) * BANDS,)
    with torch.no_grad():
        logits = network(torch.from_numpy(levels.T[None]), torch.from_numpy(usual[None]))[0].numpy().T
    found = hear_strokes(levels, weights, lambda: None, lambda _: None)
    assert np.abs(found - 1 / (1 + np.exp(-logits))).max() < 5e-3  # weights are kept in half precision
