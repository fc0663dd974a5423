import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime import units
from acestep_runtime.audio.match import match_loudness, seam_gains_db
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import Fades, Span
from acestep_runtime.units import ENGINE_RATE_HZ as RATE_HZ
from tests.support.signals import noise, sine
from tests.unit.audio.test_splice import spans

FADES = Fades(480, 480)


def rms_db(samples: Samples) -> float:
    return units.gain_to_db(float(np.sqrt(np.mean(samples.astype(float) ** 2))))


def shape(samples: Samples, times_s: list[float], levels_db: list[float]) -> Samples:
    """Return samples with a gain that goes through these levels at these times."""
    at = np.arange(len(samples)) / RATE_HZ
    gain: Samples = (10 ** (np.interp(at, times_s, levels_db) / 20)).astype(np.float32)[:, None]
    return samples * gain


#: Songs of 20 s, and a region in each: levels over time, and start and end in seconds.
SONGS = {
    "a fade-out": ([0, 8, 20], [0, 0, -50], 9, 18),
    "a quiet song": ([0, 20], [-45, -45], 6, 12),
    "a break": ([0, 5.99, 6, 9, 9.01, 20], [0, 0, -15, -15, 0, 0], 6, 9),
    "a chorus after a verse": ([0, 7.99, 8, 20], [-12, -12, 0, 0], 8, 16),
    "a swell": ([0, 5, 15, 20], [-30, -30, 0, 0], 5, 15),
}


@pytest.fixture(params=SONGS)
def song(request: pytest.FixtureRequest) -> tuple[Samples, Span]:
    times_s, levels_db, start_s, end_s = SONGS[request.param]
    source = shape(noise(20.0, rms=0.2), times_s, levels_db)
    return source, Span(start_s * RATE_HZ, end_s * RATE_HZ, len(source))


def test_audio_that_is_as_loud_as_the_song_stays_as_it_is(song: tuple[Samples, Span]) -> None:
    source, span = song
    same = source[span.start - 480 : span.stop + 480].copy()
    assert match_loudness(same, source, span, FADES, RATE_HZ) is same


