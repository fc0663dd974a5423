"""Accompaniments against their sources: the source in the mix, the parts in time and in tune, and room for each other."""

import itertools
import json

import numpy as np
import pytest
import soundfile

from acestep_runtime.dsp.musical import Grid
from acestep_runtime.dsp.players import Note
from acestep_runtime.dsp.progressions import triads
from acestep_runtime.engines.base import Block, EngineRequest, Progress
from acestep_runtime.engines.draft import complete
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.tasks.base import Output, OutputBlock, OutputHeader, Source
from acestep_runtime.tasks.complete import Complete
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.values import TRACKS, CancelToken, Key, Music
from tests.support import band, signals

RATE = 48_000
BAND = ("drums", "bass", "guitar", "keyboard")


def run_complete(source, tracks=BAND, seed=3, **music):
    """Return (roles, facts, order of the blocks), with what every engine promises checked."""
    whole = (0, len(source))
    request = EngineRequest(TASKS["complete"], len(source), seed, Music(**music), source=source, span=whole, known=whole,
                            tracks=tracks)  # fmt: skip
    roles, facts, fractions, order = {}, {}, [], []
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Progress):
            fractions.append(event.fraction)
        elif isinstance(event, Block):
            assert event.samples.dtype == np.float32
            roles.setdefault(event.role, []).append(event.samples)
            order.append(event.role)
        else:
            facts.update(event.values)
    assert fractions == sorted(fractions)
    roles = {role: np.concatenate(blocks) for role, blocks in roles.items()}
    assert tuple(roles) == ("mix", *tracks)
    assert all(samples.shape == source.shape and np.isfinite(samples).all() for samples in roles.values())
    assert json.loads(json.dumps(facts)) == facts
    return roles, facts, order


def rms_db(samples):
    return float(10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-12))


def total(roles):
    return sum(samples.astype(float) for role, samples in roles.items() if role != "mix")


@pytest.fixture(scope="module")
def song():
    """Six bars of a band at 120 bpm, with headroom."""
    return np.float32(0.4) * band.play(bpm=120, bars=6).mix


@pytest.fixture(scope="module")
def outputs(song):
    return run_complete(song, caption="rock band arrangement")


def test_the_mix_is_the_source_and_the_tracks(song, outputs):
    roles, facts, _ = outputs
    assert np.abs(roles["mix"] - total(roles) - song).max() < 1e-6
    assert "ducked_s" not in facts
    assert facts["bpm"] == pytest.approx(120, rel=0.01)
    assert facts["keyscale"] in ("C major", "A minor")
    assert -14 < rms_db(total(roles)) - rms_db(song) < 2
    assert all(-25 < rms_db(roles[track]) - rms_db(song) < -2 for track in BAND)


def test_roles_come_bar_by_bar(outputs):
    order = outputs[2]
    assert order[: len(BAND) + 1] == ["mix", *BAND]
    assert order.count("mix") > 3
    assert order.count("drums") > 3


