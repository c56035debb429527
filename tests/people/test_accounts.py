"""Who has an account, and what may become of it."""

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from mytracks.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable
from mytracks.people.ports import Account
from mytracks.people.profile import Home, Profile
from mytracks.people.revocations import Reason, Revocation
from mytracks.sharing.identity import COMMAND_LINE
from tests.people.accounts_case import AccountsCase
from tests.people.room import GOOD, OTHER, Room


class AddingTests(AccountsCase):
    """New accounts."""

    async def test_an_account_is_found_in_whatever_case_and_after_a_restart(self) -> None:
        """Phones capitalise; processes end."""
        room = await self.opened()
        made = await self.accounts.add(
            "Ana", GOOD, admin=True, email="a@b.example", display="Ana M.", by=COMMAND_LINE
        )
        self.assertEqual(("ana", True, False), (made.name, made.admin, made.disabled))
        self.assertEqual(int(room.clock.now()), made.created)
        again = Room(store=room.store)
        await again.people.accounts.open()
        for accounts in (self.accounts, again.people.accounts):
            self.assertEqual(made, accounts.find("ANA"))
            self.assertEqual(made, accounts.numbered(made.number))
            self.assertEqual([made], accounts.all())
        self.assertIsNone(self.accounts.find("ben"))
        with self.assertRaises(NotFound):
            self.accounts.named("ben")

    async def test_no_password_is_kept(self) -> None:
        """Only its hash is."""
        await self.opened()
        made = await self.accounts.add("ana", GOOD, by=COMMAND_LINE)
        self.assertNotIn(GOOD, repr(made))
        self.assertTrue(made.password.startswith("$argon2id$"))

    async def test_what_is_wrong_is_told_by_field_and_nothing_is_stored(self) -> None:
        """The form shows it beside the field."""
        await self.opened()
        for field, values in {
            "username": ("user", GOOD, "", ""),
            "password": ("ana", "short", "", ""),
            "email": ("ana", GOOD, "nonsense", ""),
            "display": ("ana", GOOD, "", "x" * 101),
        }.items():
            name, password, email, display = values
            with self.assertRaises(Invalid) as caught:
                await self.accounts.add(
                    name, password, email=email, display=display, by=COMMAND_LINE
                )
            self.assertEqual([field], list(caught.exception.errors))
        self.assertEqual({}, self.room.store.accounts.rows)

    async def test_a_name_is_given_once_even_to_two_who_ask_at_once(self) -> None:
        """Names are identities: two people behind one would share everything."""
        await self.opened()
        both = [
            Deferred.fromCoroutine(self.accounts.add("ana", GOOD, by=COMMAND_LINE))
            for _ in range(2)
        ]
        refused = await self.refusals(both)
        self.assertEqual([Conflict], [type(each) for each in refused])
        with self.assertRaises(Conflict) as caught:
            await self.accounts.add("ANA", GOOD, by=COMMAND_LINE)
        self.assertEqual(["username"], list(caught.exception.errors))

    async def refusals(self, changes: list[Deferred[Account]]) -> list[Refused]:
        """What those were refused with that were; who comes first is the threads' affair."""
        refused = []
        for change in changes:
            try:
                await change
            except Refused as error:
                refused.append(error)
        return refused

    async def test_set_up_makes_one_administrator_however_often_it_is_sent(self) -> None:
        """The set-up page is open to whoever has its URL, until there is an administrator."""
        await self.opened()
        self.assertFalse(self.accounts.has_admin())
        both = [
            Deferred.fromCoroutine(
                self.accounts.add(name, GOOD, admin=True, first=True, by=COMMAND_LINE)
            )
            for name in ("ana", "eve")
        ]
        self.assertEqual([Forbidden], [type(each) for each in await self.refusals(both)])
        self.assertEqual(1, len(self.accounts.all()))
        self.assertTrue(self.accounts.has_admin())

    async def test_what_cannot_be_stored_does_not_exist(self) -> None:
        """Memory never runs ahead of the disk."""
        await self.opened()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.accounts.add("ana", GOOD, by=COMMAND_LINE)
        self.assertIsNone(self.accounts.find("ana"))

    async def test_whoever_hangs_up_loses_the_answer_and_not_the_account(self) -> None:
        """A browser that goes away must not leave memory behind what is stored."""
        await self.opened()
        self.room.store.transactions.holding = True
        asked = Deferred.fromCoroutine(self.accounts.add("ana", GOOD, by=COMMAND_LINE))
        while not self.room.store.transactions.held:
            await self.room.people.passwords.hash("whatever comes behind it in the queue")
        self.assertIsNone(self.accounts.find("ana"))
        asked.cancel()
        with self.assertRaises(CancelledError):
            await asked
        self.room.store.transactions.let_go()
        self.assertEqual(["ana"], [account.name for account in self.accounts.all()])


