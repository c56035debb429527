"""API tokens: for some scopes, for a time, revoked at once."""

import hashlib

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from mytracks.people import device_passwords
from mytracks.people.limits import Limits
from mytracks.people.revocations import Reason, Revocation
from mytracks.people.tokens import IssuedToken, read, read_scopes, write, written_scopes
from mytracks.people.written import Shown
from mytracks.sharing.identity import COMMAND_LINE, Actor, Door, Principal, Scope
from tests.people.room import CHEAP, HOME, Room

ANA = Actor(1, "ana", HOME)
READ = frozenset({Scope.READ})
SECRET = "abcdefghijklmnopqrstuvwxyz234567"


class FormTests(SynchronousTestCase):
    """`mt_u_<id>_<secret>_<check>` with 160 random bits, five in a letter."""

    def test_what_is_written_can_be_read(self) -> None:
        """And a device password is no token, nor the other way round."""
        text = write(3, SECRET)
        self.assertTrue(text.startswith("mt_u_3_"))
        self.assertEqual(Shown(3, SECRET), read(text))
        self.assertIsNone(device_passwords.read(text))
        self.assertIsNone(read(device_passwords.write(3, SECRET[:26])))

    def test_one_mistyped_letter_is_noticed(self) -> None:
        """Without a look into the table."""
        text = write(3, SECRET)
        for place in range(len(text)):
            other = "3" if text[place] != "3" else "4"
            self.assertIsNone(read(text[:place] + other + text[place + 1 :]), place)

    def test_what_strangers_send_is_none_of_ours(self) -> None:
        """Whatever it is."""
        for text in ("", "mt_u_", "x" * 10_000, "mt_u_1_é_x", "\ud800", "mt_u_" + "9" * 30):
            self.assertIsNone(read(text))


class ScopesTests(SynchronousTestCase):
    """Names of scopes."""

    def test_they_are_written_in_one_order_and_read_back(self) -> None:
        """Whatever the order they came in."""
        self.assertEqual(
            "ingest,read,command,admin,read:metrics", written_scopes(list(reversed(Scope)))
        )
        self.assertEqual(frozenset(Scope), read_scopes([scope.value for scope in Scope]))

    def test_an_unknown_one_is_named(self) -> None:
        """With those that there are."""
        with self.assertRaises(Invalid) as caught:
            read_scopes(["read", "everything"])
        self.assertEqual(["scopes"], list(caught.exception.errors))
        self.assertIn("'everything'", str(caught.exception))


class TokensCase(TestCase):
    """A room with `ana`, and `boss`, who is an administrator."""

    async def opened(self, limits: Limits = CHEAP) -> Room:
        """The room, opened."""
        self.room = await Room(limits).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.room.close()))
        self.tokens = self.room.people.tokens
        self.ana = await self.room.account()
        self.boss = await self.room.account("boss", admin=True)
        self.told: list[Revocation] = []
        self.room.people.revocations.watch(self.told.append)
        return self.room

    async def issue(
        self, name: str = "script", scopes: frozenset[Scope] = READ, expires: int | None = None
    ) -> IssuedToken:
        """A token of ana's."""
        return await self.tokens.issue(self.ana, name, scopes, expires, by=ANA)

    def now(self) -> int:
        """The date."""
        return int(self.room.clock.now())

    async def bearer(self, issued: IssuedToken, door: Door = Door.HTTP) -> Principal:
        """Who is let in by it."""
        return await self.room.people.signin.bearer(issued.text, door=door, address=HOME)

    async def assert_out(self, issued: IssuedToken) -> None:
        """Nobody is let in by it."""
        with self.assertRaises(Unauthenticated):
            await self.bearer(issued)


