"""The proof that a daemon knows a token, and what is none."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from acebridge.proof import hash_token, id_in, is_proof, make_challenge, prove, token_id

TOKEN = "ab" * 32


def test_a_proof_is_an_hmac_of_challenge_and_port() -> None:
    challenge = make_challenge(TOKEN)
    key = hashlib.sha256(TOKEN.encode()).digest()
    expected = hmac.new(key, f"{challenge}-50710".encode(), hashlib.sha256).hexdigest()
    assert prove(challenge, hash_token(TOKEN), 50710) == f"50710-{expected}"
    assert id_in(challenge) == token_id(hash_token(TOKEN)) == key.hex()[:16]
    assert make_challenge(TOKEN) != challenge
    assert TOKEN not in challenge


def test_it_counts_for_one_challenge_one_token_and_one_port() -> None:
    challenge = make_challenge(TOKEN)
    proof = prove(challenge, hash_token(TOKEN), 50710)
    assert is_proof(proof, challenge, TOKEN, port=50710)
    assert is_proof(proof, challenge, TOKEN, port=None)
    assert not is_proof(proof, challenge, TOKEN, port=50711)
    assert not is_proof(proof, make_challenge(TOKEN), TOKEN, port=50710)
    assert not is_proof(proof, challenge, "cd" * 32, port=50710)
    assert not is_proof(proof.replace("50710", "50711"), challenge, TOKEN, port=50711)


def test_with_tls_it_counts_for_one_certificate() -> None:
    challenge, fingerprint = make_challenge(TOKEN), f"sha256:{'ab' * 32}"
    key = hashlib.sha256(TOKEN.encode()).digest()
    expected = hmac.new(key, f"{challenge}-50710-{fingerprint}".encode(), hashlib.sha256).hexdigest()
    proof = prove(challenge, hash_token(TOKEN), 50710, fingerprint)
    assert proof == f"50710-{expected}"
    assert is_proof(proof, challenge, TOKEN, port=50710, fingerprint=fingerprint)
    for other in ("", f"sha256:{'cd' * 32}"):
        assert not is_proof(proof, challenge, TOKEN, port=None, fingerprint=other)
        assert not is_proof(
            prove(challenge, hash_token(TOKEN), 1, other), challenge, TOKEN, port=1, fingerprint=fingerprint
        )


@pytest.mark.parametrize("text", ["", "-", "50710-", "50710", "-1-" + "0" * 64, "５-" + "0" * 64, "50710-" + "é" * 64])
def test_what_is_no_proof_proves_nothing(text: str) -> None:
    assert not is_proof(text, make_challenge(TOKEN), TOKEN, port=None)


@pytest.mark.parametrize("text", ["", "x", "0" * 16, f"{'0' * 16}-{'0' * 31}", f"{'0' * 16}-{'0' * 32}\n", "G" * 49])
def test_what_is_no_challenge_is_about_no_token(text: str) -> None:
    assert id_in(text) == ""
