"""What the daemon proves with who it is: a certificate and its key, the user's own or one that is made at first need."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

from acebridge.addresses import plain_host
from acebridge.atomic_files import write_whole
from acebridge.certificates import fingerprint_of, first_certificate, name_of, valid_until
from acebridge.config import Config
from acebridge.errors import InvalidSetting
from acebridge.paths import TLS_FILE

#: Clients trust the certificate itself, so it need not be replaced; clocks may differ by a day.
_VALID_DAYS, _CLOCKS_DAYS = 30 * 365, 1
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
#: Addresses that are for examples: nobody has them, and no packet is sent to find the way there.
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


class Identity(NamedTuple):
    """A certificate, with those that vouch for it, and its key, all in PEM; it is valid until ``end``."""

    certificate: str
    key: str
    end: datetime

    @property
    def fingerprint(self) -> str:
        """What people compare, see `acebridge.certificates`."""
        return fingerprint_of(self.certificate)


def identity_files(config: Config) -> tuple[Path, Path]:
    """Return the files of the certificate and of its key. They are one where the daemon makes them."""
    made = config.data_dir / TLS_FILE
    return config.tls.certificate or made, config.tls.key or made


def make_identity(config: Config) -> None:
    """Write a new certificate for this machine, and its key, into the data folder for its user alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    names, addresses = _host_names(), dict.fromkeys(_host_addresses(config.host))
    owners = x509.SubjectAlternativeName([*map(x509.DNSName, names), *map(x509.IPAddress, addresses)])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "AceBridge")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=_CLOCKS_DAYS))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(owners, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(
        config.data_dir / TLS_FILE, [private, certificate.public_bytes(serialization.Encoding.PEM)], private=True
    )


def read_identity(config: Config, *, now: datetime | None = None) -> Identity:
    """Return the certificate and the key of the settings, checked.

    Raises `InvalidSetting` for files that cannot be read, a key that is not the certificate's or that others can read, and a
    certificate that is not valid ``now``.
    """
    certificate_file, key_file = identity_files(config)
    own = config.tls.certificate is None
    remedy = "Delete the file: the next start makes a new one, which clients have to trust again." if own else ""
    text = _read(certificate_file, "certificate", remedy)
    key = _read(key_file, "key", remedy)
    _check_mode(key_file)
    end = _check(certificate_file, text, key_file, key, now, remedy)
    return Identity(text[text.index(first_certificate(text)) :], key, end)


def _check(certificate_file: Path, text: str, key_file: Path, key: str, now: datetime | None, remedy: str) -> datetime:
    """Return until when the certificate is valid. Raises `InvalidSetting`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        certificate = x509.load_pem_x509_certificate(first_certificate(text).encode())
    except ValueError as error:
        raise InvalidSetting(
            f"The file {certificate_file} holds no certificate in PEM.",
            remedy=remedy or "Correct `certificate` in the table [tls] of config.toml.",
        ) from error
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except TypeError as error:
        raise InvalidSetting(
            f"The key {key_file} needs a password.",
            remedy=f"Write it without one: `openssl pkey -in {key_file} -out FILE`, and name that file.",
        ) from error
    except Exception as error:  # also of kinds that the library does not know
        raise InvalidSetting(
            f"The file {key_file} holds no private key in PEM.",
            remedy=remedy or "Correct `key` in the table [tls] of config.toml.",
        ) from error
    if not isinstance(private, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise InvalidSetting(
            f"The key {key_file} is neither an ECDSA nor an RSA key, and gRPC can use no other.",
            remedy=remedy or "Make one with `openssl ecparam -name prime256v1 -genkey`, and a certificate for it.",
        )
    if private.public_key() != certificate.public_key():
        raise InvalidSetting(
            f"The key {key_file} is not that of the certificate {certificate_file}.",
            remedy=remedy or "Name the two that belong together in the table [tls] of config.toml.",
        )
    try:
        name_of(text)
        return valid_until(text, now)
    except ValueError as error:
        raise InvalidSetting(
            f"The certificate {certificate_file} {error}.",
            remedy=remedy
            or "Get another one with the name of this machine, or take `certificate` and `key` out of config.toml: then the"
            " daemon makes its own.",
        ) from error


def _read(file: Path, what: str, remedy: str) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InvalidSetting(
            f"The {what} {file} cannot be read: {reason}.",
            remedy=remedy or f"Let your user read it, or correct `{what}` in the table [tls] of config.toml.",
        ) from error


def _check_mode(key_file: Path) -> None:
    """Raise `InvalidSetting` where others can read a key."""
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if os.name != "nt" and mode & 0o077:
        raise InvalidSetting(
            f"Other users can read the key {key_file}: its mode is {mode:04o}.", remedy=f"Run `chmod 600 {key_file}`."
        )


def _host_names() -> Iterator[str]:
    """Yield the names of this machine, as far as a certificate can hold them."""
    host = socket.gethostname().removesuffix(".")
    if _HOST_NAME.fullmatch(host):
        yield host
        if "." not in host:
            yield f"{host}.local"
    yield "localhost"


def _host_addresses(listening: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses of this machine that other machines most likely use, and loopback."""
    given = ip_address(plain_host(listening).partition("%")[0])
    if not given.is_unspecified:
        yield given
    for family, far in _FAR:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            yield ip_address(probe.getsockname()[0].partition("%")[0])
    yield from (IPv4Address("127.0.0.1"), IPv6Address("::1"))
