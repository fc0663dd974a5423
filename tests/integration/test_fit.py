"""Layers that fit, through the daemon: the tries that nobody asked for, what is said of them, and a kill between two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acebridge.client.client import Client, request_of
from acebridge.client.repeats import repeat_fields, variation_fields
from acebridge.contract.fields import fields_of
from acebridge.contract.tasks import TaskRequest, unwrap
from acebridge.v1 import tasks_pb2
from acestep_runtime import generate as make
from acestep_runtime.engines.fake import beats
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.layer_tries import GOOD_FIT, LAYER_TRIES
from tests.support import signals
from tests.support.daemon import (
    assert_gone,
    assets,
    collect,
    create_tone_job,
    daemon_at,
    job,
    until,
    until_state,
    write_wav,
)
from tests.support.shell import Shell


def layer(client: Client, song: Path, caption: str, task: str = "lego", **output: Any) -> TaskRequest:
    fields = {"tracks": ["drums"], "music": {"caption": caption, "bpm": 120.0}, "output": output}
    return request_of(task, fields, client.upload(song), submission={"engine": "fake"})


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("source") / "song.wav", signals.song())


def output_of(client: Client, job_id: str) -> Any:
    return fields_of(unwrap(job(client, job_id).request))["output"]


@pytest.mark.parametrize("task", ["lego", "complete"])
def test_a_layer_of_one_take_is_made_until_it_fits(client: Client, song: Path, task: str) -> None:
    received = collect(client.submit_request(layer(client, song, "late", task)))
    asked = output_of(client, received.job_id)
    assert (asked["tries"], asked["min_score"], asked["score_by"]) == (LAYER_TRIES, GOOD_FIT, "fit")
    assert len(asked["seeds"]) == LAYER_TRIES
    assert sorted(each.seed for each in received.completed.ranking) == sorted(asked["seeds"])
    (take,) = received.completed.takes
    assert take.metadata.score.fit == received.completed.ranking[0].score < GOOD_FIT
    assert take.metadata.score.notes[0] == "It is 120 ms late."
    assert take.metadata.score.parts["fit.timing"] < 0.5
    assert any("It is 120 ms late." in warning for warning in take.metadata.warnings)


def test_whoever_says_which_takes_gets_them(client: Client, song: Path) -> None:
    outputs: tuple[dict[str, Any], ...] = ({"tries": 1}, {"seeds": [411]}, {"takes": 2})
    for output in outputs:
        received = collect(client.submit_request(layer(client, song, "late", **output)))
        assert len(received.completed.takes) == output.get("takes", 1)
        assert len(received.completed.ranking) == output.get("tries", 0)


def test_the_take_in_time_is_chosen(client: Client, song: Path) -> None:
    output: dict[str, Any] = {"tries": 4, "seeds": [421, 422, 423, 420]}  # the fit decides without being named
    received = collect(client.submit_request(layer(client, song, "fit", **output)))
    assert output_of(client, received.job_id)["score_by"] == "fit"
    assert received.completed.ranking[0].seed == 420
    (take,) = received.completed.takes
    made = received.samples(take.outputs[0].output)
    np.testing.assert_array_equal(made, beats(420, len(made), 120.0))
    assert not take.metadata.warnings


def test_asking_again_keeps_the_tries_and_other_takes_drop_them(client: Client, song: Path) -> None:
    received = collect(client.submit_request(layer(client, song, "late")))
    done = job(client, received.job_id)
    seeds = output_of(client, received.job_id)["seeds"]
    same: Any = repeat_fields(done, (), None)["output"]
    assert (same["tries"], same["seeds"]) == (LAYER_TRIES, seeds)
    assert repeat_fields(done, (5,), None)["output"] == {"seeds": [5]}
    assert repeat_fields(done, (), 4)["output"] == {"seeds": seeds, "takes": 4}
    varied: Any = variation_fields(done, None, 0.5, None)["output"]
    assert varied == {"seeds": [received.completed.takes[0].seed], "variation": 0.5}


def test_a_fit_without_a_source_is_refused(client: Client) -> None:
    request = request_of("text2music", {"output": {"tries": 2, "score_by": "fit"}}, submission={"engine": "fake"})
    with pytest.raises(Exception, match="text2music has no source that its takes could fit"):
        client.create(request)


@pytest.mark.slow
def test_a_killed_daemon_goes_on_with_the_tries_that_remain(tmp_path: Path, song: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(7)
        before = create_tone_job(client, 0.3, seed=7)  # until the seeds of the layer are known
        job_id = client.create(layer(client, song, "late")).id
        first, second, third = output_of(client, job_id)["seeds"]
        daemon.hold(second)
        daemon.release(7)
        until_state(client, before, "succeeded")
        until(lambda: len(job(client, job_id).takes) == 1, "the first try")
        seen = job(client, job_id).last_sequence
        assert_gone(daemon.kill())
        daemon.release()
        client = daemon.start()
        assert output_of(client, job_id)["seeds"] == [first, second, third]
        rest = list(client.watch(job_id, after_sequence=seen))
        made = [event.take_finished.seed for event in rest if event.WhichOneof("event") == "take_finished"]
        assert set(made) <= {second, third}
        assert made
        completed = rest[-1].completed
        assert {each.seed for each in completed.ranking} == {first, second, third}
        scores = [each.score for each in completed.ranking]
        assert scores == sorted(scores, reverse=True)
        sequences = [event.sequence for event in rest]
        assert sequences == sorted(sequences)
        assert job(client, job_id).attempts == 2
        until(lambda: len(assets(client)) == 3, "the other takes to be gone")  # the song, the tone and the layer
        assert daemon.stop() == 0
        assert daemon.check_store() == 3


def test_the_python_api_chooses_layers_here_and_on_a_daemon(client: Client, song: Path) -> None:
    asked: dict[str, Any] = {"src_audio": song, "track_name": "drums", "caption": "late", "bpm": 120, "engine": "fake"}
    places: tuple[dict[str, Any], ...] = ({}, {"daemon": client.address})
    for where in places:
        result = make("lego", **asked, **where)
        assert len(result.ranking) == LAYER_TRIES
        assert result["fit_score"] == result.ranking[0].score < GOOD_FIT
        assert any("It is 120 ms late." in note for note in result.notes)
        assert "quality_score" not in result
        assert len(result.next_batch().ranking) == LAYER_TRIES
        one = make("lego", **asked, **where, best_of=1)
        assert one["fit_score"] == one.ranking[0].score
        assert len(one.ranking) == 1
        assert not make("lego", **asked, **where, seed=3).ranking
        varied = result.vary(0.5)
        assert not varied.ranking
        assert varied.seed == result.seed
    with pytest.raises(InvalidValue, match="text2music has no source that its takes could fit"):
        make(duration=1.0, best_of=2, score_by="fit", engine="fake")


def test_the_command_says_how_each_try_fits(shell: Shell, song: Path) -> None:
    asked = ("lego", str(song), "-t", "drums", "-c", "fit", "--bpm", "120", "-e", "fake", "-o", "drums.wav")
    seeds = ("--best-of", "3", "--score-by", "fit", "-s", "431", "-s", "430", "-s", "433")
    message = shell.run(*asked, *seeds)
    lines = [line for line in message.stderr.splitlines() if line[:4].strip(" 0123456789") == "."]
    assert lines[0].endswith("seed 430")
    assert {line.split(", ", 1)[1] for line in lines[1:]} == {
        "seed 431, not chosen: It is 120 ms late.", "seed 433, not chosen: It is silent.",
    }  # fmt: skip
    assert "score: fit " in message.stdout
    report = shell.json(*asked, *seeds)
    assert [row.get("note") for row in report["ranking"]] == [None, "It is 120 ms late.", "It is silent."]
    message = shell.run(*asked[:4], "-c", "late", *asked[6:])
    assert sum("not chosen" in line for line in message.stderr.splitlines()) == 2
    assert "warning: This fits its source badly" in message.stderr
    one = shell.run(*asked[:4], "-c", "late", *asked[6:], "--best-of", "1")
    assert "not chosen" not in one.stderr
    assert "score: fit " in one.stdout
    refused = shell.run(
        "generate", "-c", "x", "--duration", "1", "--best-of", "2", "--score-by", "fit", "-e", "fake", code=2
    )
    assert "text2music has no source that its takes could fit. Choose them by quality." in refused.stderr
    refused = shell.run(*asked, "--fix-timing", "--preview", "4", code=2)
    assert "The timing of a preview cannot be fixed" in refused.stderr


def test_events_of_tries_are_streamed_as_they_are_made(client: Client, song: Path) -> None:
    def events() -> Iterator[tasks_pb2.TaskEvent]:
        return client.submit_request(layer(client, song, "late", seeds=[441, 451, 461], tries=3, score_by="fit"))

    kinds = [event.WhichOneof("event") for event in events()]
    assert kinds.count("take_finished") >= 1  # of those that are dropped the last ones may not be told any more
    assert kinds.index("audio_chunk") < kinds.index("take_finished")
