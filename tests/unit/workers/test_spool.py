"""Growing files, seen by their readers."""

from __future__ import annotations

from pathlib import Path

from acebridge.workers.spool import Spool


def test_an_output_grows_moves_and_is_forgotten(tmp_path: Path) -> None:
    spool, stored = Spool(tmp_path / "spool"), tmp_path / "stored"
    (growing,) = spool.paths("job", 3)
    assert growing == spool.job_folder("job") / "3.wav"
    with spool.append("job", 3) as file:
        file.write(b"one ")
        assert growing.read_bytes() == b"one "
    with spool.append("job", 3) as file:
        file.write(b"two")
    assert growing.read_bytes() == b"one two"
    assert spool.publish("job", 3, stored) == growing
    assert spool.paths("job", 3) == [growing, stored]
    assert spool.paths("job", 2) == [spool.job_folder("job") / "2.wav"]
    assert spool.paths("other", 3) == [spool.job_folder("other") / "3.wav"]
    growing.rename(stored)
    spool.remove("job")
    assert not spool.job_folder("job").exists()
    assert spool.paths("job", 3)[-1].read_bytes() == b"one two"
    spool.forget("job")
    assert spool.paths("job", 3) == [growing]
    spool.remove("job")  # what is not there is no error
    spool.forget("job")


def test_clearing_removes_everything(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for job in ("a", "b"):
        spool.append(job, 0).close()
        spool.publish(job, 0, tmp_path / job)
    spool.clear()
    assert not list(tmp_path.iterdir())
    assert spool.paths("a", 0) == [spool.job_folder("a") / "0.wav"]
