"""Finished jobs that others made come into the open project through the inbox: `acebridge place`, and two REAPERs beside it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from acebridge.cli.app import app
from acebridge.hosts.jobfolder.inbox import Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import open_projects
from tests.support import schemas
from tests.support.daemon import until
from tests.support.fake_reaper import Reaper
from tests.support.reaper_studio import COMMAND, RATE_HZ, Studio, media

LIST = "AceBridge_Job list.lua"


def inbox_of(r: Reaper) -> Path:
    return r.resource / "AceBridge" / "inbox"


def watch(r: Reaper) -> None:
    """Open the job list, which watches the inbox, and wait until it says so."""
    r.start(LIST)
    r.until(lambda: open_projects(inbox_of(r)))


def place(r: Reaper, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `acebridge place` while REAPER goes on."""
    command = [COMMAND, "place", *map(str, arguments), "--inbox", str(inbox_of(r))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        r.until(lambda: (time.sleep(0.002), process.poll() is not None)[1])
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def answers(r: Reaper) -> list[dict[str, Any]]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(inbox_of(r).glob("*/answer.json"))]


@pytest.fixture
def r(tmp_path: Path) -> Iterator[Reaper]:
    """A REAPER without a daemon, with a saved project at 44.1 kHz."""
    with open_reaper(tmp_path) as r:
        yield r


def open_reaper(folder: Path, resource: str = "REAPER") -> Reaper:
    r = Reaper(folder, rate=RATE_HZ, resource=resource)
    r.ext.update({("AceBridge", "command"): COMMAND, ("AceBridge", "cleaned"): "9999999999"})
    r.new_tab("Song.rpp")
    r.close_tab(r.projects[0])
    r.project.add_track("Guitar")
    r.project.settle()
    return r


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE_HZ, 2)).astype(np.float32)
    return media(tmp_path / "tone.wav", samples)


def send(r: Reaper, file: Path, at_s: float = 1.0, **more: Any) -> Placement:
    """Put a file into the inbox, as a program would that does not wait."""
    placement = Placement(inbox_of(r), open_projects(inbox_of(r))[0])
    content = files_source([file])(placement.project.media, placement.folder)
    placement.send(content.result, {"kind": "seconds", "position_s": at_s}, title=content.title, **more)
    return placement


