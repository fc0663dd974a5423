"""The audit log of a real daemon: every act that matters for safety, and nothing of the music."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from acebridge.client.client import Client, request_of
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2, daemon_pb2_grpc, jobs_pb2
from tests.support.daemon import Daemon, collect, daemon_at, generate, song, until, until_state, write_wav
from tests.support.shell import Shell

MARKER = "zebrafish"


def acts(daemon: Daemon) -> list[dict[str, object]]:
    return [json.loads(line) for line in (daemon.home / "audit.log").read_text("utf-8").splitlines()]


def facts(daemon: Daemon, act: str) -> list[dict[str, object]]:
    found = [line for line in acts(daemon) if line["message"] == act]
    return [{name: value for name, value in line.items() if name not in ("time", "message")} for line in found]


def test_every_act_leaves_a_line_and_none_holds_music(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    config = f'roots = ["{folder}"]\n[osc]\nport = 0\nallow = ["192.168.77.20"]\n'
    with daemon_at(tmp_path / "home", step_ms=5, config=config) as daemon, Shell(folder, daemon.environment) as shell:
        client = daemon.client
        assert client is not None
        token = shell.run("token", "new", "looper").stdout.strip()
        first, second = (write_wav(folder / f"{MARKER}{n}.wav", song(0.3, seed=n)) for n in (1, 2))
        with Client(daemon.address, token=token) as looper:
            take = collect(generate(looper, 0.2, seed=3, caption=f"{MARKER} blues"))
            source = looper.upload(first)
            request = assets_pb2.ImportAssetRequest(path=str(second))
            imported = client.call(client.assets.ImportAsset, request).id
            looper.call(looper.assets.PinAsset, assets_pb2.PinAssetRequest(asset_id=imported))
            with pytest.raises(JobFailed):
                looper.call(looper.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=imported))
        client.call(client.assets.UnpinAsset, assets_pb2.UnpinAssetRequest(asset_id=imported))
        client.call(client.assets.DeleteAsset, assets_pb2.DeleteAssetRequest(asset_id=imported))
        lyrics = request_of(
            "text2music",
            {"duration_s": 0.2, "music": {"caption": MARKER, "lyrics": f"[Verse]\n{MARKER} sings"}},
            submission={"engine": "fake", "session": MARKER, "idempotency_key": MARKER},
        )
        held = client.create(lyrics).id
        client.cancel(held)
        until_state(client, held, "cancelled", "succeeded")
        client.call(client.jobs.DeleteJob, jobs_pb2.DeleteJobRequest(job_id=held))
        with grpc.insecure_channel(daemon.address) as channel:
            stub, stranger = daemon_pb2_grpc.DaemonServiceStub(channel), f"Bearer {'ab' * 32}"
            with pytest.raises(grpc.RpcError):
                stub.GetStatus(daemon_pb2.GetStatusRequest(), metadata=(("authorization", stranger),))
        until(lambda: len(facts(daemon, "calls refused")) == 2, "the line of the second refused call")
        shell.run("token", "revoke", "looper")
        shown = shell.run("logs", "--audit").stdout
        raw = shell.run("logs", "--audit", "--json", "-n", "1").stdout
        client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
        assert daemon.process is not None
        assert daemon.process.wait() == 0
        daemon.stop()

        by = {"token": "looper"}
        own = {"token": "(own)"}
        assert facts(daemon, "others are let in") == [{"setting": "osc.allow"}]
        assert facts(daemon, "token made") == [{"name": "looper", "scopes": "submit"}]
        assert facts(daemon, "token revoked") == [{"name": "looper"}]
        assert facts(daemon, "job submitted") == [
            {"job": take.job_id, "task": "text2music", **by}, {"job": held, "task": "text2music", **own},
        ]  # fmt: skip
        assert facts(daemon, "job cancelled") == facts(daemon, "job deleted") == [{"job": held, **own}]
        assert facts(daemon, "asset uploaded") == [{"asset": source.asset_id, "bytes": first.stat().st_size, **by}]
        assert facts(daemon, "asset imported") == [{"asset": imported, "bytes": second.stat().st_size, **own}]
        assert facts(daemon, "asset pinned") == [{"asset": imported, **by}]
        assert facts(daemon, "asset unpinned") == facts(daemon, "asset deleted") == [{"asset": imported, **own}]
        assert facts(daemon, "calls refused") == [
            {"method": "/acebridge.v1.AssetService/DeleteAsset", "reason": "PERMISSION_DENIED", **by,
             "peer": "127.0.0.1", "count": 1},
            {"method": "/acebridge.v1.DaemonService/GetStatus", "reason": "UNAUTHENTICATED", "peer": "127.0.0.1",
             "count": 1},
        ]  # fmt: skip
        assert facts(daemon, "shutdown asked for") == [own]
        messages = [line["message"] for line in acts(daemon)]
        assert (messages[1], messages[-1]) == ("daemon started", "daemon stopped")
        assert "token made name=looper scopes=submit" in shown
        assert json.loads(raw)["message"] == "token revoked"

        logs = [*(daemon.home / "logs").iterdir(), daemon.home / "audit.log", daemon.home / "console.txt"]
        for log in logs:
            text = log.read_text("utf-8")
            for secret in (MARKER, token, "ab" * 32):
                assert secret not in text, (log, text)
