"""Tokens that the user made for other programs: a name, what each may do, and a hash, in a file of the data folder.

The token itself is shown once, when it is made, and kept nowhere. The daemon has one more token, its own, which it makes at
each start (`acebridge.paths.TOKEN_FILE`) and which may do everything.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.errors import Conflict, InvalidSetting, NotFound
from acebridge.paths import TOKENS_FILE, TOKENS_LOCK_FILE
from acebridge.private_files import hold_lock
from acebridge.proof import hash_token
from acestep_runtime.errors import InvalidValue, printable

_TOKEN_BYTES = 32
#: How many there may be: each call with one looks for it in all of them.
MAX_TOKENS = 100
_NAME = re.compile(r"\w(?:[\w .-]{0,62}[\w.-])?")


class Scope(str, Enum):
    """What a token allows: to make music, to look at all of it, or everything."""

    SUBMIT = "submit"
    READ = "read"
    ADMIN = "admin"


#: The name of the daemon's own token: none that the user may give.
OWN_NAME = "(own)"


@dataclass(frozen=True)
class NamedToken:
    """What is kept of a token. ``created`` is in Unix seconds, ``hash`` its SHA-256 in hexadecimal."""

    name: str
    scopes: tuple[Scope, ...]
    created: float
    hash: str


def make_token() -> str:
    """Return a new token: 256 random bits in hexadecimal."""
    return os.urandom(_TOKEN_BYTES).hex()


def read_tokens(home: Path) -> list[NamedToken]:
    """Return the tokens of the data folder ``home``, oldest first. Raises `InvalidSetting` for a file that is damaged."""
    file = home / TOKENS_FILE
    try:
        rows = json.loads(file.read_text("utf-8"))
        return [NamedToken(r["name"], tuple(map(Scope, r["scopes"])), float(r["created"]), r["hash"]) for r in rows]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidSetting(
            f"{file} cannot be read: {error.strerror}.",
            remedy="Let it be yours to read, or set ACEBRIDGE_HOME to another folder.",
        ) from error
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise InvalidSetting(
            f"{file} is damaged: it holds no list of tokens.",
            remedy="Delete the file, then make the tokens again with `acebridge token new`.",
        ) from error


def add_token(home: Path, name: str, scopes: Sequence[Scope]) -> str:
    """Make a token with a name and return it: it cannot be had again.

    Raises `InvalidValue` for a name that cannot be used, `Conflict` for one that is taken.
    """
    if not _NAME.fullmatch(name):
        allowed = "1 to 64 letters, digits, spaces, dots, hyphens and underscores"
        raise InvalidValue("NAME", printable(name), allowed, remedy="Choose another name.")
    with hold_lock(home / TOKENS_LOCK_FILE, "the tokens"):
        known = read_tokens(home)
        if any(each.name == name for each in known):
            raise Conflict(
                f"There is a token {name!r} already.",
                remedy=f"Choose another name, or `acebridge token revoke {shlex.quote(name)}`.",
            )
        if len(known) >= MAX_TOKENS:
            raise Conflict(f"There are {MAX_TOKENS} tokens.", remedy="Revoke those that are not needed any more.")
        token = make_token()
        _write(home, [*known, NamedToken(name, tuple(dict.fromkeys(scopes)), time.time(), hash_token(token))])
    return token


def revoke_token(home: Path, name: str) -> None:
    """Forget a token: no new call may be made with it. Raises `NotFound`."""
    with hold_lock(home / TOKENS_LOCK_FILE, "the tokens"):
        known = read_tokens(home)
        find_token(known, name)
        _write(home, [each for each in known if each.name != name])


def find_token(known: Sequence[NamedToken], name: str) -> NamedToken:
    """Return the token with a name. Raises `NotFound`."""
    for each in known:
        if each.name == name:
            return each
    raise NotFound(f"There is no token {printable(name)!r}.", remedy="List them with `acebridge token list`.")


def _write(home: Path, tokens: Sequence[NamedToken]) -> None:
    text = json.dumps([asdict(each) for each in tokens], ensure_ascii=False, indent=1)
    write_whole(home / TOKENS_FILE, [text.encode()], private=True, lasting=True)
