"""Revocation lists: never lapsing, growing numbers, and revoked all the same where none can be
signed."""

import threading

from attrs import evolve
from cryptography import x509

from mytracks.errors import Unavailable
from mytracks.pki import revocation
from mytracks.pki.limits import DAY, Limits
from mytracks.pki.ports import AuthorityState, KeyKind, Reason
from mytracks.pki.revocation import BACKDATED
from tests.pki.memory import MemoryStore
from tests.pki.room import ADMIN, BEN, PKICase, Room, begun, serials


def ends(room: Room) -> int:
    """Until when the list is good that TLS uses, UTC seconds."""
    (made,) = room.pki.trust.now.lists
    return revocation.ends(made)


class AgeTests(PKICase):
    """Re-signed daily, at the start, and when the clock was set back."""

    async def test_it_is_signed_anew_every_day(self) -> None:
        """Good for thirty days each time, whether anybody was revoked or not."""
        room = await self.furnished()
        first, number = ends(room), room.pki.lists.number()
        self.assertEqual(int(room.clock.now()) + 30 * DAY, first)
        await room.days_later(0.999)
        self.assertEqual(number, room.pki.lists.number())
        await room.days_later(0.001)
        self.assertEqual(int(room.clock.now()) + 30 * DAY, ends(room))
        assert number is not None
        self.assertEqual(number + 1, room.pki.lists.number())

    async def test_it_does_not_lapse_in_a_year(self) -> None:
        """Every day of it is covered."""
        room = await self.furnished()
        for _ in range(365):
            await room.days_later(1)
            self.assertGreater(ends(room) - room.clock.now(), 29 * DAY)

    async def test_a_start_signs_it_anew(self) -> None:
        """The machine may have been off for months."""
        first = await self.furnished()
        again = await self.opened(first.store, began=first.began + 90 * DAY)
        self.assertEqual(int(again.clock.now()) + 30 * DAY, ends(again))
        self.assertEqual([], again.pki.problems())

    async def test_a_clock_that_was_set_back_locks_nobody_out_for_long(self) -> None:
        """A list of tomorrow is good for nobody today."""
        room = await self.furnished()
        await room.days_later(2)
        number = room.pki.lists.number()
        await room.days_later(-2)
        made = room.pki.lists.active()
        assert made is not None
        assert number is not None
        self.assertEqual((number + 1, True), (made.number, made.this_update <= room.clock.now()))

    async def test_a_clock_that_was_never_set_dates_no_list(self) -> None:
        """It would be out of force as soon as the clock is set; who is revoked meanwhile stands
        on one that is good then."""
        first = await self.furnished()
        leaf = await first.client()
        good = ends(first)
        again = await self.opened(first.store, began=1000.0)
        self.assertEqual(good, ends(again))
        await again.days_later(2)
        self.assertEqual(good, ends(again))
        await again.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertEqual(good, ends(again))
        self.assertEqual([leaf.serial], serials(again.pki.lists.der()))
        again.offset = first.began - again.began
        self.assertEqual([], again.pki.problems())

    async def test_it_is_dated_a_little_back(self) -> None:
        """For clocks that lag."""
        room = await self.furnished()
        made = room.pki.lists.active()
        assert made is not None
        self.assertEqual(int(room.clock.now()) - BACKDATED, made.this_update)

    async def test_a_lapse_is_told_before_it_comes(self) -> None:
        """Whatever kept us from signing."""
        room = await self.furnished()
        room.store.seal.missing = True
        await room.days_later(1)
        self.assertIn("could not be signed", " ".join(room.pki.problems()))
        await room.days_later(22.9)
        self.assertIn("ends in 6 days", " ".join(room.pki.problems()))
        await room.days_later(7)
        self.assertIn("has lapsed", " ".join(room.pki.problems()))
        room.store.seal.missing = False
        await room.days_later(0)
        self.assertEqual([], room.pki.problems())

    async def test_of_an_authority_whose_key_was_given_up_the_last_one_stays(self) -> None:
        """It is told until when; whoever is revoked meanwhile is kept out all the same."""
        first = await self.furnished()
        leaf, other = await first.client(), await first.client(BEN, "ben")
        good, rows = ends(first), first.store.authorities.rows
        rows[1] = evolve(rows[1], sealed_key=None, state=AuthorityState.TRUSTED)
        again = await self.opened(first.store)
        await again.days_later(2)
        self.assertEqual(good, ends(again))
        await again.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertIsNone(again.pki.clients.holder(leaf.fingerprint))
        self.assertIsNotNone(again.pki.clients.holder(other.fingerprint))
        (told,) = again.pki.problems()
        self.assertIn("the key of My Tracks CA was given up", told)
        self.assertEqual([], self.flushLoggedErrors())
        await again.days_later(30)
        self.assertIn("has lapsed", " ".join(again.pki.problems()))


