"""Where one is signed in, told and ended by oneself; what ends when the account changes."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from mytracks.errors import NotFound, Unavailable
from mytracks.people.ports import Account, Factor, WebSession
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.sessions import digest
from mytracks.sharing.identity import COMMAND_LINE, Actor, Door, Principal
from tests.people.room import GOOD, HOME, OTHER, Room


class EndingCase(TestCase):
    """A room with ana and ben; what is told of sessions and revocations is noted."""

    async def opened(self) -> Room:
        """Both of them have no session yet."""
        self.room = await Room().open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.ana, self.ben = await self.room.account(), await self.room.account("ben")
        self.sessions = self.room.people.sessions
        self.ended: list[set[bytes]] = []
        self.sessions.watch(lambda digests: self.ended.append(set(digests)))
        self.told: list[Revocation] = []
        self.room.people.accounts.watch(self.told.append)
        self.by_ana = Actor(self.ana.number, "ana", HOME)
        return self.room

    async def begin(self, account: Account, agent: str = "") -> tuple[str, WebSession]:
        """One more browser of theirs."""
        return await self.sessions.begin(account.number, HOME, agent)

    def alive(self, *tokens: str) -> list[bool]:
        """Which of them let anybody in."""
        return [self.sessions.find(token) is not None for token in tokens]

    def noted(self) -> list[tuple[str, str, str, str]]:
        """What the audit log has of sessions."""
        return [
            (row.actor, row.action, row.what, row.detail)
            for row in self.room.store.audit.rows
            if row.action == "session.end"
        ]


class TellingTests(EndingCase):
    """What is known of a session."""

    async def test_a_session_knows_by_what_it_began(self) -> None:
        """So that what is delicate may ask for more; after a restart as well."""
        room = await self.opened()
        both = Factor.PASSWORD | Factor.TOTP
        token, session = await self.sessions.begin(self.ana.number, HOME, "", both)
        self.assertEqual(both, session.factors)
        again = await Room(store=room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        found = again.people.sessions.find(token)
        self.assertEqual(both, found.factors if found is not None else None)
        self.assertEqual(Factor.PASSWORD, (await self.begin(self.ana))[1].factors)

    async def test_a_session_has_a_name_that_opens_nothing(self) -> None:
        """It stands in pages and in the audit log."""
        await self.opened()
        token, session = await self.begin(self.ana)
        self.assertEqual(digest(token).hex()[:16], session.id)
        self.assertIsNone(self.sessions.find(session.id))
        _, other = await self.begin(self.ana)
        self.assertNotEqual(session.id, other.id)

    async def test_who_is_signed_in_by_a_browser_is_known_by_its_session(self) -> None:
        """So that a new password spares the page that sets it."""
        room = await self.opened()
        token, session = await self.begin(self.ana)
        who, _ = room.people.signin.session(token)
        self.assertEqual(session.token_hash, who.session)
        self.assertNotIn(session.token_hash.hex(), repr(who))
        self.assertNotIn(repr(session.token_hash), repr(who))


class EndingTests(EndingCase):
    """Ended by whoever they belong to."""

    async def test_one_of_them_is_ended_by_its_name(self) -> None:
        """The phone that was left in the train; told, noted and gone from the store."""
        room = await self.opened()
        (here, _), (lost, session) = await self.begin(self.ana), await self.begin(self.ana)
        await self.sessions.end_one(self.ana.number, session.id, self.by_ana)
        self.assertEqual([True, False], self.alive(here, lost))
        self.assertEqual([{session.token_hash}], self.ended)
        self.assertNotIn(session.token_hash, room.store.web_sessions.rows)
        self.assertEqual([("ana", "session.end", f"session:{session.id}", "")], self.noted())

    async def test_nobody_ends_what_is_not_theirs_or_not_there(self) -> None:
        """Told alike, whether somebody else has it or nobody."""
        await self.opened()
        token, session = await self.begin(self.ben)
        for name in (session.id, session.token_hash.hex(), "", "0" * 16, "\ud800"):
            with self.assertRaises(NotFound):
                await self.sessions.end_one(self.ana.number, name, self.by_ana)
        self.assertEqual([True], self.alive(token))
        self.assertEqual(([], []), (self.ended, self.noted()))

    async def test_all_others_are_ended_at_once(self) -> None:
        """In one commit; the neighbour's are none of them."""
        room = await self.opened()
        (here, session), (one, _), (two, _) = [await self.begin(self.ana) for _ in range(3)]
        bens, _ = await self.begin(self.ben)
        commits = room.store.transactions.commits
        await self.sessions.end_others(self.ana.number, session.token_hash, self.by_ana)
        self.assertEqual([True, False, False, True], self.alive(here, one, two, bens))
        self.assertEqual(commits + 1, room.store.transactions.commits)
        self.assertEqual([{digest(one), digest(two)}], self.ended)
        self.assertEqual([("ana", "session.end", "user:ana", "2 others")], self.noted())

    async def test_where_there_are_no_others_nothing_happens(self) -> None:
        """Nothing is stored, nobody is told."""
        room = await self.opened()
        token, session = await self.begin(self.ana)
        commits = room.store.transactions.commits
        await self.sessions.end_others(self.ana.number, session.token_hash, self.by_ana)
        self.assertEqual([True], self.alive(token))
        self.assertEqual(commits, room.store.transactions.commits)
        self.assertEqual(([], []), (self.ended, self.noted()))

    async def test_by_whom_no_session_is_kept_all_are_ended(self) -> None:
        """A script that came without one."""
        await self.opened()
        tokens = [(await self.begin(self.ana))[0] for _ in range(2)]
        await self.sessions.end_others(self.ana.number, None, self.by_ana)
        self.assertEqual([False, False], self.alive(*tokens))

    async def test_what_cannot_be_noted_is_not_ended(self) -> None:
        """Nor is anybody told."""
        room = await self.opened()
        token, session = await self.begin(self.ana)
        room.store.audit.trouble = Unavailable("The disk is full.")
        with self.assertRaises(Unavailable):
            await self.sessions.end_one(self.ana.number, session.id, self.by_ana)
        with self.assertRaises(Unavailable):
            await self.sessions.end_others(self.ana.number, None, self.by_ana)
        self.assertEqual([True], self.alive(token))
        self.assertEqual([], self.ended)

    async def test_whoever_hangs_up_loses_the_answer_and_not_the_end(self) -> None:
        """A page that is closed at once has ended it all the same."""
        room = await self.opened()
        token, session = await self.begin(self.ana)
        room.store.transactions.holding = True
        ending = Deferred.fromCoroutine(
            self.sessions.end_one(self.ana.number, session.id, self.by_ana)
        )
        self.assertEqual([False], self.alive(token))
        ending.cancel()
        self.failureResultOf(ending, CancelledError)
        room.store.transactions.let_go()
        self.assertEqual([{session.token_hash}], self.ended)