@pytest.mark.parametrize("level_db", [0, -30])
def test_level_and_slope_are_those_of_the_region(song: tuple[Samples, Span], level_db: float) -> None:
    source, span = song
    new = noise(span.frames / RATE_HZ + 0.02, rms=0.2 * units.db_to_gain(level_db), seed=1)
    got = match_loudness(new, source, span, FADES, RATE_HZ)[480:]
    for at in range(0, span.frames, RATE_HZ // 2):
        want_db = rms_db(source[span.start + at : span.start + at + RATE_HZ // 2])
        highest_db = level_db + 9 + rms_db(noise(1.0, rms=0.2))
        assert rms_db(got[at : at + RATE_HZ // 2]) == pytest.approx(min(want_db, highest_db), abs=1.5)


def test_beats_and_a_pause_of_the_new_audio_stay() -> None:
    source, new = noise(20.0), noise(10.0, seed=1)
    beats = (np.arange(len(new)) // 12_000 % 2)[:, None].astype(np.float32)
    new = (new * (0.1 + 0.9 * beats)).astype(np.float32)
    new[4 * RATE_HZ : 6 * RATE_HZ] *= 0.01
    span = Span(5 * RATE_HZ, 15 * RATE_HZ, len(source))
    got = match_loudness(new, source, span, Fades(), RATE_HZ)
    gain_db = 20 * np.log10(np.abs(got[:, 0]) / np.maximum(np.abs(new[:, 0]), 1e-12))
    assert np.ptp(gain_db) < 3


def test_a_gain_never_jumps(song: tuple[Samples, Span]) -> None:
    """Between neighbouring samples gains differ by less than 30 dB a second would make."""
    source, span = song
    new = sine(500, span.frames / RATE_HZ, peak=0.3)
    got = match_loudness(new, source, span, Fades(), RATE_HZ)
    crests = np.abs(got[24::48, 0]) / np.abs(new[24::48, 0])
    assert np.abs(np.diff(20 * np.log10(crests))).max() < 30 / 1000


def test_silence_in_the_region_leaves_the_word_to_the_context() -> None:
    source = sine(500, 3.0, peak=0.2)
    source[RATE_HZ : 2 * RATE_HZ] = 0
    new, span = sine(500, 1.0, peak=0.1), Span(RATE_HZ, 2 * RATE_HZ, 3 * RATE_HZ)
    assert np.allclose(match_loudness(new, source, span, Fades(), RATE_HZ), 2 * new, atol=1e-3)


@pytest.mark.parametrize(("start", "stop"), [(-48_000, 0), (144_000, 192_000)])
def test_an_extension_goes_on_at_the_level_of_the_last_second(start: int, stop: int) -> None:
    """The song is loud in its middle, where it does not count."""
    source = np.concatenate([sine(500, 1.0, peak=0.2), sine(500, 1.0, peak=0.9), sine(500, 1.0, peak=0.2)])
    new = sine(500, 1.0, peak=0.1)
    got = match_loudness(new, source, Span(start, stop, len(source)), Fades(), RATE_HZ)
    assert np.allclose(got, 2 * new, atol=1e-3)


def test_context_meets_the_source_at_both_seams() -> None:
    """Source −20 dBFS left and −26 dBFS right of the region, new audio at −23 dBFS: +3 dB fades to −3 dB."""
    source = np.concatenate([sine(500, 2.0, peak=0.1414), sine(500, 2.0, peak=0.1414 / 2)])
    span = Span(90_000, 102_000, len(source))
    fades = Fades.around(span, 480)
    new = sine(500, 0.27, peak=0.1)
    left, right = seam_gains_db(new[480:-480], source, span, RATE_HZ)
    assert left == pytest.approx(3.01, abs=0.05)
    assert right == pytest.approx(-3.01, abs=0.05)
    got = match_loudness(new, source, span, fades, RATE_HZ, to="context")
    gain_db = 20 * np.log10(np.abs(got[24::48]) / np.abs(new[24::48]))[:, 0]  # at the crests of the sine
    # Straight between the centres of the steps, whose length is 100 ms.
    position = np.clip((np.arange(24, len(new), 48) - 480), 2400, 7200) / span.frames
    assert np.allclose(gain_db, left + (right - left) * position, atol=0.01)


@pytest.mark.parametrize("to", ["region", "context"])
@pytest.mark.parametrize(("peak", "change_db"), [(0.01, 9.0), (0.9, -19.08)])
def test_boosts_are_limited_and_cuts_are_not(to: str, peak: float, change_db: float) -> None:
    source, new = sine(500, 3.0, peak=0.1), sine(500, 1.0, peak=peak)
    got = match_loudness(new, source, Span(48_000, 96_000, len(source)), Fades(), RATE_HZ, to=to)
    assert rms_db(got) - rms_db(new) == pytest.approx(change_db, abs=0.05)


def test_silence_and_short_snippets_change_nothing() -> None:
    loud, silent = sine(500, 3.0), sine(500, 3.0, peak=0.0001)
    span = Span(48_000, 96_000, len(loud))
    for source, new in ((silent, loud[:48_000]), (loud, silent[:48_000]), (loud, loud[:48_000] * 0)):
        assert seam_gains_db(new, source, span, RATE_HZ) == (None, None)
        for to in ("region", "context"):
            assert match_loudness(new, source, span, Fades(), RATE_HZ, to=to) is new
    new = np.full((4799, 2), 0.1, np.float32)
    assert match_loudness(new, loud, Span(48_000, 52_799, len(loud)), Fades(), RATE_HZ) is new


@settings(deadline=None, max_examples=60)
@given(
    span=spans(longest=9_000),
    rate_hz=st.sampled_from((8_000, 44_100)),
    levels_db=st.tuples(st.floats(-90, 30), st.floats(-90, 30)),
    crossfade=st.integers(0, 500),
    to=st.sampled_from(("region", "context")),
)
def test_matching_is_finite_bounded_and_never_louder_than_allowed(
    span: Span, rate_hz: int, levels_db: tuple[float, float], crossfade: int, to: str
) -> None:
    fades = Fades.around(span, crossfade)
    source = noise(span.source_frames / 48_000, rms=units.db_to_gain(levels_db[0]))
    new = noise((fades.before + span.frames + fades.after) / 48_000, rms=units.db_to_gain(levels_db[1]), seed=1)
    got = match_loudness(new, source, span, fades, rate_hz, to=to)
    assert got.shape == new.shape
    assert got.dtype == np.float32
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= max(1.0, np.abs(new).max())
    ratio = np.abs(got.astype(float)) / np.maximum(np.abs(new), 1e-30)
    assert (ratio[new != 0] <= units.db_to_gain(9.001)).all()
