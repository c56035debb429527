"""Who has an account here, and what may become of it.

All accounts are in memory, as of the last commit; reading never waits. Changes take turns: each is
decided on what is true, stored, and only then seen by anybody. Who is no longer welcome is told to
the watchers of `Revocations` right after the commit.
"""

from collections.abc import Callable, Sequence

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Conflict, Forbidden, NotFound
from mytracks.people import names, ports
from mytracks.people.passwords import Passwords
from mytracks.people.ports import Account
from mytracks.people.removals import Removals
from mytracks.people.revocations import Reason, Revocation, Revocations, Watcher
from mytracks.people.sessions import Sessions
from mytracks.people.turns import Turns
from mytracks.transaction import Transaction, Transactions


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
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._stored_sessions = stored_sessions
        self._sessions = sessions
        self._passwords = passwords
        self._revocations = revocations
        self._removals = removals
        self._clock = clock
        self._turns = Turns()
        self._by_number: dict[int, Account] = {}
        self._by_name: dict[str, Account] = {}

    async def open(self) -> None:
        """Read all that are stored."""
        for account in await self._transactions.read(self._stored.all):
            self._remember(account)

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
        admin: bool = False,
        email: str = "",
        display: str = "",
        first: bool = False,
    ) -> Account:
        """A new account. `first`: only while there is no administrator (set-up); else Forbidden.

        Raises Invalid with the fields that are wrong, Conflict when the name is taken.
        """
        made = names.check_name(name)
        checked_email, checked_display = names.check_email(email), names.check_display(display)
        self._passwords.check_policy(password, made, checked_email, checked_display)
        self._check_free(made, first)
        account = Account(
            number=0,
            name=made,
            display=checked_display,
            admin=admin,
            disabled=False,
            password=await self._passwords.hash(password),
            email=checked_email,
            created=int(self._clock.now()),
        )
        return await self._turns.take(lambda: self._add(account, first))

    async def set_password(self, number: int, password: str) -> Account:
        """Give the account a new password; all its browsers are signed out, its phones cut.

        Raises NotFound, Invalid.
        """
        account = self._present(number)
        self._passwords.check_policy(password, account.name, account.email, account.display)
        encoded = await self._passwords.hash(password)
        return await self._change(number, lambda a: evolve(a, password=encoded), Reason.PASSWORD)

    async def renew_hash(self, number: int, old: str, encoded: str) -> None:
        """Store the same password's hash at new costs, unless the password was changed since."""

        def renewed(account: Account) -> Account:
            return evolve(account, password=encoded) if account.password == old else account

        await self._change(number, renewed)

    async def set_profile(
        self, number: int, *, email: str | None = None, display: str | None = None
    ) -> Account:
        """Change what is given. Raises NotFound, Invalid."""
        new_email = None if email is None else names.check_email(email)
        new_display = None if display is None else names.check_display(display)

        def altered(account: Account) -> Account:
            return evolve(
                account,
                email=account.email if new_email is None else new_email,
                display=account.display if new_display is None else new_display,
            )

        return await self._change(number, altered)

    async def disable(self, number: int) -> Account:
        """Close every door to this person, live connections included.

        Raises NotFound, Forbidden for the last administrator.
        """
        return await self._change(number, lambda a: evolve(a, disabled=True), Reason.DISABLED)

    async def enable(self, number: int) -> Account:
        """Open them again. Raises NotFound."""
        return await self._change(number, lambda a: evolve(a, disabled=False))

    async def delete(self, number: int) -> None:
        """Remove the account with all devices, locations, credentials and sessions.

        Once this is answered nobody sees or uses any of it; most of it is removed after that.
        Raises NotFound, Forbidden for the last administrator.
        """
        await self._turns.take(lambda: self._delete(number))

    async def _add(self, account: Account, first: bool) -> Account:
        self._check_free(account.name, first)
        stored = await self._transactions.commit(lambda tx: self._stored.add(tx, account))
        self._remember(stored)
        self.log.info("account {user} was made", user=stored.name, admin=stored.admin)
        return stored

    def _change(
        self, number: int, alter: Callable[[Account], Account], reason: Reason | None = None
    ) -> Deferred[Account]:
        return self._turns.take(lambda: self._changed(number, alter, reason))

    async def _changed(
        self, number: int, alter: Callable[[Account], Account], reason: Reason | None
    ) -> Account:
        old = self._present(number)
        new = alter(old)
        if new == old:
            return old
        if new.disabled or not new.admin:
            self._check_not_last(old)
        ended = self._sessions.suspend(number) if reason is not None else ()

        async def unit(tx: Transaction) -> None:
            await self._stored.change(tx, new)
            if ended:
                await self._stored_sessions.end(tx, ended)

        try:
            await self._transactions.commit(unit)
        except BaseException:
            self._sessions.resume(ended)
            raise
        self._remember(new)
        self._sessions.forget(ended)
        if reason is not None:
            self._revocations.tell(Revocation(number, new.name, reason))
        return new

    async def _delete(self, number: int) -> None:
        old = self._present(number)
        self._check_not_last(old)
        ended = self._sessions.suspend(number)
        try:
            await self._transactions.commit(lambda tx: self._stored.leave(tx, number))
        except BaseException:
            self._sessions.resume(ended)
            raise
        del self._by_number[number], self._by_name[old.name]
        self._sessions.forget(ended)
        self._revocations.tell(Revocation(number, old.name, Reason.DELETED))
        self._removals.begin(number)

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

    def _check_not_last(self, account: Account) -> None:
        if self._active_admins() == [account]:
            raise Forbidden(f"{account.name!r} is the last administrator.")

    def _active_admins(self) -> list[Account]:
        return [a for a in self._by_number.values() if a.admin and not a.disabled]

    def _remember(self, account: Account) -> None:
        self._by_number[account.number] = account
        self._by_name[account.name] = account
