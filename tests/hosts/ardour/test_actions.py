"""The actions in a real Ardour under Xvfb: from a selection to placed audio, compared sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.ardour_studio import CROSSFADE_MS, SONG_AT, ArdourStudio, ardour_studio, read

pytestmark = pytest.mark.host


@pytest.fixture(scope="module", params=[48_000, 44_100])
def studio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    folder = tmp_path_factory.mktemp("studio") / "스튜디오 'n' one"
    folder.mkdir()
    with ardour_studio(folder, request.param) as studio:
        yield studio


def test_a_range_is_repainted_and_undone(studio: ArdourStudio) -> None:
    rate = studio.ardour.rate_hz
    first, last = SONG_AT + 2 * rate + 7, SONG_AT + 4 * rate + 13
    before, playlists = studio.bounce(), studio.playlists()
    studio.select(first, last)
    studio.enter("repaint", style="bright piano")
    folder = studio.act("Repaint (no dialog)")

    after = studio.bounce()
    (output,) = studio.outputs(folder)
    result = read(output["file"])
    edge = CROSSFADE_MS * rate // 1000
    assert np.array_equal(after[: first - edge], before[: first - edge])
    assert np.array_equal(after[last + edge :], before[last + edge :])
    assert np.array_equal(after[first - edge : last + edge], result[first - edge - SONG_AT : last + edge - SONG_AT])
    assert (after[first:last] != before[first:last]).mean() > 0.99
    assert len(studio.playlists()) == len(playlists) + 1

    studio.undo()
    assert np.array_equal(studio.bounce(), before)
    studio.ardour.act("AceBridge: Previous playlist")
    assert studio.playlists()[0] == playlists[0]
    assert np.array_equal(studio.bounce(), before)