class FormTests(PKICase):
    """What is downloaded."""

    async def test_it_says_since_when_and_why(self) -> None:
        """Not since it was signed last."""
        room = await self.furnished()
        leaf = await room.client()
        revoked = await room.pki.clients.revoke(leaf.number, Reason.KEY_COMPROMISE, by=ADMIN)
        await room.days_later(5)
        ((entry,),) = room.pki.trust.now.lists
        self.assertEqual(revoked.revoked, int(entry.revocation_date_utc.timestamp()))
        why = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        self.assertEqual(x509.ReasonFlags.key_compromise, why)

    async def test_it_is_given_as_pem_and_der(self) -> None:
        """The same list."""
        room = await self.furnished()
        leaf = await room.client()
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        pem, der = room.pki.lists.pem(), room.pki.lists.der()
        assert pem is not None
        assert der is not None
        self.assertEqual(x509.load_pem_x509_crl(pem), x509.load_der_x509_crl(der))

    async def test_without_an_authority_there_is_none(self) -> None:
        """Neither form."""
        room = await self.opened()
        lists = room.pki.lists
        self.assertEqual((None, None, None), (lists.pem(), lists.der(), lists.number()))

    async def test_leniency_is_told_to_tls(self) -> None:
        """The emergency setting of `[pki]`."""
        room = await self.furnished(limits=Limits(strict_crl=False))
        self.assertFalse(room.pki.trust.now.strict_lists)


