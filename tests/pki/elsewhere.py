"""Certificates as other programs make them, with what ours never have."""

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.pki.room import BEGAN

BOTH = (True, True, True)
"""digitalSignature, keyCertSign, cRLSign: as the original's authorities have them."""


@frozen
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any


def name(common: str) -> x509.Name:
    """Without a mark of its own, as the original's."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "My Tracks"),
        ]
    )


def usage(signature: bool, certificates: bool, lists: bool) -> x509.KeyUsage:
    """A key usage."""
    rest = (False,) * 4
    return x509.KeyUsage(signature, *rest, certificates, lists, False, False)


def made(
    common: str,
    *,
    issuer: Pair | None = None,
    key: Any = None,
    ca: bool | None = False,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = None,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    hosts: tuple[str, ...] = (),
    days: tuple[float, float] = (-1, 30),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    subject: x509.Name | None = None,
) -> Pair:
    """Any certificate. `days`: from when to when, counted from the date of the tests."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = subject or name(common)
    begin, end = (datetime.fromtimestamp(BEGAN, UTC) + timedelta(days=each) for each in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = list(extra)
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, path_length), True))
    if key_usage is not None:
        extensions.append((key_usage, True))
    if purposes:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    if hosts:
        extensions.append((x509.SubjectAlternativeName([*map(x509.DNSName, hosts)]), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256()
    return Pair(builder.sign(signer, algorithm), key)


def authority(common: str, **more: Any) -> Pair:
    """As the original makes them."""
    more.setdefault("key_usage", usage(*BOTH))
    return made(common, ca=True, **more)


def client(common: str, issuer: Pair, **more: Any) -> Pair:
    """As the original makes them: no subjectAltName, no key identifiers, no key usage."""
    more.setdefault("purposes", (ExtendedKeyUsageOID.CLIENT_AUTH,))
    return made(common, issuer=issuer, **more)


def server(*hosts: str, issuer: Pair | None = None, **more: Any) -> Pair:
    """A server's."""
    more.setdefault("purposes", (ExtendedKeyUsageOID.SERVER_AUTH,))
    return made(hosts[0] if hosts else "nobody", issuer=issuer, hosts=hosts, **more)


def weak() -> rsa.RSAPrivateKey:
    """A key that is too short."""
    return rsa.generate_private_key(65537, 1024)


def pem(*pairs: Pair) -> bytes:
    """Their certificates."""
    return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in pairs)


def key_pem(pair: Pair, password: str | None = None) -> bytes:
    """Its key."""
    sealed: KeySerializationEncryption = NoEncryption()
    if password is not None:
        sealed = BestAvailableEncryption(password.encode())
    text: bytes = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    return text
