import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime import threads
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.render import CEILING, CHANNEL_STRIPS, KNEE, Mixer, limit_peak, render, reverb_ir, rms_db

RATE = 48_000


def make_mixer(gain_db=0.0):
    return Mixer(seed=1, brightness=0.0, room_s=0.4, gain_db=gain_db)


NOTES = [
    Note(0.1, 0.5, "drums", "acoustic", 1.0, piece="kick"),
    Note(0.6, 0.5, "drums", "acoustic", 0.8, piece="snare"),
    Note(0.6, 0.7, "keyboard", "piano", 0.7, (60, 64, 67)),
    Note(0.9, 0.4, "guitar", "guitar_driven", 0.9, (45,)),
]


def render_song(edges_s, frames):
    bars = []
    for start, end in zip([-1.0, *edges_s], [*edges_s, 99.0], strict=True):
        bars.append(([n for n in NOTES if start <= n.start_s < end], min(end, frames / RATE)))
    return np.concatenate(list(render(bars, frames, make_mixer())))


def test_how_the_song_is_cut_into_bars_does_not_change_the_sound():
    whole, cut = render_song([], 2 * RATE), render_song([0.33, 0.62, 0.9, 1.5], 2 * RATE)
    assert whole.shape == cut.shape == (2 * RATE, 2)
    assert np.max(np.abs(whole - cut)) < 1e-5


@settings(deadline=None, max_examples=20)
@given(frames=st.integers(1, 3 * RATE), edges=st.lists(st.floats(0.01, 4.0), max_size=5).map(sorted))
def test_blocks_add_up_to_the_requested_length(frames, edges):
    blocks = list(render([([NOTES[0]], edge) for edge in edges], frames, make_mixer()))
    assert sum(len(b) for b in blocks) == frames
    assert all(b.dtype == np.float32 and b.ndim == 2 and len(b) for b in blocks)


def test_threads_change_no_sample(monkeypatch):
    with_threads = []
    for cores in (1, 4):
        monkeypatch.setattr(threads.os, "cpu_count", lambda cores=cores: cores)
        with_threads.append(render_song([0.5, 1.0], 2 * RATE))
    assert np.array_equal(*with_threads)


def test_prepared_sounds_equal_sounds_rendered_on_demand():
    prepared, straight = make_mixer(), make_mixer()
    prepared.prepare(NOTES)
    for one in (prepared, straight):
        for note in NOTES:
            one.play(note)
    assert np.array_equal(prepared.read(2 * RATE), straight.read(2 * RATE))


def test_silence_before_the_first_note_then_an_onset_on_time():
    out = render_song([], 2 * RATE)
    first = np.flatnonzero(np.abs(out).max(axis=1) > 0.01)[0]
    assert np.abs(out[: round(0.1 * RATE)]).max() < 1e-6  # what rounding leaves of the room's transform
    assert 0 <= first / RATE - 0.1 < 0.004


def test_the_limiter_is_smooth_and_never_exceeds_the_ceiling():
    ramp = np.linspace(-4, 4, 8001, dtype=np.float32)[:, None].repeat(2, 1)
    bent = limit_peak(ramp)
    assert np.abs(bent).max() <= CEILING
    assert np.array_equal(bent[np.abs(ramp) < KNEE], ramp[np.abs(ramp) < KNEE])
    assert (np.diff(bent[:, 0]) >= 0).all()
    assert np.diff(bent[:, 0]).max() <= np.diff(ramp[:, 0]).max() * 1.001


def test_the_ceiling_holds_at_any_gain():
    out = np.concatenate(list(render([(NOTES, 2.0)], 2 * RATE, make_mixer(gain_db=30))))
    assert np.abs(out).max() <= CEILING


def test_a_reverb_has_unit_energy_no_direct_sound_and_decorrelated_sides():
    response = reverb_ir(1.0, 3)
    assert np.sum(response**2, axis=0) == pytest.approx([1.0, 1.0], rel=1e-4)
    assert not response[: round(0.011 * RATE)].any()
    assert abs(np.corrcoef(response.T)[0, 1]) < 0.1


def test_every_track_has_a_channel_and_pans():
    for track, strip in CHANNEL_STRIPS.items():
        assert -1 <= strip.pan <= 1
        assert strip.gain_db <= 0, track
    left = Note(0.0, 0.3, "brass", "brass", 0.8, (60,))
    board = make_mixer()
    board.play(left)
    out = board.read(RATE // 2)
    assert rms_db(out[:, :1]) > rms_db(out[:, 1:])


def test_level_of_silence_and_of_full_scale():
    assert rms_db(np.zeros((10, 2), np.float32)) == -120
    assert rms_db(np.ones((10, 2), np.float32)) == pytest.approx(0.0)
