"""The room on a real database, with the real key ring and audit log."""

from functools import partial

from twisted.internet.defer import Deferred, gatherResults

from mytracks import clock as clocks
from mytracks.people import limits as people_limits
from mytracks.people.audit import Audit
from mytracks.people.ports import Account, AuditQuestion
from mytracks.pki.build import PKI, build
from mytracks.pki.keyring import FILE, open_keyring
from mytracks.pki.limits import Limits
from mytracks.pki.ports import KeyKind
from mytracks.store.open import Store
from mytracks.transaction import Transaction
from tests.pki.room import ADMIN, serials
from tests.store.cases import THREADS, StoreCase, account, remove

SOON = 0.5
"""Seconds from the asking to the last watcher; alone it takes some hundredths."""
MANY = 100


class DatabaseTests(StoreCase):
    """From the key to the row and back."""

    async def room(self, store: Store) -> PKI:
        """The room on that store, as after a start."""
        ring = open_keyring(self.folder / FILE, sealed_exists=False)
        audit = Audit(store.database, store.audit, self.clock, people_limits.Limits())
        pki = build(store.database, store, ring, audit, self.clock, THREADS, Limits())
        await pki.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(pki.close()))
        return pki

    async def furnished(self, key: KeyKind = KeyKind.P256) -> tuple[Store, Account, PKI]:
        """A store with somebody, and an authority."""
        store, ana = await self.with_ana()
        pki = await self.room(store)
        await pki.authorities.create(key=key, by=ADMIN)
        return store, ana, pki

    async def test_all_is_there_after_a_restart(self) -> None:
        """Authority, server certificate with its key, clients, and who was revoked."""
        store, ana, pki = await self.furnished()
        server = await pki.servers.issue("nas", ["nas", "192.0.2.1"], by=ADMIN)
        first = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        second = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        again = await self.room(store)
        self.assertEqual([server], again.servers.all())
        shown = again.trust.now.identities.values()
        self.assertEqual([server.fingerprint], [each.fingerprint for each in shown])
        self.assertIsNone(again.clients.holder(first.fingerprint))
        self.assertIsNotNone(again.clients.holder(second.fingerprint))
        self.assertEqual([first.serial], serials(again.lists.der()))
        self.assertEqual(3, again.lists.number())
        await again.clients.revoke(second.number, by=ADMIN)
        self.assertEqual(2, len(serials(again.lists.der())))

    async def test_each_change_is_in_the_audit_log(self) -> None:
        """Who, what, and which certificate."""
        store, ana, pki = await self.furnished()
        leaf = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        await pki.clients.revoke(leaf.number, by=ADMIN)
        audit = Audit(store.database, store.audit, self.clock, people_limits.Limits())
        page = await audit.page(AuditQuestion())
        self.assertEqual(
            ["pki.client.revoke", "pki.client.issue", "pki.ca.create"],
            [each.action for each in page.entries],
        )
        self.assertEqual(f"certificate:{leaf.serial:x}", page.entries[0].what)

    async def test_no_key_is_in_the_database_in_clear(self) -> None:
        """Nor in what is read of it."""
        _, ana, pki = await self.furnished()
        leaf = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        assert leaf.sealed_key is not None
        self.assertEqual(b"mtk1", leaf.sealed_key[:4])
        for path in self.folder.iterdir():
            content = path.read_bytes()
            # The object identifier of an EC key, beside the version that PKCS#8 begins with.
            self.assertNotIn(bytes.fromhex("020100301306072a8648ce3d0201"), content, path.name)
            self.assertNotIn(b"PRIVATE KEY", content, path.name)

    async def test_a_revocation_is_known_to_all_within_a_moment(self) -> None:
        """Signed by the largest key there is, stored durably, told."""
        _, ana, pki = await self.furnished(KeyKind.RSA_4096)
        leaf = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        told: list[float] = []
        pki.trust.watch(lambda: told.append(clocks.monotonic()))
        making = pki.signing.make_key(KeyKind.RSA_4096)
        began = clocks.monotonic()
        await pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertLess(told[0] - began, SOON)
        await making

    async def test_many_revocations_at_once_are_all_on_the_list(self) -> None:
        """In their turns; the reactor goes on between them."""
        store, _, pki = await self.furnished()
        leaves = []
        for each in range(MANY):
            new = account(f"user{each}")
            user = await store.database.commit(partial(self.add, store, new))
            leaves.append(
                await pki.clients.issue(user.number, user.name, key=KeyKind.P256, by=ADMIN)
            )
        number = pki.lists.number()
        assert number is not None
        await gatherResults([pki.clients.revoke(leaf.number, by=ADMIN) for leaf in leaves])
        self.assertEqual(sorted(leaf.serial for leaf in leaves), serials(pki.lists.der()))
        self.assertEqual(number + MANY, pki.lists.number())
        self.assertEqual(1, len(await store.database.read(store.revocation_lists.all)))

    async def add(self, store: Store, new: Account, tx: Transaction) -> Account:
        """A unit that stores somebody."""
        return await store.accounts.add(tx, new)

    async def test_a_deleted_accounts_certificate_is_revoked_though_its_row_lives_on(self) -> None:
        """Told while the account is removed in pieces, or found at the next start."""
        store, ana, pki = await self.furnished()
        leaf = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        await remove(store, ana.number)
        pki.clients.forget_user(ana.number)
        self.assertIsNone(pki.clients.holder(leaf.fingerprint))
        await pki.clients.settle()
        self.assertEqual([leaf.serial], serials(pki.lists.der()))
        await pki.clients.expunge(leaf.number, by=ADMIN)
        again = await self.room(store)
        self.assertEqual([leaf.serial], serials(again.lists.der()))

    async def test_whose_account_went_while_nobody_was_told_is_found_at_the_start(self) -> None:
        """The row says that it is nobody's."""
        store, ana, pki = await self.furnished()
        leaf = await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        await remove(store, ana.number)
        again = await self.room(store)
        self.assertIsNone(again.clients.holder(leaf.fingerprint))
        await again.clients.settle()
        self.assertEqual([leaf.serial], serials(again.lists.der()))
