"""A song from sections through a job folder: files, borders, progress, cancel, and a section that fails."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.hosts.jobfolder import song_run
from acebridge.v1 import jobs_pb2
from acestep_runtime.audio import decode
from acestep_runtime.audio.tags.marks import marks_in_wave
from acestep_runtime.audio.tags.riff import read_chunks_of
from acestep_runtime.errors import EngineFailure, InvalidValue
from acestep_runtime.guide.request import Order
from acestep_runtime.song.plan import Section, SongPlan
from tests.support.daemon import Daemon
from tests.support.job_folders import Job

RATE_HZ = 44_100
AT_S = 3.0


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def ask(job: Job, *sections: dict[str, Any], format_: str = "float32", **song: Any) -> Job:
    media = {"folder": str(job.media), "format": format_}
    content = {"sections": list(sections), "position_s": AT_S, "sample_rate": RATE_HZ, "bpm": 140, "seed": 5, **song}
    return job.ask(title="Song from regions", media=media, song=content, parts=None)


def verse(**more: Any) -> dict[str, Any]:
    return {"name": "Verse", "end_s": 0.8, **more}


def chorus(**more: Any) -> dict[str, Any]:
    return {"name": "Chorus", "start_s": 0.8, "end_s": 2.0, **more}


def test_a_song_and_its_takes_lie_where_its_sections_are(job: Job, daemon: Daemon) -> None:
    ask(job, verse(), chorus(takes=2), {"name": "Outro", "bars": 1})
    result = job.run(daemon)
    end = round(RATE_HZ * (2.0 + 4 * 60 / 140))
    borders = [0, round(0.8 * RATE_HZ), 2 * RATE_HZ, end]
    song = result["song"]
    assert song["missing"] == []
    assert [(each["start_frame"], each["end_frame"]) for each in song["sections"]] == list(itertools.pairwise(borders))
    assert [(part["task"], part["label"], len(part["takes"])) for part in result["parts"]] == [
        ("text2music", "Verse", 1), ("repaint", "Chorus", 2), ("repaint", "Outro", 1), ("song", "Song from regions", 1),
    ]  # fmt: skip
    (whole,) = result["parts"][song["part"]]["takes"][0]["outputs"]
    assert (whole["start_frame"], whole["position_s"], whole["frames"], whole["sample_rate"]) == (0, AT_S, end, RATE_HZ)
    samples = decode.read(whole["file"])
    marks = marks_in_wave(read_chunks_of(Path(whole["file"])), RATE_HZ).markers
    assert [(round(seconds * RATE_HZ), name) for seconds, name in marks] == [
        (borders[0], "Verse"), (borders[1], "Chorus"), (borders[2], "Outro"),
    ]  # fmt: skip
    fade = round(0.02 * RATE_HZ)
    for section, stop in zip(song["sections"], [borders[1] - fade, borders[2] - fade, end], strict=True):
        (output,) = result["parts"][section["part"]]["takes"][0]["outputs"]
        assert output["position_s"] == AT_S + output["start_frame"] / RATE_HZ
        take = decode.read(output["file"])
        at = output["start_frame"]
        assert np.array_equal(samples[at:stop], take[: stop - at])  # all but the crossfade into the next one
    assert {Path(file).name for file in job.media_files} >= {"AceBridge Song from regions mix 5.wav"}
    assert len(job.media_files) == 5
    assert not (job.folder / "song").exists()
    assert job.status["part"] == 2
    assert job.status["fraction"] == 1.0


def test_a_link_in_place_of_its_folder_is_not_followed(job: Job, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (job.folder / "song").symlink_to(tmp_path / "elsewhere")
    ask(job, verse())
    with pytest.raises(InvalidValue, match="song is 'a link'"):
        job.run(daemon)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_jobs_say_where_they_come_from(job: Job, daemon: Daemon) -> None:
    ask(job, verse()).run(daemon)
    with Client(daemon.address, token=daemon.token) as client:
        newest = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1)).jobs[0]
    assert newest.origin.host == "REAPER 7.16/linux"


def test_sections_have_chords_and_are_like_earlier_ones(job: Job, daemon: Daemon) -> None:
    ask(job, verse(), chorus(like="Verse", like_strength=0.25), chords="[Verse] Am [Chorus] F | G").run(daemon)
    with Client(daemon.address, token=daemon.token) as client:
        newest, first = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=2)).jobs
    assert (newest.request.repaint.music.chords, newest.request.repaint.strength) == ("F | G", 0.75)
    assert first.request.text_to_music.music.chords == "Am"


def test_media_are_encoded_as_the_request_says(job: Job, daemon: Daemon) -> None:
    ask(job, verse(), format_="pcm24")
    outputs = [take["outputs"][0] for part in job.run(daemon)["parts"] for take in part["takes"]]
    assert [decode.probe(output["file"]).subtype for output in outputs] == ["PCM_24", "PCM_24"]


def test_a_section_that_fails_leaves_those_before_it(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = song_run.run_order

    def fail_in_outro(client: Any, order: Order, *rest: Any) -> Any:
        music = order.fields["music"]
        assert isinstance(music, dict)
        if music["lyrics"] == "[Outro]":
            raise EngineFailure("The engine broke.", remedy="Try again.")
        return usual(client, order, *rest)

    monkeypatch.setattr(song_run, "run_order", fail_in_outro)
    ask(job, verse(), chorus(), {"name": "Outro", "end_s": 2.5})
    result = job.run(daemon)
    assert result["song"]["missing"] == ["Outro"]
    assert result["warnings"] == ["Outro: The engine broke. The song ends before it. Try again."]
    (whole,) = result["parts"][2]["takes"][0]["outputs"]
    assert whole["frames"] == 2 * RATE_HZ
    seeds = [part["takes"][0]["seed"] for part in result["parts"][:2]]

    monkeypatch.undo()  # and the next run makes what is missing
    again = job.run(daemon)
    assert [part["label"] for part in again["parts"]] == ["Verse", "Chorus", "Outro", "Song from regions"]
    assert [part["takes"][0]["seed"] for part in again["parts"][:2]] == seeds


def test_a_section_goes_on_at_a_daemon_that_is_back(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, jobs, lost = song_run.run_order, list[str](), [ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")]

    def lose_the_second(*given: Any) -> Any:
        batch = usual(*given)
        jobs.append(batch.job_id)
        if len(jobs) == 2:
            raise lost.pop()
        return batch

    monkeypatch.setattr(song_run, "run_order", lose_the_second)
    result = ask(job, verse(), chorus()).run(daemon)
    assert (result["song"]["missing"], result["warnings"]) == ([], [])
    assert len(jobs) == 3
    assert jobs[1] == jobs[2]


def test_what_is_left_of_another_request_is_not_used(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    (job.folder / "song").mkdir()
    for state in (None, "{}"):
        if state is None:
            monkeypatch.setattr(song_run.shutil, "rmtree", lambda *_, **__: None)
            ask(job, verse()).run(daemon)  # its folder stays
            monkeypatch.undo()
            assert (job.folder / "song" / "song.json").exists()
        else:
            (job.folder / "song").mkdir()
            (job.folder / "song" / "song.json").write_text(state)
        result = ask(job, verse(caption="loud"), chorus()).run(daemon)
        assert [part["label"] for part in result["parts"]] == ["Verse", "Chorus", "Song from regions"]
        assert not (job.folder / "song").exists()


def test_the_first_section_that_fails_fails_the_job(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise EngineFailure("The engine broke.")

    monkeypatch.setattr(song_run, "run_order", fail)
    ask(job, verse(), chorus())
    with pytest.raises(JobFailed, match="Verse: The engine broke"):
        job.run(daemon)
    assert (job.status["state"], job.status["reason"], job.media_files) == ("failed", "ENGINE_FAILURE", set())


def test_a_cancelled_song_leaves_no_audio(job: Job, daemon: Daemon) -> None:
    plan = SongPlan((Section("Verse", 0, 1), Section("Chorus", 1, 2)), seed=5)
    (seed,) = plan.seeds(1, 5, 0)
    daemon.hold(seed)
    ask(job, verse(), chorus())

    def cancel() -> None:
        while not (job.folder / "status.json").exists() or job.status["part"] < 1:
            time.sleep(0.01)
        (job.folder / "cancel").touch()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        with pytest.raises(JobFailed, match="cancelled"):
            job.run(daemon)
    finally:
        thread.join()
        daemon.release()
    assert (job.status["state"], job.media_files) == ("cancelled", set())


@pytest.mark.parametrize(
    ("sections", "song", "says"),
    [
        ([verse(), chorus(start_s=1.0)], {}, "There is a gap or an overlap before section \"Chorus\": it begins at 1.000 s."),
        ([verse(), verse(end_s=2.0)], {}, 'Two sections are called "Verse".'),
        ([verse(bars=2)], {}, "song.sections[0].bars is 2; allowed: one of bars and end_s."),
        ([{"name": "Verse"}], {}, "song.sections[0].bars is None; allowed: one of bars and end_s."),
        ([verse(like="Chorus")], {}, 'like of section "Verse" is \'Chorus\'; allowed: nothing: no section is earlier.'),
        ([verse(like_strength=0.5)], {}, 'like_strength of section "Verse" is 0.5; allowed: nothing in a section that is like'),
        ([verse(chords="Am Q7")], {}, 'chords of section "Verse" has'),
        ([verse(bpm=20.0)], {}, "song.sections[0].bpm is 20.0; allowed: 30 to 300 beats per minute."),
        ([verse(takes=9)], {}, 'takes of section "Verse" is 9; allowed: 1 to 8.'),
        ([verse()], {"seed": -1}, "song.seed is -1; allowed: 0 to 4294967295."),
        ([verse()], {"sample_rate": 10}, "song.sample_rate is 10; allowed: 8000 to 384000 Hz."),
        ([verse()], {"keyscale": "H"}, "song.keyscale is 'H'"),
    ],
)  # fmt: skip
def test_what_no_song_can_be_made_of_is_refused_before_anything_is_made(
    job: Job, daemon: Daemon, sections: list[Any], song: dict[str, Any], says: str
) -> None:
    ask(job, *sections, **song)
    with pytest.raises(InvalidValue) as refused:
        job.run(daemon)
    assert refused.value.message.startswith(says), refused.value.message
    assert job.media_files == set()
