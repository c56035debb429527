"""Revocation lists: how ours look, and what is looked at before one is used.

A wrong list is an outage: OpenSSL then lets nobody in, and says so of no list when it is given
one. So whatever goes into a TLS context passes `check`.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mytracks.pki.certificates import Issuer, authority_key_identifier, date, seconds
from mytracks.pki.ports import Reason

BACKDATED: Final = 5 * 60
"""Seconds: clocks of those who read it lag."""

_KEPT: Final = 20_000
"""Entries that are kept as they are written: most of a list was on the one before."""

_FLAGS: Final = {
    Reason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    Reason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    Reason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
}


class BadList(ValueError):
    """A revocation list that must not be used; one line for people."""


@frozen(order=True)
class Entry:
    """A certificate that is not good any more. `at`: UTC seconds."""

    serial: int
    at: int
    reason: Reason


def build(
    issuer: Issuer, number: int, entries: Iterable[Entry], now: float, good_for: int
) -> x509.CertificateRevocationList:
    """The list with this number, dated a little back, good for `good_for` seconds from `now`."""
    this_update = int(now) - BACKDATED
    # Handed over at once: the library's own way of adding them copies all for each.
    revoked = [_revoked(entry) for entry in sorted(entries)]
    return (
        x509.CertificateRevocationListBuilder(revoked_certificates=revoked)
        .issuer_name(issuer.certificate.subject)
        .last_update(date(this_update))
        .next_update(date(int(now) + good_for))
        .add_extension(authority_key_identifier(issuer.certificate), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def number(made: x509.CertificateRevocationList) -> int:
    """Its number. Raises BadList where it has none."""
    try:
        return made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        raise BadList("the revocation list has no number") from None


def check(
    made: x509.CertificateRevocationList, authority: x509.Certificate, earlier: int = 0
) -> None:
    """Whether it is that authority's own and newer than the one with the number `earlier`.

    Raises BadList. Its dates are another matter: one that has lapsed is still the best we have.
    """
    public = authority.public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    if made.issuer != authority.subject:
        raise BadList("the revocation list is of another authority")
    if not made.is_signature_valid(public):
        raise BadList("the revocation list's signature is wrong")
    if number(made) <= earlier:
        raise BadList(f"the revocation list's number {number(made)} has not grown")
    if made.next_update_utc is None:
        raise BadList("the revocation list does not say when it ends")


def ends(made: x509.CertificateRevocationList) -> int:
    """Until when it is good, UTC seconds."""
    last = made.next_update_utc
    return seconds(last) if last is not None else 0


@lru_cache(maxsize=_KEPT)
def _revoked(entry: Entry) -> x509.RevokedCertificate:
    made = x509.RevokedCertificateBuilder(entry.serial, date(entry.at).replace(tzinfo=None))
    if entry.reason in _FLAGS:
        # [RFC 5280 5.3.1]: unspecified is told by saying nothing.
        made = made.add_extension(x509.CRLReason(_FLAGS[entry.reason]), critical=False)
    return made.build()
