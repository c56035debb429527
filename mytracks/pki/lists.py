"""The revocation lists: one for each trusted authority, never older than a day.

A list is signed anew in the commit of whatever changes it. Should it not be possible to sign (the
key cannot be read, too much waits), the revocation is stored all the same, since only
certificates that we know and that are not revoked get in; the list is then owed, and tried again.
Of an authority whose key was given up the last list stays, until it lapses.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.logger import Logger

from mytracks.clock import iso
from mytracks.errors import Unavailable
from mytracks.pki import revocation
from mytracks.pki.book import Book, Change
from mytracks.pki.certificates import Issuer, called
from mytracks.pki.keys import Keys
from mytracks.pki.limits import DAY
from mytracks.pki.ports import Authority, AuthorityState, Revocable, RevocationList
from mytracks.pki.revocation import BACKDATED, Entry
from mytracks.pki.signing import Signing

STAYS: Final = DAY
"""Seconds that a serial stays on the list after its certificate expired [RFC 5280 3.3]."""


class Lists:
    """The newest list of each authority, and the signing of new ones."""

    log = Logger()

    def __init__(self, book: Book, keys: Keys, signing: Signing) -> None:
        self._book = book
        self._keys = keys
        self._signing = signing
        self._owed: set[int] = set()

    async def open(self) -> None:
        """Sign every list anew, so that none lapses because we were away; but none with the date
        of a clock that was never set, which would put a good one out of force."""
        if self._book.clock.doubt() is None:
            await self.resign([a for a in self._trusted() if _can_sign(a)])

    def of(self, authority: int) -> RevocationList | None:
        """The newest list of that authority."""
        return self._book.lists.get(authority)

    def active(self) -> RevocationList | None:
        """That of the authority that signs now; None: there is no authority."""
        authority = self._book.active()
        return self.of(authority.number) if authority is not None else None

    def number(self) -> int | None:
        """The number of the list that `der` and `pem` give."""
        made = self.active()
        return made.number if made is not None else None

    def der(self) -> bytes | None:
        """The active authority's list; None: there is no authority."""
        made = self.active()
        return made.der if made is not None else None

    def pem(self) -> bytes | None:
        """The same as text."""
        made = self.der()
        return x509.load_der_x509_crl(made).public_bytes(Encoding.PEM) if made else None

    async def after(self, *rows: Revocable) -> Sequence[RevocationList]:
        """The lists that have to be there with `rows`; one that cannot be signed is owed."""
        made = []
        for number in sorted({row.authority for row in rows if row.authority is not None}):
            if not self._book.is_trusted(number):
                continue
            authority = self._book.authorities[number]
            signed = await self._signed(authority, *rows) if _can_sign(authority) else None
            if signed is not None:
                made.append(signed)
        return made

    async def resign(self, authorities: Sequence[Authority]) -> None:
        """Sign the lists of these authorities anew."""
        if authorities:
            await self._book.take(lambda: self._resign(authorities))

    async def resign_due(self) -> None:
        """Sign those that are a day old, owed, or dated after now: the clock was set back."""
        if self._book.clock.doubt() is not None:
            return
        now = self._book.clock.now()
        await self.resign([a for a in self._trusted() if self._is_due(a, now)])

    def problems(self) -> list[str]:
        """What an administrator should know, one line each."""
        now, found = self._book.clock.now(), []
        for authority in self._trusted():
            made, name = self.of(authority.number), called(authority.subject)
            if made is None or made.next_update <= now:
                found.append(
                    f"the revocation list of {name} has lapsed:"
                    " clients with a certificate are kept out"
                )
            elif not _can_sign(authority):
                found.append(
                    f"the key of {name} was given up: what it signed lets in until"
                    f" {iso(made.next_update)}; issue it anew by another, then end this one"
                )
            elif made.next_update - now < self._book.limits.crl_alarm_days * DAY:
                days = int((made.next_update - now) // DAY)
                found.append(f"the revocation list of {name} ends in {days} days")
            elif authority.number in self._owed:
                found.append(f"the revocation list of {name} could not be signed")
        return found

    async def _resign(self, authorities: Sequence[Authority]) -> None:
        made = []
        for asked in authorities:
            if self._book.is_trusted(asked.number):
                signed = await self._signed(self._book.authorities[asked.number])
                made += [signed] if signed is not None else []
        if not made:
            return
        try:
            await self._book.commit(Change(lists=made))
        except Unavailable as error:
            self._owed |= {each.authority for each in made}
            self.log.error("revocation lists could not be stored: {error}", error=str(error))

    async def _signed(self, authority: Authority, *rows: Revocable) -> RevocationList | None:
        known = self._book.revocable(authority.number)
        changed = [row for row in rows if row.authority == authority.number]
        number, now = authority.crl_number + 1, self._date(authority)
        certificate = self._book.certificate(authority)
        good_for = self._book.limits.crl_days * DAY

        def work() -> bytes:
            issuer = Issuer(certificate, self._keys.of(authority))
            listed = entries([*known, *changed], now)
            made = revocation.build(issuer, number, listed, now, good_for)
            revocation.check(made, certificate, authority.crl_number)
            return made.public_bytes(Encoding.DER)

        try:
            der = await self._signing.sign(work)
        except Unavailable as error:
            self._owed.add(authority.number)
            self.log.error(
                "the revocation list of {name} could not be signed: {error}",
                name=called(authority.subject),
                error=str(error),
            )
            return None
        self._owed.discard(authority.number)
        return signed_list(authority.number, number, now, good_for, der)

    def _date(self, authority: Authority) -> float:
        """When a list is signed: now, or, by a clock that was never set, not before the last one:
        it has to be good when the clock is set."""
        now, last = self._book.clock.now(), self.of(authority.number)
        if last is None or self._book.clock.doubt() is None:
            return now
        return max(now, last.this_update + BACKDATED)

    def _trusted(self) -> list[Authority]:
        now = self._book.clock.now()
        return [
            authority
            for authority in self._book.authorities.values()
            if authority.state is not AuthorityState.ENDED and authority.not_after > now
        ]

    def _is_due(self, authority: Authority, now: float) -> bool:
        if not _can_sign(authority):
            # Until the key is brought back.
            self._owed.add(authority.number)
            return False
        made = self.of(authority.number)
        if made is None or authority.number in self._owed or made.this_update > now:
            return True
        return made.this_update + BACKDATED + self._book.limits.crl_resign_every <= now


def _can_sign(authority: Authority) -> bool:
    """Not when its key was given up with a lost key ring."""
    return authority.sealed_key is not None


def entries(rows: Iterable[Revocable], now: float) -> list[Entry]:
    """What stands on a list of these rows; of several for one certificate the last counts."""
    latest = {(type(row), row.number): row for row in rows}
    return [
        Entry(row.serial, int(row.revoked or now), row.reason)
        for row in latest.values()
        if row.reason is not None and row.not_after + STAYS > now
    ]


def signed_list(
    authority: int, number: int, now: float, good_for: int, der: bytes
) -> RevocationList:
    """The row of a list that was signed now."""
    return RevocationList(
        authority=authority,
        number=number,
        this_update=int(now) - BACKDATED,
        next_update=int(now) + good_for,
        der=der,
    )
