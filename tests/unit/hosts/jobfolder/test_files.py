"""Names and paths on the way between REAPER and the command, and files that are whole whenever they are read."""

from __future__ import annotations

import json
import os
import threading
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.colours import TRACK_COLOURS
from acebridge.contract.tasks import RPCS
from acebridge.file_names import file_name
from acebridge.hosts.jobfolder import outputs
from acebridge.hosts.jobfolder.json_files import write_json
from acebridge.hosts.jobfolder.request import Part, parse_request
from acebridge.hosts.jobfolder.status import Status, read_status
from acebridge.hosts.jobfolder.urls import folder_of
from acebridge.role_names import ROLE_NAMES
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TRACKS

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40).map(lambda t: f"/{t}")
NAMES = st.text(st.characters(), max_size=200)
PROPERTY = settings(deadline=None, max_examples=100)


@PROPERTY
@given(PATHS)
def test_a_folder_comes_through_a_url(path: str) -> None:
    url = "file://" + urllib.parse.quote(path)
    assert url.isascii()
    assert not set(url) & set(" \"'\n")
    assert folder_of(url, windows=False) == path == urllib.request.url2pathname(urllib.parse.quote(path))
    assert folder_of(path, windows=False) == path


@PROPERTY
@given(
    st.text(st.characters(exclude_characters='\0/\\:*?"<>|', exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
)
def test_a_windows_folder_comes_through_a_url(name: str) -> None:
    assert folder_of("file:///C:/" + urllib.parse.quote(name), windows=True) == f"C:\\{name}"
    assert folder_of("file:///c%3A/" + urllib.parse.quote(name), windows=True) == f"c:\\{name}"
    assert folder_of("file://nas/share/" + urllib.parse.quote(name), windows=True) == f"\\\\nas\\share\\{name}"


def test_urls_of_a_windows_path_as_python_writes_them() -> None:
    for path in ('C:\\Users\\기타 🎸\\100% "x".part', "\\\\server\\share\\a b"):
        assert folder_of(PureWindowsPath(path).as_uri(), windows=True) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("FILE:///a/b", "/a/b"), ("file:/a/b", "/a/b"), ("file://localhost/a%20b", "/a b"), ("file:///a+b%2Bc", "/a+b+c"),
        ("file:///%ff", os.fsdecode(b"/\xff")), ("file:///100%", "/100%"), ("C:\\x", "C:\\x"), ("filed/x", "filed/x"),
    ],
)  # fmt: skip
def test_forms_of_urls(url: str, path: str) -> None:
    assert folder_of(url, windows=False) == path


@pytest.mark.parametrize(
    ("url", "windows"), [("file://else/x", False), ("file:", False), ("file:///a%00b", False), ("file:///%ff", True)]
)
def test_urls_that_name_no_folder(url: str, windows: bool) -> None:
    with pytest.raises(InvalidValue, match="FOLDER is"):
        folder_of(url, windows=windows)


def request(title: str = "", action: str = "add layer") -> object:
    part = {"task": "understand", "source": {"file": "x"}}
    return parse_request({"version": 1, "title": title, "action": action, "parts": [part]}, Path("/jobs/x"))


@PROPERTY
@given(NAMES, st.sampled_from(["mix", "other", *TRACKS]), st.integers(0, 2**32 - 1))
def test_names_of_files_keep_role_and_seed(
    tmp_path_factory: pytest.TempPathFactory, title: str, role: str, seed: int
) -> None:
    name = outputs.media_name(request(title), role, seed)
    assert name.startswith("AceBridge ")
    assert name.endswith(f" {role.replace('_', ' ')} {seed}")
    assert len(name) <= 100
    assert name == file_name(name)
    folder = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    file = outputs.reserve_file(folder, name)  # this system takes it, too
    file.unlink()


def test_what_an_untitled_job_is_called() -> None:
    assert outputs.media_name(request(), "mix", 7) == "AceBridge add layer mix 7"
    assert outputs.media_name(request("???"), "mix", 7) == "AceBridge add layer mix 7"
    assert outputs.media_name(request("", ""), "backing_vocals", 7) == "AceBridge backing vocals 7"


def test_many_at_once_get_a_name_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        files = list(pool.map(lambda _: outputs.reserve_file(tmp_path, "a"), range(40)))
    assert {file.name for file in files} == {"a.wav", *(f"a ({n}).wav" for n in range(2, 41))}


def test_names_of_tracks_and_takes() -> None:
    assert set(ROLE_NAMES) == {*TRACKS, "other"}
    assert set(TRACK_COLOURS) == set(TRACKS)
    titled = request("Repaint")
    long = "bright piano\nand " + "x" * 100
    named = outputs.track_name(titled, Part("cover", fields={"music": {"caption": long}}), "mix", {"caption": "found"})
    assert named == "bright piano and " + "x" * 42 + "…"
    assert len(named) == 60
    assert outputs.track_name(titled, Part("cover", label="L"), "mix", {"caption": "found"}) == "found"
    assert outputs.track_name(titled, Part("cover", label="L"), "mix", {}) == "L"
    assert outputs.track_name(titled, Part("cover"), "mix", {"caption": " "}) == "Repaint"
    assert outputs.track_name(request(), Part("cover"), "mix", {}) == "AceBridge"
    assert outputs.track_name(titled, Part("lego", label="L"), "backing_vocals", {}) == "Backing vocals"


def test_rpcs_are_named_as_their_tasks() -> None:
    assert {kind.__name__: name for name, kind in TASKS.items()} == RPCS


def test_status_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    status = Status(tmp_path)
    done, seen = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            seen.append(json.loads((tmp_path / "status.json").read_text("utf-8"))["stage"])

    reader = threading.Thread(target=read)
    reader.start()
    stages = [f"{n} {'가' * (n % 500)}" for n in range(400)]
    for stage in stages:
        status.tell(stage=stage)
        status._write()
    done.set()
    reader.join()
    assert set(seen) <= {"starting", *stages}
    assert len(set(seen)) > 3
    assert [file.name for file in tmp_path.iterdir()] == ["status.json"]


def test_status_is_written_seldom_but_always_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("acebridge.hosts.jobfolder.status.time.monotonic", lambda: now[0])
    status = Status(tmp_path)
    written = []
    monkeypatch.setattr(
        "acebridge.hosts.jobfolder.status.write_json", lambda _, fields: written.append(fields["fraction"])
    )
    for step in range(1000):  # ten seconds: five with news, five without
        now[0] += 0.01
        if step < 500:
            status.tell(fraction=step / 1000)
        status.beat()
    assert 40 <= len(set(written)) <= 51
    assert written[-1] == 0.499
    assert written.count(0.499) >= 5


def test_a_status_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_status(tmp_path) == {}
    for text in ("", "{", "[]"):
        (tmp_path / "status.json").write_text(text)
        assert read_status(tmp_path) == {}


def test_a_folder_that_is_gone_does_not_come_back(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="cannot be written"):
        write_json(tmp_path / "gone" / "status.json", {})
    assert not (tmp_path / "gone").exists()


def test_a_lone_surrogate_in_a_message_is_no_hindrance(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"message": "a\udcffb"})
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == {"message": "a?b"}
