"""Certificates as the API shows them. No private key is in any of it."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from cryptography.x509.oid import NameOID

from mytracks.clock import Clock, iso
from mytracks.errors import NotFound
from mytracks.people.ports import Account
from mytracks.pki import certificates, ports
from mytracks.pki.build import PKI
from mytracks.pki.ports import AuthorityState, ServerState
from mytracks.web.api.paging import Page

REASONS: Final[Mapping[str, ports.Reason]] = {
    each.name.lower().replace("_", "-"): each for each in ports.Reason
}
"""Why something was revoked, as it is written."""
USES: Final[Mapping[str, ports.Use]] = {each.name.lower(): each for each in ports.Use}
"""Where a server certificate is shown, as it is written."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of any. `fingerprint`: SHA-256. `key_size`: bits."""

    id: int
    common_name: str
    organization: str
    organizational_unit: str
    fingerprint: str
    serial_number: str
    key_type: str
    key_size: int
    not_valid_before: str
    not_valid_after: str
    is_active: bool
    created_at: str


class CertificateAuthority(Certificate, frozen=True, kw_only=True):
    """`is_active`: it signs. `is_trusted`: whom it signed is let in. `lacks`: what the profile of
    one that was made elsewhere lacks. `crl_number`: of its last revocation list."""

    is_trusted: bool
    imported: bool
    lacks: list[str]
    crl_number: int
    certificate_pem: str


class AuthorityPage(Page, frozen=True, kw_only=True):
    """One page of authorities, the newest first."""

    results: list[CertificateAuthority]


class ServerCertificate(Certificate, frozen=True, kw_only=True):
    """`is_active`: it is shown. `use`: where: `everywhere`, `web` or `mqtt`. `source`: `own`,
    `brought` or `acme`. `certificate_pem`: with its chain."""

    issuing_ca: int | None
    issuing_ca_name: str | None
    san_entries: list[str]
    use: str
    source: str
    revoked: bool
    revoked_at: str | None
    certificate_pem: str


class ServerPage(Page, frozen=True, kw_only=True):
    """One page of server certificates, the newest first."""

    results: list[ServerCertificate]


class ClientCertificate(Certificate, frozen=True, kw_only=True):
    """`is_active`: it lets its user in; else `state` says why not. `user`: null: the account is
    gone. `revokes_at`: when its time of grace ends. `has_key`: whether it can be downloaded as a
    bundle."""

    user: int | None
    username: str | None
    issuing_ca: int
    issuing_ca_name: str | None
    state: str
    revoked: bool
    revoked_at: str | None
    revokes_at: str | None
    reason: str | None
    has_key: bool


class ClientPage(Page, frozen=True, kw_only=True):
    """One page of client certificates, the newest first."""

    results: list[ClientCertificate]


class Shapes:
    """Writes rows as the API shows them. `account`: the one with a number, if it is there."""

    def __init__(self, pki: PKI, account: Callable[[int], Account | None], clock: Clock) -> None:
        self._pki = pki
        self._account = account
        self._clock = clock

    def authority(self, row: ports.Authority) -> CertificateAuthority:
        """With its certificate."""
        authorities = self._pki.authorities
        return CertificateAuthority(
            **_of_any(row),
            is_active=row.state is AuthorityState.ACTIVE,
            is_trusted=row.state is not AuthorityState.ENDED,
            imported=not authorities.is_ours(row.number),
            lacks=list(authorities.lacks(row.number)),
            crl_number=row.crl_number,
            certificate_pem=authorities.pem(row.number).decode("ascii"),
        )

    def server(self, row: ports.ServerCertificate) -> ServerCertificate:
        """With its certificate."""
        revoked = row.is_revoked(self._clock.now())
        return ServerCertificate(
            **_of_any(row) | {"common_name": row.name},
            is_active=row.state is ServerState.ACTIVE,
            issuing_ca=row.authority,
            issuing_ca_name=self._issuer(row.authority),
            san_entries=list(row.names),
            use=row.use.name.lower(),
            source=row.source.name.lower(),
            revoked=revoked,
            revoked_at=_time(row.revoked if revoked else None),
            certificate_pem=(row.chain or b"").decode("ascii"),
        )

    def client(self, row: ports.Leaf) -> ClientCertificate:
        """Without its certificate: there may be thousands."""
        why_not = self._pki.clients.why_not(row)
        revoked = row.is_revoked(self._clock.now())
        account = None if row.user is None else self._account(row.user)
        return ClientCertificate(
            **_of_any(row),
            is_active=why_not is None,
            user=None if account is None else account.number,
            username=None if account is None else account.name,
            issuing_ca=row.authority,
            issuing_ca_name=self._issuer(row.authority),
            state="active" if why_not is None else why_not,
            revoked=revoked,
            revoked_at=_time(row.revoked if revoked else None),
            revokes_at=_time(None if revoked else row.revoked),
            reason=None if row.reason is None else row.reason.name.lower().replace("_", "-"),
            has_key=row.sealed_key is not None,
        )

    def _issuer(self, number: int | None) -> str | None:
        if number is None:
            return None
        try:
            return _names(self._pki.authorities.numbered(number).subject)[0]
        except NotFound:
            # Deleted while a long list is written.
            return None


def called(row: ports.Certified) -> str:
    """What people call it, and its file."""
    return certificates.called(row.subject)


def _of_any(row: ports.Certified) -> dict[str, Any]:
    name, organisation, unit = _names(row.subject)
    return {
        "id": row.number,
        "common_name": name,
        "organization": organisation,
        "organizational_unit": unit,
        "fingerprint": row.fingerprint.hex(":").upper(),
        "serial_number": f"0x{row.serial:x}",
        "key_type": row.key_type,
        "key_size": row.key_size,
        "not_valid_before": iso(row.not_before),
        "not_valid_after": iso(row.not_after),
        "created_at": iso(row.created),
    }


@lru_cache(maxsize=4096)
def _names(subject: str) -> tuple[str, str, str]:
    """What people call it, its organisation and the unit of that. Long lists hold few subjects."""
    organisation = certificates.part(subject, NameOID.ORGANIZATION_NAME)
    unit = certificates.part(subject, NameOID.ORGANIZATIONAL_UNIT_NAME)
    return certificates.called(subject), organisation, unit


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else iso(seconds)
