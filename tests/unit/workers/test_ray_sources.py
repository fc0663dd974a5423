"""Sources on a node: kept once by their hash, checked when they arrive and when they are used, the oldest evicted."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from acebridge.workers.ray import sources
from acebridge.workers.ray.sources import SourceFolder, names_of, read_piece
from acestep_runtime.latents_files import latents_path, pack


def store(folder: Path, data: bytes) -> tuple[str, Path]:
    asset_id = hashlib.sha256(data).hexdigest()
    (folder / asset_id).write_bytes(data)
    return asset_id, folder / asset_id


def send(kept: SourceFolder, names: dict[str, Path]) -> int:
    """Send what is missing, as a relay does; return how many bytes that were."""
    sent = 0
    for name in kept.missing(list(names)):
        offset, is_last = 0, False
        while not is_last:
            piece, is_last = read_piece(names[name], offset)
            kept.keep(name, piece, offset, is_last=is_last)
            offset += len(piece)
        sent += offset
    return sent


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PIECE_BYTES", 7)


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 14, 50])
def test_a_source_is_sent_once(tmp_path: Path, size: int) -> None:
    asset_id, path = store(tmp_path, bytes(range(size)))
    kept = SourceFolder(tmp_path / "node")
    names = names_of({asset_id: str(path)})
    assert send(kept, names) == size
    assert send(kept, names) == 0
    job = tmp_path / "job"
    job.mkdir()
    assert kept.link(list(names), job) == {asset_id: str(job / asset_id)}
    assert (job / asset_id).read_bytes() == bytes(range(size))


def test_latents_go_along_and_stand_beside_their_audio(tmp_path: Path) -> None:
    asset_id, path = store(tmp_path, b"some audio")
    latents_path(path).write_bytes(pack({"audio": asset_id}, b"latents"))
    kept, job = SourceFolder(tmp_path / "node"), tmp_path / "job"
    names = names_of({asset_id: str(path)})
    assert len(names) == 2
    assert send(kept, names) == sum(each.stat().st_size for each in (path, latents_path(path)))
    job.mkdir()
    kept.link(list(names), job)
    assert latents_path(job / asset_id).read_bytes() == latents_path(path).read_bytes()
    # Other latents of the same audio are sent, and the audio is not.
    latents_path(path).write_bytes(pack({"audio": asset_id}, b"better latents"))
    assert send(kept, names_of({asset_id: str(path)})) == latents_path(path).stat().st_size


def test_damage_is_noticed_when_a_source_arrives_and_when_it_is_used(tmp_path: Path) -> None:
    asset_id, path = store(tmp_path, b"some audio")
    kept, job = SourceFolder(tmp_path / "node"), tmp_path / "job"
    with pytest.raises(ValueError, match="arrived damaged"):
        kept.keep(asset_id, b"some audit", 0, is_last=True)
    assert kept.missing([asset_id]) == [asset_id]
    assert not list((tmp_path / "node").iterdir())
    names = names_of({asset_id: str(path)})
    send(kept, names)
    (tmp_path / "node" / asset_id).write_bytes(b"some audit")
    job.mkdir()
    with pytest.raises(ValueError, match="was damaged on the node"):
        kept.link(list(names), job)
    assert kept.missing([asset_id]) == [asset_id]


def test_a_source_whose_sender_began_again_is_whole(tmp_path: Path) -> None:
    asset_id, path = store(tmp_path, bytes(range(20)))
    kept = SourceFolder(tmp_path / "node")
    kept.keep(asset_id, bytes(range(7)), 0, is_last=False)
    assert send(kept, names_of({asset_id: str(path)})) == 20


def test_the_least_recently_used_go_beyond_the_limit_and_orders_keep_theirs(tmp_path: Path) -> None:
    kept = SourceFolder(tmp_path / "node", max_bytes=25)
    assets = [store(tmp_path, bytes([n]) * 10) for n in range(3)]
    for age, (asset_id, path) in zip((30, 20), assets, strict=False):
        send(kept, names_of({asset_id: str(path)}))
        os.utime(tmp_path / "node" / asset_id, (age, age))
    job = tmp_path / "job"
    job.mkdir()
    ids = [asset_id for asset_id, _ in assets]
    kept.link(ids[1:2], job)
    send(kept, names_of({ids[2]: str(assets[2][1])}))
    assert kept.missing(ids) == [ids[1]]
    assert (job / ids[1]).read_bytes() == bytes([1]) * 10
