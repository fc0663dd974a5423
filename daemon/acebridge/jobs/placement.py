"""Which worker runs which job: pure functions over what waits, and the workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from acebridge.workers.base import Need, Worker


def should_take(worker: Worker, need: Need, others: Iterable[Worker]) -> bool:
    """Return whether a worker takes a job with this need, while ``others`` wait for jobs as well.

    One whose model is loaded elsewhere is left to a worker that has it.
    """
    if not worker.suits(need):
        return False
    if not need.model or need.model in worker.models:
        return True
    return not any(need.model in other.models and other.suits(need) for other in others)


def choose_preempted(
    waiting: Mapping[Need, int], idle: Sequence[Worker], prefetched: Sequence[tuple[str, Worker]]
) -> list[str]:
    """Return which of the ``prefetched`` jobs, each with its worker, end for requests that find no idle worker.

    ``waiting`` has the number of requests with each need. A job ends only on a worker that suits such a request: otherwise
    it would start again at once. The first ones in ``prefetched`` go first.
    """
    free, running, preempted = list(idle), list(prefetched), []
    workers = [*free, *(worker for _, worker in running)]
    # Those with the least choice first.
    for need in sorted(waiting, key=lambda need: sum(worker.suits(need) for worker in workers)):
        for _ in range(waiting[need]):
            found = next((worker for worker in free if worker.suits(need)), None)
            if found is not None:
                free.remove(found)
                continue
            last = next((each for each in running if each[1].suits(need)), None)
            if last is None:
                break
            running.remove(last)
            preempted.append(last[0])
    return preempted