class ChangingTests(AccountsCase):
    """Disabled, enabled, deleted, a new password."""

    async def test_a_disabled_account_stays_and_its_holder_has_to_go(self) -> None:
        """Contract 3: out of every door within a second."""
        room = await self.opened()
        ana = await room.account()
        self.assertTrue((await self.accounts.disable(ana.number, by=COMMAND_LINE)).disabled)
        self.assertEqual([Revocation(ana.number, "ana", Reason.DISABLED)], self.told)
        self.assertTrue(self.accounts.named("ana").disabled)
        self.assertTrue(room.store.accounts.rows[ana.number].disabled)

    async def test_what_is_so_already_is_told_to_nobody(self) -> None:
        """Asked twice is done once."""
        room = await self.opened()
        ana = await room.account()
        await self.accounts.disable(ana.number, by=COMMAND_LINE)
        commits = room.store.transactions.commits
        await self.accounts.disable(ana.number, by=COMMAND_LINE)
        self.assertEqual(1, len(self.told))
        self.assertEqual(commits, room.store.transactions.commits)

    async def test_enabling_opens_the_doors_and_cuts_nobody(self) -> None:
        """The way back."""
        room = await self.opened()
        ana = await room.account()
        await self.accounts.disable(ana.number, by=COMMAND_LINE)
        self.assertFalse((await self.accounts.enable(ana.number, by=COMMAND_LINE)).disabled)
        self.assertEqual(1, len(self.told))

    async def test_a_new_password_cuts_who_came_in_by_the_old_one(self) -> None:
        """Whoever changes a password wants the other holder out."""
        room = await self.opened()
        ana = await room.account()
        changed = await self.accounts.set_password(ana.number, OTHER, by=COMMAND_LINE)
        self.assertNotEqual(ana.password, changed.password)
        self.assertEqual([Reason.PASSWORD], [each.reason for each in self.told])

    async def test_a_weak_new_password_changes_nothing(self) -> None:
        """The policy holds for every way to set one."""
        room = await self.opened()
        ana = await room.account()
        for weak in ("short", "password1", "ana"):
            with self.assertRaises(Invalid):
                await self.accounts.set_password(ana.number, weak, by=COMMAND_LINE)
        self.assertEqual(ana, self.accounts.named("ana"))
        self.assertEqual([], self.told)

    async def test_changes_at_once_lose_none_of_them(self) -> None:
        """Each decides on what the one before it left."""
        room = await self.opened()
        ana = await room.account()
        changes = [
            Deferred.fromCoroutine(self.accounts.set_password(ana.number, OTHER, by=COMMAND_LINE)),
            Deferred.fromCoroutine(self.accounts.disable(ana.number, by=COMMAND_LINE)),
            Deferred.fromCoroutine(
                self.accounts.set_profile(ana.number, email="a@b.example", by=COMMAND_LINE)
            ),
            Deferred.fromCoroutine(
                self.accounts.set_profile(ana.number, display="Ana", by=COMMAND_LINE)
            ),
        ]
        for change in changes:
            await change
        after = self.accounts.named("ana")
        self.assertNotEqual(ana.password, after.password)
        self.assertEqual((True, "a@b.example", "Ana"), (after.disabled, after.email, after.display))
        self.assertEqual(after, room.store.accounts.rows[ana.number])

    async def test_a_deleted_account_is_gone_with_its_device_passwords(self) -> None:
        """Gone is gone: a namesake inherits nothing."""
        room = await self.opened()
        ana = await room.account()
        await room.people.device_passwords.issue(ana, "phone")
        await self.accounts.delete(ana.number, by=COMMAND_LINE)
        self.assertIsNone(self.accounts.find("ana"))
        self.assertIsNone(self.accounts.numbered(ana.number))
        self.assertEqual([Revocation(ana.number, "ana", Reason.DELETED)], self.told)
        self.assertEqual([], room.people.device_passwords.of(ana.number))
        with self.assertRaises(NotFound):
            await self.accounts.disable(ana.number, by=COMMAND_LINE)

    async def test_a_change_that_cannot_be_stored_is_told_to_nobody(self) -> None:
        """What a restart would undo must not be seen now."""
        room = await self.opened()
        ana = await room.account()
        token, _ = await room.people.sessions.begin(ana.number, "", "")
        room.store.transactions.failing = True
        for change in (
            self.accounts.disable(ana.number, by=COMMAND_LINE),
            self.accounts.set_password(ana.number, OTHER, by=COMMAND_LINE),
            self.accounts.delete(ana.number, by=COMMAND_LINE),
        ):
            with self.assertRaises(Unavailable):
                await change
        self.assertEqual(ana, self.accounts.named("ana"))
        self.assertEqual([], self.told)
        self.assertIsNotNone(room.people.sessions.find(token))

    async def test_one_failing_watcher_does_not_spare_the_others(self) -> None:
        """A bug in one door must not keep another open."""
        room = await self.opened()
        ana = await room.account()
        late: list[Revocation] = []

        def broken(revocation: Revocation) -> None:
            raise ZeroDivisionError(revocation)

        self.accounts.watch(broken)
        self.accounts.watch(late.append)
        await self.accounts.disable(ana.number, by=COMMAND_LINE)
        self.assertEqual(self.told, late)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class RoleTests(AccountsCase):
    """Administrators are made, and are no longer."""

    async def test_somebody_is_made_an_administrator_and_cuts_nobody(self) -> None:
        """Asked twice is done once."""
        room = await self.opened()
        ana = await room.account()
        for _ in range(2):
            self.assertTrue((await self.accounts.promote(ana.number, by=COMMAND_LINE)).admin)
        self.assertTrue(room.store.accounts.rows[ana.number].admin)
        self.assertEqual([], self.told)

    async def test_who_is_no_administrator_any_more_is_told_of(self) -> None:
        """They may be listening to what only administrators hear."""
        room = await self.opened()
        await room.account("root", admin=True)
        ana = await room.account(admin=True)
        for _ in range(2):
            self.assertFalse((await self.accounts.demote(ana.number, by=COMMAND_LINE)).admin)
        self.assertEqual([Revocation(ana.number, "ana", Reason.DEMOTED)], self.told)

    async def test_nobody_is_neither_promoted_nor_demoted(self) -> None:
        """An account that is gone."""
        await self.opened()
        for change in (self.accounts.promote, self.accounts.demote):
            with self.assertRaises(NotFound):
                await change(99, by=COMMAND_LINE)


