"""Authorities: one signs, the ones before stay trusted until they are ended."""

from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, Invalid, NotFound, Unavailable
from mytracks.pki import certificates, revocation
from mytracks.pki.ports import AuthorityState, KeyKind
from tests.pki import elsewhere
from tests.pki.memory import MemoryStore
from tests.pki.room import ADMIN, ANA, BEGAN, PKICase, Room, begun, certificate, serials


def states(room: Room) -> list[AuthorityState]:
    """Newest first."""
    return [each.state for each in room.pki.authorities.all()]


class MakingTests(PKICase):
    """A new authority."""

    async def test_it_signs_and_has_an_empty_list_from_the_first_moment(self) -> None:
        """Without a list nobody would get in."""
        room = await self.opened()
        made = await room.authority("Family")
        self.assertEqual(made, room.pki.authorities.active())
        self.assertEqual([], serials(room.pki.lists.der()))
        self.assertEqual((1, 1), (room.pki.lists.number(), made.crl_number))
        trusted = room.pki.trust.now
        (anchor,), (listed,) = trusted.anchors, trusted.lists
        self.assertEqual(made.fingerprint, certificates.fingerprint(anchor))
        revocation.check(listed, anchor)
        self.assertTrue(trusted.strict_profile and trusted.strict_lists)
        self.assertEqual(
            [("root", "pki.ca.create", f"certificate:{made.serial:x}", made.subject)],
            room.store.audit.entries,
        )

    async def test_it_is_there_after_a_restart(self) -> None:
        """And its list was signed anew."""
        first = await self.furnished()
        made = first.pki.authorities.active()
        assert made is not None
        again = await self.opened(first.store)
        read = again.pki.authorities.active()
        assert read is not None
        self.assertEqual((made.fingerprint, 2), (read.fingerprint, read.crl_number))
        self.assertEqual(2, again.pki.lists.number())
        self.assertEqual(1, len(again.pki.trust.now.anchors))

    async def test_two_of_one_name_never_share_their_name(self) -> None:
        """OpenSSL would look into the wrong one's list."""
        room = await self.opened()
        one, two = await room.authority("CA"), await room.authority("CA")
        self.assertNotEqual(one.subject, two.subject)
        self.assertEqual("CA", certificates.part(two.subject))

    async def test_its_key_is_stored_sealed_only(self) -> None:
        """For its own row."""
        room = await self.opened()
        made = await room.authority()
        assert made.sealed_key is not None
        self.assertIn(f"authority/{made.fingerprint.hex()}/key".encode(), made.sealed_key)
        self.assertNotIn("sealed", repr(made))
        key = room.pki.book._keys.of(made)
        self.assertIsInstance(key, ec.EllipticCurvePrivateKey)

    async def test_odd_wishes_are_refused(self) -> None:
        """With the field that is wrong."""
        room = await self.opened()
        for name, days, field in (
            ("", 10, "common_name"),
            ("x" * 65, 10, "common_name"),
            ("a\nb", 10, "common_name"),
            ("CA", 0, "validity_days"),
            ("CA", 36_501, "validity_days"),
        ):
            error = await self.assertFailure(self.creating(room, name, days), Invalid)
            self.assertEqual([field], list(error.errors))
        longest = await room.authority("x" * 64, days=36_500)
        self.assertEqual(36_500 * 86400, longest.not_after - longest.not_before)

    async def test_none_is_made_while_the_clock_was_never_set(self) -> None:
        """It would have expired before anybody sees it."""
        room = await self.opened(began=1000.0)
        error = await self.assertFailure(self.creating(room, "CA", 10), Unavailable)
        self.assertIn("1970", str(error))
        room.offset = BEGAN
        await room.authority()

    def creating(self, room: Room, name: str, days: int) -> Deferred[Any]:
        return begun(room.pki.authorities.create(name, days, key=KeyKind.P256, by=ADMIN))