class IssuingTests(TokensCase):
    """A token is made."""

    async def test_it_is_made_once_and_only_its_hash_is_kept(self) -> None:
        """160 random bits need no slow hash [ASVS 5.0 6.5.2]."""
        room = await self.opened()
        issued = await self.issue(" home screen ", frozenset({Scope.READ, Scope.INGEST}))
        shown = read(issued.text)
        assert shown is not None
        self.assertEqual(32, len(shown.secret))
        (row,) = room.store.tokens.rows.values()
        self.assertEqual(hashlib.sha256(shown.secret.encode()).digest(), row.secret_hash)
        self.assertEqual("home screen", row.name)
        self.assertNotIn(shown.secret, repr((issued, row, shown)))
        self.assertEqual([row], self.tokens.of(self.ana.number))

    async def test_it_is_still_good_after_a_restart(self) -> None:
        """With its scopes and its dates."""
        room = await self.opened()
        issued = await self.issue(expires=self.now() + 60)
        again = await Room(store=room.store).open()
        self.addCleanup(lambda: Deferred.fromCoroutine(again.close()))
        self.assertEqual([issued.token], again.people.tokens.of(self.ana.number))
        await again.people.signin.bearer(issued.text, door=Door.HTTP, address=HOME)

    async def test_what_is_wrong_is_named(self) -> None:
        """Each field that is."""
        await self.opened()
        for name, scopes, expires, wrong in (
            ("", READ, None, ["name"]),
            ("x" * 101, READ, None, ["name"]),
            ("a\nb", READ, None, ["name"]),
            ("a\0", READ, None, ["name"]),
            ("ok", frozenset[Scope](), None, ["scopes"]),
            ("ok", READ, self.now(), ["expires_at"]),
            ("ok", READ, 10**15, ["expires_at"]),
            (" ", frozenset[Scope](), -1, ["name", "scopes", "expires_at"]),
        ):
            with self.assertRaises(Invalid) as caught:
                await self.issue(name, scopes, expires)
            self.assertEqual(wrong, list(caught.exception.errors))
        self.assertEqual([], self.tokens.all())

    async def test_only_administrators_hold_some_scopes(self) -> None:
        """Contract 6."""
        await self.opened()
        for scope in (Scope.ADMIN, Scope.METRICS):
            with self.assertRaises(Forbidden):
                await self.issue(scopes=frozenset({Scope.READ, scope}))
            await self.tokens.issue(self.boss, "ok", frozenset({scope}), None, by=ANA)

    async def test_their_number_is_bounded_and_expired_ones_make_room(self) -> None:
        """A script that makes one each time it runs must not fill the table."""
        room = await self.opened(evolve(CHEAP, max_tokens_per_user=2))
        first = await self.issue("first", expires=self.now() + 10)
        second = await self.issue("second")
        with self.assertRaises(Conflict):
            await self.issue("third")
        await self.tokens.issue(self.boss, "other", READ, None, by=ANA)
        room.timers.advance(10)
        third = await self.issue("third")
        names = [token.name for token in self.tokens.of(self.ana.number)]
        self.assertEqual(["third", "second"], names)
        self.assertNotIn(first.token.number, room.store.tokens.rows)
        await self.bearer(second)
        await self.bearer(third)

    async def test_making_and_revoking_are_noted_with_what_was_done(self) -> None:
        """In the same commit; never the secret."""
        room = await self.opened()
        before = room.store.transactions.commits
        issued = await self.issue()
        await self.tokens.revoke(self.ana.number, issued.token.number, by=ANA)
        self.assertEqual(before + 2, room.store.transactions.commits)
        noted = [row for row in room.store.audit.rows if row.action.startswith("token.")]
        self.assertEqual(["token.add", "token.revoke"], [row.action for row in noted])
        self.assertEqual({f"token:{issued.token.number}"}, {row.what for row in noted})
        self.assertEqual("script: read, of ana", noted[0].detail)
        self.assertEqual({("ana", 1, HOME)}, {(e.actor, e.actor_number, e.address) for e in noted})
        self.assertNotIn(issued.text, repr(room.store.audit.rows))

    async def test_on_a_full_disk_there_is_no_new_token_and_the_old_ones_work(self) -> None:
        """What is not stored is not handed out; only the last use is not noted."""
        room = await self.opened()
        issued = await self.issue()
        room.store.transactions.failing = True
        with self.assertRaises(Unavailable):
            await self.issue("other")
        with self.assertRaises(Unavailable):
            await self.tokens.revoke(self.ana.number, issued.token.number, by=ANA)
        await self.bearer(issued)
        self.assertEqual([issued.token.number], [t.number for t in self.tokens.all()])


