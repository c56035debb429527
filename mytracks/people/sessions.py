"""Browsers that are signed in.

A session is known by a random token that only the browser holds; we keep its SHA-256. It ends a
week after it was last seen and a month after its sign-in. One that began while our clock was not
set gets its dates when it is first seen, or swept, with a clock that is. Whose it is and whether
they still may is for `signin`; what ends all sessions of somebody is for `accounts`.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Final

from attrs import evolve
from twisted.logger import Logger

from mytracks.clock import Clock, Repeating, Tasks, believable
from mytracks.errors import NotFound, Unauthenticated, Unavailable
from mytracks.people import ports
from mytracks.people.audit import Audit
from mytracks.people.limits import Limits
from mytracks.people.ports import Factor, WebSession
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions, Unit
from mytracks.turns import carried_through

_TOKEN_BYTES = 32
_LONGEST_AGENT = 300
_UNDATED: Final = 4_102_444_800
"""When a session ends that began while nobody knew the date (the year 2100): not before it has got
its dates. To a clock that begins at 1970 with each start a week means nothing."""
_CHANGED: Final = "The account was changed meanwhile; sign in again."

Watcher = Callable[[Collection[bytes]], object]
"""Is told the hashes of tokens that open nothing any more."""


class Sessions:
    """All sessions, in memory as they are stored."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.WebSessions,
        audit: Audit,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._tasks = Tasks()
        self._sweeping = Repeating(
            clock, limits.session_sweep_every, self._sweep, "sweeping web sessions"
        )
        self._live: dict[bytes, WebSession] = {}
        self._leaving: set[bytes] = set()
        self._changing: set[int] = set()
        """Accounts whose sessions are about to be removed: none begins meanwhile."""
        self._watchers: list[Watcher] = []

    async def open(self) -> None:
        """Read what is stored; begin to sweep."""
        now = int(self._clock.now())
        found = await self._transactions.read(lambda tx: self._stored.all(tx, now))
        self._live = {session.token_hash: session for session in found}
        self._sweeping.start()

    async def close(self) -> None:
        """Stop all of our own."""
        self._sweeping.stop()
        self._tasks.stop()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` after the commit of sessions that ended by `end`, `end_one`, `end_others`
        or by the limit of their number; those of an account that changed are told by its
        revocation."""
        self._watchers.append(watcher)

    async def begin(
        self, user: int, address: str, agent: str, factors: Factor = Factor.PASSWORD
    ) -> tuple[str, WebSession]:
        """A new session of somebody whose credentials were just checked, and its token.

        The token is shown here and never again. Raises Unauthenticated when the account is being
        disabled or given a new password, Unavailable when it cannot be stored.
        """
        if user in self._changing:
            raise Unauthenticated(_CHANGED)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = int(self._clock.now())
        session = WebSession(
            token_hash=digest(token),
            user=user,
            created=now,
            seen=now,
            expires=self._expiry(now, now),
            address=address,
            agent=agent[:_LONGEST_AGENT],
            factors=factors,
        )
        await carried_through(self._begin(session))
        if self._known(session.token_hash) is None:
            raise Unauthenticated(_CHANGED)
        return token, session

    def find(self, token: str) -> WebSession | None:
        """The session of this token, now seen once more; None when there is none. Never waits."""
        session = self._known(digest(token))
        if session is None:
            return None
        now = int(self._clock.now())
        if session.expires <= now:
            del self._live[session.token_hash]
            return None
        if now - session.seen >= self._limits.session_seen_every:
            session = self._note(session, now)
        return session

    def is_fresh(self, token_hash: bytes) -> bool:
        """Whether the sign-in that this session began with was a moment ago."""
        session = self._known(token_hash)
        now = int(self._clock.now())
        return session is not None and now - session.created < self._limits.session_fresh

    async def end(self, token: str) -> None:
        """Sign this browser out; nothing happens when it is not signed in."""
        await carried_through(self._end(digest(token)))

    async def end_one(self, user: int, id: str, by: Actor) -> None:
        """Sign out the one of this user's browsers that is called so. Raises NotFound."""
        found = next((s.token_hash for s in self.of(user) if s.id == id), None)
        if found is None:
            raise NotFound("There is no such session.")
        await carried_through(self._end_noted([found], by, f"session:{id}", ""))

    async def end_others(self, user: int, keep: bytes | None, by: Actor) -> None:
        """Sign out all of this user's browsers but the one whose token has the hash `keep`."""
        others = [s.token_hash for s in self.of(user) if s.token_hash != keep]
        if others:
            detail = f"{len(others)} others"
            await carried_through(self._end_noted(others, by, f"user:{by.name}", detail))

    def of(self, user: int) -> Sequence[WebSession]:
        """Where somebody is signed in, latest seen first."""
        found = (s for s in self._live.values() if s.user == user)
        return sorted(found, key=lambda session: session.seen, reverse=True)

    def suspend(self, user: int, spares: bytes | None = None) -> Sequence[bytes]:
        """Let nobody in by this user's sessions, which are about to be removed: their hashes. The
        one with the hash `spares` stays. Until it is decided no other begins: whoever signs in by
        what is being changed would stay.

        `settled` follows, after `forget` or `resume`. Kept apart from `forget` so that none is
        written again after its removal, nor lost when the removal fails.
        """
        self._changing.add(user)
        digests = [s.token_hash for s in self.of(user) if s.token_hash != spares]
        self._leaving.update(digests)
        return digests

    def settled(self, user: int) -> None:
        """The account was changed, or was not: sessions of it may begin."""
        self._changing.discard(user)

    def resume(self, digests: Sequence[bytes]) -> None:
        """They were not removed after all."""
        self._leaving.difference_update(digests)

    def forget(self, digests: Sequence[bytes]) -> None:
        """They were removed from the store."""
        for token_hash in digests:
            self._live.pop(token_hash, None)
        self._leaving.difference_update(digests)

    async def _begin(self, session: WebSession) -> None:
        surplus = self._surplus(session.user)

        async def unit(tx: Transaction) -> None:
            await self._stored.put(tx, session)
            if surplus:
                await self._stored.end(tx, surplus)

        self._live[session.token_hash] = session
        try:
            await self._removing(surplus, unit)
        except NotFound:
            self._live.pop(session.token_hash, None)
            raise Unauthenticated("The account is gone.") from None
        except BaseException:
            self._live.pop(session.token_hash, None)
            raise

    async def _end(self, token_hash: bytes) -> None:
        ended = [token_hash]
        await self._removing(ended, lambda tx: self._stored.end(tx, ended))

    async def _end_noted(self, ended: Sequence[bytes], by: Actor, what: str, detail: str) -> None:
        async def unit(tx: Transaction) -> None:
            await self._stored.end(tx, ended)
            await self._audit.add(tx, by, "session.end", what, detail)

        await self._removing(ended, unit)

    async def _removing(self, digests: Sequence[bytes], unit: Unit[None]) -> None:
        """Commit `unit`, which removes these; they let nobody in from now on, unless it fails."""
        self._leaving.update(digests)
        try:
            await self._transactions.commit(unit)
        except BaseException:
            self.resume(digests)
            raise
        self.forget(digests)
        if digests:
            for watcher in self._watchers:
                watcher(digests)

    def _known(self, token_hash: bytes) -> WebSession | None:
        return None if token_hash in self._leaving else self._live.get(token_hash)

    def _note(self, session: WebSession, now: int) -> WebSession:
        """The session as seen now, and written; dated anew when it began without a date."""
        created = session.created if believable(session.created) else now
        session = evolve(session, created=created, seen=now, expires=self._expiry(created, now))
        self._live[session.token_hash] = session
        self._tasks.start(self._write(session), "noting that a session was seen")
        return session

    def _expiry(self, created: int, seen: int) -> int:
        if not believable(created):
            return _UNDATED
        return min(seen + self._limits.session_idle, created + self._limits.session_absolute)

    def _surplus(self, user: int) -> Sequence[bytes]:
        """The sessions to end so that one more is within the limit."""
        return [
            session.token_hash
            for session in self.of(user)[self._limits.max_sessions_per_user - 1 :]
        ]

    async def _write(self, session: WebSession) -> None:
        try:
            await self._transactions.commit(lambda tx: self._stored.put(tx, session))
        except (Unavailable, NotFound) as error:
            # Written again within a minute of use; the session is none the worse for it. An account
            # that is gone has taken it along.
            self.log.debug("a session's last use was not noted: {error}", error=error)

    def _sweep(self) -> None:
        now = int(self._clock.now())
        for token_hash, session in list(self._live.items()):
            if session.expires <= now:
                del self._live[token_hash]
            elif believable(now) and not believable(session.created):
                self._note(session, now)
        self._tasks.start(self._swept(now), "removing expired sessions")

    async def _swept(self, now: int) -> None:
        try:
            await self._transactions.commit(lambda tx: self._stored.sweep(tx, now))
        except Unavailable as error:
            self.log.debug("expired sessions were not removed: {error}", error=error)


def digest(token: str) -> bytes:
    """The hash by which the session of this token is known."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
