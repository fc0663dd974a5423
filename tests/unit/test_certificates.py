"""Fingerprints and names of certificates, beside what other programs say of them."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.certificates import fingerprint_of, first_certificate, name_of, parse_fingerprint
from acestep_runtime.errors import InvalidValue
from tests.support.certificates import make_pair

PAIR, OTHER = make_pair("studio.local"), make_pair("other")


def test_the_fingerprint_is_the_hash_of_the_certificate() -> None:
    der = ssl.PEM_cert_to_DER_cert(PAIR.certificate)
    assert fingerprint_of(PAIR.certificate) == f"sha256:{hashlib.sha256(der).hexdigest()}"
    assert fingerprint_of(PAIR.key + PAIR.certificate + OTHER.certificate) == fingerprint_of(PAIR.certificate)
    assert fingerprint_of(OTHER.certificate) != fingerprint_of(PAIR.certificate)
    assert fingerprint_of(PAIR.certificate.replace("\n", "\r\n")) == fingerprint_of(PAIR.certificate)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_prints_the_same_fingerprint() -> None:
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(command, input=PAIR.certificate, capture_output=True, text=True, check=True).stdout
    assert parse_fingerprint(said) == fingerprint_of(PAIR.certificate)


@given(st.binary(min_size=32, max_size=32))
def test_every_usual_form_of_a_fingerprint_is_read(digest: bytes) -> None:
    hexadecimal = digest.hex()
    expected = f"sha256:{hexadecimal}"
    forms = [
        expected, hexadecimal, hexadecimal.upper(), digest.hex(":"), f"SHA256:{digest.hex(':').upper()}",
        f"sha256 Fingerprint={digest.hex(':').upper()}\n", f" SHA-256: {hexadecimal} ",
    ]  # fmt: skip
    assert {parse_fingerprint(form) for form in forms} == {expected}


@pytest.mark.parametrize(
    "text", ["", "sha256:", "ab" * 31, "ab" * 33, "sha1:" + "ab" * 32, "xy" * 32, "sha256:" + "ab:" * 20]
)
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"sha256: and 64 hex digits") as caught:
        parse_fingerprint(text)
    assert "acebridge token show" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "x", PAIR.key, PAIR.certificate.replace("END", "ENDE"), "-----BEGIN CERTIFICATE-----"]
)
def test_what_is_no_certificate_has_no_fingerprint(text: str) -> None:
    for use in (fingerprint_of, first_certificate, name_of):
        with pytest.raises(ValueError, match="holds no certificate in PEM"):
            use(text)


@pytest.mark.parametrize(
    ("names", "common_name", "expected"),
    [
        (("studio.local", "b"), "test", "studio.local"),
        (("*.example.org",), "", "acebridge.example.org"),
        ((), "old", "old"),
    ],
)
def test_the_name_that_a_connection_checks(names: tuple[str, ...], common_name: str, expected: str) -> None:
    assert name_of(make_pair(*names, common_name=common_name).certificate) == expected


def test_a_certificate_for_nobody() -> None:
    with pytest.raises(ValueError, match="is for no name and no address"):
        name_of(make_pair(common_name="").certificate)