class FaultTests(PKICase):
    """A revocation never waits for a list."""

    async def test_it_is_revoked_though_no_list_can_be_signed(self) -> None:
        """The book is the first wall; the list comes as soon as it can."""
        room = await self.furnished()
        leaf = await room.client()
        room.store.seal.missing = True
        told = room.told
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertEqual(told + 1, room.told)
        self.assertIsNone(room.pki.clients.holder(leaf.fingerprint))
        self.assertEqual([], serials(room.pki.lists.der()))
        self.assertEqual("pki.client.revoke", room.store.audit.actions()[-1])
        room.store.seal.missing = False
        await room.days_later(0)
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))

    async def test_a_revocation_waits_for_no_key_in_the_making(self) -> None:
        """Signatures have a thread of their own."""
        room = await self.furnished()
        leaf = await room.client()
        free = threading.Event()
        slow = [room.pki.signing.slowly(free.wait) for _ in range(3)]
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))
        free.set()
        for each in slow:
            await each

    async def test_too_many_keys_at_once_are_refused(self) -> None:
        """At the limit, and one past it; the rest goes on."""
        room = await self.furnished(limits=Limits(max_waiting=2))
        free = threading.Event()
        slow = [room.pki.signing.slowly(free.wait) for _ in range(2)]
        await self.assertFailure(begun(room.client()), Unavailable)
        free.set()
        for each in slow:
            await each
        await room.client()

    async def test_too_many_signatures_at_once_cost_no_revocation(self) -> None:
        """Its list is owed."""
        room = await self.furnished(limits=Limits(max_waiting=2))
        leaf = await room.client()
        free = threading.Event()
        signing = [room.pki.signing.sign(free.wait) for _ in range(2)]
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertIsNone(room.pki.clients.holder(leaf.fingerprint))
        free.set()
        for each in signing:
            await each
        await room.days_later(0)
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))

    async def test_what_cannot_be_stored_is_not_revoked_and_says_so(self) -> None:
        """And the number that was meant for its list is used for the next."""
        store = MemoryStore()
        room = await self.opened(store)
        await room.authority()
        leaf = await room.client()
        number = room.pki.lists.number()
        store.transactions.failing = True
        await self.assertFailure(room.pki.clients.revoke(leaf.number, by=ADMIN), Unavailable)
        self.assertIsNotNone(room.pki.clients.holder(leaf.fingerprint))
        store.transactions.failing = False
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        assert number is not None
        self.assertEqual(number + 1, room.pki.lists.number())

    async def test_a_list_that_was_tampered_with_is_not_used(self) -> None:
        """A wrong one would lock out everybody unseen."""
        room = await self.furnished()
        other = await self.furnished()
        theirs = other.store.revocation_lists.rows[1]
        room.store.revocation_lists.rows[1] = theirs
        room.store.seal.missing = True
        again = await self.opened(room.store)
        self.assertEqual((), again.pki.trust.now.lists)

    async def test_one_watchers_mistake_costs_the_others_nothing(self) -> None:
        """It is logged."""
        room = await self.opened()
        told: list[int] = []
        room.pki.trust.watch(lambda: 1 // 0)
        room.pki.trust.watch(lambda: told.append(room.pki.trust.generation))
        await room.authority()
        self.assertEqual([room.pki.trust.generation], told)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_a_stop_refuses_who_waits(self) -> None:
        """And joins its threads."""
        before = set(threading.enumerate())
        room = Room()
        await room.pki.open()
        await room.settled()
        free = threading.Event()
        slow = room.pki.signing.slowly(free.wait)
        waiting = begun(room.authority())
        free.set()
        await room.pki.close()
        await self.assertFailure(waiting, Unavailable)
        await self.assertFailure(slow, Unavailable)
        ours = set(threading.enumerate()) - before
        self.assertEqual([], [t.name for t in ours if t.name.startswith("keys-")])
        with self.assertRaises(Unavailable):
            room.pki.signing.make_key(KeyKind.P256)

    async def test_who_is_refused_at_the_stop_and_tries_again_is_refused_again(self) -> None:
        """Else nobody would ever answer."""
        room = Room()
        await room.pki.open()
        free = threading.Event()
        slow = [room.pki.signing.slowly(free.wait) for _ in range(2)]
        again = slow[1].addErrback(lambda _: room.pki.signing.slowly(free.wait))
        free.set()
        await room.pki.close()
        await self.assertFailure(slow[0], Unavailable)
        await self.assertFailure(again, Unavailable)


class ResealingTests(PKICase):
    """So that an old key of the ring can go."""

    async def test_every_key_is_sealed_anew_and_still_read(self) -> None:
        """One after the other; none is left behind."""
        room = await self.furnished()
        leaf = await room.client()
        await room.server()
        room.store.seal.mark = b"2"
        seen: list[tuple[int, int]] = []
        done = await room.pki.resealing.run(lambda *at: seen.append(at))
        self.assertEqual((3, [(1, 3), (2, 3), (3, 3)]), (done, seen))
        store = room.store
        for rows in (store.authorities.rows, store.leaves.rows, store.server_certificates.rows):
            for row in rows.values():
                assert row.sealed_key is not None
                self.assertEqual(b"2", row.sealed_key[:1])
        again = await self.opened(store)
        await again.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertEqual([leaf.serial], serials(again.pki.lists.der()))
