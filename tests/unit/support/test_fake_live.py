"""The simulated Live refuses what Live would, and undoes what it did."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from ableton_extensions import AbletonError, Application, AudioTrack, DeletedObjectError, connect

from tests.support.fake_live import RATE_HZ, FakeLive, handle
from tests.support.fake_live_calls import CALLS, KNOWN


@pytest.fixture
def live(tmp_path: Path) -> Iterator[FakeLive]:
    with closing(FakeLive(tmp_path)) as live:
        live.add_track("Vocals")
        yield live


@pytest.fixture
def app(live: FakeLive) -> Iterator[Application]:
    with closing(connect(live.url)) as app:
        yield app


def track_of(app: Application) -> AudioTrack:
    (track,) = app.song.tracks
    assert isinstance(track, AudioTrack)
    return track


def test_it_answers_only_calls_of_the_package() -> None:
    assert set(CALLS) < KNOWN


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("dataModel.songPlay", [], "unknown method"),
        ("bridge.restart", [], "unknown method"),
        ("dataModel.songGetTempo", [], "0 arguments, expected 1"),
        ("dataModel.songGetTempo", [handle(99)], "Invalid object reference"),
        ("dataModel.trackSetName", [handle(3), 7], "must be text"),
        ("dataModel.takelaneGetName", [handle(3)], "Invalid object reference"),
        ("dataModel.trackCreateAudioClip", [handle(3), {"filePath": "a.wav"}], "Failed to create clip"),
        ("dataModel.trackCreateAudioClip", [handle(3), {"filePath": "a.wav", "startTime": 0, "gain": 1}], "gain"),
        ("resources.importIntoProject", ["/none.wav"], "file not found"),
        ("resources.renderPreFxAudio", [handle(3), {"startTime": 4, "endTime": 4}], "invalid range"),
    ],
)
def test_wrong_calls_are_errors(app: Application, method: str, arguments: list[object], error: str) -> None:
    with pytest.raises(AbletonError, match=error):
        app.transport.call(method, *arguments)


def test_only_files_of_the_project_become_clips(app: Application, live: FakeLive, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "outside.wav", np.zeros((10, 2)), RATE_HZ)
    with pytest.raises(AbletonError, match="Failed to create clip"):
        track_of(app).create_audio_clip(str(tmp_path / "outside.wav"), 0.0, is_warped=False)
    inside = app.resources.import_into_project(str(tmp_path / "outside.wav"))
    clip = track_of(app).create_audio_clip(inside, 2.0, is_warped=False)
    assert (clip.start_time, clip.warping, Path(clip.file_path).parent) == (
        2.0,
        False,
        live.project / "Samples/Imported",
    )


def test_nobody_sees_a_part_of_a_transaction(
    app: Application, live: FakeLive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "noise.wav", np.ones((RATE_HZ, 2)), RATE_HZ)
    track, file = track_of(app), app.resources.import_into_project(str(tmp_path / "noise.wav"))
    (number,) = live.tracks().values()
    began, has_read, create_clip = threading.Event(), threading.Event(), live.create_clip
    read: list[tuple[list[str], int, bool]] = []
    read_early: list[bool] = []

    def read_set() -> None:
        assert began.wait(60)
        read.append((list(live.tracks()), len(live.steps), bool(live.playback(number, 0.0, 1.0).any())))
        has_read.set()

    def create_late(place: int, arguments: Mapping[str, Any]) -> Any:
        began.set()  # the name is another one already
        read_early.append(has_read.wait(0.2))
        return create_clip(place, arguments)

    monkeypatch.setattr(live, "create_clip", create_late)
    reader = threading.Thread(target=read_set)
    reader.start()
    with app.transaction():
        track.name = "Lead"
        track.create_audio_clip(file, 0.0, is_warped=False)
    reader.join()
    assert (read, read_early) == ([(["Lead"], 1, True)], [False])


def test_a_transaction_is_one_step_and_knows_nothing_that_it_makes(app: Application, live: FakeLive) -> None:
    before = live.state()
    track = track_of(app)
    with app.transaction():
        track.name = "Lead"
        track.create_take_lane()
    assert (track.name, len(track.take_lanes), len(live.steps)) == ("Lead", 1, 1)
    live.undo()
    assert live.state() == before
    made = live._next
    app.transport.begin_txn()
    track.create_take_lane()
    app.transport.call("dataModel.takelaneSetName", handle(made), "too early")
    with pytest.raises(AbletonError, match="Invalid object reference"):
        app.transport.end_txn()


def test_what_is_deleted_is_gone_for_its_handles(app: Application, live: FakeLive) -> None:
    track = track_of(app)
    lane = track.create_take_lane()
    live.remove(3)
    for find in (lambda: track.name, lambda: lane.name):
        with pytest.raises(DeletedObjectError):
            find()


def test_a_render_is_what_the_clips_play_through_a_change_of_tempo(app: Application, live: FakeLive) -> None:
    live.tempos = [(0.0, 120.0), (2.0, 60.0)]
    ramp = np.round(np.linspace(-0.5, 0.5, RATE_HZ) * 2**23) / 2**23
    live.add_clip(3, 2.0, ramp[:, np.newaxis])
    played, rate = soundfile.read(app.resources.render_pre_fx_audio(track_of(app), 1.0, 3.0), always_2d=True)
    assert (rate, played.shape) == (RATE_HZ, (RATE_HZ // 2 + RATE_HZ, 1))
    assert not played[: RATE_HZ // 2].any()
    assert (played[RATE_HZ // 2 :, 0] == ramp).all()
