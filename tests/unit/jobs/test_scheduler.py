"""The scheduler with in-process workers and a manual clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import NotFound, Unavailable
from tests.support.daemon import PATIENCE_S
from tests.support.fake_worker import Core, asset_id, core_at, play, wav_bytes


def test_a_job_that_succeeds(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        ends: list[str] = []
        core.scheduler.on_end = lambda: ends.append("end")
        job_id = await core.submit()
        order = await core.worker.next_order()
        assert (order["op"], order["id"], order["engine"]) == ("job", job_id, "fake")
        assert core.scheduler.running == {"cpu": job_id}
        core.worker.say({"type": "progress", "body": {"stage": "sampling", "fraction": 0.5, "eta_s": None}})
        core.worker.make_take()
        core.worker.finish()
        job = await core.wait_for_end(job_id)
        assert (job.state, job.attempts, job.error) == ("succeeded", 1, {})
        assert job.progress == {"stage": "done", "fraction": 1.0, "eta_s": None}
        assert job.results() == [asset_id(0.5)]
        assert core.store.path(asset_id(0.5)).read_bytes() == wav_bytes(0.5)
        expected_kinds = ["queued", "started", "progress", "header", "audio", "audio", "take", "progress", "completed"]
        assert await core.kinds(job_id) == expected_kinds
        assert not core.spool.job_folder(job_id).exists()
        await core.submit()
        await core.worker.next_order()
        assert ends == ["end"]

    play(tmp_path, scenario)


def test_a_job_that_another_engine_takes_over_is_a_job_of_that_engine(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit(spare="draft", auto_gen=True, session="one")
        order = await core.worker.next_order()
        assert order["op"] == "job"
        assert (order["engine"], order["spare"]) == ("fake", "draft")
        core.worker.say({"type": "engine", "body": {"engine": "draft", "note": "Memory was short."}})
        core.worker.make_take()
        core.worker.finish()
        job = await core.wait_for_end(job_id)
        assert (job.engine, job.note, job.spare, job.attempts) == ("draft", "Memory was short.", "", 1)
        bodies: list[Any] = [event.body async for batch in core.journal.watch(job_id) for event in batch]
        engines = [body["engine"] for body in bodies if "engine" in body]
        assert engines == ["fake", "draft", "draft"]  # started, started again, completed
        following = await core.worker.next_order()
        assert following["op"] == "job"
        assert (following["engine"], following["note"]) == ("draft", "Memory was short.")

    play(tmp_path, scenario)


def test_readers_find_an_output_at_every_moment(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        adopt, seen = core.store.adopt, []

        async def adopt_and_look(file: Path, asset: str, name: str, **more: Any) -> Any:
            seen.append([path.exists() for path in core.spool.paths(job_id, 0)])
            result = await adopt(file, asset, name, **more)
            seen.append([path.exists() for path in core.spool.paths(job_id, 0)])
            return result

        core.store.adopt = adopt_and_look
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.begin_output()
        (growing,) = core.spool.paths(job_id, 0)
        assert growing.read_bytes() == wav_bytes(0.5)[: -4 * 50]
        growing.unlink()
        core.worker.make_take()
        core.worker.finish()
        await core.wait_for_end(job_id)
        assert seen == [[True, False], [False, True]]

    play(tmp_path, scenario)


def test_a_job_that_fails_and_the_next_one(tmp_path: Path) -> None:
    error = {"kind": "InvalidValue", "message": "No.", "remedy": "Yes.", "details": {"field": "steps"}}

    async def scenario(core: Core) -> None:
        first, second = await core.submit(), await core.submit(seeds=[2])
        await core.worker.next_order()
        core.worker.begin_output()
        core.worker.fail(error)
        job = await core.wait_for_end(first)
        assert (job.state, job.error, job.takes) == ("failed", error, ())
        assert await core.kinds(first) == ["queued", "started"]
        assert (await core.worker.next_order())["id"] == second
        core.worker.finish()
        assert (await core.wait_for_end(second)).state == "succeeded"
        assert core.worker.kills == 0

    play(tmp_path, scenario)


def test_what_arrives_together_is_written_together_and_a_take_before_an_error_stays(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        append, written = core.journal.append, []

        async def count(job_id: str, events: Any) -> None:
            written.append([kind for kind, _ in events])
            await append(job_id, events)

        core.journal.append = count
        job_id = await core.submit(seeds=[0, 1])
        await core.worker.next_order()
        for fraction in (0.1, 0.2, 0.3):
            core.worker.say({"type": "progress", "body": {"stage": "x", "fraction": fraction, "eta_s": None}})
        core.worker.make_take()
        core.worker.fail({"kind": "EngineFailure", "message": "No.", "remedy": "", "details": {}})
        job = await core.wait_for_end(job_id)
        assert (job.state, job.results()) == ("failed", [asset_id(0.5)])
        # Before a take is stored, which may take long, all that came before it.
        assert written == [["progress"] * 3 + ["header", "audio", "audio"], ["take"]]

    play(tmp_path, scenario)


def test_takes_are_ranked_and_unchosen_takes_are_deleted(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        job_id = await core.submit(seeds=[0, 1], output={"tries": 2})
        await core.worker.next_order()
        core.worker.make_take(0, level=0.25)
        core.worker.make_take(1, level=0.5)
        core.worker.rank((1, 0.9, True), (0, 0.1, False))
        core.worker.finish()
        job = await core.wait_for_end(job_id)
        assert job.results() == [asset_id(0.5)]
        completed = [e async for batch in core.journal.watch(job_id) for e in batch][-1].body
        assert completed["ranking"] == [
            {"take": 1, "seed": 1, "score": 0.9, "chosen": True},
            {"take": 0, "seed": 0, "score": 0.1, "chosen": False},
        ]
        await core.submit()
        await core.worker.next_order()  # by now the end of the first one is behind
        with pytest.raises(NotFound):
            await core.store.get(asset_id(0.25))

    play(tmp_path, scenario)


def test_a_deleted_source_fails_the_job(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        file = tmp_path / "source.wav"
        file.write_bytes(wav_bytes(0.1))
        source = (await core.store.adopt(file, asset_id(0.1), "source.wav")).id
        core.store.path(source).unlink()
        job_id = await core.submit(sources=[source])
        job = await core.wait_for_end(job_id)
        assert job.error["message"] == f"There is no asset '{source}'."
        assert core.worker.untaken == 0
        with pytest.raises(NotFound, match="There is no asset 'gone'"):
            await core.submit(sources=["gone"])

    play(tmp_path, scenario)


def test_a_source_that_lost_a_bit_fails_the_job_and_spares_the_worker(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        file = tmp_path / "source.wav"
        file.write_bytes(wav_bytes(0.1))
        source = (await core.store.adopt(file, asset_id(0.1), "source.wav")).id
        stored = core.store.path(source)
        stored.write_bytes(stored.read_bytes()[:-1] + b"x")
        job = await core.wait_for_end(await core.submit(sources=[source]))
        assert job.state == "failed"
        assert job.error["message"].startswith(f"The stored file of asset {source[:12]}… is damaged")
        assert (core.worker.untaken, core.worker.kills) == (0, 0)

    play(tmp_path, scenario)


def test_a_fault_of_the_daemon_ends_the_worker_and_the_job(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        async def fail(*_: Any) -> None:
            raise RuntimeError("no store today")

        adopt, core.store.adopt = core.store.adopt, fail
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.make_take()
        job = await core.wait_for_end(job_id)
        assert job.error["message"] == "The daemon failed while it ran this job."
        assert core.worker.kills == 1
        core.store.adopt = adopt
        job_id = await core.submit()
        await core.worker.next_order()
        core.worker.make_take()
        core.worker.finish()
        assert (await core.wait_for_end(job_id)).state == "succeeded"

    play(tmp_path, scenario)


# ---- several workers, stopping, models ----


def test_two_workers_run_two_jobs_at_once(tmp_path: Path) -> None:
    async def scenario(core: Core) -> None:
        jobs = [await core.submit(seeds=[seed]) for seed in range(3)]
        workers = [await core.worker_of(job_id) for job_id in jobs[:2]]
        assert core.scheduler.running == {w.device.name: job_id for w, job_id in zip(workers, jobs, strict=False)}
        assert set(core.scheduler.running) == {"cuda:0", "cuda:1"}
        workers[1].finish()
        await core.wait_for_end(jobs[1])
        assert await core.worker_of(jobs[2]) is workers[1]
        assert await core.scheduler.devices() == ["cuda:0", "cuda:1"]

    play(tmp_path, scenario, "cuda:0", "cuda:1")


def test_stopping_requeues_running_jobs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with core_at(tmp_path, "cuda:0", "cuda:1", obeys=False) as core:
            ids = [await core.submit(seeds=[seed]) for seed in range(3)]
            for job_id in ids[:2]:
                (await core.worker_of(job_id)).begin_output()
            await core.until(ids[0], "audio")
            await core.scheduler.cancel(ids[1])
            await core.scheduler.stop()
            states = [(job.state, job.attempts) for job in [await core.journal.get(job_id) for job_id in ids]]
            assert states == [("queued", 0), ("cancelled", 1), ("queued", 0)]
            assert [worker.kills for worker in core.workers] == [1, 1]
            assert not core.scheduler.running
            assert not core.spool.job_folder(ids[0]).parent.exists()
            with pytest.raises(Unavailable):
                await core.scheduler.manage_model("load", "turbo", "neural")

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))