class AccountChangeTests(EndingCase):
    """What becomes of sessions when the account changes."""

    async def change_password(self, keep: bytes | None) -> None:
        """As ana."""
        await self.room.people.accounts.set_password(
            self.ana.number, OTHER, by=self.by_ana, keep=keep
        )

    async def test_a_new_password_keeps_the_session_that_set_it_and_no_other(self) -> None:
        """Nobody signs in again for having done the right thing; the thief is out."""
        room = await self.opened()
        (here, session), (thief, stolen) = [await self.begin(self.ana) for _ in range(2)]
        bens, _ = await self.begin(self.ben)
        await self.change_password(session.token_hash)
        self.assertEqual([True, False, True], self.alive(here, thief, bens))
        self.assertNotIn(stolen.token_hash, room.store.web_sessions.rows)
        (told,) = self.told
        self.assertEqual((Reason.PASSWORD, session.token_hash), (told.reason, told.spares))
        self.assertNotIn(repr(session.token_hash), repr(told))

    async def test_without_one_to_keep_all_go(self) -> None:
        """An administrator sets it; the hash of somebody else's keeps nothing."""
        await self.opened()
        for keep in (None, (await self.begin(self.ben))[1].token_hash):
            token, _ = await self.begin(self.ana)
            await self.change_password(keep)
            self.assertEqual([False], self.alive(token))

    async def test_a_session_that_is_kept_survives_a_failed_change_too(self) -> None:
        """And so do the others."""
        room = await self.opened()
        (here, session), (there, _) = [await self.begin(self.ana) for _ in range(2)]
        room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.change_password(session.token_hash)
        self.assertEqual([True, True], self.alive(here, there))

    async def test_a_disabled_account_has_no_session_left(self) -> None:
        """Nor gets one back when it is enabled again."""
        await self.opened()
        tokens = [(await self.begin(self.ana))[0] for _ in range(2)]
        accounts = self.room.people.accounts
        await accounts.disable(self.ana.number, by=COMMAND_LINE)
        await accounts.enable(self.ana.number, by=COMMAND_LINE)
        self.assertEqual([False, False], self.alive(*tokens))

    async def test_who_is_demoted_stays_signed_in_as_what_they_are_now(self) -> None:
        """Nothing of an administrator's is open to them any more, from this moment on."""
        room = await self.opened()
        root = await room.account("root", admin=True)
        await room.account("other", admin=True)
        token, _ = await self.begin(root)
        self.assertTrue(room.people.signin.session(token)[0].admin)
        await room.people.accounts.demote(root.number, by=COMMAND_LINE)
        self.assertFalse(room.people.signin.session(token)[0].admin)


