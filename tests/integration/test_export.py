"""``acebridge export`` with a real daemon: jobs of every shape as projects, read back with other programs."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from pathlib import Path
from typing import Any

import aaf2
import numpy as np
import pytest
import rpp
import soundfile
from lxml import etree

from tests.support.daemon import song as noise
from tests.support.paths import ROOT
from tests.support.shell import Shell

RATE_HZ = 44_100


@pytest.fixture(autouse=True)
def _song(shell: Shell) -> None:
    """A song of 4 s at 44.1 kHz."""
    soundfile.write(shell.folder / "My Söng.wav", noise(4, rate_hz=RATE_HZ), RATE_HZ, subtype="FLOAT")


def tracks_of(file: Path) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Name, mute and items of each track of a REAPER project; an item has its frames, and the files of its takes."""

    def item(element: Any) -> dict[str, Any]:
        return {
            "at": round(float(element.find("POSITION")[1]) * RATE_HZ),
            "frames": round(float(element.find("LENGTH")[1]) * RATE_HZ),
            "files": [source.find("FILE")[1] for source in element.findall("SOURCE")],
        }

    root = rpp.loads(file.read_text("utf-8"))
    return [
        (track.find("NAME")[1], track.find("MUTESOLO")[1], [item(each) for each in track.findall("ITEM")])
        for track in root.findall("TRACK")
    ]


def test_takes_of_a_repaint_and_its_song(shell: Shell) -> None:
    made = shell.json(
        "repaint", "My Söng.wav", "--start", "1", "--end", "2", "--takes", "2", "--seed", "7", "-o", "new.wav"
    )
    assert shell.run("export", made["job_id"][:12], "-o", "Re Paint.rpp").stdout == "Re Paint.rpp  (project)\n"
    source, result = tracks_of(shell.folder / "Re Paint.rpp")
    media = "Re Paint audio"
    whole = 4 * RATE_HZ
    assert source == ("My Söng", "1", [{"at": 0, "frames": whole, "files": [f"{media}/My Söng.wav"]}])
    takes = [f"{media}/mix take 1 7.wav", f"{media}/mix take 2 8.wav"]
    assert result == ("Repaint", "0", [{"at": 0, "frames": whole, "files": takes}])
    for take, own in zip(takes, ("new.wav", "new-2.wav"), strict=True):
        assert (shell.folder / take).read_bytes() == (shell.folder / own).read_bytes()
    root = rpp.loads((shell.folder / "Re Paint.rpp").read_text("utf-8"))
    region = next(row for row in root.findall("MARKER") if row[3] == "Repaint region")
    assert (float(region[2]), region[4]) == (1.0, "1")

    before = shell.files()
    shell.run("export", made["job_id"], "-o", "Re Paint.rpp")
    assert shell.files() == before, "the audio that is there already is used"


def test_stems_lie_in_a_folder_and_sum_to_their_song(shell: Shell) -> None:
    made = shell.json("extract", "My Söng.wav", "-t", "drums", "-o", "stems/")
    shell.run("export", made["job_id"], "-o", "stems.dawproject", "--bpm", "100", "--time-signature", "3/4")
    archive = zipfile.ZipFile(shell.folder / "stems.dawproject")
    root = etree.fromstring(archive.read("project.xml"))
    assert float(root.find("Transport/Tempo").get("value")) == 100
    source, stems, _ = root.findall("Structure/Track")
    assert (source.get("name"), source.find("Channel/Mute").get("value")) == ("My Söng", "true")
    looks = [(track.get("name"), track.get("color")) for track in stems.findall("Track")]
    assert looks == [("Drums", "#ef4444"), ("Other", "#94a3b8")]
    audio = {
        Path(name).stem: soundfile.read(io.BytesIO(archive.read(name)))[0]
        for name in archive.namelist()
        if name.endswith(".wav")
    }
    parts = [samples for name, samples in audio.items() if name != "My Söng"]
    assert np.abs(sum(parts) - audio["My Söng"]).max() < 1e-6


def test_layers_play_with_their_source(shell: Shell) -> None:
    made = shell.json("lego", "My Söng.wav", "-t", "bass", "--start", "1", "--end", "3", "-o", "bass.wav")
    shell.run("export", made["job_id"], "-o", "layer.aaf")
    with aaf2.open(str(shell.folder / "layer.aaf")) as file:
        (composition,) = file.content.toplevel()
        slots = {slot.name: sum(part.length for part in slot.segment.components) for slot in composition.slots}
    layer = next(each for each in made["outputs"] if each["role"] == "bass")
    end = layer["start_frame"] + layer["frames"]
    assert slots["My Söng.L"] == slots["My Söng.R"] == 4 * RATE_HZ
    assert slots["Bass.L"] == slots["Bass.R"] == end


def test_music_before_the_song_moves_everything_behind_it(shell: Shell) -> None:
    made = shell.json("repaint", "My Söng.wav", "--start", "-2", "--end", "0", "-o", "longer.wav")
    (output,) = made["outputs"]
    assert output["start_frame"] == -2 * RATE_HZ
    shell.run("export", made["job_id"], "-o", "longer.rpp")
    source, result = tracks_of(shell.folder / "longer.rpp")
    assert source[2][0]["at"] == 2 * RATE_HZ
    assert result[2][0]["at"] == 0


def test_files_are_named_where_they_are(shell: Shell) -> None:
    done = shell.run("export", "My Söng.wav", "-o", "sub/x.rpp")
    assert done.stderr == "warning: The tempo is not known: the project has 120. Give it with --bpm.\n"
    (track,) = tracks_of(shell.folder / "sub" / "x.rpp")
    assert track[2][0]["files"] == [str(shell.folder / "My Söng.wav")]
    shell.run("export", "My Söng.wav", "-o", "x.rpp", "--bpm", "99.5")
    (track,) = tracks_of(shell.folder / "x.rpp")
    assert track[2][0]["files"] == ["My Söng.wav"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["My Söng.wav", "-o", "x.als"], "--out is 'x.als'; allowed: a name that ends in .rpp, .dawproject, .aaf."),
        (["none.wav", "-o", "x.rpp"], "none.wav does not exist. Check the path."),
        (["abcdef", "-o", "x.rpp"], "There is no job 'abcdef'. List the jobs to see their ids."),
        (
            ["My Söng.wav", "-o", "x.rpp", "--time-signature", "3/5"],
            "--time-signature is '3/5'; allowed: 1 to 64 beats over 1, 2, 4, 8, 16",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(shell: Shell, arguments: list[str], says: str) -> None:
    before = shell.files()
    done = shell.run("export", *arguments, code=2)
    assert says in done.stderr
    assert shell.files() == before


def test_a_job_that_answers_in_words_has_no_project(shell: Shell) -> None:
    made = shell.json("understand", "My Söng.wav")
    done = shell.run("export", made["job_id"], "-o", "x.rpp", code=2)
    assert "has no audio" in done.stderr
    assert not (shell.folder / "x.rpp").exists()


def test_the_page_runs_from_top_to_bottom(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "projects.md").read_text("utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for line in commands.strip().splitlines():
        shell.run(*shlex.split(line)[1:])
    monkeypatch.chdir(shell.folder)
    exec(example, {})
    assert {"song.dawproject", "song.aaf"} <= shell.files()
