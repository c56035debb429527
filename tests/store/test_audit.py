"""The audit log, stored, asked for and swept. Implements `people.ports.AuditLog`."""

from typing import Any

from mytracks.people.ports import AuditEntry, AuditPage, AuditQuestion
from mytracks.sharing.identity import COMMAND_LINE, Actor
from mytracks.transaction import Transaction
from tests.store.cases import NOW, StoreCase, remove

DAY = 86_400


class AuditCase(StoreCase):
    """A store with `ana`, and entries."""

    async def with_store(self) -> None:
        """Opened."""
        self.store, self.ana = await self.with_ana()
        self.by_ana = Actor(self.ana.number, "ana", "192.0.2.7")

    async def note(
        self, what: str, action: str = "backup", at: int = NOW, by: Actor = COMMAND_LINE
    ) -> None:
        """One entry."""
        await self.store.database.commit(
            lambda tx: self.store.audit.add(tx, at, by, action, what, "some detail")
        )

    async def page(self, **asked: Any) -> AuditPage:
        """What is found."""
        question = AuditQuestion(**asked)
        return await self.store.database.read(lambda tx: self.store.audit.page(tx, question))

    async def whats(self, **asked: Any) -> list[str]:
        """What the entries that are found are about, oldest first."""
        page = await self.page(**asked)
        self.assertEqual(page.count, len(page.entries))
        return [entry.what for entry in reversed(page.entries)]


class EntriesTests(AuditCase):
    """Each of them."""

    async def test_an_entry_comes_back_as_it_was_stored(self) -> None:
        """After a restart, with who did it."""
        await self.with_store()
        await self.note("user:ben", "user.add", by=self.by_ana)
        await self.store.close()
        self.store = await self.opened()
        page = await self.page()
        expected = AuditEntry(
            number=page.entries[0].number,
            at=NOW,
            actor="ana",
            actor_number=self.ana.number,
            address="192.0.2.7",
            action="user.add",
            what="user:ben",
            detail="some detail",
        )
        self.assertEqual(AuditPage(1, [expected]), page)

    async def test_whoever_asks_for_a_name_need_not_write_it_small(self) -> None:
        """Names are compared so everywhere else."""
        await self.with_store()
        await self.note("user:ben", by=self.by_ana)
        self.assertEqual(["user:ben"], await self.whats(actor="Ana"))

    async def test_the_name_stays_when_its_account_goes(self) -> None:
        """Nobody hides what they did by being deleted; a namesake is not blamed."""
        await self.with_store()
        await self.note("user:ben", by=self.by_ana)
        await remove(self.store, self.ana.number)
        (entry,) = (await self.page()).entries
        self.assertEqual(("ana", None), (entry.actor, entry.actor_number))

    async def test_whoever_is_gone_in_the_meantime_is_noted_by_name(self) -> None:
        """An administrator deleted while they do something: it is done, and told."""
        await self.with_store()
        await self.note("user:ben", by=Actor(99, "eve"))
        (entry,) = (await self.page()).entries
        self.assertEqual(("eve", None), (entry.actor, entry.actor_number))


