"""Sees to it that there is a public certificate: fetches the first, renews it in time.

One order at a time. Whatever goes wrong, what is shown goes on being shown; it is tried again
later, and told to administrators at once. Nobody is contacted unless a directory is set.
"""

import random
from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen
from cryptography import x509
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from mytracks.clock import Clock, Repeating, Tasks, iso
from mytracks.errors import Conflict, Invalid, Refused, Unavailable
from mytracks.pki.acme.challenges import Challenges
from mytracks.pki.acme.kept import Kept, Progress
from mytracks.pki.acme.limits import Limits
from mytracks.pki.acme.names import read
from mytracks.pki.acme.ports import Account, Authority, OrderFailed, Suggestion, Wanted
from mytracks.pki.book import Note
from mytracks.pki.certificates import fingerprint
from mytracks.pki.importing import host_names
from mytracks.pki.ports import ServerCertificate, ServerState, Source, Use
from mytracks.pki.servers import Servers
from mytracks.sharing.identity import SERVER, Actor

ALARM: Final = 1 / 3
"""Of its life: with less left, that it was not renewed is told."""
LATEST: Final = 0.9
"""Of its life: then it is renewed, whatever the authority suggests."""
SPREAD: Final = 0.2
"""By so much a wait is longer or shorter, so that not all come back at once."""


@frozen(kw_only=True)
class State:
    """How it stands, for administrators; times are UTC epoch seconds. `on`: whether a directory is
    set. `certificate`: the number of the one that is shown, `ends` when it ends, `renews` when it
    is due. `running`: an order is under way. `failures`: in a row, `error`: why, of the last;
    `next_try`: when it is tried again, if it is due. `alarm`: what somebody should see to, in
    words; empty: nothing."""

    on: bool
    directory: str = ""
    names: tuple[str, ...] = ()
    challenge: str = ""
    for_mqtt: bool = False
    certificate: int | None = None
    ends: int | None = None
    renews: int | None = None
    issued_at: int | None = None
    running: bool = False
    last_try: int | None = None
    next_try: int | None = None
    failures: int = 0
    error: str = ""
    alarm: str = ""


