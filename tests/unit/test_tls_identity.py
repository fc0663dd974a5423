"""What the daemon proves with who it is: the certificate that it makes, and every reason to refuse one of the user's."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from acebridge.cli import doctor
from acebridge.config import Config, TlsSettings
from acebridge.errors import InvalidSetting
from acebridge.server.tls import find_identity
from acebridge.tls_identity import read_identity
from tests.support.certificates import Pair, make_pair, pem

PAIR = make_pair("studio.local")


def own(home: Path, host: str = "0.0.0.0") -> Config:
    return Config(data_dir=home, host=host)


def of_user(folder: Path, pair: Pair = PAIR) -> Config:
    pair.write(folder)
    return Config(
        data_dir=folder, host="::", tls=TlsSettings(certificate=folder / "certificate.pem", key=folder / "key.pem")
    )


def test_without_tls_there_is_none(tmp_path: Path) -> None:
    assert find_identity(Config(data_dir=tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    made, again = find_identity(own(tmp_path)), find_identity(own(tmp_path, "::"))
    assert made is not None
    assert made == again
    assert os.name == "nt" or stat.S_IMODE((tmp_path / "tls.pem").stat().st_mode) == 0o600
    assert made.end > datetime.now(timezone.utc) + timedelta(days=20 * 365)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")  # OpenSSL takes the pair


def test_it_is_for_this_machine_and_for_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "studio")
    made = find_identity(own(tmp_path, "192.168.1.20"))
    assert made is not None
    certificate = x509.load_pem_x509_certificate(made.certificate.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["studio", "studio.local", "localhost"]
    assert {"192.168.1.20", "127.0.0.1", "::1"} <= set(map(str, names.get_values_for_type(x509.IPAddress)))
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


@pytest.mark.parametrize("name", ["", "tonstudio_süd", "-x-", "a" * 300])
def test_a_machine_whose_name_no_certificate_can_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)
    assert find_identity(own(tmp_path)) is not None


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_a_certificate_of_the_user(tmp_path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    pair = make_pair("studio.local", key=key)
    found = find_identity(of_user(tmp_path, pair))
    assert found is not None
    assert (found.certificate, found.key) == (pair.certificate, pair.key)
    assert not (tmp_path / "tls.pem").exists()


def missing(folder: Path) -> None:
    (folder / "key.pem").unlink()


def open_to_others(folder: Path) -> None:
    (folder / "key.pem").chmod(0o640)


def replace(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def replace_both(pair: Pair) -> Callable[[Path], object]:
    return pair.write


FAULTS = {
    "no key": (missing, "The key {}/key.pem cannot be read: No such file or directory. Let your user read it"),
    "open to others": (open_to_others, "Other users can read the key {}/key.pem: its mode is 0640. Run `chmod 600 {}/"),
    "no certificate": (replace("certificate.pem", "x"), "The file {}/certificate.pem holds no certificate in PEM. Correct"),
    "a key as certificate": (replace("certificate.pem", PAIR.key), "The file {}/certificate.pem holds no certificate in PEM."),
    "no key in PEM": (replace("key.pem", PAIR.certificate), "The file {}/key.pem holds no private key in PEM. Correct"),
    "of another": (replace("key.pem", make_pair("x").key), "The key {}/key.pem is not that of the certificate {}/cert"),
    "with a password": (
        replace("key.pem", pem(ec.generate_private_key(ec.SECP256R1()), "secret")),
        "The key {}/key.pem needs a password. Write it without one: `openssl pkey -in {}/key.pem",
    ),
    "expired": (
        replace_both(make_pair("x", begin_days=-9, end_days=-1)),
        "The certificate {}/certificate.pem has expired: it was valid until ",
    ),
    "of tomorrow": (replace_both(make_pair("x", begin_days=1)), "The certificate {}/certificate.pem is not valid before "),
    "of another kind": (
        replace_both(make_pair("x", key=ed25519.Ed25519PrivateKey.generate())),
        "The key {}/key.pem is neither an ECDSA nor an RSA key, and gRPC can use no other. Make one",
    ),
    "for nobody": (
        replace_both(make_pair(common_name="")),
        "The certificate {}/certificate.pem is for no name and no address. Get another one with the name",
    ),
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(("spoil", "says"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_a_sentence_with_a_remedy(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    config = of_user(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InvalidSetting) as caught:
        find_identity(config)
    assert str(caught.value).startswith(says.replace("{}", str(tmp_path)))
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", PAIR.key, PAIR.certificate, make_pair("x").key + PAIR.certificate])
def test_a_damaged_certificate_of_our_own_may_be_deleted(tmp_path: Path, text: str) -> None:
    (tmp_path / "tls.pem").write_text(text)
    (tmp_path / "tls.pem").chmod(0o600)
    with pytest.raises(InvalidSetting) as caught:
        find_identity(own(tmp_path))
    assert caught.value.remedy.startswith("Delete the file: the next start makes a new one")


def test_one_of_our_own_expires_after_a_generation(tmp_path: Path) -> None:
    made = find_identity(own(tmp_path))
    assert made is not None
    with pytest.raises(InvalidSetting, match="has expired"):
        read_identity(own(tmp_path), now=made.end + timedelta(days=1))


def test_the_doctor_says_how_calls_are_encrypted(home: Path) -> None:
    assert doctor._tls(None).says == "off, for 127.0.0.1 is this machine's own"
    (home / "config.toml").write_text('host = "0.0.0.0"\n')
    assert doctor._tls(None).says == "on at 0.0.0.0; the next start makes a certificate"
    made = find_identity(own(home))
    assert made is not None
    assert doctor._tls(None).says == f"on at 0.0.0.0; certificate {made.fingerprint}, valid until {made.end:%Y-%m-%d}"
    (home / "tls.pem").write_text("x")
    assert not doctor._tls(None).ok
