"""What a job was asked for, in words."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.cli.request_words import request_lines, title_of
from acebridge.client.client import request_of
from acebridge.contract.tasks import wrap
from acebridge.v1 import audio_pb2, jobs_pb2

SONG = audio_pb2.AudioInput(asset_id="a" * 64, name="song.wav")


def job_for(task: str, fields: dict[str, Any], source: audio_pb2.AudioInput | None = None) -> jobs_pb2.Job:
    return jobs_pb2.Job(request=wrap(request_of(task, fields, source, submission={"engine": "draft"})))


@pytest.mark.parametrize(
    ("task", "fields", "source", "title"),
    [
        ("text2music", {"music": {"caption": "lofi  beat"}, "duration_s": 16.5}, None, "lofi beat, 16.5 s"),
        ("text2music", {"music": {"lyrics": "[Verse]\nla la"}}, None, "“[Verse] la la”"),
        (
            "repaint",
            {"start_s": 4.0, "end_s": 8.0, "music": {"caption": "brighter"}},
            SONG,
            "song.wav 4 to 8 s: brighter",
        ),
        ("repaint", {"end_s": 8 / 3}, SONG, "song.wav to 2.67 s"),
        ("lego", {"tracks": ["drums", "bass"], "start_s": 2.0}, SONG, "song.wav from 2 s: drums, bass"),
        ("extract", {}, SONG, "song.wav"),
        ("create_sample", {"description": "a sad song " * 20}, None, "a sad song " * 5 + "a sa…"),
    ],
)
def test_the_title_says_what_it_is_about(
    task: str, fields: dict[str, Any], source: audio_pb2.AudioInput | None, title: str
) -> None:
    assert title_of(job_for(task, fields, source)) == title


def test_every_field_has_a_line_by_the_name_of_its_option() -> None:
    part = audio_pb2.AudioInput(asset_id="b" * 64, name="long.wav", region={"start_s": 10, "end_s": 20})
    fields: dict[str, Any] = {
        "start_s": 4.0, "match_loudness": False,
        "music": {"caption": "jazz", "lyrics": "la\nlo", "timesignature": 3},
        "sampling": {"adapters": [{"name": "soft", "scale": 0.5}]},
        "output": {"seeds": list(range(10)), "encoding": "pcm24", "auto_score": True},
    }  # fmt: skip
    lines = list(request_lines(job_for("repaint", fields, part)))
    assert set(lines) == {
        "source: long.wav (10 to 20 s)", "start: 4", "match loudness: off", "caption: jazz", "lyrics:", "  la", "  lo",
        "time signature: 3", "lora: name soft, scale 0.5", "seed: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more", "format: pcm24",
        "auto score: on",
    }  # fmt: skip
    assert lines.index("lyrics:") + 1 == lines.index("  la")


def test_a_job_of_an_unknown_request_has_no_words() -> None:
    assert title_of(jobs_pb2.Job()) == ""
    assert list(request_lines(jobs_pb2.Job(request={}))) == []
