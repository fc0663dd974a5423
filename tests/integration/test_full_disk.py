"""A disk without one free byte: what needs no room goes on, all else is refused with the reason, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2
from tests.support.daemon import (
    assets,
    collect,
    create_tone_job,
    daemon_at,
    download,
    generate,
    job,
    song,
    until,
    until_state,
    write_wav,
)
from tests.support.small_disk import fill, mount_small_disk


def refusal(ask: Callable[[], object], disk: Path) -> JobFailed:
    """Ask until it is refused; the disk is filled again each time, for the daemon may have removed what it needs no more."""

    def ask_again() -> JobFailed | None:
        fill(disk / f"filler {len(list(disk.glob('filler*')))}")
        try:
            ask()
        except JobFailed as error:
            return error
        return None

    error = until(ask_again, "the disk to be full")
    assert error
    return error


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    mount_small_disk(disk, mib=24)
    filler = disk / "filler"
    with daemon_at(tmp_path / "disk" / "home", step_ms=5, reserve_bytes=2 << 20) as daemon:
        client = daemon.client
        assert client is not None
        kept, other = (client.upload(write_wav(tmp_path / "a.wav", song(1.0, seed=seed))).asset_id for seed in (1, 2))
        done = collect(generate(client, 0.2, seed=3)).job_id
        fill(filler)

        # Reading needs no room.
        assert download(client, kept)
        assert {kept, other} < {asset.id for asset in assets(client)}
        assert collect(client.watch(done)).completed
        # New things need it.
        for ask in (
            lambda: client.upload(write_wav(tmp_path / "b.wav", song(1.0, seed=4))),
            lambda: [create_tone_job(client, 0.2, seed=seed, priority="low") for seed in range(100, 200)],
        ):
            refused = refusal(ask, disk)
            assert refused.message.startswith("The disk that holds the data folder is full.")
            assert refused.kind is ErrorReason.DISK_FULL
        # What makes room has the reserve.
        client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=other))
        assert {asset.id for asset in assets(client)}.isdisjoint({other})

        daemon.hold(7)
        running, waiting = (create_tone_job(client, 0.2, seed=seed) for seed in (7, 8))
        fill(filler)
        daemon.kill()
        client = daemon.start()
        assert download(client, kept)
        assert collect(client.watch(done)).completed
        for file in disk.glob("filler*"):
            file.unlink()
        daemon.release()
        until_state(client, waiting, "succeeded")
        if until_state(client, running, "succeeded", "failed") == "failed":
            assert job(client, running).error.message.startswith("The disk ")
