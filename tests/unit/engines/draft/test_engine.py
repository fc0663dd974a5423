"""The draft engine through its interface: results against requests, measured with independent tools."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress, TaskTraits
from acestep_runtime.engines.draft.engine import FUNCTIONS, DraftEngine
from acestep_runtime.engines.registry import ENGINES
from acestep_runtime.errors import Cancelled, InvalidValue, UnsupportedTask
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music

RATE = 48_000
ROOTS = {n: i for i, n in enumerate(("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"))}


def run(task, frames, seed=1, *, music=None, **more):
    """Return (roles, facts); the protocol's promises are checked on the way."""
    request = EngineRequest(TASKS[task], frames, seed, music or Music(), **more)
    roles, facts, fractions = {}, {}, []
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Progress):
            assert event.stage
            fractions.append(event.fraction)
        elif isinstance(event, Metadata):
            facts.update(event.values)
        else:
            assert isinstance(event, Block)
            assert event.samples.dtype == np.float32
            assert event.samples.ndim == 2
            assert event.samples.shape[1] == 2
            roles.setdefault(event.role, []).append(event.samples)
    assert fractions == sorted(fractions)
    assert all(0 <= f <= 1 for f in fractions)
    roles = {role: np.concatenate(blocks) for role, blocks in roles.items()}
    for samples in roles.values():
        assert len(samples) == frames
        assert np.isfinite(samples).all()
        assert np.abs(samples).max(initial=0) <= 1.0
    assert json.loads(json.dumps(facts)) == facts
    assert facts["engine"] == "draft"
    return roles, facts


@pytest.fixture(scope="module")
def song():
    """Twenty-four seconds at 120 bpm, 4/4, C major, with its facts."""
    music = Music(caption="pop", bpm=120, keyscale="C major", timesignature=4)
    roles, facts = run("text2music", 24 * RATE, 7, music=music)
    return roles["mix"], facts


def rms_db(samples):
    return 10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-12)


