"""The token that proves a client may use a daemon: where it comes from, and how each call carries it.

The daemon writes a new token into its data folder at every start (`acebridge.paths.TOKEN_FILE`), readable by its user alone. It
is sent to the daemon of this data folder and to no other address: another program could listen there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import grpc

from acebridge.client.discovery import address_in
from acebridge.paths import TOKEN_FILE, data_folder

#: The token of a daemon elsewhere, for a client that was given its address.
VARIABLE = "ACEBRIDGE_TOKEN"

Request = TypeVar("Request")
Answer = TypeVar("Answer")


def read_token(home: Path) -> str:
    """Return the token of the daemon whose data folder is ``home``; empty when there is none, or none that we may read."""
    try:
        return (home / TOKEN_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def token_for(address: str) -> str:
    """Return the token for the daemon at ``address``: our own one's, else ``ACEBRIDGE_TOKEN``; empty for none."""
    home = data_folder()
    return read_token(home) if address_in(home) == address else os.environ.get(VARIABLE, "")


class _CallDetails(grpc.ClientCallDetails):
    """How a call is made: as ``details`` say, with the token in its metadata."""

    def __init__(self, details: grpc.ClientCallDetails, token: str) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), ("authorization", f"Bearer {token}"))
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class _TokenSender(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor
):
    """Puts the token into every call: for grpc, each kind of call has a method of its own."""

    def __init__(self, token: str) -> None:
        self._token = token

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._token), request)

    def intercept_unary_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._token), request)

    def intercept_stream_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Request,
    ) -> Answer:
        return continuation(_CallDetails(client_call_details, self._token), request_iterator)


def open_channel(address: str, token: str) -> grpc.Channel:
    """Return a channel to the daemon at ``address`` whose calls carry ``token``; without one, they carry none."""
    channel = grpc.insecure_channel(address)
    return grpc.intercept_channel(channel, _TokenSender(token)) if token else channel
