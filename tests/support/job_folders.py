"""Job folders as the scripts of a host make them, and the command that runs them. Every document is checked on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from acebridge.hosts.jobfolder.run import run
from tests.support import schemas
from tests.support.daemon import Daemon, song, write_wav

RATE_HZ = 44_100
#: Of the source, in seconds.
LENGTH_S = 2.0


class Job:
    """A job folder with a source in it, and the media folder of a project."""

    def __init__(self, root: Path, name: str = "20261122-210501-1a2b3c4d") -> None:
        self.folder = root / "AceBridge" / "jobs" / name
        self.media = root / "Song" / "Media"
        self.folder.mkdir(parents=True)
        self.media.mkdir(parents=True, exist_ok=True)
        write_wav(self.folder / "source-1.wav", song(LENGTH_S, rate_hz=RATE_HZ), RATE_HZ)

    def ask(self, *parts: Mapping[str, Any], **more: Any) -> Job:
        """Write the request."""
        request = {
            "version": 1, "id": self.folder.name, "action": "repaint", "title": "Repaint time selection",
            "create_time": 1795000000, "engine": "fake", "media": {"folder": str(self.media), "format": "float32"},
            "parts": list(parts), "place": {"kind": "take"}, "host": {"name": "REAPER", "version": "7.16/linux"}, **more,
        }  # fmt: skip
        schemas.check("request", request)
        (self.folder / "request.json").write_text(json.dumps(request), "utf-8")
        return self

    def run(self, daemon: Daemon) -> Any:
        """Perform it here; return the result as written."""
        with mock.patch.dict(os.environ, {"ACEBRIDGE_HOME": str(daemon.home)}):  # where its token is
            run(self.folder, address=daemon.address, autostart=False)
        return self.read("result.json")

    def read(self, name: str) -> Any:
        """Return the content of a document."""
        content = json.loads((self.folder / name).read_text("utf-8"))
        schemas.check(name.removesuffix(".json"), content)
        return content

    @property
    def status(self) -> Any:
        return self.read("status.json")

    @property
    def media_files(self) -> set[str]:
        return {file.name for file in self.media.iterdir()}


def part(
    task: str = "repaint", *, source: bool = True, label: str = "", at: float = 12.5, **fields: Any
) -> dict[str, Any]:
    """Return a part of a request. ``fill_from`` is one of its own keys, everything else a field."""
    own = {"fill_from": fields.pop("fill_from")} if "fill_from" in fields else {}
    file = {"source": {"file": "source-1.wav", "start_s": 0.0}} if source else {}
    return {"task": task, "label": label, "position_s": at, "fields": fields, **file, **own}


#: Of a repaint that a test holds.
HELD_SEED = 77
HELD = {"start_s": 0.5, "end_s": 1.0, "output": {"seeds": [HELD_SEED]}}


def outputs(result: Any) -> list[Any]:
    """Every output of a result."""
    return [output for part in result["parts"] for take in part["takes"] for output in take["outputs"]]
