"""The draft engine at its limits: odd lengths, odd spans, odd sources, cancelling; and measurements of its music."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.engines.base import Block, EngineRequest, Metadata, Progress
from acestep_runtime.engines.draft.engine import FUNCTIONS, DraftEngine
from acestep_runtime.errors import Cancelled
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TRACKS, CancelToken, Key, Music
from tests.support import band, signals

RATE_HZ = 48_000
Samples = npt.NDArray[np.float32]
TWO = ("drums", "bass")
#: Tasks that hand out facts only, and words for those that need some.
SILENT = ("understand", "align_lyrics", "score", "create_sample", "format_sample")
VOCALS = Music(lyrics="la la")


def run_request(request: EngineRequest) -> tuple[dict[str, Samples], dict[str, Any]]:
    """Return the roles and facts of a request, having checked what every engine promises."""
    blocks: dict[str, list[Samples]] = {}
    facts: dict[str, Any] = {}
    fractions = []
    for event in DraftEngine().run(request, CancelToken()):
        if isinstance(event, Progress):
            fractions.append(event.fraction)
        elif isinstance(event, Block):
            assert event.samples.dtype == np.float32
            assert event.samples.shape[1:] == (2,)
            blocks.setdefault(event.role, []).append(event.samples)
        else:
            assert isinstance(event, Metadata)
            facts.update(event.values)
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    roles = {role: np.concatenate(parts) for role, parts in blocks.items()}
    assert all(len(samples) == request.frames and np.isfinite(samples).all() for samples in roles.values())
    assert all(np.abs(samples).max() <= 1 for role, samples in roles.items() if request.task in ("text2music", "lego"))
    assert json.loads(json.dumps(facts)) == facts
    assert facts["engine"] == "draft"
    return roles, facts


def make_song(seconds: float, seed: int = 1, **music: Any) -> tuple[Samples, dict[str, Any]]:
    roles, facts = run_request(EngineRequest(TASKS["text2music"], round(seconds * RATE_HZ), seed, Music(**music)))
    return roles["mix"], facts


def rms_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20))


@pytest.fixture(scope="module")
def song() -> Samples:
    """Sixteen seconds in C at 120 bpm, bar one at 0: nothing of the engine's own making."""
    return np.float32(0.6) * signals.song(bpm=120, bars=8)


# ---------------------------------------------------------------------------------------------------- text2music
@pytest.mark.slow
@settings(deadline=None, max_examples=8)
@given(frames=st.integers(1, 100_000), meter=st.sampled_from([2, 3, 4, 6]), seed=st.integers(0, 2**32 - 1),
       caption=st.sampled_from(["", "jazz", "metal", "앰비언트", "solo", "no drums"]))  # fmt: skip
