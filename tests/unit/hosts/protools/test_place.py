"""Outputs become clips on tracks: names, positions, and what prevents them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.errors import JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.place import Place, place
from tests.support.daemon import song, write_wav
from tests.support.fake_protools import FakeProTools


def result(folder: Path, *starts: int, channels: int = 2) -> Any:
    """A result with a take for each frame that one begins at."""
    takes = []
    for number, start in enumerate(starts):
        file = write_wav(folder / f"{number}.wav", song(0.01, channels=channels, seed=number))
        output = {
            "file": str(file),
            "name": "Bass",
            "colour": "",
            "channels": channels,
            "frames": 480,
            "start_frame": start,
        }
        takes.append({"outputs": [output]})
    return {"parts": [{"task": "cover", "takes": takes}]}


def test_names_that_are_taken_get_a_number(fake: FakeProTools, pro: ProTools, tmp_path: Path) -> None:
    fake.add_track("Bass")
    fake.add_track("Bass 2")
    (clip,) = place(pro, result(tmp_path, -5, channels=1), Place(100), tmp_path)
    assert (clip.track, clip.sample, clip.frames) == ("Bass 3", 95, 480)
    (there,) = fake.track("Bass 3").clips
    assert there.sample == 95
    np.testing.assert_array_equal(there.audio, song(0.01, channels=1))
    assert (tmp_path / "placed").exists()


def test_what_would_begin_before_the_session_is_refused(fake: FakeProTools, pro: ProTools, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="Bass would begin before the session does"):
        place(pro, result(tmp_path, 0, -101), Place(100), tmp_path)
    assert fake.tracks == []
    assert not (tmp_path / "placed").exists()


def test_files_that_pro_tools_does_not_take_are_an_error(fake: FakeProTools, pro: ProTools, tmp_path: Path) -> None:
    failures = '{"failure_list": [{"file_path": "/a/b.wav", "failure_message": "is odd"}]}'
    fake.answers["ImportAudioToClipList"] = ("TStatus_Completed", failures)
    with pytest.raises(JobFailed, match=r"Pro Tools did not import /a/b\.wav: is odd"):
        place(pro, result(tmp_path, 0), Place(0), tmp_path)
    fake.answers["ImportAudioToClipList"] = ("TStatus_Completed", "{}")
    with pytest.raises(JobFailed, match="Pro Tools imported 0 of 1 files"):
        place(pro, result(tmp_path, 0), Place(0), tmp_path)
    assert fake.tracks == []


def test_a_track_without_an_id_in_the_answer_is_found_by_its_name(
    fake: FakeProTools, pro: ProTools, tmp_path: Path
) -> None:
    known = fake.add_track("Bass 2")
    fake.add_track("Bass")
    fake.answers["CreateNewTracks"] = ("TStatus_Completed", '{"created_track_names": ["Bass 2"]}')
    place(pro, result(tmp_path, 0), Place(100), tmp_path)
    assert [clip.sample for clip in known.clips] == [100]
