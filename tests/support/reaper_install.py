"""What "Install now" needs: a small wheel with a command, an archive of uv, a server for both, a REAPER without a command."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import random
import shutil
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uv

from acebridge.version import VERSION
from tests.support.fake_reaper import Reaper
from tests.support.paths import REAPER_SCRIPTS

DOCTOR, UNINSTALL = "AceBridge_Doctor.lua", "AceBridge_Uninstall.lua"
#: What a message box returns.
OK, CANCEL = 1, 2
#: A name of a resource folder with all that shells and programs take for something else, but a double quote.
NAMES = "리소스 'x' & ünï = $HOME (1)"

_CODE = """
import json, pathlib, sys

VERSION = {version!r}


def main():
    words = sys.argv[1:]
    if words == ["--version"]:
        print("acebridge", VERSION)
    elif words[:2] == ["reaper", "doctor"]:
        from urllib.parse import unquote, urlsplit

        folder = pathlib.Path(unquote(urlsplit(words[2]).path))
        finding = {{"about": "command", "ok": True, "says": sys.argv[0], "remedy": ""}}
        result = {{"version": 1, "command_version": VERSION, "findings": [finding]}}
        (folder / "result.json").write_text(json.dumps(result), "utf-8")
        (folder / "status.json").write_text(json.dumps({{"version": 1, "state": "done"}}), "utf-8")
    else:
        with pathlib.Path(sys.prefix, "..", "..", "..", "install", "asked.txt").open("a") as file:
            file.write(" ".join(words) + "\\n")
"""


def wheel_bytes(folder: Path, version: str = VERSION, says: str | None = None) -> Path:
    """Write a wheel with the command ``acebridge``, which needs no other package; it ``says`` its version."""
    name = f"acebridge-{version}"
    info = f"{name}.dist-info"
    files = {
        "acebridge.py": _CODE.format(version=says or version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: acebridge\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nacebridge = acebridge:main\n",
    }
    records = [f"{path},sha256={_record_hash(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def uv_archive(folder: Path, *, is_whole: bool = False) -> Path:
    """Pack uv as its releases are packed: the whole of it, or a program that starts it, beside a MB that fits no packing."""
    path, name = folder / "uv-x86_64-unknown-linux-musl.tar.gz", "uv-x86_64-unknown-linux-musl"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        if is_whole:
            archive.add(uv.find_uv_bin(), f"{name}/uv")
            return path
        starter = f'#!/bin/sh\nexec "{uv.find_uv_bin()}" "$@"\n'.encode()
        for file, data in (("uv", starter), ("uvx", random.Random(0).randbytes(1_000_000))):
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return path


class Server:
    """Serves files of a folder on this machine, with parts of them, and with faults that a test orders."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[tuple[str, str]] = []
        #: name → how many bytes come before the connection breaks off, each once.
        self.breaks: dict[str, list[int]] = {}
        self.has_ranges = True
        #: While this is not set, a body stops halfway.
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self, folder)

            def log_message(self, *_: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, folder: Path) -> None:
        name, start = request.path.lstrip("/"), 0
        wanted = request.headers.get("Range", "")
        self.requests.append((name, wanted))
        path = folder / name
        if not path.is_file():
            return request.send_error(404)
        data = path.read_bytes()
        if wanted and self.has_ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return request.send_error(416)
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        body = data[start:]
        if self.breaks.get(name):
            body = body[: self.breaks[name].pop(0)]
        with contextlib.suppress(OSError):
            request.wfile.write(body[: len(body) // 2])
            self.may_go_on.wait(30)
            request.wfile.write(body[len(body) // 2 :])
        request.close_connection = True
        return None

    def close(self) -> None:
        self.may_go_on.set()
        self._http.shutdown()
        self._http.server_close()


class Workshop:
    """A REAPER without a command, with scripts of its own whose release.json names what the server has."""

    def __init__(self, folder: Path, shared: Path, reaper: Reaper) -> None:
        self.folder, self.reaper = folder, reaper
        self.files = folder / "served"
        self.files.mkdir()
        self.wheel = wheel_bytes(self.files)
        self.archive = self.files / shared.name
        self.archive.symlink_to(shared)
        self.server = Server(self.files)
        self.texts: list[str] = []

    @cached_property
    def scripts(self) -> Path:
        """The folder of the scripts."""
        return self.reaper.scripts_folder

    @property
    def root(self) -> Path:
        """Where everything is installed."""
        return self.reaper.resource / "AceBridge"

    @property
    def command(self) -> Path:
        """The command, once it is installed."""
        return self.root / "bin" / "acebridge"

    def download(self, path: Path, **changes: Any) -> dict[str, Any]:
        """Return the entry of a file in release.json."""
        data = path.read_bytes()
        entry = {"url": f"{self.server.url}/{path.name}", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        return {**entry, **changes}

    def release(self, **changes: Any) -> None:
        """Write release.json."""
        content = {
            "version": VERSION, "python": sys.executable, "wheel": self.download(self.wheel),
            "uv": {"linux-x86_64": self.download(self.archive)}, **changes,
        }  # fmt: skip
        (self.scripts / "lib" / "install" / "release.json").write_text(json.dumps(content), "utf-8")

    def run(self, name: str) -> None:
        """Run an action to its end, and note what its window shows."""
        script = self.reaper.start(name)
        while script.deferred:
            self.reaper.tick()
            self.note()
        self.reaper.check()

    def install(self, answer: int = OK) -> list[str]:
        """Run the doctor and answer its question; return its messages after that."""
        self.reaper.messages.clear()
        self.reaper.answer(answer)
        self.run(DOCTOR)
        return self.reaper.messages[1:]

    def set_version(self, version: str) -> None:
        """Have scripts of a version, and a release of it."""
        file = self.scripts / "lib" / "shared" / "version.lua"
        text = file.read_text("utf-8")
        current = text.split('M.SCRIPTS = "')[1].split('"')[0]
        file.write_text(text.replace(f'"{current}"', f'"{version}"'), "utf-8")
        self.wheel = wheel_bytes(self.files, version)
        self.release(version=version)

    def change(self, old: str, new: str) -> None:
        """Change the text of install/runner.lua."""
        file = self.scripts / "lib" / "install" / "runner.lua"
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    def note(self) -> None:
        """Note what the window shows now."""
        window = self.reaper.window()
        for text in window.texts if window.is_open else []:
            if text.text not in self.texts:
                self.texts.append(text.text)


@contextlib.contextmanager
def workshop_at(folder: Path, archive: Path, **reaper: Any) -> Iterator[Workshop]:
    """Yield a workshop with a release."""
    scripts = folder / "scripts"
    shutil.copytree(REAPER_SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    with Reaper(folder, scripts=scripts, home=folder, **reaper) as r:
        r.environment.update(UV_OFFLINE="1", PATH="/usr/bin:/bin", ACEBRIDGE_HOME=str(folder / "data"))
        workshop = Workshop(folder, archive, r)
        workshop.release()
        try:
            yield workshop
        finally:
            workshop.server.close()
