"""Server certificates: shown, replaced, renewed by themselves."""

from datetime import timedelta

from attrs import evolve
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mytracks.errors import Conflict, Invalid, NotFound, Unavailable
from mytracks.pki import certificates
from mytracks.pki.limits import DAY
from mytracks.pki.ports import KeyKind, Reason, ServerCertificate, ServerState, Source, Use
from tests.pki import elsewhere
from tests.pki.memory import MemoryStore
from tests.pki.room import ADMIN, PKICase, Room, begun, serials


def shown(room: Room, use: Use = Use.EVERYWHERE) -> bytes | None:
    """The fingerprint of what TLS shows there."""
    identity = room.pki.trust.now.identity(use)
    return identity.fingerprint if identity is not None else None


def read(certificate: ServerCertificate) -> x509.Certificate:
    """The certificate of a row."""
    assert certificate.chain is not None
    return x509.load_pem_x509_certificate(certificate.chain)


class IssuingTests(PKICase):
    """A new one."""

    async def test_it_is_shown_at_once_with_its_key(self) -> None:
        """To new connections, without a restart."""
        room = await self.furnished()
        told = room.told
        made = await room.server("NAS.local", "192.0.2.1", "::1")
        self.assertEqual(told + 1, room.told)
        identity = room.pki.trust.now.identity(Use.MQTT)
        assert identity is not None
        self.assertEqual(made.fingerprint, identity.fingerprint)
        self.assertEqual(("nas.local", "192.0.2.1", "::1"), identity.names)
        self.assertEqual(identity.certificate.public_key(), identity.key.public_key())
        self.assertNotIn("PRIVATE", repr(identity) + repr(made))
        self.assertEqual((made, [made]), (room.pki.servers.active(), room.pki.servers.all()))

    async def test_it_is_p256_and_good_for_397_days_where_nobody_says_otherwise(self) -> None:
        """Cheap for us, and what browsers like."""
        room = await self.furnished()
        made = await room.server()
        self.assertEqual(("p256", 256), (made.key_type, made.key_size))
        self.assertEqual(397 * DAY, made.not_after - made.not_before)

    async def test_825_days_are_the_most(self) -> None:
        """Both ends count for an iPhone."""
        room = await self.furnished()
        made = await room.server(days=825)
        life = read(made).not_valid_after_utc - read(made).not_valid_before_utc
        self.assertLess(life + timedelta(seconds=1), timedelta(days=825, seconds=1))
        for days, field in ((826, "validity_days"), (0, "validity_days")):
            error = await self.assertFailure(begun(room.server(days=days)), Invalid)
            self.assertEqual([field], list(error.errors))
        error = await self.assertFailure(begun(room.server("a b")), Invalid)
        self.assertEqual(["san_entries"], list(error.errors))

    async def test_it_never_outlives_its_authority(self) -> None:
        """It would be shown for nothing."""
        room = await self.opened()
        signer = await room.authority(days=50)
        made = await room.server()
        self.assertEqual(signer.not_after, made.not_after)

    async def test_the_one_before_is_revoked(self) -> None:
        """Its key may be in old backups."""
        room = await self.furnished()
        first, second = await room.server(), await room.server()
        old = room.pki.servers.numbered(first.number)
        self.assertEqual(
            (ServerState.INACTIVE, Reason.SUPERSEDED, second.fingerprint),
            (old.state, old.reason, shown(room)),
        )
        self.assertEqual([first.serial], serials(room.pki.lists.der()))

    async def test_a_use_may_have_one_of_its_own(self) -> None:
        """Else it shows the one for everywhere."""
        room = await self.furnished()
        everywhere = await room.server()
        web = await room.server("tracks.example.org", use=Use.WEB)
        self.assertEqual(
            (web.fingerprint, everywhere.fingerprint), (shown(room, Use.WEB), shown(room, Use.MQTT))
        )
        self.assertEqual(web, room.pki.servers.active(Use.WEB))
        await room.pki.servers.deactivate(web.number, by=ADMIN)
        self.assertEqual(everywhere.fingerprint, shown(room, Use.WEB))

    async def test_without_an_authority_there_is_none(self) -> None:
        """And with a clock of 1970 neither."""
        room = await self.opened()
        await self.assertFailure(begun(room.server()), Conflict)
        await room.authority()
        room.offset = -room.began
        await self.assertFailure(begun(room.server()), Unavailable)

    async def test_it_is_shown_again_after_a_restart(self) -> None:
        """From the database alone; RSA too."""
        room = await self.furnished()
        for key in (KeyKind.P256, KeyKind.RSA_2048):
            made = await room.server(key=key)
            again = await self.opened(room.store)
            identity = again.pki.trust.now.identity(Use.WEB)
            assert identity is not None
            self.assertEqual(made.fingerprint, identity.fingerprint)
            self.assertEqual(identity.certificate.public_key(), identity.key.public_key())
            room = again

    async def test_a_serial_that_was_given_before_is_tried_again(self) -> None:
        """As for clients; and not for ever."""
        given = iter((5, 5, 6, 6, 6, 6))
        room = await self.furnished(serial=lambda: next(given))
        first, second = await room.server(), await room.server()
        self.assertEqual((5, 6), (first.serial, second.serial))
        await self.assertFailure(begun(room.server()), Conflict)
        self.assertEqual(second.fingerprint, shown(room))

    async def test_each_change_raises_the_generation(self) -> None:
        """Handshakes in flight look at it."""
        room = await self.furnished()
        before = room.pki.trust.generation
        await room.server()
        self.assertEqual(before + 1, room.pki.trust.generation)

    async def test_names_are_suggested(self) -> None:
        """What this machine is called, the public name first."""
        room = await self.opened()
        names = await room.pki.servers.suggested_names("tracks.example.org")
        self.assertEqual("tracks.example.org", names[0])
        self.assertIn("localhost", names)


