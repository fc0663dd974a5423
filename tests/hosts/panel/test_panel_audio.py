"""Audio of the panel in a browser: the decoder beside libsndfile, peaks, loudness and rates beside NumPy and SciPy."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from acestep_runtime.audio import wav
from acestep_runtime.audio.loudness import equal_levels_db, loudness_lufs
from tests.support.browser import CHROMIUM
from tests.support.panel_page import from_page, to_page
from tests.support.signals import Samples, noise, sine

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


def decode(page: Page, data: bytes, piece: int = 1 << 20) -> tuple[int, Samples]:
    answer: dict[str, Any] = page.evaluate(
        """async ([text, piece]) => {
            const { readWav } = await import("/panel/audio.js"), bytes = unpack(text);
            let at = 0;
            const stream = new ReadableStream({ pull(out) {
                if (at >= bytes.length) { out.close(); return; }
                out.enqueue(bytes.slice(at, at += piece));
            } });
            const audio = await readWav(stream);
            return { rate: audio.rate, samples: pack(audio.channels) };
        }""",
        [base64.b64encode(data).decode(), piece],
    )
    return answer["rate"], from_page(answer["samples"])


def wave(samples: Samples, rate_hz: int, subtype: str, kind: str = "WAV") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, subtype, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_samples_are_those_of_libsndfile(page: Page, kind: str, subtype: str) -> None:
    for channels, rate_hz, piece in ((1, 22_050, 997), (2, 44_100, 1 << 20), (2, 48_000, 101), (1, 96_000, 4099)):
        data = wave(noise(0.05, rate_hz=rate_hz, rms=0.3, channels=channels), rate_hz, subtype, kind)
        expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        rate, found = decode(page, data, piece)
        assert rate == rate_hz
        np.testing.assert_array_equal(found, expected)


def test_the_daemons_own_files_and_what_is_cut_short(page: Page) -> None:
    samples = noise(0.2, rms=0.3)
    for encoding in ("float32", "pcm24", "pcm16"):
        data = wav.header(len(samples), 2, 48_000, encoding, b"LIST\x03\0\0\0abc\0") + wav.encode(samples, encoding)
        expected, _ = soundfile.read(io.BytesIO(data), dtype="float32")
        np.testing.assert_array_equal(decode(page, data, 10)[1], expected)
        np.testing.assert_array_equal(decode(page, data[:-1001])[1], expected[: len(decode(page, data[:-1001])[1])])
        assert len(decode(page, data[:-1001])[1]) == len(expected) - 1 - 1000 // (
            wav.encoding_of(encoding).sample_bytes * 2
        )


@pytest.mark.parametrize(
    "data", [b"RIFF", b"ID3 and no WAV at all", wave(sine(440, 0.1), 48_000, "ULAW"), b"RIFF\0\0\0\0WAVE"]
)
def test_what_is_no_wav_says_so(page: Page, data: bytes) -> None:
    with pytest.raises(Exception, match="WAV file"):
        decode(page, data)


def test_a_flac_file_keeps_its_rate(page: Page) -> None:
    samples = noise(0.1, rate_hz=44_100, rms=0.2)
    answer = page.evaluate(
        """async (text) => {
            const { readAudio } = await import("/panel/audio.js");
            const audio = await readAudio(new Blob([unpack(text)]).stream(), { rate: 44100 });
            return { rate: audio.rate, samples: pack(audio.channels) };
        }""",
        base64.b64encode(wave(samples, 44_100, "PCM_16", "FLAC")).decode(),
    )
    assert answer["rate"] == 44_100
    np.testing.assert_allclose(from_page(answer["samples"]), samples, atol=2**-14)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    "samples_of",
    [
        lambda rate: noise(3, rate_hz=rate, rms=0.1),
        lambda rate: np.concatenate([noise(2, rate_hz=rate, rms=0.001), noise(2, rate_hz=rate, rms=0.2)]),
        lambda rate: sine(997, 0.3, rate_hz=rate, channels=1),
        lambda rate: np.zeros((rate, 2), np.float32),
    ],
    ids=["noise", "quiet and loud", "short", "silent"],
)
def test_loudness_is_that_of_the_daemon(page: Page, rate_hz: int, samples_of: Any) -> None:
    samples = samples_of(rate_hz)
    found = page.evaluate(
        """async ([texts, rate]) => {
            const { Measurement } = await import("/panel/measure.js"), channels = floats(texts);
            const measurement = new Measurement(rate);
            for (let at = 0; at < channels[0].length; at += 10007) {
                measurement.push(channels.map((each) => each.subarray(at, at + 10007)));
            }
            return measurement.loudness();
        }""",
        [to_page(samples), rate_hz],
    )
    assert found == pytest.approx(loudness_lufs([samples], rate_hz), abs=1e-6)


@pytest.mark.parametrize("lufs", [[-14.0, -20.0, -9.0], [-14.0, -70.0], [-10.0, -30.0, -12.5], [-70.0], []])
def test_equal_levels_are_those_of_the_daemon(page: Page, lufs: list[float]) -> None:
    found = page.evaluate('async (lufs) => (await import("/panel/loudness.js")).equalLevelsDb(lufs)', lufs)
    assert found == pytest.approx(equal_levels_db(lufs))


@pytest.mark.parametrize(
    ("start", "end", "columns"), [(0, 100_000, 100), (1000, 70_000, 7), (5000, 9000, 400), (10, 50, 40)]
)
def test_peaks_are_those_of_the_samples(page: Page, start: int, end: int, columns: int) -> None:
    samples = noise(100_000 / 48_000, rms=0.2)
    found = page.evaluate(
        """async ([texts, start, end, columns]) => {
            const { Measurement } = await import("/panel/measure.js"), channels = floats(texts);
            const measurement = new Measurement(48000);
            for (let at = 0; at < channels[0].length; at += 33333) {
                measurement.push(channels.map((each) => each.subarray(at, at + 33333)));
            }
            await measurement.last;
            const { low, high, rms } = measurement.peaks.between(start, end, columns, channels);
            return pack([low, high, rms]);
        }""",
        [to_page(samples), start, end, columns],
    )
    low, high, rms = from_page(found).T
    width = (end - start) / columns
    unit = 256 if width >= 512 else 1
    for column in range(columns):
        first = int((start + column * width) // unit) * unit
        stop = max(int((start + (column + 1) * width) // unit) * unit, first + unit)
        part = samples[first:stop]
        assert (low[column], high[column]) == (part.min(), part.max())
        assert rms[column] == pytest.approx(np.sqrt(np.mean(part.astype(float) ** 2)), rel=1e-5)


def test_there_are_no_peaks_before_the_sound_and_behind_it(page: Page) -> None:
    low_high = page.evaluate("""async () => {
        const { Measurement } = await import("/panel/measure.js"), measurement = new Measurement(48000);
        const channels = [new Float32Array(10_240).fill(0.5)];
        measurement.push(channels);
        await measurement.last;
        return [40, 4].map((columns) => {
            const { low, high } = measurement.peaks.between(-10_240, 20_480, 3 * columns, channels);
            return Array.from(low, (each, at) => (each > high[at] ? 0 : 1)).join("");
        });
    }""")
    assert low_high == [40 * "0" + 40 * "1" + 40 * "0", "000011110000"]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (22_050, 48_000)])
def test_another_rate_sounds_the_same_and_pieces_fit_together(page: Page, from_hz: int, to_hz: int) -> None:
    hz = 997.0
    samples = sine(hz, 0.5, rate_hz=from_hz, channels=1) + sine(7001, 0.5, rate_hz=from_hz, channels=1, peak=0.2)
    found = page.evaluate(
        """async ([[text], from, to, count]) => {
            const { resample } = await import("/panel/resample.js"), [samples] = floats([text]);
            const whole = resample(samples, from, to, 0, count);
            const pieces = new Float32Array(count);
            for (let at = 0; at < count; at += 1111) {
                pieces.set(resample(samples, from, to, at, Math.min(1111, count - at)), at);
            }
            return pack([whole, pieces]);
        }""",
        [to_page(samples), from_hz, to_hz, to_hz // 2],
    )
    whole, pieces = from_page(found).T
    np.testing.assert_array_equal(whole, pieces)
    t = np.arange(to_hz // 2) / to_hz
    expected = 0.5 * np.sin(2 * np.pi * hz * t) + 0.2 * np.sin(2 * np.pi * 7001 * t)
    inside = slice(200, -200)
    np.testing.assert_allclose(whole[inside], expected[inside], atol=2e-4)
    np.testing.assert_allclose(
        whole[inside], resample_poly(samples[:, 0], to_hz, from_hz)[: len(whole)][inside], atol=1e-2
    )
