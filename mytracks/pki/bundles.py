"""How certificates and keys leave the house: the forms that phones and programs open.

Old phones (iOS up to 17, Android up to about 11) know only PKCS#12 sealed with triple DES and
SHA-1. Its cipher is not what protects it: the passphrase is, so it should be one of ours.
"""

import secrets
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)

from mytracks.errors import Invalid
from mytracks.pki.state import PrivateKey

SHORTEST: Final = 8
"""Characters of a bundle's password."""
LONGEST: Final = 128
_ROUNDS: Final = 50_000
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _LENGTH = 4, 5
"""99 random bits, easily typed into a phone."""


class Format(Enum):
    """What a client bundle is written as."""

    P12 = "p12"
    """Opens everywhere. OwnTracks on iOS wants it named `.otrp`."""
    P12_MODERN = "p12-modern"
    PEM = "pem"

    @property
    def suffix(self) -> str:
        """The end of its file name."""
        return ".pem" if self is Format.PEM else ".p12"

    @property
    def media_type(self) -> str:
        """For `Content-Type`."""
        return "application/x-pem-file" if self is Format.PEM else "application/x-pkcs12"


def passphrase() -> str:
    """A new password for a bundle, shown once."""
    letters = [secrets.choice(_ALPHABET) for _ in range(_GROUPS * _LENGTH)]
    groups = ("".join(letters[at : at + _LENGTH]) for at in range(0, len(letters), _LENGTH))
    return "-".join(groups)


def check_password(password: str) -> bytes:
    """A bundle's password as it is used. Raises Invalid: phones open none without one."""
    wrong = None
    if len(password) < SHORTEST:
        wrong = f"must have {SHORTEST} characters or more"
    elif len(password) > LONGEST:
        wrong = f"must not have more than {LONGEST} characters"
    elif not all(character.isprintable() and ord(character) < 0x10000 for character in password):
        # PKCS#12 writes it in characters of 16 bits, and programs do not agree on how.
        wrong = "must not hold control characters, emoji or other rare characters"
    if wrong:
        raise Invalid(f"This cannot be: the password {wrong}.", {"password": [wrong]})
    return password.encode()


def bundle(
    form: Format,
    name: str,
    key: PrivateKey,
    certificate: x509.Certificate,
    authority: x509.Certificate,
    password: bytes,
) -> bytes:
    """Certificate, key and authority in one file, the key under `password`. Takes a while."""
    if form is Format.PEM:
        sealed = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
        )
        return b"".join((pem(certificate), sealed, pem(authority)))
    encryption = _compatible(password) if form is Format.P12 else _modern(password)
    return serialize_key_and_certificates(name.encode(), key, certificate, [authority], encryption)


def pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as text, one after the other."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _compatible(password: bytes) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    builder = builder.key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
    return builder.hmac_hash(SHA1()).build(password)


def _modern(password: bytes) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    builder = builder.key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
    return builder.hmac_hash(SHA256()).build(password)