class EndingTests(PKICase):
    """No longer shown."""

    async def test_it_ends_once_and_is_deleted_then(self) -> None:
        """Its serial stays on the list."""
        room = await self.furnished()
        made = await room.server()
        await self.assertFailure(room.pki.servers.expunge(made.number, by=ADMIN), Conflict)
        await room.pki.servers.deactivate(made.number, by=ADMIN)
        self.assertEqual((None, None), (shown(room), room.pki.servers.active()))
        await self.assertFailure(room.pki.servers.deactivate(made.number, by=ADMIN), Conflict)
        await room.pki.servers.expunge(made.number, by=ADMIN)
        await self.assertFailure(room.pki.servers.expunge(made.number, by=ADMIN), NotFound)
        again = await self.opened(room.store)
        self.assertEqual([made.serial], serials(again.pki.lists.der()))
        (row,) = room.store.server_certificates.rows.values()
        self.assertEqual((None, None), (row.chain, row.sealed_key))


class BringingTests(PKICase):
    """One that was made elsewhere."""

    async def test_it_is_shown_with_its_chain(self) -> None:
        """As a public authority gives it."""
        room = await self.furnished()
        own = await room.server()
        upper = elsewhere.authority("Intermediate")
        leaf = elsewhere.server("tracks.example.org", issuer=upper)
        made = await room.pki.servers.bring(
            elsewhere.pem(leaf, upper),
            elsewhere.key_pem(leaf),
            use=Use.WEB,
            source=Source.ACME,
            by=ADMIN,
        )
        identity = room.pki.trust.now.identity(Use.WEB)
        assert identity is not None
        self.assertEqual((upper.certificate,), identity.chain)
        self.assertEqual("tracks.example.org", made.name)
        self.assertEqual(elsewhere.pem(leaf, upper), room.pki.servers.pem(made.number))
        self.assertEqual(("tracks.example.org",), made.names)
        self.assertEqual(own.fingerprint, shown(room, Use.MQTT))
        again = await self.opened(room.store)
        self.assertEqual(made.fingerprint, shown(again, Use.WEB))

    async def test_its_successor_leaves_nothing_on_our_lists(self) -> None:
        """It is not ours to revoke."""
        room = await self.furnished()
        for host in ("one.example.org", "two.example.org"):
            leaf = elsewhere.server(host)
            await room.pki.servers.bring(elsewhere.pem(leaf), elsewhere.key_pem(leaf), by=ADMIN)
        self.assertEqual([], serials(room.pki.lists.der()))
        _, first = room.pki.servers.all()
        await room.pki.servers.expunge(first.number, by=ADMIN)
        self.assertEqual(1, len(room.store.server_certificates.rows))

    async def test_only_what_phones_would_take_is_taken(self) -> None:
        """Told by its field; what is shown stays."""
        room = await self.furnished()
        own = await room.server()
        good = elsewhere.server("nas")
        purpose = (ExtendedKeyUsageOID.CLIENT_AUTH,)
        for bad, field in (
            (elsewhere.server("nas", days=(-9, -1)), "chain"),
            (elsewhere.server("nas", days=(1, 9)), "chain"),
            (elsewhere.server("nas", purposes=purpose), "chain"),
            (elsewhere.server(), "chain"),
            (elsewhere.server("nas", key=elsewhere.weak()), "chain"),
            (elsewhere.Pair(good.certificate, elsewhere.server("x").key), "key"),
        ):
            bringing = room.pki.servers.bring(elsewhere.pem(bad), elsewhere.key_pem(bad), by=ADMIN)
            error = await self.assertFailure(begun(bringing), Invalid)
            self.assertEqual([field], list(error.errors))
        unchained = room.pki.servers.bring(
            elsewhere.pem(good, elsewhere.authority("CA")), elsewhere.key_pem(good), by=ADMIN
        )
        await self.assertFailure(begun(unchained), Invalid)
        self.assertEqual(own.fingerprint, shown(room))


