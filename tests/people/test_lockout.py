"""Nobody locks themselves out, and nobody locks everybody out."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

from mytracks.errors import Forbidden
from mytracks.people.accounts import Accounts
from mytracks.people.ports import Account
from mytracks.sharing.identity import COMMAND_LINE, Actor
from tests.people.accounts_case import AccountsCase
from tests.people.room import OTHER

Deed = Callable[[Accounts, int, Actor], Awaitable[object]]

DEEDS: dict[str, Deed] = {
    "disable": lambda accounts, number, by: accounts.disable(number, by=by),
    "demote": lambda accounts, number, by: accounts.demote(number, by=by),
    "delete": lambda accounts, number, by: accounts.delete(number, by=by),
}
"""What takes an administrator away."""


def actor(account: Account) -> Actor:
    """Somebody at the web."""
    return Actor(account.number, account.name, "192.0.2.7")


class SelfTests(AccountsCase):
    """An administrator who does it to themselves did not mean to."""

    async def test_nobody_disables_demotes_or_deletes_themselves(self) -> None:
        """Though there is another administrator. Nothing is stored, told or noted."""
        room = await self.opened()
        ana = await room.account("ana", admin=True)
        await room.account("ben", admin=True)
        noted = len(room.store.audit.rows)
        for name, deed in DEEDS.items():
            with self.assertRaises(Forbidden, msg=name):
                await deed(self.accounts, ana.number, actor(ana))
        self.assertEqual(ana, self.accounts.named("ana"))
        self.assertEqual(ana, room.store.accounts.rows[ana.number])
        self.assertEqual(([], noted), (self.told, len(room.store.audit.rows)))

    async def test_an_ordinary_user_does_not_either(self) -> None:
        """Whatever door should ever offer it."""
        room = await self.opened()
        await room.account("root", admin=True)
        ana = await room.account("ana")
        for name, deed in DEEDS.items():
            with self.assertRaises(Forbidden, msg=name):
                await deed(self.accounts, ana.number, actor(ana))

    async def test_another_administrator_may(self) -> None:
        """And the command line."""
        for by_number in (True, False):
            for name, deed in DEEDS.items():
                room = await self.opened()
                ana = await room.account("ana", admin=True)
                ben = await room.account("ben", admin=True)
                by = actor(ben) if by_number else COMMAND_LINE
                await deed(self.accounts, ana.number, by)
                left = self.accounts.find("ana")
                self.assertTrue(left is None or left.disabled or not left.admin, name)

    async def test_whatever_leaves_one_in_is_ones_own_affair(self) -> None:
        """A new password, another name, an account that is made an administrator's again."""
        room = await self.opened()
        ana = await room.account("ana", admin=True)
        await self.accounts.set_password(ana.number, OTHER, by=actor(ana))
        await self.accounts.set_profile(ana.number, display="Ana", by=actor(ana))
        self.assertTrue((await self.accounts.promote(ana.number, by=actor(ana))).admin)
        self.assertFalse((await self.accounts.enable(ana.number, by=actor(ana))).disabled)


class LastAdministratorTests(AccountsCase):
    """There is always one who can sign in."""

    async def test_the_last_active_administrator_stays_one(self) -> None:
        """A disabled one does not count: they cannot sign in. Not even the command line can."""
        room = await self.opened()
        ana = await room.account("ana", admin=True)
        ben = await room.account("ben", admin=True)
        cleo = await room.account("cleo")
        await self.accounts.disable(ben.number, by=COMMAND_LINE)
        for by in (COMMAND_LINE, actor(cleo)):
            for name, deed in DEEDS.items():
                with self.assertRaises(Forbidden, msg=name):
                    await deed(self.accounts, ana.number, by)
        self.assertEqual(ana, self.accounts.named("ana"))
        await self.accounts.enable(ben.number, by=COMMAND_LINE)
        await self.accounts.delete(ana.number, by=COMMAND_LINE)
        self.assertTrue(self.accounts.has_admin())

    async def test_two_administrators_cannot_take_each_other_away_at_once(self) -> None:
        """Each was right to believe that another remains."""
        for name, deed in DEEDS.items():
            room = await self.opened()
            ana, ben = [await room.account(each, admin=True) for each in ("ana", "ben")]
            room.store.transactions.holding = True
            changes = [
                Deferred.fromCoroutine(self.done(deed, number, by))
                for number, by in ((ana.number, actor(ben)), (ben.number, actor(ana)))
            ]
            room.store.transactions.let_go()
            await changes[0]
            with self.assertRaises(Forbidden, msg=name):
                await changes[1]
            self.assertTrue(self.accounts.has_admin())

    async def done(self, deed: Deed, number: int, by: Actor) -> None:
        """The deed as a coroutine."""
        await deed(self.accounts, number, by)

    async def test_a_disabled_administrator_may_be_demoted_and_deleted(self) -> None:
        """They are not the one who can sign in."""
        room = await self.opened()
        ana = await room.account("ana", admin=True)
        ben = await room.account("ben", admin=True)
        await self.accounts.disable(ben.number, by=actor(ana))
        self.assertFalse((await self.accounts.demote(ben.number, by=actor(ana))).admin)
        await self.accounts.delete(ben.number, by=actor(ana))
        self.assertIsNone(self.accounts.find("ben"))
