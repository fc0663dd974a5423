"""Previews as values: how many samples their bars are, and the latents that are kept for the rest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.errors import InvalidValue
from acestep_runtime.guide.request import Order
from acestep_runtime.latents_files import latents_path, pack, unpack
from acestep_runtime.previews import FullLatents, Preview, Tempo, merge
from acestep_runtime.take_latents import (
    TakeLatents,
    from_bytes,
    full_from_bytes,
    no_latents,
    read_full_latents,
    to_bytes,
    write_latents,
)
from acestep_runtime.tasks.base import Output
from acestep_runtime.tasks.finishing import finish_fields
from acestep_runtime.values import TakeSeed, Variation

SHA = "a" * 64
RATE_HZ = 48_000


def full_of(seed: int = 0, role: str = "mix") -> FullLatents:
    values = np.random.default_rng(seed).standard_normal((7, 3)).astype(np.float32)
    plan = {"metadata": {"bpm": 90, "caption": "a song"}, "codes": [1, 2, 63_999]}
    return FullLatents({role: values}, 7 * 1920, "a model", "some files", "a request", plan, "some latents")


@pytest.mark.parametrize(
    ("tempo", "plan", "bars", "seconds", "origin"),
    [
        (Tempo(100, 3, "request"), (80.0, 4), 5, 9.0, "request"),
        (None, (80.0, 6), 2, 9.0, "plan"),
        (None, (80.0, None), 2, 6.0, "plan"),
        (None, (None, None), 3, 6.0, "assumed"),
    ],
)
def test_bars_are_as_long_as_their_tempo_says(
    tempo: Tempo | None, plan: tuple[float | None, int | None], bars: int, seconds: float, origin: str
) -> None:
    preview = Preview(bars, 1000, 1000 + 20 * RATE_HZ, tempo).with_plan(*plan)
    assert preview.stop == 1000 + round(seconds * RATE_HZ)
    assert preview.tempo is not None
    assert preview.tempo.origin == origin
    assert not preview.is_whole


def test_a_preview_ends_with_the_take_and_reaches_what_it_must() -> None:
    tempo = Tempo(120, 4, "request")
    assert Preview(8, 0, 5 * RATE_HZ, tempo).stop == 5 * RATE_HZ
    assert Preview(8, 0, 16 * RATE_HZ, tempo).is_whole
    assert Preview(1, 0, 16 * RATE_HZ, tempo, least=4 * RATE_HZ).stop == 4 * RATE_HZ


def test_full_latents_survive_their_file_to_the_bit(tmp_path: Path) -> None:
    own = TakeLatents(np.ones((4, 3), np.float16), np.array([True, True, False, False]), 0, "vae", 2)
    full = merge([full_of(0, "drums"), full_of(1, "bass")])
    data = to_bytes(own, SHA, full)
    read, beside = full_from_bytes(data, SHA), from_bytes(data, SHA)
    assert read is not None
    assert list(read.roles) == ["drums", "bass"]
    assert all(np.array_equal(read.roles[role], full.roles[role]) for role in full.roles)
    assert dataclasses.replace(read, roles={}).__dict__ == dataclasses.replace(full, roles={}).__dict__
    assert np.array_equal(beside.latents, own.latents)
    assert np.array_equal(beside.exact, own.exact)
    assert full_from_bytes(to_bytes(own, SHA), SHA) is None
    audio = tmp_path / "a.wav"
    write_latents(no_latents("", 1), audio, SHA, full)
    kept = read_full_latents(audio, SHA)
    assert kept is not None
    assert kept.plan == full.plan
    assert not from_bytes(latents_path(audio).read_bytes(), SHA).exact.any()


def test_lost_and_damaged_full_latents_are_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    audio = tmp_path / "a.wav"
    assert read_full_latents(audio, SHA) is None
    write_latents(no_latents("", 1), audio, SHA, full_of())
    assert read_full_latents(audio, "b" * 64) is None
    good = latents_path(audio).read_bytes()
    facts, content = unpack(good)
    full = facts["full"]
    assert isinstance(full, dict)
    nan = np.full(21, np.nan, "<f4").tobytes()
    for changed, body in (
        ({**full, "roles": "mix"}, content),
        ({**full, "roles": [["mix", 7]]}, content),
        ({**full, "roles": [["mix", 7, -3]]}, content),
        ({**full, "roles": [["mix", "7", 3]]}, content),
        ({**full, "roles": [["mix", 700, 3]]}, content),
        ({**full, "roles": []}, content),
        ({**full, "frames": 0}, content),
        ({**full, "plan": None}, content),
        (full, content[: -len(nan)] + nan),
    ):
        latents_path(audio).write_bytes(pack({**facts, "full": changed}, body))
        assert read_full_latents(audio, SHA) is None
    assert caplog.text.count("its take is made again") == 11
    latents_path(audio).write_bytes(good)
    assert read_full_latents(audio, SHA) is not None


def test_the_request_that_finishes_a_take_is_that_of_the_take_alone() -> None:
    output = {"preview_bars": 4, "takes": 3, "seeds": [5, 6, 7], "encoding": "pcm24"}
    fields = {"duration_s": 9.0, "output": output}
    expected = {"encoding": "pcm24", "seeds": [6], "preview_id": SHA}
    assert finish_fields(fields, TakeSeed(6), SHA) == {"duration_s": 9.0, "output": expected}
    assert "preview_id" not in finish_fields(fields, TakeSeed(6), "")["output"]
    varied = {"output": {**output, "variation": 0.3, "variation_seeds": [8, 9, 10]}}
    made = finish_fields(varied, TakeSeed(5, (Variation(0.3, 9),)), SHA)
    assert made["output"] == {
        "encoding": "pcm24",
        "seeds": [5],
        "variation": 0.3,
        "variation_seeds": [9],
        "preview_id": SHA,
    }


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"preview_bars": 4, "tries": 3}, "A preview cannot be scored"),
        ({"preview_bars": 4, "min_score": 0.5}, "A preview cannot be scored"),
        ({"preview_bars": 4, "auto_score": True}, "A preview cannot be scored"),
        ({"preview_id": SHA, "takes": 2}, "one whole take"),
        ({"preview_id": SHA, "preview_bars": 2}, "one whole take"),
        ({"preview_id": SHA, "tries": 2}, "one whole take"),
    ],
)
def test_what_a_preview_cannot_be_is_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        Output(**fields)  # type: ignore[arg-type]


def test_a_take_is_finished_by_the_engine_that_made_its_preview() -> None:
    """Not by the one that ``auto`` is by then."""
    order = Order("text2music", {"output": {"preview_bars": 1}}, None, "auto", {"prefetch_next": True})
    finished = order.finish(TakeSeed(6), SHA, "neural")
    assert (finished.engine, finished.submission) == ("neural", {})
    assert finished.fields == {"output": {"seeds": [6], "preview_id": SHA}}
