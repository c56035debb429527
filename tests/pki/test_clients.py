"""Client certificates: given, superseded, revoked, expunged; and whom they let in."""

from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID

from mytracks.errors import Conflict, Invalid, NotFound, Unavailable
from mytracks.pki import bundles, certificates
from mytracks.pki.bundles import Format
from mytracks.pki.limits import DAY, Limits
from mytracks.pki.ports import Leaf, Reason
from mytracks.sharing.identity import Device
from tests.pki import elsewhere
from tests.pki.room import ADMIN, ANA, BEN, PKICase, Room, begun, certificate, serials

PHONE = Device(3, ANA, "ana", "phone")
PASSWORD = "long enough"


def held(room: Room, leaf: Leaf) -> int | None:
    """Whom it lets in."""
    holder = room.pki.clients.holder(leaf.fingerprint)
    return holder.user if holder is not None else None


def request(key: Any) -> bytes:
    """A request that asks for much."""
    builder = CertificateSigningRequestBuilder().subject_name(elsewhere.name("root"))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


class IssuingTests(PKICase):
    """A new certificate."""

    async def test_it_lets_its_user_in_and_nobody_else(self) -> None:
        """By its fingerprint, from the commit on."""
        room = await self.furnished()
        leaf = await room.client()
        other = await room.client(BEN, "ben")
        self.assertEqual((ANA, BEN), (held(room, leaf), held(room, other)))
        self.assertIsNone(room.pki.clients.holder(b"?" * 32))
        self.assertEqual([leaf], room.pki.clients.of(ANA))
        self.assertEqual([other, leaf], room.pki.clients.all())
        self.assertEqual(certificates.fingerprint(certificate(leaf)), leaf.fingerprint)
        self.assertEqual(leaf, room.pki.clients.with_serial(leaf.serial))
        self.assertEqual("ana", certificates.part(leaf.subject))
        self.assertEqual(bundles.pem(certificate(leaf)), room.pki.clients.pem(leaf.number))

    async def test_it_is_rsa_and_good_for_two_years_where_nobody_says_otherwise(self) -> None:
        """What old phones take."""
        room = await self.furnished()
        leaf = await room.pki.clients.issue(ANA, "ana", by=ADMIN)
        self.assertEqual(("rsa", 2048), (leaf.key_type, leaf.key_size))
        self.assertEqual(730 * DAY, leaf.not_after - leaf.not_before)
        self.assertEqual(3600, leaf.created - leaf.not_before)

    async def test_the_one_before_is_revoked_at_once(self) -> None:
        """A lost phone is locked out by making another; the list says why."""
        room = await self.furnished()
        first, told = await room.client(), room.told
        second = await room.client()
        self.assertEqual((None, ANA), (held(room, first), held(room, second)))
        self.assertEqual([first.serial], serials(room.pki.lists.der()))
        self.assertEqual(Reason.SUPERSEDED, room.pki.clients.numbered(first.number).reason)
        self.assertEqual(told + 1, room.told)
        self.assertEqual(
            ["pki.client.issue", "pki.client.supersede"], room.store.audit.actions()[-2:]
        )

    async def test_a_device_has_one_of_its_own(self) -> None:
        """A new one for the phone leaves the account's as it is."""
        room = await self.furnished()
        whole = await room.client()
        first = await room.client(device=PHONE)
        second = await room.client(device=PHONE)
        self.assertEqual((ANA, None, ANA), tuple(held(room, e) for e in (whole, first, second)))
        self.assertEqual(PHONE.number, second.device)
        self.assertIn("OU=phone", second.subject)

    async def test_it_may_outlive_its_successor_by_some_days(self) -> None:
        """Time to carry the new one to the phone; then it is revoked by itself."""
        room = await self.furnished()
        first = await room.client()
        await room.client(grace_days=3)
        self.assertEqual((ANA, []), (held(room, first), serials(room.pki.lists.der())))
        await room.days_later(2.9)
        self.assertEqual(ANA, held(room, first))
        told, at = room.told, room.offset
        room.offset += 0.2 * DAY
        self.assertIsNone(held(room, first))
        room.offset = at
        await room.days_later(0.2)
        self.assertIsNone(held(room, first))
        self.assertEqual([first.serial], serials(room.pki.lists.der()))
        self.assertGreater(room.told, told)

    async def test_a_second_successor_grants_no_more_grace(self) -> None:
        """Whoever asks again and again would keep the first for ever."""
        room = await self.furnished()
        first = await room.client()
        await room.client(grace_days=3)
        await room.days_later(2)
        await room.client(grace_days=3)
        await room.days_later(1.1)
        self.assertIsNone(held(room, first))

    async def test_odd_wishes_are_refused(self) -> None:
        """With the field that is wrong."""
        room = await self.furnished()
        for days, grace, field in (
            (0, 0, "validity_days"),
            (1827, 0, "validity_days"),
            (9, 91, "grace_days"),
        ):
            issuing = begun(room.client(days=days, grace_days=grace))
            error = await self.assertFailure(issuing, Invalid)
            self.assertEqual([field], list(error.errors))
        await room.client(days=1, grace_days=90)
        longest = await room.client(days=1826)
        self.assertEqual(1826 * DAY, longest.not_after - longest.not_before)

    async def test_without_an_authority_there_is_none(self) -> None:
        """Neither after it was ended, nor on its last day."""
        room = await self.opened()
        await self.assertFailure(begun(room.client()), Conflict)
        made = await room.authority(days=10)
        leaf = await room.client(days=700)
        self.assertEqual(made.not_after, leaf.not_after)
        await room.days_later(9.5)
        await self.assertFailure(begun(room.client()), Conflict)

    async def test_none_is_made_while_the_clock_was_never_set(self) -> None:
        """A computer without a battery."""
        room = await self.furnished()
        room.offset = -room.began
        await self.assertFailure(begun(room.client()), Unavailable)

    async def test_a_serial_that_was_given_before_is_tried_again(self) -> None:
        """The database refuses the second; the person notices nothing."""
        given = iter((5, 5, 6))
        room = await self.furnished(serial=lambda: next(given))
        first, second = await room.client(), await room.client(BEN, "ben")
        self.assertEqual((5, 6), (first.serial, second.serial))
        self.assertEqual((ANA, BEN), (held(room, first), held(room, second)))

    async def test_a_source_of_one_serial_only_is_an_error(self) -> None:
        """It is not tried for ever."""
        room = await self.furnished(serial=lambda: 5)
        await room.client()
        await self.assertFailure(begun(room.client(BEN, "ben")), Conflict)
        self.assertEqual([], room.pki.clients.of(BEN))

    async def test_there_are_so_many_at_most(self) -> None:
        """At the limit, and one past it."""
        room = await self.furnished(limits=Limits(max_certificates=2))
        await room.client()
        await room.client(BEN, "ben")
        await self.assertFailure(begun(room.client(9, "cleo")), Conflict)

    async def test_a_key_need_never_come_here(self) -> None:
        """Of a request only the key is taken: not the name, not what it wants to be."""
        room = await self.furnished()
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = await room.pki.clients.certify(ANA, "ana", request(key), by=ADMIN)
        self.assertIsNone(leaf.sealed_key)
        self.assertEqual(key.public_key(), certificate(leaf).public_key())
        self.assertEqual("ana", certificates.part(leaf.subject))
        self.assertEqual(ANA, held(room, leaf))
        bundling = begun(room.pki.clients.bundle(leaf.number, PASSWORD, Format.P12, by=ADMIN))
        await self.assertFailure(bundling, Conflict)
        for bad in (b"?", request(elsewhere.weak())):
            asking = begun(room.pki.clients.certify(ANA, "ana", bad, by=ADMIN))
            error = await self.assertFailure(asking, Invalid)
            self.assertEqual(["request"], list(error.errors))


