"""Uploads go on where they were: on a line that breaks, after a daemon that was killed, beside another of the same file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from acebridge.client.client import Client
from acebridge.client.known_daemons import remember
from acebridge.client.uploads import PieceSource, store_file
from acebridge.errors import ConnectionLost, ErrorReason, JobFailed
from acebridge.tokens import Scope, add_token
from acebridge.v1 import assets_pb2
from acestep_runtime.file_hashes import hash_file
from tests.support.daemon import Daemon, assets, daemon_at, download, song, write_wav
from tests.support.proxy import Proxy, proxy_to
from tests.support.two_machines import Studio, studio_at


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of 3.8 MB."""
    return write_wav(tmp_path_factory.mktemp("wav") / "song.wav", song(10.0, seed=5))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "small.wav", song(3.0, seed=6))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with studio_at(tmp_path / "studio") as studio:
        yield studio


@pytest.fixture
def line(studio: Studio, home: Path) -> Iterator[Proxy]:
    with proxy_to(studio.daemon.address) as line:
        remember(home, line.address, studio.known)
        yield line


def left_at(daemon: Daemon) -> list[Path]:
    """The files of uploads that are under way."""
    return list((daemon.home / "uploads").glob("*"))


def store(client: Client, file: Path, on_piece: Callable[[int], None] = lambda _: None, asset_id: str = "") -> str:
    return client.store(asset_id or hash_file(file), file, file.name, on_piece=on_piece)


def refusal(client: Client, **fields: Any) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        client.call(client.assets.ContinueUpload, assets_pb2.ContinueUploadRequest(**fields))
    return caught.value


def test_a_line_that_breaks_costs_little(studio: Studio, line: Proxy, file: Path) -> None:
    size = file.stat().st_size
    line.delay_s = 0.02
    line.resets_at = [1_000_000, 2_600_000]
    breaks = 0
    with Client(line.address) as client:
        while True:
            try:
                asset_id = store(client, file)
                break
            except ConnectionLost:
                breaks += 1
        assert asset_id == hash_file(file)
        line.delay_s = 0.0
        assert download(client, asset_id) == file.read_bytes()
    assert (breaks, line.resets) == (2, 2)
    assert size < sum(line.up_bytes) < 1.3 * size
    assert left_at(studio.daemon) == []


def test_an_upload_outlives_the_daemon(tmp_path: Path, small: Path) -> None:
    begun: list[int] = []
    with daemon_at(tmp_path / "home") as daemon:

        def kill(at: int) -> None:
            if at > 500_000:
                daemon.kill()

        client = Client(daemon.address, token=daemon.token)
        with client, pytest.raises(ConnectionLost):
            store(client, small, kill)
        assert store(daemon.start(), small, begun.append) == hash_file(small)
        assert begun[0] > 500_000
        assert left_at(daemon) == []
        assert daemon.check_store() == 1


def test_two_clients_may_send_the_same_at_once(daemon: Daemon, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "same.wav", song(4.0, seed=7))
    both = threading.Barrier(2)
    found: list[str] = []

    def send() -> None:
        with Client(daemon.address, token=daemon.token) as client:
            found.append(store(client, file, lambda at: both.wait() if at == 0 else None))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [hash_file(file)] * 2
    with Client(daemon.address, token=daemon.token) as client:
        assert download(client, found[0]) == file.read_bytes()
        assert [each.id for each in assets(client)].count(found[0]) == 1
    assert left_at(daemon) == []


def test_another_file_than_the_hash_says_is_refused(client: Client, daemon: Daemon, small: Path) -> None:
    with pytest.raises(JobFailed, match="The bytes that arrived are not those of abababababab…") as caught:
        store(client, small, asset_id="ab" * 32)
    assert caught.value.kind is ErrorReason.INVALID_VALUE
    assert left_at(daemon) == []