def onsets_s(samples):
    """Times at which the level of the high-passed sound jumps by 9 dB within 4 ms and by 20 dB over 30 ms before."""
    x = np.diff(samples.mean(axis=1).astype(float), prepend=0)
    hop = 96
    level = 10 * np.log10(np.mean(x[: len(x) // hop * hop].reshape(-1, hop) ** 2, axis=1) + 1e-9)
    jumps = [
        k for k in range(16, len(level)) if level[k] - level[k - 2] > 9 and level[k] - level[k - 15 : k].mean() > 14
    ]
    onset_frames = [k for i, k in enumerate(jumps) if i == 0 or k - jumps[i - 1] > 20]
    return np.array(onset_frames) * hop / RATE


def pitch_class(samples):
    """Pitch class of the strongest fundamental between 35 and 140 Hz, by an FFT of the middle of the sound."""
    x = samples.mean(axis=1).astype(float)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE)
    score = np.zeros_like(spectrum)
    for k in (1, 2, 3):
        score += np.interp(k * hz, hz, spectrum) / k
    score[(hz < 38) | (hz > 85)] = 0
    return round(69 + 12 * np.log2(hz[np.argmax(score)] / 440)) % 12


def test_it_implements_the_tasks_of_the_registry():
    assert set(FUNCTIONS) == {name for name, task in TASKS.items() if ENGINES["draft"].supports(task)}
    assert DraftEngine.name == "draft"


# ------------------------------------------------------------------------------------------------------ text2music
def test_a_song_has_the_requested_tempo_key_and_meter(song):
    samples, facts = song
    found = analyse(samples, RATE)
    assert found.grid.bpm == pytest.approx(120, rel=0.01)
    assert found.grid.beats_per_bar == 4
    assert (facts["bpm"], facts["keyscale"], facts["timesignature"]) == (120, "C major", 4)
    assert set(facts) >= {"caption", "sections", "chords"}


@pytest.mark.parametrize("caption", ["jazz", "electronic", "rock", "lo-fi", "잔잔한 발라드", "orchestral, epic"])
def test_songs_are_as_loud_as_records_and_clean(caption):
    samples = run("text2music", 9 * RATE, 3, music=Music(caption=caption))[0]["mix"]
    assert -20 < rms_db(samples) < -12
    assert np.abs(samples).max() <= 10 ** (-1 / 20)
    assert np.abs(samples.mean(axis=0)).max() < 2e-3
    assert np.abs(samples[-1]).max() < 0.01
    left, right = samples.T.astype(float)
    assert 0.1 < np.corrcoef(left, right)[0, 1] < 0.999


@pytest.mark.parametrize("meter", [2, 3, 4, 6])
@pytest.mark.parametrize("frames", [1, 100, 14_400, 100_003])
def test_lengths_are_exact(frames, meter):
    run("text2music", frames, music=Music(caption="rock", timesignature=meter))


@settings(deadline=None, max_examples=6)
@given(frames=st.integers(1, 2 * RATE), bpm=st.floats(30, 300), seed=st.integers(0, 2**32 - 1))
def test_any_length_tempo_and_seed(frames, bpm, seed):
    run("text2music", frames, seed, music=Music(caption="funk", bpm=bpm))


def test_the_seed_determines_the_song():
    music = Music(caption="pop")
    first, again, other = (run("text2music", 3 * RATE, seed, music=music)[0]["mix"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_sections_follow_the_lyrics_and_differ_in_energy():
    lyrics = "[Intro]\n[Verse 1]\nla la\n[Chorus - powerful]\nla\n[Outro - fade out]"
    roles, facts = run("text2music", 32 * RATE, music=Music(caption="rock", lyrics=lyrics, bpm=120))
    sections = {s["name"]: (round(s["start_s"] * RATE), round(s["end_s"] * RATE)) for s in facts["sections"]}
    assert list(sections) == ["Intro", "Verse 1", "Chorus", "Outro"]
    assert facts["sections"][0]["start_s"] == 0
    assert facts["sections"][-1]["end_s"] == 32
    level = {name: rms_db(roles["mix"][slice(*span)]) for name, span in sections.items()}
    assert level["Chorus"] > level["Verse 1"] > level["Intro"]
    tail = roles["mix"][sections["Outro"][0] :]
    assert rms_db(tail[-RATE:]) < rms_db(tail[:RATE]) - 10


def test_the_first_audio_comes_before_the_song_is_complete():
    request = EngineRequest(TASKS["text2music"], 20 * RATE, 1, Music(caption="pop"))
    first = next(e for e in DraftEngine().run(request, CancelToken()) if isinstance(e, Block))
    assert len(first.samples) < 5 * RATE


# ------------------------------------------------------------------------------------------------------------ lego
def test_drums_lie_on_the_beat_of_the_source(song):
    samples, _ = song
    span = (4 * RATE, 20 * RATE)
    music = Music(caption="rock drums")
    roles, facts = run(
        "lego", len(samples), source=samples, span=span, known=(0, len(samples)), tracks=("drums",), music=music
    )
    times = onsets_s(roles["drums"])
    assert len(times) > 30
    off = times / 0.125 - np.round(times / 0.125)  # sixteenths of 120 bpm
    assert np.median(np.abs(off)) * 0.125 < 0.010
    assert np.percentile(np.abs(off), 90) * 0.125 < 0.020
    assert facts["bpm"] == pytest.approx(120, rel=0.01)


def test_the_bass_plays_the_roots_of_the_chords(song):
    samples, _ = song
    music = Music(caption="ballad", bpm=120, keyscale="C major", timesignature=4)
    span = (0, len(samples))
    roles, metadata = run("lego", len(samples), source=samples, span=span, known=span, tracks=("bass",), music=music)
    assert len(metadata["chords"]) > 4
    right = 0
    for chord in metadata["chords"]:
        start = round((chord["start_s"] + 0.08) * RATE)
        root = ROOTS[chord["name"][: 2 if chord["name"][1:2] in ("#", "b") else 1]]
        right += pitch_class(roles["bass"][start : start + RATE // 2]) == root
    assert right >= 0.9 * len(metadata["chords"])


def test_layers_are_silent_outside_their_span_and_come_in_order(song):
    samples, _ = song
    start, stop = 100_001, 400_003
    tracks = ("bass", "drums", "strings", "guitar")
    roles, _ = run("lego", len(samples), source=samples, span=(start, stop), known=(0, len(samples)), tracks=tracks)
    assert tuple(roles) == tracks
    for role, layer in roles.items():
        assert not layer[:start].any(), role
        assert not layer[stop:].any(), role
        assert rms_db(layer[start:stop]) > -45, role
        assert np.abs(layer[stop - 10 : stop]).max() < 0.01, role


def test_layers_follow_the_loudness_of_the_source(song):
    samples, _ = song
    span = (0, len(samples))
    loud, soft = (
        run("lego", len(samples), source=samples * np.float32(g), span=span, known=span, tracks=("bass",))[0]["bass"]
        for g in (1.0, 0.1)
    )
    assert rms_db(loud) - rms_db(soft) == pytest.approx(20, abs=3)


# --------------------------------------------------------------------------------------------------------- repaint
def run_repaint(samples, span, known=None, seed=1, caption="brighter piano", lyrics=""):
    music = Music(caption=caption, lyrics=lyrics)
    known = known or (0, len(samples))
    roles, facts = run("repaint", len(samples), seed, source=samples, span=span, known=known, music=music)
    return roles["mix"], facts


def test_only_the_span_changes_and_it_fits(song):
    samples, _ = song
    start, stop = 8 * RATE + 1234, 13 * RATE + 7
    result, facts = run_repaint(samples, (start, stop))
    assert np.array_equal(result[:start], samples[:start])
    assert np.array_equal(result[stop:], samples[stop:])
    old, new = samples[start:stop], result[start:stop]
    assert np.corrcoef(old[:, 0], new[:, 0])[0, 1] < 0.8
    around = np.concatenate((samples[:start], samples[stop:]))
    assert abs(rms_db(new) - rms_db(around)) < 4
    assert facts["bpm"] == pytest.approx(120, rel=0.01)
    assert facts["chords"][0]["start_s"] == pytest.approx(start / RATE, abs=1e-3)
    assert facts["chords"][-1]["end_s"] == pytest.approx(stop / RATE, abs=1e-3)


def test_another_genre_replaces_the_band_and_an_instrument_joins_it(song):
    samples, _ = song
    span = (8 * RATE, 12 * RATE)

    def likeness(caption):
        """The best normalised correlation of the new second bar with any place of the song outside of the span."""
        new = run_repaint(samples, span, caption=caption)[0][10 * RATE : 12 * RATE, 0].astype(float)
        old = samples[:, 0].astype(float)
        size = 1 << (len(old) + len(new)).bit_length()
        match = np.fft.irfft(np.fft.rfft(old, size) * np.conj(np.fft.rfft(new, size)), size)[: len(old) - len(new)]
        energy = np.concatenate(([0.0], np.cumsum(old**2)))
        local = energy[len(new) : len(old)] - energy[: len(old) - len(new)]
        return np.max(np.abs(match) / np.sqrt(local * np.sum(new**2) + 1e-9))

    assert likeness("bossa nova") < 0.4
    assert likeness("soft strings") > 0.6


def test_the_new_music_keeps_the_beat(song):
    samples, _ = song
    result, _ = run_repaint(samples, (8 * RATE, 16 * RATE), caption="rock drums")
    found = analyse(result[8 * RATE : 16 * RATE], RATE, bpm=120.0)
    phase = (found.beats_s[3] / 0.5) % 1
    assert min(phase, 1 - phase) * 0.5 < 0.04


def test_takes_differ_and_repeat(song):
    samples, _ = song
    span = (6 * RATE, 10 * RATE)
    first, again, other = (run_repaint(samples, span, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first[slice(*span)], other[slice(*span)], atol=0.01)


@pytest.mark.parametrize("caption", ["extended outro with fade out", "energetic guitar solo"])
def test_a_song_can_be_extended(song, caption):
    samples, _ = song
    known = len(samples)
    longer = np.concatenate((samples, np.zeros((8 * RATE, 2), np.float32)))
    result, facts = run_repaint(longer, (known, len(longer)), (0, known), caption=caption)
    assert np.array_equal(result[:known], samples)
    assert rms_db(result[known : known + 3 * RATE]) > -28
    assert np.abs(result[-5:]).max() < 0.01
    assert facts["bpm"] == pytest.approx(120, rel=0.01)


def test_a_song_can_begin_earlier(song):
    samples, _ = song
    lead = 6 * RATE
    longer = np.concatenate((np.zeros((lead, 2), np.float32), samples))
    result, _ = run_repaint(longer, (0, lead), (lead, len(longer)), caption="atmospheric intro with ambient pads")
    assert np.array_equal(result[lead:], samples)
    assert rms_db(result[:lead]) > -35


@pytest.mark.parametrize("frames", [1, 500, 14_400, 3 * RATE])
def test_without_context_all_audio_is_new(song, frames):
    samples, _ = song
    clip = samples[9 * RATE : 9 * RATE + frames]
    result, _ = run_repaint(clip, (0, frames), caption="rock")
    assert frames < RATE or np.corrcoef(clip[:, 0], result[:, 0])[0, 1] < 0.7


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_silence_and_noise_can_be_repainted(level):
    noise = (level * np.random.default_rng(0).standard_normal((4 * RATE, 2))).clip(-1, 1).astype(np.float32)
    run_repaint(noise, (RATE, 2 * RATE))
    run("lego", 4 * RATE, source=noise, span=(0, 4 * RATE), known=(0, 4 * RATE), tracks=("drums",))


# ----------------------------------------------------------------------------------------- extract and understand
def test_stems_come_in_order_and_add_up(song):
    samples, _ = song
    clip = samples[: 5 * RATE]
    roles, facts = run("extract", len(clip), source=clip, tracks=("drums", "bass"))
    assert tuple(roles) == ("drums", "bass", "other")
    assert np.max(np.abs(sum(roles.values()) - clip)) < 1e-5
    assert facts["bpm"] > 0


def test_understand_returns_tempo_key_and_chords(song):
    samples, truth = song
    roles, facts = run("understand", len(samples), source=samples)
    assert not roles
    assert facts["duration_s"] == 24
    assert facts["bpm"] == pytest.approx(120, rel=0.01)
    assert facts["beats"] == sorted(facts["beats"])
    assert set(facts["downbeats"]) <= set(facts["beats"])
    assert set(facts) >= {"keyscale", "timesignature", "caption", "chords", "confidence", "loudness_db"}
    assert facts["loudness_db"] == pytest.approx(rms_db(samples), abs=0.5)
    assert truth["duration_s"] == facts["duration_s"]


# ---------------------------------------------------------------------------------------------- refusals, stopping
def test_other_tasks_are_refused():
    class Remix(TaskTraits):
        name = "remix"

    with pytest.raises(UnsupportedTask, match="cannot do remix; it can do text2music"):
        list(DraftEngine().run(EngineRequest(Remix, RATE, 1), CancelToken()))


@pytest.mark.parametrize("task", ["repaint", "lego", "extract", "understand"])
def test_a_missing_source_is_named(task):
    with pytest.raises(InvalidValue, match="source"):
        run(task, RATE, span=(0, RATE), tracks=("drums",))


@pytest.mark.parametrize("task", list(FUNCTIONS))
def test_cancelling_stops_the_engine(song, task):
    samples, _ = song
    cancel = CancelToken()
    frames = len(samples)
    request = EngineRequest(
        TASKS[task], frames, 1, Music(), source=samples, span=(0, frames // 2), known=(0, frames), tracks=("drums",)
    )
    events = DraftEngine().run(request, cancel)
    next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


def test_dropping_an_extraction_ends_its_work(song):
    samples, _ = song
    events = DraftEngine().run(
        EngineRequest(TASKS["extract"], len(samples), 1, source=samples, tracks=("drums",)), CancelToken()
    )
    next(e for e in events if isinstance(e, Progress) and e.stage == "separating")
    events.close()
