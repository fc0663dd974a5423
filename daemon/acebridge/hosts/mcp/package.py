"""The package that speaks the protocol; an optional extra."""

from __future__ import annotations

from importlib.util import find_spec

from acebridge.errors import AceBridgeError
from acestep_runtime.installation import install_remedy


class MissingPackage(AceBridgeError):
    """The extra for the protocol is not installed."""


def check_package() -> None:
    """Raise `MissingPackage` unless the package is there."""
    if find_spec("mcp_types") is None:
        raise MissingPackage(
            "The package mcp, in version 2.3 or newer, is not installed.", remedy=install_remedy("mcp")
        )
