"""What a person names, as choices of the player: a file, a stored asset, or a job, old or running."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from acebridge.client.follow import follow
from acebridge.errors import AceBridgeError
from acebridge.hosts.monitor.job_audio import JobAudio
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.sources import Warn, load_asset, load_file
from acestep_runtime.errors import AceStepError, InvalidValue

if TYPE_CHECKING:
    from acebridge.client.client import Client

_JOB_DIGITS, _ASSET_DIGITS = 32, 64


def kind_of(what: str) -> Literal["file", "job", "asset"]:
    """Return what a name means: a file that is there, else by its length the id of a job or an asset.

    Raises `InvalidValue` for anything else.
    """
    if what and Path(what).exists():
        return "file"
    if set(what) <= set("0123456789abcdef"):
        if len(what) == _JOB_DIGITS:
            return "job"
        if len(what) == _ASSET_DIGITS:
            return "asset"
    raise InvalidValue(
        "what to play", what, "a file, or the id of a job or an asset",
        remedy="`acebridge jobs` and `acebridge assets` list the ids.",
    )  # fmt: skip


def add_file(player: Player, path: Path, warn: Warn, number: int | None = None) -> int:
    """Add a file as a choice and return its number. Raises `UnreadableAudio`."""
    return player.add(load_file(path, warn), number)


def add_asset(player: Player, client: Client, asset_id: str, warn: Warn, number: int | None = None) -> int:
    """Add a stored asset as a choice and return its number. Raises `JobFailed` for an unknown one."""
    from acebridge.v1 import assets_pb2

    name = client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=asset_id)).name
    return player.add(load_asset(client.download(asset_id), warn, name=name or asset_id[:12]), number)


class _Call(Protocol):
    def cancel(self) -> object: ...


class JobFollower:
    """Follows a job in a thread of its own and adds its takes to ``player``, until it is stopped or the client is closed."""

    def __init__(self, player: Player, client: Client, job_id: str, warn: Warn) -> None:
        self._audio = JobAudio(player, client.download, warn)
        self._client, self._job_id = client, job_id
        #: Why the job has no more audio, if it failed.
        self.error: AceBridgeError | AceStepError | None = None
        self._calls: list[_Call] = []
        self._thread = threading.Thread(target=self._follow, name="monitor job", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            follow(self._client.watch(self._job_id, on_call=self._keep), self._audio)
        except (AceBridgeError, AceStepError) as error:
            self.error = None if self._audio.is_stopped else error
        except ValueError as error:  # how gRPC says that the client was closed meanwhile
            self.error = AceBridgeError(f"The job is not followed any more: {error}.")
        finally:
            self._audio.end()

    def _keep(self, call: _Call) -> None:
        self._calls.append(call)
        if self._audio.is_stopped:
            call.cancel()

    def stop(self) -> None:
        """Add nothing more to the player; the job itself goes on."""
        self._audio.stop()
        for call in self._calls:
            call.cancel()

    def join(self) -> None:
        """Wait for the end of the job."""
        self._thread.join()
