"""Certificates that were made elsewhere: how they are read, and what is asked of them.

What would not work, or would let in whom it must not, is refused; what is merely not as we would
have made it is told. Keys are checked in full: nobody has vouched for them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from mytracks.errors import Invalid
from mytracks.pki.certificates import PublicKey, key_description
from mytracks.pki.state import PrivateKey

LEAST_RSA: Final = 2048
MOST_CHAIN: Final = 8
"""Certificates that a server may send; three or four are usual."""
MOST_BYTES: Final = 64 * 1024
"""Of what is read at all."""

_UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""All that the library says of what is no certificate."""


@frozen
class BroughtAuthority:
    """`lacks`: what its profile lacks, one line each, for people."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    lacks: tuple[str, ...]


@frozen
class BroughtServer:
    """`chain`: what is sent with it. `names`: the host names and addresses it is good for."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False)
    names: tuple[str, ...]


def read_certificates(text: bytes, where: str = "certificate") -> Sequence[x509.Certificate]:
    """The certificates in PEM, or one in DER. Raises Invalid."""
    if len(text) > MOST_BYTES:
        raise _wrong(where, "is too large for a certificate")
    try:
        if b"-----BEGIN" in text:
            found = x509.load_pem_x509_certificates(text)
        else:
            found = [x509.load_der_x509_certificate(text)]
        whole = all(each.serial_number > 0 for each in found)
        for each in found:
            each.public_key(), each.extensions, each.subject, each.issuer
    except _UNREADABLE:
        raise _wrong(where, "is no certificate in PEM or DER") from None
    if not whole:
        raise _wrong(where, "has a serial number that is not positive")
    return found


def read_key(text: bytes, password: str | None = None, where: str = "key") -> PrivateKey:
    """A private key in PEM or DER. Raises Invalid."""
    if len(text) > MOST_BYTES:
        raise _wrong(where, "is too large for a key")
    load = load_pem_private_key if b"-----BEGIN" in text else load_der_private_key
    secret = password.encode() if password else None
    try:
        key = load(text, secret)
    except TypeError:
        told = "needs no password" if secret else "needs its password"
        raise _wrong("password", f"the key {told}") from None
    except (ValueError, UnsupportedAlgorithm):
        told = ", or the password is wrong" if secret else ""
        raise _wrong(where, f"is no private key in PEM or DER{told}") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise _wrong(where, "is neither an RSA nor an EC key")
    return key


def read_authority(
    certificate: bytes, key: bytes, password: str | None, now: float
) -> BroughtAuthority:
    """An authority's certificate and key. Raises Invalid: what makes it unusable."""
    found = read_certificates(certificate)
    if len(found) != 1:
        raise _wrong("certificate", "must be one certificate, not several")
    read = found[0]
    _check_dates(read, now)
    private = read_key(key, password)
    _check_pair(read, private)
    _check_authority(read)
    return BroughtAuthority(read, private, tuple(lacks(read)))


def read_server(chain: bytes, key: PrivateKey, now: float) -> BroughtServer:
    """A server's certificate, first in `chain`, and its key. Raises Invalid."""
    found = read_certificates(chain, "chain")
    if len(found) > MOST_CHAIN:
        raise _wrong("chain", f"has more than {MOST_CHAIN} certificates")
    leaf = found[0]
    _check_dates(leaf, now, "chain")
    _check_pair(leaf, key, "chain")
    for lower, upper in pairwise(found):
        if not is_signed_by(lower, upper):
            raise _wrong("chain", "is no chain: each must be signed by the next")
    if not has_purpose(leaf, ExtendedKeyUsageOID.SERVER_AUTH):
        raise _wrong("chain", "is not for servers (no serverAuth)")
    _check_extensions(leaf, "chain")
    hosts = host_names(leaf)
    if not hosts:
        raise _wrong("chain", "names no host (no subjectAltName): phones would refuse it")
    return BroughtServer(leaf, tuple(found[1:]), key, hosts)


def read_request(text: bytes) -> PublicKey:
    """The key of whoever asks for a certificate (PKCS#10, PEM or DER). Raises Invalid."""
    load = x509.load_pem_x509_csr if b"-----BEGIN" in text else x509.load_der_x509_csr
    try:
        if len(text) > MOST_BYTES:
            raise ValueError("too large")
        request = load(text)
        whole, key = request.is_signature_valid, request.public_key()
    except _UNREADABLE:
        raise _wrong("request", "is no certificate request in PEM or DER") from None
    check_strength(key, "request")
    if not whole:
        raise _wrong("request", "is not signed by its own key")
    assert isinstance(key, PublicKey)
    return key


