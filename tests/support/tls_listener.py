"""A program at a port that takes every connection of TLS and keeps what arrives: whoever would like to be the daemon."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.daemon import PATIENCE_S


class Listener:
    """What it got: connections, and all bytes that came after their handshakes."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.connections = 0
        self.received = bytearray()


@contextmanager
def listen(pair: Pair, port: int = 0) -> Iterator[Listener]:
    """Listen with a certificate until the end of the block; each connection is read until the other end closes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    with tempfile.TemporaryDirectory() as folder:
        pair.write(Path(folder))
        context.load_cert_chain(Path(folder, "certificate.pem"), Path(folder, "key.pem"))
    with socket.create_server(("127.0.0.1", port)) as server:
        listener = Listener(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, context, listener))
        thread.start()
        try:
            yield listener
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # wakes the one that waits for callers
            thread.join(PATIENCE_S)


def _serve(server: socket.socket, context: ssl.SSLContext, listener: Listener) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        listener.connections += 1
        # One that refuses the certificate ends the handshake.
        with caller, suppress(OSError), context.wrap_socket(caller, server_side=True) as connection:
            while data := connection.recv(65536):
                listener.received += data
