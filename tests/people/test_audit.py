"""Who did what: each change and its entry are one commit."""

from collections.abc import Awaitable

from attrs import evolve
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable
from mytracks.people.limits import DAY
from mytracks.people.ports import Account, AuditEntry, AuditQuestion
from mytracks.people.profile import Home
from mytracks.sharing.identity import COMMAND_LINE, Actor, Door, Principal
from tests.people.accounts_case import AccountsCase
from tests.people.memory import MemoryAudit, MemoryStore
from tests.people.room import CHEAP, GOOD, OTHER, Room

ROOT = Actor(1, "root", "192.0.2.9")


class AuditCase(AccountsCase):
    """A room with an administrator called root, whose number is 1."""

    async def with_root(self) -> Room:
        """Its log is empty."""
        room = await self.opened()
        await room.account("root", admin=True)
        room.store.audit.rows.clear()
        return room

    @property
    def rows(self) -> list[AuditEntry]:
        """As they were stored."""
        return self.room.store.audit.rows

    def noted(self) -> list[tuple[str, str, str]]:
        """What was done to what."""
        return [(row.action, row.what, row.detail) for row in self.rows]


class ChangesTests(AuditCase):
    """What becomes of accounts."""

    async def test_every_change_of_an_account_is_noted_by_its_name(self) -> None:
        """In the order of what was done."""
        await self.with_root()
        ana = await self.accounts.add("Ana", GOOD, by=ROOT)
        await self.accounts.promote(ana.number, by=ROOT)
        await self.accounts.demote(ana.number, by=ROOT)
        await self.accounts.set_password(ana.number, OTHER, by=ROOT)
        await self.accounts.set_profile(ana.number, email="a@b.example", by=ROOT)
        await self.accounts.disable(ana.number, by=ROOT)
        await self.accounts.enable(ana.number, by=ROOT)
        await self.accounts.set_second_factor(ana.number, b"sealed", 7, by=ROOT)
        await self.accounts.set_second_factor(ana.number, None, None, by=ROOT)
        await self.accounts.delete(ana.number, by=ROOT)
        await self.accounts.add("ben", GOOD, by=ROOT, admin=True)
        actions = ["add", "promote", "demote", "password", "profile", "disable", "enable"]
        expected = [(f"user.{each}", "user:ana", "") for each in actions]
        expected[4] = ("user.profile", "user:ana", "email")
        expected += [("totp.on", "user:ana", ""), ("totp.off", "user:ana", "")]
        expected += [("user.delete", "user:ana", ""), ("user.add", "user:ben", "administrator")]
        self.assertEqual(expected, self.noted())

    async def test_an_entry_tells_when_who_and_from_where(self) -> None:
        """That of a phone's owner as well as that of a script."""
        room = await self.with_root()
        who = Principal(1, "root", True, Door.WEB, address="2001:db8::1")
        await self.accounts.add("ana", GOOD, by=Actor.of(who))
        await self.accounts.add("ben", GOOD, by=COMMAND_LINE)
        by_root, by_command = self.rows
        self.assertEqual(int(room.clock.now()), by_root.at)
        self.assertEqual(
            ("root", 1, "2001:db8::1"), (by_root.actor, by_root.actor_number, by_root.address)
        )
        self.assertEqual(
            ("command line", None, ""),
            (by_command.actor, by_command.actor_number, by_command.address),
        )

    async def test_nothing_secret_and_nothing_private_stands_in_it(self) -> None:
        """It is read by every administrator, for two years."""
        room = await self.with_root()
        ana = await room.account()
        secrets = ("their@mail.example", "Annabel", "51.4769")
        await self.accounts.set_password(ana.number, OTHER, by=ROOT)
        await self.accounts.set_second_factor(ana.number, b"seal", None, by=ROOT)
        await self.accounts.set_profile(
            ana.number,
            by=ROOT,
            email=secrets[0],
            display=secrets[1],
            profile=lambda told: evolve(told, home=Home(51.4769, 0), first_name=secrets[1]),
        )
        told = repr(self.rows)
        for secret in (GOOD, OTHER, "argon2", "seal", *secrets):
            self.assertNotIn(secret, told)
        self.assertEqual("email, display, first_name, home", self.rows[-1].detail)

    async def test_what_changes_nothing_is_not_noted(self) -> None:
        """Neither what was so before nor what is our own affair."""
        room = await self.with_root()
        ana = await room.account()
        self.rows.clear()
        room.began += 100
        await self.accounts.enable(ana.number, by=ROOT)
        await self.accounts.demote(ana.number, by=ROOT)
        await self.accounts.set_profile(ana.number, by=ROOT, email="", profile=lambda told: told)
        await self.accounts.set_second_factor(ana.number, None, None, by=ROOT)
        await self.accounts.renew_hash(ana.number, ana.password, "another hash of the same")
        await self.accounts.stepped(ana.number, 5)
        self.accounts.note_sign_in(ana.number)
        self.assertEqual([], self.noted())

    async def test_what_is_refused_is_not_noted(self) -> None:
        """It was not done."""
        room = await self.with_root()
        ana = await room.account()
        self.rows.clear()
        refused: list[tuple[Awaitable[object], type[Refused]]] = [
            (self.accounts.add("ana", GOOD, by=ROOT), Conflict),
            (self.accounts.add("user", GOOD, by=ROOT), Invalid),
            (self.accounts.set_password(ana.number, "short", by=ROOT), Invalid),
            (self.accounts.set_profile(ana.number, email="?", by=ROOT), Invalid),
            (self.accounts.disable(ROOT.user or 0, by=ROOT), Forbidden),
            (self.accounts.delete(ROOT.user or 0, by=COMMAND_LINE), Forbidden),
            (self.accounts.disable(99, by=ROOT), NotFound),
            (self.accounts.delete(99, by=ROOT), NotFound),
        ]
        for change, kind in refused:
            with self.assertRaises(kind):
                await change
        self.assertEqual([], self.noted())

    async def test_each_change_and_its_entry_are_one_commit(self) -> None:
        """A kill between two would leave a change that nobody did."""
        room = await self.with_root()
        transactions = room.store.transactions
        for name, change in self.changes(await room.account(), GOOD):
            before, noted = transactions.commits, len(self.rows)
            if name == "delete":
                transactions.holding = True
                deleting = Deferred.fromCoroutine(self.awaited(change))
                transactions.let_go_of_one()
                await deleting
            else:
                await change
            self.assertEqual((1, 1), (transactions.commits - before, len(self.rows) - noted), name)

    async def test_what_cannot_be_noted_is_not_done(self) -> None:
        """Memory is as it was, nobody is cut, no session ends."""
        room = await self.with_root()
        ana = await room.account()
        token, _ = await room.people.sessions.begin(ana.number, "", "")
        room.store.audit.trouble = Unavailable("The disk is full.")
        for name, change in self.changes(ana, GOOD):
            with self.assertRaises(Unavailable, msg=name):
                await change
            self.assertEqual(ana, self.accounts.named("ana"))
        self.assertEqual([], self.told)
        self.assertIsNotNone(room.people.sessions.find(token))

    def changes(self, ana: Account, password: str) -> list[tuple[str, Awaitable[object]]]:
        """One of each."""
        accounts, number = self.accounts, ana.number
        return [
            ("add", accounts.add("eve", password, by=ROOT)),
            ("promote", accounts.promote(number, by=ROOT)),
            ("password", accounts.set_password(number, OTHER, by=ROOT)),
            ("profile", accounts.set_profile(number, display="A.", by=ROOT)),
            ("totp", accounts.set_second_factor(number, b"x", None, by=ROOT)),
            ("disable", accounts.disable(number, by=ROOT)),
            ("delete", accounts.delete(number, by=ROOT)),
        ]

    async def awaited(self, change: Awaitable[object]) -> None:
        """As a coroutine."""
        await change


