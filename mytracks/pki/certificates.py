"""How our certificates look: one profile each for authorities, servers and clients.

What is in them is what phones accept and what keeps everything else out: host names in the
subjectAltName only, one purpose each, key identifiers always, and an authority whose own
certificate is no client's. No clock and no chance: the caller says when and which serial.
"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mytracks.errors import Invalid
from mytracks.pki import names
from mytracks.pki.limits import DAY, SERVER_DAYS
from mytracks.pki.ports import KeyKind
from mytracks.pki.state import PrivateKey

ORGANISATION: Final = "My Tracks"

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_EXPONENT: Final = 65537
_CURVES: Final = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}


@frozen
class Validity:
    """From when to when; UTC seconds, both within it."""

    not_before: int
    not_after: int


@frozen
class Issuer:
    """Who signs."""

    certificate: x509.Certificate
    key: PrivateKey


@frozen(kw_only=True)
class Description:
    """What the rows of all certificates say of one; the names are those of `ports.Certified`."""

    serial: int
    fingerprint: bytes
    subject: str
    key_type: str
    key_size: int
    not_before: int
    not_after: int


# Keys


def make_key(kind: KeyKind) -> PrivateKey:
    """A new private key. Slow, and lets other threads run meanwhile."""
    if kind is KeyKind.P256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(_EXPONENT, kind.size)


def key_bytes(key: PrivateKey) -> bytes:
    """The key unsealed, in PKCS#8 DER: for sealing only."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def load_key(plain: bytes) -> PrivateKey:
    """A key of `key_bytes`, whose integrity the seal has proven: the slow check of RSA keys, which
    holds up all threads, is left out. Raises ValueError."""
    key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("neither an RSA nor an EC key")
    return key


def key_kind(field: str, type_: str, size: int | None = None) -> KeyKind:
    """The kind of key that somebody asks for; of RSA the smallest where no size is given. Raises
    Invalid."""
    known = [kind for kind in KeyKind if kind.type == type_]
    if not known:
        raise Invalid("There is no such type of key.", {field: ["must be rsa or p256"]})
    for kind in known:
        if size is None or kind.size == size or kind is KeyKind.P256:
            return kind
    sizes = ", ".join(str(kind.size) for kind in known)
    raise Invalid("There is no such size of key.", {"key_size": [f"must be one of {sizes}"]})


def key_description(key: object) -> tuple[str, int] | None:
    """Type and bits of a public key; None: one that TLS clients do not all know."""
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name], key.key_size
    return None


# What certificates say


def seconds(at: datetime) -> int:
    """UTC seconds of a date in a certificate."""
    return int(at.timestamp())


def date(at: int) -> datetime:
    """The date in a certificate for these UTC seconds."""
    return datetime.fromtimestamp(at, UTC)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """Its SHA-256."""
    return certificate.fingerprint(hashes.SHA256())


def describe(certificate: x509.Certificate) -> Description:
    """What a row says of it. Raises ValueError for a key of another type than ours."""
    key = key_description(certificate.public_key())
    if key is None:
        raise ValueError("a key that is neither RSA nor EC (P-256, P-384, P-521)")
    return Description(
        serial=certificate.serial_number,
        fingerprint=fingerprint(certificate),
        subject=certificate.subject.rfc4514_string(),
        key_type=key[0],
        key_size=key[1],
        not_before=seconds(certificate.not_valid_before_utc),
        not_after=seconds(certificate.not_valid_after_utc),
    )


def der(certificate: x509.Certificate) -> bytes:
    """As it is stored."""
    return certificate.public_bytes(Encoding.DER)


def part(subject: str, which: x509.ObjectIdentifier = NameOID.COMMON_NAME) -> str:
    """One part of a name as rows have it: the common name, the organisation (unit)."""
    try:
        found = x509.Name.from_rfc4514_string(subject).get_attributes_for_oid(which)
    except ValueError:
        # A name from elsewhere may hold what [RFC 4514] can write and the library cannot read.
        return ""
    return str(found[0].value) if found else ""


