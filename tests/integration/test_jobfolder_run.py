"""``acebridge host run``: from a request in a folder to files, names and places, for every kind of task."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acestep_runtime.audio import decode
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import PATIENCE_S, Daemon, song, until, write_wav
from tests.support.job_folders import HELD, HELD_SEED, RATE_HZ, Job, outputs, part
from tests.support.schemas import FOLDER
from tests.support.shell import Shell


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_repaint_comes_back_whole_and_exactly_placed(job: Job, daemon: Daemon) -> None:
    job.ask(part(start_s=0.5, end_s=1.25, crossfade_ms=10, music={"caption": "brighter piano"}, output={"seeds": [7]}))
    result = job.run(daemon)
    assert {key: result[key] for key in ("version", "id", "engine", "warnings")} == {
        "version": 1, "id": job.folder.name, "engine": "fake", "warnings": [],
    }  # fmt: skip
    assert result["total_s"] > 0
    ((take,),) = (p["takes"] for p in result["parts"])
    assert (take["take"], take["seed"], take["metadata"]["bpm"]) == (1, 7, 120)
    (output,) = take["outputs"]
    file = job.media / "AceBridge Repaint time selection mix 7.wav"
    stat = file.stat()
    assert output.pop("written") == [stat.st_size, stat.st_mtime_ns]
    assert len(output.pop("seal")) == 64
    assert output == {
        "file": str(file), "role": "mix", "name": "brighter piano", "colour": "", "sample_rate": RATE_HZ, "channels": 2,
        "frames": 2 * RATE_HZ, "start_frame": 0, "position_s": 12.5, "length_s": 2.0, "fade_in_s": 0.0,
        "fade_out_s": 0.0, "asset_id": "",
    }  # fmt: skip
    old, new = decode.read(job.folder / "source-1.wav"), decode.read(file)
    changed = np.flatnonzero((old != new).any(axis=1))
    fade = round(0.01 * RATE_HZ)
    assert (changed[0], changed[-1] + 1) == (round(0.5 * RATE_HZ) - fade, round(1.25 * RATE_HZ) + fade)
    status = job.status
    assert {key: status[key] for key in ("version", "state", "fraction", "reason", "message", "part", "parts")} == {
        "version": 1, "state": "done", "fraction": 1.0, "reason": "", "message": "", "part": 0, "parts": 1,
    }  # fmt: skip
    assert len(status["job_id"]) == 32
    assert job.media_files == {file.name}
    assert {f.name for f in job.folder.iterdir()} == {
        "request.json", "source-1.wav", "status.json", "result.json", "log.txt",
    }  # fmt: skip


def test_what_starts_before_or_inside_of_its_source_is_placed_there(job: Job, daemon: Daemon) -> None:
    fields = {"crossfade_ms": 0, "output": {"seeds": [1]}}
    job.ask(
        part(start_s=-0.5, end_s=0, at=30.0, **fields),
        part(start_s=0.5, end_s=1.0, scope="SCOPE_REGION", at=1 / 3, **fields),
    )
    before, region = outputs(job.run(daemon))
    assert (before["start_frame"], before["position_s"]) == (-RATE_HZ // 2, 29.5)
    assert (region["start_frame"], region["frames"]) == (RATE_HZ // 2, RATE_HZ // 2)
    assert region["position_s"] == 1 / 3 + (RATE_HZ // 2) / RATE_HZ
    assert before["file"] != region["file"]


@pytest.mark.parametrize("task", ["text2music", "repaint"])
def test_of_takes_to_choose_from_only_the_chosen_lie_in_the_media_folder(job: Job, daemon: Daemon, task: str) -> None:
    fields = {"start_s": 0.5, "end_s": 1.0} if task == "repaint" else {"duration_s": 0.5}
    output = {"seeds": [10, 80, 30, 20], "tries": 4, "takes": 2, "auto_score": True}
    chosen = part(task, source=task == "repaint", music={"caption": "score"}, output=output, **fields)
    result = job.ask(chosen).run(daemon)
    assert [take["seed"] for take in result["parts"][0]["takes"]] == [80, 30]
    files = [Path(output["file"]) for output in outputs(result)]
    assert job.media_files == {file.name for file in files}
    assert [file.stem.split()[-1] for file in files] == ["80", "30"]
    if task == "repaint":
        assert all(decode.read(file).shape == (2 * RATE_HZ, 2) for file in files)


def test_layers_come_as_tracks_with_names_colours_and_fades(job: Job, daemon: Daemon) -> None:
    job.ask(
        part(
            "lego",
            tracks=["drums", "backing_vocals", "fx"],
            scope="region",
            start_s=0.5,
            end_s=0.51,
            output={"seeds": [3, 9], "takes": 2},
        ),
        title="",
        action="add layer",
    )
    result = job.run(daemon)
    assert [(take["take"], take["seed"]) for take in result["parts"][0]["takes"]] == [(1, 3), (2, 9)]
    made = outputs(result)
    assert [(o["name"], o["colour"]) for o in made[:3]] == [
        ("Drums", "#ef4444"), ("Backing vocals", "#ec4899"), ("FX", "#8b5cf6"),
    ]  # fmt: skip
    assert all(o["fade_in_s"] == o["fade_out_s"] == pytest.approx(o["length_s"] / 2) == 0.005 for o in made)
    assert job.media_files == {
        f"AceBridge add layer {role} {seed}.wav" for role in ("drums", "backing vocals", "fx") for seed in (3, 9)
    }


def test_stems_join_on_as_they_are(job: Job, daemon: Daemon) -> None:
    job.ask(part("extract", tracks=["bass"]), media={"folder": str(job.media), "format": "pcm16"}, engine="draft")
    made = outputs(job.run(daemon))
    assert [(o["role"], o["name"], o["fade_in_s"]) for o in made] == [("bass", "Bass", 0.0), ("other", "Other", 0.0)]
    assert made[1]["colour"] == ""
    total = sum(decode.read(o["file"]) for o in made)
    assert np.abs(total - decode.read(job.folder / "source-1.wav")).max() < 3 * 2.0**-15  # rounding and dither, twice


def test_new_music_starts_where_it_is_wanted(job: Job, daemon: Daemon) -> None:
    wanted = {"duration_s": 0.3, "output": {"sample_rate": 48_000, "channels": 1, "encoding": "ENCODING_PCM24"}}
    (made,) = outputs(job.ask(part("text2music", source=False, at=7.25, **wanted)).run(daemon))
    assert (made["position_s"], made["frames"], made["channels"]) == (7.25, 14_400, 1)
    assert (made["fade_in_s"], made["fade_out_s"], made["name"]) == (0.01, 0.01, "Repaint time selection")
    assert (job.media / Path(made["file"]).name).stat().st_size < 14_400 * 3 + 2000


def test_a_song_from_a_sentence(job: Job, daemon: Daemon) -> None:
    idea = part(
        "create_sample", source=False, label="idea", description="a calm waltz with strings", instrumental=True, seed=5
    )
    song = part("text2music", source=False, fill_from=0, duration_s=1.0, music={"bpm": 90.0}, output={"seeds": [5]})
    result = job.ask(idea, song, engine="draft").run(daemon)
    plan, made = (p["takes"][0]["metadata"] for p in result["parts"])
    assert outputs(result)[0]["length_s"] == 1.0
    assert made["bpm"] == 90
    for fact in ("keyscale", "timesignature"):
        assert made[fact] == plan[fact]
    assert outputs(result)[0]["name"].rstrip("…") in " ".join(plan["caption"].split())
    assert result["parts"][0]["takes"][0]["outputs"] == []


def test_what_an_idea_leaves_open_has_its_length(job: Job, daemon: Daemon) -> None:
    idea = part("understand", label="ears")
    result = job.ask(idea, part("cover", fill_from=0), part("text2music", source=False, fill_from=0)).run(daemon)
    assert [p["task"] for p in result["parts"]] == ["understand", "cover", "text2music"]
    assert result["parts"][2]["takes"][0]["metadata"]["bpm"] == 120


def test_a_file_that_was_made_is_made_again(job: Job, daemon: Daemon, tmp_path: Path) -> None:
    job.ask(part(start_s=0.5, end_s=1.25, music={"caption": "funk"}, output={"seeds": [7]}))
    (first,) = outputs(job.run(daemon))
    other = Job(tmp_path, "20261122-210501-5e6f7a8b")
    again = {"again": {"file": first["file"]}, "position_s": 3.0, "label": "again"}
    other.ask({**again, "fields": {"output": {"seeds": [7]}}}, again, action="again", engine="auto")
    same, new = outputs(other.run(daemon))
    assert Path(same["file"]).read_bytes() == Path(first["file"]).read_bytes()
    assert (same["position_s"], same["frames"], same["start_frame"]) == (3.0, first["frames"], 0)
    assert not np.array_equal(decode.read(new["file"]), decode.read(first["file"]))
    other.ask({**again, "again": {"file": "source-1.wav"}})
    with pytest.raises(InvalidValue, match=r"source-1\.wav holds no recipe"):
        other.run(daemon)
    (other.folder / "request.json").write_text(json.dumps({"version": 1, "parts": [{**again, "task": "cover"}]}))
    with pytest.raises(InvalidValue, match=r"parts\[0\]\.again .* allowed: nothing beside a task or a source"):
        other.run(daemon)


def test_a_stem_alone_is_made_again(job: Job, daemon: Daemon) -> None:
    job.ask(part("extract", tracks=["drums", "bass"]))
    first = outputs(job.run(daemon))
    (bass,) = (each for each in first if each["role"] == "bass")
    job.ask({"again": {"file": bass["file"]}})
    assert [each["role"] for each in outputs(job.run(daemon))] == ["bass"]


def test_listening_needs_no_media_folder(job: Job, daemon: Daemon) -> None:
    result = job.ask(part("understand", music={"bpm": 99}), media={}).run(daemon)
    (take,) = result["parts"][0]["takes"]
    assert (take["outputs"], take["metadata"]["bpm"]) == ([], 99)
    assert job.media_files == set()


def test_a_part_of_a_file_elsewhere(job: Job, daemon: Daemon, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a \"b\" 'c' 기타 🎸 100%.wav"
    (job.folder / "source-1.wav").rename(elsewhere)
    asked = part("cover", output={"seeds": [1]})
    asked["source"] = {"file": str(elsewhere), "start_s": 0.25, "end_s": 1.0}
    (made,) = outputs(job.ask(asked).run(daemon))
    assert made["frames"] == round(0.75 * RATE_HZ)


def test_files_that_are_there_are_never_touched(job: Job, daemon: Daemon) -> None:
    taken = job.media / "AceBridge Repaint time selection mix 7.wav"
    taken.write_bytes(b"mine")
    asked = part("cover", output={"seeds": [7]})
    names = [Path(o["file"]).name for _ in range(2) for o in outputs(job.ask(asked).run(daemon))]
    assert names == [f"AceBridge Repaint time selection mix 7 ({n}).wav" for n in (2, 3)]
    assert taken.read_bytes() == b"mine"


def test_the_media_folder_is_made(job: Job, daemon: Daemon) -> None:
    folder = job.media / "새 프로젝트" / "Media"
    (made,) = outputs(job.ask(part("cover"), media={"folder": str(folder)}).run(daemon))
    assert Path(made["file"]).parent == folder


def test_progress_over_parts(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    from acebridge.hosts.jobfolder import status

    message = []
    tell = status.Status.tell
    monkeypatch.setattr(status.Status, "tell", lambda self, **f: (message.append(f), tell(self, **f))[1])
    job.ask(part(label="Guitar", start_s=1), part(label="Bass", start_s=1))
    job.run(daemon)
    fractions = [f["fraction"] for f in message if "fraction" in f]
    assert fractions == sorted(fractions)
    assert {0.0, 0.5, 1.0} <= set(fractions)
    stages = [f["stage"] for f in message if "stage" in f]
    assert "Guitar: sampling" in stages
    assert "Bass: fake on cpu" in stages
    assert "sampling" not in stages


@pytest.mark.parametrize("name", ["Lied 기타", 'it\'s "one"', "a b  c", "🎸&;$x", "100%20", "-rf", "#?frag", "a\\b"])
def test_awkward_paths_through_the_command(shell: Shell, tmp_path: Path, name: str) -> None:
    job = Job(tmp_path / name)
    job.ask(part(start_s=1, output={"seeds": [7]}), title=f"Repaint {name}")
    url = job.folder.as_uri()
    assert url.isascii()
    shell.run("host", "run", url)
    (made,) = outputs(job.read("result.json"))
    assert Path(made["file"]).parent == job.media
    assert Path(made["file"]).is_file()
    job.ask(part("understand"))
    shell.run("reaper", "run", str(job.folder))
    assert outputs(job.read("result.json")) == []


def test_a_waiting_job_tells_its_place(shell: Shell, daemon: Daemon, tmp_path: Path) -> None:
    first, second = Job(tmp_path / "1"), Job(tmp_path / "2")
    daemon.hold(HELD_SEED)
    first.ask(part(**HELD))
    second.ask(part(start_s=1))
    one = shell.start("host", "run", str(first.folder))
    until(lambda: (first.folder / "status.json").exists() and first.status["state"] == "running", "the first to run")
    two = shell.start("reaper", "run", str(second.folder))
    seen = until(
        lambda: (second.folder / "status.json").exists() and second.status["state"] == "waiting" and second.status,
        "the second to wait",
    )
    assert (seen["stage"], seen["position"]) == ("waiting", 1)
    daemon.release()
    for process in (one, two):
        _, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, err) == (0, "")
    assert second.status["position"] is None
    assert json.dumps(second.read("result.json")).count("wav") == 1


def test_options_of_the_command(shell: Shell, daemon: Daemon, tmp_path: Path) -> None:
    job = Job(tmp_path).ask(part(start_s=1))
    here = ("--address", "127.0.0.1:1")
    nobody = shell.failure("reaper", "run", str(job.folder), "--no-autostart", *here, code=3)
    assert nobody.startswith("No AceBridge daemon answers at 127.0.0.1:1.")
    assert job.status["state"] == "failed"
    for group in ("reaper", "host"):
        shell.run(group, "run", job.folder.as_uri(), "--address", daemon.address)
        assert job.status["state"] == "done"


@pytest.mark.parametrize("group", ["host", "reaper"])
def test_what_scripts_start_loads_little(shell: Shell, tmp_path: Path, group: str) -> None:
    job = Job(tmp_path).ask(part("understand"))
    code = (
        "import atexit, sys\n"
        f"sys.argv = ['acebridge', {group!r}, 'run', {job.folder.as_uri()!r}]\n"
        "heavy = 'typer rich numpy scipy soundfile pydantic acestep_runtime.tasks.streams'.split()\n"
        "heavy += ['acestep_runtime.audio.decode']\n"
        "atexit.register(lambda: print(*[name for name in heavy if name in sys.modules]))\n"
        "from acebridge.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=shell.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert job.status["state"] == "done"
    assert done.stdout.split() == []


def test_the_example_of_the_protocol_runs(job: Job, daemon: Daemon) -> None:
    blocks = re.findall(r"```json\n(.*?)```", (FOLDER / "PROTOCOL.md").read_text("utf-8"), re.DOTALL)
    request, _, expected, _ = (json.loads(block) for block in blocks)
    write_wav(job.folder / "source-1.wav", song(12.0, rate_hz=RATE_HZ), RATE_HZ)
    parts, media = request.pop("parts"), {**request.pop("media"), "folder": str(job.media)}
    result = job.ask(*parts, **{**request, "media": media, "engine": "fake"}).run(daemon)
    ((output,), (promised,)) = outputs(result), outputs(expected)
    assert job.media_files == {Path(promised["file"]).name} == {Path(output["file"]).name}
    assert output["written"][0] == (job.media / Path(output["file"]).name).stat().st_size
    assert abs(output["written"][0] - promised["written"][0]) < 100  # the recipe names the version
    for own in ("file", "written", "seal"):
        del output[own], promised[own]
    assert output == promised
    for name in ("engine", "total_s"):
        del result[name], expected[name]
    for document in (result, expected):
        del document["parts"][0]["takes"][0]["metadata"], document["parts"][0]["takes"][0]["outputs"]
    assert result == expected


def test_the_host_is_named_in_status_and_log(job: Job, daemon: Daemon) -> None:
    job.ask(part("understand"), host={"name": "Ardour\n", "version": " 7.3.0"}).run(daemon)
    assert job.status["host"] == "Ardour 7.3.0"
    assert f"{job.folder.name}: understand, for Ardour 7.3.0\n" in (job.folder / "log.txt").read_text("utf-8")
    job.ask(part("understand"), host={}).run(daemon)
    assert job.status["host"] == ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are text here")
def test_a_folder_whose_name_is_not_text(tmp_path: Path, daemon: Daemon) -> None:
    job = Job(tmp_path / os.fsdecode(b"by\xff\xfe"))
    job.ask(part(start_s=0.5, end_s=1.0, output={"seeds": [7]}), media={"folder": str(tmp_path / "Media")})
    (made,) = outputs(job.run(daemon))
    assert made["frames"] == RATE_HZ * 2
    assert soundfile.info(made["file"]).frames == RATE_HZ * 2