class BringingTests(PKICase):
    """One that was made elsewhere."""

    async def test_only_what_may_be_a_clients_is_taken(self) -> None:
        """OpenSSL alone would take one without a purpose."""
        room = await self.opened()
        root = elsewhere.authority("CA")
        await room.pki.authorities.bring(elsewhere.pem(root), elsewhere.key_pem(root), by=ADMIN)
        purpose = (ExtendedKeyUsageOID.SERVER_AUTH,)
        for bad in (
            elsewhere.client("ana", root, purposes=()),
            elsewhere.client("ana", root, purposes=purpose),
            elsewhere.client("ana", root, days=(-9, -1)),
            elsewhere.client("ana", root, days=(1, 2)),
            elsewhere.client("ana", root, key=elsewhere.weak()),
            elsewhere.client("ana", root, key_usage=elsewhere.usage(False, True, False)),
            elsewhere.client("ana", elsewhere.authority("CA")),
            root,
        ):
            bringing = begun(room.pki.clients.bring(ANA, elsewhere.pem(bad), by=ADMIN))
            error = await self.assertFailure(bringing, Invalid)
            self.assertEqual(["certificate"], list(error.errors))

    async def test_it_comes_with_or_without_its_key(self) -> None:
        """And only once."""
        room = await self.opened()
        root = elsewhere.authority("CA")
        await room.pki.authorities.bring(elsewhere.pem(root), elsewhere.key_pem(root), by=ADMIN)
        one = elsewhere.client("ana", root)
        text, key = elsewhere.pem(one), elsewhere.key_pem(one, "pw")
        leaf = await room.pki.clients.bring(ANA, text, key, "pw", by=ADMIN)
        self.assertEqual(ANA, held(room, leaf))
        await room.pki.clients.bundle(leaf.number, PASSWORD, Format.PEM, by=ADMIN)
        again = begun(room.pki.clients.bring(BEN, text, by=ADMIN))
        await self.assertFailure(again, Conflict)


