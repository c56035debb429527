"""What an account keeps of its sign-ins: when the last was, and which codes were used."""

from twisted.internet.defer import Deferred

from mytracks.errors import NotFound, Unauthenticated, Unavailable
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.transaction import Transaction
from tests.people.accounts_case import AccountsCase


class LastLoginTests(AccountsCase):
    """When somebody signed in by the web."""

    async def test_it_is_noted_in_the_background_and_at_most_once_a_minute(self) -> None:
        """A thousand sign-ins are not a thousand commits."""
        room = await self.opened()
        ana = await room.account()
        self.assertIsNone(ana.last_login)
        now, transactions = int(room.clock.now()), room.store.transactions
        commits = transactions.commits
        for _ in range(100):
            self.accounts.note_sign_in(ana.number)
        self.assertEqual(now, self.accounts.named("ana").last_login)
        self.assertEqual(now, room.store.accounts.rows[ana.number].last_login)
        room.began += 59
        self.accounts.note_sign_in(ana.number)
        self.assertEqual((now, commits + 1), (self.last_login(), transactions.commits))
        room.began += 1
        self.accounts.note_sign_in(ana.number)
        self.assertEqual((now + 60, commits + 2), (self.last_login(), transactions.commits))

    def last_login(self) -> int | None:
        return self.accounts.named("ana").last_login

    async def test_while_one_is_being_written_no_other_is(self) -> None:
        """However slow the disk is."""
        room = await self.opened()
        ana = await room.account()
        first, transactions = int(room.clock.now()), room.store.transactions
        commits = transactions.commits
        transactions.holding = True
        for _ in range(3):
            self.accounts.note_sign_in(ana.number)
            room.began += 1
        self.assertEqual((1, None), (transactions.held, self.last_login()))
        transactions.let_go()
        self.assertEqual((first, commits + 1), (self.last_login(), transactions.commits))

    async def test_it_is_no_change_of_the_profile(self) -> None:
        """Nor anything that cuts somebody."""
        room = await self.opened()
        ana = await room.account()
        room.began += 90
        self.accounts.note_sign_in(ana.number)
        self.assertEqual((ana.updated, []), (self.accounts.named("ana").updated, self.told))

    async def test_what_cannot_be_noted_keeps_nobody_out(self) -> None:
        """A full disk, an account that is gone; and it is tried again."""
        room = await self.opened()
        ana = await room.account()
        room.store.transactions.failing = True
        self.accounts.note_sign_in(ana.number)
        self.accounts.note_sign_in(99)
        self.assertIsNone(self.last_login())
        room.store.transactions.failing = False
        self.accounts.note_sign_in(ana.number)
        self.assertIsNotNone(self.last_login())

    async def test_a_clock_that_was_set_back_is_believed(self) -> None:
        """It was wrong before; the next sign-in is the last."""
        room = await self.opened()
        ana = await room.account()
        self.accounts.note_sign_in(ana.number)
        room.began -= 1_000
        self.accounts.note_sign_in(ana.number)
        self.assertEqual(int(room.clock.now()), self.last_login())


class SecondFactorTests(AccountsCase):
    """What is kept of a second factor."""

    async def test_the_sealed_secret_is_kept_and_taken_away(self) -> None:
        """With the step that confirmed it, which is used by that; neither is shown."""
        room = await self.opened()
        ana = await room.account()
        made = await self.accounts.set_second_factor(ana.number, b"sealed", 5, by=COMMAND_LINE)
        self.assertEqual((b"sealed", 5), (made.totp, made.totp_step))
        self.assertNotIn("sealed", repr(made))
        self.assertEqual(made, room.store.accounts.rows[ana.number])
        gone = await self.accounts.set_second_factor(ana.number, None, None, by=COMMAND_LINE)
        self.assertEqual(ana, gone)

    async def test_what_goes_with_it_is_stored_in_the_same_commit(self) -> None:
        """Recovery codes are there as soon as they are needed."""
        room = await self.opened()
        ana = await room.account()
        stored: list[str] = []

        async def codes(tx: Transaction) -> None:
            stored.append(tx.dialect)

        commits = room.store.transactions.commits
        await self.accounts.set_second_factor(ana.number, b"s", 5, by=COMMAND_LINE, also=codes)
        self.assertEqual((["memory"], commits + 1), (stored, room.store.transactions.commits))

        async def broken(tx: Transaction) -> None:
            raise Unavailable(f"The disk of {tx.dialect} is full.")

        with self.assertRaises(Unavailable):
            await self.accounts.set_second_factor(
                ana.number, None, None, by=COMMAND_LINE, also=broken
            )
        self.assertEqual(b"s", self.accounts.named("ana").totp)

    async def test_each_step_is_used_once_and_never_an_older_one(self) -> None:
        """Whoever looks over a shoulder has half a minute; not with us [RFC 6238 5.2]."""
        room = await self.opened()
        ana = await room.account()
        await self.accounts.set_second_factor(ana.number, b"s", 5, by=COMMAND_LINE)
        for step in (5, 4):
            with self.assertRaises(Unauthenticated):
                await self.accounts.stepped(ana.number, step)
        await self.accounts.stepped(ana.number, 6)
        self.assertEqual(6, room.store.accounts.rows[ana.number].totp_step)
        with self.assertRaises(NotFound):
            await self.accounts.stepped(99, 7)

    async def test_two_who_show_the_same_code_at_once_are_one(self) -> None:
        """Both were right when they were checked."""
        room = await self.opened()
        ana = await room.account()
        room.store.transactions.holding = True
        both = [Deferred.fromCoroutine(self.accounts.stepped(ana.number, 9)) for _ in range(2)]
        room.store.transactions.let_go()
        await both[0]
        with self.assertRaises(Unauthenticated):
            await both[1]
