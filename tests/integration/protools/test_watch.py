"""``acebridge protools watch``: what is selected, and what memory locations ask for."""

from __future__ import annotations

from tests.support.daemon import until
from tests.support.fake_protools import FakeProTools, FakeTrack, Refusal
from tests.support.protools import Watcher, clip_on
from tests.support.shell import Shell


def test_watch_says_what_is_selected_and_runs_what_memory_locations_ask_for(
    shell: Shell, pro: FakeProTools, guitar: FakeTrack
) -> None:
    watcher = Watcher(shell, pro.port)
    watcher.until("Lied, 48000 Hz: 2.000 to 3.000 s on Gitarre/Große 🎸")
    pro.add_location("acebridge: lego drums, bass: funky", (50_000, 98_000))
    watcher.until("Bass: 48000 samples at 50000")
    assert {clip_on(track)[0] for track in pro.tracks if track is not guitar} == {50_000}
    until(lambda: not pro.locations)
    pro.add_location("AceBridge: dance", (50_000, 98_000))
    watcher.until("dance is no task for Pro Tools.")
    until(lambda: pro.locations[0]["name"] == "AceBridge failed: dance")
    assert pro.locations[0]["comments"].startswith("dance is no task for Pro Tools. Name the memory location")
    pro.locations.clear()
    pro.add_location("AceBridge: understand", (50_000, 98_000))
    until(lambda: pro.locations[0]["name"] == "AceBridge found: understand")
    assert "bpm: 120" in pro.locations[0]["comments"]
    fake_names = [track.name for track in pro.tracks]
    pro.locations.clear()
    pro.add_location("AceBridge: lego kazoo", (50_000, 98_000))
    until(lambda: pro.locations[0]["name"] == "AceBridge failed: lego kazoo")
    assert [track.name for track in pro.tracks] == fake_names
    watcher.end()


def test_a_memory_location_that_cannot_be_removed_asks_once(shell: Shell, pro: FakeProTools, guitar: FakeTrack) -> None:
    pro.faults["ClearMemoryLocation"] = Refusal("PT_ReadOnlySession", "no")
    watcher = Watcher(shell, pro.port)
    pro.add_location("AceBridge: cover x", (50_000, 98_000))
    watcher.until("Pro Tools may not write")
    seen = len(pro.log)
    until(lambda: pro.commands[seen:].count("GetMemoryLocations") > 2)
    assert [track.name for track in pro.tracks] == [guitar.name, "x"]
    watcher.end()


def test_watch_waits_for_pro_tools(shell: Shell, pro: FakeProTools) -> None:
    pro.stop()
    watcher = Watcher(shell, pro.port)
    watcher.until(f"No Pro Tools answers at port {pro.port} of this machine. Waiting for it.")
    pro.name = None
    pro.start()
    watcher.until("No session is open in Pro Tools.")
    pro.name = "Lied"
    watcher.until("Lied, 48000 Hz: 0.000 s on no track")
    watcher.end()
