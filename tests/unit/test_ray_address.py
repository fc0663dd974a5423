"""Addresses of Ray clusters, the resources in a text, and what is said of a cluster that does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from acebridge import ray_address
from acebridge.ray_address import endpoint_of, find_problem, is_place, read_resources


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("local", True), ("ray://auto", True), ("ray://192.168.1.20:10001", True), ("ray://studio.local:10001", True),
        ("ray://[::1]:10001", True), ("ray://studio.local", False), ("ray://:1", False), ("ray://a:0", False),
        ("ray://a:70000", False), ("192.168.1.20:10001", False), ("", False), ("auto", False), ("ray://", False),
    ],
)  # fmt: skip
def test_which_places_there_are(text: str, is_one: bool) -> None:
    assert is_place(text) == is_one


def test_where_a_cluster_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert endpoint_of("ray://[::1]:10001") == ("::1", 10001)
    assert endpoint_of("ray://auto") is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("192.168.1.20:6379\n")
    assert endpoint_of("ray://auto") == ("192.168.1.20", 6379)
    monkeypatch.setenv("RAY_ADDRESS", "192.168.1.21:6379")
    assert endpoint_of("ray://auto") == ("192.168.1.21", 6379)


def test_a_cluster_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_address, "find_spec", lambda _: True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        assert find_problem(f"ray://127.0.0.1:{port}") is None
    problem = find_problem(f"ray://127.0.0.1:{port}")
    assert problem is not None
    assert problem.says == f"The Ray cluster at ray://127.0.0.1:{port} cannot be reached: Connection refused."
    assert problem.remedy == (
        f"Start it with `ray start --head --ray-client-server-port {port}` on its first machine, or set workers to"
        ' "local" in config.toml.'
    )
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    problem = find_problem("ray://auto")
    assert problem is not None
    assert problem.says == "The Ray cluster at ray://auto cannot be reached: no Ray runs on this machine."


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_address, "find_spec", lambda _: None)
    problem = find_problem("ray://auto")
    assert problem is not None
    assert problem.says == "Workers are on ray://auto, and Ray is not installed."
    assert "ray" in problem.remedy


def test_resources_in_a_text() -> None:
    assert read_resources("CPU=4, GPU = 1,studio=0.5") == {"CPU": "4", "GPU": "1", "studio": "0.5"}
    for text in ("", "CPU", "CPU=4,", "=4"):
        with pytest.raises(ValueError, match="must be names and amounts such as CPU=4,GPU=1"):
            read_resources(text)