class EndingTests(PKICase):
    """From one authority to the next."""

    async def test_the_old_ones_clients_come_in_until_it_is_ended(self) -> None:
        """Nobody is locked out by a new authority, and everybody by the end of the old one."""
        room = await self.furnished()
        leaf = await room.client()
        old = room.pki.authorities.active()
        assert old is not None
        new = await room.authority("Next")
        self.assertEqual([AuthorityState.ACTIVE, AuthorityState.TRUSTED], states(room))
        trusted = room.pki.trust.now
        self.assertEqual(
            [new.fingerprint, old.fingerprint],
            [certificates.fingerprint(each) for each in trusted.anchors],
        )
        self.assertEqual(2, len(trusted.lists))
        self.assertIsNotNone(room.pki.clients.holder(leaf.fingerprint))
        told = room.told
        await room.pki.authorities.deactivate(old.number, by=ADMIN)
        self.assertEqual(told + 1, room.told)
        self.assertEqual((1, 1), (len(room.pki.trust.now.anchors), len(room.pki.trust.now.lists)))
        self.assertIsNone(room.pki.clients.holder(leaf.fingerprint))
        self.assertEqual("its authority was ended", room.pki.clients.why_not(leaf))

    async def test_a_client_of_the_old_one_is_put_on_the_old_ones_list(self) -> None:
        """Each list is its own authority's."""
        room = await self.furnished()
        leaf = await room.client()
        old = room.pki.authorities.active()
        assert old is not None
        await room.authority("Next")
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        of_old = room.pki.lists.of(old.number)
        assert of_old is not None
        self.assertEqual([leaf.serial], serials(of_old.der))
        self.assertEqual([], serials(room.pki.lists.der()))

    async def test_it_ends_once(self) -> None:
        """And is deleted only then, with all that it signed."""
        room = await self.furnished()
        leaf = await room.client()
        made = room.pki.authorities.active()
        assert made is not None
        early = room.pki.authorities.expunge(made.number, by=ADMIN)
        await self.assertFailure(early, Conflict)
        await room.pki.authorities.deactivate(made.number, by=ADMIN)
        await self.assertFailure(room.pki.authorities.deactivate(made.number, by=ADMIN), Conflict)
        self.assertIsNone(room.pki.lists.der())
        await room.pki.authorities.expunge(made.number, by=ADMIN)
        self.assertEqual(([], []), (room.pki.authorities.all(), room.pki.clients.all()))
        self.assertIsNone(room.pki.clients.holder(leaf.fingerprint))
        await self.assertFailure(room.pki.authorities.expunge(made.number, by=ADMIN), NotFound)
        self.assertEqual(
            ["pki.ca.create", "pki.client.issue", "pki.ca.deactivate", "pki.ca.expunge"],
            room.store.audit.actions(),
        )

    async def test_it_is_not_deleted_while_its_server_certificate_is_shown(self) -> None:
        """Deleting it would take the certificate along."""
        room = await self.furnished()
        server = await room.server()
        made = room.pki.authorities.active()
        assert made is not None
        await room.pki.authorities.deactivate(made.number, by=ADMIN)
        self.assertEqual(server, room.pki.servers.active())
        await self.assertFailure(room.pki.authorities.expunge(made.number, by=ADMIN), Conflict)
        await room.pki.servers.deactivate(server.number, by=ADMIN)
        await room.pki.authorities.expunge(made.number, by=ADMIN)
        self.assertEqual([], room.pki.servers.all())

    async def test_an_expired_one_anchors_nobody(self) -> None:
        """As OpenSSL would have it, too."""
        room = await self.opened()
        await room.authority(days=10)
        await room.days_later(11)
        await room.authority("Next")
        self.assertEqual(1, len(room.pki.trust.now.anchors))

    async def test_its_end_is_told_in_time(self) -> None:
        """A successor has to be carried to every phone."""
        room = await self.opened()
        await room.authority(days=100)
        await room.days_later(9)
        self.assertEqual([], room.pki.problems())
        await room.days_later(2)
        self.assertIn("My Tracks CA ends on 2027-03-04", " ".join(room.pki.problems()))
        await room.days_later(90)
        self.assertIn("has expired", " ".join(room.pki.problems()))
        await room.authority("Next")
        self.assertEqual([], room.pki.problems())