class RevokingTests(PKICase):
    """Out, and on the list."""

    async def test_it_lets_nobody_in_and_stands_on_the_list(self) -> None:
        """In one commit with its entry in the audit log; the others notice nothing."""
        room = await self.furnished()
        leaf, other = await room.client(), await room.client(BEN, "ben")
        commits, told, number = room.store.transactions.commits, room.told, room.pki.lists.number()
        await room.pki.clients.revoke(leaf.number, Reason.KEY_COMPROMISE, by=ADMIN)
        self.assertEqual((commits + 1, told + 1), (room.store.transactions.commits, room.told))
        self.assertEqual((None, BEN), (held(room, leaf), held(room, other)))
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))
        assert number is not None
        self.assertEqual(number + 1, room.pki.lists.number())
        (listed,) = room.pki.trust.now.lists
        self.assertEqual([leaf.serial], [each.serial_number for each in listed])
        self.assertEqual(
            ("root", "pki.client.revoke", f"certificate:{leaf.serial:x}"),
            room.store.audit.entries[-1][:3],
        )

    async def test_it_is_revoked_once(self) -> None:
        """The second time is told."""
        room = await self.furnished()
        leaf = await room.client()
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        await self.assertFailure(room.pki.clients.revoke(leaf.number, by=ADMIN), Conflict)
        await self.assertFailure(room.pki.clients.revoke(99, by=ADMIN), NotFound)

    async def test_it_stays_revoked_over_a_restart_and_whatever_the_clock_says(self) -> None:
        """A computer that wakes up in 1970 lets in nobody who was revoked."""
        first = await self.furnished()
        leaf = await first.client()
        await first.pki.clients.revoke(leaf.number, by=ADMIN)
        again = await self.opened(first.store, began=1000.0)
        self.assertEqual("revoked", again.pki.clients.why_not(again.pki.clients.numbered(1)))

    async def test_many_at_once_take_turns(self) -> None:
        """Each is on the last list; numbers grow by one each."""
        room = await self.furnished()
        leaves = [await room.client(user, "x") for user in range(20, 40)]
        number = room.pki.lists.number()
        for revoking in [room.pki.clients.revoke(e.number, by=ADMIN) for e in leaves]:
            await revoking
        self.assertEqual(sorted(e.serial for e in leaves), serials(room.pki.lists.der()))
        assert number is not None
        self.assertEqual(number + 20, room.pki.lists.number())

    async def test_an_expired_one_lets_nobody_in(self) -> None:
        """To the second."""
        room = await self.furnished()
        leaf = await room.client(days=10)
        room.offset = leaf.not_after - room.began - room.timers.seconds()
        self.assertEqual(ANA, held(room, leaf))
        room.offset += 1
        self.assertIsNone(held(room, leaf))
        self.assertEqual("expired", room.pki.clients.why_not(leaf))
        room.offset = leaf.not_before - room.began - room.timers.seconds()
        self.assertEqual(ANA, held(room, leaf))
        room.offset -= 1
        self.assertEqual("not valid yet", room.pki.clients.why_not(leaf))


