"""The package that brings Live's bridge and its client; an optional extra."""

from __future__ import annotations

from importlib.util import find_spec

from acebridge.errors import AceBridgeError
from acestep_runtime.installation import install_remedy

PACKAGE = "ableton-extensions"
#: Where the bridge in Live answers.
DEFAULT_URL = "ws://127.0.0.1:17890"


class MissingPackage(AceBridgeError):
    """The extra for Live is not installed."""


def check_package() -> None:
    """Raise `MissingPackage` unless the package is there."""
    if find_spec("ableton_extensions") is None:
        raise MissingPackage(f"The package {PACKAGE} is not installed.", remedy=install_remedy("live"))
