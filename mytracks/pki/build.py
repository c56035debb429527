"""Joins the certificates room: constructs its services and hands each what it needs."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from cryptography.x509 import random_serial_number
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.pki import ports
from mytracks.pki.acme import build as acme_room
from mytracks.pki.acme.build import ACME, Asked
from mytracks.pki.authority import Authorities
from mytracks.pki.book import Book, Stored
from mytracks.pki.care import Care
from mytracks.pki.clients import Clients
from mytracks.pki.issuing import Issuing
from mytracks.pki.keys import Keys
from mytracks.pki.limits import Limits
from mytracks.pki.lists import Lists
from mytracks.pki.resealing import Resealing
from mytracks.pki.servers import Servers
from mytracks.pki.signing import Signing
from mytracks.pki.state import Trust
from mytracks.transaction import Transactions


@frozen(kw_only=True)
class PKI:
    """The services of the room; `open` before use, `close` at the end."""

    authorities: Authorities
    servers: Servers
    clients: Clients
    lists: Lists
    trust: Trust
    signing: Signing
    resealing: Resealing
    care: Care
    book: Book
    acme: ACME

    log = Logger()

    async def open(self) -> None:
        """Start the threads, read what is stored, sign the revocation lists anew."""
        self.signing.open()
        await self.book.open()
        await self.lists.open()
        if not self.book.limits.strict_crl:
            self.log.warn("[pki] strict_crl is off: a revocation list that has lapsed is believed")
        self.care.start()

    async def close(self) -> None:
        """Stop timers, tasks and threads; whoever waits for a key or signature is refused."""
        self.care.stop()
        await self.clients.close()
        self.signing.close()

    def problems(self) -> list[str]:
        """What an administrator should know, one line each."""
        return [
            *self.authorities.problems(),
            *self.lists.problems(),
            *self.servers.problems(),
            *self.acme.renewal.problems(),
        ]


class AllStored(Stored, acme_room.Stored, Protocol):
    """What the store offers the room."""


def build(
    transactions: Transactions,
    stored: AllStored,
    seal: ports.Seal,
    audit: ports.Audit,
    clock: Clock,
    reactor: IReactorFromThreads,
    limits: Limits,
    serial: Callable[[], int] = random_serial_number,
    public: Asked = Asked(),  # noqa: B008 - it is frozen
) -> PKI:
    """The room, joined. `reactor`: where the answers of the threads arrive. `serial`: where serial
    numbers come from. `public`: which public certificate is wanted."""
    signing = Signing(reactor, limits)
    keys = Keys(seal)
    book = Book(transactions, stored, audit, keys, signing, clock, limits)
    lists = Lists(book, keys, signing)
    issuing = Issuing(book, keys, signing, serial)
    servers = Servers(book, signing, lists, issuing)
    clients = Clients(book, keys, signing, lists, issuing)
    acme = acme_room.build(
        public, transactions, stored, seal, audit, signing, servers, clock, reactor
    )
    return PKI(
        authorities=Authorities(book, keys, signing),
        servers=servers,
        clients=clients,
        lists=lists,
        trust=book.trust,
        signing=signing,
        resealing=Resealing(book, keys, signing, acme.kept),
        care=Care(lists, clients, servers, clock, limits),
        book=book,
        acme=acme,
    )
