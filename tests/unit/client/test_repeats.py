"""What a job was asked for, made into a request again."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.client.client import request_of
from acebridge.client.repeats import find_request, parents_of, repeat_fields
from acebridge.contract.tasks import wrap
from acebridge.errors import JobFailed
from acebridge.v1 import audio_pb2, jobs_pb2, metadata_pb2, tasks_pb2
from acestep_runtime.errors import InvalidValue
from acestep_runtime.recipes import Parent

SONG = audio_pb2.AudioInput(asset_id="a" * 64, name="song.wav", region={"start_s": 1, "end_s": 9})
VOICE = audio_pb2.AudioInput(asset_id="b" * 64, name="voice.wav")


def job_for(task: str, fields: dict[str, Any], *, model: str = "") -> jobs_pb2.Job:
    request = wrap(request_of(task, fields, SONG if task == "cover" else None, VOICE if task == "cover" else None))
    take = tasks_pb2.TakeFinished(take=1, metadata=metadata_pb2.TakeMetadata(model=model) if model else None)
    return jobs_pb2.Job(id="9" * 32, request=request, takes=[take])


def test_the_audio_of_a_request_is_named_by_its_hashes_with_its_parts() -> None:
    assert parents_of(find_request(job_for("cover", {}))) == (
        Parent("source", "a" * 64, "song.wav", 1.0, 9.0),
        Parent("reference", "b" * 64, "voice.wav"),
    )


@pytest.mark.parametrize(
    ("output", "seeds", "takes", "wanted"),
    [
        ({"seeds": [3, 8], "takes": 2}, [], None, {"seeds": [3, 8], "takes": 2}),
        ({"seeds": [3, 8], "takes": 2}, [], 1, {"seeds": [3], "takes": 1}),
        ({"seeds": [3, 8], "takes": 2}, [5], None, {"seeds": [5], "takes": 2}),
        ({"seeds": [3]}, [5, 6], None, {"seeds": [5, 6], "takes": 2}),
        ({"seeds": [3, 4, 5], "tries": 3}, [7, 9], None, {"seeds": [7, 9], "tries": 3}),
        ({"seeds": [3, 4, 5], "tries": 3}, [], 2, {"seeds": [3, 4, 5], "tries": 3, "takes": 2}),
    ],
)
def test_seeds_and_takes_vary(output: dict[str, Any], seeds: list[int], takes: int | None, wanted: object) -> None:
    fields = repeat_fields(job_for("cover", {"output": output, "strength": 0.5}), seeds, takes)
    assert fields == {"strength": 0.5, "output": wanted}


def test_the_model_that_made_a_job_makes_it_again() -> None:
    job = job_for("cover", {"output": {"seeds": [1]}, "sampling": {"mask": "auto"}}, model="acestep-v15-turbo")
    assert repeat_fields(job, [], None)["sampling"] == {"mask": "auto", "model": "acestep-v15-turbo"}


def test_a_text_has_one_seed_and_no_takes() -> None:
    job = job_for("create_sample", {"description": "a song", "seed": 4})
    assert repeat_fields(job, [6], None)["seed"] == 6
    with pytest.raises(InvalidValue, match=r"--takes is 2; allowed: nothing for create_sample, which has none"):
        repeat_fields(job, [], 2)


def test_a_job_of_another_version_says_so() -> None:
    with pytest.raises(JobFailed, match="Nobody knows what job 9999"):
        find_request(jobs_pb2.Job(id="9" * 32))
