"""Certificates as texts in PEM: their fingerprints, which people compare, and the name that a connection checks.

`cryptography` is imported when it is needed: without TLS it never is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime, timezone

from acestep_runtime.errors import InvalidValue, printable

_PREFIX = "sha256:"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_FINGERPRINT = re.compile(r"(?:sha-?256(?: fingerprint)?\s*[:=]\s*)?((?:[0-9a-f]{2}:?){32})", re.IGNORECASE)


def first_certificate(text: str) -> str:
    """Return the first certificate in a text, the owner's own, as PEM. Raises ``ValueError`` where there is none."""
    match = _CERTIFICATE.search(text)
    if match is None:
        raise ValueError("holds no certificate in PEM")
    return match[0]


def fingerprint_of(certificate: str) -> str:
    """Return the SHA-256 of the first certificate in a text, as ``sha256:`` and 64 hex digits. Raises ``ValueError``."""
    match = _CERTIFICATE.search(certificate)
    if match is None:
        raise ValueError("holds no certificate in PEM")
    try:
        return _PREFIX + hashlib.sha256(base64.b64decode("".join(match[1].split()), validate=True)).hexdigest()
    except binascii.Error as error:
        raise ValueError("holds no certificate in PEM") from error


def parse_fingerprint(text: str) -> str:
    """Return a fingerprint in the form of `fingerprint_of`; ``openssl x509 -fingerprint -sha256`` prints another one.

    Raises `InvalidValue`.
    """
    match = _FINGERPRINT.fullmatch(text.strip())
    if match is None:
        allowed = "sha256: and 64 hex digits"
        remedy = "Copy it from `acebridge token show` on the other machine."
        raise InvalidValue("--fingerprint", printable(text), allowed, remedy=remedy)
    return _PREFIX + match[1].replace(":", "").lower()


def name_of(certificate: str) -> str:
    """Return a name or address that a certificate is for. Raises ``ValueError`` where it has none."""
    from cryptography import x509

    loaded = x509.load_pem_x509_certificate(first_certificate(certificate).encode())
    names: list[str] = []
    try:
        alternatives = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += [name.replace("*", "acebridge", 1) for name in alternatives.get_values_for_type(x509.DNSName)]
        names += map(str, alternatives.get_values_for_type(x509.IPAddress))
    except x509.ExtensionNotFound:
        names += [str(each.value) for each in loaded.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if not names:
        raise ValueError("is for no name and no address")
    return names[0]


def valid_until(certificate: str, now: datetime | None = None) -> datetime:
    """Return when a certificate expires. Raises ``ValueError`` where it is not valid ``now``."""
    from cryptography import x509

    loaded = x509.load_pem_x509_certificate(first_certificate(certificate).encode())
    begin, end = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    now = now or datetime.now(timezone.utc)
    if now > end:
        raise ValueError(f"has expired: it was valid until {end:%Y-%m-%d}")
    if now < begin:
        raise ValueError(f"is not valid before {begin:%Y-%m-%d}")
    return end
