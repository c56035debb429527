"""What is carried to the phone: noted before it is handed out, and forgotten if so wished."""

from typing import Any

from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, Invalid, Unavailable
from mytracks.pki.bundles import Format
from mytracks.pki.limits import Limits
from mytracks.pki.ports import KeyKind, Leaf
from tests.pki.memory import MemoryStore
from tests.pki.room import ADMIN, PKICase, Room, begun, openssl

PASSWORD = "long enough"


class BundleTests(PKICase):
    """A download."""

    async def test_it_opens_with_its_password(self) -> None:
        """In each form, with the program that everybody has."""
        room = await self.furnished()
        leaf = await room.client()
        for form in Format:
            made = await room.pki.clients.bundle(leaf.number, PASSWORD, form, by=ADMIN)
            path = self.written(made)
            words = ["pkcs12", "-in", str(path), "-passin", f"pass:{PASSWORD}", "-nodes"]
            if form is Format.PEM:
                words = ["pkey", "-in", str(path), "-passin", f"pass:{PASSWORD}"]
            told = openssl(*words)
            self.assertIn("BEGIN PRIVATE KEY", told, form)
            self.assertEqual(form is not Format.PEM, "friendlyName: ana" in told)
        self.assertEqual(["pki.client.download"] * 3, room.store.audit.actions()[-3:])

    async def test_a_password_is_needed(self) -> None:
        """Phones open none without."""
        room = await self.furnished()
        leaf = await room.client()
        for password in ("", "1234567", "x" * 129, "12345678\n", "12345678\U0001f600"):
            bundling = begun(room.pki.clients.bundle(leaf.number, password, Format.P12, by=ADMIN))
            error = await self.assertFailure(bundling, Invalid)
            self.assertEqual(["password"], list(error.errors))

    async def test_the_key_may_be_forgotten_with_the_first(self) -> None:
        """From then on it is on the phone only."""
        room = await self.furnished(limits=Limits(forget_client_keys=True))
        leaf = await room.client()
        await room.pki.clients.bundle(leaf.number, PASSWORD, Format.P12, by=ADMIN)
        (row,) = room.store.leaves.rows.values()
        self.assertIsNone(row.sealed_key)
        await self.assertFailure(self.bundling(room, leaf), Conflict)
        self.assertIsNotNone(room.pki.clients.holder(leaf.fingerprint))

    async def test_it_is_forgotten_for_two_who_ask_at_once(self) -> None:
        """One of them gets it."""
        room = await self.furnished(limits=Limits(forget_client_keys=True))
        leaf = await room.client()
        one, two = self.bundling(room, leaf), self.bundling(room, leaf)
        await one
        await self.assertFailure(two, Conflict)

    async def test_a_revoked_one_is_not_handed_out(self) -> None:
        """It would puzzle whoever installs it."""
        room = await self.furnished()
        leaf = await room.client()
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        await self.assertFailure(self.bundling(room, leaf), Conflict)

    async def test_nothing_leaves_that_was_not_noted(self) -> None:
        """Where nothing can be stored, nothing is handed out."""
        store = MemoryStore()
        room = await self.opened(store)
        await room.authority()
        leaf = await room.client(key=KeyKind.P256)
        store.transactions.failing = True
        await self.assertFailure(self.bundling(room, leaf), Unavailable)

    def bundling(self, room: Room, leaf: Leaf) -> Deferred[Any]:
        """A download that has begun."""
        return begun(room.pki.clients.bundle(leaf.number, PASSWORD, Format.P12, by=ADMIN))
