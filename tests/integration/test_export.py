"""``acebridge export`` with a real daemon: jobs of every shape as projects, read back with other programs."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aaf2
import numpy as np
import pytest
import rpp
import soundfile
from lxml import etree

from acebridge.atomic_files import write_whole
from acebridge.client import asset_folder
from acestep_runtime.errors import InvalidValue
from acestep_runtime.temporary_files import temporary_path
from tests.support.daemon import song as noise
from tests.support.paths import ROOT
from tests.support.shell import FAKE, Shell
from tests.support.songs import toml

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
        "repaint", "My Söng.wav", "--start", "1", "--end", "2", "--takes", "2", "--seed", "7", "-o", "new.wav", *FAKE
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asset_folder, "hash_file", lambda path: pytest.fail(f"{path} is read again"))
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
    made = shell.json(
        "lego", "My Söng.wav", "-t", "bass", "--start", "1", "--end", "3", "-s", "7", "-o", "bass.wav", *FAKE
    )
    shell.run("export", made["job_id"], "-o", "layer.aaf")
    with aaf2.open(str(shell.folder / "layer.aaf")) as file:
        (composition,) = file.content.toplevel()
        slots = {slot.name: sum(part.length for part in slot.segment.components) for slot in composition.slots}
    layer = next(each for each in made["outputs"] if each["role"] == "bass")
    end = layer["start_frame"] + layer["frames"]
    assert slots["My Söng.L"] == slots["My Söng.R"] == 4 * RATE_HZ
    assert slots["Bass.L"] == slots["Bass.R"] == end


def test_music_before_the_song_moves_everything_behind_it(shell: Shell) -> None:
    made = shell.json("repaint", "My Söng.wav", "--start", "-2", "--end", "0", "-o", "longer.wav", *FAKE)
    (output,) = made["outputs"]
    assert output["start_frame"] == -2 * RATE_HZ
    shell.run("export", made["job_id"], "-o", "longer.rpp")
    source, result = tracks_of(shell.folder / "longer.rpp")
    assert source[2][0]["at"] == 2 * RATE_HZ
    assert result[2][0]["at"] == 0


def looks_of(file: Path) -> list[tuple[str, str]]:
    """Name and mute of each track of a REAPER project."""
    return [(name, mute) for name, mute, _ in tracks_of(file)]


def test_several_jobs_are_one_project_in_which_each_thing_plays_once(shell: Shell) -> None:
    cover = shell.json("cover", "My Söng.wav", "-c", "jazz", "--seed", "5", "-o", "one.wav", *FAKE)["job_id"]
    other = shell.json("cover", "My Söng.wav", "-c", "folk", "--seed", "6", "-o", "two.wav", *FAKE)["job_id"]
    layer = shell.json("lego", "My Söng.wav", "-t", "bass", "-s", "7", "-o", "bass.wav", *FAKE)["job_id"]
    shell.run("export", cover, other[:12], layer, cover, "-o", "all.rpp")
    assert looks_of(shell.folder / "all.rpp") == [("My Söng", "1"), ("Cover 1", "0"), ("Cover 2", "1"), ("Bass", "0")]
    files = [items[0]["files"] for _, _, items in tracks_of(shell.folder / "all.rpp")]
    for (file,), own in zip(files, ("My Söng.wav", "one.wav", "two.wav", "bass.wav"), strict=True):
        assert soundfile.read(shell.folder / file)[0].tobytes() == soundfile.read(shell.folder / own)[0].tobytes()
    stems = shell.json("extract", "one.wav", "-t", "drums", "-o", "stems/")["job_id"]
    shell.run("export", cover, stems, "-o", "chain.rpp")
    assert looks_of(shell.folder / "chain.rpp") == [
        ("My Söng", "1"), ("Cover", "1"), ("Stems", "0"), ("Drums", "0"), ("Other", "0"),
    ], "a source that is a result of another job is there once"  # fmt: skip


def test_jobs_and_files_together_are_refused_before_anything_is_fetched(shell: Shell) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "-o", "new.wav")["job_id"]
    before = shell.files()
    said = shell.failure("export", made, "My Söng.wav", "-o", "x.rpp")
    assert "a project holds jobs or files. Write a project for each, or give all of them as files." in said
    assert shell.files() == before


def test_audio_that_was_edited_keeps_its_name(shell: Shell) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "--seed", "3", "-o", "new.wav")
    shell.run("export", made["job_id"], "-o", "x.rpp")
    audio = shell.folder / "x audio" / "mix 3.wav"
    edited = bytes(reversed(audio.read_bytes()))  # as long as before
    audio.write_bytes(edited)
    shell.run("export", made["job_id"], "-o", "x.rpp")
    assert audio.read_bytes() == edited
    assert audio.with_name("mix 3 (2).wav").read_bytes() == (shell.folder / "new.wav").read_bytes()
    for broken in ("[broken", 100_000 * "["):
        audio.with_name(asset_folder.TABLE).write_text(broken)
        shell.run("export", made["job_id"], "-o", "x.rpp")
    assert len(list(audio.parent.glob("*.wav"))) == 2


def test_audio_that_is_edited_while_more_is_fetched_is_not_taken_for_the_original(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "--seed", "3", "-n", "2", "-o", "new.wav")
    audio = [shell.folder / "x audio" / f"mix take {take} {seed}.wav" for take, seed in ((1, 3), (2, 4))]

    def write_and_edit(path: Path, pieces: Iterable[bytes]) -> None:
        write_whole(path, pieces)
        if path.name == audio[1].name:
            edited = bytearray(audio[0].read_bytes())
            edited[len(edited) // 2] ^= 1
            audio[0].write_bytes(edited)

    with monkeypatch.context() as patch:
        patch.setattr(asset_folder, "write_whole", write_and_edit)
        shell.run("export", made["job_id"], "-o", "x.rpp")
    shell.run("export", made["job_id"], "-o", "x.rpp")
    ((_, _, (item,)),) = tracks_of(shell.folder / "x.rpp")
    for file, own in zip(item["files"], ("new.wav", "new-2.wav"), strict=True):
        assert (shell.folder / file).read_bytes() == (shell.folder / own).read_bytes()


def test_what_a_killed_command_left_unfinished_is_removed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "-o", "new.wav")["job_id"]
    shell.run("export", made, "-o", "x.rpp")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: ended.pid)
        left = [temporary_path(shell.folder / name) for name in ("x.rpp", "x audio/mix.wav")]
    for path in left:
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    shell.run("export", made, "-o", "x.rpp")
    assert [path.exists() for path in left] == [False, False]


def test_a_job_that_failed_says_so(shell: Shell) -> None:
    shell.run("generate", "fail", "-e", "fake", "--duration", "0.5", "-o", "x.wav", code=4)
    failed = shell.json("jobs")[0]["id"]
    said = shell.failure("export", failed, "-o", "x.rpp")
    assert said == (
        f"Job {failed} failed before it had made any audio: The fake engine failed as asked."
        f" Ask for something else. `acebridge jobs again {failed[:12]}` does it once more."
    )


def test_a_place_that_cannot_be_written_is_said_before_audio_is_fetched(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "-o", "new.wav")["job_id"]
    monkeypatch.setattr(asset_folder, "fetch_assets", lambda *_: pytest.fail("audio is fetched"))
    (shell.folder / "folder.rpp").mkdir()
    for out, reason in (
        ("new.wav/x.aaf", "cannot be written: "),
        ("folder.rpp", "folder.rpp is a folder."),
        ("a'b\"c`d.rpp", "A REAPER project cannot name the folder a'b\"c`d audio. Choose another name with -o"),
    ):
        assert reason in shell.failure("export", made, "-o", out)


def test_a_disk_that_fills_up_leaves_no_empty_folder(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shell.json("generate", "soul", "-e", "fake", "--duration", "0.5", "-o", "new.wav")["job_id"]

    def fail(*_: object, **__: object) -> None:
        (shell.folder / "x audio").mkdir()
        raise InvalidValue("--out", "x", "a folder that can be written", message="The disk is full.")

    monkeypatch.setattr(asset_folder, "write_whole", fail)
    before = shell.files()
    assert "in the environment variable TMPDIR." in shell.failure("export", made, "-o", "x.aaf")
    (shell.folder / "x audio").rmdir()
    assert "The disk is full." in shell.failure("export", made, "-o", "x.rpp")
    assert not (shell.folder / "x audio").exists()
    assert shell.files() == before


def test_a_song_from_sections_has_tempo_meter_regions_and_takes(shell: Shell) -> None:
    plan = toml(("Verse", "Chorus"), takes=2).replace("bpm = 240", "bpm = 180\ntime_signature = 3")
    (shell.folder / "plan.toml").write_text(plan)
    assert "There is no finished song in plan.song" in shell.failure("export", "plan.toml", "-o", "x.rpp")
    song = shell.json("song", "plan.toml")
    shell.run("export", "plan.toml", "-o", "x.rpp")
    root = rpp.loads((shell.folder / "x.rpp").read_text("utf-8"))
    assert root.find("TEMPO") == ["TEMPO", "180", "3", "4"]
    assert [row[2:4] for row in root.findall("MARKER")] == [["0", "Verse"], ["1", ""], ["1", "Chorus"], ["2", ""]]
    (_, _, (whole,)), (name, mute, items) = tracks_of(shell.folder / "x.rpp")
    assert (name, mute) == ("Takes", "1")
    second = 44_100  # of `tracks_of`
    assert (whole["files"], whole["at"], whole["frames"]) == (["plan.song/song.wav"], 0, 2 * second)
    assert [(item["at"], item["frames"], len(item["files"])) for item in items] == [(0, second, 2), (second, second, 2)]
    for item, row in zip(items, song["sections"], strict=True):
        chosen = row["takes"][row["take"] - 1]
        assert item["files"][0] == f"plan.song/{chosen['file']}"
    offsets = [
        float(row[1])
        for track in root.findall("TRACK")[1:]
        for each in track.findall("ITEM")
        for row in each.findall("SOFFS")
    ]
    assert offsets == [take["first_frame"] / 48_000 for row in song["sections"] for take in row["takes"]]
    shell.run("export", "plan.song", "-o", "x.aaf")
    said = shell.failure("export", "plan.song", "My Söng.wav", "-o", "y.rpp")
    assert "a project holds one song and nothing else." in said


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


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "projects.md").read_text("utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for line in commands.strip().splitlines():
        shell.run(*shlex.split(line)[1:])
    monkeypatch.chdir(shell.folder)
    exec(example, {})
    assert {"song.dawproject", "song.aaf"} <= shell.files()
