"""Ardour goes on while a job runs: music is moved, trimmed and removed, the session is closed, the daemon dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pytest

from tests.support.ardour_studio import CROSSFADE_MS, SONG_AT, ArdourStudio, ardour_studio, read
from tests.support.daemon import assert_gone, until

pytestmark = pytest.mark.host

RATE_HZ = 44_100
EDGE = CROSSFADE_MS * RATE_HZ // 1000
#: The stretch that is repainted, in frames.
FIRST, LAST = SONG_AT + 3 * RATE_HZ + 5, SONG_AT + 4 * RATE_HZ + 9


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    folder = tmp_path_factory.mktemp("studio") / "Stüdio 2"
    folder.mkdir()
    with ardour_studio(folder, RATE_HZ) as studio:
        yield studio


@pytest.fixture
def studio(running: ArdourStudio) -> ArdourStudio:
    """The studio with the song alone on its track."""
    running.ardour.run(f"""
    local track = Session:route_by_name("Song"):to_track()
    for playlist in Session:playlists():playlists_for_track(track):iter() do
      if playlist:name() == "Song" then track:use_playlist(ARDOUR.DataType("audio"), playlist, false) end
    end
    local playlist = track:playlist()
    for region in playlist:region_list():iter() do playlist:remove_region(region) end
    for _, region in ARDOUR.RegionFactory.regions():iter() do
      if region:whole_file() and region:name():find("song", 1, true) then
        playlist:add_region(ARDOUR.RegionFactory.clone_region(region, true, false), Temporal.timepos_t({SONG_AT}), 1, false)
        break
      end
    end
    """)
    running.select(FIRST, LAST)
    running.enter("repaint", style="bright piano")
    return running


@contextmanager
def pause(studio: ArdourStudio, *, only_workers: bool = False) -> Iterator[None]:
    """Let the daemon stand still, or its workers."""
    processes = [*([] if only_workers else [psutil.Process(studio.daemon.pid)]), *studio.daemon.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def edit(studio: ArdourStudio, code: str) -> None:
    """Run Lua with the song's `playlist` and its topmost `region`."""
    studio.ardour.run(f"""
    local playlist = Session:route_by_name("Song"):to_track():playlist()
    local region = playlist:top_region_at(Temporal.timepos_t({FIRST}))
    {code}
    """)


def assert_repainted(studio: ArdourStudio, before: np.ndarray, result: np.ndarray, shift: int = 0) -> None:
    """The stretch, wherever it is now, plays the result, and all around it what played before."""
    after, first, last = studio.bounce(), FIRST + shift, LAST + shift
    assert np.array_equal(after[: first - EDGE], before[: first - EDGE])
    assert np.array_equal(after[last + EDGE :], before[last + EDGE :])
    assert np.array_equal(after[first - EDGE : last + EDGE], result[FIRST - EDGE - SONG_AT : LAST + EDGE - SONG_AT])
    assert (after[first:last] != before[first:last]).mean() > 0.99


@pytest.mark.parametrize(
    ("change", "shift"),
    [
        (f"region:set_position(Temporal.timepos_t({SONG_AT + 12_345}))", 12_345),
        (f"region:trim_front(Temporal.timepos_t({SONG_AT + 30_000}))", 0),
        (f"playlist:split_region(region, Temporal.timepos_t({FIRST + 20_000}))", 0),
    ],
    ids=["moved", "trimmed", "split"],
)
def test_the_result_lies_where_the_music_is_now(studio: ArdourStudio, change: str, shift: int) -> None:
    with pause(studio):
        folder = studio.begin("Repaint (no dialog)")
        until(lambda: (folder / "request.json").exists(), "the audio was read")
        edit(studio, change)
        before = studio.bounce()
    studio.wait(folder)
    (output,) = studio.outputs(folder)
    assert_repainted(studio, before, read(output["file"]), shift)


def test_a_result_whose_music_is_gone_lies_on_a_new_track(studio: ArdourStudio) -> None:
    tracks = studio.tracks()
    with pause(studio):
        folder = studio.begin("Repaint (no dialog)")
        until(lambda: (folder / "request.json").exists(), "the audio was read")
        edit(studio, "playlist:remove_region(region)")
    studio.wait(folder)
    assert 'The music on "Song" was edited meanwhile' in studio.messages_since(folder)
    (name,) = [name for name in studio.tracks() if name not in tracks]
    (output,) = studio.outputs(folder)
    sound = studio.bounce(name)
    assert np.array_equal(sound[FIRST:LAST], read(output["file"])[FIRST - SONG_AT : LAST - SONG_AT])
    assert not sound[:FIRST].any()
    assert not sound[LAST:].any()
    assert not studio.bounce().any()