def test_bass_and_drums_strike_together_and_on_the_beat(song, outputs):
    roles, _, _ = outputs
    # The band's beats lie at multiples of half a second; those of the bass drum are found below 120 Hz.
    x = np.convolve(roles["drums"].mean(axis=1), np.ones(200) / 200, "same")[: len(song) // 240 * 240].reshape(-1, 240)
    level = np.sqrt(np.mean(x**2, axis=1))
    rise = np.maximum(0, level[2:] - level[:-2])
    at = [k for k in range(1, len(rise) - 1) if rise[k] > 0.5 * rise.max() and rise[k] >= rise[k - 1 : k + 2].max()]
    off = np.array(at) * 240 / RATE / 0.125
    assert len(at) >= 6
    assert np.median(np.abs(off - np.round(off))) * 0.125 < 0.02


def test_notes_of_the_bass_near_a_bass_drum_move_onto_it():
    def drum(at):
        return Note(at, 1.0, "drums", "rock", 1.0, piece="kick")

    def low(at):
        return Note(at, 0.2, "bass", "bass_pick", 0.8, (33,))

    bass_notes = complete._lock_to_kick([low(0.01), low(0.53), low(1.2)], [drum(0.0), drum(0.5)])
    assert [note.start_s for note in bass_notes] == [0.0, 0.5, 1.2]


@pytest.mark.parametrize("caption", ["rock", "jazz", "electronic dance", "orchestral", "lo-fi", ""])
def test_no_two_players_of_chords_share_a_rhythm_and_one_leads_at_most(caption):
    chairs = complete._assign_players(style_from_caption(caption), TRACKS)
    chords = [chairs[t] for t in ("guitar", "keyboard", "strings", "synth", "brass", "woodwinds")]
    assert tuple(chairs) == TRACKS
    assert len({who.pattern for who in chords}) == len(chords)
    assert sum(who.leads for who in chords) <= 1


def test_a_hot_source_is_unchanged_and_nothing_exceeds_full_scale():
    hot = np.clip(3 * signals.song(bpm=120, bars=3), -1, 1).astype(np.float32)
    roles, facts, _ = run_complete(hot, ("drums", "synth"), caption="electronic")
    accompaniment = total(roles)
    assert np.abs(roles["mix"]).max() <= 1 + 1e-6
    assert facts["accompaniment_lowered_db"] > 0
    assert any("headroom" in note for note in facts["notes"])
    assert facts["ducked_s"] > 0
    # Where the mix differs from source and tracks, it lies between the source and that sum.
    inside = (roles["mix"] - hot) * np.sign(accompaniment)
    assert (inside > -1e-6).all()
    assert (inside < np.abs(accompaniment) + 1e-6).all()


def test_ducking_does_not_depend_on_the_blocks():
    rng = np.random.default_rng(0)
    source = (0.6 * rng.uniform(-1, 1, (20_000, 2))).astype(np.float32)
    layer = (0.7 * rng.uniform(-1, 1, (20_000, 2))).astype(np.float32)

    def in_blocks(cuts):
        under = complete._Ducker(source)
        bounds = [0, *cuts, len(source)]
        return np.concatenate([under.push(layer[a:b], last=b == len(source)) for a, b in itertools.pairwise(bounds)])

    whole = in_blocks([])
    assert np.abs(whole).max() <= 1 + 1e-6
    for cuts in ([1], [5_000, 5_010, 12_345], list(range(100, 20_000, 700))):
        assert np.allclose(in_blocks(cuts), whole, atol=1e-6)


def tune(pitches, beat_s=0.5):
    """A lone voice, a note a beat, with vibrato and formants, ``[N, 2]``."""
    out = []
    for pitch in pitches:
        t = np.arange(round(beat_s * RATE)) / RATE
        f = 440 * 2 ** ((pitch - 69) / 12) * 2 ** (0.3 / 12 * np.sin(2 * np.pi * 5.5 * t))
        phase = 2 * np.pi * np.cumsum(f) / RATE
        tone = sum(np.sin(h * phase) / h for h in range(1, 10))
        out.append(0.15 * tone * np.minimum(1, np.minimum(t, t[::-1]) / 0.03))
    mono = np.concatenate(out)
    return np.stack((mono, mono), axis=1).astype(np.float32)


@pytest.mark.parametrize("tonic", [0, 5, 9])
def test_a_solo_voice_gets_chords_of_its_key_that_contain_its_notes(tonic):
    melody = [60, 64, 67, 64, 65, 69, 65, 64, 62, 67, 71, 67, 60, 64, 67, 60] * 2
    source = tune([p + tonic for p in melody])
    roles, facts, _ = run_complete(source, ("drums", "keyboard"), caption="pop", bpm=120.0)
    key = Key.parse(facts["keyscale"])
    assert {(key.tonic + 3) % 12 if key.mode == "minor" else key.tonic} == {tonic}
    assert any("one voice" in note for note in facts["notes"])
    allowed = {(root, quality) for root, quality in triads(Key(tonic, "major"))}
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    fits = []
    grid = Grid(120.0)
    for beat, pitch in enumerate(melody):
        at = grid.beat_to_s(beat + 0.5)
        name = next(c["name"] for c in facts["chords"] if c["start_s"] <= at < c["end_s"])
        root = names.index(name[: 2 if name[1:2] in ("#", "b") else 1])
        quality = name[2:] if name[1:2] in ("#", "b") else name[1:]
        third = 3 if quality.startswith("m") and quality != "maj7" else 4
        fits.append((pitch + tonic - root) % 12 in (0, third, 7))
        assert (root, quality) in allowed or quality not in ("", "m")
    assert np.mean(fits) > 0.55
    assert np.abs(roles["mix"] - total(roles) - source).max() < 1e-5 or "ducked_s" in facts


@pytest.mark.slow
def test_all_twelve_tracks_play_together(song):
    lyrics = "[Verse]\nall of us together\nplay and sing"
    roles, facts, _ = run_complete(song, TRACKS, caption="full orchestral accompaniment", lyrics=lyrics)
    assert [line["text"] for line in facts["lines"]] == ["all of us together", "play and sing"]
    assert all(rms_db(roles[track]) > -70 for track in TRACKS)
    assert rms_db(total(roles)) < rms_db(song) + 3


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "tiny", "one"])
def test_any_source_can_be_accompanied(kind):
    source = {
        "silence": np.zeros((3 * RATE, 2), np.float32),
        "noise": signals.noise(3.0, rms=0.2).clip(-1, 1).astype(np.float32),
        "tone": signals.sine(440, 3.0),
        "tiny": signals.sine(440, 0.01),
        "one": signals.sine(440, 1.0)[:1],
    }[kind]
    roles, _, _ = run_complete(source, ("drums", "strings"), caption="jazz")
    assert np.abs(roles["mix"]).max() <= 1 + 1e-6


def test_a_missing_source_is_named():
    with pytest.raises(InvalidValue, match="source"):
        list(DraftEngine().run(EngineRequest(TASKS["complete"], RATE, 1, tracks=BAND), CancelToken()))


def test_cancelling_stops_it(song):
    cancel = CancelToken()
    events = DraftEngine().run(EngineRequest(TASKS["complete"], len(song), 1, source=song, tracks=BAND), cancel)
    next(e for e in events if isinstance(e, Block))
    cancel.cancel()
    with pytest.raises(Cancelled):
        [event for event in events if event is None]


def test_the_task_writes_all_outputs_side_by_side(song, tmp_path):
    """At another rate too: every role is resampled as a stream of its own."""
    path = tmp_path / "song.wav"
    soundfile.write(path, song[: 5 * RATE], RATE, subtype="FLOAT")
    task = Complete(Source(str(path)), tracks=("drums", "bass"), output=Output(sample_rate=44_100, channels=1))
    headers, frames, order = [], {}, []
    for event in task.run(DraftEngine(), CancelToken()):
        if isinstance(event, OutputHeader):
            headers.append(event)
        elif isinstance(event, OutputBlock):
            frames[event.output] = frames.get(event.output, 0) + len(event.samples)
            order.append(event.output)
    assert [header.role for header in headers] == ["mix", "drums", "bass"]
    assert [header.output for header in headers] == [0, 1, 2]
    assert frames == dict.fromkeys((0, 1, 2), 5 * 44_100)
    assert order[:4] == [0, 1, 2, 0]