class QuestionTests(AuditCase):
    """What is asked for."""

    async def test_the_newest_come_first_in_pages(self) -> None:
        """In the order of what was done, also when the clock went back."""
        await self.with_store()
        for number in range(5):
            await self.note(f"file:{number}", at=NOW - number)
        page = await self.page(limit=2, offset=1)
        self.assertEqual((5, ["file:3", "file:2"]), (page.count, [e.what for e in page.entries]))
        page = await self.page(limit=2, offset=5)
        self.assertEqual((5, []), (page.count, list(page.entries)))

    async def test_by_actor(self) -> None:
        """The whole name."""
        await self.with_store()
        await self.note("a", by=self.by_ana)
        await self.note("b", by=Actor(None, "anabel"))
        self.assertEqual(["a"], await self.whats(actor="ana"))
        self.assertEqual([], await self.whats(actor="an%"))

    async def test_by_action_or_a_family_of_them(self) -> None:
        """`user` is every `user.…` and not `users.…`."""
        await self.with_store()
        for action in ("user.add", "user.delete", "users.x", "user", "userXadd"):
            await self.note(action, action)
        self.assertEqual(["user.add"], await self.whats(action="user.add"))
        self.assertEqual(["user.add", "user.delete", "user"], await self.whats(action="user"))
        self.assertEqual([], await self.whats(action="user.a"))

    async def test_by_what_it_was_done_to_or_a_family_of_that(self) -> None:
        """A device, those of somebody, all."""
        await self.with_store()
        for what in ("device:ana/phone", "device:ana/pad", "device:anabel/phone", "user:ana"):
            await self.note(what)
        self.assertEqual(["device:ana/phone"], await self.whats(what="device:ana/phone"))
        self.assertEqual(
            ["device:ana/phone", "device:ana/pad"], await self.whats(what="device:ana")
        )
        self.assertEqual(3, len(await self.whats(what="device")))
        self.assertEqual([], await self.whats(what="dev"))
        self.assertEqual([], await self.whats(what="device:a_a"))

    async def test_by_time(self) -> None:
        """From the first second on, to before the second one."""
        await self.with_store()
        for at in (NOW, NOW + 1, NOW + 2):
            await self.note(str(at - NOW), at=at)
        self.assertEqual(["1"], await self.whats(since=NOW + 1, until=NOW + 2))
        self.assertEqual(["1", "2"], await self.whats(since=NOW + 1))
        self.assertEqual(["0"], await self.whats(until=NOW + 1))

    async def test_by_any_text_in_it(self) -> None:
        """In whatever case; signs that mean something to a database mean themselves."""
        await self.with_store()
        await self.note("device:ana/100% Phone", by=self.by_ana)
        await self.note("device:ana/100_", "token.add")
        for text in ("phone", "PHONE", "192.0.2", "0%", "na/100%"):
            self.assertEqual(["device:ana/100% Phone"], await self.whats(text=text), text)
        for text in ("100_", "TOKEN", "command L"):
            self.assertEqual(["device:ana/100_"], await self.whats(text=text), text)
        self.assertEqual(2, len(await self.whats(text="some detail")))
        await self.note("device:ana/Hey!")
        self.assertEqual(["device:ana/Hey!"], await self.whats(text="y!"))
        for text in ("!!", "\\", "'", "%%", "_n_"):
            self.assertEqual([], await self.whats(text=text), text)

    async def test_all_that_is_asked_for_holds_together(self) -> None:
        """One that misses by one member is not found."""
        await self.with_store()
        await self.note("user:ben", "user.add", by=self.by_ana)
        asked: dict[str, Any] = {
            "actor": "ana",
            "action": "user.add",
            "what": "user:ben",
            "since": NOW,
            "until": NOW + 1,
            "text": "DETAIL",
        }
        self.assertEqual(["user:ben"], await self.whats(**asked))
        misses = {"since": NOW + 1, "until": NOW} | dict.fromkeys(
            ("actor", "action", "what", "text"), "x"
        )
        for name, miss in misses.items():
            self.assertEqual([], await self.whats(**asked | {name: miss}), name)


class SweepTests(AuditCase):
    """What goes."""

    async def sweep(self, before: int | None, most: int) -> bool:
        """One piece."""
        return await self.store.database.commit(lambda tx: self.store.audit.sweep(tx, before, most))

    async def test_those_beyond_the_number_go_the_oldest_first(self) -> None:
        """The newest are worth most."""
        await self.with_store()
        for number in range(5):
            await self.note(str(number))
        self.assertFalse(await self.sweep(None, 5))
        self.assertEqual(5, (await self.page()).count)
        self.assertFalse(await self.sweep(None, 2))
        self.assertEqual(["3", "4"], await self.whats())

    async def test_old_ones_go(self) -> None:
        """Those of when our clock was not set are not old."""
        await self.with_store()
        for at in (NOW - 2 * DAY, 5, NOW - DAY, NOW):
            await self.note(str(at), at=at)
        self.assertFalse(await self.sweep(NOW - DAY, 100))
        self.assertEqual(["5", str(NOW - DAY), str(NOW)], await self.whats())

    async def test_a_thousand_at_a_time(self) -> None:
        """Nobody's message waits for more."""
        await self.with_store()
        await self.store.database.commit(self.many)
        self.assertTrue(await self.sweep(NOW, 100_000))
        self.assertEqual(5, (await self.page()).count)
        self.assertFalse(await self.sweep(NOW, 100_000))
        self.assertEqual(0, (await self.page()).count)

    async def many(self, tx: Transaction) -> None:
        """More entries than go at once."""
        for _ in range(1_005):
            await self.store.audit.add(tx, NOW - DAY, COMMAND_LINE, "backup", "old", "")