def test_two_jobs_for_the_same_stretch_become_two_playlists(studio: ArdourStudio) -> None:
    before, playlists = studio.bounce(), studio.playlists()
    with pause(studio):
        folders = [studio.begin("Repaint (no dialog)") for _ in range(2)]
    for folder in folders:
        studio.wait(folder)
    results = [read(studio.outputs(folder)[0]["file"]) for folder in folders]
    last = studio.playlists()[0]
    assert len(studio.playlists()) == len(playlists) + 2
    (seed,) = studio.seeds(folders[1])
    assert_repainted(studio, before, results[last.endswith(f" {seed}")])
    studio.ardour.act("AceBridge: Again")
    until(lambda: len(studio.playlists()) == len(playlists) + 3, studio.messages)


def test_a_job_is_cancelled(studio: ArdourStudio) -> None:
    before = studio.bounce()
    with pause(studio):
        folder = studio.begin("Repaint (no dialog)")
        until(lambda: (folder / "status.json").exists(), "the command")
        studio.ardour.act("AceBridge: Job list")
        until(lambda: "Repaint: " in studio.messages_since(folder), "the list of jobs")
        studio.ardour.act("AceBridge: Cancel")
        until(lambda: (folder / "cancel").exists(), "the wish")
    studio.wait(folder, "cancelled")
    assert np.array_equal(studio.bounce(), before)
    assert not (folder / "result.json").exists()


def test_a_job_survives_the_daemon(studio: ArdourStudio) -> None:
    before = studio.bounce()
    with pause(studio, only_workers=True):
        folder = studio.begin("Repaint (no dialog)")
        status = folder / "status.json"
        until(lambda: status.exists() and json.loads(status.read_text("utf-8"))["job_id"], "the daemon to take the job")
        assert_gone(studio.daemon.kill())
    studio.daemon.start()
    studio.wait(folder)
    (output,) = studio.outputs(folder)
    assert_repainted(studio, before, read(output["file"]))


def test_a_session_is_closed_while_a_job_runs_and_saved_with_its_result(studio: ArdourStudio) -> None:
    before = studio.bounce()
    studio.ardour.run('Session:save_state("")')
    with pause(studio):
        folder = studio.begin("Repaint (no dialog)")
        until(lambda: (folder / "request.json").exists(), "the audio was read")
        studio.ardour.stop()
    until(lambda: (folder / "result.json").exists(), "the end of the job without Ardour")
    assert not (folder / "placed").exists()
    studio.open()
    studio.wait(folder)
    (output,) = studio.outputs(folder)
    result = read(output["file"])
    assert_repainted(studio, before, result)
    studio.ardour.run('Session:save_state("")')
    studio.ardour.stop()
    studio.open()
    assert_repainted(studio, before, result)
    studio.select(FIRST, LAST)
    for _ in studio.playlists():  # other tests have made more of them
        studio.ardour.act("AceBridge: Previous playlist")
        if np.array_equal(studio.bounce(), before):
            return
    raise AssertionError("no playlist is as it was")


def test_without_the_hook_an_action_places_results(studio: ArdourStudio) -> None:
    studio.ardour.run('Session:save_state("")')
    studio.ardour.stop()
    studio.open(with_hook=False)
    studio.select(FIRST, LAST)
    playlists = len(studio.playlists())
    with pause(studio):
        folder = studio.begin("Repaint (no dialog)")
        until(lambda: "the hook of AceBridge" in studio.messages_since(folder), "the sentence")
        studio.ardour.act("AceBridge: Place results")
        until(lambda: "1 of 1 jobs are not placed yet." in studio.messages_since(folder), "what is left")
    until(lambda: (folder / "result.json").exists(), "the end of the job")
    studio.ardour.act("AceBridge: Place results")
    studio.wait(folder)
    assert len(studio.playlists()) == playlists + 1
    (output,) = studio.outputs(folder)
    assert np.array_equal(studio.bounce()[FIRST:LAST], read(output["file"])[FIRST - SONG_AT : LAST - SONG_AT])