class LogTests(AuditCase):
    """The log itself."""

    async def test_a_note_of_its_own_is_stored_or_refused(self) -> None:
        """Whoever asked is told."""
        room = await self.with_root()
        await room.people.audit.note(ROOT, "backup", "file", "nightly")
        self.assertEqual([("backup", "file", "nightly")], self.noted())
        room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await room.people.audit.note(ROOT, "backup", "file")

    async def test_what_waits_for_nobody_is_noted_all_the_same(self) -> None:
        """A sign-in is not kept waiting by it; a full disk costs the entry, not the sign-in."""
        room = await self.with_root()
        room.store.transactions.holding = True
        room.people.audit.note_later(ROOT, "sign-in", "user:root")
        self.assertEqual([], self.noted())
        room.store.transactions.let_go()
        self.assertEqual([("sign-in", "user:root", "")], self.noted())
        room.store.transactions.failing = True
        room.people.audit.note_later(ROOT, "sign-in", "user:root")
        self.assertEqual(1, len(self.rows))

    async def test_whatever_is_told_can_be_stored(self) -> None:
        """PostgreSQL knows no zero, UTF-8 no half of a pair, and a name may be a novel."""
        room = await self.with_root()
        by = Actor(None, "x" * 9_999, "\ud800")
        await room.people.audit.note(by, "a\0b", "w" * 9_999, "\udfff!")
        (entry,) = self.rows
        self.assertEqual((500, 500), (len(entry.actor), len(entry.what)))
        self.assertEqual(("?", "ab", "?!"), (entry.address, entry.action, entry.detail))

    async def test_pages_are_read_newest_first(self) -> None:
        """As they are asked for."""
        room = await self.with_root()
        for number in range(5):
            await room.people.audit.note(ROOT, "backup", f"file:{number}")
        page = await room.people.audit.page(AuditQuestion(action="backup", limit=2, offset=1))
        self.assertEqual((5, ["file:3", "file:2"]), (page.count, [e.what for e in page.entries]))


