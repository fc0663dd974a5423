"""How a daemon proves that it knows a token before anybody sends it the token.

The client sends a challenge along with a health check: which token it means, by the beginning of its hash, and a number that is
used once. The daemon answers with its port and an HMAC of both, whose key is the hash of the token. A program that has taken
the port of a daemon that ended can answer nothing, and an answer that it fetches from a daemon elsewhere has another port.

With TLS the HMAC is also about the certificate: who stands between a client and its daemon has another one, so an answer
that it fetches from the daemon proves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re

#: The keys of the metadata of a health check and of its answer.
CHALLENGE_KEY, PROOF_KEY = "acebridge-challenge", "acebridge-proof"
_ID_DIGITS, _NONCE_BYTES = 16, 16
_CHALLENGE = re.compile(r"([0-9a-f]{16})-[0-9a-f]{32}")
_PROOF = re.compile(r"([0-9]{1,5})-[0-9a-f]{64}")


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal. A token is random and long: one round of it cannot be undone."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def token_id(token_hash: str) -> str:
    """Return what a challenge names a token by."""
    return token_hash[:_ID_DIGITS]


def make_challenge(token: str) -> str:
    """Return a new challenge to prove that a token is known."""
    return f"{token_id(hash_token(token))}-{os.urandom(_NONCE_BYTES).hex()}"


def id_in(challenge: str) -> str:
    """Return which token a challenge is about; empty for a text that is none."""
    match = _CHALLENGE.fullmatch(challenge)
    return match[1] if match else ""


def prove(challenge: str, token_hash: str, port: int, fingerprint: str = "") -> str:
    """Return the proof of a daemon at ``port``, whose certificate has this ``fingerprint``; it is empty without TLS."""
    text = f"{challenge}-{port}-{fingerprint}" if fingerprint else f"{challenge}-{port}"
    mac = hmac.new(bytes.fromhex(token_hash), text.encode(), "sha256")
    return f"{port}-{mac.hexdigest()}"


def is_proof(text: str, challenge: str, token: str, *, port: int | None, fingerprint: str = "") -> bool:
    """Return whether ``text`` proves that a daemon knows the token and has the certificate with this ``fingerprint``.

    Where ``port`` is given, it has to have this one too.
    """
    match = _PROOF.fullmatch(text)
    if match is None or port not in (None, int(match[1])):
        return False
    return hmac.compare_digest(text, prove(challenge, hash_token(token), int(match[1]), fingerprint))