class CoverTests(EndingCase):
    """Whom a revocation concerns."""

    async def test_it_covers_what_it_revokes_and_nothing_else(self) -> None:
        """A token stays good when the password is changed, and the other way round."""
        await self.opened()

        def who(**members: object) -> Principal:
            known = {"user": 1, "name": "ana", "admin": False, "door": Door.MQTT}
            return Principal(**{**known, **members})  # type: ignore[arg-type]

        everybody = {
            "account": who(),
            "admin": who(admin=True),
            "page": who(door=Door.WEB, session=b"here"),
            "other page": who(door=Door.WEB, session=b"there"),
            "phone": who(device="phone"),
            "token": who(token=7),
            "other token": who(token=8),
            "certificate": who(certificate=b"c"),
            "other certificate": who(certificate=b"d"),
            "ben": who(user=2, name="ben", admin=True, token=7, certificate=b"c", session=b"here"),
        }
        of_ana = set(everybody) - {"ben"}
        by_password = {"account", "admin", "page", "other page"}
        expected: list[tuple[Revocation, set[str]]] = [
            (Revocation(1, "ana", Reason.DISABLED), of_ana),
            (Revocation(1, "ana", Reason.DELETED), of_ana),
            (Revocation(1, "ana", Reason.PASSWORD), by_password),
            (Revocation(1, "ana", Reason.PASSWORD, spares=b"here"), by_password - {"page"}),
            (Revocation(1, "ana", Reason.DEVICE_PASSWORD, "phone"), {"phone"}),
            (Revocation(1, "ana", Reason.DEMOTED), {"admin"}),
            (Revocation(1, "ana", Reason.TOKEN, token=7), {"token"}),
            (Revocation(1, "ana", Reason.TOKEN), set()),
        ]
        for revocation, names in expected:
            covered = {name for name, each in everybody.items() if revocation.covers(each)}
            self.assertEqual(names, covered, revocation)
        self.assertEqual(set(Reason), {revocation.reason for revocation, _ in expected})

    async def test_a_password_that_somebody_typed_is_the_password(self) -> None:
        """As it is known at the door."""
        await self.opened()
        who = await self.room.sign_in("ana", GOOD)
        self.assertTrue(Revocation(self.ana.number, "ana", Reason.PASSWORD).covers(who))
