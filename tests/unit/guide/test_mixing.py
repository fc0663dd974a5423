from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime import Audio, concat, generate, mix, save, save_lrc
from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recipes import parse_recipe
from tests.support.signals import noise, sine


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=4))
@settings(deadline=None, max_examples=20)
def test_concat_puts_samples_in_a_row_bit_for_bit(lengths: list[int]) -> None:
    parts = [noise(1.0, seed=i)[:n] for i, n in enumerate(lengths)]
    np.testing.assert_array_equal(concat(*parts).samples(), np.concatenate(parts))


def test_concat_takes_the_first_rate_and_the_most_channels() -> None:
    whole = concat((sine(440, 1.0, rate_hz=44_100, channels=1), 44_100), sine(440, 1.0))
    assert (whole.sample_rate, whole.channels, whole.frames) == (44_100, 2, 88_200)
    spectrum = np.abs(np.fft.rfft(whole.samples()[44_100:, 1]))
    assert int(np.argmax(spectrum)) == 440


def test_mix_adds_from_the_start_with_gains() -> None:
    a, b = noise(0.5, seed=1), noise(1.0, seed=2)
    longer = np.pad(a, ((0, len(b) - len(a)), (0, 0)))
    np.testing.assert_array_equal(mix(a, b).samples(), longer + b)
    half = np.float32(10 ** (-6 / 20))
    np.testing.assert_allclose(mix(a, b, gains_db=[-6, 0]).samples(), half * longer + b, atol=1e-7)


def test_mix_resamples_other_rates() -> None:
    both = mix(sine(440, 1.0), (sine(440, 1.0, rate_hz=96_000), 96_000))
    inner = slice(2000, 46_000)
    np.testing.assert_allclose(both.samples()[inner], 2 * sine(440, 1.0)[inner], atol=1e-3)


@pytest.mark.parametrize("join", [concat, mix])
def test_an_empty_list_cannot_be_joined(join) -> None:
    with pytest.raises(InvalidValue, match="nothing to join"):
        join()


def test_every_part_needs_a_gain() -> None:
    with pytest.raises(InvalidValue, match="each of the 2 parts"):
        mix(sine(1, 0.1), sine(2, 0.1), gains_db=[0])
    with pytest.raises(InvalidValue, match="at most 120 dB"):
        mix(sine(1, 0.1), gains_db=[float("nan")])
    assert mix(sine(1, 0.1), gains_db=np.array([0.0])).seconds == 0.1


@pytest.mark.parametrize(
    ("ending", "error_db"), [("wav", -200), ("flac", -130), ("aiff", -130), ("ogg", -15), ("MP3", -15)]
)
def test_save_keeps_the_sound(tmp_path: Path, ending: str, error_db: float) -> None:
    samples = sine(440, 1.0, rate_hz=44_100) + np.float32(0.1)
    path = save((samples, 44_100), tmp_path / f"ä b.{ending}")
    read, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    assert (rate_hz, read.shape) == (44_100, samples.shape)
    error = np.sqrt(np.mean((read - samples) ** 2)) + 1e-12
    assert 20 * np.log10(error) < error_db
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_save_turns_down_peaks_that_a_format_cannot_hold_with_a_warning(tmp_path: Path) -> None:
    loud = sine(440, 1.0, peak=2.0)
    assert np.abs(Audio(save(loud, tmp_path / "a.wav")).samples()).max() == pytest.approx(2.0)
    with pytest.warns(UserWarning, match=r"a\.flac was lowered by 6\.0 dB"):
        read = Audio(save(loud, tmp_path / "a.flac")).samples()
    np.testing.assert_allclose(read, loud / 2, atol=1e-5)


def test_save_chooses_a_rate_that_mp3_supports(tmp_path: Path) -> None:
    assert Audio(save((sine(440, 1.0, rate_hz=96_000), 96_000), tmp_path / "a.mp3")).sample_rate == 48_000


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = save(sine(440, 0.1), tmp_path / "a.flac")
    before = path.read_bytes()
    with pytest.raises(InvalidValue, match=r"\.wav, \.flac"):
        save(sine(1, 0.1), tmp_path / "a.xyz")
    with pytest.raises(OSError, match=r"a\.flac"):
        save(sine(1, 0.1), path / "b.flac")  # a file is no folder
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.flac"]


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_save_keeps_the_recipe_of_a_result(tmp_path: Path, ending: str) -> None:
    made = generate(caption="x", duration=0.5, seed=3, engine="fake")
    facts, recipe = describe_file(save(made, tmp_path / f"a.{ending}"))
    assert parse_recipe(recipe, "a").seed == 3
    assert facts["frames"] == 24_000


def test_save_lrc_writes_utf8(tmp_path: Path) -> None:
    path = save_lrc("[00:01.00]노래 가사\n", tmp_path / "가사.lrc")
    assert path.read_bytes() == "[00:01.00]노래 가사\n".encode()
    with pytest.raises(InvalidValue, match="lrc is of type NoneType"):
        save_lrc(None, path)  # type: ignore[arg-type]
