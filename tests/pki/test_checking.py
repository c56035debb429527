"""Whether what is stored of certificates fits together."""

from attrs import evolve

from mytracks.pki.checking import Rows, faults
from mytracks.pki.keys import Keys
from mytracks.pki.limits import DAY
from mytracks.pki.ports import AuthorityState, ServerState
from tests.pki.room import ADMIN, BEN, PKICase, Room


class CheckingTests(PKICase):
    """Each fault in words."""

    async def filled(self) -> tuple[Room, Rows]:
        """A room with one of everything, and what is stored of it."""
        room = await self.furnished()
        await room.server()
        await room.server("nas", "::1")
        await room.client()
        revoked = await room.client(BEN, "ben")
        await room.pki.clients.revoke(revoked.number, by=ADMIN)
        store = room.store
        return room, Rows(
            authorities=list(store.authorities.rows.values()),
            servers=list(store.server_certificates.rows.values()),
            leaves=list(store.leaves.rows.values()),
            lists=list(store.revocation_lists.rows.values()),
        )

    def told(self, room: Room, rows: Rows) -> str:
        """What is wrong."""
        return "\n".join(faults(rows, Keys(room.store.seal), room.clock.now()))

    async def test_what_we_store_fits_together(self) -> None:
        """Expunged ones as well."""
        room, rows = await self.filled()
        self.assertEqual("", self.told(room, rows))
        await room.pki.clients.expunge(2, by=ADMIN)
        leaves = list(room.store.leaves.rows.values())
        self.assertEqual("", self.told(room, evolve(rows, leaves=leaves)))

    async def test_a_key_that_does_not_open_or_fit_is_told(self) -> None:
        """For whichever row."""
        room, rows = await self.filled()
        one, two = rows.servers
        moved = evolve(rows, servers=[one, evolve(two, sealed_key=one.sealed_key)])
        self.assertIn("cannot be read", self.told(room, moved))
        place = f"server_certificate/{two.fingerprint.hex()}/key"
        assert one.sealed_key is not None
        other = room.store.seal.unseal(
            f"server_certificate/{one.fingerprint.hex()}/key", one.sealed_key
        )
        swapped = evolve(two, sealed_key=room.store.seal.seal(place, other))
        self.assertIn("that of another", self.told(room, evolve(rows, servers=[one, swapped])))
        room.store.seal.missing = True
        self.assertEqual(5, self.told(room, rows).count("cannot be read"))
        self.assertEqual([], list(faults(rows, None, room.clock.now())))

    async def test_a_row_that_says_otherwise_than_its_certificate_is_told(self) -> None:
        """Or whose certificate is damaged."""
        room, rows = await self.filled()
        one, two = rows.leaves
        longer = evolve(one, not_after=one.not_after + 1)
        self.assertIn("not_after", self.told(room, evolve(rows, leaves=[longer, two])))
        broken = evolve(one, certificate=b"?")
        self.assertIn("it cannot be read", self.told(room, evolve(rows, leaves=[broken, two])))
        (signer,) = rows.authorities
        alone = evolve(rows, authorities=[evolve(signer, state=AuthorityState.ENDED, number=9)])
        self.assertIn("its authority is not there", self.told(room, alone))

    async def test_a_list_that_would_lock_out_or_let_in_is_told(self) -> None:
        """None, another's, an old one, one that lacks somebody."""
        room, rows = await self.filled()
        (made,), (one, two), (signer,) = rows.lists, rows.leaves, rows.authorities
        other = await self.furnished()
        theirs = other.store.revocation_lists.rows[1]
        both = [evolve(one, revoked=1, reason=two.reason), two]
        for wrong, wanted in (
            (evolve(rows, lists=[]), "there is none"),
            (evolve(rows, lists=[evolve(made, der=theirs.der)]), "of another authority"),
            (evolve(rows, lists=[evolve(made, der=b"?")]), "the revocation list"),
            (evolve(rows, lists=[evolve(made, next_update=1)]), "has lapsed"),
            (evolve(rows, authorities=[evolve(signer, crl_number=99)]), "its number"),
            (evolve(rows, leaves=both), "1 revoked certificates are not on it"),
        ):
            self.assertIn(wanted, self.told(room, wrong))
        late = list(faults(evolve(rows, lists=[]), None, room.clock.now() + 9999 * DAY))
        self.assertEqual([], late)

    async def test_two_that_are_active_are_told(self) -> None:
        """The database would not let them, but a hand might."""
        room, rows = await self.filled()
        active = [evolve(each, state=ServerState.ACTIVE) for each in rows.servers]
        self.assertIn("several server", self.told(room, evolve(rows, servers=active)))
        twice = [*rows.authorities, evolve(rows.authorities[0], number=9, crl_number=0)]
        self.assertIn("several authorities", self.told(room, evolve(rows, authorities=twice)))