def check_client(certificate: x509.Certificate, key: PrivateKey | None, now: float) -> None:
    """Whether it may let a client in: what OpenSSL asks, and what it does not. Raises Invalid."""
    _check_dates(certificate, now)
    if key is not None:
        _check_pair(certificate, key)
    check_strength(certificate.public_key())
    if not has_purpose(certificate, ExtendedKeyUsageOID.CLIENT_AUTH):
        raise _wrong("certificate", "is not for clients (no clientAuth)")
    usage = _usage(certificate)
    if usage is not None and not usage.digital_signature:
        raise _wrong("certificate", "may not sign handshakes (key usage)")
    if _is_authority(certificate):
        raise _wrong("certificate", "is an authority's")
    _check_extensions(certificate)


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether that authority's key and name are those it was signed with."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def has_purpose(certificate: x509.Certificate, purpose: x509.ObjectIdentifier) -> bool:
    """Whether its extended key usage names this purpose. Without the extension it names none."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return purpose in usage.value


def host_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses in its subjectAltName."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(each) for each in found.get_values_for_type(x509.IPAddress)))


def check_strength(public: object, where: str = "certificate") -> None:
    """Whether phones and OpenSSL take a key like this. Raises Invalid."""
    key = key_description(public)
    if key is None:
        raise _wrong(where, "has a key that is neither RSA nor EC (P-256, P-384, P-521)")
    if key[0] == "rsa" and key[1] < LEAST_RSA:
        raise _wrong(where, f"has an RSA key of {key[1]} bits; {LEAST_RSA} are the least")


def _check_dates(certificate: x509.Certificate, now: float, where: str = "certificate") -> None:
    if certificate.not_valid_after_utc.timestamp() <= now:
        raise _wrong(where, "has expired")
    if certificate.not_valid_before_utc.timestamp() > now:
        raise _wrong(where, "is not valid yet")


def _check_pair(certificate: x509.Certificate, key: PrivateKey, where: str = "certificate") -> None:
    check_strength(certificate.public_key(), where)
    if certificate.public_key() != key.public_key():
        raise _wrong("key", "is not that of the certificate")


def _check_authority(certificate: x509.Certificate) -> None:
    if not _is_authority(certificate):
        raise _wrong("certificate", "is not an authority's (no basicConstraints CA:TRUE)")
    usage = _usage(certificate)
    if usage is not None and not (usage.key_cert_sign and usage.crl_sign):
        raise _wrong("certificate", "may not sign certificates and revocation lists (key usage)")
    if not is_signed_by(certificate, certificate):
        told = "is not signed by itself: bring the root, phones send no intermediate certificates"
        raise _wrong("certificate", told)
    _check_extensions(certificate)


def _check_extensions(certificate: x509.Certificate, where: str = "certificate") -> None:
    """OpenSSL and phones refuse what they are told to understand and do not."""
    for each in certificate.extensions:
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            raise _wrong(where, "has a critical extension that nobody knows")


def lacks(certificate: x509.Certificate) -> list[str]:
    """What the profile of a usable authority lacks, one line each, for people."""
    found = []
    extensions, usage = certificate.extensions, _usage(certificate)
    if usage is None:
        found.append("it says nothing of what its key is for (keyUsage)")
    elif usage.digital_signature:
        found.append("its key may sign handshakes (digitalSignature): it could pose as a client")
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    if not constraints.critical:
        found.append("that it is an authority is not marked critical (basicConstraints)")
    if constraints.value.path_length != 0:
        found.append("it could make further authorities (no path length of 0)")
    kinds = {type(each.value) for each in extensions}
    if x509.SubjectKeyIdentifier not in kinds:
        found.append("its key has no identifier (subjectKeyIdentifier)")
    if x509.ExtendedKeyUsage in kinds:
        found.append("it is limited to some purposes (extendedKeyUsage), which phones may refuse")
    if x509.NameConstraints in kinds:
        found.append("it is limited to some names (nameConstraints)")
    if isinstance(certificate.signature_hash_algorithm, SHA1 | MD5):
        found.append("it is signed with SHA-1 or MD5, which phones may refuse")
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _wrong(where: str, text: str) -> Invalid:
    subject = "the password" if where == "password" else f"the {where}"
    told = text if where == "password" else f"{subject} {text}"
    return Invalid(f"This cannot be used: {told}.", {where: [text]})
