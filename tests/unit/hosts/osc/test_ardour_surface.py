"""What Ardour and its hook send, as bytes, and what follows from it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.errors import AceBridgeError
from acebridge.hosts.osc.messages import decode
from acebridge.hosts.osc.surfaces import ardour
from acebridge.hosts.osc.surfaces.timeline import Timeline, session_fields
from tests.support.osc import message
from tests.support.paths import ROOT

HEAD = ("/music/My Session", 48_000, "Gtr", "loop", 120_000.0, 216_000.0, 90.0, 6, 8, 1)
HEAD_TAGS = "sissdddiii"


def read(tags: str, *values: object, address: str = ardour.STATE, known: Timeline | None = None) -> Timeline:
    """Return what is known after the bytes of a message."""
    (found,) = decode(message(address, tags, *values))
    return ardour.read(known or Timeline(), found.address, found.arguments)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((480_000, 2), np.float32), 48_000, subtype="FLOAT")
    return path


def test_the_greeting_asks_for_position_transport_and_a_heartbeat() -> None:
    (packet,) = ardour.hello()
    assert packet == message("/set_surface", "iiiiii", 0, 0, 8 + 16 + 1024, 0, 0, 0)


def test_an_action_of_ardour_is_started_by_its_name() -> None:
    assert ardour.action(Timeline(), "Editor/undo") == message("/access_action", "s", "Editor/undo")


def test_the_loop_counts_in_the_file_of_the_region(song: Path) -> None:
    state = read(f"{HEAD_TAGS}dddsisi", *HEAD, 24_000.0, 4_800.0, 300_000.0, str(song), 0, str(song), 1)
    assert session_fields(state) == {
        "source": str(song),
        "start": pytest.approx((120_000 - 24_000 + 4_800) / 48_000),
        "end": pytest.approx((216_000 - 24_000 + 4_800) / 48_000),
        "bpm": 180.0,  # quarter notes, and the beats of the meter are eighths
        "timesignature": 6,
        "output": str(Path("/music/My Session/export")),
    }
    assert state.track == "Gtr"


@pytest.mark.parametrize(
    ("count", "track", "words"),
    [
        (0, "Gtr", "Track Gtr has no audio region in the range. Select an audio region"),
        (0, "", "No audio track is selected. Select an audio region"),
        (3, "Gtr", "3 audio regions are selected or in the range. Select one, or join them with Region > Combine."),
    ],
)
def test_none_and_several_regions_leave_no_source_and_say_why(count: int, track: str, words: str) -> None:
    state = read(HEAD_TAGS, *HEAD[:2], track, *HEAD[3:9], count)
    assert state.problem.startswith(words)
    assert session_fields(state)["source"] is None
    assert session_fields(state)["start"] is None


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    state = read(f"{HEAD_TAGS}dddsi", *HEAD, 0.0, 0.0, 480_000.0, str(tmp_path / "gone.wav"), 0)
    assert "gone.wav" in state.problem
    assert session_fields(state)["source"] is None


def test_without_range_nothing_is_cut(song: Path) -> None:
    head = (*HEAD[:3], "", 0.0, 0.0, *HEAD[6:])
    state = read(f"{HEAD_TAGS}dddsisi", *head, 0.0, 0.0, 480_000.0, str(song), 0, str(song), 1)
    assert state.range_s is None
    assert session_fields(state)["source"] == str(song)


@pytest.mark.parametrize("tags", ["", "s", "sissdddii", "siss" + "fff" + "iii", f"{HEAD_TAGS}ddd"[:-1]])
def test_a_hook_of_another_version_is_reported(tags: str) -> None:
    values = [{"s": "text", "i": 1, "d": 1.0, "f": 1.0}[tag] for tag in tags]
    with pytest.raises(AceBridgeError, match="of another version") as caught:
        read(tags, *values)
    assert "acebridge host install ardour" in caught.value.remedy


def test_a_fault_of_the_hook_is_reported() -> None:
    state = read("s", "line 3: attempt to index nil", address=ardour.FAULT)
    assert state.problem == "The hook in Ardour met a fault: line 3: attempt to index nil"


def test_transport_and_position_come_from_the_surface() -> None:
    state = read(HEAD_TAGS, *HEAD[:9], 0)
    state = read("f", 1.0, address="/transport_play", known=state)
    assert state.is_playing
    # Ardour sends samples as text; where nothing is known, a blank.
    assert read("s", " ", address="/position/samples", known=state) == state
    assert read("s", "96000", address="/position/samples", known=state).position_s == 2.0
    assert not read("f", 0.0, address="/transport_play", known=state).is_playing
    early = read("s", "96000", address="/position/samples")
    assert early.position_s is None
    assert read(HEAD_TAGS, *HEAD[:9], 0, known=early).position_s == 2.0
    assert read("s", "Song", address="/session_name", known=state) == state


def test_the_hook_sends_what_is_read() -> None:
    text = (ROOT / "ardour_scripts" / "follow.lua").read_text("utf-8")
    assert f'local tags = "{HEAD_TAGS}"' in text
    assert re.search(r'local ADDRESS = "(.*)"', text)[1] == ardour.STATE
    assert f'"{ardour.FAULT}"' in text
    assert f"127.0.0.1:{ardour.LISTEN_PORT}" in text
