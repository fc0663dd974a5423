"""Takes as sources: their own latents in place of encoded ones, through chains of tasks, on a tiny checkpoint."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch

from acestep_runtime.audio import decode, wav
from acestep_runtime.engines import registry
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.guide import generate
from acestep_runtime.latents_files import latents_path
from acestep_runtime.recording import TakeFiles, record
from acestep_runtime.take_latents import TakeLatents
from acestep_runtime.tasks import build_task
from acestep_runtime.vae.codec import Codec
from acestep_runtime.values import CancelToken
from tests.support.chains import (
    CONTEXT_S,
    LENGTH_S,
    RATE_HZ,
    REACH,
    REGIONS,
    frames_outside,
    latents_of_file,
    samples_outside,
    window_of,
)
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow

SAMPLING = {"steps": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> NeuralEngine:
    return NeuralEngine(folder)


@dataclass
class Result:
    file: Path
    metadata: Any

    @property
    def latents(self) -> TakeLatents:
        own = latents_of_file(self.file)
        assert own is not None
        return own


def perform(folder: Path, engine: NeuralEngine, task: str, **fields: Any) -> Result:
    place = folder / str(len(list(folder.iterdir())))
    fields = {"sampling": SAMPLING, "output": {"seeds": [5]}, **fields}
    takes = [e for e in record(build_task(task, fields), engine, place, CancelToken()) if isinstance(e, TakeFiles)]
    return Result(takes[0].outputs[0].path, takes[0].metadata)


def repaint(folder: Path, engine: NeuralEngine, source: Path, start_s: float, end_s: float, **more: Any) -> Result:
    fields = {"source": {"path": str(source)}, "start_s": start_s, "end_s": end_s, "context_s": CONTEXT_S, **more}
    return perform(folder, engine, "repaint", **fields)


@pytest.fixture(scope="module")
def song(engine: NeuralEngine, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return perform(tmp_path_factory.mktemp("song"), engine, "text2music", duration_s=LENGTH_S)


@pytest.fixture
def frames_encoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The frames of each tile that is encoded."""
    counts: list[int] = []
    encode = Codec._encode_tile

    def count(codec: Codec, read: Any, total: int, span: tuple[int, int], silence: Any) -> Any:
        counts.append(span[1] - span[0])
        return encode(codec, read, total, span, silence)

    monkeypatch.setattr(Codec, "_encode_tile", count)
    return counts


def test_a_song_has_the_latents_that_it_is_decoded_from(engine: NeuralEngine, song: Result) -> None:
    own = song.latents
    assert own.latents.shape == (round(LENGTH_S * 25), 8)
    assert own.exact.all()
    assert (own.start, own.reach) == (0, REACH)
    assert "source_latents" not in song.metadata
    decoded = engine._model.codec.decode(torch.from_numpy(own.latents.astype(np.float32))[None])
    error = np.abs(np.concatenate(list(decoded)) - decode.read(song.file)).max()
    assert error < 1e-2  # float16 holds three digits
    assert error < 0.02 * np.abs(decode.read(song.file)).max()


@pytest.mark.parametrize("match_loudness", [True, False])
def test_ten_repaints_in_a_row_change_nothing_outside_neither_samples_nor_latents(
    engine: NeuralEngine, song: Result, tmp_path: Path, frames_encoded: list[int], match_loudness: bool
) -> None:
    made, before = song, decode.read(song.file)
    encoded = []
    for seed, region in enumerate(REGIONS, 10):
        frames_encoded.clear()
        exact = made.latents.exact[slice(*window_of(region))]
        made = repaint(
            tmp_path, engine, made.file, *region, output={"seeds": [seed]}, match_loudness=match_loudness
        )  # fmt: skip
        found = made.metadata["source_latents"]
        assert sum(frames_encoded) == found["encoded"]
        assert found == {"own": exact.sum(), "encoded": (~exact).sum()}
        encoded.append(found["encoded"])
    after = decode.read(made.file)
    kept = samples_outside(len(before))
    assert np.array_equal(after[kept], before[kept])
    assert (after[~kept] != before[~kept]).any(axis=1).mean() > 0.99
    frames = frames_outside(len(before))
    assert 200 < frames.sum() < 400
    assert made.latents.exact[frames].all()
    assert np.array_equal(made.latents.latents[frames], song.latents.latents[frames])
    assert made.latents.exact.sum() > frames.sum() or match_loudness
    assert encoded[:2] == [0, 0]  # the song is a take; regions far from others need no encoder
    assert min(encoded[2:]) == 0
    # Frames in which old and new meet are encoded, and regions that were made louder or softer; others never.
    assert sum(encoded) < (700 if match_loudness else 600)


