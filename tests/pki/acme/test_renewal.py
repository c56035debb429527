"""One public certificate: fetched, renewed in time, and kept whatever goes wrong."""

from attrs import evolve

from mytracks.errors import Conflict
from mytracks.pki.acme.limits import Limits
from mytracks.pki.acme.ports import OrderFailed
from mytracks.pki.ports import ServerState, Source, Use
from tests.pki import lab
from tests.pki.acme.room import ASKED, LIFE, NAME, ACMECase, FakeAuthority
from tests.pki.room import ADMIN

HOUR = 3600.0


class FirstTests(ACMECase):
    """Where there is none."""

    async def test_without_a_directory_nobody_is_asked(self) -> None:
        """Not even made; and there is nothing to tell."""
        renewal = await self.renewal(Limits())
        self.assertEqual(0, self.asked_for)
        self.assertFalse(renewal.state().on)
        self.assertEqual([], renewal.problems())
        with self.assertRaises(Conflict):
            await renewal.try_now(by=ADMIN)

    async def test_one_is_fetched_at_the_start_for_the_web(self) -> None:
        """MQTT goes on with what it has."""
        renewal = await self.renewal()
        found = self.shown()
        self.assertEqual((Use.WEB, (NAME,)), (found.use, found.names))
        state = renewal.state()
        self.assertEqual((found.number, found.not_after), (state.certificate, state.ends))
        self.assertEqual((0, "", "", False), (state.failures, state.error, state.alarm, False))
        actions = self.room.store.audit.actions()
        self.assertEqual(["pki.server.import", "pki.acme.issue"], actions)
        self.assertIsNone(self.room.pki.trust.now.identity(Use.MQTT))

    async def test_for_mqtt_it_is_for_everywhere(self) -> None:
        """And the one for the web alone, of before, is in nobody's way."""
        renewal = await self.renewal()
        store = self.room.store
        await renewal.close()
        await self.renewal(evolve(ASKED, for_mqtt=True), store)
        active = [s for s in self.room.pki.servers.all() if s.state is ServerState.ACTIVE]
        self.assertEqual([Use.EVERYWHERE], [each.use for each in active])

    async def test_the_public_host_is_the_name_where_none_is_set(self) -> None:
        """One setting less."""
        await self.renewal(evolve(ASKED, names=()), public_host="maps.example.test")
        self.assertEqual(("maps.example.test",), self.shown().names)

    async def test_without_any_name_it_says_so_and_asks_nobody(self) -> None:
        """That is for an administrator to see."""
        renewal = await self.renewal(evolve(ASKED, names=()))
        self.assertEqual(0, self.asked_for)
        (problem,) = renewal.problems()
        self.assertIn("public_url", problem)
        with self.assertRaises(Conflict):
            await renewal.try_now(by=ADMIN)
        self.flushLoggedErrors()

    async def test_proofs_are_there_while_they_are_looked_at_and_then_no_more(self) -> None:
        """Whatever becomes of the order."""
        seen: list[str | None] = []
        renewal = await self.renewal()
        self.authority.while_proving = lambda: seen.append(self.challenges.answer("token2"))
        self.authority.trouble = OrderFailed("no", over=True)
        await self.later(renewal, days=80)
        self.assertEqual(["token2.thumb"], seen)
        self.assertIsNone(self.challenges.answer("token2"))

    async def test_a_clock_that_was_never_set_fetches_nothing(self) -> None:
        """It would be a certificate of another time."""
        renewal = await self.renewal()
        before = len(self.authority.began)
        self.room.offset = -self.room.began
        renewal._progress.next_try = 0
        await self.later(renewal)
        self.assertEqual(before, len(self.authority.began))


