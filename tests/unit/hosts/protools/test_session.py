"""What is selected, in samples; pages of tracks; which tracks are worked on."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

import pytest

from acebridge.errors import JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.session import (
    Span,
    Track,
    read_session,
    read_span,
    read_tracks,
    select_meanwhile,
    working_tracks,
)
from tests.support.fake_protools import FakeProTools

TRACK = Track("{1}", "Bass", 2, sounds=True, selected=False, edited=False)


def test_a_session_has_a_folder_for_results(fake: FakeProTools, pro: ProTools) -> None:
    session = read_session(pro)
    assert (session.file, session.name, session.rate_hz) == (fake.file, "Lied", 48_000)
    assert session.media == fake.folder / "AceBridge"


def test_tracks_come_in_pages(fake: FakeProTools, pro: ProTools) -> None:
    for number in range(1001):
        fake.add_track(str(number), channels=1 + number % 2, selected=number == 1000)
    tracks = read_tracks(pro)
    assert [track.name for track in tracks] == [str(number) for number in range(1001)]
    assert [track.channels for track in tracks[:3]] == [1, 2, 1]
    assert working_tracks(tracks) == tracks[1000:]


def test_a_range_is_selected_for_a_while(fake: FakeProTools, pro: ProTools) -> None:
    fake.span = (10, 20)
    with suppress(ZeroDivisionError), select_meanwhile(pro, Span(5, 50)):
        assert fake.span == (5, 50)
        raise ZeroDivisionError
    assert read_span(pro) == Span(10, 20)


def test_a_selection_in_another_unit_is_refused(fake: FakeProTools, pro: ProTools) -> None:
    fake.answers["GetTimelineSelection"] = ("TStatus_Completed", '{"in_time": "1|1|000", "out_time": "2|1|000"}')
    with pytest.raises(JobFailed, match=r"tells its selection as '1\|1\|000', not in samples"):
        read_span(pro)


def test_an_edit_selection_counts_where_no_track_is_selected() -> None:
    edited, selected = (dataclasses.replace(TRACK, **{name: True}) for name in ("edited", "selected"))
    assert working_tracks([TRACK, edited]) == [edited]
    assert working_tracks([TRACK, edited, selected]) == [selected]
    with pytest.raises(JobFailed, match="The track Bass makes no sound"):
        working_tracks([dataclasses.replace(selected, sounds=False), edited])
