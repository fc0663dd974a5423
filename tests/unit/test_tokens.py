"""Tokens with names: what is kept of them, and what a file that is damaged does."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acebridge import tokens
from acebridge.errors import Conflict, InvalidSetting, NotFound
from acebridge.proof import hash_token
from acebridge.server.known_tokens import KnownTokens, write_token
from acebridge.tokens import Scope, add_token, find_token, read_tokens, revoke_token
from acestep_runtime.errors import InvalidValue


def test_of_a_token_only_its_hash_is_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    token = add_token(home, "Stream Deck", [Scope.SUBMIT, Scope.READ, Scope.SUBMIT])
    (known,) = read_tokens(home)
    assert (known.name, known.scopes) == ("Stream Deck", (Scope.SUBMIT, Scope.READ))
    assert known.hash == hashlib.sha256(token.encode()).hexdigest()
    assert abs(known.created - time.time()) < 3600
    assert stat.S_IMODE((home / "tokens.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not any(token in file.read_text() for file in home.iterdir())


def test_names_are_taken_once_and_given_back(tmp_path: Path) -> None:
    first = add_token(tmp_path, "a", [Scope.READ])
    with pytest.raises(Conflict, match="There is a token 'a' already"):
        add_token(tmp_path, "a", [Scope.READ])
    assert find_token(read_tokens(tmp_path), "a").scopes == (Scope.READ,)
    revoke_token(tmp_path, "a")
    for act in (lambda: revoke_token(tmp_path, "a"), lambda: find_token([], "a")):
        with pytest.raises(NotFound, match=r"^There is no token 'a'\. List them with `acebridge token list`\."):
            act()
    assert add_token(tmp_path, "a", [Scope.READ]) != first


@pytest.mark.parametrize("name", ["", " ", "a ", "-a", "a\nb", "x" * 65, "a/b", "\udcff"])
def test_a_name_that_cannot_be_used_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match="NAME is"):
        add_token(tmp_path, name, [Scope.READ])
    assert read_tokens(tmp_path) == []


def test_commands_that_come_at_once_lose_no_token(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_token(tmp_path, f"t{n}", [Scope.READ]), range(16)))
    assert {each.name for each in read_tokens(tmp_path)} == {f"t{n}" for n in range(16)}


def scopes_of(known: KnownTokens, token: str) -> tuple[Scope, ...]:
    found = known.find(hash_token(token))
    assert found is not None
    return found.scopes


DAMAGED = [
    "",
    "{}x",
    "[" * 9000,
    "[1]",
    '[{"name": "a"}]',
    '[{"name": "a", "scopes": ["root"], "created": 1, "hash": "b"}]',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_said_and_lets_nobody_in(tmp_path: Path, text: str) -> None:
    own, named = write_token(tmp_path), add_token(tmp_path, "a", [Scope.ADMIN])
    known = KnownTokens(own, tmp_path)
    assert scopes_of(known, named) == (Scope.ADMIN,)
    (tmp_path / "tokens.json").write_text(text)
    with pytest.raises(InvalidSetting, match=r"tokens\.json is damaged: it holds no list of tokens\. Delete the file"):
        add_token(tmp_path, "b", [Scope.READ])
    assert known.find(hash_token(named)) is None
    assert scopes_of(known, own) == (Scope.ADMIN,)


def test_a_daemon_knows_at_once_what_is_made_and_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write_token(tmp_path)
    known, reads = KnownTokens(own, tmp_path), 0

    def count(home: Path) -> object:
        nonlocal reads
        reads += 1
        return read_tokens(home)

    monkeypatch.setattr("acebridge.server.known_tokens.read_tokens", count)
    for _ in range(20):
        assert known.find(hash_token("ab" * 32)) is None
        assert scopes_of(known, own) == (Scope.ADMIN,)
    assert reads == 0
    token = add_token(tmp_path, "a", [Scope.READ])
    for _ in range(20):
        assert scopes_of(known, token) == (Scope.READ,)
        assert known.find(hash_token("")) is None
    assert reads == 1
    revoke_token(tmp_path, "a")
    assert known.find(hash_token(token)) is None
    (tmp_path / "tokens.json").unlink()
    assert known.find(hash_token(token)) is None


def test_tokens_are_found_by_what_a_challenge_names(tmp_path: Path) -> None:
    own, token = write_token(tmp_path), add_token(tmp_path, "a", [Scope.READ])
    known = KnownTokens(own, tmp_path)
    for each in (own, token):
        digest = hashlib.sha256(each.encode()).hexdigest()
        assert known.hash_by_id(digest[:16]) == digest
    assert known.hash_by_id("") is known.hash_by_id("0" * 16) is None
    assert json.loads((tmp_path / "tokens.json").read_text())[0]["scopes"] == ["read"]


def test_tokens_are_not_more_than_calls_can_look_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 3)
    for number in range(3):
        add_token(tmp_path, f"t{number}", [Scope.READ])
    with pytest.raises(Conflict, match=r"^There are 3 tokens\. Revoke those that are not needed any more\.$"):
        add_token(tmp_path, "t3", [Scope.READ])
    revoke_token(tmp_path, "t0")
    add_token(tmp_path, "t3", [Scope.READ])