class Renewal:
    """The one public certificate. `authority`: makes what speaks to it, when it is needed."""

    log = Logger()

    def __init__(
        self,
        limits: Limits,
        public_host: str | None,
        authority: Callable[[], Authority],
        servers: Servers,
        challenges: Challenges,
        kept: Kept,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._public_host = public_host
        self._make_authority = authority
        self._servers = servers
        self._challenges = challenges
        self._kept = kept
        self._clock = clock
        self._chance = chance
        self._authority: Authority | None = None
        self._account: Account | None = None
        self._progress = Progress()
        self._suggested: tuple[bytes, Suggestion] | None = None
        """For which certificate, and when to renew it."""
        self._wanted: Wanted | None = None
        self._running = False
        self._looking = False
        self._tasks = Tasks()
        self._timer = Repeating(clock, limits.check_every, self.look, "looking after ACME")
        self._use = Use.EVERYWHERE if limits.for_mqtt else Use.WEB

    @property
    def is_on(self) -> bool:
        """Whether a directory is set."""
        return bool(self._limits.url)

    async def open(self) -> None:
        """Begin, where a directory is set: the doors that an authority comes to have to be open.
        Raises Unavailable when what was stored cannot be read."""
        if not self.is_on:
            return
        self._progress = await self._kept.progress()
        account = await self._kept.account()
        limits = self._limits
        if account is not None and account.directory == limits.url:
            self._account = account
        try:
            names = read(limits.names or ((self._public_host,) if self._public_host else ()))
        except Invalid as error:
            self._progress.error = str(error)
            self.log.error("no public certificate: {error}", error=str(error))
            return
        self._wanted = Wanted(
            directory=limits.url, names=names, kind=limits.challenge, profile=limits.profile
        )
        self._begin_anew_if_changed(self._wanted)
        self._authority = self._make_authority()
        self.look()
        self._timer.start()

    async def close(self) -> None:
        """Break off whatever is under way; an order is gone on with after the next start."""
        self._timer.stop()
        self._tasks.stop()
        self._challenges.close()
        if self._authority is not None:
            self._authority.close()

    def state(self) -> State:
        """How it stands, for administrators."""
        if not self.is_on:
            return State(on=False)
        limits, progress, current = self._limits, self._progress, self._current()
        names = self._wanted.names if self._wanted is not None else limits.names
        stuck = self._wanted is None
        return State(
            on=True,
            directory=limits.url,
            names=names,
            challenge=limits.challenge,
            for_mqtt=limits.for_mqtt,
            certificate=None if current is None else current.number,
            ends=None if current is None else current.not_after,
            renews=None if current is None else int(self._renewal_of(current)),
            issued_at=progress.issued_at,
            running=self._running,
            last_try=progress.last_try,
            next_try=int(progress.next_try) if progress.failures and not stuck else None,
            failures=progress.failures,
            error=progress.error,
            alarm=self._alarm(current),
        )

    def problems(self) -> list[str]:
        """What an administrator should know, one line each."""
        alarm = self.state().alarm
        return [alarm] if alarm else []

    async def try_now(self, *, by: Actor) -> None:
        """Fetch a certificate now, due or not; it is begun when this returns. Raises Conflict when
        ACME is off, cannot work, or is at it already, and Unavailable."""
        if not self.is_on:
            raise Conflict("No ACME directory is set.")
        if self._wanted is None:
            raise Conflict(self._progress.error)
        if self._running:
            raise Conflict("A certificate is being fetched already.")
        self._progress.next_try = 0.0
        await self._kept.write(self._progress, note=self._note(by, "pki.acme.try", ""))
        if not self._running:
            self._tasks.start(self._fetch(), "fetching a public certificate")

    def look(self) -> None:
        """Fetch a certificate if one is due."""
        if not self._running and not self._looking:
            self._looking = True
            self._tasks.start(self._look(), "looking after a public certificate")

    def _begin_anew_if_changed(self, wanted: Wanted) -> None:
        """Whoever has changed a setting does not wait for what came of the ones before."""
        what = (wanted.directory, wanted.kind, wanted.profile, self._use.name, *wanted.names)
        asked = " ".join(what)
        if self._progress.asked != asked:
            anew = evolve(self._progress, asked=asked, failures=0, error="", next_try=0.0)
            self._progress = anew

    async def _look(self) -> None:
        try:
            if self._clock.doubt() is not None or self._clock.now() < self._progress.next_try:
                return
            due = await self._is_due()
        finally:
            self._looking = False
        if due and not self._running:
            await self._fetch()

    async def _is_due(self) -> bool:
        current, last = self._current(), self._progress
        if current is None or last.failures:
            return True
        if current.fingerprint.hex() == last.issued and last.issued_as != last.asked:
            return True
        await self._ask_when(current)
        return self._clock.now() >= self._renewal_of(current)

    async def _ask_when(self, current: ServerCertificate) -> None:
        """What the authority suggests, as often as it says."""
        assert self._authority is not None
        now, known = self._clock.now(), self._suggested
        if known is not None and known[0] == current.fingerprint and now < known[1].ask_again:
            return
        try:
            told = await self._authority.suggestion(current.chain or b"")
        except (OrderFailed, Unavailable) as error:
            self.log.debug("no suggestion when to renew: {error}", error=str(error))
            told = Suggestion(None, now + self._limits.retry_first)
        # It may ask us to come back at once, or never.
        again = min(max(told.ask_again, now + 60), now + 86_400)
        self._suggested = current.fingerprint, Suggestion(told.at, again)

    def _renewal_of(self, current: ServerCertificate) -> float:
        """When it is due."""
        life = current.not_after - current.not_before
        usual = current.not_before + self._limits.renew_at * life
        known = self._suggested
        if known is None or known[0] != current.fingerprint or known[1].at is None:
            return usual
        return min(known[1].at, current.not_before + LATEST * life)

    async def _fetch(self) -> None:
        """One order, from its beginning to its end."""
        self._running = True
        self._progress.last_try = int(self._clock.now())
        try:
            await self._issued(await self._order())
        except CancelledError:
            raise
        except (OrderFailed, Refused) as error:
            await self._failed(str(error), isinstance(error, Invalid) or _is_over(error))
        except Exception as error:
            await self._failed("by a mistake of ours, which the log tells of", over=True)
            raise error
        finally:
            self._running = False

    async def _order(self) -> tuple[bytes, bytes]:
        """The chain and its key, both PEM. Raises OrderFailed, Unavailable."""
        authority, wanted, pending = self._authority, self._wanted, self._progress.order
        assert authority is not None
        assert wanted is not None
        if pending is not None and not wanted.fits(pending):
            pending = None
        begun = await authority.begin(self._account, wanted, pending)
        self._account, self._progress.order = begun.account, begun.order
        await self._kept.write(self._progress, begun.account)
        try:
            self._challenges.open(begun.challenges)
            return await authority.finish(begun), begun.order.key.encode()
        finally:
            self._challenges.close()

    async def _issued(self, got: tuple[bytes, bytes]) -> None:
        """Show it, and forget what it replaces once that has expired."""
        (chain, key), current = got, self._current()
        assert self._wanted is not None
        mark = _checked(chain, self._wanted.names)
        if current is None or current.fingerprint != mark:
            # Else we were broken off when it was shown already.
            await self._servers.bring(chain, key, use=self._use, source=Source.ACME, by=SERVER)
        now = self._clock.now()
        self._progress = evolve(
            self._progress,
            order=None,
            failures=0,
            error="",
            next_try=now + self._limits.retry_first,
            issued=mark.hex(),
            issued_at=int(now),
            issued_as=self._progress.asked,
        )
        names = ", ".join(self._wanted.names)
        self.log.info("a public certificate for {names} is shown", names=names)
        note = self._note(SERVER, "pki.acme.issue", f"{names}, from {self._wanted.directory}")
        await self._kept.write(self._progress, note=note)
        await self._tidy()

    async def _tidy(self) -> None:
        """What is for HTTPS alone is in the way of what is for everywhere; what has expired is of
        no use to anybody."""
        for each in self._servers.all():
            if each.source is not Source.ACME:
                continue
            if each.state is ServerState.INACTIVE and each.not_after <= self._clock.now():
                await self._servers.expunge(each.number, by=SERVER)
            elif each.state is ServerState.ACTIVE and each.use is Use.WEB is not self._use:
                await self._servers.deactivate(each.number, by=SERVER)

    async def _failed(self, why: str, over: bool) -> None:
        progress, limits = self._progress, self._limits
        progress.failures += 1
        progress.error = why
        if over:
            progress.order = None
        doubled = limits.retry_first * 2 ** min(progress.failures - 1, 30)
        spread = 1 + SPREAD * (2 * self._chance() - 1)
        progress.next_try = self._clock.now() + min(doubled, limits.retry_most) * spread
        self.log.error(
            "no public certificate, by {challenge}: {why}; tried again at {at}",
            challenge=limits.challenge,
            why=why,
            at=iso(progress.next_try),
        )
        note = self._note(SERVER, "pki.acme.fail", why) if progress.failures == 1 else None
        try:
            await self._kept.write(progress, note=note)
        except Unavailable as error:
            self.log.warn("how far ACME came is not stored: {error}", error=str(error))

    def _current(self) -> ServerCertificate | None:
        """What we fetched last and show."""
        for each in self._servers.all():
            fetched = each.source is Source.ACME and each.use is self._use
            if fetched and each.state is ServerState.ACTIVE:
                return each
        return None

    def _alarm(self, current: ServerCertificate | None) -> str:
        progress = self._progress
        if self._wanted is None and progress.error:
            return f"no public certificate can be fetched: {progress.error}"
        ends = ""
        if current is not None:
            left, life = current.not_after - self._clock.now(), current.not_after
            life -= current.not_before
            if left < ALARM * life or progress.failures:
                ends = f"; the one that is shown ends on {iso(current.not_after)}"
        if progress.failures:
            again = iso(progress.next_try)
            return f"no public certificate: {progress.error} (tried again at {again}){ends}"
        return f"the public certificate was not renewed yet{ends}" if ends else ""

    def _note(self, by: Actor, action: str, detail: str) -> Note:
        name = self._wanted.names[0] if self._wanted is not None else ""
        return Note(by, action, f"acme:{name}", detail)


def _is_over(error: Exception) -> bool:
    return isinstance(error, OrderFailed) and error.over


def _checked(chain: bytes, wanted: tuple[str, ...]) -> bytes:
    """The fingerprint of the first certificate in it. Raises OrderFailed: it is not what was
    ordered."""
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        lacking = set(wanted) - set(host_names(leaf))
    except (ValueError, IndexError):
        raise OrderFailed("what the authority sent is no certificate", over=True) from None
    if lacking:
        told = ", ".join(sorted(lacking))
        raise OrderFailed(f"the authority's certificate is not for {told}", over=True)
    return fingerprint(leaf)
