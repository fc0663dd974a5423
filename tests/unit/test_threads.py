import threading

import pytest

from acestep_runtime import threads
from acestep_runtime.threads import parallel_map, run_concurrently
from tests.support.daemon import PATIENCE_S


@pytest.fixture(params=[1, 2, 16])
def cores(request, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(threads.os, "cpu_count", lambda: request.param)
    return request.param


@pytest.mark.usefixtures("cores")
def test_results_keep_their_order() -> None:
    assert parallel_map(lambda n: n * n, iter(range(9))) == [n * n for n in range(9)]
    assert parallel_map(lambda n: n, []) == []
    assert run_concurrently(lambda: 1, lambda: "two") == (1, "two")


def test_calls_run_in_parallel_only_with_a_core_for_each(cores: int) -> None:
    met = threading.Barrier(min(cores, 4))
    parallel_map(lambda _: met.wait(PATIENCE_S), range(min(cores, 4)))
    pair = threading.Barrier(min(cores, 2))
    run_concurrently(lambda: pair.wait(PATIENCE_S), lambda: cores > 1 and pair.wait(PATIENCE_S))


@pytest.mark.usefixtures("cores")
def test_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        parallel_map(lambda n: 1 / n, [1, 0, 2])
    for fails in ((lambda: 1 // 0, lambda: 1), (lambda: 1, lambda: 1 // 0)):
        with pytest.raises(ZeroDivisionError):
            run_concurrently(*fails)
