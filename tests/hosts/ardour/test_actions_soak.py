"""Many jobs in one Ardour: it neither crashes nor plays anything but the results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.ardour_studio import SONG_AT, ardour_studio, read

pytestmark = [pytest.mark.host, pytest.mark.slow]

RATE_HZ, REPETITIONS = 48_000, 40


def test_forty_repaints_in_one_ardour(tmp_path: Path) -> None:
    with ardour_studio(tmp_path, RATE_HZ) as studio:
        before = studio.bounce()
        for number in range(REPETITIONS):
            first = SONG_AT + (1 + number % 8) * RATE_HZ + number
            last = first + RATE_HZ + 3 * number
            studio.select(first, last)
            studio.enter("repaint", style="bright piano")
            (output,) = studio.outputs(studio.act("Repaint (no dialog)"))
            result = read(output["file"])
            assert np.array_equal(studio.bounce()[first:last], result[first - SONG_AT : last - SONG_AT]), number
            if number % 2:
                studio.undo()
            if number % 5 == 4:
                studio.ardour.run('Session:save_state("")')
        assert len(studio.playlists()) == 1 + REPETITIONS
        assert studio.bounce().shape == before.shape
        assert not studio.fault
