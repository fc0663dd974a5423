"""The token that proves a client may use a daemon: where it comes from, and how each call carries it.

The daemon writes a new token into its data folder at every start (`acebridge.paths.TOKEN_FILE`), readable by its user alone. It
is sent to the daemon of this data folder and to no other address: another program could listen there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc

from acebridge.client.discovery import address_in
from acebridge.paths import TOKEN_FILE, data_folder
from acestep_runtime.errors import InvalidValue

#: The token of a daemon elsewhere, for a client that was given its address.
VARIABLE = "ACEBRIDGE_TOKEN"
_TOKEN = re.compile("[0-9a-f]{64}")

Request = TypeVar("Request")
Answer = TypeVar("Answer")


def read_token(home: Path) -> str:
    """Return the token of the daemon whose data folder is ``home``; empty when there is none, or none that we may read."""
    try:
        token = (home / TOKEN_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return token if _TOKEN.fullmatch(token) else ""


def token_for(address: str) -> str:
    """Return the token for the daemon at ``address``: our own one's, else ``ACEBRIDGE_TOKEN``; empty for none.

    Raises `InvalidValue` when that variable holds something else.
    """
    home = data_folder()
    if address_in(home) == address:
        return read_token(home)
    token = os.environ.get(VARIABLE, "").strip()
    if token and not _TOKEN.fullmatch(token):
        allowed = "64 hex digits, as in the file token of the daemon's data folder"
        message = f"{VARIABLE} holds no token of a daemon; allowed: {allowed}."
        raise InvalidValue(VARIABLE, "", allowed, message=message, remedy="Copy it again, or leave it out.")
    return token


class _CallDetails(grpc.ClientCallDetails):
    """How a call is made: as ``details`` say, with the token, if there is one, in its metadata."""

    def __init__(self, details: grpc.ClientCallDetails, token: str) -> None:
        own = (("authorization", f"Bearer {token}"),) if token else ()
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), *own)
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class _TokenSender(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor
):
    """Puts the token that ``find`` returns into every call: for grpc, each kind of call has a method of its own."""

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find()), request)

    def intercept_unary_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find()), request)

    def intercept_stream_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._find()), request_iterator)


def open_channel(address: str, token: str | None = None) -> grpc.Channel:
    """Return a channel to the daemon at ``address`` whose calls carry ``token``, or none where that is empty.

    ``None`` stands for what `token_for` returns at each call: a daemon that was started again has another one. Raises
    `InvalidValue` where that does.
    """
    if token is None:
        token_for(address)
    find = partial(token_for, address) if token is None else lambda: token
    return grpc.intercept_channel(grpc.insecure_channel(address), _TokenSender(find))