def test_bytes_that_came_before_and_are_wrong_cost_a_second_try(client: Client, daemon: Daemon, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav", song(1.0, seed=9))
    asset_id, size = hash_file(file), file.stat().st_size
    wrong = assets_pb2.ContinueUploadRequest(asset_id=asset_id, size_bytes=size, data=b"x" * 1000)
    assert client.call(client.assets.ContinueUpload, wrong).received_bytes == 1000
    begun: list[int] = []
    assert store(client, file, begun.append) == asset_id
    assert begun[0] == 1000
    assert 0 in begun
    assert left_at(daemon) == []


def test_an_upload_that_goes_while_it_is_sent_begins_again(client: Client, daemon: Daemon, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav", song(2.0, seed=10))
    with pytest.raises(ZeroDivisionError):  # the first call breaks off
        store(client, file, lambda at: 1 // 0 if at else None)
    begun: list[int] = []

    def lose(at: int) -> None:
        if not begun:
            (upload,) = left_at(daemon)
            upload.unlink()
        begun.append(at)

    assert store(client, file, lose) == hash_file(file)
    assert begun[0] > 0
    assert 0 in begun


def test_only_tokens_that_may_submit_upload(daemon: Daemon, small: Path) -> None:
    token = add_token(daemon.home, "looker", [Scope.READ])
    with Client(daemon.address, token=token) as client:
        assert refusal(client, asset_id="ab" * 32, size_bytes=9).kind is ErrorReason.PERMISSION_DENIED
        with pytest.raises(JobFailed, match="does not allow UploadAsset"):
            store(client, small)
    assert left_at(daemon) == []


def test_each_token_has_an_upload_of_its_own(client: Client, daemon: Daemon) -> None:
    request = assets_pb2.ContinueUploadRequest(asset_id="cd" * 32, size_bytes=99, data=b"1234")
    assert client.call(client.assets.ContinueUpload, request).received_bytes == 4
    request.data = b""
    with Client(daemon.address, token=add_token(daemon.home, "other", [Scope.SUBMIT])) as other:
        assert other.call(other.assets.ContinueUpload, request).received_bytes == 0
    assert client.call(client.assets.ContinueUpload, request).received_bytes == 4


def test_what_a_piece_may_not_hold(client: Client) -> None:
    good = {"asset_id": "ef" * 32, "size_bytes": 8 << 20}
    for fields, field, says in (
        ({**good, "asset_id": "EF" * 32}, "asset_id", "asset_id is 'EFEF"),
        ({**good, "asset_id": "../up"}, "asset_id", "asset_id is '../up'; allowed: a SHA-256 as 64 hexadecimal digits"),
        ({**good, "name": "n" * 201}, "name", "name holds 201 characters; allowed: at most 200."),
        ({**good, "data": bytes((4 << 20) + 1)}, "data", "data holds 4194305 bytes; allowed: at most 4194304 in one"),
        ({**good, "size_bytes": 0}, "size_bytes", "size_bytes is 0; allowed: 1 or more"),
        ({**good, "offset_bytes": 1}, "offset_bytes", "offset_bytes is 1; allowed: 0 to 0, what has arrived."),
    ):
        failed = refusal(client, **fields)
        assert failed.details["field"] == field
        assert failed.message.startswith(says)
    assert refusal(client, asset_id="ef" * 32, size_bytes=3 << 30).kind is ErrorReason.TOO_LARGE


@pytest.mark.parametrize("code", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED])
def test_a_daemon_that_takes_no_pieces_gets_the_file_as_before(
    client: Client, small: Path, monkeypatch: pytest.MonkeyPatch, code: grpc.StatusCode
) -> None:
    class Refusal(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return code

        def details(self) -> str:
            return "Method not found!"

        def trailing_metadata(self) -> tuple[()]:
            return ()

    def refuse(*_: object, **__: object) -> None:
        raise Refusal

    monkeypatch.setattr(client.assets, "ContinueUpload", refuse)
    asset_id = hash_file(small)
    source = PieceSource(small)
    for _ in range(2):  # the second time it is there
        assert store_file(client, asset_id, source, "small.wav") == asset_id
    assert download(client, asset_id) == small.read_bytes()
