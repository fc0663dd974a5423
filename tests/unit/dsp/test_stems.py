import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp import masks, stems
from acestep_runtime.dsp.analysis import analyse
from acestep_runtime.errors import Cancelled, InvalidValue
from acestep_runtime.values import TRACKS
from tests.support import band, signals

RHYTHM_AND_VOICE = ("drums", "bass", "vocals")


def split(samples, tracks, **more):
    return stems.separate_stems(samples, tracks, cancel_check=lambda: None, progress=lambda _: None, **more)


def error(samples, parts) -> float:
    total = sum(part.astype(np.float64) for part in parts.values())
    return float(np.abs(total - samples).max(initial=0.0))


@pytest.fixture(scope="module")
def band_song() -> band.Band:
    return band.play(bpm=120, bars=2)


@pytest.mark.parametrize("wide", [True, False], ids=["wide pad", "all centred"])
@pytest.mark.parametrize(("bpm", "seed"), [(92, 1), (120, 0), (150, 2)])
def test_each_player_is_found_in_the_mix(bpm: float, seed: int, wide: bool) -> None:
    """The margins are 1.5 dB or more below what is measured."""
    group = band.play(bpm=bpm, seed=seed, wide=wide)
    parts = split(group.mix, RHYTHM_AND_VOICE)
    gain_db = {
        name: band.si_sdr_db(parts[name], truth) - band.si_sdr_db(group.mix, truth)
        for name, truth in group.players.items()
    }
    assert gain_db["drums"] > 8
    assert gain_db["bass"] > 8
    assert gain_db["vocals"] > 8
    assert gain_db["other"] > 6


@pytest.mark.parametrize("gains", [(1, -1), (-1, 1), (1, 0), (0, 1)], ids=["opposite", "turned", "left", "right"])
def test_a_voice_is_found_in_any_polarity_and_on_any_side(gains: tuple[float, float]) -> None:
    group = band.play(bpm=120, bars=2, wide=False)
    place = np.array(gains, np.float32)
    mix, voice = (
        each.mean(axis=1, keepdims=True).astype(np.float32) * place for each in (group.mix, group.players["vocals"])
    )
    parts = split(mix, RHYTHM_AND_VOICE)
    assert band.si_sdr_db(parts["vocals"], voice) - band.si_sdr_db(mix, voice) > 8
    assert error(mix, parts) < 1e-6


@pytest.mark.parametrize("name", RHYTHM_AND_VOICE)
def test_a_solo_player_stays_in_one_stem(band_song: band.Band, name: str) -> None:
    alone = band_song.players[name]
    parts = split(alone, TRACKS)
    assert band.energy_db(parts[name], alone) > -2
    assert max(band.energy_db(parts[other], alone) for other in TRACKS if other != name) < -12


def test_music_without_vocals_has_an_empty_vocal_stem() -> None:
    unsung = band.play(singing=False).mix
    assert band.energy_db(split(unsung, ("vocals",))["vocals"], unsung) < -35
    pads = band.play().players["other"]
    assert band.energy_db(split(pads, ("drums",))["drums"], pads) < -25


def test_all_twelve_stems_have_no_remainder(band_song: band.Band) -> None:
    parts = split(band_song.mix, TRACKS[::-1])
    assert tuple(parts) == TRACKS[::-1]
    assert error(band_song.mix, parts) <= 1e-6


def test_order_repeated_names_and_remainder(band_song: band.Band) -> None:
    parts = split(band_song.mix, ("bass", "drums", "bass"))
    assert tuple(parts) == ("bass", "drums", "other")
    only = split(band_song.mix, ())
    assert tuple(only) == ("other",)
    np.testing.assert_array_equal(only["other"], band_song.mix)


def test_a_stem_does_not_depend_on_the_others(band_song: band.Band) -> None:
    alone = split(band_song.mix, ("drums",))["drums"]
    np.testing.assert_array_equal(alone, split(band_song.mix, ("strings", "drums", "vocals"))["drums"])


def test_silence_gives_silence() -> None:
    silence = np.zeros((30_000, 2), np.float32)
    for part in split(silence, TRACKS[:5]).values():
        np.testing.assert_array_equal(part, silence)


def test_level_does_not_matter(band_song: band.Band) -> None:
    loud, soft = (split(band_song.mix * np.float32(gain), ("vocals",))["vocals"] for gain in (1.0, 2.0**-10))
    np.testing.assert_allclose(soft * 2**10, loud, atol=1e-4)


def test_swapping_the_channels_swaps_the_stems(band_song: band.Band) -> None:
    ahead, swapped = (split(mix, ("guitar",))["guitar"] for mix in (band_song.mix, band_song.mix[:, ::-1]))
    np.testing.assert_allclose(swapped[:, ::-1], ahead, atol=1e-5)


def test_chunks_leave_no_seams(monkeypatch: pytest.MonkeyPatch, band_song: band.Band) -> None:
    """Work in one piece is the truth for work in pieces. Only the voice looks further than the context."""
    whole = split(band_song.mix, RHYTHM_AND_VOICE)
    monkeypatch.setattr(stems, "_CORE_FRAMES", 60)
    parts = split(band_song.mix, RHYTHM_AND_VOICE)
    for name in RHYTHM_AND_VOICE:
        assert band.energy_db(parts[name] - whole[name], whole[name]) < -30


def test_analysis_shortens_notes_in_fast_music() -> None:
    group = band.play(bpm=180, bars=2)
    analysis = analyse(group.mix, 48_000)
    parts = split(group.mix, RHYTHM_AND_VOICE, analysis=analysis)
    assert error(group.mix, parts) <= 1e-6
    assert band.si_sdr_db(parts["bass"], group.players["bass"]) > 6
    assert not np.array_equal(parts["bass"], split(group.mix, ("bass",))["bass"])


def test_progress_and_cancel() -> None:
    samples = signals.noise(24)
    seen: list[float] = []
    stems.separate_stems(samples, ("drums",), cancel_check=lambda: None, progress=seen.append)
    assert len(seen) == 3
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        stems.separate_stems(samples, ("drums",), cancel_check=stop, progress=seen.append)
    assert len(seen) == 3


def test_unknown_tracks_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"'kazoo'.*woodwinds"):
        split(np.zeros((10, 2), np.float32), ("kazoo",))


def test_the_table_names_all_tracks_and_masks_add_up_to_one() -> None:
    assert tuple(masks.EVIDENCE) == TRACKS
    rng = np.random.default_rng(0)
    spectra = (rng.standard_normal((2, 60, masks.FFT // 2 + 1)) + 1j).astype(np.complex64)
    planes = masks.soft_masks(masks.measure_cues(spectra), TRACKS)
    total = sum(planes.values())
    assert all((plane >= 0).all() for plane in planes.values())
    assert total.max() <= 1 + 1e-5
    # Where no instrument plays, near 0 Hz, a bin may belong to nobody.
    assert total[:, 5:].min() > 0.99


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 20_000), st.lists(st.sampled_from(TRACKS), unique=True), st.integers(0, 2**32 - 1))
def test_stems_always_add_up_to_the_mix(frames: int, tracks: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.uniform(-1, 1, (frames, 2)).astype(np.float32)
    samples[: frames // 3] *= np.float32(1e-4)
    parts = split(samples, tracks)
    assert set(parts) == {*tracks, *(["other"] if len(tracks) < 12 else [])}
    assert all(part.shape == samples.shape and part.dtype == np.float32 for part in parts.values())
    assert error(samples, parts) <= 1e-6
