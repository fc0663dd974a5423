"""Covers against their sources: what they follow and what they replace, measured with independent tools."""

import hashlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.engines.base import Block, EngineRequest, Progress
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
from tests.support import band, signals

RATE = 48_000
SCALE = {"C major": {0, 2, 4, 5, 7, 9, 11}, "E major": {4, 6, 8, 9, 11, 1, 3}, "C minor": {0, 2, 3, 5, 7, 8, 10}}


def run_cover(source, strength=1.0, seed=11, **more):
    lrc = more.pop("auto_lrc", False)
    whole = (0, len(source))
    request = EngineRequest(TASKS["cover"], len(source), seed, Music(**more), source=source, span=whole, known=whole,
                            strength=strength, auto_lrc=lrc)  # fmt: skip
    blocks, facts, fractions = [], {}, []
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Progress):
            assert event.stage
            fractions.append(event.fraction)
        elif isinstance(event, Block):
            assert event.role == "mix"
            blocks.append(event.samples)
        else:
            facts.update(event.values)
    assert fractions == sorted(fractions)
    mix = np.concatenate(blocks)
    assert mix.shape == source.shape
    assert mix.dtype == np.float32
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() <= 1
    assert json.loads(json.dumps(facts)) == facts
    return mix, facts


@pytest.fixture(scope="module")
def source():
    """Five bars of drums, bass, voice and pad at 112 bpm in C."""
    return band.play(bpm=112, bars=5).mix


@pytest.fixture(scope="module")
def longer():
    """Eight of them."""
    return band.play(bpm=112, bars=8).mix


def chroma(samples, seconds=0.25):
    """Pitch classes of magnitude spectra of a quarter second, octaves 3 to 6, centred and normalised."""
    n = round(seconds * RATE)
    x = samples.mean(axis=1)[: len(samples) // n * n].reshape(-1, n)
    spectrum = np.sqrt(np.abs(np.fft.rfft(x * np.hanning(n), 4 * n)))
    hz = np.fft.rfftfreq(4 * n, 1 / RATE)
    use = (hz > 130) & (hz < 1100)
    classes = np.rint(69 + 12 * np.log2(hz[use] / 440)).astype(int) % 12
    rows = spectrum[:, use] @ np.eye(12)[classes]
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))


def chroma_likeness(a, b):
    return float((chroma(a) * chroma(b)).sum(axis=1).mean())


def flux(samples):
    """Growth of the log level of ten bands over 20 ms, smoothed."""
    hop = RATE // 100
    x = samples.mean(axis=1)[: len(samples) // hop * hop].reshape(-1, hop)
    power = np.abs(np.fft.rfft(x * np.hanning(hop), 1024)) ** 2
    bands = np.stack([part.sum(axis=1) for part in np.array_split(power, 10, axis=1)], axis=1)
    level = np.log10(bands + 1e-4)
    rise = np.maximum(0, level[2:] - level[:-2]).sum(axis=1)
    return np.convolve(rise, np.hanning(9), "same")


def in_time(a, b):
    n = min(len(flux(a)), len(flux(b)))
    return float(np.corrcoef(flux(a)[:n], flux(b)[:n])[0, 1])


@pytest.mark.slow
@pytest.mark.parametrize(("caption", "seed"), [("jazz", 21), ("folk", 22), ("orchestral", 23)])
def test_more_strength_is_more_of_the_source(longer, caption, seed):
    covers = [run_cover(longer, s, seed, caption=caption)[0] for s in (0.0, 0.3, 0.5, 0.8, 1.0)]
    harmony = [chroma_likeness(mix, longer) for mix in covers]
    rhythm = [in_time(mix, longer) for mix in covers]
    assert all(b > a - 0.02 for a, b in itertools.pairwise(harmony)), harmony
    assert all(b > a - 0.05 for a, b in itertools.pairwise(rhythm)), rhythm
    assert harmony[-1] > harmony[0] + 0.25
    assert rhythm[-1] > rhythm[0] + 0.25


def test_a_faithful_cover_keeps_tempo_key_and_loudness(source):
    mix, facts = run_cover(source, caption="jazz, smooth saxophone lead, walking bass")
    assert facts["bpm"] == pytest.approx(112, rel=0.01)
    assert facts["keyscale"] in ("C major", "A minor")
    assert facts["strength"] == 1
    assert analyse(mix, RATE).grid.bpm == pytest.approx(112, rel=0.01)
    level = [10 * np.log10(np.mean(x.astype(float) ** 2)) for x in (mix, source)]
    assert abs(level[0] - level[1]) < 3


def test_a_cover_contains_no_audio_of_the_source(source):
    mix, _ = run_cover(source, caption="electronic")
    for start in range(0, len(source) - 2 * RATE, 4 * RATE):
        a, b = (x[start : start + 2 * RATE].mean(axis=1).astype(float) for x in (mix, source))
        size = 1 << 18
        match = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)))
        assert np.abs(match).max() < 0.6 * np.sqrt((a @ a) * (b @ b))