class ExpungingTests(PKICase):
    """Deleted, and none the less on the list."""

    async def test_its_serial_stays_until_it_expires(self) -> None:
        """Over a restart, too; then nothing is left of it."""
        room = await self.furnished()
        leaf = await room.client(days=30)
        await self.assertFailure(room.pki.clients.expunge(leaf.number, by=ADMIN), Conflict)
        revoked = await room.pki.clients.revoke(leaf.number, Reason.KEY_COMPROMISE, by=ADMIN)
        await room.days_later(1)
        number = room.pki.lists.number()
        await room.pki.clients.expunge(leaf.number, by=ADMIN)
        self.assertEqual(([], number), (room.pki.clients.all(), room.pki.lists.number()))
        await self.assertFailure(room.pki.clients.expunge(leaf.number, by=ADMIN), NotFound)
        (row,) = room.store.leaves.rows.values()
        self.assertEqual((None, None), (row.certificate, row.sealed_key))
        self.assertEqual((revoked.revoked, revoked.reason), (row.revoked, row.reason))
        again = await self.opened(room.store)
        self.assertEqual([leaf.serial], serials(again.pki.lists.der()))
        await again.days_later(30.5)
        self.assertEqual([leaf.serial], serials(again.pki.lists.der()))
        await again.days_later(1)
        self.assertEqual([], serials(again.pki.lists.der()))
        self.assertEqual({}, room.store.leaves.rows)

    async def test_an_expired_one_goes_at_once(self) -> None:
        """Nobody would take it anyway."""
        room = await self.furnished()
        leaf = await room.client(days=10)
        await room.days_later(11)
        await room.pki.clients.expunge(leaf.number, by=ADMIN)
        self.assertEqual({}, room.store.leaves.rows)

    async def test_an_unused_one_can_never_come_back(self) -> None:
        """Neither by another authority nor by a clock that is set back."""
        room = await self.furnished()
        leaf = await room.client()
        made = room.pki.authorities.active()
        assert made is not None
        await room.pki.authorities.deactivate(made.number, by=ADMIN)
        await room.pki.clients.expunge(leaf.number, by=ADMIN)
        (row,) = room.store.leaves.rows.values()
        self.assertEqual(Reason.CESSATION_OF_OPERATION, row.reason)


class DeletedAccountTests(PKICase):
    """A certificate of nobody is revoked."""

    async def test_it_lets_nobody_in_from_that_moment(self) -> None:
        """Even before it is stored; then it is on the list."""
        room = await self.furnished()
        leaf, other = await room.client(), await room.client(BEN, "ben")
        room.pki.clients.forget_user(ANA)
        self.assertIsNone(held(room, leaf))
        await room.settled()
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))
        self.assertEqual(BEN, held(room, other))
        (row, _) = room.store.leaves.rows.values()
        self.assertEqual((None, Reason.PRIVILEGE_WITHDRAWN), (row.user, row.reason))

    async def test_why_it_was_revoked_before_stays(self) -> None:
        """Only whose it was is forgotten."""
        room = await self.furnished()
        leaf = await room.client()
        await room.pki.clients.revoke(leaf.number, Reason.KEY_COMPROMISE, by=ADMIN)
        (before,) = room.store.leaves.rows.values()
        await room.days_later(1)
        room.pki.clients.forget_user(ANA)
        await room.settled()
        (row,) = room.store.leaves.rows.values()
        self.assertEqual(evolve(before, user=None), row)

    async def test_it_is_tried_again_where_nothing_can_be_stored(self) -> None:
        """And nobody gets in meanwhile."""
        room = await self.furnished()
        leaf = await room.client()
        room.store.transactions.failing = True
        room.pki.clients.forget_user(ANA)
        await room.settled()
        self.assertEqual(([], None), (serials(room.pki.lists.der()), held(room, leaf)))
        room.store.transactions.failing = False
        await room.days_later(0)
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))

    async def test_a_row_without_a_user_is_revoked_at_the_start(self) -> None:
        """The database made it so when the account went."""
        first = await self.furnished()
        leaf = await first.client()
        first.store.leaves.rows[1] = evolve(leaf, user=None)
        again = await self.opened(first.store)
        self.assertIsNone(held(again, leaf))
        self.assertEqual([leaf.serial], serials(again.pki.lists.der()))

    async def test_who_left_unnoticed_is_found_at_the_start(self) -> None:
        """The process ended between the two commits."""
        room = await self.furnished()
        leaf, other = await room.client(), await room.client(BEN, "ben")
        room.pki.clients.keep_only({BEN})
        await room.settled()
        self.assertEqual((None, BEN), (held(room, leaf), held(room, other)))
        self.assertEqual([leaf.serial], serials(room.pki.lists.der()))

    async def test_a_deleted_account_gets_none(self) -> None:
        """While the key was being made; even its first."""
        room = await self.furnished()
        room.pki.clients.forget_user(ANA)
        await self.assertFailure(begun(room.client()), NotFound)
