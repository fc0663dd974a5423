import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime import units
from acestep_runtime.audio import convert, wav
from acestep_runtime.audio.match import match_loudness
from acestep_runtime.audio.splice import (
    Fades,
    Span,
    Window,
    fade_gains,
    splice,
)
from acestep_runtime.errors import InvalidValue
from tests.support.signals import decode_chunk, noise

RATES = st.sampled_from((44_100, 48_000, 88_200, 96_000))


@st.composite
def spans(draw: st.DrawFn, longest: int = 300) -> Span:
    """Any region that touches a source of 1 to ``longest`` frames: inside, prepending, extending, or all of it."""
    frames = draw(st.integers(1, longest))
    start = draw(st.integers(-longest, frames))
    stop = draw(st.one_of(st.just(frames), st.integers(max(0, start + 1), frames + longest)))
    return Span(start, max(stop, start + 1), frames)


@settings(deadline=None, max_examples=100)
@given(span=spans(), rate_hz=RATES)
def test_times_find_the_frames_they_came_from(span: Span, rate_hz: int) -> None:
    found = Span.resolve(span.start / rate_hz, span.stop / rate_hz, span.source_frames, rate_hz)
    assert found == span
    assert found.total_frames == max(span.stop, span.source_frames) - min(span.start, 0)
    assert found.frames >= 1


@settings(deadline=None, max_examples=100)
@given(start_s=st.floats(-20, 20), length_s=st.floats(0.001, 40), frames=st.integers(1, 2_000_000), rate_hz=RATES)
def test_adjacent_regions_meet_and_lengths_are_exact(
    start_s: float, length_s: float, frames: int, rate_hz: int
) -> None:
    middle_s, end_s = start_s + length_s, start_s + 2 * length_s
    if middle_s < 0 or middle_s * rate_hz > frames:
        return
    first = Span.resolve(start_s, middle_s, frames, rate_hz)
    second = Span.resolve(middle_s, end_s, frames, rate_hz)
    assert first.stop == second.start
    assert abs(first.frames - length_s * rate_hz) <= 1


@settings(deadline=None, max_examples=100)
@given(span=spans())
def test_the_outside_and_the_region_make_the_whole_result(span: Span) -> None:
    source, region = np.arange(span.source_frames), np.arange(span.start, span.stop)
    (start, before), (after, stop) = span.outside
    result = np.concatenate((source[start:before], region, source[after:stop]))
    assert (result == np.arange(-span.prefix_frames, span.total_frames - span.prefix_frames)).all()
    assert (start, stop) == (0, span.source_frames)
    assert (before, after) == (max(0, span.start), min(span.stop, span.source_frames))


@pytest.mark.parametrize("end_s", [None, -1, -1.0])
def test_minus_one_and_none_mean_the_end(end_s: float | None) -> None:
    assert Span.resolve(0.5, end_s, 48_001, 48_000) == Span(24_000, 48_001, 48_001)
    assert Span.resolve(-1, end_s, 48_001, 48_000) == Span(-48_000, 48_001, 48_001)
    assert Span.resolve(0, end_s, 1, 48_000) == Span(0, 1, 1)


def test_prepending_and_extending() -> None:
    prepend = Span.resolve(-2, 0, 48_000, 48_000)
    assert (prepend.prefix_frames, prepend.suffix_frames, prepend.total_frames) == (96_000, 0, 144_000)
    extend = Span.resolve(1, 3, 48_000, 48_000)
    assert (extend.prefix_frames, extend.suffix_frames, extend.total_frames) == (0, 96_000, 144_000)
    both = Span.resolve(-1, 2, 48_000, 48_000)
    assert (both.prefix_frames, both.suffix_frames, both.total_frames) == (48_000, 48_000, 144_000)


