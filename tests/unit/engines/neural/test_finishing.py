"""Previews on a tiny checkpoint: what they hold, and that finishing them decodes what a whole take would have been."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio import decode
from acestep_runtime.engines.draft.engine import DraftEngine
from acestep_runtime.engines.neural import diffusion
from acestep_runtime.engines.neural import engine as engine_module
from acestep_runtime.engines.neural.engine import NeuralEngine
from acestep_runtime.errors import Cancelled, InvalidValue, UnsupportedTask
from acestep_runtime.latents_files import latents_path
from acestep_runtime.memory.need import NotEnoughMemory
from acestep_runtime.recording import NewFrames, TakeFiles, record
from acestep_runtime.take_latents import from_bytes
from acestep_runtime.tasks import TextToMusic, build_task
from acestep_runtime.vae.codec import Codec
from acestep_runtime.values import CancelToken
from tests.support.signals import noise
from tests.support.tiny_lm import tiny_lm
from tests.support.tiny_models import tiny_checkpoint, tiny_models

pytestmark = pytest.mark.slow
RATE_HZ, FRAME = 48_000, 1920


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Path) -> NeuralEngine:
    return NeuralEngine(models)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "song.wav", noise(2.5), RATE_HZ, subtype="FLOAT")
    return tmp_path / "song.wav"


@dataclass
class Work:
    """What was computed: denoising steps, and latent frames decoded and encoded."""

    steps: int = 0
    decoded: int = 0
    encoded: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    done = Work()
    denoise, decode_tile, encode_tile = diffusion._denoise, Codec._decode_tile, Codec._encode_tile

    def count_steps(*arguments: Any) -> Iterator[Any]:
        for each in denoise(*arguments):
            done.steps += 1
            yield each

    def count_decoded(codec: Codec, latents: Any, span: tuple[int, int]) -> Any:
        done.decoded += span[1] - span[0]
        return decode_tile(codec, latents, span)

    def count_encoded(codec: Codec, read: Any, total: int, span: tuple[int, int], silence: Any) -> Any:
        done.encoded += span[1] - span[0]
        return encode_tile(codec, read, total, span, silence)

    monkeypatch.setattr(diffusion, "_denoise", count_steps)
    monkeypatch.setattr(Codec, "_decode_tile", count_decoded)
    monkeypatch.setattr(Codec, "_encode_tile", count_encoded)
    return done


def perform(folder: Path, engine: Any, task: str, output: dict[str, Any], **fields: Any) -> list[TakeFiles]:
    place = folder / f"made {len(list(folder.iterdir()))}"
    fields = {"sampling": {"steps": 2}, "output": {"seeds": [5], **output}, **fields}
    return [e for e in record(build_task(task, fields), engine, place, CancelToken()) if isinstance(e, TakeFiles)]


LAYERS = {"sampling": {"steps": 2, "skip_loop": True}, "music": {"bpm": 240.0}}
CASES = {
    "text2music": ("text2music", 1, {"duration_s": 2.0, "music": {"bpm": 200.0, "timesignature": 3}}),
    "repaint in the middle": ("repaint", 1, {"start_s": 0.3, "end_s": 2.2, "music": {"bpm": 240.0}}),
    "the region alone": (
        "repaint", 1, {"start_s": 0.3, "end_s": 2.2, "scope": "region", "match_loudness": False, "music": {"bpm": 240.0}},
    ),
    "music before the song": ("repaint", 1, {"start_s": -1.2, "end_s": 1.0, "music": {"bpm": 240.0}}),
    "layers": ("lego", 1, {"start_s": 0.3, "end_s": 2.2, "tracks": ["drums", "bass"], **LAYERS}),
    "at another rate": (
        "complete", 1,
        {"tracks": ["drums"], "output": {"sample_rate": 44_100, "channels": 1}, "music": {"bpm": 240.0}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_preview_is_the_beginning_and_finishing_it_gives_the_whole_to_the_byte(
    engine: NeuralEngine, song: Path, tmp_path: Path, work: Work, case: str
) -> None:
    task, bars, fields = CASES[case]
    more = dict(fields)
    output = more.pop("output", {})
    if task != "text2music":
        more |= {"source": {"path": str(song)}}
    (whole,) = perform(tmp_path, engine, task, output, **more)
    steps, decoded = work.steps, work.decoded
    assert steps
    work.steps = work.decoded = 0
    (preview,) = perform(tmp_path, engine, task, {**output, "preview_bars": bars}, **more)
    length = preview.metadata["preview"]
    assert work.steps == steps
    count = len(whole.outputs)
    assert 0 < work.decoded <= count * (round(length["duration_s"] * 25) + 5) < decoded
    for long, short in zip(whole.outputs, preview.outputs, strict=True):
        start = long.header.start_frame
        assert short.header.start_frame == start
        samples, all_samples = decode.read(short.path), decode.read(long.path)
        first = max(0.0, more.get("start_s", 0.0)) if more.get("scope") != "region" else 0.0
        fade = round(0.02 * long.header.sample_rate) if case == "the region alone" else 0
        assert len(samples) == round((first + length["duration_s"]) * long.header.sample_rate) + fade
        assert len(samples) < len(all_samples)
        loudest = np.abs(all_samples).max()
        assert np.abs(samples - all_samples[: len(samples)]).max() < 0.05 * loudest
        assert np.abs(samples[-FRAME:]).max() > 0
    work.steps = work.encoded = work.decoded = 0
    finishing = {**output, "preview_id": str(preview.outputs[0].path)}
    (finished,) = perform(tmp_path, engine, task, finishing, **more)
    assert [each.sha256 for each in finished.outputs] == [each.sha256 for each in whole.outputs]
    assert finished.metadata == whole.metadata
    assert (work.steps, work.encoded, work.decoded) == (0, 0, decoded)


def test_latents_of_a_preview_are_exact_up_to_where_it_ends(engine: NeuralEngine, tmp_path: Path) -> None:
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, duration_s=3.0)
    (whole,) = perform(tmp_path, engine, "text2music", {}, duration_s=3.0)
    short, long = (
        from_bytes(latents_path(take.outputs[0].path).read_bytes(), take.outputs[0].sha256) for take in (preview, whole)
    )
    assert short.exact.tolist() == [frame < 50 - short.reach for frame in range(50)]
    assert np.array_equal(short.latents[short.exact], long.latents[:50][short.exact])


def test_every_take_has_a_preview_and_each_is_finished_on_its_own(
    engine: NeuralEngine, tmp_path: Path, work: Work
) -> None:
    fields = {"duration_s": 1.5, "music": {"bpm": 240.0}}
    varied = {"takes": 2, "variation": 0.4, "variation_seeds": [8, 9]}
    whole = perform(tmp_path, engine, "text2music", varied, **fields)
    previews = perform(tmp_path, engine, "text2music", {**varied, "preview_bars": 1}, **fields)
    work.steps = 0
    for number, preview in enumerate(previews):
        output = {"variation": 0.4, "variation_seeds": [8 + number], "preview_id": str(preview.outputs[0].path)}
        (finished,) = perform(tmp_path, engine, "text2music", output, **fields)
        assert finished.outputs[0].sha256 == whole[number].outputs[0].sha256
    assert work.steps == 0


def test_a_preview_of_all_bars_is_the_take(engine: NeuralEngine, tmp_path: Path) -> None:
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, duration_s=2.0)
    assert "preview" not in preview.metadata
    assert preview.outputs[0].header.frames == 2 * RATE_HZ


def test_a_planned_take_is_finished_without_planning_it_again(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    tiny_checkpoint(tmp_path / "models")
    tiny_lm(tmp_path / "models")
    engine = NeuralEngine(tmp_path / "models")
    plans: list[int] = []
    plan = engine_module.plan_takes
    monkeypatch.setattr(engine_module, "plan_takes", lambda *each: plans.append(1) or plan(*each))
    music = {"bpm": 240.0, "keyscale": "C major", "timesignature": 4}
    fields = {"duration_s": 1.4, "music": music, "thinking": {"plan_first": True, "top_k": 20}}
    (whole,) = perform(tmp_path, engine, "text2music", {}, **fields)
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    assert preview.metadata["preview"]["tempo_from"] == "request"
    assert len(plans) == 2
    engine, work.steps = NeuralEngine(tmp_path / "models"), 0
    output = {"preview_id": str(preview.outputs[0].path)}
    (finished,) = perform(tmp_path, engine, "text2music", output, **fields)
    assert (len(plans), work.steps) == (2, 0)
    assert finished.outputs[0].sha256 == whole.outputs[0].sha256
    assert finished.metadata == whole.metadata
    assert finished.metadata["plan"]["codes"]


def test_a_take_without_a_plan_is_finished_without_one_also_where_a_language_model_has_come(
    tmp_path: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    tiny_checkpoint(tmp_path / "models")
    engine = NeuralEngine(tmp_path / "models")
    fields = {"music": {"bpm": 240.0, "lyrics": "la"}, "thinking": {"plan_first": True, "top_k": 20}}
    monkeypatch.setattr(TextToMusic, "_length_of_words", lambda *_: 1.4)
    (whole,) = perform(tmp_path, engine, "text2music", {}, **fields)
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    tiny_lm(tmp_path / "models")
    monkeypatch.setattr(engine_module, "plan_takes", lambda *_: pytest.fail("planned"))
    monkeypatch.setattr(engine_module, "plan_length", lambda *_: pytest.fail("planned"))
    work.steps = 0
    (finished,) = perform(tmp_path, engine, "text2music", {"preview_id": str(preview.outputs[0].path)}, **fields)
    assert work.steps == 0
    assert decode.read(finished.outputs[0].path).tolist() == decode.read(whole.outputs[0].path).tolist()
    assert "plan" not in finished.metadata
    assert "The preview was made without a plan, and so is the whole take." in finished.metadata["warnings"]


def test_no_other_engine_finishes_a_preview(engine: NeuralEngine, tmp_path: Path) -> None:
    fields = {"duration_s": 1.2, "music": {"bpm": 240.0}}
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    finishing = {"preview_id": str(preview.outputs[0].path)}
    with pytest.raises(
        UnsupportedTask, match="The draft engine cannot finish a preview: it would make another take"
    ) as caught:
        perform(tmp_path, DraftEngine(), "text2music", finishing, **fields)
    assert caught.value.remedy == (
        "Choose the engine that made the preview, neural, or leave out the preview to have another take."
    )
    task = build_task("text2music", {"sampling": {"steps": 2}, "output": {"seeds": [5], **finishing}, **fields})
    short = NeuralEngine(engine._folder, memory_bytes=1 << 20)
    with pytest.raises(NotEnoughMemory):  # the spare engine would make another take
        list(record(task, short, tmp_path / "spare", CancelToken(), spare=DraftEngine))


def test_a_preview_whose_finishing_was_cancelled_is_finished_later(
    engine: NeuralEngine, tmp_path: Path, work: Work
) -> None:
    fields = {"duration_s": 2.5, "music": {"bpm": 240.0}}
    (whole,) = perform(tmp_path, engine, "text2music", {}, **fields)
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    finishing = {"seeds": [5], "preview_id": str(preview.outputs[0].path)}
    task, cancel = build_task("text2music", {"sampling": {"steps": 2}, "output": finishing, **fields}), CancelToken()
    events = record(task, engine, tmp_path / "cancelled", cancel)
    assert any(isinstance(event, NewFrames) for event in events)  # which stops at the first
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)
    work.steps = 0
    (finished,) = perform(tmp_path, engine, "text2music", finishing, **fields)
    assert work.steps == 0
    assert finished.outputs[0].sha256 == whole.outputs[0].sha256


def test_what_does_not_fit_the_preview_is_made_again_or_refused(
    engine: NeuralEngine, tmp_path: Path, work: Work
) -> None:
    fields = {"duration_s": 1.2, "music": {"bpm": 240.0}}
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    place = preview.outputs[0].path
    finishing = {"preview_id": str(place)}

    def finish(*, warns: str, **more: Any) -> TakeFiles:
        work.steps = 0
        (made,) = perform(tmp_path, engine, "text2music", {**finishing, **more.pop("output", {})}, **{**fields, **more})
        assert work.steps == 2
        assert any(warns in warning for warning in made.metadata["warnings"]), made.metadata["warnings"]
        return made

    finish(warns="one of another request", music={"caption": "another song", "bpm": 240.0})
    finish(warns="one of another request", output={"seeds": [6]})
    good = latents_path(place).read_bytes()
    latents_path(place).unlink()
    lost = finish(warns="latents of the preview are not here")
    (whole,) = perform(tmp_path, engine, "text2music", {}, **fields)
    assert lost.outputs[0].sha256 == whole.outputs[0].sha256
    latents_path(place).write_bytes(good)
    with pytest.raises(InvalidValue, match="made by the model acestep-v15-turbo"):
        perform(tmp_path, engine, "text2music", finishing, sampling={"steps": 2, "model": "acestep-v15-base"}, **fields)


def test_a_preview_says_that_the_latents_of_its_source_were_lost_or_gained(
    engine: NeuralEngine, tmp_path: Path, work: Work
) -> None:
    (source,) = perform(tmp_path, engine, "text2music", {"seeds": [9]}, duration_s=2.5)
    place = source.outputs[0].path
    own = latents_path(place).read_bytes()
    fields = {"source": {"path": str(place)}, "start_s": 0.3, "end_s": 2.2, "music": {"bpm": 240.0}}

    def preview() -> dict[str, Any]:
        (made,) = perform(tmp_path, engine, "repaint", {"preview_bars": 1}, **fields)
        return {"preview_id": str(made.outputs[0].path)}

    def warnings_of(finishing: dict[str, Any], *, steps: int) -> list[str]:
        work.steps = 0
        (made,) = perform(tmp_path, engine, "repaint", finishing, **fields)
        assert work.steps == steps
        return [warning for warning in made.metadata.get("warnings", []) if "made again" in warning]

    with_latents = preview()
    assert not warnings_of(with_latents, steps=0)
    latents_path(place).unlink()
    (lost,) = warnings_of(with_latents, steps=2)
    assert lost == (
        "The latents that the source of the preview came with are not here any more, so the whole take was made again from its"
        " seed, which takes longer than to decode it."
    )
    without = preview()
    latents_path(place).write_bytes(own)
    (gained,) = warnings_of(without, steps=2)
    assert gained.startswith(
        "The source has latents now, and had none when the preview was made, so the whole take was made"
    )


def test_a_preview_is_finished_by_the_model_that_is_named_as_the_error_says(
    engine: NeuralEngine, tmp_path: Path, work: Work
) -> None:
    fields = {"duration_s": 1.2, "music": {"bpm": 240.0}}
    named = {"steps": 2, "model": "acestep-v15-turbo"}
    (whole,) = perform(tmp_path, engine, "text2music", {}, sampling=named, **fields)
    (preview,) = perform(tmp_path, engine, "text2music", {"preview_bars": 1}, **fields)
    work.steps = 0
    output = {"preview_id": str(preview.outputs[0].path)}
    (finished,) = perform(tmp_path, engine, "text2music", output, sampling=named, **fields)
    assert work.steps == 0
    assert finished.outputs[0].sha256 == whole.outputs[0].sha256
    assert "warnings" not in finished.metadata


def test_the_first_take_of_a_batch_is_whole_before_the_others_are_begun(
    engine: NeuralEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    denoise = diffusion._denoise

    def note_batch(model: Any, request: Any, spec: Any, batch: list[Any], timbre: Any) -> Any:
        batches.append(len(batch))
        return denoise(model, request, spec, batch, timbre)

    monkeypatch.setattr(diffusion, "_denoise", note_batch)
    monkeypatch.setattr(diffusion, "max_batch_takes", lambda *_, **__: 8)
    task = build_task("text2music", {"duration_s": 0.5, "sampling": {"steps": 1}, "output": {"seeds": [5], "takes": 4}})
    events = record(task, engine, tmp_path / "made", CancelToken())
    made = [(event.take, list(batches)) for event in events if isinstance(event, TakeFiles)]
    assert made == [(0, [1]), (1, [1, 3]), (2, [1, 3]), (3, [1, 3])]


@pytest.mark.parametrize("task", ["text2music", "lego"])
def test_audio_of_a_take_comes_while_it_is_decoded_and_before_the_next_one_is_begun(
    engine: NeuralEngine, tmp_path: Path, work: Work, song: Path, task: str
) -> None:
    fields: dict[str, Any] = {"duration_s": 2.5}
    if task == "lego":
        fields = {"source": {"path": str(song)}, "tracks": ["drums"], "scope": "region"}
    sampling = {"sampling": {"steps": 2, **({"skip_loop": True} if task == "lego" else {})}}
    asked = build_task(task, {**fields, **sampling, "output": {"seeds": [5], "takes": 2}})
    audio, ends = [], []
    for event in record(asked, engine, tmp_path / "made", CancelToken()):
        if isinstance(event, NewFrames):
            audio.append((event.output, work.steps, work.decoded))
        elif isinstance(event, TakeFiles):
            ends.append((work.steps, work.decoded))
    first = [(steps, decoded) for output, steps, decoded in audio if output == 0]
    assert {steps for steps, _ in first} == {2}  # none of the second take's
    assert first[0][1] < first[-1][1] == ends[0][1]
    assert len(first) == 2  # of two tiles
    assert ends[1][0] == 4


def test_the_draft_engine_makes_the_whole_take_and_says_so(tmp_path: Path) -> None:
    fields = {"duration_s": 2.0, "sampling": {}}
    (made,) = perform(tmp_path, DraftEngine(), "text2music", {"preview_bars": 1, "preview_id": ""}, **fields)
    assert made.outputs[0].header.frames == 2 * RATE_HZ
    assert "preview_bars 1 had no effect: the draft engine makes the whole take at once." in made.metadata["warnings"]
