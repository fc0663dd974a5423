"""A backup is whole and right, whatever happens to the store meanwhile; a restore changes nothing before it knows so."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from acebridge.errors import AceBridgeError, Conflict, DataLoss, NotFound
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.backup import back_up
from acebridge.store.folder_lock import hold_folder
from acebridge.store.restore import restore
from acestep_runtime.errors import InvalidValue
from tests.support.stores import chunks_of, files_in, wav_bytes, with_store


async def fill(store: AssetStore) -> list[Asset]:
    folder = store.files.folder.parent
    assets = [await store.put(chunks_of(wav_bytes(folder, seed)), f"song {seed}") for seed in range(3)]
    await store.pin(assets[0].id, True)
    return assets


async def look(store: AssetStore) -> dict[str, tuple[str, bool, float]]:
    await store.adopt_strays()
    return {asset.id: (asset.name, asset.pinned, asset.created) for asset in await store.recent(9999)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text("port = 0\n")
    with_store(folder, fill)
    return folder


def test_there_and_back(home: Path, tmp_path: Path) -> None:
    made = back_up(home, tmp_path / "b.tar")
    size = sum(file.stat().st_size for file in (home / "assets").glob("*/*"))
    assert (made.files, made.size_bytes, made.damaged, made.missing) == (3, size, [], [])
    assert os.name == "nt" or (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    done = restore(tmp_path / "b.tar", tmp_path / "new")
    assert (done.files, done.damaged, done.before) == (3, 0, "")
    assert with_store(tmp_path / "new", look) == with_store(home, look)
    assert (tmp_path / "new" / "config.toml").read_text() == "port = 0\n"
    assert {file.name for file in tmp_path.iterdir()} == {"home", "new", "b.tar"}


def test_settings_that_lie_elsewhere_are_in_the_backup(home: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (home / "config.toml").rename(tmp_path / "dotfiles" / "acebridge.toml")
    (home / "config.toml").symlink_to(tmp_path / "dotfiles" / "acebridge.toml")
    back_up(home, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "new")
    restored = tmp_path / "new" / "config.toml"
    assert (restored.read_text(), restored.is_symlink()) == ("port = 0\n", False)


def test_data_that_are_there_are_replaced_only_on_request_and_kept_even_then(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    saved = with_store(home, look)

    async def one_more(store: AssetStore) -> None:
        await store.put(chunks_of(wav_bytes(tmp_path, 9)), "later")

    with_store(home, one_more)
    (home / "config.toml").write_text("port = 1\n")
    with pytest.raises(Conflict, match=r"holds data already\. Add --overwrite"):
        restore(tmp_path / "b.tar", home)
    assert len(files_in(home)) == 4
    done = restore(tmp_path / "b.tar", home, overwrite=True)
    assert with_store(home, look) == saved
    assert len(files_in(Path(done.before))) == 4
    assert (Path(done.before) / "acebridge.db").exists()
    assert (home / "config.toml").read_text() == "port = 1\n"


def test_neither_is_done_where_it_could_do_harm(home: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"something else")
    with pytest.raises(Conflict, match="exists already"):
        back_up(home, tmp_path / "b.tar")
    with pytest.raises(NotFound, match="There is no database"):
        back_up(tmp_path / "empty", tmp_path / "c.tar")
    with hold_folder(home), pytest.raises(Conflict, match="A daemon already serves"):
        restore(tmp_path / "b.tar", home, overwrite=True)
    assert (tmp_path / "b.tar").read_bytes() == b"something else"


def rewrite(file: Path, change: Callable[[tarfile.TarInfo, bytes], bytes | None]) -> None:
    """Write a tar file again with other contents; ``None`` leaves a member out."""
    with tarfile.open(file) as archive:
        members = [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as archive:
        for member, content in members:
            changed = change(member, content)
            if changed is not None:
                member.size = len(changed)
                archive.addfile(member, io.BytesIO(changed))


def _newer(member: tarfile.TarInfo, data: bytes) -> bytes:
    return json.dumps({**json.loads(data), "format": 9}).encode() if member.name == "manifest.json" else data


def _bad_database(member: tarfile.TarInfo, data: bytes) -> bytes:
    return data[:100] + os.urandom(len(data) - 100) if member.name == "acebridge.db" else data


def _with(name: str, content: bytes) -> Callable[[Path], None]:
    """Replace a member of a backup."""
    return lambda file: rewrite(file, lambda m, d: content if m.name == name else d)


def _damage_gzip(file: Path) -> None:
    data = bytearray(gzip.compress(file.read_bytes()))
    data[200:] = b"\xff" * (len(data) - 200)
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lambda file: file.write_bytes(b""), InvalidValue, r"it is no tar file, or its end is missing\.$"),
        (_damage_gzip, InvalidValue, r"it is no tar file, or its end is missing\.$"),
        (_with("manifest.json", b"{no"), DataLoss, "no whole backup"),
        (_with("manifest.json", b"\xff\xfe"), DataLoss, "no whole backup"),
        (_with("manifest.json", b"[]"), DataLoss, "no whole backup"),
        (_with("acebridge.db", b"x" * 5000), DataLoss, r"^The database in .* is damaged\.$"),
        (lambda file: file.write_bytes(b"dear diary" * 999), InvalidValue, r"is no backup of AceBridge"),
        (lambda file: os.truncate(file, file.stat().st_size // 2), DataLoss, r"is no whole backup: its end is missing"),
        (lambda file: rewrite(file, lambda m, d: None if m.name == "acebridge.db" else d), DataLoss, "no whole backup"),
        (lambda file: rewrite(file, _newer), Conflict, r"has format 9, and this AceBridge knows 1"),
        (lambda file: rewrite(file, _bad_database), DataLoss, r"The database .* is damaged"),
    ],
)
def test_a_backup_that_is_not_whole_changes_nothing(
    home: Path, tmp_path: Path, spoil: Callable[[Path], object], kind: type[Exception], says: str
) -> None:
    back_up(home, tmp_path / "b.tar")
    spoil(tmp_path / "b.tar")
    before = with_store(home, look)
    with pytest.raises(kind) as caught:
        restore(tmp_path / "b.tar", home, overwrite=True)
    assert re.search(says, getattr(caught.value, "message", str(caught.value)))
    assert "\n" not in str(caught.value)
    assert "acebridge repair" not in str(caught.value)  # that is for a data folder
    assert with_store(home, look) == before
    assert not list(home.glob("before-restore-*"))
    assert not list(home.glob("restore.part"))


def test_damaged_files_are_named_and_left_out(home: Path, tmp_path: Path) -> None:
    good, bad, gone = sorted(files_in(home))
    file = home / "assets" / bad[:2] / bad
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    (home / "assets" / gone[:2] / gone).unlink()
    made = back_up(home, tmp_path / "b.tar")
    assert (made.files, made.damaged, made.missing) == (1, [bad], [gone])
    done = restore(tmp_path / "b.tar", tmp_path / "new")
    assert (done.files, done.damaged) == (1, 1)
    assert with_store(tmp_path / "new", look).keys() == {good}


def test_a_member_with_a_name_of_its_own_goes_nowhere(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as archive:
        for name in ("../escape", "assets/ab/../../../escape", "/escape", "token"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("assets/ab/" + "ab" * 32)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    restore(tmp_path / "b.tar", tmp_path / "new")
    assert not list(tmp_path.rglob("escape"))
    assert not (tmp_path / "new" / "token").exists()
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_symlink()]


def test_a_backup_of_a_store_that_changes_is_of_one_moment(home: Path, tmp_path: Path) -> None:
    """Assets come and go while it is written. Each one that the copied database lists is in it."""
    sounds = [wav_bytes(tmp_path, seed) for seed in range(20, 60)]
    stop = threading.Event()

    async def change(store: AssetStore) -> None:
        for turn in range(10_000):
            if stop.is_set():
                return
            asset = await store.put(chunks_of(sounds[turn % 40], 1 << 20), "x")
            if turn % 2:
                with suppress(NotFound):
                    await store.delete(hashlib.sha256(sounds[(turn * 7) % 40]).hexdigest())
            assert asset.id

    thread = threading.Thread(target=with_store, args=(home, change))
    thread.start()
    try:
        backups = [back_up(home, tmp_path / f"{number}.tar") for number in range(3)]
    finally:
        stop.set()
        thread.join()
    for number, made in enumerate(backups):
        assert made.missing == made.damaged == []
        folder = tmp_path / f"restored {number}"
        assert restore(tmp_path / f"{number}.tar", folder).damaged == 0
        with closing(sqlite3.connect(folder / "acebridge.db")) as database:
            listed = {row[0] for row in database.execute("SELECT id FROM assets WHERE NOT missing")}
        assert listed <= files_in(folder)

        async def all_good(store: AssetStore) -> None:
            for asset_id in files_in(folder):  # noqa: B023
                with suppress(AceBridgeError):
                    await store.verify(asset_id)

        with_store(folder, all_good)
        assert listed <= files_in(folder)


def test_two_restores_in_one_second_keep_what_was_there_apart(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(home, tmp_path / "b.tar")
    monkeypatch.setattr(time, "strftime", lambda _: "before-restore-20261129-120000")
    before = [Path(restore(tmp_path / "b.tar", home, overwrite=True).before) for _ in range(3)]
    assert [folder.name[30:] for folder in before] == ["", "-2", "-3"]
    assert all((folder / "acebridge.db").exists() for folder in before)


@pytest.mark.parametrize("number", range(4))
def test_a_restore_that_fails_at_any_step_is_taken_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    back_up(home, tmp_path / "b.tar")
    before, rename, count = with_store(home, look), Path.rename, [0]
    listed = {file.name for file in home.iterdir()}

    def fail_once(self: Path, target: Path) -> Path:
        count[0] += 1
        if count[0] == number + 1:
            raise OSError(errno.EBUSY, "Device or resource busy", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(OSError, match="busy"):
        restore(tmp_path / "b.tar", home, overwrite=True)
    assert {file.name for file in home.iterdir()} - {"daemon.lock"} == listed
    monkeypatch.undo()
    assert with_store(home, look) == before


def test_assets_on_a_disk_of_their_own_are_not_moved(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(home, tmp_path / "b.tar")
    before = with_store(home, look)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == home / "assets")
    with pytest.raises(Conflict, match=r"assets is a disk of its own, which cannot be moved aside\. Unmount it"):
        restore(tmp_path / "b.tar", home, overwrite=True)
    assert with_store(home, look) == before
    assert not list(home.glob("before-restore-*"))


def test_a_backup_that_cannot_be_written_is_named_as_the_user_did(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target in (tmp_path / "nowhere" / "b.tar", home / "nowhere" / "b.tar"):
        with pytest.raises(InvalidValue) as caught:
            back_up(home, target)
        assert caught.value.message == f"{target} cannot be written: No such file or directory."
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(InvalidValue, match=r"b\.tar cannot be written: No space left on device\. Choose another place"):
        back_up(home, tmp_path / "b.tar")
    assert [file.name for file in tmp_path.iterdir()] == ["home"]


def test_what_is_restored_is_nobody_elses(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "b.tar")
    folder = tmp_path / "new"
    folder.mkdir(mode=0o755)
    restore(tmp_path / "b.tar", folder)
    assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
