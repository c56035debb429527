"""Account and order, sealed between two starts."""

from twisted.internet.defer import Deferred

from mytracks.pki.acme.kept import Progress
from mytracks.pki.acme.ports import OrderFailed
from tests.pki.acme.room import DIRECTORY, ACMECase
from tests.pki.memory import MemoryStore
from tests.pki.room import ADMIN


class KeptTests(ACMECase):
    """What outlives a restart."""

    async def test_nothing_of_it_is_stored_in_clear(self) -> None:
        """Account and order hold private keys."""
        renewal = await self.renewal()
        self.authority.trouble = OrderFailed("later")
        await renewal.try_now(by=ADMIN)
        await self.quiet(renewal)
        texts = self.room.store.settings.texts
        self.assertEqual({"acme.account", "acme.order"}, set(texts))
        for text in texts.values():
            self.assertNotIn("PRIVATE", text)
            self.assertNotIn(DIRECTORY, text)

    async def test_it_is_sealed_anew_with_the_rest(self) -> None:
        """Else an old key of the ring could never go."""
        renewal = await self.renewal()
        store, before = self.room.store, dict(self.room.store.settings.texts)
        store.seal.mark = b"2"
        self.assertEqual(2, await self.kept().reseal())
        self.assertNotEqual(before, store.settings.texts)
        await renewal.close()
        again = await self.renewal(store=store)
        await again.try_now(by=ADMIN)
        await self.quiet(again)
        account, _ = self.authority.began[0]
        assert account is not None
        self.assertEqual("acct/1", account.uri)

    async def test_what_is_written_while_the_old_one_is_sealed_anew_stays(self) -> None:
        """An order that was lost so would be paid for by the authority's limits."""
        await self.renewal()
        del self.room.store.settings.texts["acme.account"]
        resealing = Deferred.fromCoroutine(self.kept().reseal())
        await self.kept().write(Progress(error="the newer one"))
        await resealing
        self.assertEqual("the newer one", (await self.kept().progress()).error)

    async def test_what_cannot_be_read_is_begun_anew(self) -> None:
        """An account costs nothing; what is shown goes on."""
        store = MemoryStore()
        store.settings.texts = {"acme.account": "!", "acme.order": "AAAA"}
        await self.renewal(store=store)
        self.assertIsNotNone(self.current())
        self.assertEqual((None, None), self.authority.began[0])
