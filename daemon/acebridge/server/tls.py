"""TLS of the daemon: with which certificate it listens, if with any."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import grpc

from acebridge.config import Config
from acebridge.tls_identity import Identity, identity_files, make_identity, read_identity

log = logging.getLogger(__name__)


def find_identity(config: Config) -> Identity | None:
    """Return what the daemon proves with who it is, made at first need; ``None`` without TLS. Raises `InvalidSetting`."""
    if not config.uses_tls:
        return None
    if config.tls.certificate is None and not identity_files(config)[0].exists():
        make_identity(config)
        log.info("made a certificate")
    return read_identity(config)


def port_opener(server: grpc.aio.Server, identity: Identity | None) -> Callable[[str], int]:
    """Return what has ``server`` listen at an address and returns the port; with TLS where there is an identity."""
    if identity is None:
        return server.add_insecure_port
    pair = (identity.key.encode(), identity.certificate.encode())
    return partial(server.add_secure_port, server_credentials=grpc.ssl_server_credentials([pair]))
