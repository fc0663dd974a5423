"""The inbox from the sender's side: who watches, what is sent as a whole, what is taken back, and what nobody may do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.errors import Conflict, NotFound, TimedOut
from acebridge.hosts.jobfolder import placing
from acebridge.hosts.jobfolder.inbox import Placement, tidy
from acebridge.hosts.jobfolder.places import parse_place
from acebridge.hosts.jobfolder.placing import PlaceReport, files_source, place
from acebridge.hosts.jobfolder.presence import choose_project, open_projects
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support import schemas

INSTANCE, START = "abcd1234", "Start its watcher."


class Host:
    """A host with an inbox that a test answers for."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.media = root / "inbox", root / "Media"
        self.inbox.mkdir(mode=0o755)
        self.projects = [self.project("Song", shown=True)]

    def project(self, name: str, *, shown: bool = False, **more: Any) -> dict[str, Any]:
        return {
            "key": f"key{name}", "name": name, "file": f"/songs/{name}.rpp", "media": str(self.media), "shown": shown,
            "recording": False, "sample_rate": 44100, "bpm": 120.0, "beats": 4, "unit": 4, "cursor_s": 0.0,
            "selection": None, **more,
        }  # fmt: skip

    def tell(self, instance: str = INSTANCE, age_s: float = 0.0, name: str = "", **more: Any) -> None:
        """Write a presence; ``name`` is what it calls itself, if that is not what its file says."""
        state = {
            "version": 1, "instance": name or instance, "pid": None, "host": {"name": "MyDAW", "version": "1"},
            "projects": self.projects, "update_time": time.time() - age_s, **more,
        }  # fmt: skip
        (self.inbox / f"presence-{instance}.json").write_text(json.dumps(state), "utf-8")

    def claim(self) -> Path:
        """Take the only thing that waits, as a watcher does; return its folder."""
        while not (waiting := [each for each in self.inbox.iterdir() if each.is_dir() and "." not in each.name]):
            time.sleep(0.005)
        return waiting[0].rename(self.inbox / f"{waiting[0].name}.{INSTANCE}")

    def answer(self, state: str, message: str = "", remedy: str = "") -> threading.Thread:
        """Claim and answer in a thread, once something is sent."""

        def run() -> None:
            folder = self.claim()
            said = {
                "version": 1, "id": folder.name.split(".")[0], "state": state, "message": message, "remedy": remedy,
                "instance": INSTANCE, "update_time": time.time(),
            }  # fmt: skip
            schemas.check("answer", said)
            schemas.check("place", json.loads((folder / "place.json").read_text("utf-8")))
            part = folder / "answer.part"
            part.write_text(json.dumps(said), "utf-8")
            part.replace(folder / "answer.json")

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    @property
    def left(self) -> list[str]:
        """What lies in the inbox and in the media folder, presences apart."""
        media = sorted(self.media.iterdir()) if self.media.exists() else []
        return [each.name for each in (*self.inbox.iterdir(), *media) if not each.name.startswith("presence-")]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.tell()
    return host


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.full((441, 2), 0.25, np.float32), 44_100, subtype="FLOAT")
    return path


def send(host: Host, *files: Path, **more: Any) -> PlaceReport:
    return place(host.inbox, files_source(files), host="MyDAW", start=START, **{"wait_s": 5.0, **more})


def test_what_is_placed_leaves_its_file_and_no_folder(host: Host, tone: Path) -> None:
    thread = host.answer("placed", "It is there.")
    placed = send(host, tone)
    thread.join()
    assert (placed.answer.state, placed.answer.message, placed.project.name) == ("placed", "It is there.", "Song")
    assert host.left == ["tone.wav"]
    assert placed.files == [host.media / "tone.wav"]
    assert placed.files[0].read_bytes() == tone.read_bytes()
    assert os.name == "nt" or host.inbox.stat().st_mode & 0o777 == 0o700


def test_what_is_refused_leaves_nothing(host: Host, tone: Path) -> None:
    thread = host.answer("refused", "There is no time selection.", "Make one.")
    placed = send(host, tone)
    thread.join()
    assert (placed.answer.state, placed.answer.remedy) == ("refused", "Make one.")
    assert host.left == []


def test_what_nobody_takes_is_taken_back(host: Host, tone: Path) -> None:
    with pytest.raises(TimedOut, match=r"MyDAW did not take it within 0\.2 s\. Close the dialogs of MyDAW"):
        send(host, tone, wait_s=0.2)
    assert host.left == []


def test_what_waits_stays(host: Host, tone: Path) -> None:
    thread = host.answer("waiting", "MyDAW records.")
    placed = send(host, tone, wait_s=0.5)
    thread.join()
    assert placed.answer.state == "waiting"
    assert len(host.left) == 2