class UsingTests(TokensCase):
    """A token is shown at a door."""

    async def test_it_tells_who_comes_and_for_what(self) -> None:
        """Within its scopes and no further."""
        room = await self.opened()
        before = room.people.hashing.runs
        issued = await self.issue(scopes=frozenset({Scope.READ, Scope.COMMAND}))
        who = await self.bearer(issued)
        expected = Principal(
            self.ana.number,
            "ana",
            False,
            Door.HTTP,
            scopes=frozenset({Scope.READ, Scope.COMMAND}),
            token=issued.token.number,
        )
        self.assertEqual(expected, who)
        self.assertEqual(HOME, who.address)
        allowed = [scope for scope in Scope if who.may(scope)]
        self.assertEqual([Scope.READ, Scope.COMMAND], allowed)
        self.assertEqual(before, room.people.hashing.runs)

    async def test_an_administrators_token_is_one_while_they_are(self) -> None:
        """Checked at each use, not only when it was made."""
        room = await self.opened()
        scopes = frozenset({Scope.READ, Scope.ADMIN, Scope.METRICS})
        issued = await self.tokens.issue(self.boss, "t", scopes, None, by=ANA)
        plain = await self.tokens.issue(self.boss, "t", READ, None, by=ANA)
        who = await self.bearer(issued)
        self.assertTrue(who.admin and who.may(Scope.ADMIN) and who.may(Scope.METRICS))
        self.assertFalse((await self.bearer(plain)).admin)
        await room.account("other", admin=True)
        await room.people.accounts.demote(self.boss.number, by=COMMAND_LINE)
        self.assertTrue(any(each.covers(who) for each in self.told))
        now = await self.bearer(issued)
        self.assertFalse(now.admin or now.may(Scope.ADMIN) or now.may(Scope.METRICS))
        self.assertTrue(now.may(Scope.READ))

    async def test_a_revoked_one_is_out_at_once_and_whoever_came_by_it_is_cut(self) -> None:
        """And nobody else is."""
        await self.opened()
        lost, kept = await self.issue("lost"), await self.issue("kept")
        by_lost, by_kept = await self.bearer(lost), await self.bearer(kept)
        await self.tokens.revoke(self.ana.number, lost.token.number, by=ANA)
        await self.assert_out(lost)
        await self.bearer(kept)
        (told,) = self.told
        self.assertEqual((Reason.TOKEN, "ana"), (told.reason, told.name))
        self.assertTrue(told.covers(by_lost))
        self.assertFalse(told.covers(by_kept))
        self.assertFalse(told.covers(await self.room.sign_in()))

    async def test_somebody_elses_token_cannot_be_revoked(self) -> None:
        """Not found, as if it was not there."""
        await self.opened()
        issued = await self.issue()
        for user, number in ((self.boss.number, issued.token.number), (self.ana.number, 99)):
            with self.assertRaises(NotFound):
                await self.tokens.revoke(user, number, by=ANA)
        await self.bearer(issued)

    async def test_an_expired_one_is_out_and_whoever_came_by_it_is_cut(self) -> None:
        """Within a quarter of a minute; told once. It stays listed."""
        room = await self.opened()
        issued = await self.issue(expires=self.now() + 60)
        who = await self.bearer(issued)
        room.timers.pump([15.0] * 3)
        self.assertEqual([], self.told)
        await self.bearer(issued)
        room.timers.pump([15.0] * 4)
        await self.assert_out(issued)
        (told,) = self.told
        self.assertTrue(told.covers(who))
        (listed,) = self.tokens.of(self.ana.number)
        self.assertTrue(self.tokens.expired(listed))

    async def test_a_disabled_account_is_out_until_it_is_enabled(self) -> None:
        """At every door."""
        room = await self.opened()
        issued = await self.issue()
        await room.people.accounts.disable(self.ana.number, by=COMMAND_LINE)
        await self.assert_out(issued)
        await room.people.accounts.enable(self.ana.number, by=COMMAND_LINE)
        await self.bearer(issued)

    async def test_a_deleted_accounts_tokens_are_gone(self) -> None:
        """Also from the list."""
        room = await self.opened()
        issued = await self.issue()
        await room.people.accounts.delete(self.ana.number, by=COMMAND_LINE)
        await self.assert_out(issued)
        self.assertEqual([], self.tokens.all())

    async def test_a_wrong_secret_or_number_opens_nothing(self) -> None:
        """The number alone is no secret."""
        await self.opened()
        issued = await self.issue()
        shown = read(issued.text)
        assert shown is not None
        for text in (write(shown.number, SECRET), write(shown.number + 1, shown.secret), "", "x"):
            with self.assertRaises(Unauthenticated):
                await self.room.people.signin.bearer(text, door=Door.HTTP, address=HOME)

    async def test_its_use_is_noted_once_a_minute_at_most(self) -> None:
        """Scripts call again and again."""
        room = await self.opened()
        issued = await self.issue()
        before = room.store.transactions.commits
        for _ in range(5):
            await self.bearer(issued)
        self.assertEqual(before + 1, room.store.transactions.commits)
        room.timers.advance(60)
        await self.bearer(issued)
        self.assertEqual(before + 2, room.store.transactions.commits)
        (row,) = room.store.tokens.rows.values()
        self.assertEqual(self.now(), row.last_used)
        self.assertEqual(self.now(), self.tokens.of(self.ana.number)[0].last_used)