class ProfileTests(AccountsCase):
    """What people tell of themselves."""

    async def test_a_profile_is_changed_by_what_is_given(self) -> None:
        """The rest stays; when it was is known, after a restart too."""
        room = await self.opened()
        ana = await self.accounts.add("ana", GOOD, by=COMMAND_LINE, profile=Profile(units="metric"))
        self.assertEqual(ana.created, ana.updated)
        room.began += 50
        for change in (
            lambda told: evolve(told, units="nautical"),
            lambda told: evolve(told, home=Home(1, 2), first_name=" Ana "),
        ):
            await self.accounts.set_profile(ana.number, by=COMMAND_LINE, profile=change)
        changed = self.accounts.named("ana")
        expected = Profile(units="nautical", home=Home(1, 2), first_name="Ana")
        self.assertEqual(expected, changed.profile)
        self.assertEqual((ana.created, ana.created + 50), (changed.created, changed.updated))
        self.assertEqual(changed, room.store.accounts.rows[ana.number])

    async def test_two_changes_at_once_are_both_made(self) -> None:
        """Each on what the other left."""
        room = await self.opened()
        ana = await room.account()
        room.store.transactions.holding = True
        changes = [
            Deferred.fromCoroutine(
                self.accounts.set_profile(ana.number, by=COMMAND_LINE, profile=change)
            )
            for change in (
                lambda told: evolve(told, units="imperial"),
                lambda told: evolve(told, theme="dark"),
            )
        ]
        room.store.transactions.let_go()
        for each in changes:
            await each
        self.assertEqual(
            Profile(units="imperial", theme="dark"), self.accounts.named("ana").profile
        )

    async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_changed(self) -> None:
        """The page shows each beside its field."""
        room = await self.opened()
        ana = await room.account()
        with self.assertRaises(Invalid) as caught:
            await self.accounts.set_profile(
                ana.number,
                by=COMMAND_LINE,
                email="?",
                display="x" * 101,
                profile=lambda told: evolve(told, units="?", first_name="fine"),
            )
        self.assertEqual(["display", "email", "units"], sorted(caught.exception.errors))
        with self.assertRaises(Invalid) as caught:
            await self.accounts.add(
                "user", "short", by=COMMAND_LINE, email="?", profile=Profile(theme="?")
            )
        fields = ["email", "password", "theme", "username"]
        self.assertEqual(fields, sorted(caught.exception.errors))
        self.assertEqual([ana], self.accounts.all())

    async def test_no_password_is_ones_own_name(self) -> None:
        """Nor what one says one is called."""
        await self.opened()
        for password in ("annabelle", "Mustermann"):
            with self.assertRaises(Invalid) as caught:
                await self.accounts.add(
                    "ana",
                    password,
                    by=COMMAND_LINE,
                    profile=Profile(first_name="Annabelle", last_name="Mustermann"),
                )
            self.assertEqual(["password"], list(caught.exception.errors))
