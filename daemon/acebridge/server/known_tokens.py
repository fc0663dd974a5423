"""The tokens that a daemon knows: its own, and those that the user made, as the data folder has them now."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import InvalidSetting
from acebridge.paths import TOKEN_FILE, TOKENS_FILE
from acebridge.proof import hash_token, token_id
from acebridge.tokens import OWN_NAME, NamedToken, Scope, make_token, read_tokens

log = logging.getLogger(__name__)
#: What tells one state of a file from another: none of it is the same after the file was replaced.
_Facts = tuple[int, int, int] | None


def write_token(home: Path) -> str:
    """Make a new token, write it into the data folder for its user alone, and return it."""
    token = make_token()
    write_whole(home / TOKEN_FILE, [token.encode()], private=True)
    return token


class KnownTokens:
    """The tokens of the data folder ``home`` by their hashes: the daemon's ``own``, which allows everything, and the user's.

    The file of the user's is looked at for each token that is not the own one, and read when it has changed.
    """

    def __init__(self, own: str, home: Path) -> None:
        self._own = NamedToken(OWN_NAME, (Scope.ADMIN,), time.time(), hash_token(own))
        self._file = home / TOKENS_FILE
        self._facts: _Facts = None
        self._named: dict[str, NamedToken] = {}

    def find(self, token_hash: str) -> NamedToken | None:
        """Return the token with a hash, if it is known."""
        return self._own if token_hash == self._own.hash else self._read().get(token_hash)

    def hash_by_id(self, wanted: str) -> str | None:
        """Return the hash of the token that a challenge names, see `acebridge.proof`."""
        if token_id(self._own.hash) == wanted:
            return self._own.hash
        return next((known for known in self._read() if token_id(known) == wanted), None)

    def _read(self) -> dict[str, NamedToken]:
        facts = self._look()
        if facts != self._facts:
            self._facts = facts
            try:
                self._named = {each.hash: each for each in read_tokens(self._file.parent)}
            except InvalidSetting as error:  # nobody gets in by a file that nobody can read
                self._named = {}
                log.warning("no token but the daemon's own is known", extra={"error": str(error)})
        return self._named

    def _look(self) -> _Facts:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