def test_what_the_encoder_would_say_of_a_take_is_another_thing(
    engine: NeuralEngine, song: Result, tmp_path: Path, frames_encoded: list[int]
) -> None:
    plain = tmp_path / "plain.wav"
    shutil.copy(song.file, plain)
    (tmp_path / "made").mkdir()
    from_latents = repaint(tmp_path / "made", engine, song.file, 8.0, 9.0)
    assert not sum(frames_encoded)
    encoded = repaint(tmp_path / "made", engine, plain, 8.0, 9.0)
    assert sum(frames_encoded) >= 25 * (1 + 2 * CONTEXT_S)
    assert "source_latents" not in encoded.metadata
    assert not np.array_equal(decode.read(from_latents.file), decode.read(encoded.file))


def test_damaged_latents_are_as_none_at_all(
    engine: NeuralEngine, song: Result, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, damaged = tmp_path / "plain.wav", tmp_path / "damaged.wav"
    for file in (plain, damaged):
        shutil.copy(song.file, file)
    data = bytearray(latents_path(song.file).read_bytes())
    data[len(data) // 2] ^= 1
    latents_path(damaged).write_bytes(data)
    (tmp_path / "made").mkdir()
    with caplog.at_level(logging.WARNING, "acestep_runtime"):
        made = [repaint(tmp_path / "made", engine, file, 8.013, 9.0) for file in (plain, damaged)]
    assert np.array_equal(decode.read(made[0].file), decode.read(made[1].file))
    assert "The latents of damaged.wav are not used (not whole): it is encoded again." in caplog.text
    assert "plain.wav" not in caplog.text


def test_another_autoencoder_encodes(folder: Path, song: Result, tmp_path: Path, frames_encoded: list[int]) -> None:
    from safetensors.torch import load_file, save_file

    models, results = tmp_path / "models", tmp_path / "made"
    shutil.copytree(folder, models)
    results.mkdir()
    (weights,) = (models / "vae").glob("*.safetensors")
    tensors = load_file(weights)
    name = next(name for name in tensors if name.startswith("decoder") and name.endswith("bias"))
    tensors[name] = tensors[name] + 1
    save_file(tensors, weights, {"format": "pt"})
    made = repaint(results, NeuralEngine(models), song.file, 8.0, 9.0, match_loudness=False)
    assert "source_latents" not in made.metadata
    assert sum(frames_encoded) >= 25 * (1 + 2 * CONTEXT_S)
    assert made.latents.vae != song.latents.vae
    exact = np.flatnonzero(made.latents.exact)
    assert (exact[0], exact[-1]) == (200 + REACH, 225 - REACH - 1)  # nothing of the song


def test_flac_and_44_1_khz_are_encoded_and_the_result_starts_latents_of_its_own(
    engine: NeuralEngine, song: Result, tmp_path: Path, frames_encoded: list[int]
) -> None:
    samples = decode.read(song.file)
    results = tmp_path / "made"
    results.mkdir()
    soundfile.write(tmp_path / "song.flac", samples / np.abs(samples).max(), RATE_HZ, subtype="PCM_24")
    wav.write(tmp_path / "slow.wav", samples, 44_100)
    for name, rate_hz in (("song.flac", RATE_HZ), ("slow.wav", 44_100)):
        frames_encoded.clear()
        made = repaint(results, engine, tmp_path / name, 8.013, 9.5, match_loudness=False)
        assert "source_latents" not in made.metadata
        assert sum(frames_encoded) > 25 * 7
        if rate_hz == RATE_HZ:
            assert made.latents.exact.any()
            again = repaint(results, engine, made.file, 8.3, 8.4)
            assert again.metadata["source_latents"]["own"] == made.latents.exact.sum() > 10
        else:
            assert not latents_path(made.file).exists()


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("cover", {"strength": 0.5}),
        ("cover", {"sampling": {**SAMPLING, "skip_quantiser": True, "noise_strength": 0.3}}),
        ("cover", {"output": {"seeds": [6], "variation": 0.3, "variation_seeds": [9]}}),
        ("extract", {"tracks": ["vocals"], "sampling": {**SAMPLING, "skip_loop": True}}),
        ("extract", {"tracks": ["vocals"]}),
        ("complete", {"tracks": ["bass"]}),
        ("lego", {"tracks": ["drums"], "start_s": 1.0, "end_s": 4.0}),
        ("align_lyrics", {"music": {"lyrics": "la la la"}}),
    ],
)
def test_every_task_goes_on_from_the_latents_of_a_take(
    engine: NeuralEngine, song: Result, tmp_path: Path, frames_encoded: list[int], task: str, fields: dict[str, Any]
) -> None:
    source = {"source": {"path": str(song.file)}}
    if task == "align_lyrics":
        events = record(build_task(task, {**source, **fields}), engine, tmp_path / "0", CancelToken())
        assert any(isinstance(event, TakeFiles) for event in events)
    else:
        made = perform(tmp_path, engine, task, **source, **fields)
        assert made.metadata["source_latents"]["encoded"] == 0
        assert made.metadata["source_latents"]["own"] >= 25 * 4
        assert made.latents.exact.sum() == (75 - 2 * REACH if task == "lego" else 600)
    assert not frames_encoded


