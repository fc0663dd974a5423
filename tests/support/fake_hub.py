"""A Hugging Face Hub in this process: what its client asks over HTTP, answered from a dictionary, with faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "1234567890abcdef1234567890abcdef12345678"
#: Larger files are in large file storage, where their SHA-256 is known; of smaller ones Git's SHA-1.
LARGE = 1000


@dataclass
class FakeHub:
    """``files`` by repository and path, all of them of the one ``commit``. ``asked`` is every path that was asked for; ``cut``
    breaks a file off after this many bytes, and then refuses it; ``garbled`` sends wrong bytes this many times; ``claims`` are
    contents whose digests are listed for a path instead of its own."""

    files: Mapping[str, Mapping[str, bytes]]
    address: str = ""
    commit: str = COMMIT
    claims: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    garbled: dict[str, int] = field(default_factory=dict)

    def downloads(self) -> list[str]:
        return [path.partition(f"/resolve/{self.commit}/")[2] for method, path, _ in self.asked
                if method == "GET" and "/resolve/" in path]  # fmt: skip


@contextmanager
def fake_hub(files: Mapping[str, Mapping[str, bytes]]) -> Iterator[FakeHub]:
    hub = FakeHub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("Range", "")))
            found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/tree/([^/]+))?", path)
            if found and found[1] in hub.files and found[2] in (None, hub.commit):
                return self.say(
                    self.listing(found[1]) if found[2] else {"id": found[1], "sha": hub.commit, "siblings": []}
                )
            has_repo = found is not None and found[1] in hub.files
            found = re.fullmatch(rf"/([^/]+/[^/]+)/resolve/{hub.commit}/(.+)", path)
            if found and found[2] in hub.files.get(found[1], {}):
                return self.send_file(found[2], hub.files[found[1]][found[2]], with_body)
            self.send_response(404)
            self.send_header("X-Error-Code", "RevisionNotFound" if has_repo else "RepoNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()

        def listing(self, repo: str) -> list[dict[str, object]]:
            entries: list[dict[str, object]] = [{"type": "directory", "path": "folder", "oid": "0" * 40, "size": 0}]
            for path, stored in hub.files[repo].items():
                data = hub.claims.get(path, stored)
                entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": git_digest(data)}
                if len(data) > LARGE:
                    entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
                entries.append(entry)
            return entries

        def say(self, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def send_file(self, name: str, data: bytes, with_body: bool) -> None:
            etag = hashlib.sha256(data).hexdigest() if len(data) > LARGE else git_digest(data)
            start = int(re.sub(r"\D", "", self.headers.get("Range", "0").partition("-")[0]) or 0)
            if with_body and hub.garbled.get(name, 0) > 0:
                hub.garbled[name] -= 1
                data = bytes(255 - byte for byte in data)
            after = hub.cut.get(name) if with_body else None
            if after == 0:
                self.send_response(403)
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if after:
                hub.cut[name] = 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            if not with_body:
                return None
            self.wfile.write(data[start:] if after is None else data[start : start + after])
            self.close_connection = after is not None
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def git_digest(data: bytes) -> str:
    """What `git hash-object` prints for a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
