"""Whether what is stored of certificates fits together: for `mytracks check`, not for every day.

Says what is wrong, one line each; repairs nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from attrs import asdict, frozen
from cryptography import x509

from mytracks.errors import Unavailable
from mytracks.pki import certificates, revocation
from mytracks.pki.keys import Keys
from mytracks.pki.lists import entries
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Certified,
    Leaf,
    RevocationList,
    ServerCertificate,
    ServerState,
)


@frozen(kw_only=True)
class Rows:
    """All that is stored of certificates."""

    authorities: Sequence[Authority] = ()
    servers: Sequence[ServerCertificate] = ()
    leaves: Sequence[Leaf] = ()
    lists: Sequence[RevocationList] = ()

    def certified(self) -> Iterable[Certified]:
        """Those that are certificates."""
        return (*self.authorities, *self.servers, *self.leaves)


def faults(rows: Rows, keys: Keys | None, now: float) -> Iterator[str]:
    """What is wrong, one line each. `keys`: what seals; None: keys are not looked at. `now`: UTC
    seconds. Takes some milliseconds for each key."""
    signers = {each.number: each for each in rows.authorities}
    for row in rows.certified():
        yield from (f"{_called(row)}: {fault}" for fault in _faults(row, keys))
    for each in (*rows.leaves, *rows.servers):
        if each.authority is not None and each.authority not in signers:
            yield f"{_called(each)}: its authority is not there"
    yield from _several(rows)
    lists = {each.authority: each for each in rows.lists}
    for signer in rows.authorities:
        if signer.state is not AuthorityState.ENDED and signer.not_after > now:
            told = _list_faults(signer, lists.get(signer.number), rows, now)
            yield from (f"the revocation list of {_called(signer)}: {fault}" for fault in told)


def _faults(row: Certified, keys: Keys | None) -> Iterator[str]:
    try:
        found = _read(row)
        if found is None:
            return
        said = asdict(certificates.describe(found))
    except ValueError:
        yield "it cannot be read"
        return
    other = [name for name, value in said.items() if value != getattr(row, name)]
    if other:
        yield f"its row says otherwise of {', '.join(other)}"
    if keys is None or row.sealed_key is None:
        return
    try:
        if keys.of(row).public_key() != found.public_key():
            yield "its private key is that of another"
    except Unavailable as error:
        yield str(error)


def _several(rows: Rows) -> Iterator[str]:
    if sum(each.state is AuthorityState.ACTIVE for each in rows.authorities) > 1:
        yield "several authorities are active"
    uses = [each.use for each in rows.servers if each.state is ServerState.ACTIVE]
    if len(uses) != len(set(uses)):
        yield "several server certificates are active for one use"


def _list_faults(
    signer: Authority, stored: RevocationList | None, rows: Rows, now: float
) -> Iterator[str]:
    if stored is None:
        yield "there is none, so its clients are kept out"
        return
    try:
        made = x509.load_der_x509_crl(stored.der)
        revocation.check(made, x509.load_der_x509_certificate(signer.certificate))
        if not stored.number == revocation.number(made) == signer.crl_number:
            yield "its number is another than that which was counted"
    except ValueError as error:
        yield str(error)
        return
    kept = signer.sealed_key is not None
    after = "the next start signs another" if kept else "its key was given up, so it stays as it is"
    if stored.next_update <= now:
        yield f"it has lapsed; {after}"
    listed = {each.serial_number for each in made}
    signed = [each for each in (*rows.leaves, *rows.servers) if each.authority == signer.number]
    missing = [entry for entry in entries(signed, now) if entry.serial not in listed]
    if missing:
        yield f"{len(missing)} revoked certificates are not on it; {after}"


def _read(row: Certified) -> x509.Certificate | None:
    """Its certificate; None: it was expunged. Raises ValueError."""
    if isinstance(row, ServerCertificate):
        return x509.load_pem_x509_certificate(row.chain) if row.chain is not None else None
    assert isinstance(row, Authority | Leaf)
    stored = row.certificate
    return x509.load_der_x509_certificate(stored) if stored is not None else None


def _called(row: Certified) -> str:
    kind = {Authority: "authority", Leaf: "client certificate"}.get(type(row), "server certificate")
    return f"{kind} {certificates.called(row.subject)} ({row.serial:x})"
