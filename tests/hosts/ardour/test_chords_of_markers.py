"""Markers and ranges of a real Ardour that name chords: they are those of the request, in the session's bars."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ardour_studio import SONG_AT, ArdourStudio, ardour_studio

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    with ardour_studio(tmp_path_factory.mktemp("chords"), 48_000) as studio:
        yield studio


def test_markers_are_the_chords_of_a_layer_and_of_new_music(studio: ArdourStudio) -> None:
    """At 120 beats per minute a bar of 4/4 lasts 2 s. The range begins two beats before a bar."""
    rate = studio.ardour.rate_hz
    first = -(-SONG_AT // (2 * rate)) * 2 * rate + rate
    rows = {first + rate: "Am7", first + 2 * rate: "Bridge", first + 3 * rate: "F/C"}
    studio.ardour.run("".join(
        f"""
        Editor:mouse_add_new_marker(Temporal.timepos_t({at}), ARDOUR.LocationFlags.IsMark, 0)
        Session:locations():mark_at(Temporal.timepos_t({at}), Temporal.timecnt_t(0)):set_name("{name}")
        """
        for at, name in rows.items()
    ))  # fmt: skip
    studio.select(first, first + 5 * rate)
    studio.enter("lego", tracks="bass", chords="yes")
    sent = studio.request(studio.act("Add layer (no dialog)"))["parts"][0]["fields"]["music"]
    assert (sent["chords"], sent["timesignature"]) == ("| Am7 | % | F/C |", 4)
    studio.enter("generate", seconds=4, chords="yes")
    studio.select(first + rate, first + 5 * rate)
    sent = studio.request(studio.act("Generate here (no dialog)"))["parts"][0]["fields"]["music"]
    assert sent["chords"] == "| Am7 | F/C |"
    studio.enter("lego", tracks="bass", chords="no")
    assert "chords" not in studio.request(studio.act("Add layer (no dialog)"))["parts"][0]["fields"]["music"]
