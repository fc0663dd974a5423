import threading

import pytest

from acestep_runtime import threads
from acestep_runtime.threads import both, side_by_side
from tests.support.daemon import PATIENCE_S


@pytest.fixture(params=[1, 2, 16])
def cores(request, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(threads.os, "cpu_count", lambda: request.param)
    return request.param


@pytest.mark.usefixtures("cores")
def test_results_keep_their_order() -> None:
    assert side_by_side(lambda n: n * n, iter(range(9))) == [n * n for n in range(9)]
    assert side_by_side(lambda n: n, []) == []
    assert both(lambda: 1, lambda: "two") == (1, "two")


def test_calls_wait_for_one_another_only_with_a_core_for_each(cores: int) -> None:
    met = threading.Barrier(min(cores, 4))
    side_by_side(lambda _: met.wait(PATIENCE_S), range(min(cores, 4)))
    pair = threading.Barrier(min(cores, 2))
    both(lambda: pair.wait(PATIENCE_S), lambda: cores > 1 and pair.wait(PATIENCE_S))


@pytest.mark.usefixtures("cores")
def test_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda n: 1 / n, [1, 0, 2])
    for fails in ((lambda: 1 // 0, lambda: 1), (lambda: 1, lambda: 1 // 0)):
        with pytest.raises(ZeroDivisionError):
            both(*fails)
