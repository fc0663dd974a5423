"""Finished audio comes into the session that is open in a real Ardour, by `acebridge place --host ardour`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.ardour_studio import BPM, SONG_AT, ArdourStudio, ardour_studio, read
from tests.support.daemon import until
from tests.support.shell import COMMAND
from tests.support.signals import Samples

pytestmark = pytest.mark.host

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArdourStudio]:
    folder = tmp_path_factory.mktemp("studio") / "Studio 'ü'"
    folder.mkdir()
    with ardour_studio(folder, RATE_HZ) as studio:
        yield studio


def place(studio: ArdourStudio, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `acebridge place` on this machine's Ardour."""
    environment = {**os.environ, "HOME": str(studio.ardour.home), "ACEBRIDGE_HOME": str(studio.daemon.home)}
    environment.pop("XDG_CONFIG_HOME", None)
    command = [*COMMAND, "place", "--host", "ardour", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def tone(path: Path, seconds: float = 1.0, rate_hz: int = RATE_HZ, channels: int = 2) -> tuple[Path, Samples]:
    samples = np.random.default_rng(len(path.stem)).uniform(-0.5, 0.5, (round(seconds * rate_hz), channels))
    samples = samples.astype(np.float32)
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path, samples


def new_tracks(studio: ArdourStudio, before: list[str]) -> list[str]:
    return [name for name in studio.tracks() if name not in before]


@pytest.mark.parametrize(
    ("at", "frame"),
    [("2", 2 * RATE_HZ), ("bar 3", 2 * 4 * 60 * RATE_HZ // BPM), ("selection", SONG_AT + 7), ("cursor", 12_345)],
)
def test_a_file_is_placed_to_the_sample_and_taken_back(
    studio: ArdourStudio, tmp_path: Path, at: str, frame: int
) -> None:
    file, samples = tone(tmp_path / f"drone 기타 {frame}.wav")
    studio.select(SONG_AT + 7, SONG_AT + 9 * 1000)
    studio.ardour.run("""
    Session:request_locate(
      12345, false, ARDOUR.LocateTransportDisposition.MustStop, ARDOUR.TransportRequestSource.TRS_UI)
    """)
    until(lambda: studio.ardour.run("say(Session:transport_sample())") == [["12345"]], "the cursor")
    tracks, before = studio.tracks(), studio.bounce()
    done = place(studio, file, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["state"], answer["project"]) == ("placed", "session")
    assert answer["position_s"] == pytest.approx(frame / RATE_HZ, abs=1e-9)
    assert answer["message"].startswith(f"drone 기타 {frame}: on new tracks at ")
    (name,) = new_tracks(studio, tracks)
    sound = studio.bounce(name, frame + 2 * RATE_HZ)
    assert np.array_equal(sound[frame : frame + len(samples)], samples)
    assert not sound[:frame].any()
    assert not sound[frame + len(samples) :].any()
    (copied,) = answer["files"]
    assert Path(copied).parent == studio.ardour.session / "interchange" / "session" / "audiofiles"
    assert np.array_equal(studio.bounce(), before)
    studio.undo()
    assert not studio.bounce(name, frame + 2 * RATE_HZ).any()


def test_stems_become_tracks_in_a_group(studio: ArdourStudio, tmp_path: Path) -> None:
    folder, tracks = tmp_path / "My stems", studio.tracks()
    folder.mkdir()
    stems = {name: tone(folder / f"{name}.wav", channels=1)[1] for name in ("bass", "drums", "sitar")}
    done = place(studio, folder, "--at", "1")
    assert done.returncode == 0, done.stderr
    added = new_tracks(studio, tracks)
    assert [name.lower() for name in added] == ["bass", "drums", "sitar"]
    for name, samples in zip(added, stems.values(), strict=True):
        assert np.array_equal(studio.bounce(name, 3 * RATE_HZ)[RATE_HZ : 2 * RATE_HZ, :1], samples)
    groups = studio.ardour.run("""
    for group in Session:route_groups():iter() do
      local names = {}
      for route in group:route_list():iter() do names[#names + 1] = route:name() end
      say(group:name(), table.concat(names, ","))
    end
    """)
    assert ["My stems", ",".join(added)] in groups


def test_a_file_of_another_rate_is_converted(studio: ArdourStudio, tmp_path: Path) -> None:
    tracks, seconds = studio.tracks(), np.arange(48_000) / 48_000
    file = tmp_path / "fast.wav"
    soundfile.write(file, np.sin(2 * np.pi * 440 * seconds)[:, np.newaxis].repeat(2, 1), 48_000, subtype="FLOAT")
    done = place(studio, file, "--at", "1")
    assert done.returncode == 0, done.stderr
    (name,) = new_tracks(studio, tracks)
    sound = studio.bounce(name, 3 * RATE_HZ)
    expected = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    inside = slice(1000, RATE_HZ - 1000)
    assert np.abs(sound[RATE_HZ : 2 * RATE_HZ, 0][inside] - expected[inside]).max() < 1e-3
    assert not sound[:RATE_HZ].any()
    assert not sound[2 * RATE_HZ + 2 :].any()


def test_a_job_is_placed_again_as_it_was(studio: ArdourStudio) -> None:
    studio.select(SONG_AT, SONG_AT + 2 * RATE_HZ)
    studio.enter("extract", tracks="vocals, drums")
    folder = studio.act("Extract stems (no dialog)")
    job = json.loads((folder / "status.json").read_text("utf-8"))["job_id"]
    tracks = studio.tracks()
    done = place(studio, job, "--at", "3")
    assert done.returncode == 0, done.stderr
    added = new_tracks(studio, tracks)
    outputs = studio.outputs(folder)
    assert len(added) == len(outputs) == 3
    for name, output in zip(added, outputs, strict=True):
        sound = studio.bounce(name, 6 * RATE_HZ)
        assert np.array_equal(sound[3 * RATE_HZ : 5 * RATE_HZ], read(output["file"]))


def test_a_take_of_the_selected_region_is_a_playlist(studio: ArdourStudio, tmp_path: Path) -> None:
    file, samples = tone(tmp_path / "other [live (50%.wav", len(studio.song) / RATE_HZ)
    before, playlists, tracks = studio.bounce(), studio.playlists(), studio.tracks()
    rename = """Session:route_by_name("Song"):to_track():playlist():set_name("{}")"""
    studio.ardour.run(rename.format(f"Song - {file.stem} 3"))  # as if there was a take of it already
    studio.select_regions(SONG_AT)
    done = place(studio, file, "--as-take", "--at", str(SONG_AT / RATE_HZ))
    assert "a new playlist at" in done.stdout, done.stderr
    assert studio.playlists()[0] == f"Song - {file.stem} 1"
    assert (len(studio.playlists()), studio.tracks()) == (len(playlists) + 1, tracks)
    after = studio.bounce()
    assert np.array_equal(after[SONG_AT : studio.end], samples)
    assert np.array_equal(after[:SONG_AT], before[:SONG_AT])
    studio.undo()
    assert np.array_equal(studio.bounce(), before)
    studio.select_regions(SONG_AT)
    done = place(studio, file, "--as-take", "--at", "5")
    assert "It is no take, because the selected region is not at the same place or not as long." in done.stdout
    assert studio.tracks() == ["Song", *new_tracks(studio, tracks), *tracks[1:]], "it lies below the region's track"


def test_what_cannot_be_placed_is_refused_and_leaves_nothing(studio: ArdourStudio, tmp_path: Path) -> None:
    file, _ = tone(tmp_path / "nowhere.wav")
    studio.ardour.run("Editor:set_selection(ArdourUI.SelectionList(), ArdourUI.SelectionOp.Set)")
    tracks = studio.tracks()
    done = place(studio, file, "--at", "selection")
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "There is no range in the session." in done.stderr
    assert not list((studio.ardour.session / "interchange" / "session" / "audiofiles").glob("nowhere*"))
    assert studio.tracks() == tracks


def test_without_the_hook_the_sender_says_what_to_do(studio: ArdourStudio, tmp_path: Path) -> None:
    file, _ = tone(tmp_path / "late.wav")
    studio.ardour.stop()
    for presence in (studio.own / "inbox").glob("presence-*.json"):
        state = json.loads(presence.read_text("utf-8"))
        presence.write_text(json.dumps({**state, "update_time": state["update_time"] - 60}), "utf-8")
    done = place(studio, file)
    assert done.returncode == 2
    assert "No Ardour watches for what is to be placed." in done.stderr
    assert "with the hook AceBridge: Jobs" in done.stderr
