"""What `mytracks check` tells of certificates, on both databases."""

from twisted.internet.defer import Deferred

from mytracks.people import limits as people_limits
from mytracks.people.audit import Audit
from mytracks.pki.build import build
from mytracks.pki.keyring import FILE, open_keyring
from mytracks.pki.limits import Limits
from mytracks.pki.ports import KeyKind
from mytracks.store.care.backup import Source
from mytracks.store.care.checking import BAD, OK, Backups, Finding, check
from mytracks.store.database import sql
from mytracks.store.open import Store
from mytracks.store.schema import crl
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction
from tests.pki.room import ADMIN
from tests.store.cases import NOW, THREADS, StoreCase


async def forget_lists(tx: Transaction) -> None:
    """A unit that a hand might run."""
    await sql(tx).run(Statement(crl.delete()))


class CertificatesTests(StoreCase):
    """They fit together, or it is told what does not."""

    async def filled(self) -> Store:
        """A store with one of everything."""
        store, ana = await self.with_ana()
        ring = open_keyring(self.folder / FILE, sealed_exists=False)
        audit = Audit(store.database, store.audit, self.clock, people_limits.Limits())
        pki = build(store.database, store, ring, audit, self.clock, THREADS, Limits())
        await pki.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(pki.close()))
        await pki.authorities.create(key=KeyKind.P256, by=ADMIN)
        await pki.servers.issue("nas", ["nas"], by=ADMIN)
        for _ in range(2):
            await pki.clients.issue(ana.number, "ana", key=KeyKind.P256, by=ADMIN)
        return store

    def told(self) -> Finding:
        """Of certificates."""
        assert self._database is not None
        source = Source(directory=self.folder, database=self._database)
        kept = Backups(folder=self.folder / "backups", every=0)
        found = {each.what: each for each in check(source, kept, NOW, full=False)}
        return found["certificates"]

    async def test_none_is_fine(self) -> None:
        """Nobody has to have any."""
        await self.opened()
        self.assertEqual(OK, self.told().level)

    async def test_what_fits_together_is_counted(self) -> None:
        """With keys that open."""
        await self.filled()
        told = self.told()
        self.assertEqual(
            (OK, "1 authorities, 1 server certificates, 2 client certificates"),
            (told.level, told.text),
        )

    async def test_a_missing_key_ring_is_told(self) -> None:
        """A restore without it."""
        await self.filled()
        (self.folder / FILE).unlink()
        told = self.told()
        self.assertEqual(BAD, told.level)
        self.assertIn("is missing", told.text)

    async def test_a_missing_list_is_told(self) -> None:
        """It would lock out everybody."""
        store = await self.filled()
        await store.database.commit(forget_lists)
        self.assertIn("there is none", self.told().text)
