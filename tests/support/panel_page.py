"""The files of the panel and what its sound needs of the edge, served to a browser by a small server of the test."""

from __future__ import annotations

import base64
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from tests.support.daemon import PATIENCE_S
from tests.support.signals import Samples

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = Path(str(files("acebridge.hosts"))) / "panel" / "page"
#: The policy of the panel.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; media-src 'self'"
    " blob:; worker-src 'self'; frame-src *; base-uri 'none'; form-action 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
#: Functions for a page: samples travel as base64 of float32, one text for each channel.
CARRY = """
window.pack = (channels) => channels.map((samples) => {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), parts = [];
  for (let at = 0; at < bytes.length; at += 8192) { parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192))); }
  return btoa(parts.join(""));
});
window.unpack = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
window.floats = (texts) => texts.map((text) => new Float32Array(unpack(text).buffer));
"""
HEAD = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">'
    '<link rel="stylesheet" href="/panel/panel.css"><link rel="stylesheet" href="/panel/sound.css">'
)


def to_page(samples: Samples) -> list[str]:
    """Return ``[N, C]`` as the page's ``floats`` takes it."""
    return [base64.b64encode(channel.astype("<f4").tobytes()).decode() for channel in samples.T]


def from_page(texts: list[str]) -> Samples:
    """Return what the page's ``pack`` made as ``[N, C]``."""
    return np.stack([np.frombuffer(base64.b64decode(text), "<f4") for text in texts], axis=1)


def wait_until(page: Page, condition: str, argument: Any = None) -> None:
    """Wait until an expression, or a function of ``argument``, is true in a page, whose policy lets it evaluate no text."""
    end = time.monotonic() + PATIENCE_S
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


@dataclass
class PanelServer:
    """What the server answers, and what it was asked for.

    ``assets`` maps an id to a file, ``pages`` a path to a page of the panel and ``others`` to one of another program,
    ``outputs`` the path of an output that is still made to what yields its bytes, and ``answers`` a method of the contract to
    what returns its answer.
    """

    assets: dict[str, Path] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Callable[[], Iterator[bytes]]] = field(default_factory=dict)
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: PanelServer

    def do_GET(self) -> None:
        held, path = self.held, unquote(self.path.partition("?")[0])
        if path in held.others:
            self._answer(held.others[path].encode(), "text/html; charset=utf-8", policy=None)
        elif path in held.pages:
            self._answer(held.pages[path].encode(), _TYPES.get(Path(path).suffix, "text/html; charset=utf-8"))
        elif path.startswith("/panel/") and (PAGE / path[7:]).is_file():
            self._answer((PAGE / path[7:]).read_bytes(), _TYPES[Path(path).suffix])
        elif path in held.outputs:
            self._stream(held.outputs[path]())
        elif (asset := held.assets.get(path.split("/")[3] if path.count("/") > 3 else "")) is not None:
            named = {"Content-Disposition": "attachment"} if "/links/" in path else {}
            self._send(asset, named)
        else:
            self._answer(b'{"error": {"reason": "NOT_FOUND", "message": "There is no such thing."}}', code=404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.held.asked.append((self.path, body))
        if self.path == "/v1/links":
            answer = {"url": f"/v1/links/{body['asset_id']}/{body.get('name', 'audio')}.wav"}
        elif (method := self.held.answers.get(self.path)) is not None:
            answer = method(body)
        else:
            self._answer(b'{"error": {"reason": "NOT_FOUND", "message": "There is no such method."}}', code=404)
            return
        if isinstance(answer, str):
            self._answer(answer.encode(), "text/event-stream")
        else:
            self._answer(json.dumps(answer).encode())

    def _answer(
        self,
        body: bytes,
        kind: str = "application/json",
        more: dict[str, str] | None = None,
        code: int = 200,
        policy: str | None = POLICY,
    ) -> None:
        self.send_response(code)
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        if policy is not None:
            headers["Content-Security-Policy"] = policy
        for name, value in {**headers, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, file: Path, more: dict[str, str]) -> None:
        self.send_response(200)
        headers = {"Content-Type": "audio/x-wav", "Content-Length": str(file.stat().st_size), **more}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with file.open("rb") as audio:
            shutil.copyfileobj(audio, self.wfile, 1 << 20)

    def _stream(self, blocks: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "audio/x-wav")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in blocks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serve_panel() -> Iterator[PanelServer]:
    """Serve on loopback until the end of the block."""
    held = PanelServer()
    handler = type("Handler", (_Handler,), {"held": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    held.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
