"""The methods about stored audio, engines and the daemon itself."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from acebridge.client.client import Client
from acebridge.contract.status import unpack_error
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, models_pb2, tasks_pb2
from acestep_runtime.guidance import METHODS
from acestep_runtime.samplers.steps import STEPS
from acestep_runtime.values import TRACKS
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    assets,
    create_tone_job,
    song,
    status,
    until,
    until_state,
    write_wav,
)

# ---- assets ----


def test_assets_are_uploaded_in_pieces_and_downloaded_in_ranges(client: Client, tmp_path: Path) -> None:
    data = write_wav(tmp_path / "a.wav", song(3.0, seed=8), encoding="pcm24").read_bytes()
    pieces = [assets_pb2.UploadAssetRequest(name="../über song.wav", data=b"")]
    pieces += [assets_pb2.UploadAssetRequest(data=data[at : at + 100_001]) for at in range(0, len(data), 100_001)]
    asset = client.assets.UploadAsset(iter(pieces))
    assert asset.id == hashlib.sha256(data).hexdigest()
    assert (asset.name, asset.size_bytes) == ("über song.wav", len(data))
    assert (asset.sample_rate, asset.channels, asset.frames) == (48_000, 2, 144_000)
    assert client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset.id)).id == asset.id
    assert assets(client)[0].id == asset.id

    def part(**request: int) -> bytes:
        sent = [
            m.data for m in client.assets.DownloadAsset(assets_pb2.DownloadAssetRequest(asset_id=asset.id, **request))
        ]
        assert all(0 < len(piece) <= 256 * 1024 for piece in sent)
        return b"".join(sent)

    assert part() == data
    assert part(offset_bytes=1000) == data[1000:]
    assert part(offset_bytes=1000, length_bytes=300_000) == data[1000:301_000]
    assert part(offset_bytes=len(data) - 1, length_bytes=10**12) == data[-1:]
    assert part(length_bytes=0) == b""
    assert part(offset_bytes=len(data)) == b""
    pinned = client.call(client.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=asset.id))
    assert pinned.pinned
    # A second upload changes nothing.
    assert client.assets.UploadAsset(iter(pieces)).pinned
    assert not client.call(client.assets.UnpinAsset, assets_pb2.UnpinAssetRequest(asset_id=asset.id)).pinned
    client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=asset.id))
    with pytest.raises(JobFailed, match="There is no asset"):
        client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset.id))


def test_an_upload_that_breaks_off_leaves_nothing(client: Client, daemon: Daemon) -> None:
    from queue import SimpleQueue

    pieces: SimpleQueue[Any] = SimpleQueue()
    call = client.assets.UploadAsset.future(iter(pieces.get, None))
    pieces.put(assets_pb2.UploadAssetRequest(name="half.wav", data=b"RIFF" + bytes(500_000)))
    until(lambda: any((daemon.home / "incoming").iterdir()), "the upload to begin")
    call.cancel()
    pieces.put(None)
    until(lambda: not any((daemon.home / "incoming").iterdir()), "the half upload to go")


def test_an_upload_keeps_to_its_limits(client: Client) -> None:
    def refusal(*messages: dict[str, Any]) -> JobFailed:
        with pytest.raises(grpc.RpcError) as caught:
            client.assets.UploadAsset(iter([assets_pb2.UploadAssetRequest(**message) for message in messages]))
        return unpack_error(caught.value)

    for failed, field, says in (
        (refusal({"name": "n" * 201}), "name", "name holds 201 characters; allowed: at most 200."),
        (refusal({"data": b"RIFF"}, {"name": "b"}), "name", "name is 'b'; allowed: a name in the first message only."),
        (refusal({"data": bytes((4 << 20) + 1)}), "data", "data holds 4194305 bytes; allowed: at most 4194304 in one"),
        (refusal({"data": b"words"}), "data", "upload is not audio"),
        (refusal(), "data", "No bytes were sent."),
    ):
        assert failed.details["field"] == field
        assert failed.message.startswith(says)


def test_an_import_names_its_own_field(client: Client, tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("words")
    for path in ("", "words.wav", "/etc/passwd", str(tmp_path / "missing.wav"), str(tmp_path / "words.wav")):
        with pytest.raises(JobFailed) as caught:
            client.call(client.assets.ImportAsset, assets_pb2.ImportAssetRequest(path=path))
        assert caught.value.details["field"] == "path", path


# ---- models, daemon, health, reflection ----


def test_capabilities_tell_the_truth(client: Client) -> None:
    able = client.call(client.models.GetCapabilities, models_pb2.GetCapabilitiesRequest())
    assert able.version == version("acebridge")
    assert list(able.tracks) == list(TRACKS)
    engines = {engine.name: engine for engine in able.engines}
    assert engines["draft"].available
    assert list(engines["neural"].samplers) == list(STEPS)
    assert list(engines["neural"].guidance_methods) == list(METHODS)
    assert not engines["draft"].samplers
    assert not engines["neural"].available
    assert engines["neural"].missing
    assert len(engines["fake"].tasks) == 12
    limits = able.limits
    assert (limits.max_source_s, limits.max_duration_s, limits.max_takes) == (1200, 600, 8)
    assert (limits.max_inline_bytes, limits.max_upload_bytes, limits.max_waiting_jobs) == (4 << 20, 2 << 30, 1000)
    assert list(able.devices) == ["cpu"]


def test_models(client: Client) -> None:
    assert not client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models
    with pytest.raises(JobFailed, match="Model 'turbo' cannot be loaded") as caught:
        client.call(client.models.LoadModel, models_pb2.LoadModelRequest(name="turbo"))
    assert caught.value.__cause__.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[union-attr]
    with pytest.raises(JobFailed, match="Model 'turbo' is not loaded") as caught:
        client.call(client.models.UnloadModel, models_pb2.UnloadModelRequest(name="turbo"))
    assert caught.value.__cause__.code() is grpc.StatusCode.NOT_FOUND  # type: ignore[union-attr]


def test_status_counts(client: Client, daemon: Daemon) -> None:
    daemon.hold(1, 2)
    first, second = create_tone_job(client, 0.1, seed=1), create_tone_job(client, 0.1, seed=2)
    until_state(client, first, "running")
    until(lambda: status(client).workers[0].pid, "the worker to run")
    message = status(client)
    assert (message.running_jobs, message.waiting_jobs) == (1, 1)
    assert message.pid == daemon.pid
    assert message.data_dir == str(daemon.home)
    (worker,) = message.workers
    assert (worker.device, worker.job_id) == ("cpu", first)
    assert worker.pid in [child.pid for child in daemon.children()]
    for job_id in (first, second):
        client.cancel(job_id)
        until_state(client, job_id, "cancelled")
    message = until(lambda: (now := status(client)).workers[0].job_id == "" and now, "the worker to be idle")
    assert (message.running_jobs, message.waiting_jobs) == (0, 0)
    assert message.stored_bytes == sum(asset.size_bytes for asset in assets(client))
    assert message.stored_bytes == sum(file.stat().st_size for file in (daemon.home / "assets").glob("*/*"))
    assert message.quota_bytes == 20 << 30


def test_health_and_reflection(daemon: Daemon) -> None:
    with grpc.insecure_channel(daemon.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "acebridge.v1.TaskService", "acebridge.v1.DaemonService"):
            assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S).status == 1
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        token = [("authorization", f"Bearer {daemon.token}")]
        (reply,) = stub.ServerReflectionInfo(iter([request]), timeout=PATIENCE_S, metadata=token)
        names = {service.name for service in reply.list_services_response.service}
        for module in (tasks_pb2, jobs_pb2, assets_pb2, models_pb2, daemon_pb2):
            assert {service.full_name for service in module.DESCRIPTOR.services_by_name.values()} <= names
        assert "grpc.health.v1.Health" in names