def test_codes_and_later_takes_have_latents_too(engine: NeuralEngine, tmp_path: Path) -> None:
    made = perform(tmp_path, engine, "text2music", codes=list(range(10)), duration_s=2.0)
    assert made.latents.exact.all()
    events = record(
        build_task("text2music", {"duration_s": 2.01, "sampling": SAMPLING, "output": {"seeds": [1, 2], "takes": 2}}),
        engine, tmp_path / "two", CancelToken(),
    )  # fmt: skip
    files = [output.path for event in events if isinstance(event, TakeFiles) for output in event.outputs]
    first, second = (latents_of_file(file) for file in files)
    assert first.latents.shape == second.latents.shape == (51, 8)
    assert not np.array_equal(first.latents, second.latents)


def test_the_python_api_goes_on_from_its_results(
    folder: Path, monkeypatch: pytest.MonkeyPatch, frames_encoded: list[int]
) -> None:
    monkeypatch.setenv("ACEBRIDGE_MODELS", str(folder))
    assert registry.ENGINES["neural"].name == "neural"
    before = made = generate(duration=LENGTH_S, seed=1, inference_steps=2, engine="neural")
    for seed, (start_s, end_s) in enumerate(REGIONS, 10):
        made = generate(
            "repaint", src_audio=made, repainting_start=start_s, repainting_end=end_s, seed=seed, inference_steps=2,
            engine="neural", match_loudness=False,
        )  # fmt: skip
        assert made["source_latents"]["encoded"] == sum(frames_encoded)
        frames_encoded.clear()
    own, first = latents_of_file(made.audio.path), latents_of_file(before.audio.path)
    frames = frames_outside(before.audio.frames)
    assert own.exact[frames].all()
    assert np.array_equal(own.latents[frames], first.latents[frames])
    kept = samples_outside(before.audio.frames)
    assert np.array_equal(made.audio.samples()[kept], before.audio.samples()[kept])


def test_takes_that_are_not_chosen_leave_no_latents(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_MODELS", str(folder))
    made = generate(duration=1.0, seed=1, inference_steps=1, engine="neural", best_of=3)
    place = made.audio.path.parent
    assert sorted(file.name for file in place.iterdir()) == [made.audio.path.name, f"{made.audio.path.name}.latents"]