@pytest.mark.parametrize(
    ("start_s", "end_s", "field", "says"),
    [
        (0.0, -2.0, "end_s", "-1 for the end"),
        (-5.0, -0.5, "end_s", "-1 for the end"),
        (1.5, 2.0, "start_s", "at most 1, the end of the source"),
        (0.5, 0.5, "end_s", "later than start_s, 0.5"),
        (0.5, 0.25, "end_s", "later than start_s, 0.5"),
        (0.0, 0.0, "end_s", "later than start_s, 0"),
        (1.0, -1.0, "end_s", "end_s is 1, the end of the source; allowed: at least one frame later than start_s, 1"),
        (0.5, 0.5 + 1e-9, "end_s", "later than"),
        (math.nan, 1.0, "start_s", "a time in seconds"),
        (0.0, math.nan, "end_s", "a time in seconds"),
        (0.0, math.inf, "end_s", "a time in seconds"),
        (-math.inf, -1.0, "start_s", "a time in seconds"),
        (-1e300, -1.0, "start_s", "a time in seconds"),
    ],
)
def test_invalid_regions_are_refused(start_s: float, end_s: float, field: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=says) as caught:
        Span.resolve(start_s, end_s, 48_000, 48_000)
    assert caught.value.field == field
    assert caught.value.allowed


@pytest.mark.parametrize("bad", [(3, 3, 10), (11, 12, 10), (-3, -1, 10)])
def test_a_span_must_touch_its_source(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="touch"):
        Span(*bad)


@settings(deadline=None, max_examples=100)
@given(span=spans(), context=st.integers(0, 400), crossfade=st.integers(0, 100), channels=st.sampled_from((1, 2)))
def test_a_window_shows_the_source_where_it_is_and_silence_elsewhere(
    span: Span, context: int, crossfade: int, channels: int
) -> None:
    source = noise(span.source_frames / 48_000, channels=channels)
    window = Window.around(span, context, crossfade)
    got = window.cut(source)
    far = np.concatenate([np.zeros((1000, channels)), source, np.zeros((1000, channels))])
    assert got.dtype == np.float32
    assert np.array_equal(got, far[window.start + 1000 : window.stop + 1000])
    start, stop = window.coverage
    assert 0 <= start <= stop <= window.frames
    assert not got[:start].any()
    assert not got[stop:].any()
    region = window.region
    assert region[1] - region[0] == span.frames
    assert window.start == min(span.start, max(0, span.start - max(context, crossfade)))
    assert window.stop == max(span.stop, min(span.source_frames, span.stop + max(context, crossfade)))
    assert 0 <= window.target[0] <= region[0] < region[1] <= window.target[1] <= window.frames


def test_windows_refuse_other_lengths() -> None:
    window = Window.around(Span(10, 20, 100), 5)
    assert (window.start, window.stop, window.region, window.coverage) == (5, 25, (5, 15), (0, 20))
    with pytest.raises(ValueError, match="99 frames"):
        window.cut(np.zeros((99, 2), np.float32))


@pytest.mark.parametrize("frames", [0, 1, 2, 480, 4_801])
def test_crossfades_have_equal_power(frames: int) -> None:
    falling, rising = fade_gains(frames)
    assert falling.shape == rising.shape == (frames, 1)
    assert np.allclose(falling.astype(float) ** 2 + rising.astype(float) ** 2, 1, atol=1e-6)
    assert np.allclose(falling, rising[::-1], atol=1e-6)
    assert (np.diff(rising, axis=0) > 0).all()