def test_at_strength_zero_it_is_a_new_song(source):
    mix, facts = run_cover(source, 0.0, caption="ballad")
    assert facts["strength"] == 0
    assert facts["bpm"] != pytest.approx(112, rel=0.02)
    assert chroma_likeness(mix, source) < 0.5


def test_another_tempo_plays_bar_for_bar_and_fills_the_length(source):
    for bpm in (90.0, 150.0):
        mix, facts = run_cover(source, caption="rock", bpm=bpm)
        assert facts["bpm"] == bpm
        assert analyse(mix, RATE, bpm=bpm).confidence["beats"] > 0.3
        seconds = [float(np.sqrt(np.mean(mix[at : at + RATE] ** 2))) for at in range(0, len(mix) - RATE, RATE)]
        assert min(seconds) > 0.01
    assert np.abs(mix[-1]).max() < 0.01


def test_a_tempo_near_the_measured_one_is_only_a_hint(source):
    assert run_cover(source, caption="rock", bpm=113.0)[1]["bpm"] == pytest.approx(112, rel=0.015)
    assert run_cover(source, caption="rock", bpm=224.0)[1]["bpm"] == pytest.approx(224, rel=0.015)


@pytest.mark.parametrize("keyscale", ["E major", "C minor"])
def test_another_key_moves_every_chord(source, keyscale):
    _, facts = run_cover(source, caption="pop", keyscale=keyscale)
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    roots = [names.index(c["name"][: 2 if c["name"][1:2] in ("#", "b") else 1]) for c in facts["chords"]]
    assert facts["keyscale"] == keyscale
    assert np.mean([root in SCALE[keyscale] for root in roots]) > 0.9


def test_lyrics_are_performed_and_have_times(source):
    lyrics = "[Verse 1]\nnew words on an old tune\n[Chorus - powerful]\nsing it again, sing it loud"
    _, facts = run_cover(source, 0.8, caption="rock version with electric guitars", lyrics=lyrics, auto_lrc=True)
    assert [line["text"] for line in facts["lines"]] == ["new words on an old tune", "sing it again, sing it loud"]
    starts = [line["start_s"] for line in facts["lines"]]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < facts["lines"][-1]["end_s"] <= len(source) / RATE + 0.1
    assert facts["lrc"].count("[") == 2
    assert "lines" not in run_cover(source[: 4 * RATE], 0.8, lyrics="[Instrumental]")[1]


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("kind", ["silence", "noise", "drums", "tone", "tiny"])
def test_any_source_can_be_covered(kind, strength):
    source = {
        "silence": np.zeros((3 * RATE, 2), np.float32),
        "noise": signals.noise(3.0, rms=0.2).clip(-1, 1).astype(np.float32),
        "drums": band.play(bars=2).players["drums"],
        "tone": signals.sine(440, 3.0),
        "tiny": signals.sine(440, 0.01),
    }[kind]
    mix, _ = run_cover(source, strength, caption="pop")
    assert kind == "tiny" or np.abs(mix).max() > 0.02


def test_the_first_audio_comes_early_and_cancelling_ends_it(source):
    request = EngineRequest(TASKS["cover"], len(source), 1, Music(caption="pop"), source=source, known=(0, len(source)))
    cancel = CancelToken()
    events = DraftEngine().run(request, cancel)
    first = next(e for e in events if isinstance(e, Block))
    assert len(first.samples) < 4 * RATE
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


def test_a_missing_source_is_named():
    with pytest.raises(InvalidValue, match="source"):
        list(DraftEngine().run(EngineRequest(TASKS["cover"], RATE, 1), CancelToken()))


_PROGRAM = """
import hashlib, sys
import numpy as np
from acestep_runtime.engines.base import Block, EngineRequest
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import CancelToken, Music
t = np.arange(3 * 48000) / 48000
tune = np.sin(2 * np.pi * np.array([262, 330, 392])[t.astype(int)] * t) * np.exp(-3 * (t % 0.5))
source = np.repeat(0.3 * tune, 2).reshape(-1, 2).astype(np.float32)
digest = hashlib.sha256()
for task in ("cover", "complete"):
    request = EngineRequest(TASKS[task], len(source), 5, Music(caption="rock"), source=source, known=(0, len(source)),
                            strength=0.7, tracks=("drums", "keyboard"))
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Block):
            digest.update(event.role.encode() + event.samples.tobytes())
print(digest.hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_every_process():
    outputs = [subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout
            for _ in range(2)]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert len(outputs[0].strip()) == len(hashlib.sha256().hexdigest())
