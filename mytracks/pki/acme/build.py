"""Joins what fetches public certificates."""

from typing import Protocol

from attrs import field, frozen
from twisted.internet.interfaces import IReactorFromThreads

from mytracks.clock import Clock
from mytracks.pki import ports as pki_ports
from mytracks.pki.acme.challenges import Challenges
from mytracks.pki.acme.kept import Kept
from mytracks.pki.acme.limits import Limits
from mytracks.pki.acme.ports import Authority, Settings
from mytracks.pki.acme.renewal import Renewal
from mytracks.pki.servers import Servers
from mytracks.pki.signing import Signing
from mytracks.transaction import Transactions


@frozen(kw_only=True)
class ACME:
    """`renewal` is opened when all doors are, `challenges` are what those show."""

    challenges: Challenges
    renewal: Renewal
    kept: Kept


class Stored(Protocol):
    """What the store offers."""

    @property
    def settings(self) -> Settings: ...


@frozen(kw_only=True)
class Asked:
    """What the settings say of it. `public_host`: how the world knows this server, if it does."""

    limits: Limits = field(factory=Limits)
    public_host: str | None = None


def build(
    asked: Asked,
    transactions: Transactions,
    stored: Stored,
    seal: pki_ports.Seal,
    audit: pki_ports.Audit,
    signing: Signing,
    servers: Servers,
    clock: Clock,
    reactor: IReactorFromThreads,
) -> ACME:
    """All of it, joined; nothing is contacted."""

    def authority() -> Authority:
        # It brings an HTTP client of its own with it, which few need.
        from mytracks.pki.acme.client import Directory

        return Directory(asked.limits, clock, reactor)

    challenges = Challenges()
    kept = Kept(transactions, stored.settings, seal, signing, audit, clock)
    renewal = Renewal(asked.limits, asked.public_host, authority, servers, challenges, kept, clock)
    return ACME(challenges=challenges, renewal=renewal, kept=kept)
