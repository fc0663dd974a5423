"""Certificates for tests: of any age, for any names, with any key."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Pair(NamedTuple):
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    def write(self, folder: Path) -> str:
        """Write both into a folder; return the table of config.toml that names them."""
        for name, text in (("certificate.pem", self.certificate), ("key.pem", self.key)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        return f'[tls]\ncertificate = "{folder}/certificate.pem"\nkey = "{folder}/key.pem"\n'


def pem(key: Key, password: str = "") -> str:
    """A key in PEM."""
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return data.decode()


def make_pair(
    *names: str, key: Key | None = None, begin_days: int = -1, end_days: int = 30, common_name: str = "test"
) -> Pair:
    """A certificate that has signed itself, for these names; without names, for its common name only."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begin_days))
        .not_valid_after(now + timedelta(days=end_days))
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
    made = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return Pair(made.public_bytes(serialization.Encoding.PEM).decode(), pem(key))