class RenewalTests(PKICase):
    """By itself, at two thirds of its life."""

    async def test_it_is_renewed_with_the_same_names_key_and_length(self) -> None:
        """And noted as the server's own doing."""
        room = await self.furnished()
        first = await room.server("nas", "192.0.2.1", days=90)
        await room.days_later(59.9)
        self.assertEqual(first.fingerprint, shown(room))
        await room.days_later(0.1)
        second = room.pki.servers.active()
        assert second is not None
        self.assertNotEqual(first.fingerprint, second.fingerprint)
        self.assertEqual(
            (first.name, first.names, first.key_type, 90 * DAY),
            (second.name, second.names, second.key_type, second.not_after - second.not_before),
        )
        self.assertEqual(second.fingerprint, shown(room))
        self.assertEqual(("server", "pki.server.renew"), room.store.audit.entries[-1][:2])
        self.assertEqual([], room.pki.problems())

    async def test_it_is_renewed_at_the_start_if_it_is_due(self) -> None:
        """After a long holiday of the machine; the present authority signs."""
        room = await self.furnished()
        first = await room.server(days=90)
        second = await room.authority("Next")
        again = await self.opened(room.store, began=room.began + 80 * DAY)
        renewed = again.pki.servers.active()
        assert renewed is not None
        self.assertEqual((second.number, 90), (renewed.authority, _days(renewed)))
        self.assertGreater(renewed.not_after, first.not_after)

    async def test_what_cannot_be_renewed_stays_and_is_told(self) -> None:
        """Until an administrator makes another authority; then it is renewed by itself."""
        room = await self.opened()
        signer = await room.authority(days=100)
        first = await room.server(days=90)
        await room.pki.authorities.deactivate(signer.number, by=ADMIN)
        await room.days_later(70)
        self.assertEqual(first.fingerprint, shown(room))
        (told,) = room.pki.problems()
        self.assertIn("was not renewed", told)
        await room.authority()
        await room.days_later(0)
        self.assertNotEqual(first.fingerprint, shown(room))
        self.assertEqual([], room.pki.problems())

    async def test_it_is_not_renewed_again_and_again_by_an_authority_that_ends(self) -> None:
        """Each would end with it; that is told instead."""
        room = await self.opened()
        await room.authority(days=100)
        first = await room.server(days=397)
        await room.days_later(80)
        self.assertEqual(first.fingerprint, shown(room))
        self.assertIn("ends no later", " ".join(room.pki.problems()))

    async def test_one_that_was_brought_is_told_in_its_last_third(self) -> None:
        """Nobody else will think of it."""
        room = await self.opened()
        leaf = elsewhere.server("nas", days=(-1, 89))
        await room.pki.servers.bring(elsewhere.pem(leaf), elsewhere.key_pem(leaf), by=ADMIN)
        self.assertEqual([], room.pki.problems())
        await room.days_later(65)
        self.assertIn("ends on", " ".join(room.pki.problems()))
        await room.days_later(30)
        self.assertIn("has expired", " ".join(room.pki.problems()))


class FaultTests(PKICase):
    """What is shown stays."""

    async def test_what_cannot_be_stored_is_not_shown(self) -> None:
        """The one before goes on."""
        store = MemoryStore()
        room = await self.opened(store)
        await room.authority()
        first = await room.server()
        told = room.told
        store.transactions.failing = True
        await self.assertFailure(begun(room.server()), Unavailable)
        self.assertEqual((first.fingerprint, told), (shown(room), room.told))
        self.assertEqual(first, room.pki.servers.active())

    async def test_a_key_that_cannot_be_read_costs_only_its_certificate(self) -> None:
        """It is told; the authority's clients are another matter."""
        room = await self.furnished()
        await room.server()
        room.store.seal.missing = True
        again = await self.opened(room.store)
        self.assertIsNone(shown(again))
        self.assertIn("cannot be read", " ".join(again.pki.problems()))
        self.assertEqual(1, len(again.pki.trust.now.anchors))
        self.flushLoggedErrors()

    async def test_a_row_moved_to_another_certificate_is_not_believed(self) -> None:
        """A key is sealed for its own place."""
        room = await self.furnished()
        one, two = await room.server(), await room.server()
        rows = room.store.server_certificates.rows
        self.assertNotEqual(rows[one.number].sealed_key, rows[two.number].sealed_key)
        self.assertEqual(certificates.fingerprint(read(two)), two.fingerprint)
        rows[two.number] = evolve(rows[two.number], sealed_key=rows[one.number].sealed_key)
        again = await self.opened(room.store)
        self.assertIsNone(shown(again))


def _days(certificate: ServerCertificate) -> int:
    return round((certificate.not_after - certificate.not_before) / DAY)
