"""The people room on the real store: what must be so after a restart."""

from pathlib import Path
from typing import Any, cast

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.clock import Clock
from mytracks.errors import NotFound, Unauthenticated, Unavailable
from mytracks.people.build import People, build
from mytracks.people.ports import AuditQuestion
from mytracks.people.revocations import Revocation
from mytracks.sharing.identity import COMMAND_LINE, Actor, Door, Principal
from mytracks.store.audit import StoredAudit
from mytracks.store.limits import Limits as StoreLimits
from mytracks.store.open import Store, open_store
from mytracks.transaction import Transaction
from tests import databases
from tests.people.memory import MemorySeal
from tests.people.room import CHEAP, GOOD, HOME, OTHER


class FailingAudit(StoredAudit):
    """Fails, if told so, when it has written its entry."""

    def __init__(self) -> None:
        self.failing = False

    async def add(
        self, tx: Transaction, at: int, by: Actor, action: str, what: str, detail: str
    ) -> None:
        await super().add(tx, at, by, action, what, detail)
        if self.failing:
            raise Unavailable("The disk is full.")


class StoredPeopleCase(TestCase):
    """The room on a store that is opened again and again."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.database = databases.new()
        self.clock = Clock(cast(Any, reactor))
        self.audit = FailingAudit()
        self.opened: list[tuple[Store, People]] = []
        self.addCleanup(lambda: Deferred.fromCoroutine(self.stop()))

    async def start(self) -> People:
        """The room, on what the one before left."""
        store = await open_store(
            self.directory, self.database, self.clock, cast(Any, reactor), StoreLimits(), self.fail
        )
        store = evolve(store, audit=self.audit)
        people = build(store.database, store, self.clock, cast(Any, reactor), CHEAP, MemorySeal())
        await people.open()
        self.opened.append((store, people))
        return people

    async def stop(self) -> None:
        """Close what is open."""
        while self.opened:
            store, people = self.opened.pop()
            await people.close()
            await store.close()

    async def sign_in(self, people: People, password: str, name: str = "ana") -> Principal:
        """Sign in as a phone does."""
        return await people.signin.password(name, password, door=Door.MQTT, address=HOME)


class StoredPeopleTests(StoredPeopleCase):
    """Nothing that matters lives only in memory (design 9)."""

    async def test_accounts_passwords_devices_and_browsers_survive_a_restart(self) -> None:
        """An update of the server is no reason to set up anything anew."""
        people = await self.start()
        ana = await people.accounts.add(
            "Ana", GOOD, admin=True, email="a@b.example", display="A", by=COMMAND_LINE
        )
        old = await people.device_passwords.issue(ana, "phone")
        new = await people.device_passwords.issue(ana, "phone")
        token, session = await people.sessions.begin(ana.number, HOME, "Browser/1")
        await self.stop()
        people = await self.start()
        self.assertEqual([ana], people.accounts.all())
        self.assertTrue((await self.sign_in(people, GOOD)).admin)
        self.assertEqual("phone", (await self.sign_in(people, new.password)).device)
        with self.assertRaises(Unauthenticated):
            await self.sign_in(people, old.password)
        self.assertEqual(session, people.signin.session(token)[1])

    async def test_what_was_revoked_stays_revoked(self) -> None:
        """A restart must not let anybody in again."""
        people = await self.start()
        await people.accounts.add("boss", GOOD, admin=True, by=COMMAND_LINE)
        ana = await people.accounts.add("ana", GOOD, by=COMMAND_LINE)
        ben = await people.accounts.add("ben", GOOD, by=COMMAND_LINE)
        eve = await people.accounts.add("eve", GOOD, by=COMMAND_LINE)
        tokens = [(await people.sessions.begin(a.number, HOME, ""))[0] for a in (ana, ben, eve)]
        phones = [await people.device_passwords.issue(a, "phone") for a in (ben, eve)]
        await people.accounts.set_password(ana.number, OTHER, by=COMMAND_LINE)
        await people.accounts.disable(ben.number, by=COMMAND_LINE)
        await people.accounts.delete(eve.number, by=COMMAND_LINE)
        await self.stop()
        people = await self.start()
        self.assertEqual(["ana", "ben", "boss"], [a.name for a in people.accounts.all()])
        await self.sign_in(people, OTHER)
        for name, password in [
            ("ana", GOOD),
            ("ben", GOOD),
            ("eve", GOOD),
            ("ben", phones[0].password),
            ("eve", phones[1].password),
        ]:
            with self.assertRaises(Unauthenticated):
                await self.sign_in(people, password, name)
        for token in tokens:
            with self.assertRaises(Unauthenticated):
                people.signin.session(token)

    async def test_a_signed_out_browser_stays_signed_out(self) -> None:
        """However the process ended."""
        people = await self.start()
        ana = await people.accounts.add("ana", GOOD, by=COMMAND_LINE)
        token, _ = await people.sessions.begin(ana.number, HOME, "")
        await people.sessions.end(token)
        await self.stop()
        people = await self.start()
        with self.assertRaises(Unauthenticated):
            people.signin.session(token)

    async def test_a_deleted_account_gets_no_device(self) -> None:
        """Whoever looked it up a moment ago is told that it is gone."""
        people = await self.start()
        ana = await people.accounts.add("ana", GOOD, by=COMMAND_LINE)
        await people.accounts.delete(ana.number, by=COMMAND_LINE)
        with self.assertRaises(NotFound):
            await people.device_passwords.issue(ana, "phone")


class AuditedTests(StoredPeopleCase):
    """A change and its entry in the audit log are there together, or neither is."""

    async def test_what_is_done_is_in_the_log_after_a_restart(self) -> None:
        """Newest first, with who did it."""
        people = await self.start()
        root = await people.accounts.add("root", GOOD, by=COMMAND_LINE, admin=True)
        by_root = Actor(root.number, "root", HOME)
        ana = await people.accounts.add("ana", GOOD, by=by_root)
        await people.accounts.promote(ana.number, by=by_root)
        await people.accounts.delete(root.number, by=Actor(ana.number, "ana", HOME))
        await people.removals.settled()
        await self.stop()
        people = await self.start()
        page = await people.audit.page(AuditQuestion(action="user"))
        told = [(each.actor, each.actor_number, each.action, each.what) for each in page.entries]
        self.assertEqual(
            [
                ("ana", ana.number, "user.delete", "user:root"),
                ("root", None, "user.promote", "user:ana"),
                ("root", None, "user.add", "user:ana"),
                ("command line", None, "user.add", "user:root"),
            ],
            told,
        )

    async def test_what_cannot_be_noted_is_undone(self) -> None:
        """Every change of an account, in the store and in memory; and nobody is cut."""
        people = await self.start()
        accounts = people.accounts
        await accounts.add("root", GOOD, by=COMMAND_LINE, admin=True)
        ana = await accounts.add("ana", GOOD, by=COMMAND_LINE, admin=True)
        token, session = await people.sessions.begin(ana.number, HOME, "")
        before = accounts.all()
        told: list[Revocation] = []
        accounts.watch(told.append)
        self.audit.failing = True
        for change in (
            accounts.add("eve", GOOD, by=COMMAND_LINE),
            accounts.set_password(ana.number, OTHER, by=COMMAND_LINE),
            accounts.set_profile(ana.number, by=COMMAND_LINE, display="A."),
            accounts.demote(ana.number, by=COMMAND_LINE),
            accounts.disable(ana.number, by=COMMAND_LINE),
            accounts.set_second_factor(ana.number, b"s", 1, by=COMMAND_LINE),
            accounts.delete(ana.number, by=COMMAND_LINE),
            people.sessions.end_one(ana.number, session.id, COMMAND_LINE),
        ):
            with self.assertRaises(Unavailable):
                await change
        for restarted in (False, True):
            if restarted:
                await self.stop()
                people = await self.start()
            self.assertEqual(before, people.accounts.all())
            self.assertEqual(session, people.signin.session(token)[1])
            page = await people.audit.page(AuditQuestion())
            self.assertEqual(["user.add"] * 2, [each.action for each in page.entries])
        self.assertEqual([], told)
