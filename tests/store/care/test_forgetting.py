"""What only a lost key ring could open is given up, on both databases; the rest stays as it is."""

import base64
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from mytracks.people import limits as people_limits
from mytracks.people.audit import Audit
from mytracks.people.ports import AuditQuestion
from mytracks.pki.build import PKI, build
from mytracks.pki.keyring import FILE, KeyRing, KeyRingRefused, open_keyring
from mytracks.pki.limits import Limits
from mytracks.pki.ports import AuthorityState, KeyKind, ServerState
from mytracks.store.care.backup import Source
from mytracks.store.care.forgetting import Lost, give_up, lost
from mytracks.store.files import StoreRefused
from mytracks.store.notes import note
from mytracks.store.open import Store
from mytracks.store.sealed_keys import keys_in_use
from tests.pki.room import ADMIN
from tests.store.cases import NOW, THREADS, StoreCase


class ForgettingTests(StoreCase):
    """One of everything that is sealed, and a key ring that is gone."""

    async def room(self, store: Store, ring: KeyRing) -> PKI:
        """The certificates of that store, open."""
        audit = Audit(store.database, store.audit, self.clock, people_limits.Limits())
        pki = build(store.database, store, ring, audit, self.clock, THREADS, Limits())
        await pki.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(pki.close()))
        return pki

    async def filled(self) -> None:
        """What a server leaves that was stopped."""
        store, ana = await self.with_ana()
        ring = open_keyring(self.folder / FILE, sealed_exists=False)
        pki = await self.room(store, ring)
        await pki.authorities.create(key=KeyKind.P256, by=ADMIN)
        await pki.servers.issue("nas", ["nas"], by=ADMIN)
        await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        made = await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana.number, "phone", b"hash", 1)
        )
        assert made.device is not None
        sealed = ring.seal(f"device/{made.device}/encryption_key", b"secret")
        await store.database.commit(lambda tx: store.desk.keep_key(tx, made.device, sealed))
        changed = evolve(ana, totp=ring.seal(f"user_account/{ana.number}/totp", b"J"), totp_step=5)
        await store.database.commit(lambda tx: store.accounts.change(tx, changed))
        await store.database.commit(
            lambda tx: store.recovery_codes.replace(tx, ana.number, [b"code"], NOW)
        )
        account = base64.b64encode(ring.seal("setting/acme.account/key", b"{}")).decode()
        await store.database.commit(note("acme.account", account, NOW))
        await store.close()

    def source(self) -> Source:
        """Where it is."""
        assert self._database is not None
        return Source(directory=self.folder, database=self._database)

    def named(self, found: Lost) -> dict[str, Any]:
        """Of each kind, what people call it."""
        return {kind: [each.name for each in things] for kind, things in found.kinds().items()}

    async def test_what_the_ring_opens_is_not_given_up(self) -> None:
        """Whoever calls by mistake loses nothing."""
        await self.filled()
        self.assertEqual(0, give_up(self.source(), NOW).counted())
        (self.folder / FILE).chmod(0o644)
        self.assertRaises(KeyRingRefused, give_up, self.source(), NOW)

    async def test_all_that_is_lost_goes_and_nothing_else(self) -> None:
        """Clients come in as before; the authority signs nothing more; a new ring begins."""
        await self.filled()
        (self.folder / FILE).unlink()
        everything = {
            "second_factors": ["ana"],
            "payload_keys": ["ana/phone"],
            "authorities": ["My Tracks CA"],
            "server_certificates": ["nas"],
            "client_certificates": ["ana"],
            "acme": ["acme.account"],
        }
        self.assertEqual(everything, self.named(lost(self.source())))
        self.assertEqual(everything, self.named(give_up(self.source(), NOW)))
        self.assertEqual(0, lost(self.source()).counted())
        store = await self.opened()
        self.assertEqual(frozenset(), await store.database.read(keys_in_use))
        self.assertFalse(await store.sealed_exists())
        (ana,) = await store.database.read(store.accounts.all)
        self.assertEqual((None, None), (ana.totp, ana.totp_step))
        self.assertEqual([], list(await store.database.read(store.recovery_codes.all)))
        entries = await store.database.read(
            lambda tx: store.audit.page(tx, AuditQuestion(limit=1, offset=0))
        )
        said = entries.entries[0]
        self.assertEqual(("key.forget", "6 secrets"), (said.action, said.detail))
        pki = await self.room(store, open_keyring(self.folder / FILE, sealed_exists=False))
        (authority,) = pki.authorities.all()
        self.assertIs(AuthorityState.TRUSTED, authority.state)
        (server,) = pki.servers.all()
        self.assertIs(ServerState.INACTIVE, server.state)
        (leaf,) = pki.clients.all()
        self.assertIsNotNone(pki.clients.holder(leaf.fingerprint))
        self.assertEqual(1, len(pki.problems()))
        self.assertIn("was given up", pki.problems()[0])

    async def test_a_strange_ring_stays_and_what_it_opens_too(self) -> None:
        """Only what it cannot open goes."""
        await self.filled()
        (self.folder / FILE).unlink()
        strange = open_keyring(self.folder / FILE, sealed_exists=False)
        strange.add_key()
        before = (self.folder / FILE).read_bytes()
        self.assertEqual(6, give_up(self.source(), NOW).counted())
        self.assertEqual(before, (self.folder / FILE).read_bytes())

    async def test_where_there_is_no_database_nothing_is_made(self) -> None:
        """A wrong --data-dir."""
        self.folder.mkdir(parents=True)
        self.assertRaises(StoreRefused, lost, Source(directory=self.folder, database="sqlite"))
        self.assertEqual([], list(self.folder.iterdir()))
