"""What goes when old jobs are deleted, from lists of jobs and audio that are written down here."""

from __future__ import annotations

import pytest

from acebridge.cli.prune import Pruning, parse_size, plan
from acebridge.client.client import request_of
from acebridge.contract.tasks import wrap
from acebridge.v1 import assets_pb2, audio_pb2, jobs_pb2
from acestep_runtime.errors import InvalidValue

DAY_S = 86_400
NOW_S = 100 * DAY_S


def asset(name: str, days: float = 50, size: int = 10, *, pinned: bool = False) -> assets_pb2.Asset:
    made = assets_pb2.Asset(id=name, size_bytes=size, pinned=pinned)
    made.last_use_time.FromSeconds(round(NOW_S - days * DAY_S))
    return made


def job(name: str, days: float | None, *results: str, source: str = "", known: bool = True) -> jobs_pb2.Job:
    """A job that ended that many days ago; ``None`` for one that runs."""
    made = jobs_pb2.Job(id=name, takes=[{"outputs": [{"asset_id": result} for result in results]}])
    if known:
        audio = audio_pb2.AudioInput(asset_id=source) if source else None
        made.request.CopyFrom(wrap(request_of("cover" if source else "text2music", {}, audio)))
    if days is not None:
        made.end_time.FromSeconds(round(NOW_S - days * DAY_S))
    return made


def names(pruning: Pruning) -> tuple[list[str], set[str], int]:
    return [each.id for each in pruning.jobs], {each.id for each in pruning.assets}, pruning.size_bytes


def test_by_age_jobs_go_with_their_results_and_sources() -> None:
    jobs = [job("new", 2, "made new", source="song"), job("old", 9, "made old", source="only"), job("runs", None)]
    stored = [asset("made new"), asset("made old"), asset("song"), asset("only"), asset("alone", 20), asset("fresh", 3)]
    assert names(plan(jobs, stored, now_s=NOW_S, days=7, most_bytes=None)) == (
        ["old"], {"made old", "only", "alone"}, 30,
    )  # fmt: skip
    assert names(plan(jobs, stored, now_s=NOW_S, days=60, most_bytes=None)) == ([], set(), 0)
    assert names(plan(jobs, stored, now_s=NOW_S, days=0, most_bytes=None))[0] == ["old", "new"]


def test_what_a_job_that_stays_uses_and_what_is_pinned_stays() -> None:
    jobs = [job("new", 1, "same", source="song"), job("old", 9, "same", "pin", source="song")]
    stored = [asset("same"), asset("song"), asset("pin", pinned=True)]
    assert names(plan(jobs, stored, now_s=NOW_S, days=7, most_bytes=None)) == (["old"], set(), 0)


def test_down_to_a_size_the_oldest_go_first() -> None:
    jobs = [job(f"job {age}", age, f"made {age}") for age in (1, 2, 3)]
    stored = [asset(f"made {age}", age, 100) for age in (1, 2, 3)] + [asset("alone", 2.5, 100)]
    for most, gone in ((400, []), (399, ["job 3"]), (200, ["job 3"]), (199, ["job 3", "job 2"])):
        pruning = plan(jobs, stored, now_s=NOW_S, days=None, most_bytes=most)
        assert [each.id for each in pruning.jobs] == gone
        assert pruning.size_bytes >= 400 - most
    assert names(plan(jobs, stored, now_s=NOW_S, days=None, most_bytes=0))[2] == 400


def test_audio_of_the_last_hour_may_be_for_a_job_that_is_about_to_come() -> None:
    jobs = [job("old", 9, "made", source="song")]
    stored = [asset("song", 0.01), asset("alone", 0.01), asset("made", 0.01)]
    assert names(plan(jobs, stored, now_s=NOW_S, days=0, most_bytes=0)) == (["old"], {"made"}, 10)


def test_where_it_is_not_known_what_a_job_reads_nothing_but_results_goes() -> None:
    jobs = [job("new", 1, known=False), job("old", 9, "made", source="song")]
    stored = [asset("made"), asset("song"), asset("alone")]
    assert names(plan(jobs, stored, now_s=NOW_S, days=7, most_bytes=None)) == (["old"], {"made"}, 10)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1000", 1000), ("5GiB", 5 * 2**30), ("1.5 gb", 1_500_000_000), ("2k", 2000), ("3 MiB", 3 * 2**20)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "5 GX", "1e9"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InvalidValue, match="allowed: a size such as 5GiB, 500MB or 0"):
        parse_size(text)