class SweepingTests(AuditCase):
    """It does not grow for ever."""

    async def test_it_is_swept_every_hour_by_age_and_number(self) -> None:
        """Two years, and a hundred thousand."""
        room = await self.with_root()
        room.timers.advance(CHEAP.audit_sweep_every)
        now = int(room.clock.now())
        self.assertEqual([(now - 730 * DAY, 100_000)], room.store.audit.swept)
        room.timers.advance(CHEAP.audit_sweep_every)
        self.assertEqual(2, len(room.store.audit.swept))

    async def test_a_clock_that_was_not_set_sweeps_by_number_alone(self) -> None:
        """It knows nothing of age."""
        room = await self.with_root()
        room.began = 0.0
        room.timers.advance(CHEAP.audit_sweep_every)
        self.assertEqual([(None, 100_000)], room.store.audit.swept)

    async def test_it_goes_piece_by_piece(self) -> None:
        """What is to be stored meanwhile comes between two pieces."""

        class Long(MemoryAudit):
            async def sweep(self, tx: object, before: int | None, most: int) -> bool:
                self.swept.append((before, most))
                return len(self.swept) < 3

        store = MemoryStore()
        store.audit = Long()
        room = await Room(evolve(CHEAP, audit_sweep_every=60.0), store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(room.close()))
        room.store.transactions.holding = True
        room.timers.advance(60)
        for swept in (1, 2, 3):
            self.assertEqual(1, room.store.transactions.held)
            room.store.transactions.let_go_of_one()
            self.assertEqual(swept, len(room.store.audit.swept))

    async def test_a_full_disk_and_a_stop_end_it_quietly(self) -> None:
        """It is tried again an hour later."""
        room = await self.with_root()
        room.store.transactions.failing = True
        room.timers.advance(CHEAP.audit_sweep_every)
        self.assertEqual([], room.store.audit.swept)
        room.store.transactions.failing = False
        room.timers.advance(CHEAP.audit_sweep_every)
        self.assertEqual(1, len(room.store.audit.swept))
        await room.people.audit.close()
        room.timers.advance(10 * CHEAP.audit_sweep_every)
        self.assertEqual(1, len(room.store.audit.swept))