def test_any_number_of_frames_is_exact(frames: int, meter: int, seed: int, caption: str) -> None:
    run_request(EngineRequest(TASKS["text2music"], frames, seed, Music(caption=caption, timesignature=meter)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("caption", "bpm", "meter", "keyscale"),
    [("rock", 88, 4, "Bb major"), ("pop", 104, 3, "E major"), ("house", 126, 4, "F# minor")],
)
def test_measured_tempo_and_key_match_the_request(caption: str, bpm: float, meter: int, keyscale: str) -> None:
    """A minor key may pass for its relative major: they share their notes."""
    mix, facts = make_song(14, seed=2, caption=caption, bpm=bpm, timesignature=meter, keyscale=keyscale)
    assert (facts["bpm"], facts["timesignature"], facts["keyscale"]) == (bpm, meter, keyscale)
    found = analyse(mix, RATE_HZ)
    assert found.grid.bpm == pytest.approx(bpm, rel=0.01)
    requested_key = Key.parse(keyscale)
    relative = Key((requested_key.tonic + 3) % 12, "major") if requested_key.mode == "minor" else requested_key
    assert found.key in (requested_key, relative)


@pytest.mark.slow
def test_sections_have_the_names_the_order_and_the_loudness_of_their_tags() -> None:
    lyrics = "[Intro]\n[Verse 1]\n가나다\n[후렴]\n라마바\n[Outro - fade out]\n"
    mix, facts = make_song(30, caption="rock", bpm=120, lyrics=lyrics)
    assert [row["name"] for row in facts["sections"]] == ["Intro", "Verse 1", "후렴", "Outro"]
    bounds = [row["start_s"] for row in facts["sections"]] + [facts["sections"][-1]["end_s"]]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
    assert all(at_s % 2 == 0 for at_s in bounds)  # whole bars
    levels = [rms_db(mix[round(a * RATE_HZ) : round(b * RATE_HZ)]) for a, b in pairwise(bounds)]
    assert levels[2] > levels[0] + 1
    assert rms_db(mix[-RATE_HZ // 20 :]) < -50
    assert rms_db(mix[-RATE_HZ * 2 : -RATE_HZ]) > -50  # a fade, not a hole


def test_a_song_comes_bar_by_bar() -> None:
    events = DraftEngine().run(EngineRequest(TASKS["text2music"], 12 * RATE_HZ, 1, Music(bpm=120)), CancelToken())
    lengths = [len(event.samples) for event in events if isinstance(event, Block)]
    assert len(lengths) in (6, 7)  # what early notes need is kept back to the end
    assert max(lengths) <= 2 * RATE_HZ


# ------------------------------------------------------------------------------------------------------- repaint
def run_repaint(source: Samples, span: tuple[int, int], known: tuple[int, int] | None = None, seed: int = 1,
              **music: Any) -> tuple[Samples, dict[str, Any]]:  # fmt: skip
    request = EngineRequest(TASKS["repaint"], len(source), seed, Music(**music), source=source, span=span,
                            known=known or (0, len(source)))  # fmt: skip
    original = source.copy()
    roles, facts = run_request(request)
    assert np.array_equal(source, original)
    return roles["mix"], facts


@pytest.mark.parametrize(
    ("caption", "span_s"),
    [
        ("", (5.3, 9.71)),
        ("brighter piano", (0.0, 4.0)),
        ("energetic guitar solo", (12.0, 16.0)),
        ("jazz", (5.3, 9.71)),
        ("ambient pads", (2.0, 10.0)),
        ("", (7.0, 7.2)),
    ],
)
def test_a_repaint_changes_its_span_all_of_it_and_nothing_else(
    song: Samples, caption: str, span_s: tuple[float, float]
) -> None:
    start, stop = (round(s * RATE_HZ) for s in span_s)
    result, facts = run_repaint(song, (start, stop), caption=caption)
    assert np.array_equal(result[:start], song[:start])
    assert np.array_equal(result[stop:], song[stop:])
    assert (result[start:stop] != song[start:stop]).any(axis=1).mean() > 0.999
    assert facts["bpm"] == pytest.approx(120, rel=0.005)
    if stop - start > RATE_HZ:
        around = np.concatenate((song[:start], song[stop:]))
        assert abs(rms_db(result[start:stop]) - rms_db(around)) < 6
        assert np.corrcoef(result[start:stop, 0], song[start:stop, 0])[0, 1] < 0.9
        assert analyse(result, RATE_HZ).grid.bpm == pytest.approx(120, rel=0.01)


def pad(song: Samples, before: int, after: int) -> Samples:
    return np.pad(song, ((before, after), (0, 0)))


SECOND = RATE_HZ


@pytest.mark.parametrize(
    ("before", "after", "span", "caption"),
    [
        (0, 6 * SECOND, (16 * SECOND, 22 * SECOND), ""),  # goes on where the song ends
        (0, 6 * SECOND, (13 * SECOND, 22 * SECOND), "rock"),  # from before its end
        (5 * SECOND, 0, (0, 5 * SECOND), ""),  # begins before it
        (5 * SECOND, 0, (0, 7 * SECOND), "rock"),
        (3 * SECOND, 3 * SECOND, (0, 22 * SECOND), ""),  # covers everything and more
        (0, 0, (0, 16 * SECOND), "rock"),
        (0, 24 * SECOND, (16 * SECOND, 40 * SECOND), ""),  # much longer than the song
    ],
)
def test_spans_may_reach_past_the_song(
    song: Samples, before: int, after: int, span: tuple[int, int], caption: str
) -> None:
    source = pad(song, before, after)
    result, facts = run_repaint(source, span, (before, before + len(song)), caption=caption)
    assert np.array_equal(result[: span[0]], source[: span[0]])
    assert np.array_equal(result[span[1] :], source[span[1] :])
    seconds = [rms_db(result[at : at + SECOND]) for at in range(span[0], span[1] - SECOND, SECOND)]
    assert min(seconds) > rms_db(song) - 20  # music all along
    assert abs(rms_db(result[slice(*span)]) - rms_db(song)) < 6
    assert facts["bpm"] == pytest.approx(120, rel=0.01)


@pytest.mark.parametrize("frames", [1, 2400])
@pytest.mark.parametrize("kind", ["song", "silence", "noise", "mono", "click"])
def test_every_task_accepts_the_shortest_sources(song: Samples, kind: str, frames: int) -> None:
    source = {
        "song": song[9_000 : 9_000 + frames],
        "silence": np.zeros((frames, 2), np.float32),
        "noise": signals.noise(1.0, rms=0.3)[:frames].clip(-1, 1),
        "mono": signals.sine(440, 1.0)[:frames],
        "click": np.eye(frames, 2, dtype=np.float32),
    }[kind]
    for task in FUNCTIONS if kind == "song" else ("repaint", "lego", "extract", "understand", "align_lyrics", "score"):
        for span in ((0, frames), (frames // 2, frames)) if task in ("repaint", "lego") else ((0, 0),):
            run_request(
                EngineRequest(
                    TASKS[task],
                    frames,
                    1,
                    VOCALS,
                    source=source,
                    span=span,
                    known=(0, frames),
                    tracks=TWO,
                    auto_score=True,
                )
            )


@pytest.mark.parametrize("kind", ["silence", "noise", "mono"])
def test_sources_without_music_are_accepted(kind: str) -> None:
    frames = 6 * RATE_HZ
    source = {
        "silence": np.zeros((frames, 2), np.float32),
        "noise": signals.noise(6.0, rms=0.2).clip(-1, 1),
        "mono": signals.sine(220, 6.0),
    }[kind]
    for caption in ("", "rock"):
        result, _ = run_repaint(source, (2 * RATE_HZ, 4 * RATE_HZ), caption=caption)
        inside, outside = rms_db(result[2 * RATE_HZ : 4 * RATE_HZ]), rms_db(source)
        assert abs(inside - outside) < 6 or (kind == "silence" and -40 < inside < -10)
    tracks = ("drums", "bass", "strings")
    request = EngineRequest(TASKS["lego"], frames, 1, source=source, span=(0, frames), known=(0, frames), tracks=tracks)
    assert all(-60 < rms_db(layer) < -12 for layer in run_request(request)[0].values())


def test_short_spans_are_never_louder_than_their_song(song: Samples) -> None:
    """Less than a beat may hold the beginning of a note only; it must not be blown up to the level of the song."""
    short = song[: 6 * RATE_HZ]
    for length in (1, 480, 9_000):
        for start in (192_000 - length // 2, 100_001):
            for caption in ("rock", "piano"):
                result, _ = run_repaint(short, (start, start + length), caption=caption)
                assert np.abs(result[start : start + length]).max() < 1.5 * np.abs(short).max()


# ---------------------------------------------------------------------------------------------------------- lego
def test_layers_are_zero_outside_and_every_track_plays_inside(song: Samples) -> None:
    start, stop = 3 * RATE_HZ + 17, 11 * RATE_HZ + 5
    request = EngineRequest(
        TASKS["lego"], len(song), 1, source=song, span=(start, stop), known=(0, len(song)), tracks=TRACKS
    )
    roles, _ = run_request(request)
    assert tuple(roles) == TRACKS
    for track, layer in roles.items():
        assert not layer[:start].any()
        assert not layer[stop:].any()
        assert rms_db(song) - 20 < rms_db(layer[start:stop]) < rms_db(song) - 2, track
        assert np.abs(layer[[start, stop - 1]]).max() < 0.003, track


@pytest.mark.parametrize("task", ["repaint", "lego"])
def test_sustained_notes_sound_from_the_start_of_a_span_inside_a_bar(song: Samples, task: str) -> None:
    """Beat two and a half of a bar: whole chords do not wait for the next bar line."""
    span = (round(6.8 * RATE_HZ), 11 * RATE_HZ)
    request = EngineRequest(TASKS[task], len(song), 1, Music(caption="orchestral"), source=song, span=span,
                            known=(0, len(song)), tracks=("strings",))  # fmt: skip
    for samples in run_request(request)[0].values():
        assert rms_db(samples[span[0] : span[0] + RATE_HZ // 3]) > rms_db(samples[slice(*span)]) - 15


@pytest.mark.parametrize("bpm", [96.0, 131.0])
def test_drums_meet_the_clicks_of_the_source(bpm: float) -> None:
    """The beats are known exactly; the kick and snare of a plain rhythm fall on eighths of them."""
    beats = np.arange(0.4, 15.5, 60 / bpm)
    source = signals.clicks(beats, 16.0)
    span = (4 * RATE_HZ, 14 * RATE_HZ)
    request = EngineRequest(TASKS["lego"], len(source), 1, Music(caption="rock drums", bpm=None), source=source, span=span,
                            known=(0, len(source)), tracks=("drums",))  # fmt: skip
    roles, facts = run_request(request)
    drums = roles["drums"].mean(axis=1).astype(np.float64)
    assert any(facts["bpm"] == pytest.approx(bpm * ratio, rel=0.005) for ratio in (0.5, 1, 2))
    level = 10 * np.log10(
        np.mean(np.diff(drums, prepend=0)[: len(drums) // 96 * 96].reshape(-1, 96) ** 2, axis=1) + 1e-10
    )
    rise = np.array([level[k] - level[max(0, k - 10) : max(1, k)].mean() for k in range(len(level))])
    found = [k for k in range(len(rise)) if rise[k] > 12 and rise[k] == rise[max(0, k - 10) : k + 11].max()]
    sixteenth = 15 / bpm
    off = (np.array(found) * 96 / RATE_HZ - 0.4 + sixteenth / 2) % sixteenth - sixteenth / 2
    assert len(found) > 15
    assert np.percentile(np.abs(off), 95) < 0.020


def test_the_bass_follows_the_chords_of_the_band() -> None:
    """The band's own bass is left out: the roots are to be found in its chords."""
    players = band.play(bpm=120, bars=8, singing=False).players
    source = players["other"] + players["drums"]
    music = Music(caption="ballad", bpm=120, keyscale="C major", timesignature=4)
    request = EngineRequest(TASKS["lego"], len(source), 1, music, source=source, span=(0, len(source)),
                            known=(0, len(source)), tracks=("bass",))  # fmt: skip
    bass = run_request(request)[0]["bass"].mean(axis=1).astype(np.float64)
    right = 0
    for bar in range(8):
        x = bass[round((2 * bar + 0.2) * RATE_HZ) : round((2 * bar + 0.9) * RATE_HZ)]
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 18))
        hz = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
        salience = sum(np.interp(k * hz, hz, spectrum) for k in (1, 2, 3))
        salience[(hz < 38) | (hz > 80)] = 0
        pitch = 69 + 12 * np.log2(hz[np.argmax(salience)] / 440)
        right += round(pitch) % 12 == band.CHORDS[bar % 4][0] % 12
    assert right >= 7


# --------------------------------------------------------------------------------------- extract, understand, stop
def test_stems_add_up_to_the_source() -> None:
    source = band.play(bars=3).mix
    tracks = ("drums", "bass", "vocals")
    roles, _ = run_request(EngineRequest(TASKS["extract"], len(source), 1, source=source, tracks=tracks))
    assert tuple(roles) == (*tracks, "other")
    total = np.sum([samples.astype(np.float64) for samples in roles.values()], axis=0)
    assert np.abs(total - source).max() <= 1e-6


def test_understanding_agrees_with_the_band() -> None:
    source = band.play(bpm=112, bars=6).mix
    roles, facts = run_request(EngineRequest(TASKS["understand"], len(source), 1, source=source))
    assert not roles
    assert facts["bpm"] == pytest.approx(112, rel=0.005)
    assert facts["keyscale"] in ("C major", "A minor")
    assert facts["timesignature"] == 4
    assert facts["duration_s"] == pytest.approx(len(source) / RATE_HZ, abs=1e-3)
    beats = np.array(facts["beats"]) * 112 / 60
    assert np.abs(beats - np.round(beats)).max() < 0.06
    with_hints = run_request(
        EngineRequest(TASKS["understand"], len(source), 1, Music(keyscale="G major", bpm=112.0), source=source)
    )[1]
    assert (with_hints["keyscale"], with_hints["bpm"]) == ("G major", 112)


@pytest.mark.parametrize("task", list(FUNCTIONS))
def test_a_cancelled_task_returns_no_more_audio(song: Samples, task: str) -> None:
    """At whichever of its first events the stop comes, no block follows; a stop before the start leaves none at all."""
    short = song[: 5 * RATE_HZ]
    request = EngineRequest(TASKS[task], len(short), 1, VOCALS, source=short, span=(0, len(short) // 2), known=(0, len(short)),
                            tracks=("drums", "keyboard"))  # fmt: skip
    for stop_after in range(2 if task in SILENT else 4):
        cancel, after = CancelToken(), []
        events = DraftEngine().run(request, cancel)
        for _ in range(stop_after):
            next(events)
        cancel.cancel()
        with pytest.raises(Cancelled):
            after.extend(events)
        assert not any(isinstance(event, Block) for event in after)
