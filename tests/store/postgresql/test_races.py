"""Two processes on one database that look, and then write, at the same time."""

from typing import Any

import psycopg2
from twisted.internet.defer import gatherResults

from mytracks.errors import NotFound
from mytracks.people.ports import Account, WebSession
from mytracks.phones.facts import Reported
from mytracks.store.limits import Limits
from mytracks.store.open import Store
from mytracks.transaction import Transaction
from tests.store.cases import NOW, account, location, source
from tests.store.postgresql.cases import ServerCase


class RaceTests(ServerCase):
    """The services look before they write; somebody else may come between."""

    async def two(self) -> tuple[Store, Store, Account]:
        """Two nodes, and an account that both know."""
        first = await self.opened(Limits(node=1, shared=True))
        second = await self.opened(Limits(node=2, shared=True))
        ana = await first.database.commit(lambda tx: first.accounts.add(tx, account()))
        return first, second, ana

    async def test_both_make_the_same_device(self) -> None:
        """A phone connects to two of them at once when its network changes."""
        stores = await self.two()
        ana = stores[2]
        for number in range(30):
            name = f"phone{number}"

            def made(store: Store, name: str = name) -> Any:
                return store.database.commit(
                    lambda tx: store.devices.made(tx, ana.number, name, NOW)
                )

            one, other = await gatherResults([made(store) for store in stores[:2]])
            self.assertEqual(one, other)
            self.assertIsNotNone(one)

    async def test_both_store_the_same_places_in_the_same_context(self) -> None:
        """Each remembers what it has met itself; a place that both were sent is stored once."""
        first, second, ana = await self.two()
        for number in range(20):
            here = location(NOW + number, ssid=f"lan{number}", in_regions=("Home",))
            fact = Reported(source=source(ana), location=here, may_repeat=False)
            kept = await gatherResults([each.journal.record([fact]) for each in (first, second)])
            self.assertEqual([False, True], sorted(each.kept[0].new for each in kept))
        self.assertEqual([(20,)], self.ask("SELECT count(*) FROM location"))
        self.assertEqual([(20,)], self.ask("SELECT count(*) FROM context"))
        self.assertEqual([(20,)], self.ask("SELECT locations FROM device"))

    async def test_a_session_of_an_account_that_goes_meanwhile_is_refused_as_such(self) -> None:
        """Whoever signs in just now gets an answer, no mistake of ours."""
        first, _, ana = await self.two()
        other = psycopg2.connect(self.url)
        self.addCleanup(other.close)
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM user_account WHERE id = %s", (ana.number,))
        session = WebSession(
            token_hash=b"hash",
            user=ana.number,
            created=NOW,
            seen=NOW,
            expires=NOW + 60,
            address="",
            agent="",
        )
        putting = first.database.commit(lambda tx: first.web_sessions.put(tx, session))
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await self.until(lambda: self.ask(blocked) != [(0,)])
        other.commit()
        await self.assertFailure(putting, NotFound)

    async def test_both_make_an_account_of_the_same_name(self) -> None:
        """One of them is told so."""
        first, second, _ = await self.two()
        for number in range(20):
            who = account(f"ben{number}")
            outcomes: list[Any] = []
            for store in (first, second):

                async def add(tx: Transaction, store: Store = store, who: Account = who) -> Account:
                    return await store.accounts.add(tx, who)

                outcomes.append(store.database.commit(add).addErrback(lambda f: f.value))
            kinds = sorted([type(each).__name__ for each in await gatherResults(outcomes)])
            self.assertEqual(["Account", "Conflict"], kinds)
