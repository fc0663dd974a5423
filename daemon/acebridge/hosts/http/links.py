"""Links to single assets: for what can send no header, such as an element of a page that plays audio, or a drag out of it.

A link opens one asset, for an hour, as the caller who made it: what the token may not read, its link cannot. Links are
forgotten with the process.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from acebridge.errors import NotFound
from acebridge.file_names import file_name
from acebridge.hosts.http.access import Caller

#: How long a link is good, in seconds, and how many each caller has.
LINK_S, MAX_LINKS = 3600.0, 1000
#: How many callers with links there may be: the links of the one who came first are forgotten.
_MAX_CALLERS = 100
_BYTES = 24


class Link(NamedTuple):
    """What a link opens, as whom, and until when."""

    asset_id: str
    name: str
    caller: Caller
    until: float


class Links:
    """The links that are good now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._links: dict[Caller, dict[str, Link]] = {}

    def make(self, caller: Caller, asset_id: str, name: str) -> str:
        """Return the path of a new link to an asset, which gets ``name`` where it is saved."""
        own = self._links.setdefault(caller, {})
        while len(own) >= MAX_LINKS:
            del own[next(iter(own))]
        while len(self._links) > _MAX_CALLERS:
            del self._links[next(iter(self._links))]
        secret = secrets.token_urlsafe(_BYTES)
        name = wav_name(name)
        own[secret] = Link(asset_id, name, caller, self._now() + LINK_S)
        return _path(secret, name)

    def reuse(self, caller: Caller, asset_id: str, name: str) -> str:
        """Return the path of a link that the caller has to an asset, if it is good for a while yet, else of a new one."""
        name = wav_name(name)
        for secret, link in self._links.get(caller, {}).items():
            if (link.asset_id, link.name) == (asset_id, name) and link.until > self._now() + LINK_S / 2:
                return _path(secret, name)
        return self.make(caller, asset_id, name)

    def find(self, secret: str) -> Link:
        """Return what a link opens. Raises `NotFound`."""
        for own in self._links.values():
            link = own.get(secret)
            if link is not None and link.until > self._now():
                return link
        raise NotFound("This link is no longer good.", remedy="Make another one.")


def _path(secret: str, name: str) -> str:
    return f"/v1/links/{secret}/{quote(name)}"


def wav_name(name: str) -> str:
    """Return a name as that of a WAV file, safe on every system."""
    stem = name[:-4] if name.lower().endswith(".wav") else name
    return f"{file_name(stem) or 'audio'}.wav"
