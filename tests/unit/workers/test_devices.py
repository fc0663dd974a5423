"""Finding devices in a separate process, and choosing among them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from acebridge.errors import InvalidSetting
from acebridge.workers import devices
from acebridge.workers.base import Device
from acebridge.workers.devices import CPU, choose_devices, find_devices

FIRST, SECOND = Device("cuda:0", "NVIDIA H100"), Device("cuda:1", "NVIDIA A10")


def choose(*names: str, found: Sequence[Device] = (FIRST, SECOND, CPU), parts: str = "") -> list[Device]:
    async def find() -> Sequence[Device]:
        return found

    return list(asyncio.run(choose_devices(names, find, parts)))


def test_auto_is_all_gpus_or_the_cpu() -> None:
    assert choose("auto") == [FIRST, SECOND]
    assert choose("auto", found=[CPU]) == [CPU]


def test_named_devices_are_taken_once_each_in_their_order() -> None:
    assert choose("cuda:1") == [SECOND]
    assert choose("cpu", "cuda:0", "cpu") == [CPU, FIRST]


@pytest.mark.parametrize("name", ["cuda:2", "cuda", "CPU", "auto, cpu", "gpu"])
def test_a_missing_device_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        choose("cuda:0", name)
    assert str(caught.value) == (
        f"There is no device {name!r} here. Set devices to one or more of these: cuda:0 (NVIDIA H100), cuda:1 (NVIDIA A10),"
        " cpu; or to auto."
    )


def test_one_worker_has_all_devices_of_parts() -> None:
    parts = "dit:1, lm:0"
    both = Device("cuda:1", "NVIDIA A10", parts)
    assert choose("auto", parts=parts) == [both]
    assert choose("cpu", parts=parts) == [both, CPU]
    assert str(both) == "cuda:1 (NVIDIA A10, parts dit:1, lm:0)"
    assert choose("auto", parts="dit:cpu") == [Device("cpu", parts="dit:cpu")]


@pytest.mark.parametrize(
    ("names", "parts", "says"),
    [
        (["auto"], "dit:0, lm:3", "There is no device 'cuda:3' here. Set parts to some of these: cuda:0"),
        (
            ["cuda:1"],
            "dit:0, lm:1",
            "Device cuda:1 would have two workers: parts has it (dit:0, lm:1), and devices too.",
        ),
        (["cuda:7"], "dit:0", "There is no device 'cuda:7' here. Set devices to one or more of these"),
    ],
)
def test_parts_on_missing_devices_or_on_those_of_others_are_refused(names: list[str], parts: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        choose(*names, parts=parts)
    assert str(caught.value).startswith(says)


def test_the_cpu_alone_needs_no_search() -> None:
    async def find() -> Sequence[Device]:
        raise AssertionError("searched")

    assert asyncio.run(choose_devices(["cpu"], find)) == [CPU]


TORCH = """
print("a library that prints")
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod(lambda name: f"Test GPU {name}")
class backends:
    class mps:
        is_available = staticmethod(lambda: False)
class xpu:
    is_available = staticmethod(lambda: False)
class device:
    def __init__(self, name): self.type = name.split(":")[0]
def inference_mode():
    return lambda function: function
def __getattr__(name):  # types, in annotations
    return type(name, (), {})
"""


@pytest.mark.parametrize(
    ("torch", "found", "warning"),
    [
        (TORCH, [Device("cuda:0", "Test GPU cuda:0"), Device("cuda:1", "Test GPU cuda:1"), CPU], ""),
        ("raise OSError('libcudart.so: no such file')", [CPU], "cannot look for devices; using the CPU"),
        ("import time; time.sleep(100)", [CPU], "looking for devices took too long; using the CPU"),
    ],
)
def test_torch_is_imported_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, torch: str, found: list[Device],
    warning: str,
) -> None:  # fmt: skip
    (tmp_path / "torch" / "nn").mkdir(parents=True)
    (tmp_path / "torch" / "__init__.py").write_text(torch)
    (tmp_path / "torch" / "nn" / "__init__.py").write_text("functional = None")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(devices, "find_spec", lambda _: "there")
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: True)
    if "too long" in warning:
        monkeypatch.setattr(devices, "_TIMEOUT_S", 0.5)
    work = tmp_path / "work"
    work.mkdir()
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(find_devices(work)) == found
    assert caplog.messages == [warning] * bool(warning)
    if "cannot" in warning:
        assert "libcudart.so" in caplog.records[0].__dict__["printed"]


@pytest.mark.parametrize(("has_torch", "has_driver"), [(False, True), (True, False)])
def test_without_torch_or_a_driver_it_is_the_cpu_and_no_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_torch: bool, has_driver: bool
) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _: "there" if has_torch else None)
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: has_driver)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", lambda *_, **__: pytest.fail("a process was started"))
    assert asyncio.run(find_devices(tmp_path)) == [CPU]
