"""The panel's endpoints with a real daemon: audio into an open project, projects to download, the session of OSC."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import rpp
import soundfile

from acebridge.client.client import Client
from acebridge.hosts.jobfolder import VERSION
from tests.support.daemon import Daemon, create_tone_job, daemon_at, expected_tone, until
from tests.support.osc import osc_peer, port_of
from tests.support.panel import Panel, panel_beside


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with an OSC bridge; programs beside it find an inbox of REAPER in a folder of their own."""
    home = tmp_path_factory.mktemp("panel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        with daemon_at(home, step_ms=5, config="[osc]\nport = 0\n") as daemon:
            yield daemon


@pytest.fixture(scope="module")
def panel(daemon: Daemon) -> Iterator[Panel]:
    with panel_beside(daemon) as panel:
        yield panel


def open_project(daemon: Daemon, tmp_path: Path) -> Path:
    """Have a REAPER show a project whose media folder is empty, and return its inbox. What it says counts for some seconds."""
    inbox = daemon.home / "config" / "REAPER" / "AceBridge" / "inbox"
    inbox.mkdir(parents=True, mode=0o700, exist_ok=True)
    project = {"key": "7", "name": "Song", "file": str(tmp_path / "Song.rpp"), "media": str(tmp_path), "shown": True}
    state = {
        "version": VERSION, "instance": "abcd1234", "update_time": time.time() + 5, "host": {"name": "REAPER"},
        "projects": [project],
    }  # fmt: skip
    (inbox / "presence-abcd1234.json").write_text(json.dumps(state))
    return inbox


def make_tone(client: Client, seed: int) -> tuple[str, str]:
    """The id of a job that has made half a second of tone, and that of its audio."""
    job_id = create_tone_job(client, 0.5, seed=seed)
    events = list(client.watch(job_id))
    return job_id, events[-1].completed.takes[0].outputs[0].asset_id


@pytest.mark.parametrize(
    ("name", "file_name"),
    [("Warm bass", "Warm bass"), ("Take 2.1", "Take 2.1"), ('../../v"i\nl\0e', "v i le"), (".", "audio")],
)
def test_a_take_lands_on_a_track_of_the_open_project(
    panel: Panel, daemon: Daemon, client: Client, tmp_path: Path, name: str, file_name: str
) -> None:
    _, asset_id = make_tone(client, 8101)
    inbox = open_project(daemon, tmp_path)

    def watch() -> dict[str, Any]:
        """What the watcher in REAPER does with what it finds, as far as its sender sees it."""
        (folder,) = until(lambda: [each for each in inbox.iterdir() if (each / "place.json").exists()], "a placement")
        claim = folder.with_name(f"{folder.name}.abcd1234")
        folder.rename(claim)
        placed: dict[str, Any] = json.loads((claim / "place.json").read_text()) | json.loads(
            (claim / "result.json").read_text()
        )
        answer = {"state": "placed", "message": "It is on a track.", "position_s": 2.5}
        (claim / "part").write_text(json.dumps(answer))
        (claim / "part").rename(claim / "answer.json")
        return placed

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        fields = {"asset_id": asset_id, "project_id": "reaper:abcd1234:7", "position_s": 2.5, "name": name}
        answer = panel.post("/panel/api/place", fields)
        placed = watching.result()
    assert answer.status == 200, answer.body
    assert answer.json == {"state": "placed", "message": "It is on a track.", "position_s": 2.5}
    assert placed["at"] == {"kind": "seconds", "position_s": 2.5}
    (output,) = placed["parts"][0]["takes"][0]["outputs"]
    file = Path(output["file"])
    assert file.name == f"{file_name}.wav"
    assert file.read_bytes() == b"".join(client.download(asset_id))


def test_a_project_that_was_closed_and_a_daw_that_refuses_are_said(
    panel: Panel, daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    _, asset_id = make_tone(client, 8102)
    inbox = open_project(daemon, tmp_path)
    fields: dict[str, Any] = {"asset_id": asset_id, "project_id": "reaper:gone1234:7"}
    answer = panel.post("/panel/api/place", fields)
    assert (answer.status, answer.json["error"]["message"]) == (404, "This project is not open any more.")
    assert not [each for each in inbox.iterdir() if each.is_dir()]
    for position_s in (-3, 10**400):
        answer = panel.post("/panel/api/place", {**fields, "project_id": "reaper:abcd1234:7", "position_s": position_s})
        assert (answer.status, answer.json["error"]["details"]["field"]) == (400, "position_s")


def test_a_job_becomes_a_project_of_each_kind(panel: Panel, client: Client) -> None:
    job_id, asset_id = make_tone(client, 8103)
    for form, names in (("dawproject", {"project.xml", "metadata.xml"}), ("rpp", set()), ("aaf", set())):
        made = panel.post("/panel/api/export", {"job_id": job_id, "format": form})
        assert made.status == 200, made.body
        file = panel.get(made.json["url"], key="")
        assert file.status == 200
        assert "attachment" in file.headers["content-disposition"]
        if form == "aaf":
            assert file.body[:8] == bytes.fromhex("d0cf11e0a1b11ae1")  # a structured storage, as AAF files are
            continue
        archive = zipfile.ZipFile(io.BytesIO(file.body))
        assert names <= set(archive.namelist())
        if form == "rpp":
            (project,) = (name for name in archive.namelist() if name.endswith(".rpp"))
            text = archive.read(project).decode()
            (source,) = {each.find("FILE")[1] for each in rpp.loads(text).iter("SOURCE")}
            assert archive.read(source) == b"".join(client.download(asset_id))
            samples, _ = soundfile.read(io.BytesIO(archive.read(source)), dtype="float32", always_2d=True)
            assert (samples == expected_tone(8103, 0.5)).all()
    refused = panel.post("/panel/api/export", {"job_id": job_id, "format": "mp3"}).json["error"]
    assert "dawproject, rpp, aaf" in refused["message"]
    assert panel.post("/panel/api/export", {"job_id": "f" * 32, "format": "rpp"}).status == 404


def test_the_session_of_osc_is_shown_and_set(panel: Panel, daemon: Daemon) -> None:
    with osc_peer(port_of(daemon.home)) as peer:
        peer.send("/acebridge/session/clear")
        peer.send("/acebridge/session/bpm", "f", 96.5)
        assert peer.session() == {"bpm": 96.5}
        fields = {field["name"]: field for field in panel.get("/panel/api/osc").json["fields"]}
        assert fields["bpm"]["value"] == 96.5
        assert fields["bpm"]["allowed"] == "30 to 300 beats per minute"
        assert "value" not in fields["caption"] or fields["caption"]["value"] is None
        seed = 2**32 - 1  # no whole number of OSC holds it
        answer = panel.post("/panel/api/osc", {"caption": "warm soul", "bpm": "", "seed": seed, "takes": 3})
        assert answer.status == 200, answer.body
        assert peer.session() == {"caption": "warm soul", "takes": 3} | {"seed": peer.session()["seed"]}
        held = {field["name"]: field.get("value") for field in answer.json["fields"]}
        assert (held["caption"], held["takes"], held["seed"]) == ("warm soul", 3, seed)
        refused = panel.post("/panel/api/osc", {"takes": 99}).json["error"]
        assert "1 to 8" in refused["message"]
        assert panel.post("/panel/api/osc", {"mood": "warm"}).status == 400
        assert panel.get("/panel/api/hosts").json["osc"]["port"] == port_of(daemon.home)
