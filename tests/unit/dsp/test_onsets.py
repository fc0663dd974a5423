"""The onset curve's filter bank against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.dsp.onsets import mel_bank


@pytest.mark.parametrize(
    ("rate_hz", "fft", "bands", "lowest_hz"), [(22_050, 16_384, 48, 30.0), (48_000, 65_536, 96, 0.0)]
)
def test_mel_bank_is_a_partition_of_triangles(rate_hz: int, fft: int, bands: int, lowest_hz: float) -> None:
    bank = mel_bank(rate_hz, fft, bands, lowest_hz)
    bins_hz = np.linspace(0, rate_hz / 2, fft // 2 + 1)
    centres_hz = bins_hz[bank.argmax(axis=1)]
    inside = (bins_hz >= centres_hz[0] + 5) & (bins_hz <= centres_hz[-1] - 5)
    assert bank.shape == (bands, fft // 2 + 1)
    assert bank.min() == 0
    np.testing.assert_allclose(bank.sum(axis=0)[inside], 1.0, atol=1e-9)
    # Slaney: steps are equal in Hz below 1 kHz, and equal in ratio above it.
    low, high = centres_hz[centres_hz < 950], centres_hz[centres_hz > 1100]
    np.testing.assert_allclose(np.diff(low), np.diff(low).mean(), atol=2.5)
    np.testing.assert_allclose(
        high[1:] / high[:-1], np.exp(np.log(6.4) / 27 * np.diff(low).mean() * 15 / 1000), rtol=2e-2
    )