def test_without_waiting_it_lies_there_as_a_whole(host: Host, tone: Path) -> None:
    placed = send(host, tone, wait_s=0, at={"kind": "bar", "bar": 3}, as_take=True)
    assert placed.answer.state == "sent"
    folder = host.claim()
    assert sorted(each.name for each in folder.iterdir()) == ["place.json", "result.json"]
    wanted = json.loads((folder / "place.json").read_text("utf-8"))
    schemas.check("place", wanted)
    assert (wanted["at"], wanted["as"], wanted["instance"]) == ({"kind": "bar", "bar": 3}, "take", INSTANCE)
    assert wanted["project"] == {"key": "keySong", "file": "/songs/Song.rpp"}
    (part,) = json.loads((folder / "result.json").read_text("utf-8"))["parts"]
    (output,) = part["takes"][0]["outputs"]
    assert (output["frames"], output["sample_rate"], output["name"]) == (441, 44_100, "tone")


def test_what_was_taken_cannot_be_taken_back(host: Host, tone: Path) -> None:
    placement = Placement(host.inbox, open_projects(host.inbox)[0])
    content = files_source([tone])(host.media, placement.folder)
    placement.send(content.result, {"kind": "cursor"}, title="x")
    host.claim()
    assert not placement.withdraw()
    assert placement.answer().state == "sent"


@pytest.mark.parametrize("age_s", [11.0, -11.0, 1e9])
def test_a_watcher_that_says_nothing_is_gone(host: Host, tone: Path, age_s: float) -> None:
    host.tell(age_s=age_s)
    with pytest.raises(NotFound, match=r"No MyDAW watches .* Start its watcher\."):
        send(host, tone)
    assert host.left == []


@pytest.mark.parametrize(
    "more",
    [{"version": 2}, {"name": "other000"}, {"projects": None}, {"projects": [7, {}, {"name": "x"}]},
     {"update_time": "now"}],
)  # fmt: skip
def test_a_presence_that_is_damaged_says_nothing(host: Host, more: dict[str, Any]) -> None:
    host.tell(**more)
    assert open_projects(host.inbox) == []


def test_the_project_is_the_one_that_is_shown_or_named(host: Host) -> None:
    host.projects = [host.project("Song"), host.project("Opera", shown=True), host.project("Opus")]
    host.tell()

    def name(wanted: str | None) -> str:
        return choose_project(host.inbox, wanted, "MyDAW", start=START).name

    assert [name(None), name("Song"), name("song"), name("/songs/Opus.rpp"), name("Opus.rpp")] == [
        "Opera", "Song", "Song", "Opus", "Opus",
    ]  # fmt: skip
    with pytest.raises(Conflict, match=r"2 projects are meant: .*/songs/Opera\.rpp, /songs/Opus\.rpp"):
        name("Op")
    with pytest.raises(
        NotFound, match=r"No MyDAW has 'Waltz' open\. Open it there, or choose one of: /songs/Opera\.rpp"
    ):
        name("Waltz")
    host.tell("efgh5678")
    with pytest.raises(Conflict, match="2 projects are meant"):
        name(None)


def test_an_inbox_that_is_a_link_or_a_file_is_refused(tmp_path: Path, host: Host) -> None:
    project = open_projects(host.inbox)[0]
    link = tmp_path / "link"
    link.symlink_to(host.inbox)
    with pytest.raises(InvalidValue, match="Name the folder itself"):
        Placement(link, project)
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValue, match="inbox is "):
        Placement(tmp_path / "file", project)
    assert host.left == []


def test_links_in_the_inbox_are_not_followed(host: Host, tone: Path, tmp_path: Path) -> None:
    placement = Placement(host.inbox, open_projects(host.inbox)[0])
    placement.send({}, {"kind": "cursor"}, title="x")
    elsewhere = tmp_path / "answer.json"
    elsewhere.write_text('{"state": "placed", "message": "from elsewhere"}', "utf-8")
    (placement.folder / "answer.json").symlink_to(elsewhere)
    assert placement.answer().state == "sent"
    kept = tmp_path / "kept"
    kept.mkdir()
    shutil.copy(tone, kept / "song.wav")
    (host.inbox / f"{placement.id}.link0000").symlink_to(kept)
    placement.discard()
    assert (kept / "song.wav").exists()
    presence = host.inbox / f"presence-{INSTANCE}.json"
    presence.rename(tmp_path / "presence")
    presence.symlink_to(tmp_path / "presence")
    assert open_projects(host.inbox) == []


