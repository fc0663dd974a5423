"""The fit of a take: measured for any engine, in one place, without a delay; corrected where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acestep_runtime.engines.base import Block, EngineEvent, EngineRequest, Metadata
from acestep_runtime.engines.fake import SILENT, FakeEngine, beats
from acestep_runtime.errors import Cancelled
from acestep_runtime.fit.measure import Fit
from acestep_runtime.recording import Ranking, TakeFiles, record
from acestep_runtime.tasks import TASKS, build_task, fit_listener
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, OutputLatents, Take, Task
from acestep_runtime.tasks.fit_listener import BAD_FIT, FitListener, closeness, warn_of, with_fit, without_source
from acestep_runtime.tasks.layer_tries import GOOD_FIT
from acestep_runtime.values import CancelToken
from tests.support import signals
from tests.support.daemon import write_wav

#: Seeds of the fake engine by what is wrong with their takes.
IN_TIME, LATE, FAST, SILENCE = 10, 11, 12, 10 + SILENT
FIT = {"caption": "fit", "bpm": 120.0}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("source") / "song.wav", signals.song())  # 120 bpm


def task_of(name: str, song: Path, **more: Any) -> Task:
    tracks = {"tracks": ["drums"]} if name in ("lego", "complete", "extract") else {}
    music = {} if name == "extract" else {"music": FIT}
    task = build_task(name, {"source": {"path": str(song)}, **music, **tracks, **more})
    task.validate()
    return task


def takes_of(task: Task, folder: Path, engine: Any = None) -> tuple[list[TakeFiles], list[Ranking]]:
    events = list(record(task, engine or FakeEngine(), folder, CancelToken()))
    return [each for each in events if isinstance(each, TakeFiles)], [e for e in events if isinstance(e, Ranking)]


def score_of(take: Take) -> Any:
    return take.metadata["score"]


@pytest.mark.parametrize(
    ("seed", "part", "words"),
    [(LATE, "fit.timing", "It is 120 ms late."), (FAST, "fit.tempo", "The tempo is about 126 bpm; the source has 120 bpm."),
     (SILENCE, "fit.silence", "It is silent.")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["lego", "complete"])
def test_a_bad_layer_scores_below_a_good_one_and_says_why(
    name: str, seed: int, part: str, words: str, song: Path, tmp_path: Path
) -> None:
    task = task_of(name, song, output={"tries": 2, "score_by": "fit", "seeds": [seed, IN_TIME], "keep_all": True})
    (bad, good), (ranking,) = takes_of(task, tmp_path)
    assert [each.seed for each in ranking.takes] == [IN_TIME, seed]
    assert score_of(good)["fit"] >= GOOD_FIT
    assert not good.metadata.get("warnings")
    score = score_of(bad)
    assert score["fit"] < BAD_FIT
    assert score["parts"][part] == min(score["parts"].values())
    assert score["notes"][0] == words
    (warning,) = bad.metadata["warnings"]
    assert warning.startswith(f"This fits its source badly ({score['fit']:.2f} of 1). {words} ")
    assert "Ask for another take" in warning or "ask for another take" in warning


def test_the_first_good_layer_ends_the_tries(song: Path, tmp_path: Path) -> None:
    output = {"tries": 5, "min_score": GOOD_FIT, "score_by": "fit", "seeds": [LATE, FAST, 20, 21, 22]}
    takes, (ranking,) = takes_of(task_of("lego", song, output=output), tmp_path)
    assert [take.seed for take in takes] == [LATE, FAST, 20]
    assert [each.seed for each in ranking.takes if each.kept] == [20]


def test_a_layer_without_more_words_has_three_tries_at_most(song: Path, tmp_path: Path) -> None:
    class Late(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert not request.auto_score  # the fit alone needs no score of an engine
            yield Block("drums", beats(LATE, request.frames, 120.0))

    takes, (ranking,) = takes_of(task_of("lego", song), tmp_path, Late())
    assert len(takes) == 3
    assert [each.kept for each in ranking.takes] == [True, False, False]
    assert all("It is 120 ms late." in take.metadata["warnings"][0] for take in takes)
    takes, (ranking,) = takes_of(task_of("lego", song, output={"tries": 1}), tmp_path / "one", Late())
    assert len(takes) == 1
    assert takes[0].metadata["warnings"]


def test_a_layer_of_silence_has_no_fit_and_no_more_tries(tmp_path: Path) -> None:
    silence = write_wav(tmp_path / "silence.wav", np.zeros((3 * 48_000, 2), np.float32))
    task = task_of("lego", silence, output={"tries": 3, "min_score": GOOD_FIT, "seeds": [IN_TIME, LATE, FAST]})
    (take,), _ = takes_of(task, tmp_path / "takes")
    assert score_of(take)["fit"] is None
    assert "too short or too quiet" in score_of(take)["missing"]["fit"]


@pytest.mark.parametrize("name", ["cover", "extract"])
def test_a_silent_result_fits_no_source(name: str, song: Path, tmp_path: Path) -> None:
    class Silent(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert request.source is not None
            yield Block(next(iter(request.tracks), "mix"), np.zeros_like(request.source))
            if request.tracks:
                yield Block("other", request.source)

    (take,), _ = takes_of(task_of(name, song, output={"auto_score": True, "seeds": [1]}), tmp_path, Silent())
    assert score_of(take)["fit"] == 0
    assert score_of(take)["notes"] == ["It is silent."]
    assert score_of(take)["missing"] == {"quality": "The fake engine gave no score for this take."}


def test_only_the_region_of_a_repaint_counts(song: Path, tmp_path: Path) -> None:
    class SilentRegion(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert request.source is not None
            made = request.source.copy()
            made[slice(*request.span)] = 0
            yield Block("mix", made)

    task = task_of("repaint", song, start_s=4.0, end_s=8.0, output={"auto_score": True, "seeds": [1]})
    (take,), _ = takes_of(task, tmp_path, SilentRegion())
    assert score_of(take)["fit"] == 0
    assert score_of(take)["notes"] == ["It is silent."]


def test_no_audio_waits_for_the_measurement(song: Path) -> None:
    made: list[str] = []

    class Slow(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            for number in range(request.frames // 48_000):
                made.append(f"made {number}")
                yield Block("drums", np.zeros((48_000, 2), np.float32))

    events = task_of("lego", song, output={"tries": 1, "seeds": [1]}).run(Slow(), CancelToken())
    made.extend("passed on" for event in events if isinstance(event, OutputBlock))
    assert made[:4] == ["made 0", "passed on", "made 1", "passed on"]


def test_a_take_that_is_not_to_be_scored_is_not_measured(song: Path, tmp_path: Path) -> None:
    (take,), rankings = takes_of(task_of("lego", song, output={"seeds": [LATE]}), tmp_path)
    assert "score" not in take.metadata
    assert not rankings


def test_the_scores_of_an_engine_stay(song: Path, tmp_path: Path) -> None:
    class Judge(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            yield Metadata({"score": {"quality": 0.5, "parts": {"clipping": 0.5}, "notes": ["It is clipped."]}})
            yield Block("drums", beats(LATE, request.frames, 120.0))

    (take,), _ = takes_of(task_of("lego", song, output={"auto_score": True, "seeds": [1]}), tmp_path, Judge())
    score = score_of(take)
    assert score["quality"] == 0.5
    assert score["notes"] == ["It is clipped.", "It is 120 ms late."]
    assert {"clipping", "fit.timing"} <= score["parts"].keys()
    assert "missing" not in score


def test_the_source_is_taken_out_of_a_mix_only_where_it_is_in_it() -> None:
    source, layer = signals.noise(2.0, seed=1), signals.noise(2.0, seed=2, rms=0.05)
    alone = without_source(0.5 * source + layer, source)
    assert alone is not None
    np.testing.assert_allclose(alone, layer, atol=0.01)
    assert without_source(signals.noise(2.0, seed=3), source) is None
    assert without_source(layer, np.zeros_like(source)) is None


@pytest.mark.parametrize("seed", [IN_TIME, LATE])
def test_a_mix_with_the_source_in_it_is_judged_without_it(seed: int, song: Path, tmp_path: Path) -> None:
    class OneMix(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert request.source is not None
            yield Block("mix", request.source + beats(seed, request.frames, 120.0))

    task = task_of("complete", song, output={"auto_score": True, "seeds": [1]})
    (take,), _ = takes_of(task, tmp_path, OneMix())
    assert (score_of(take)["fit"] >= GOOD_FIT) == (seed == IN_TIME)


def test_of_three_tracks_the_bad_one_is_named(song: Path, tmp_path: Path) -> None:
    class Three(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            for role, seed in (("drums", IN_TIME), ("percussion", LATE), ("fx", IN_TIME)):
                yield Block(role, beats(seed, request.frames, 120.0))

    task = task_of("lego", song, tracks=["drums", "percussion", "fx"], output={"auto_score": True, "seeds": [1]})
    (take,), _ = takes_of(task, tmp_path, Three())
    score = score_of(take)
    assert score["notes"] == ["percussion: It is 120 ms late."]
    assert score["fit"] < GOOD_FIT


def test_tracks_that_are_too_long_to_keep_are_measured_as_one(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_listener, "_MOST_BYTES", 1000)

    class Two(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            for role in ("drums", "percussion"):
                yield Block(role, beats(LATE, request.frames, 120.0))

    task = task_of("lego", song, tracks=["drums", "percussion"], output={"auto_score": True, "seeds": [1]})
    (take,), _ = takes_of(task, tmp_path, Two())
    assert score_of(take)["notes"] == ["It is 120 ms late."]


def test_samples_that_are_not_numbers_keep_no_source_in_a_mix() -> None:
    source, layer = signals.noise(2.0, seed=1), signals.noise(2.0, seed=2, rms=0.05)
    mix = source + layer
    mix[100] = np.nan
    alone = without_source(mix, source)
    assert alone is not None
    np.testing.assert_allclose(np.delete(alone, 100, axis=0), np.delete(layer, 100, axis=0), atol=0.01)


def test_a_cancel_ends_the_measurement_of_a_take() -> None:
    cancel = CancelToken()
    cancel.cancel()
    request = EngineRequest(TASKS["lego"], 480_000, 0, source=signals.song()[:480_000], tracks=("drums",))
    listener = FitListener(request, corrects=False, cancel=cancel)
    with pytest.raises(Cancelled):
        listener.add_fit({}, "fake")


def test_a_fit_that_cannot_be_measured_says_why() -> None:
    assert with_fit({"quality": 0.5, "missing": {"lm": "no"}}, Fit(1.0, {})) == {
        "quality": 0.5, "fit": None,
        "missing": {"lm": "no", "fit": "The source or the take is too short or too quiet for it."},
    }  # fmt: skip


def test_a_warning_names_the_worst_faults_and_what_to_change() -> None:
    fit = Fit(0.123, {"timing": 0.1}, ("A.", "B.", "C."), "timing", "Ask for another take.")
    assert warn_of(fit) == "This fits its source badly (0.12 of 1). A. B. Ask for another take."


@pytest.mark.parametrize(
    ("task", "fields", "value"),
    [
        ("cover", {"strength": 0.25}, 0.25), ("repaint", {"mode": "conservative"}, 1.0),
        ("repaint", {"mode": "balanced", "strength": 0.25}, 0.75), ("repaint", {"mode": "aggressive"}, 0.0), ("lego", {}, None),
    ],
)  # fmt: skip
def test_how_closely_a_take_was_to_follow_its_source(task: str, fields: dict[str, Any], value: float | None) -> None:
    assert closeness(EngineRequest(TASKS[task], 1, 0, **fields)) == value


# ---- corrected ----


def move_earlier(_source: Any, result: Any, _fit: Fit, _cancel: CancelToken) -> tuple[Any, tuple[str, ...]]:
    """A correction with a known truth: 120 ms earlier, where that is the fault."""
    if not np.nan_to_num(result).any():
        return result, ()
    moved = np.zeros_like(result)
    moved[:-5760] = result[5760:]
    return moved, ("It was moved by 120 ms.",)


@pytest.fixture
def corrects(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    double = ModuleType("acestep_runtime.fit.correct")
    double.correct_fit = move_earlier  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acestep_runtime.fit.correct", double)


@pytest.mark.usefixtures("corrects")
def test_a_late_take_is_held_and_moved(song: Path) -> None:
    task = task_of("lego", song, output={"fix_timing": True, "seeds": [LATE]})
    events = list(task.run(FakeEngine(), CancelToken()))
    made = np.concatenate([event.samples for event in events if isinstance(event, OutputBlock)])
    expected = beats(IN_TIME, len(made), 120.0)
    np.testing.assert_allclose(made[: len(made) - 5760], expected[: len(made) - 5760], atol=1e-6)
    (take,) = (event for event in events if isinstance(event, Take))
    assert take.metadata["notes"] == ["It was moved by 120 ms."]
    assert score_of(take)["fit"] >= GOOD_FIT


@pytest.mark.usefixtures("corrects")
def test_a_mix_follows_its_tracks_and_latents_of_what_was_moved_go(song: Path) -> None:
    class Both(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert request.source is not None
            made = beats(LATE, request.frames, 120.0)
            latents: Any = object()
            yield Block("mix", request.source + made, latents=latents)
            yield Block("drums", made, latents=latents)
            yield Block("bass", np.zeros_like(made))

    task = task_of("complete", song, tracks=["drums", "bass"], output={"fix_timing": True, "seeds": [1]})
    events = list(task.run(Both(), CancelToken()))
    roles = {event.role: event.output for event in events if isinstance(event, OutputHeader)}
    made = {role: np.concatenate([e.samples for e in events if isinstance(e, OutputBlock) and e.output == output])
            for role, output in roles.items()}  # fmt: skip
    source = signals.song()
    np.testing.assert_allclose(made["mix"], source + made["drums"], atol=1e-6)
    np.testing.assert_allclose(made["drums"][:-5760], beats(IN_TIME, len(source), 120.0)[:-5760], atol=1e-6)
    assert not any(isinstance(event, OutputLatents) for event in events)
    (take,) = (event for event in events if isinstance(event, Take))
    assert take.metadata["notes"] == ["drums: It was moved by 120 ms."]


@pytest.mark.usefixtures("corrects")
def test_what_stays_as_it_is_keeps_its_latents() -> None:
    class Odd(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            made = np.zeros((request.frames, 2), np.float32)
            made[5] = np.nan
            latents: Any = object()
            yield Block("drums", made, latents=latents)

    request = EngineRequest(TASKS["lego"], 96_000, 0, source=signals.song()[:96_000], tracks=("drums",))
    listener = FitListener(request, corrects=True)
    (block, *_) = (each for each in listener.follow(Odd().run(request, CancelToken())) if isinstance(each, Block))
    assert block.latents is not None


@pytest.mark.usefixtures("corrects")
def test_one_mix_with_the_source_is_left_alone(song: Path) -> None:
    class OneMix(FakeEngine):
        def run(self, request: EngineRequest, _cancel: CancelToken) -> Iterator[EngineEvent]:
            assert request.source is not None
            yield Block("mix", request.source + beats(LATE, request.frames, 120.0))

    task = task_of("complete", song, output={"fix_timing": True, "seeds": [1]})
    (take,) = (event for event in task.run(OneMix(), CancelToken()) if isinstance(event, Take))
    assert take.metadata["notes"] == ["The timing was not fixed: the accompaniment comes as one mix with the source."]


def test_a_late_layer_comes_in_time_and_again_from_its_recipe(song: Path, tmp_path: Path) -> None:
    """With the correction that users get: 120 ms late, which is 5,760 frames."""
    from acestep_runtime.audio.tags.names import names_in_wave
    from acestep_runtime.audio.tags.riff import read_chunks
    from acestep_runtime.recipes import parse_recipe
    from acestep_runtime.tasks import to_fields

    (take,), (ranking,) = takes_of(task_of("lego", song, output={"fix_timing": True}, music={**FIT, "caption": "late"}),
                                   tmp_path)  # fmt: skip
    assert len(ranking.takes) == 1, "the first try fits once it is corrected"
    assert score_of(take)["fit"] >= GOOD_FIT
    (note,) = take.metadata["notes"]
    assert note.startswith("It was moved 12")
    (output,) = take.outputs
    with output.path.open("rb") as file:
        recipe = parse_recipe(names_in_wave(read_chunks(file))["recipe"], "drums.wav")
    assert recipe.fields["output"] == {"fix_timing": True}
    again: Any = to_fields(recipe.to_task())
    (same,), rankings = takes_of(build_task("lego", {**again, "source": {"path": str(song)}}), tmp_path / "again")
    assert not rankings
    samples = [each.outputs[0].path.read_bytes() for each in (take, same)]
    assert samples[0][-400_000:] == samples[1][-400_000:]


def test_a_listener_needs_a_source() -> None:
    from acestep_runtime.errors import EngineFailure

    with pytest.raises(EngineFailure, match="lego has no source to fit"):
        FitListener(EngineRequest(TASKS["lego"], 1, 0), corrects=False)