class DueTests(ACMECase):
    """When the next one is fetched."""

    async def test_at_two_thirds_of_its_life_where_nobody_suggests_a_time(self) -> None:
        """Not before."""
        renewal = await self.renewal()
        first = self.shown()
        await self.later(renewal, days=LIFE * 2 / 3 - 1)
        self.assertEqual(first, self.shown())
        await self.later(renewal, days=1.1)
        self.assertNotEqual(first.fingerprint, self.shown().fingerprint)
        self.assertEqual(2, len(self.authority.chains))

    async def test_when_the_authority_suggests(self) -> None:
        """It may have to revoke ours tomorrow."""
        renewal = await self.renewal()
        first = self.shown()
        self.authority.suggested = self.room.clock.now() + 86_400
        await self.later(renewal, seconds=7 * HOUR)
        self.assertEqual(first, self.shown())
        self.assertEqual(int(self.authority.suggested), renewal.state().renews)
        self.authority.suggested = None
        await self.later(renewal, days=1)
        self.assertEqual(first, self.shown(), "it thinks otherwise by now")
        self.authority.suggested = self.room.clock.now() - 1
        await self.later(renewal, seconds=7 * HOUR)
        self.assertNotEqual(first.fingerprint, self.shown().fingerprint)

    async def test_a_suggestion_never_lets_it_expire(self) -> None:
        """However late it is."""
        renewal = await self.renewal()
        first = self.shown()
        self.authority.suggested = self.room.clock.now() + 10 * LIFE * 86_400
        await self.later(renewal, days=LIFE * 0.9 + 0.1)
        self.assertNotEqual(first.fingerprint, self.shown().fingerprint)

    async def test_the_authority_is_asked_as_often_as_it_says(self) -> None:
        """Within reason: neither at each look, nor never again."""
        renewal = await self.renewal()
        for _ in range(5):
            await self.later(renewal, seconds=HOUR)
        self.assertEqual(1, self.authority.questions)
        self.authority.ask_again = 1e9
        await self.later(renewal, seconds=6 * HOUR)
        await self.later(renewal, days=1.1)
        self.assertEqual(3, self.authority.questions)

    async def test_nobody_renews_within_an_hour_whatever_is_suggested(self) -> None:
        """An authority that wants each renewed at once would be asked for ever."""
        renewal = await self.renewal()
        self.authority.suggested = 1.0
        for _ in range(4):
            await self.later(renewal, seconds=600)
        self.assertEqual(1, len(self.authority.chains))
        await self.later(renewal, seconds=1300)
        self.assertEqual(2, len(self.authority.chains))

    async def test_other_names_and_another_authority_make_another_one(self) -> None:
        """Whoever changes a setting waits for nothing; a trial's certificate is worth nothing."""
        for changed in (
            evolve(ASKED, names=(NAME, "maps.example.test")),
            evolve(ASKED, directory="https://other.example.test/dir"),
            evolve(ASKED, profile="shortlived"),
        ):
            renewal = await self.renewal()
            first, store = self.shown(), self.room.store
            await renewal.close()
            await self.renewal(changed, store)
            self.assertNotEqual(first.fingerprint, self.shown().fingerprint)

    async def test_the_same_after_a_restart_makes_none(self) -> None:
        """Authorities count."""
        renewal = await self.renewal()
        first, store = self.shown(), self.room.store
        await renewal.close()
        again = await self.renewal(store=store)
        await self.later(again, seconds=2 * HOUR)
        self.assertEqual(first.fingerprint, self.shown().fingerprint)
        self.assertEqual([], self.authority.began)

    async def test_what_has_expired_is_forgotten_with_its_key(self) -> None:
        """Ten a year would pile up."""
        renewal = await self.renewal()
        for _ in range(3):
            await self.later(renewal, days=LIFE * 0.7)
        fetched = [s for s in self.room.pki.servers.all() if s.source is Source.ACME]
        self.assertEqual(2, len(fetched))

    async def test_one_order_at_a_time(self) -> None:
        """However long it takes, and whoever asks for another."""
        authority = FakeAuthority(lambda: 0.0)
        authority.holding = True
        renewal = await self.renewal(authority=authority)
        for _ in range(3):
            renewal.look()
            await self.later(renewal, seconds=2 * HOUR)
        self.assertTrue(renewal.state().running)
        self.assertEqual(1, len(authority.began))
        with self.assertRaises(Conflict):
            await renewal.try_now(by=ADMIN)


