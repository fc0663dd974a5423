"""Which workers the settings ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from acebridge.config import Config
from acebridge.errors import InvalidSetting
from acebridge.server import places
from acebridge.server.places import choose_places, make_workers
from acebridge.workers.base import Device
from acebridge.workers.launch import Spawner
from acebridge.workers.local import LocalWorker
from acebridge.workers.ray.worker import RayWorker


async def find() -> Sequence[Device]:
    return [Device("cpu")]


def test_workers_of_this_machine_and_of_a_cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "find_spec", lambda _: True)
    for workers, kind, names in (
        ("local", LocalWorker, ["cpu"]),
        ("ray://studio.local:10001", RayWorker, ["ray:0", "ray:1"]),
    ):
        config = Config(data_dir=home, workers=workers, ray_workers=2)
        chosen = asyncio.run(choose_places(config, find)())
        made = make_workers(config, chosen, Spawner(home), None, record=lambda _: None, wake=lambda: None)
        assert [worker.device.name for worker in made] == names
        assert {type(worker) for worker in made} == {kind}
        assert not any(worker.pid or worker.problem for worker in made)


def test_a_machine_without_ray_says_which_extra_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "find_spec", lambda _: None)
    with pytest.raises(InvalidSetting, match=r"^Setting workers is 'ray://auto', and Ray is not installed\.") as caught:
        asyncio.run(choose_places(Config(data_dir=home, workers="ray://auto"), find)())
    assert "ray" in caught.value.remedy