def test_a_full_disk_leaves_nothing(host: Host, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(placing.shutil, "copyfile", fail)
    with pytest.raises(
        InvalidValue, match=r"The media folder .* cannot be written: No space left on device\. Free some"
    ):
        send(host, tone)
    assert host.left == []


def test_what_is_no_audio_leaves_nothing(host: Host, tone: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("la la", "utf-8")
    with pytest.raises(UnreadableAudio, match=r"text\.wav"):
        send(host, tone, tmp_path / "text.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidValue, match="a folder that holds audio files"):
        send(host, tmp_path / "empty")
    assert host.left == []


def test_a_folder_is_a_folder_of_tracks(host: Host, tone: Path, tmp_path: Path) -> None:
    stems = tmp_path / "Stems of a song"
    stems.mkdir()
    for name in ("drums", "Backing vocals"):
        shutil.copy(tone, stems / f"{name}.wav")
    send(host, stems, wait_s=0)
    folder = host.claim()
    wanted, result = (json.loads((folder / name).read_text("utf-8")) for name in ("place.json", "result.json"))
    assert (wanted["folder"], wanted["title"]) == ("Stems of a song", "Stems of a song")
    outputs = [part["takes"][0]["outputs"][0] for part in result["parts"]]
    assert [(each["role"], each["name"]) for each in outputs] == [("mix", "Backing vocals"), ("drums", "Drums")]


def test_old_answers_and_what_nobody_took_are_removed(host: Host) -> None:
    def make(name: str, age_s: float, state: str | None = None) -> Path:
        folder = host.inbox / name
        folder.mkdir()
        if state:
            (folder / "answer.json").write_text(json.dumps({"state": state}), "utf-8")
        os.utime(folder, (time.time() - age_s,) * 2)
        return folder

    id_, hour_s, day_s = "20261122-210501-1a2b3c4d", 3700.0, 86400.0
    gone = [
        make(f"{id_}.aaaa0001", hour_s, "placed"), make(f"{id_}.aaaa0002", hour_s, "refused"), make(f".{id_}.part", hour_s),
        make(id_, 8 * day_s), make(f"{id_}.aaaa0003", 8 * day_s, "waiting"),
    ]  # fmt: skip
    kept = [
        make(f"{id_}.aaaa0004", 60, "placed"), make(f"{id_}.aaaa0005", 2 * day_s, "waiting"),
        make(f"{id_[:-1]}e", 2 * day_s), make("my folder", 99 * day_s),
    ]  # fmt: skip
    tidy(host.inbox)
    assert [folder for folder in gone if folder.exists()] == []
    assert all(folder.exists() for folder in kept)
    tidy(host.inbox / "not there")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("12.5", {"kind": "seconds", "position_s": 12.5}), ("1:02", {"kind": "seconds", "position_s": 62.0}),
        ("bar 17", {"kind": "bar", "bar": 17}), ("BAR3", {"kind": "bar", "bar": 3}), ("Cursor", {"kind": "cursor"}),
        (" selection", {"kind": "selection"}),
    ],
)  # fmt: skip
def test_where_it_goes(text: str, place: dict[str, Any]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "bar", "bar 0", "-1", "inf", "here", "1e9"])
def test_a_place_that_is_none(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"--at is .*; allowed: seconds, 1:30\.5, bar 17, cursor or selection\."):
        parse_place(text)


def test_the_names_of_folders_are_written_for_watchers_that_ask_for_them(host: Host, tone: Path) -> None:
    assert send(host, tone, wait_s=0).answer.state == "sent"
    assert not (host.inbox / "folders.txt").exists()
    host.tell(reads_names=True)
    schemas.check("presence", json.loads((host.inbox / f"presence-{INSTANCE}.json").read_text("utf-8")))
    before = {path.name for path in host.inbox.iterdir() if path.is_dir()}
    for _ in range(2):
        send(host, tone, wait_s=0)
    sent = {path.name for path in host.inbox.iterdir() if path.is_dir()} - before
    names = (host.inbox / "folders.txt").read_text("ascii").splitlines()
    assert sorted(names) == sorted(sent)


def test_a_list_of_names_goes_when_none_of_its_folders_is_left(host: Host, tone: Path) -> None:
    host.tell(reads_names=True)
    send(host, tone, wait_s=0)
    names, an_hour_ago = host.inbox / "folders.txt", time.time() - 3700
    os.utime(names, (an_hour_ago, an_hour_ago))
    tidy(host.inbox)
    assert names.exists()
    for path in [path for path in host.inbox.iterdir() if path.is_dir()]:
        shutil.rmtree(path)
    tidy(host.inbox)
    assert not names.exists()


def test_a_list_of_names_that_is_damaged_goes_too(host: Host) -> None:
    (host.inbox / "folders.txt").write_bytes(b"a/b . .. ../inbox \0 \xff 20260101-120000-abcd12\n")
    an_hour_ago = time.time() - 3700
    os.utime(host.inbox / "folders.txt", (an_hour_ago, an_hour_ago))
    tidy(host.inbox)
    assert not (host.inbox / "folders.txt").exists()


def test_a_list_of_names_is_written_through_no_link(host: Host, tone: Path, tmp_path: Path) -> None:
    host.tell(reads_names=True)
    aim = tmp_path / "aim.txt"
    aim.write_text("mine\n", "utf-8")
    (host.inbox / "folders.txt").symlink_to(aim)
    with pytest.raises(InvalidValue):
        send(host, tone, wait_s=0)
    assert aim.read_text("utf-8") == "mine\n"
    assert [path.name for path in host.inbox.iterdir() if path.is_dir()] == []
