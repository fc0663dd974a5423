"""The files of a command: as the audio comes, or, where takes are chosen, the chosen ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from acebridge.cli.files import Destination, ResultFiles
from acebridge.cli.result import Result, ranking_warnings
from acebridge.client.follow import follow
from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue
from tests.support.job_events import JobStory, header, take_message


def no_download(_: str) -> Iterator[bytes]:
    raise AssertionError("nothing is to be fetched")


def test_audio_that_comes_is_written_and_the_first_role_gets_the_bare_name(tmp_path: Path) -> None:
    story = JobStory()
    story.add(started={"attempt": 1})
    for output, role in enumerate(("bass", "drums"), 1):
        story.add(audio_header=header(output, 1, 1, role))
        story.add(audio_chunk={"output": output, "offset_frames": 0, "data": bytes([output, 0])})
    story.add(take_finished=take_message(1, {1, 2}))
    story.add(completed={"engine": "fake", "takes": [take_message(1, {1, 2})]})
    with ResultFiles(Destination(tmp_path / "out.wav", False), no_download) as files:
        result = Result(0.0, files)
        done = follow(story.events, result, files)
    assert files.files == {1: tmp_path / "out.wav", 2: tmp_path / "out-drums.wav"}
    assert [soundfile.read(files.files[output], dtype="int16")[0][0] for output in (1, 2)] == [1, 2]
    report = result.report(done)
    assert [output["file"] for output in report["outputs"]] == [str(path) for path in files.files.values()]
    assert (report["job_id"], report["engine"], "ranking" in report) == ("job", "fake", False)


def test_chosen_takes_are_fetched_at_the_end_and_numbered_from_the_best(tmp_path: Path) -> None:
    story = JobStory()
    story.add(started={"attempt": 1, "chooses": True})
    for take in (1, 2, 3):
        story.add(audio_header=header(take, take, 1))
        story.add(audio_chunk={"output": take, "offset_frames": 0, "data": b"\1\0"})
        story.add(take_finished=take_message(take, {take}))
    best = [take_message(3, {3}), take_message(1, {1})]
    for take in best:
        take.outputs[0].asset_id = f"asset {take.take}"
    story.add(completed={"takes": best})
    with ResultFiles(Destination(tmp_path, True), lambda asset: iter([asset.encode()])) as files:
        follow(story.events, files)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "mix.wav": "asset 3", "mix-2.wav": "asset 1",
    }  # fmt: skip
    assert files.files == {3: tmp_path / "mix.wav", 1: tmp_path / "mix-2.wav"}


def test_the_source_is_never_written_to(tmp_path: Path) -> None:
    source = tmp_path / "mix.wav"
    source.write_bytes(b"song")
    story = JobStory()
    story.add(audio_header=header(1, 1, 1))
    with (
        ResultFiles(Destination(tmp_path, True, (source,)), no_download) as files,
        pytest.raises(InvalidValue, match="Originals are never overwritten"),
    ):
        follow(story.events, files)
    assert source.read_bytes() == b"song"


def test_a_file_that_nobody_named_is_never_replaced(tmp_path: Path) -> None:
    """``-o out.wav`` replaces out.wav; further takes and roles, and files in a folder, take the next free name."""
    for name in ("out.wav", "out-drums.wav", "out-2.wav", "out-2 (2).wav", "mix.wav"):
        (tmp_path / name).write_bytes(b"mine")
    named = Destination.choose(str(tmp_path / "out.wav"), source=None, task="lego", many=True)
    assert [named.file(role, take, "bass").name for role, take in (("bass", 1), ("drums", 1), ("bass", 2))] == [
        "out.wav", "out-drums (2).wav", "out-2 (3).wav",
    ]  # fmt: skip
    folder = Destination.choose(str(tmp_path), source=None, task="lego", many=True)
    assert (folder.file("mix", 1, "mix").name, folder.file("bass", 1, "mix").name) == ("mix (2).wav", "bass.wav")
    (tmp_path / "song-cover.wav").write_bytes(b"mine")
    single = Destination.choose(str(tmp_path), source=tmp_path / "song.wav", task="cover", many=False)
    assert single.file("mix", 1, "mix").name == "song-cover (2).wav"


def test_a_take_that_is_made_again_keeps_its_name(tmp_path: Path) -> None:
    story = JobStory()
    for attempt in (1, 2):
        story.add(started={"attempt": attempt})
        story.add(audio_header=header(attempt, 1, 1))
        story.add(audio_chunk={"output": attempt, "offset_frames": 0, "data": bytes([attempt, 0])})
    story.add(take_finished=take_message(1, {2}))
    story.add(completed={"takes": [take_message(1, {2})]})
    (tmp_path / "mix.wav").write_bytes(b"mine")
    with ResultFiles(Destination(tmp_path, True), no_download) as files:
        follow(story.events, files)
    assert files.files == {2: tmp_path / "mix (2).wav"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mix (2).wav", "mix.wav"]
    assert (tmp_path / "mix.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["ref.wav", "./ref.wav", "link.wav", "hard.wav"])
def test_a_reference_is_never_written_to(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source, reference = tmp_path / "a.wav", tmp_path / "ref.wav"
    for file in (source, reference):
        file.write_bytes(b"song")
    (tmp_path / "link.wav").symlink_to(reference)
    (tmp_path / "hard.wav").hardlink_to(reference)
    with pytest.raises(InvalidValue, match="Originals are never overwritten"):
        Destination.choose(name, source=source, reference=reference, task="cover", many=False)


RANKED = [{"take": 2, "score": 0.75, "chosen": True}, {"take": 1, "score": 0.5, "chosen": True}, {"take": 3}]


@pytest.mark.parametrize(
    ("ranking", "min_score", "says"),
    [
        ([], 0.5, []),
        (RANKED, None, []),
        (RANKED, 0.5, []),
        (RANKED, 0.7, ["only 1 of 3 takes reached a score of 0.7. More tries may: --max-tries."]),
        (RANKED, 0.9, ["no take reached a score of 0.9; the best has 0.750. More tries may: --max-tries."]),
        ([{"take": 1, "chosen": True}], 0.9, ["No take has such a score, so the first ones are kept."]),
    ],
)
def test_warnings_of_a_choice(ranking: list[dict[str, object]], min_score: float | None, says: list[str]) -> None:
    done = tasks_pb2.Completed(ranking=ranking)
    assert list(ranking_warnings(done, min_score)) == says


def test_the_id_of_a_job_names_no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon says it, and that may be another machine's."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for many in (False, True):
        chosen = Destination.choose(None, source=None, task="repaint-/../../x", many=many)
        assert chosen.file("mix", 1, "mix").resolve().is_relative_to(tmp_path / "here")


def test_long_names_are_shortened_or_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = Path("a" * 250 + ".wav")
    file = Destination.choose(None, source=source, task="repaint", many=False).path
    assert file.name == "a" * 180 + "-repaint.wav"
    folder = Destination.choose(None, source=source, task="extract", many=True)
    (folder.path / "drums.wav").parent.mkdir()
    for out in ("b" * 250 + ".wav", "b" * 300, "b" * 300 + "/"):
        with pytest.raises(
            InvalidValue, match=r"a name of at most 180 bytes before its ending\. Choose a shorter name"
        ):
            Destination.choose(out, source=source, task="repaint", many=False)