class BringingTests(PKICase):
    """One that was made elsewhere."""

    async def test_it_signs_from_now_on_and_what_it_lacks_is_told(self) -> None:
        """The original's authorities may pose as clients."""
        room = await self.furnished()
        root = elsewhere.authority("My Tracks CA")
        brought = await room.pki.authorities.bring(
            elsewhere.pem(root), elsewhere.key_pem(root, "secret"), "secret", by=ADMIN
        )
        self.assertEqual([AuthorityState.ACTIVE, AuthorityState.TRUSTED], states(room))
        told = " ".join(room.pki.authorities.lacks(brought.number))
        self.assertIn("digitalSignature", told)
        self.assertFalse(room.pki.trust.now.strict_profile)
        leaf = await room.client()
        certificate(leaf).verify_directly_issued_by(root.certificate)
        self.assertIsNotNone(room.pki.clients.holder(leaf.fingerprint))
        again = begun(
            room.pki.authorities.bring(elsewhere.pem(root), elsewhere.key_pem(root), by=ADMIN)
        )
        await self.assertFailure(again, Conflict)

    async def test_two_of_the_very_same_name_are_not_trusted_at_once(self) -> None:
        """The original proposes one name for all; without key identifiers the wrong list counts."""
        room = await self.opened()
        one, two = elsewhere.authority("My Tracks CA"), elsewhere.authority("My Tracks CA")
        first = await room.pki.authorities.bring(
            elsewhere.pem(one), elsewhere.key_pem(one), by=ADMIN
        )
        second = (elsewhere.pem(two), elsewhere.key_pem(two))
        error = await self.assertFailure(
            begun(room.pki.authorities.bring(*second, by=ADMIN)), Conflict
        )
        self.assertIn("same name", str(error))
        await room.pki.authorities.deactivate(first.number, by=ADMIN)
        await room.pki.authorities.bring(*second, by=ADMIN)
        self.assertEqual([AuthorityState.ACTIVE, AuthorityState.ENDED], states(room))

    async def test_nobody_gets_in_by_what_it_signed_before(self) -> None:
        """Only certificates that we know do: bring them, too."""
        room = await self.opened()
        root = elsewhere.authority("CA")
        await room.pki.authorities.bring(elsewhere.pem(root), elsewhere.key_pem(root), by=ADMIN)
        client = elsewhere.client("ana", root)
        mark = certificates.fingerprint(client.certificate)
        self.assertIsNone(room.pki.clients.holder(mark))
        leaf = await room.pki.clients.bring(ANA, elsewhere.pem(client), by=ADMIN)
        holder = room.pki.clients.holder(mark)
        assert holder is not None
        self.assertEqual((ANA, leaf.number), (holder.user, holder.number))

    async def test_one_whose_key_was_given_up_gets_it_back(self) -> None:
        """It signs again, and first its list: of whoever was revoked meanwhile."""
        first = await self.opened()
        root = elsewhere.authority("CA", days=(-1, 365))
        files = (elsewhere.pem(root), elsewhere.key_pem(root))
        brought = await first.pki.authorities.bring(*files, by=ADMIN)
        leaf = await first.client()
        rows = first.store.authorities.rows
        lost = evolve(rows[brought.number], sealed_key=None, state=AuthorityState.TRUSTED)
        rows[brought.number] = lost
        room = await self.opened(first.store)
        await room.authority("Another")
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        await room.days_later(0.01)
        again = await room.pki.authorities.bring(*files, by=ADMIN)
        self.assertEqual(brought.number, again.number)
        self.assertEqual([AuthorityState.TRUSTED, AuthorityState.ACTIVE], states(room))
        await room.days_later(0.01)
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))
        self.assertEqual([], room.pki.problems())
        rows[brought.number] = evolve(lost, state=AuthorityState.ENDED)
        ended = await self.opened(first.store)
        await self.assertFailure(begun(ended.pki.authorities.bring(*files, by=ADMIN)), Conflict)

    async def test_ours_lack_nothing(self) -> None:
        """What we tell of others we keep to."""
        room = await self.furnished()
        made = room.pki.authorities.active()
        assert made is not None
        self.assertEqual([], room.pki.authorities.lacks(made.number))


class FaultTests(PKICase):
    """What goes wrong while one is made."""

    async def test_what_cannot_be_stored_is_not_there(self) -> None:
        """Neither in memory nor for TLS; nobody is told."""
        store = MemoryStore()
        room = await self.opened(store)
        store.transactions.failing = True
        told = room.told
        await self.assertFailure(begun(room.authority()), Unavailable)
        self.assertEqual(([], told), (room.pki.authorities.all(), room.told))
        self.assertEqual((), room.pki.trust.now.anchors)

    async def test_nobody_is_told_before_it_is_durable(self) -> None:
        """Speak after the commit."""
        store = MemoryStore()
        room = await self.opened(store)
        store.transactions.holding = True
        making = begun(room.authority())
        while not store.transactions.held:
            await room.pki.signing.sign(lambda: None)
        self.assertIsNone(room.pki.authorities.active())
        store.transactions.let_go()
        made = await making
        self.assertEqual(made, room.pki.authorities.active())

    async def test_whoever_hangs_up_loses_the_answer_only(self) -> None:
        """Memory never lags behind what is stored."""
        store = MemoryStore()
        room = await self.opened(store)
        store.transactions.holding = True
        making = begun(room.authority())
        while not store.transactions.held:
            await room.pki.signing.sign(lambda: None)
        making.addErrback(lambda _: None)
        making.cancel()
        store.transactions.let_go()
        self.assertIsNotNone(room.pki.authorities.active())

    async def test_a_certificate_that_nobody_can_read_is_no_certificate(self) -> None:
        """Told by its field."""
        room = await self.opened()
        bringing = begun(room.pki.authorities.bring(b"?", b"?", by=ADMIN))
        error = await self.assertFailure(bringing, Invalid)
        self.assertEqual(["certificate"], list(error.errors))