class FailingTests(ACMECase):
    """Whatever goes wrong."""

    async def broken(self, over: bool = True) -> FakeAuthority:
        """An authority that says no."""
        authority = FakeAuthority(lambda: self.room.clock.now())
        authority.trouble = OrderFailed("the port is shut", over=over)
        return authority

    async def test_it_is_told_with_the_reason_and_when_it_is_tried_again(self) -> None:
        """At once, and audited once for a series."""
        renewal = await self.renewal(authority=await self.broken())
        state = renewal.state()
        self.assertEqual((1, "the port is shut"), (state.failures, state.error))
        assert state.next_try is not None
        self.assertAlmostEqual(self.room.clock.now() + HOUR, state.next_try, delta=5)
        self.assertIn("the port is shut", state.alarm)
        self.assertEqual([state.alarm], renewal.problems())
        self.assertIn("tried again at", state.alarm)
        await self.later(renewal, seconds=2 * HOUR)
        self.assertEqual(2, renewal.state().failures)
        self.assertEqual(["pki.acme.fail"], self.room.store.audit.actions())

    async def test_each_failure_doubles_the_wait_up_to_a_day(self) -> None:
        """Nobody is hammered."""
        renewal = await self.renewal(authority=await self.broken())
        waits = []
        for _ in range(8):
            wait = renewal._progress.next_try - self.room.clock.now()
            waits.append(round(wait / HOUR))
            await self.later(renewal, seconds=wait)
        self.assertEqual([1, 2, 4, 8, 16, 24, 24, 24], waits)

    async def test_the_wait_is_kept_over_a_restart(self) -> None:
        """Somebody who restarts in a loop would soon be turned away."""
        renewal = await self.renewal(authority=await self.broken())
        store = self.room.store
        await renewal.close()
        again = await self.renewal(store=store)
        self.assertEqual(0, len(self.authority.began))
        self.assertEqual((1, "the port is shut"), (again.state().failures, again.state().error))
        await self.later(again, seconds=2 * HOUR)
        self.assertEqual("", again.state().alarm)
        self.assertIsNotNone(self.current())

    async def test_the_old_one_is_shown_and_its_end_is_told(self) -> None:
        """What works is not touched."""
        renewal = await self.renewal()
        first = self.shown()
        self.authority.trouble = OrderFailed("down")
        await self.later(renewal, days=LIFE * 0.7)
        self.assertEqual(first, self.shown())
        self.assertIn("ends on", renewal.state().alarm)
        self.authority.trouble = None
        await self.later(renewal, seconds=2 * HOUR)
        self.assertNotEqual(first.fingerprint, self.shown().fingerprint)
        self.assertEqual("", renewal.state().alarm)

    async def test_with_a_third_of_its_life_left_that_is_told(self) -> None:
        """Though nothing failed: it should have been renewed by now."""
        renewal = await self.renewal()
        renewal._progress.next_try = 1e12
        await self.later(renewal, days=LIFE * 0.7)
        self.assertIn("not renewed yet", renewal.state().alarm)

    async def test_an_order_that_was_broken_off_is_gone_on_with(self) -> None:
        """By the same account; where it is of no use any more, with a new one."""
        renewal = await self.renewal(authority=await self.broken(over=False))
        store = self.room.store
        await renewal.close()
        again = await self.renewal(store=store)
        self.authority.trouble = OrderFailed("never", over=True)
        await self.later(again, seconds=2 * HOUR)
        account, pending = self.authority.began[0]
        assert account is not None
        assert pending is not None
        self.assertEqual(("acct/1", "order/1"), (account.uri, pending.uri))
        await self.later(again, seconds=3 * HOUR)
        self.assertIsNone(self.authority.began[1][1])

    async def test_an_account_elsewhere_is_not_shown_to_this_authority(self) -> None:
        """Nor an order."""
        renewal = await self.renewal(authority=await self.broken(over=False))
        store = self.room.store
        await renewal.close()
        other = evolve(ASKED, directory="https://other.example.test/dir")
        await self.renewal(other, store)
        self.assertEqual((None, None), self.authority.began[0])

    async def test_a_certificate_that_is_here_already_is_success(self) -> None:
        """We were broken off between showing it and writing that down."""
        renewal = await self.renewal()
        chain = self.authority.chains[0]
        self.authority.sends = chain
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        self.assertEqual("", renewal.state().error)

    async def test_what_is_no_certificate_is_told(self) -> None:
        """Authorities err, too."""
        renewal = await self.renewal()
        for wrong in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            self.authority.sends = wrong
            await renewal.try_now(by=ADMIN)
            await self.quiet(renewal)
            self.assertIn("no certificate", renewal.state().error)
        self.assertIsNotNone(self.current())

    async def test_a_certificate_for_less_than_was_ordered_is_not_shown(self) -> None:
        """Nor is one that has ended: with each try a new order is made."""
        renewal = await self.renewal()
        first = self.shown()
        self.authority.sends = lab.make(NAME, purposes=lab.SERVER, names=["other.example.test"]).pem
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        self.assertIn(f"is not for {NAME}", renewal.state().error)
        self.authority.sends = lab.make(NAME, purposes=lab.SERVER, names=[NAME]).pem
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        self.assertIn("cannot be used", renewal.state().error)
        self.assertIsNone(renewal._progress.order)
        self.assertEqual(first, self.shown())

    async def test_a_mistake_of_ours_ends_no_later_try(self) -> None:
        """It is logged, and told."""
        renewal = await self.renewal()
        self.authority.trouble = ZeroDivisionError("ours")
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        self.assertIn("mistake", renewal.state().error)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.authority.trouble = None
        await self.later(renewal, seconds=2 * HOUR)
        self.assertEqual("", renewal.state().error)

    async def test_a_store_that_is_full_shows_nothing_half_done(self) -> None:
        """And the proofs are closed."""
        renewal = await self.renewal()
        first = self.shown()
        self.room.store.transactions.failing = True
        self.room.offset += LIFE * 0.7 * 86_400
        renewal.look()
        await self.quiet(renewal)
        self.assertEqual(first, self.shown())
        self.assertIn("full", renewal.state().error)
        self.room.store.transactions.failing = False

    async def test_whoever_corrects_a_setting_does_not_wait(self) -> None:
        """Where the challenge was the trouble, or the name."""
        renewal = await self.renewal(authority=await self.broken())
        store = self.room.store
        await renewal.close()
        again = await self.renewal(evolve(ASKED, challenge="tls-alpn-01"), store)
        self.assertEqual("", again.state().alarm)
        self.assertIsNotNone(self.current())


class NowTests(ACMECase):
    """An administrator who does not want to wait."""

    async def test_it_is_fetched_due_or_not_and_noted(self) -> None:
        """Who asked, too."""
        renewal = await self.renewal()
        first = self.shown()
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        self.assertNotEqual(first.fingerprint, self.shown().fingerprint)
        entries = self.room.store.audit.entries
        self.assertIn(("root", "pki.acme.try", f"acme:{NAME}", ""), entries)


class EndTests(ACMECase):
    """Stopping."""

    async def test_it_waits_for_nobody(self) -> None:
        """And answers nothing any more."""
        authority = FakeAuthority(lambda: 0.0)
        authority.holding = True
        renewal = await self.renewal(authority=authority)
        self.assertIsNotNone(self.challenges.answer("token1"))
        await renewal.close()
        self.assertTrue(authority.closed)
        self.assertIsNone(self.challenges.answer("token1"))
        self.assertFalse(renewal.state().running)