def test_a_job_of_the_command_line_comes_into_the_open_project(studio: Studio, tmp_path: Path) -> None:
    made = subprocess.run(
        [COMMAND, "generate", "--engine", "draft", "-c", "calm piano", "--duration", "2", "--seed", "5",
         "--sample-rate", "44100", "--json", "--out", str(tmp_path / "made.wav")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads(made.stdout)
    watch(studio.reaper)
    studio.project.cursor = 3.0
    before = len(studio.project.tracks)
    done = place(studio.reaper, report["job_id"][:12])
    assert (done.returncode, done.stderr) == (0, "")
    assert "on a new track at 3.000 s" in done.stdout
    studio.reaper.check()
    track = studio.project.tracks[-1]
    assert len(studio.project.tracks) == before + 1
    assert track.name == "calm piano"
    (item,) = track.items
    assert (item.position, item.length) == (3.0, pytest.approx(2.0))
    file = Path(item.active.source.path)
    assert file.parent == studio.project.media_folder
    assert np.array_equal(soundfile.read(file)[0], soundfile.read(tmp_path / "made.wav")[0])
    facts = json.loads(item.active.ext["P_EXT:AceBridge"])
    assert (facts["seed"], facts["engine"]) == (5, "draft")
    assert len(studio.project.undo) == 1
    assert answers(studio.reaper) == [], "the sender has removed what was answered"


def new_tracks(r: Reaper) -> list[Any]:
    return [track for track in r.project.tracks if track.name != "Guitar"]


def until_answered(r: Reaper, placement: Placement) -> Any:
    return r.until(lambda: (answer := placement.answer()).is_final and answer)


def test_files_are_copied_and_placed_where_the_user_says(r: Reaper, tone: Path) -> None:
    watch(r)
    r.project.tempo(0, 120, 4, 4)
    r.project.time_selection = (7.0, 9.0)
    for at, position in (("1:02.5", 62.5), ("bar 3", 4.0), ("selection", 7.0)):
        done = place(r, tone, "--at", at)
        assert (done.returncode, done.stderr) == (0, "")
        assert new_tracks(r)[-1].items[0].position == position
        assert f"at {position:.3f} s in Song.rpp" in done.stdout
    names = [Path(track.items[0].active.source.path).name for track in new_tracks(r)]
    assert names == ["tone.wav", "tone (2).wav", "tone (3).wav"]
    assert {path.name for path in r.project.media_folder.iterdir()} == set(names)
    r.check()


def test_stems_go_into_a_folder_of_tracks_with_names_and_colours(r: Reaper, tone: Path, tmp_path: Path) -> None:
    stems = tmp_path / "My song"
    stems.mkdir()
    for name in ("drums", "bass", "noises"):
        media(stems / f"{name}.wav", soundfile.read(tone)[0])
    r.project.tracks[0].selected = 1
    r.project.add_track("last")
    watch(r)
    done = place(r, stems, "--at", "2")
    assert done.returncode == 0, done.stderr
    assert [track.name for track in r.project.tracks] == ["Guitar", "My song", "Bass", "Drums", "noises", "last"]
    assert [int(track.depth) for track in r.project.tracks] == [0, 1, 0, 0, -1, 0]
    assert [track.items[0].position for track in r.project.tracks[2:5]] == [2.0] * 3
    assert r.project.tracks[3].colour != 0
    assert r.project.undo == ["AceBridge: My song"]


def test_a_take_where_it_fits_to_the_sample_and_beside_it_elsewhere(r: Reaper, tone: Path) -> None:
    item = r.project.tracks[0].add_item(tone, 5.0, 1.0)
    item.selected = 1
    watch(r)
    done = place(r, tone, "--as-take", "--at", "5")
    assert done.returncode == 0, done.stderr
    assert [len(item.takes), int(item["I_CURTAKE"]), len(new_tracks(r))] == [2, 1, 0]
    item.length = 0.9
    done = place(r, tone, "--as-take", "--at", "5")
    assert "It is no take, because the selected item is not at the same place or not as long." in done.stdout
    assert [len(item.takes), len(new_tracks(r))] == [2, 1]
    assert r.project.tracks[1] is new_tracks(r)[0], "it lies below the item's track"


def test_without_a_watcher_the_sender_says_so_and_leaves_nothing(r: Reaper, tone: Path) -> None:
    done = place(r, tone)
    assert done.returncode == 2
    assert "No REAPER watches for what is to be placed." in done.stderr
    assert "Run the action AceBridge_Job list in REAPER" in done.stderr
    assert list(r.project.media_folder.iterdir()) == []


def test_a_project_that_is_not_open_is_named_with_those_that_are(r: Reaper, tone: Path) -> None:
    watch(r)
    done = place(r, tone, "--project", "Opera")
    assert done.returncode == 2
    assert "No REAPER has 'Opera' open. Open it there, or choose one of: " in done.stderr
    assert "Song.rpp" in done.stderr


def test_a_project_in_another_tab_is_found_by_its_name(r: Reaper, tone: Path) -> None:
    song = r.project
    r.new_tab("Other.rpp")
    watch(r)
    assert place(r, tone, "--project", "Song").returncode == 0
    assert [len(song.tracks), len(r.project.tracks)] == [2, 0]
    assert song.undo == ["AceBridge: tone"]
    assert r.project.undo == []


def test_of_two_that_reach_for_it_one_places_it(r: Reaper, tone: Path) -> None:
    with open_reaper(r.folder) as other:
        other.project.file = r.project.file
        watch(r)
        watch(other)
        until(lambda: len(open_projects(inbox_of(r))) == 2)
        allow, between = r.files.refusal_to_rename, []

        def first_the_other(old: bytes, new: bytes) -> Any:
            """Let the other one do all it can just before this one renames."""
            if b"inbox" in old and b"." not in Path(old.decode()).name.encode() and not between:
                between.append(old)
                other.tick(40)
            return allow(old, new)

        r.files.refusal_to_rename = first_the_other  # type: ignore[method-assign]
        placement = send(r, tone)
        placed = json.loads((placement.folder / "place.json").read_text("utf-8"))
        (placement.folder / "place.json").write_text(json.dumps({**placed, "instance": "gone0000"}), "utf-8")
        until_answered(r, placement)
        r.tick(60)
        other.tick(60)
        assert between, "both have reached for it"
        assert [len(new_tracks(each)) for each in (r, other)] == [0, 1]
        assert len(list(inbox_of(r).glob(f"{placement.id}*"))) == 1
        r.check()
        other.check()


def test_what_is_addressed_to_one_is_left_alone_by_others(r: Reaper, tone: Path) -> None:
    with open_reaper(r.folder) as other:
        other.project.file = r.project.file
        watch(r)
        placement = send(r, tone)
        watch(other)
        other.tick(90)
        assert placement.answer().state == "sent"
        until_answered(r, placement)
        assert [len(new_tracks(each)) for each in (r, other)] == [1, 0]


def test_nothing_is_placed_while_a_tab_records(r: Reaper, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REAPER answers before the sender's time begins, however long that takes."""
    send_at_once = Placement.send

    def send_and_let_answer(placement: Placement, *arguments: Any, **more: Any) -> None:
        send_at_once(placement, *arguments, **more)
        r.until(lambda: placement.answer().state == "waiting")

    monkeypatch.setattr(Placement, "send", send_and_let_answer)
    r.project.playing = 5
    watch(r)
    done = CliRunner().invoke(app, ["place", str(tone), "--wait", "0.1", "--inbox", str(inbox_of(r))])
    assert (done.exit_code, done.stdout) == (0, "REAPER records: it is placed when the recording ends.\n")
    assert new_tracks(r) == []
    r.project.playing = 0
    r.until(lambda: new_tracks(r))
    r.until(lambda: answers(r)[0]["state"] == "placed")
    schemas.check("answer", answers(r)[0])


def test_it_is_placed_once_though_the_answer_cannot_be_written(r: Reaper, tone: Path) -> None:
    watch(r)
    placement = send(r, tone)
    r.disk_full_after(0)
    r.until(lambda: new_tracks(r))
    r.tick(90)
    assert (len(new_tracks(r)), placement.answer().state) == (1, "sent")
    r.disk_full_after(None)
    assert until_answered(r, placement).state == "placed"
    r.tick(90)
    assert len(new_tracks(r)) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[1, 2]", '{"version": 1}', '{"version": 1, "parts": [{"takes": [{"outputs": [{}]}]}]}']
)
@pytest.mark.parametrize("name", ["place.json", "result.json"])
def test_what_is_damaged_is_refused_with_a_sentence(r: Reaper, tone: Path, name: str, content: str) -> None:
    watch(r)
    before = r.project.state()
    placement = send(r, tone)
    (placement.folder / name).write_text(content, "utf-8")
    answer = until_answered(r, placement)
    assert answer.state == "refused"
    assert answer.remedy
    assert r.project.state() == before
    assert r.messages == []
    r.check()


@pytest.mark.parametrize(
    ("key", "value"),
    [("file", "/nowhere/x.wav"), ("file", 7), ("frames", "many"), ("sample_rate", 0), ("start_frame", None), ("colour", "red")],
)  # fmt: skip
def test_an_output_that_cannot_be_right_is_refused(r: Reaper, tone: Path, key: str, value: Any) -> None:
    watch(r)
    placement = send(r, tone)
    result = json.loads((placement.folder / "result.json").read_text("utf-8"))
    result["parts"][0]["takes"][0]["outputs"][0][key] = value
    (placement.folder / "result.json").write_text(json.dumps(result), "utf-8")
    answer = until_answered(r, placement)
    assert answer.state == "refused"
    assert answer.remedy
    assert r.project.undo == []
    r.check()


def test_one_that_begins_before_the_project_is_refused(r: Reaper, tone: Path) -> None:
    watch(r)
    placement = send(r, tone, 0.5)
    result = json.loads((placement.folder / "result.json").read_text("utf-8"))
    result["parts"][0]["takes"][0]["outputs"][0]["start_frame"] = -RATE_HZ
    (placement.folder / "result.json").write_text(json.dumps(result), "utf-8")
    answer = until_answered(r, placement)
    assert answer.message == "It would begin 0.500 s before the start of the project."


def test_what_a_reaper_had_taken_that_was_closed_is_placed_by_the_next(r: Reaper, tone: Path) -> None:
    r.project.playing = 5
    watch(r)
    placement = send(r, tone)
    r.until(lambda: placement.answer().state == "waiting")
    r.close()
    with open_reaper(r.folder) as following:
        following.project.file = r.project.file
        watch(following)
        assert until_answered(following, placement).state == "placed"
        assert len(new_tracks(following)) == 1
        following.check()


def test_what_was_placed_before_a_crash_is_not_placed_again(r: Reaper, tone: Path) -> None:
    watch(r)
    placement = send(r, tone)
    until_answered(r, placement)
    kept = dict(r.project.ext)
    r.close()
    (claimed,) = inbox_of(r).glob(f"{placement.id}.*")
    (claimed / "answer.json").unlink()  # as if it had ended in between
    with open_reaper(r.folder) as following:
        following.project.file = r.project.file
        following.project.ext.update(kept)  # the project was saved
        watch(following)
        assert until_answered(following, placement).message == "It was placed before."
        assert new_tracks(following) == []


def test_a_project_closed_meanwhile_is_refused_and_its_files_go(r: Reaper, tone: Path) -> None:
    watch(r)
    folder = r.project.media_folder
    command = [COMMAND, "place", str(tone), "--inbox", str(inbox_of(r))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: [p for p in inbox_of(r).iterdir() if p.is_dir() and not p.name.startswith(".")])
        r.close_tab(r.project)
        r.until(lambda: (time.sleep(0.002), process.poll() is not None)[1])
        assert "The project is no longer open." in process.communicate()[1]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["Song.rpp", ""])
def test_a_project_saved_under_another_name_meanwhile_is_the_same(r: Reaper, tone: Path, name: str) -> None:
    r.project.file = name and str(r.folder / name)
    r.user.record(r.project.add_track("Voice"))
    watch(r)
    placement = send(r, tone)
    r.until(lambda: placement.answer().state == "waiting")
    r.project.file = str(r.folder / "Song, second version.rpp")
    r.user.stop()
    assert until_answered(r, placement).state == "placed"


def test_another_project_in_the_place_of_a_closed_one_is_not_the_same(r: Reaper, tone: Path) -> None:
    watch(r)
    placement = send(r, tone)
    r.project.file = str(r.folder / "Other.rpp")
    r.project.tracks.clear()
    r.project.add_track("Another")
    assert until_answered(r, placement).state == "refused"


def test_who_watches_says_what_is_open(r: Reaper) -> None:
    r.project.tempo(0, 90, 3, 4)
    r.project.cursor = 2.5
    watch(r)
    (file,) = inbox_of(r).glob("presence-*.json")
    state = json.loads(file.read_text("utf-8"))
    schemas.check("presence", state)
    (project,) = state["projects"]
    assert (project["name"], project["bpm"], project["beats"], project["cursor_s"]) == ("Song", 90, 3, 2.5)
    assert project["selection"] is None
    r.project.time_selection = (1.0, 2.0)
    r.until(lambda: json.loads(file.read_text("utf-8"))["projects"][0]["selection"] == {"start_s": 1.0, "end_s": 2.0})
    r.window().key(27)
    r.finish()
    assert not file.exists(), "nobody watches any more"


def test_an_idle_inbox_costs_little(r: Reaper) -> None:
    watch(r)
    size = len(r.commands)
    r.tick(90)
    assert r.longest_tick_ms < 5
    assert len(r.commands) == size
