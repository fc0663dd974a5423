"""Chains of tasks on takes: the latents beside each result are what its audio was made from, wherever they are exact.

The engine here decodes a latent frame to 1,920 samples of its value, so each sample tells its latent.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio import decode, wav
from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import latents_path
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.take_latents import FRAME_SAMPLES, TakeLatents, read_latents
from acestep_runtime.tasks import build_task
from acestep_runtime.values import CancelToken

RATE_HZ = 48_000
REACH = 1


class StepEngine:
    """Decodes latents ``[T, 2]`` to steps: frame t is the value of its latent in all of its samples."""

    name = "steps"
    context_limit_s = math.inf
    supports_reference = supports_sampling = supports_planning = reads_context = False
    has_latents = True

    def __init__(self) -> None:
        self.requests: list[EngineRequest] = []

    def run(self, request: EngineRequest, cancel: CancelToken) -> Iterator[EngineEvent]:
        cancel.check()
        self.requests.append(request)
        frames = -(-request.frames // FRAME_SAMPLES)
        for number, role in enumerate(request.tracks or ("mix",)):
            draw = np.random.default_rng([request.seed, number])
            latents = (0.3 * draw.standard_normal((frames, 2))).astype(np.float16)
            samples = np.repeat(latents.astype(np.float32), FRAME_SAMPLES, axis=0)[: request.frames]
            own = TakeLatents(latents, np.ones(frames, bool), 0, "steps", REACH)
            at = request.frames // 3
            yield Block(role, samples[:at], own)
            yield Block(role, samples[at:])


def perform(folder: Path, task: str, engine: StepEngine, **fields: Any) -> list[Path]:
    """Run a task; return the files of its outputs."""
    place = Path(tempfile.mkdtemp(dir=folder))
    events = record(build_task(task, fields), engine, place, CancelToken())
    return [output.path for event in events if isinstance(event, TakeFiles) for output in event.outputs]


def own_latents(file: Path) -> TakeLatents | None:
    return read_latents(file, file.name, lambda: hash_file(file))


def exact_frames(file: Path) -> int:
    """Assert that the exact latents of a file are what each of its samples tells; return how many there are."""
    own = own_latents(file)
    if own is None:
        return 0
    samples = decode.read(file)
    assert -FRAME_SAMPLES < own.start <= 0
    assert len(own.exact) == -(-(len(samples) - own.start) // FRAME_SAMPLES)
    for frame in np.flatnonzero(own.exact):
        at = own.start + frame * FRAME_SAMPLES
        inside = samples[max(0, at) : at + FRAME_SAMPLES]
        assert len(inside)
        assert (inside == own.latents[frame].astype(np.float32)).all()
    return int(own.exact.sum())


def check_source(request: EngineRequest) -> None:
    """Assert that the latents that came with a source are what its samples tell, where there is audio."""
    own = request.source_latents
    assert request.source is not None
    assert own is not None
    assert len(own.exact) == -(-request.frames // FRAME_SAMPLES)
    for frame in np.flatnonzero(own.exact):
        first = max(request.known[0], frame * FRAME_SAMPLES)
        inside = request.source[first : min(request.known[1], (frame + 1) * FRAME_SAMPLES)]
        assert (inside == own.latents[frame].astype(np.float32)).all()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (file,) = perform(tmp_path, "text2music", StepEngine(), duration_s=6.01, output={"seeds": [1]})
    assert exact_frames(file) == 151
    return file


@given(
    steps=st.lists(
        st.tuples(
            st.floats(-0.7, 5.5),
            st.floats(0.05, 2.5),
            st.sampled_from([0.0, 0.3, 2.0, 30.0]),
            st.sampled_from([0.0, 20.0, 90.0]),
            st.booleans(),
            st.sampled_from(["whole", "whole", "whole", "region"]),
        ),
        min_size=1,
        max_size=4,
    ),
    part=st.sampled_from([(0.0, None), (0.0, None), (0.5, None), (0.04, 5.0)]),
)
@settings(max_examples=30, deadline=None)
def test_a_chain_of_repaints_keeps_latents_that_are_true(
    steps: list[tuple[float, float, float, float, bool, str]], part: tuple[float, float | None]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, engine = Path(scratch), StepEngine()
        (file,) = perform(folder, "text2music", engine, duration_s=6.01, output={"seeds": [1]})
        for seed, (start_s, length_s, context_s, crossfade_ms, match_loudness, scope) in enumerate(steps, 2):
            known = own_latents(file)
            total_s = decode.probe(file).duration_s
            cut = {} if total_s < 5.5 else {"start_s": part[0], "end_s": part[1]}
            start_s = min(start_s, total_s, 4.9 if cut else total_s)
            (file,) = perform(
                folder, "repaint", engine, source={"path": str(file), **cut}, start_s=start_s,
                end_s=max(0.0, start_s) + length_s, context_s=context_s, crossfade_ms=crossfade_ms,
                match_loudness=match_loudness, scope=scope, output={"seeds": [seed]},
            )  # fmt: skip
            if known is not None:
                check_source(engine.requests[-1])
            exact_frames(file)


def test_what_a_repaint_leaves_alone_keeps_its_latents_and_the_region_has_new_ones(song: Path, tmp_path: Path) -> None:
    engine = StepEngine()
    before = own_latents(song)
    (file,) = perform(
        tmp_path, "repaint", engine, source={"path": str(song)}, start_s=2.013, end_s=4.0, context_s=1.0,
        match_loudness=False, output={"seeds": [2]},
    )  # fmt: skip
    check_source(engine.requests[0])
    assert engine.requests[0].source_latents.exact.all()
    after = own_latents(file)
    # The region with its fades is 1.993 to 4.02 s, frames 49.8 to 100.5; one frame of reach on each side.
    untouched, new = [*range(48), *range(102, 151)], range(52, 99)
    assert exact_frames(file) == len(untouched) + len(new)
    assert after.exact[untouched].all()
    assert np.array_equal(after.latents[untouched], before.latents[untouched])
    assert not np.array_equal(after.latents[new], before.latents[new])


def test_a_window_lies_on_the_frames_of_a_take_and_nowhere_else_for_other_sources(song: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.wav"
    plain.write_bytes(song.read_bytes())
    for source, is_own in ((song, True), (plain, False)):
        engine = StepEngine()
        (file,) = perform(
            tmp_path, "repaint", engine, source={"path": str(source)}, start_s=2.013, end_s=3.0, context_s=1.0,
            output={"seeds": [2]},
        )  # fmt: skip
        (request,) = engine.requests
        assert (request.source_latents is not None) == is_own
        assert request.frames == (75 * FRAME_SAMPLES if is_own else round(2.987 * RATE_HZ))
        old, new = decode.read(song), decode.read(file)
        changed = np.flatnonzero((old != new).any(axis=1))
        assert (changed[0], changed[-1] + 1) == (round(1.993 * RATE_HZ), round(3.02 * RATE_HZ))


@pytest.mark.parametrize(
    "output", [{"sample_rate": 44_100}, {"channels": 1}, {"sample_rate": 44_100, "encoding": "pcm16"}]
)
def test_what_is_resampled_or_mixed_down_has_none_and_uses_none(
    song: Path, tmp_path: Path, output: dict[str, Any]
) -> None:
    engine = StepEngine()
    for task in ("repaint", "cover"):
        (file,) = perform(tmp_path, task, engine, source={"path": str(song)}, output={"seeds": [2], **output})
        assert not latents_path(file).exists()
    assert [request.source_latents for request in engine.requests] == [None, None]


def test_other_encodings_keep_them(tmp_path: Path) -> None:
    output = {"seeds": [1], "encoding": "pcm16"}
    (file,) = perform(tmp_path, "text2music", StepEngine(), duration_s=1.0, output=output)
    own = own_latents(file)
    assert own is not None
    assert own.exact.all()


def test_layers_have_them_in_their_region_and_stems_everywhere(song: Path, tmp_path: Path) -> None:
    engine, source = StepEngine(), {"path": str(song)}
    layers = perform(
        tmp_path, "lego", engine, source=source, tracks=["drums", "bass"], start_s=1.0, end_s=3.0, output={"seeds": [3]}
    )
    assert [exact_frames(file) for file in layers] == [48, 48]
    whole = perform(tmp_path, "lego", engine, source=source, tracks=["drums"], output={"seeds": [3]})
    stems = perform(tmp_path, "extract", engine, source=source, tracks=["drums", "bass"], output={"seeds": [3]})
    assert [exact_frames(file) for file in (*whole, *stems)] == [151, 151, 151]
    for request in engine.requests:
        check_source(request)


def test_an_engine_without_latents_does_not_look_for_any(song: Path, tmp_path: Path) -> None:
    engine = StepEngine()
    engine.has_latents = False
    perform(tmp_path, "cover", engine, source={"path": str(song)}, output={"seeds": [2]})
    assert engine.requests[0].source_latents is None


def test_a_source_whose_name_leaves_no_room_for_that_of_latents_has_none(song: Path, tmp_path: Path) -> None:
    long, engine = tmp_path / f"{'n' * 246}.wav", StepEngine()
    long.write_bytes(song.read_bytes())
    (file,) = perform(
        tmp_path, "repaint", engine, source={"path": str(long)}, start_s=2.0, end_s=3.0, match_loudness=False
    )
    assert engine.requests[0].source_latents is None
    assert exact_frames(file) > 0


def test_a_take_of_another_autoencoder_lends_nothing_to_what_is_made_of_it(song: Path, tmp_path: Path) -> None:
    from acestep_runtime.take_latents import write_latents

    own = own_latents(song)
    latents_path(song).unlink()
    write_latents(dataclasses.replace(own, vae="another"), song, hash_file(song))
    (file,) = perform(
        tmp_path, "repaint", StepEngine(), source={"path": str(song)}, start_s=2.0, end_s=4.0, match_loudness=False,
        output={"seeds": [2]},
    )  # fmt: skip
    after = own_latents(file)
    assert after.vae == "steps"
    assert np.flatnonzero(after.exact).tolist() == list(range(51, 99))


def test_a_44_1_khz_file_with_latents_of_its_own_is_resampled_and_uses_none(song: Path, tmp_path: Path) -> None:
    from acestep_runtime.take_latents import write_latents

    other = tmp_path / "other.wav"
    wav.write(other, decode.read(song), 44_100)
    write_latents(own_latents(song), other, hash_file(other))
    engine = StepEngine()
    perform(tmp_path, "cover", engine, source={"path": str(other)}, output={"seeds": [2]})
    assert engine.requests[0].source_latents is None
