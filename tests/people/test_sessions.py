"""Browsers that are signed in."""

import hashlib

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from mytracks.errors import Unauthenticated, Unavailable
from mytracks.people.limits import DAY, Limits
from mytracks.people.sessions import Sessions, digest
from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import CHEAP, OTHER, Room

ANA, BEN = 1, 2
ONE_EACH = evolve(CHEAP, max_sessions_per_user=1)


class SessionsCase(TestCase):
    """A room whose time the test moves."""

    async def opened(self, limits: Limits = CHEAP) -> Sessions:
        """Sessions of a fresh room."""
        self.room = await Room(limits).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.sessions = self.room.people.sessions
        return self.sessions

    async def begin(self, user: int = ANA) -> str:
        """The token of a new session."""
        token, _ = await self.sessions.begin(user, "192.0.2.7", "Browser/1")
        return token

    def later(self, seconds: float) -> None:
        """Let time pass, without the sweep's many turns."""
        self.room.began += seconds


class LifeTests(SessionsCase):
    """From the sign-in to the end."""

    async def test_a_session_is_found_by_its_token_alone(self) -> None:
        """And survives a restart."""
        sessions = await self.opened()
        token, session = await sessions.begin(ANA, "192.0.2.7", "Browser/1" * 100)
        self.assertEqual(session, sessions.find(token))
        self.assertEqual((ANA, "192.0.2.7"), (session.user, session.address))
        self.assertEqual(300, len(session.agent))
        self.assertIsNone(sessions.find(token[:-1]))
        self.assertIsNone(sessions.find(""))
        self.assertIsNone(sessions.find("\ud800\xff"))
        again = await Room(store=self.room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        self.assertEqual(session, again.people.sessions.find(token))

    async def test_tokens_are_256_random_bits_of_which_only_a_hash_is_kept(self) -> None:
        """A stolen database opens no session [ASVS 5.0 7.2]."""
        await self.opened()
        tokens = {await self.begin() for _ in range(20)}
        self.assertEqual(20, len(tokens))
        self.assertEqual({43}, {len(token) for token in tokens})
        rows = self.room.store.web_sessions.rows
        self.assertEqual({hashlib.sha256(token.encode()).digest() for token in tokens}, set(rows))

    async def test_it_ends_a_week_after_it_was_last_seen(self) -> None:
        """Seven days, sliding."""
        sessions = await self.opened()
        token = await self.begin()
        self.later(7 * DAY - 1)
        self.assertIsNotNone(sessions.find(token))
        self.later(7 * DAY - 1)
        self.assertIsNotNone(sessions.find(token))
        self.later(7 * DAY)
        self.assertIsNone(sessions.find(token))

    async def test_it_ends_a_month_after_its_sign_in_however_much_it_is_used(self) -> None:
        """A stolen cookie must not live for ever."""
        sessions = await self.opened()
        token = await self.begin()
        for _ in range(29):
            self.later(DAY)
            self.assertIsNotNone(sessions.find(token))
        self.later(DAY)
        self.assertIsNone(sessions.find(token))

    async def test_being_seen_is_written_once_a_minute_at_most(self) -> None:
        """A page with twenty requests is not twenty commits."""
        sessions = await self.opened()
        token = await self.begin()
        before = self.room.store.transactions.commits
        for _ in range(10):
            self.later(59 / 10)
            sessions.find(token)
        self.assertEqual(before, self.room.store.transactions.commits)
        self.later(60)
        sessions.find(token)
        self.assertEqual(before + 1, self.room.store.transactions.commits)
        (row,) = self.room.store.web_sessions.rows.values()
        self.assertEqual(sessions.find(token), row)

    async def test_a_full_disk_signs_nobody_out(self) -> None:
        """Reading goes on; only the last use is not noted."""
        sessions = await self.opened()
        token = await self.begin()
        self.room.store.transactions.failing = True
        self.later(120)
        self.assertIsNotNone(sessions.find(token))

    async def test_what_cannot_be_stored_is_no_session(self) -> None:
        """The browser would be signed out by the next restart, without a reason."""
        sessions = await self.opened()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.begin()
        self.assertEqual([], sessions.of(ANA))

    async def test_expired_sessions_are_swept_from_the_store(self) -> None:
        """Rows of browsers that never come back would pile up."""
        sessions = await self.opened()
        await self.begin()
        self.later(8 * DAY)
        self.room.timers.advance(60 * 60)
        self.assertEqual({}, self.room.store.web_sessions.rows)
        self.assertEqual([], sessions.of(ANA))

    async def test_one_more_than_the_limit_ends_the_one_seen_longest_ago(self) -> None:
        """At the limit and one past it."""
        sessions = await self.opened(
            Limits(password_time_cost=1, password_memory_kib=8, max_sessions_per_user=2)
        )
        first = await self.begin()
        self.later(100)
        second = await self.begin()
        other = await self.begin(BEN)
        self.later(100)
        sessions.find(first)
        third = await self.begin()
        self.assertEqual(
            [True, False, True, True],
            [sessions.find(token) is not None for token in (first, second, third, other)],
        )
        self.assertEqual(3, len(self.room.store.web_sessions.rows))


class UnsetClockTests(SessionsCase):
    """A small computer begins at 1970, or at the day its system was made, until it is told."""

    async def opened(self, limits: Limits = CHEAP) -> Sessions:
        """Sessions of a room where nobody knows the date."""
        sessions = await super().opened(limits)
        self.room.began = 3600.0
        return sessions

    def set_clock(self) -> None:
        """The network tells the time."""
        self.room.began = 1_750_000_000.0

    async def test_setting_the_clock_signs_nobody_out(self) -> None:
        """Whoever made the first account would have to sign in again a minute later."""
        sessions = await self.opened()
        token = await self.begin()
        self.later(120)
        self.assertIsNotNone(sessions.find(token))
        self.set_clock()
        found = sessions.find(token)
        assert found is not None
        now = int(self.room.clock.now())
        self.assertEqual((now, now, now + 7 * DAY), (found.created, found.seen, found.expires))
        self.assertEqual([found], list(self.room.store.web_sessions.rows.values()))
        self.later(7 * DAY)
        self.assertIsNone(sessions.find(token))

    async def test_nor_when_the_server_starts_anew_in_between(self) -> None:
        """A machine is often restarted once more after it was set up."""
        await self.opened()
        token = await self.begin()
        again = await Room(store=self.room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        self.assertIsNotNone(again.people.sessions.find(token))

    async def test_a_session_that_nobody_uses_gets_its_end_as_well(self) -> None:
        """A stolen cookie must not live until the year 2100."""
        sessions = await self.opened()
        token = await self.begin()
        self.set_clock()
        self.room.timers.advance(60 * 60)
        self.later(7 * DAY)
        self.assertIsNone(sessions.find(token))

    async def test_a_clock_that_was_lost_signs_nobody_out_either(self) -> None:
        """The battery is empty: the machine starts at 1970 once more."""
        sessions = await self.opened()
        self.set_clock()
        token = await self.begin()
        self.room.began = 3600.0
        self.assertIsNotNone(sessions.find(token))
        self.room.timers.advance(60 * 60)
        self.set_clock()
        found = sessions.find(token)
        assert found is not None
        self.assertEqual(1_750_000_000, found.created)


class EndTests(SessionsCase):
    """Signed out, by oneself or by somebody else."""

    async def test_signing_out_ends_this_browser_only(self) -> None:
        """And for good: a copied cookie is worth nothing."""
        sessions = await self.opened()
        token, other = await self.begin(), await self.begin()
        await sessions.end(token)
        self.assertIsNone(sessions.find(token))
        self.assertIsNotNone(sessions.find(other))
        self.assertEqual(1, len(self.room.store.web_sessions.rows))
        await sessions.end(token)

    async def test_it_lets_nobody_in_while_it_is_being_ended(self) -> None:
        """Nor is it written once more after its removal."""
        sessions = await self.opened()
        token = await self.begin()
        self.later(120)
        self.room.store.transactions.holding = True
        ending = Deferred.fromCoroutine(sessions.end(token))
        self.assertIsNone(sessions.find(token))
        self.room.store.transactions.let_go()
        await ending
        self.assertEqual({}, self.room.store.web_sessions.rows)

    async def test_hanging_up_does_not_undo_it(self) -> None:
        """A browser that is closed right after the click on "sign out" is signed out."""
        sessions = await self.opened()
        told: list[bytes] = []
        sessions.watch(told.extend)
        token = await self.begin()
        self.later(120)
        self.room.store.transactions.holding = True
        ending = Deferred.fromCoroutine(sessions.end(token))
        ending.cancel()
        self.failureResultOf(ending, CancelledError)
        self.assertIsNone(sessions.find(token))
        self.room.store.transactions.let_go()
        self.assertIsNone(sessions.find(token))
        self.assertEqual({}, self.room.store.web_sessions.rows)
        self.assertEqual([digest(token)], told)

    async def test_hanging_up_on_a_sign_in_leaves_memory_as_the_store(self) -> None:
        """What it ended to make room lets nobody in, nor is it written once more."""
        sessions = await self.opened(ONE_EACH)
        token = await self.begin()
        self.later(120)
        self.room.store.transactions.holding = True
        beginning = Deferred.fromCoroutine(sessions.begin(ANA, "", ""))
        self.assertIsNone(sessions.find(token))
        beginning.cancel()
        self.failureResultOf(beginning, CancelledError)
        self.room.store.transactions.let_go()
        self.assertIsNone(sessions.find(token))
        rows = self.room.store.web_sessions.rows
        self.assertEqual(list(rows.values()), sessions.of(ANA))
        self.assertNotIn(digest(token), rows)

    async def test_a_sign_in_that_cannot_be_stored_ends_no_other(self) -> None:
        """The row of the one that would have made room is still there."""
        sessions = await self.opened(ONE_EACH)
        token = await self.begin()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.begin()
        self.assertIsNotNone(sessions.find(token))

    async def test_an_end_that_cannot_be_stored_is_told(self) -> None:
        """Whoever signs out must not believe it when a restart would undo it."""
        sessions = await self.opened()
        token = await self.begin()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await sessions.end(token)
        self.assertIsNotNone(sessions.find(token))

    async def test_a_changed_account_ends_all_its_sessions_in_the_same_commit(self) -> None:
        """A kill between two commits would leave the thief signed in."""
        sessions = await self.opened()
        accounts = self.room.people.accounts
        for change in ("password", "disable", "delete"):
            account = await self.room.account()
            tokens = [await self.begin(account.number) for _ in range(3)]
            ben = await self.begin(99)
            before = self.room.store.transactions.commits
            if change == "password":
                await accounts.set_password(account.number, OTHER, by=COMMAND_LINE)
            elif change == "disable":
                await accounts.disable(account.number, by=COMMAND_LINE)
            else:
                await accounts.delete(account.number, by=COMMAND_LINE)
            # What else an account had goes in commits of its own, after it.
            commits = 2 if change == "delete" else 1
            self.assertEqual(before + commits, self.room.store.transactions.commits)
            self.assertEqual([None] * 3, [sessions.find(token) for token in tokens])
            self.assertIsNotNone(sessions.find(ben))
            if change != "delete":
                self.assertEqual({99}, {s.user for s in self.room.store.web_sessions.rows.values()})
                await accounts.delete(account.number, by=COMMAND_LINE)

    async def test_a_sign_in_that_meets_a_change_of_the_password_is_no_session(self) -> None:
        """The password was right when it was checked, and is not any more."""
        await self.opened()
        account = await self.room.account()
        self.room.store.transactions.holding = True
        beginning = Deferred.fromCoroutine(self.sessions.begin(account.number, "", ""))
        changing = Deferred.fromCoroutine(
            self.room.people.accounts.disable(account.number, by=COMMAND_LINE)
        )
        self.room.store.transactions.let_go()
        with self.assertRaises(Unauthenticated):
            await beginning
        await changing
        self.assertEqual({}, self.room.store.web_sessions.rows)

    async def test_nor_is_one_that_begins_while_the_change_is_being_stored(self) -> None:
        """What let them in is good until then; it would be alive when the account is let in
        again."""
        await self.opened()
        account = await self.room.account()
        accounts, transactions = self.room.people.accounts, self.room.store.transactions
        transactions.holding = True
        changing = Deferred.fromCoroutine(accounts.disable(account.number, by=COMMAND_LINE))
        with self.assertRaises(Unauthenticated):
            await self.sessions.begin(account.number, "", "")
        transactions.let_go()
        await changing
        await accounts.enable(account.number, by=COMMAND_LINE)
        self.assertEqual([], list(self.sessions.of(account.number)))
        await self.sessions.begin(account.number, "", "")

    async def test_after_a_change_that_failed_sessions_begin_as_before(self) -> None:
        """The password is still what it was."""
        await self.opened()
        account = await self.room.account()
        self.room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.room.people.accounts.disable(account.number, by=COMMAND_LINE)
        self.room.store.transactions.failing = False
        token, _ = await self.sessions.begin(account.number, "", "")
        self.assertIsNotNone(self.sessions.find(token))
