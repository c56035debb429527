"""Who has an account here, and what may become of it.

All accounts are in memory, as of the last commit; reading never waits. Changes take turns: each is
decided on what is true, stored together with its entry in the audit log, and only then seen by
anybody. Who is no longer welcome is told to the watchers of `Revocations` right after the commit.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock, Tasks
from mytracks.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from mytracks.people import changes, names, ports
from mytracks.people.audit import Audit
from mytracks.people.changes import Change, Edit
from mytracks.people.passwords import Passwords
from mytracks.people.ports import Account
from mytracks.people.profile import Faults, Profile
from mytracks.people.removals import Removals
from mytracks.people.revocations import Reason, Revocation, Revocations, Watcher
from mytracks.people.sessions import Sessions
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Transactions, Unit
from mytracks.turns import Turns

_LOGIN_NOTED_EVERY: Final = 60
"""Seconds: how often at most it is written that somebody signed in."""
_NOTHING_TOLD: Final = Profile()


class Accounts:
    """The accounts and every change to one."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.Accounts,
        stored_sessions: ports.WebSessions,
        sessions: Sessions,
        passwords: Passwords,
        revocations: Revocations,
        removals: Removals,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._stored_sessions = stored_sessions
        self._sessions = sessions
        self._passwords = passwords
        self._revocations = revocations
        self._removals = removals
        self._audit = audit
        self._clock = clock
        self._turns = Turns()
        self._tasks = Tasks()
        self._noting: set[int] = set()
        self._by_number: dict[int, Account] = {}
        self._by_name: dict[str, Account] = {}

    async def open(self) -> None:
        """Read all that are stored."""
        for account in await self._transactions.read(self._stored.all):
            self._remember(account)

    async def close(self) -> None:
        """Stop all of our own."""
        self._tasks.stop()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` after the commit of everybody who has to go; see `Revocations`."""
        self._revocations.watch(watcher)

    def find(self, name: str) -> Account | None:
        """The account of this name, in whatever case it is written."""
        return self._by_name.get(names.canonical(name))

    def named(self, name: str) -> Account:
        """The same for callers that may know. Raises NotFound."""
        account = self.find(name)
        if account is None:
            raise NotFound(f"There is no user {name!r}.")
        return account

    def numbered(self, number: int) -> Account | None:
        """The account with this number."""
        return self._by_number.get(number)

    def all(self) -> Sequence[Account]:
        """Every account, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def has_admin(self) -> bool:
        """Whether there is an administrator who can sign in; if not, set-up is open."""
        return bool(self._active_admins())

    async def add(
        self,
        name: str,
        password: str,
        *,
        by: Actor,
        admin: bool = False,
        email: str = "",
        display: str = "",
        profile: Profile = _NOTHING_TOLD,
        first: bool = False,
    ) -> Account:
        """A new account. `first`: only while there is no administrator (set-up); else Forbidden.

        Raises Invalid with the fields that are wrong, Conflict when the name is taken.
        """
        faults, now = Faults(), int(self._clock.now())
        account = changes.new_account(name, admin, email, display, profile, now, faults)
        self._check_policy(password, account, faults)
        self._check_free(account.name, first)
        account = evolve(account, password=await self._passwords.hash(password))
        return await self._turns.take(lambda: self._add(account, by, first))

    async def set_password(
        self, number: int, password: str, *, by: Actor, keep: bytes | None = None
    ) -> Account:
        """Give the account a new password; whoever came in by the old one is cut, but for the web
        session with the hash `keep`.

        Raises NotFound, Invalid.
        """
        self._check_policy(password, self._present(number), Faults())
        encoded = await self._passwords.hash(password)
        return await self._change(number, changes.new_password(encoded, by, keep))

    async def renew_hash(self, number: int, old: str, encoded: str) -> None:
        """Store the same password's hash at new costs, unless the password was changed since."""
        await self._change(number, changes.new_hash(old, encoded))

    async def set_profile(
        self,
        number: int,
        *,
        by: Actor,
        email: str | None = None,
        display: str | None = None,
        profile: Callable[[Profile], Profile] | None = None,
    ) -> Account:
        """Change what is given; `profile` makes the new one of the one that is then in force.

        Raises NotFound, Invalid with every field that is wrong.
        """
        told = Edit(email=email, display=display, profile=profile)
        return await self._change(number, changes.retold(told, by, int(self._clock.now())))

    async def edit(self, number: int, edit: Edit, *, by: Actor) -> Account:
        """Several changes in one commit: all of them or none.

        Raises NotFound, Invalid with every field that is wrong, or by which one would lock oneself
        out, Forbidden for the last administrator.
        """
        if by.user == number:
            edit.check_stays()
        change = changes.edited(edit, by, self._audit, int(self._clock.now()))
        return await self._change(number, change)

    async def disable(self, number: int, *, by: Actor) -> Account:
        """Close every door to this person, live connections included.

        Raises NotFound, Forbidden for oneself and for the last administrator.
        """
        _check_other(number, by, "disable your own account")
        return await self._change(number, changes.disabled(by))

    async def enable(self, number: int, *, by: Actor) -> Account:
        """Open them again. Raises NotFound."""
        return await self._change(number, changes.enabled(by))

    async def promote(self, number: int, *, by: Actor) -> Account:
        """Make them an administrator. Raises NotFound."""
        return await self._change(number, changes.promoted(by))

    async def demote(self, number: int, *, by: Actor) -> Account:
        """Make them an ordinary user; what only administrators may have is cut.

        Raises NotFound, Forbidden for oneself and for the last administrator.
        """
        _check_other(number, by, "take your own administrator's rights away")
        return await self._change(number, changes.demoted(by))

    async def delete(self, number: int, *, by: Actor) -> None:
        """Remove the account with all devices, locations, credentials and sessions.

        Once this is answered nobody sees or uses any of it; most of it is removed after that.
        Raises NotFound, Forbidden for oneself and for the last administrator.
        """
        _check_other(number, by, "delete your own account")
        await self._turns.take(lambda: self._delete(number, by))

    async def set_second_factor(
        self,
        number: int,
        totp: bytes | None,
        step: int | None,
        *,
        by: Actor,
        also: Unit[None] | None = None,
    ) -> Account:
        """Keep the sealed secret of a second factor, or None: none, and the last step of it that
        was used. `also`: what else is stored in the same commit. Raises NotFound."""
        return await self._change(number, changes.new_factor(totp, step, by, also))

    async def reseal(self, number: int, anew: Callable[[bytes], bytes]) -> None:
        """Keep the secret of a second factor under another key: `anew` makes it of the sealed one.
        Raises NotFound, and what `anew` raises."""
        await self._change(number, changes.resealed(anew))

    async def stepped(self, number: int, step: int) -> None:
        """A code of this step was used: stored before anybody is let in by it.

        Raises NotFound, Unauthenticated when that step or a later one was used before.
        """
        await self._change(number, changes.stepped(step))

    def note_sign_in(self, number: int) -> None:
        """They signed in by the web just now: written soon, at most once a minute."""
        account, now = self._by_number.get(number), int(self._clock.now())
        if account is None or number in self._noting:
            return
        if account.last_login is None or abs(now - account.last_login) >= _LOGIN_NOTED_EVERY:
            self._noting.add(number)
            self._tasks.start(self._note_sign_in(number, now), "noting a sign-in")

    async def _note_sign_in(self, number: int, now: int) -> None:
        try:
            await self._change(number, changes.signed_in(now))
        except (Unavailable, NotFound) as error:
            # Nobody is kept out by it.
            self.log.debug("a sign-in was not noted: {error}", error=error)
        finally:
            self._noting.discard(number)

    async def _add(self, account: Account, by: Actor, first: bool) -> Account:
        self._check_free(account.name, first)

        async def unit(tx: Transaction) -> Account:
            stored = await self._stored.add(tx, account)
            detail = "administrator" if account.admin else ""
            await self._audit.add(tx, by, "user.add", f"user:{account.name}", detail)
            return stored

        stored = await self._transactions.commit(unit)
        self._remember(stored)
        self.log.info("account {user} was made", user=stored.name, admin=stored.admin)
        return stored

    def _change(self, number: int, change: Change) -> Deferred[Account]:
        return self._turns.take(lambda: self._changed(number, change))

    async def _changed(self, number: int, change: Change) -> Account:
        old = self._present(number)
        new = change.alter(old)
        if new == old:
            return old
        if new.disabled or not new.admin:
            self._check_not_last(old)
        ended = self._sessions.suspend(number, change.spares) if change.ends_sessions else ()

        async def unit(tx: Transaction) -> None:
            await self._stored.change(tx, new)
            if ended:
                await self._stored_sessions.end(tx, ended)
            if change.by is not None:
                detail = change.detail(old, new) if change.detail is not None else ""
                await self._audit.add(tx, change.by, change.action, f"user:{new.name}", detail)
            if change.also is not None:
                await change.also(tx)

        await self._ending(number, ended, unit)
        self._remember(new)
        self._sessions.settled(number)
        if change.reason is not None:
            self._revocations.tell(
                Revocation(number, new.name, change.reason, spares=change.spares)
            )
        return new

    async def _delete(self, number: int, by: Actor) -> None:
        old = self._present(number)
        self._check_not_last(old)
        ended = self._sessions.suspend(number)

        async def unit(tx: Transaction) -> None:
            await self._stored.leave(tx, number)
            await self._audit.add(tx, by, "user.delete", f"user:{old.name}")

        await self._ending(number, ended, unit)
        del self._by_number[number], self._by_name[old.name]
        self._sessions.settled(number)
        self._revocations.tell(Revocation(number, old.name, Reason.DELETED))
        self._removals.begin(number)

    async def _ending(self, number: int, ended: Sequence[bytes], unit: Unit[None]) -> None:
        """Commit `unit`, which removes these sessions; they let nobody in, unless it fails."""
        try:
            await self._transactions.commit(unit)
        except BaseException:
            self._sessions.resume(ended)
            self._sessions.settled(number)
            raise
        self._sessions.forget(ended)

    def _present(self, number: int) -> Account:
        account = self._by_number.get(number)
        if account is None:
            raise NotFound("There is no such user.")
        return account

    def _check_free(self, name: str, first: bool) -> None:
        if first and self.has_admin():
            raise Forbidden("There is an administrator already.")
        if name in self._by_name:
            text = f"There is a user {name!r} already."
            raise Conflict(text, {"username": [text]})

    def _check_policy(self, password: str, account: Account, faults: Faults) -> None:
        told = account.profile
        others = (account.name, account.email, account.display, told.first_name, told.last_name)
        try:
            self._passwords.check_policy(password, *others)
        except Invalid as weak:
            faults.add(weak)
        faults.refuse()

    def _check_not_last(self, account: Account) -> None:
        if self._active_admins() == [account]:
            raise Forbidden(f"{account.name!r} is the last administrator.")

    def _active_admins(self) -> list[Account]:
        return [a for a in self._by_number.values() if a.admin and not a.disabled]

    def _remember(self, account: Account) -> None:
        self._by_number[account.number] = account
        self._by_name[account.name] = account


def _check_other(number: int, by: Actor, deed: str) -> None:
    """Nobody locks themselves out."""
    if by.user == number:
        raise Forbidden(f"You cannot {deed}.")
