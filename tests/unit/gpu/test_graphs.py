"""Replayed results are those of the function, whatever changes between calls."""

from __future__ import annotations

import logging

import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

import torch
from torch import Tensor

from acestep_runtime.errors import InvalidValue
from acestep_runtime.gpu.graphs import GraphCache, find_recorder
from acestep_runtime.gpu.settings import VARIABLE
from tests.support.rerun_recorder import RerunRecorder

CPU = torch.device("cpu")


def work(kind: object, x: Tensor, *fixed: Tensor) -> Tensor:
    return sum((each * (index + 2) for index, each in enumerate(fixed)), x * int(str(kind)))


def numbers(*values: float) -> Tensor:
    return torch.tensor(values)


def test_the_first_call_runs_as_it_is_the_second_is_recorded_and_all_are_right() -> None:
    recorder = RerunRecorder()
    cache = GraphCache(work, recorder)
    results = [cache(3, (numbers(value, 1.0),)) for value in range(5)]
    assert [each.tolist() for each in results] == [[3.0 * value, 3.0] for value in range(5)]
    assert (recorder.recordings, recorder.replays) == (1, 4)


def test_fixed_inputs_may_be_other_ones_at_any_call() -> None:
    recorder, draw = RerunRecorder(), torch.Generator().manual_seed(1)
    cache = GraphCache(work, recorder)
    first, second, third = (torch.randn(4, generator=draw) for _ in range(3))
    for fixed in ((first, second), (first, second), (first, third), (second, third), (first, second)):
        x = torch.randn(4, generator=draw)
        assert torch.equal(cache(1, (x,), fixed), work(1, x, *fixed))
    assert recorder.recordings == 1


def test_fixed_inputs_are_copied_only_when_they_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, fixed, copies = GraphCache(work, RerunRecorder()), numbers(1.0, 2.0, 3.0), []
    copy = Tensor.copy_
    monkeypatch.setattr(Tensor, "copy_", lambda self, other: copies.append(other is fixed) or copy(self, other))
    for _ in range(4):
        cache(1, (numbers(1.0, 1.0, 1.0),), (fixed,))
    assert True not in copies


def test_a_result_outlives_the_next_calls() -> None:
    cache = GraphCache(work, RerunRecorder())
    results = [cache(1, (numbers(value),)) for value in (5.0, 6.0, 7.0, 8.0)]
    assert [float(each) for each in results] == [5.0, 6.0, 7.0, 8.0]


def test_kinds_shapes_and_dtypes_have_recordings_of_their_own() -> None:
    recorder = RerunRecorder()
    cache = GraphCache(work, recorder)
    calls = [(2, numbers(1.0)), (3, numbers(1.0)), (2, numbers(1.0, 2.0)), (2, numbers(1.0).double())]
    for _ in range(3):
        for kind, x in calls:
            result = cache(kind, (x,))
            assert torch.equal(result, work(kind, x))
            assert result.dtype == x.dtype
    assert recorder.recordings == 4


def test_the_least_recently_used_is_dropped() -> None:
    recorder = RerunRecorder()
    cache = GraphCache(work, recorder, limit=2)

    def call(kind: int) -> None:
        assert float(cache(kind, (numbers(1.0),))) == kind

    for kind in (1, 1, 2, 2, 1, 3, 3, 1):
        call(kind)
    assert recorder.recordings == 3
    call(2)
    call(2)
    assert recorder.recordings == 4


def test_after_clear_all_is_recorded_again() -> None:
    recorder = RerunRecorder()
    cache = GraphCache(work, recorder)
    for _ in range(2):
        for _ in range(3):
            assert float(cache(4, (numbers(2.0),))) == 8.0
        cache.clear()
    assert recorder.recordings == 2


@pytest.mark.parametrize("fault", [RuntimeError("operation not permitted"), torch.OutOfMemoryError("no memory")])
def test_where_recording_fails_all_calls_run_as_they_are_after_one_warning(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    cache = GraphCache(work, RerunRecorder(fault))
    with caplog.at_level(logging.WARNING):
        results = [float(cache(2, (numbers(value),))) for value in (1.0, 2.0, 3.0)]
        assert float(cache(5, (numbers(1.0),))) == 5.0
    assert results == [2.0, 4.0, 6.0]
    (record,) = caplog.records
    assert "No CUDA graph could be recorded" in record.getMessage()
    assert str(fault) in record.getMessage()


def test_another_error_of_the_function_is_not_hidden() -> None:
    cache = GraphCache(work, RerunRecorder(InvalidValue("x", "1", "2")))
    cache(2, (numbers(1.0),))
    with pytest.raises(InvalidValue):
        cache(2, (numbers(1.0),))


def test_without_a_recorder_nothing_is_kept() -> None:
    cache = GraphCache(work, None)
    assert [float(cache(2, (numbers(value),))) for value in (1.0, 2.0)] == [2.0, 4.0]


def test_graphs_are_off_by_default_and_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_recorder(torch.device("cuda")) is None
    monkeypatch.setenv(VARIABLE, "true")
    assert find_recorder(CPU) is None
    monkeypatch.setenv(VARIABLE, "perhaps")
    with pytest.raises(InvalidValue, match=VARIABLE):
        find_recorder(CPU)