@settings(deadline=None, max_examples=100)
@given(
    span=spans(),
    crossfade=st.integers(0, 100),
    channels=st.sampled_from((1, 2)),
    seed=st.integers(0, 9),
)
def test_a_splice_is_new_inside_crossfaded_at_its_ends_and_unchanged_elsewhere(
    span: Span, crossfade: int, channels: int, seed: int
) -> None:
    source = noise(span.source_frames / 48_000, channels=channels, seed=seed)
    fades = Fades.around(span, crossfade)
    assert astuple(fades) == (
        min(crossfade, max(0, span.start)),
        min(crossfade, max(0, span.source_frames - span.stop)),
    )
    new = noise((fades.before + span.frames + fades.after) / 48_000, channels=channels, seed=seed + 10)
    kept = source.copy(), new.copy()
    whole = splice(source, new, span, fades)

    assert whole.shape == (span.total_frames, channels)
    assert whole.dtype == np.float32
    assert np.array_equal(source, kept[0])
    assert np.array_equal(new, kept[1])
    at, end = span.start + span.prefix_frames, span.stop + span.prefix_frames  # the region in the result
    assert np.array_equal(whole[at:end], new[fades.before : fades.before + span.frames])
    if at > 0:
        assert whole[: at - fades.before].tobytes() == source[: at - fades.before].tobytes()
    if end < len(whole):
        assert whole[end + fades.after :].tobytes() == source[span.stop + fades.after :].tobytes()
    # the fades, sample by sample, from the formula
    for i in range(fades.before):
        angle = (i + 0.5) / fades.before * math.pi / 2
        old = source[span.start - fades.before + i].astype(float)
        assert np.allclose(whole[at - fades.before + i], old * math.cos(angle) + new[i] * math.sin(angle), atol=1e-6)
    for i in range(fades.after):
        angle = (i + 0.5) / fades.after * math.pi / 2
        old = source[span.stop + i].astype(float)
        engine_output = new[fades.before + span.frames + i]
        assert np.allclose(whole[end + i], engine_output * math.cos(angle) + old * math.sin(angle), atol=1e-6)


@pytest.mark.parametrize(
    ("fades", "frames", "channels", "says"),
    [
        (Fades(0, 0), 11, 2, "11 frames, not 10"),
        (Fades(6, 0), 16, 2, "reach out"),
        (Fades(0, 86), 96, 2, "reach out"),
        (Fades(-1, 0), 9, 2, "reach out"),
        (Fades(0, 0), 10, 1, "channels"),
    ],
)
def test_a_replacement_that_does_not_fit_is_refused(fades: Fades, frames: int, channels: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        splice(np.zeros((100, 2), np.float32), np.zeros((frames, channels), np.float32), Span(5, 15, 100), fades)
    with pytest.raises(ValueError, match="source has 99"):
        splice(np.zeros((99, 2), np.float32), np.zeros((10, 2), np.float32), Span(5, 15, 100), Fades())


@settings(deadline=None, max_examples=20)
@given(
    rate_hz=RATES,
    channels=st.sampled_from((1, 2)),
    start_s=st.floats(-0.3, 0.5),
    length_s=st.floats(0.01, 0.9),
    encoding=st.sampled_from(("pcm16", "pcm24", "float32")),
)
def test_a_file_keeps_its_samples_outside_after_a_trip_through_the_engine_rate(
    rate_hz: int, channels: int, start_s: float, length_s: float, encoding: str
) -> None:
    """The whole way of an edit: file, window, 48 kHz stereo and back, splice, file."""
    frames = rate_hz // 2
    bits = {"pcm16": 16, "pcm24": 24, "float32": 24}[encoding]
    source = decode_chunk(wav.encode(noise(frames / 48_000, channels=channels), f"pcm{bits}"), f"pcm{bits}", channels)
    span = Span.resolve(start_s, max(0.0, start_s + length_s), frames, rate_hz)
    window = Window.around(span, rate_hz // 10, rate_hz // 100)
    engine_input = convert.to_channels(convert.resample(window.cut(source), rate_hz, units.ENGINE_RATE_HZ), 2)
    engine_output = convert.resample(
        convert.to_channels(engine_input, channels), units.ENGINE_RATE_HZ, rate_hz, frames=window.frames
    )
    new = match_loudness(engine_output[slice(*window.target)], source, span, window.fades, rate_hz)
    before = wav.encode(source, encoding)
    after = wav.encode(splice(source, new, span, window.fades), encoding)
    width = len(before) // frames
    assert len(after) == span.total_frames * width
    if span.start > 0:
        kept = (span.start - window.fades.before) * width
        assert after[:kept] == before[:kept]
    if span.stop < frames:
        kept = (frames - span.stop - window.fades.after) * width
        assert after[len(after) - kept :] == before[len(before) - kept :]
