"""Uploads in pieces: what has arrived stays, wherever they break, and only the whole file becomes an asset."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.errors import Busy, TooLarge
from acebridge.store import partial_uploads
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.partial_uploads import PartialUploads, Upload, upload_of
from acebridge.store.pieces import put_piece
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support.stores import chunks_of, files_in, wav_bytes, with_store


def id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def left_in(folder: Path) -> set[str]:
    """The names of the files of uploads that are under way."""
    return {file.name for file in (folder / "uploads").glob("*")}


async def put(
    store: AssetStore, data: bytes, start: int, stop: int, *, asset_id: str = "", owner: str = "laptop", size: int = 0
) -> Asset | int:
    """Send some of the bytes of a file."""
    upload = upload_of(asset_id or id_of(data), owner)
    return await put_piece(store, upload, data[start:stop], "a.wav", offset=start, size_bytes=size or len(data))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return wav_bytes(tmp_path_factory.mktemp("wav"), seconds=0.01)


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.floats(0, 1), max_size=6),
    overlaps=st.lists(st.integers(0, 600), min_size=8, max_size=8),
    restarts=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_any_cuts_and_restarts_give_the_whole_file(
    data: bytes, cuts: list[float], overlaps: list[int], restarts: list[bool]
) -> None:
    """Each piece may repeat some of what is there; before any of them the daemon may be another."""
    ends = [*sorted(round(cut * len(data)) for cut in cuts), len(data)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(batch: list[tuple[int, int]]) -> Asset | int:
            async def work(store: AssetStore) -> Asset | int:
                last: Asset | int = 0
                for start, stop in batch:
                    assert await put(store, data, 0, 0) == start  # where to go on
                    last = await put(store, data, max(start - overlaps[stop % 8], 0), stop)
                return last

            return with_store(folder, work)

        asset: Asset | int = 0
        batch: list[tuple[int, int]] = []
        for number, (start, stop) in enumerate(zip([0, *ends], ends, strict=False)):
            if restarts[number]:
                asset = run(batch) or asset
                batch = []
            if stop > start:
                batch.append((start, stop))
        asset = run(batch) or asset  # it may have come before a last cut at the end
        assert isinstance(asset, Asset)
        assert (asset.id, asset.size_bytes, asset.name) == (id_of(data), len(data), "a.wav")
        assert (folder / "assets" / asset.id[:2] / asset.id).read_bytes() == data
        assert left_in(folder) == set()


def test_what_does_not_join_is_refused_and_what_is_there_stays(tmp_path: Path, data: bytes) -> None:
    async def work(store: AssetStore) -> None:
        assert await put(store, data, 0, 1000) == 1000
        for start, stop, size, says in (
            (1001, 1100, 0, "offset_bytes is 1001; allowed: 0 to 1000, what has arrived."),
            (-1, 1100, 0, "offset_bytes is -1; allowed: 0 to 1000"),
            (1000, 1500, 1200, "size_bytes is 1200; allowed: 1500 or more"),
            (0, 0, 900, "size_bytes is 900; allowed: 1000 or more"),
            (0, 0, -1, "size_bytes is -1; allowed: 1 or more"),
        ):
            with pytest.raises(InvalidValue) as caught:
                await put(store, data, start, stop, size=size)
            assert caught.value.message.startswith(says)
            assert caught.value.remedy
        for size in ((1 << 30) + 1, partial_uploads.MAX_PARTIAL_BYTES + 1):
            with pytest.raises(TooLarge):
                await put(store, data, 0, 10, size=size)
        assert await put(store, data, 500, 900) == 1000
        assert (tmp_path / "uploads" / upload_of(id_of(data), "laptop").file_name).read_bytes() == data[:1000]
        assert files_in(tmp_path) == set()

    with_store(tmp_path, work)


def test_a_file_that_is_too_large_for_pieces_is_refused(tmp_path: Path, data: bytes) -> None:
    async def work(store: AssetStore) -> None:
        with pytest.raises(TooLarge, match=r"too large for pieces\. Send it with UploadAsset\.$"):
            await put(store, data, 0, 10, size=partial_uploads.MAX_PARTIAL_BYTES + 1)

    with_store(tmp_path, work, limit=1 << 40)


def test_bytes_of_another_hash_leave_nothing(tmp_path: Path, data: bytes) -> None:
    async def work(store: AssetStore) -> None:
        assert await put(store, data, 0, 2000, asset_id="ab" * 32) == 2000
        with pytest.raises(InvalidValue, match=r"are not those of abababababab….*first byte") as caught:
            await put(store, data, 2000, len(data), asset_id="ab" * 32)
        assert caught.value.field == "asset_id"
        words = b"words" * 9
        with pytest.raises(UnreadableAudio):
            await put(store, words, 0, len(words))
        assert left_in(tmp_path) == files_in(tmp_path) == set()
        assert await store.total_bytes() == store.partial_uploads.total_bytes == 0

    with_store(tmp_path, work)


def test_each_owner_has_an_upload_of_its_own(tmp_path: Path, data: bytes) -> None:
    """Nobody can spoil that of another, or learn of it."""

    async def work(store: AssetStore) -> None:
        bad = b"x" + data[1:]
        assert await put(store, bad, 0, 3000, asset_id=id_of(data), owner="other") == 3000
        assert await put(store, data, 0, 0) == 0
        assert await put(store, data, 0, 3000) == 3000
        assert isinstance(await put(store, data, 3000, len(data)), Asset)
        assert left_in(tmp_path) == set()  # that of the other has no use any more
        assert isinstance(await put(store, data, 0, 0, owner="other"), Asset)

    with_store(tmp_path, work)


def test_two_at_once_do_not_mix(tmp_path: Path, data: bytes) -> None:
    async def work(store: AssetStore) -> None:
        async def send(step: int) -> Asset:
            at: Asset | int = 0
            while isinstance(at, int):
                at = await put(store, data, at, at + step)
            return at

        first, second, third = await asyncio.gather(send(700), send(700), send(333))
        assert first.id == second.id == third.id == id_of(data)
        assert store.path(first.id).read_bytes() == data
        assert left_in(tmp_path) == set()

    with_store(tmp_path, work)


def test_a_call_that_is_cancelled_keeps_its_piece(tmp_path: Path, data: bytes) -> None:
    async def work(store: AssetStore) -> None:
        for start, stop in ((0, 1000), (1000, len(data))):
            call = asyncio.create_task(put(store, data, start, stop))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # it has begun
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert isinstance(await put(store, data, 0, 0), Asset)

    with_store(tmp_path, work)


# ---- limits ----


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def uploads(count: int) -> Iterator[Upload]:
    return (upload_of(id_of(bytes([number])), "laptop") for number in range(count))


def check_limit(folder: Path, clock: Clock) -> None:
    """Assert that one more than three uploads of 4 bytes has no place until the oldest has stood still for long enough."""

    async def run() -> None:
        partial = PartialUploads(folder, clock)
        first, *others, last = uploads(4)
        for upload in (first, *others):
            await partial.append(upload, b"1234")
            clock.now += 1
        with pytest.raises(Busy, match=r"^3 uploads are under way"):
            await partial.append(last, b"1234")
        clock.now += partial_uploads.QUIET_S - 2
        await partial.append(last, b"1234")
        assert [partial.count_bytes(each) for each in (first, *others, last)] == [0, 4, 4, 4]
        clock.now += partial_uploads.QUIET_S + 1
        async with partial.lock(others[0]):  # a piece of it arrives right now
            await partial.append(first, b"12")
        assert [partial.count_bytes(each) for each in (first, *others, last)] == [2, 4, 0, 4]

    asyncio.run(run())


def test_uploads_under_way_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(partial_uploads, "MAX_FILES", 3)
    check_limit(tmp_path, clock)


def test_uploads_under_way_keep_to_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(partial_uploads, "MAX_PARTIAL_BYTES", 13)
    check_limit(tmp_path, clock)


def test_an_upload_that_nobody_goes_on_with_goes_after_a_day(tmp_path: Path, clock: Clock) -> None:
    partial = PartialUploads(tmp_path, clock)
    first, second = uploads(2)
    asyncio.run(partial.append(first, b"1"))
    clock.now += 3600
    asyncio.run(partial.append(second, b"1"))
    clock.now += partial_uploads.MAX_AGE_S - 3600
    partial.clean()
    assert partial.count_bytes(first) == 1
    clock.now += 1
    partial.clean()
    assert [partial.count_bytes(each) for each in (first, second)] == [0, 1]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_start_takes_up_uploads_and_removes_what_is_none(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "uploads"
    first, old = uploads(2)
    asyncio.run(PartialUploads(folder, clock).append(first, b"123"))
    clock.now = (folder / first.file_name).stat().st_mtime + 5
    (folder / "words").write_text("words")
    secret = tmp_path / "secret"
    secret.write_bytes(b"12345")
    (folder / old.file_name).symlink_to(secret)
    again = PartialUploads(folder, clock)
    assert (again.count_bytes(first), again.count_bytes(old), again.total_bytes) == (3, 0, 3)
    assert [file.name for file in folder.iterdir()] == [first.file_name]
    assert secret.read_bytes() == b"12345"
    clock.now += partial_uploads.MAX_AGE_S
    assert PartialUploads(folder, clock).total_bytes == 0
    assert list(folder.iterdir()) == []


def test_uploads_that_stand_still_go_before_assets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    other = wav_bytes(tmp_path, 3, seconds=0.01)
    quota = 2 * len(data) + 200

    async def work(store: AssetStore) -> None:
        kept = await store.put(chunks_of(wav_bytes(tmp_path, 2, seconds=0.01)), "kept")
        await store.pin(kept.id, True)
        assert await put(store, data, 0, 1000) == 1000
        with pytest.raises(Busy, match=r"^The store holds 0\.0 of 0\.0 MiB"):
            await store.put(chunks_of(other), "other")  # it counts
        with pytest.raises(Busy):
            await put(store, other, 0, len(data))
        monkeypatch.setattr(partial_uploads, "QUIET_S", -1.0)
        await store.put(chunks_of(other), "other")
        assert left_in(tmp_path) == set()
        assert {kept.id, id_of(other)} == files_in(tmp_path)

    with_store(tmp_path, work, quota=quota)


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Half of a piece that did not fit is no part of it. Uploads that stand still give their room back."""
    write = partial_uploads.write_all

    def fill(descriptor: int, _: bytes) -> None:
        write(descriptor, b"?" * 100)
        raise OSError(errno.ENOSPC, "No space left on device")

    async def work(store: AssetStore) -> None:
        assert await put(store, data, 0, 1000) == 1000
        assert await put(store, b"old" * 99, 0, 99) == 99
        monkeypatch.setattr(partial_uploads, "QUIET_S", -1.0)
        monkeypatch.setattr(partial_uploads, "write_all", fill)
        with pytest.raises(OSError, match="No space left"):
            await put(store, data, 1000, 2000)
        assert await put(store, data, 0, 0) == 1000
        with pytest.raises(OSError, match="No space left"):
            await put(store, b"new" * 99, 0, 99)
        monkeypatch.setattr(partial_uploads, "write_all", write)
        assert isinstance(await put(store, data, 0, len(data)), Asset)
        assert left_in(tmp_path) == set()

    with_store(tmp_path, work)


@pytest.mark.parametrize("remove", [lambda file: file.unlink(), lambda file: file.write_bytes(b"12")])
def test_what_others_do_to_the_file_costs_no_more_than_the_upload(
    tmp_path: Path, data: bytes, remove: Callable[[Path], None]
) -> None:
    async def work(store: AssetStore) -> None:
        await put(store, data, 0, 1000)
        remove(tmp_path / "uploads" / upload_of(id_of(data), "laptop").file_name)
        with pytest.raises(InvalidValue):
            await put(store, data, 1000, len(data))
        assert await put(store, data, 0, 0) == 0
        assert isinstance(await put(store, data, 0, len(data)), Asset)

    with_store(tmp_path, work)


def test_a_disk_that_fails_at_the_end_costs_no_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    async def work(store: AssetStore) -> None:
        adopt = store.adopt

        async def fail(*_: object, **__: object) -> Asset:
            raise OSError(errno.EIO, "no")

        monkeypatch.setattr(store, "adopt", fail)
        with pytest.raises(OSError, match="no"):
            await put(store, data, 0, len(data))
        monkeypatch.setattr(store, "adopt", adopt)
        assert isinstance(await put(store, data, 0, 0), Asset)

    with_store(tmp_path, work)