def called(subject: str) -> str:
    """What people call a certificate of this name."""
    return part(subject) or subject


def validity(now: float, days: int, backdate: int, ends: int | None = None) -> Validity:
    """`days` from `backdate` seconds ago, but not past `ends`."""
    begin = int(now) - backdate
    last = begin + days * DAY
    return Validity(begin, last if ends is None else min(last, ends))


def server_validity(now: float, days: int, backdate: int, ends: int) -> Validity:
    """The same for a server: both ends count, and 825 days are the most that iPhones take."""
    whole = validity(now, days, backdate, ends)
    return Validity(
        whole.not_before, min(whole.not_after, whole.not_before + SERVER_DAYS * DAY - 1)
    )


# The profiles


def authority(
    common_name: str, mark: str, key: PrivateKey, serial: int, valid: Validity
) -> x509.Certificate:
    """An authority's certificate, signed by itself. `mark`: what no other of its name has.

    Without digitalSignature: with it, it would be let in as a client's.
    """
    subject = _name(
        (NameOID.ORGANIZATION_NAME, ORGANISATION),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, mark),
        (NameOID.COMMON_NAME, common_name),
    )
    public = key.public_key()
    return (
        _builder(subject, subject, public, serial, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def server(
    common_name: str,
    hosts: tuple[str, ...],
    public: PublicKey,
    issuer: Issuer,
    serial: int,
    valid: Validity,
) -> x509.Certificate:
    """A server's certificate for `hosts`, as `names.read` gives them."""
    alternatives = x509.SubjectAlternativeName([names.general(host) for host in hosts])
    subject = _subject(common_name, issuer)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    return _signed(subject, alternatives, purpose, public, issuer, serial, valid)


def client(
    user: str, device: str, public: PublicKey, issuer: Issuer, serial: int, valid: Validity
) -> x509.Certificate:
    """The certificate of somebody, or of one of their devices where `device` is not empty."""
    path = quote(user, safe="") + (f"/{quote(device, safe='')}" if device else "")
    # Nobody is found by it; some verifiers want to see one.
    alternatives = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(f"mytracks://user/{path}")]
    )
    subject = _subject(user, issuer, device)
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH
    return _signed(subject, alternatives, purpose, public, issuer, serial, valid)


def is_ours(certificate: x509.Certificate) -> bool:
    """Whether an authority was made here: then all that it signed has key identifiers."""
    subject = certificate.subject
    organisations = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    marks = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    made_here = [each.value for each in organisations] == [ORGANISATION] and bool(marks)
    return made_here and found.value.path_length == 0


def authority_key_identifier(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """What certificates and lists that it signs say of its key: as it says itself, if it does."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        public = certificate.public_key()
        assert isinstance(public, PublicKey)
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _signed(
    subject: x509.Name,
    alternatives: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier,
    public: PublicKey,
    issuer: Issuer,
    serial: int,
    valid: Validity,
) -> x509.Certificate:
    # Without it an RSA key would be good for no key exchange of old clients.
    usage = _usage(digital_signature=True, key_encipherment=isinstance(public, rsa.RSAPublicKey))
    identifier = authority_key_identifier(issuer.certificate)
    return (
        _builder(subject, issuer.certificate.subject, public, serial, valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(identifier, critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: PublicKey, serial: int, valid: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(date(valid.not_before))
        .not_valid_after(date(valid.not_after))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _subject(common_name: str, issuer: Issuer, unit: str = "") -> x509.Name:
    """A name in the authority's own organisation."""
    found = issuer.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    parts = [(NameOID.ORGANIZATION_NAME, str(each.value)) for each in found[:1]]
    parts += [(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return _name(*parts, (NameOID.COMMON_NAME, common_name))


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(which, value) for which, value in parts])


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
