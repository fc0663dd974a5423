"""The daemons on other machines that the user trusts: the certificate of each, and the token for it, in the data folder.

A certificate that was trusted counts until the user says otherwise, whoever has signed it. The file holds it whole: what
its fingerprint stands for is what a connection needs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from acebridge.addresses import plain_address
from acebridge.atomic_files import write_whole
from acebridge.certificates import fingerprint_of
from acebridge.errors import InvalidSetting, NotFound
from acebridge.paths import KNOWN_DAEMONS_FILE, KNOWN_DAEMONS_LOCK_FILE
from acebridge.private_files import hold_lock


class KnownDaemon(NamedTuple):
    """The certificate of a daemon in PEM, and the token for it; empty for none."""

    certificate: str
    token: str = ""

    @property
    def fingerprint(self) -> str:
        """What people compare, see `acebridge.certificates`."""
        return fingerprint_of(self.certificate)


def read_known(home: Path) -> dict[str, KnownDaemon]:
    """Return the daemons that are trusted by their addresses. Raises `InvalidSetting` for a file that is damaged."""
    file = home / KNOWN_DAEMONS_FILE
    try:
        known = {address: KnownDaemon(**fields) for address, fields in json.loads(file.read_text("utf-8")).items()}
        for each in known.values():
            fingerprint_of(each.certificate)
            each.token.encode()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidSetting(
            f"{file} cannot be read as a list of daemons: {error}.",
            remedy="Delete the file, then trust the daemons again with `acebridge trust`.",
        ) from error
    return known


def find_known(home: Path, address: str) -> KnownDaemon | None:
    """Return the daemon that is trusted at a valid ``address``, if there is one. Raises `InvalidSetting`.

    A file that we may not read, such as another user's, trusts nobody.
    """
    if not os.access(home / KNOWN_DAEMONS_FILE, os.R_OK):
        return None
    return read_known(home).get(plain_address(address))


def remember(home: Path, address: str, daemon: KnownDaemon) -> None:
    """Trust a daemon from now on, instead of what was trusted at this address."""
    with hold_lock(home / KNOWN_DAEMONS_LOCK_FILE, "the list of daemons"):
        _write(home, {**read_known(home), plain_address(address): daemon})


def forget(home: Path, address: str) -> None:
    """Trust a daemon no more. Raises `NotFound`."""
    with hold_lock(home / KNOWN_DAEMONS_LOCK_FILE, "the list of daemons"):
        known = read_known(home)
        if known.pop(plain_address(address), None) is None:
            raise NotFound(f"No daemon at {address} is trusted.", remedy="List them with `acebridge trust --list`.")
        _write(home, known)


def _write(home: Path, known: Mapping[str, KnownDaemon]) -> None:
    text = json.dumps({address: daemon._asdict() for address, daemon in known.items()}, indent=1)
    write_whole(home / KNOWN_DAEMONS_FILE, [text.encode()], private=True)
