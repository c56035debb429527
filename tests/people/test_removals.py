"""What becomes of all that a deleted account had."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mytracks.people.removals import AGAIN_AFTER
from mytracks.sharing.identity import COMMAND_LINE
from tests.people.room import Room


class RemovalTests(TestCase):
    """Of accounts whose places are many."""

    async def opened(self, pieces: int, room: Room | None = None) -> Room:
        """A room in which accounts that leave do so in so many pieces."""
        room = Room(store=room.store) if room is not None else Room()
        room.store.accounts.pieces = pieces
        self.addCleanup(lambda: Deferred.fromCoroutine(room.close()))
        return await room.open()

    async def test_an_account_is_gone_at_once_and_what_it_had_piece_by_piece(self) -> None:
        """An administrator does not wait for millions of rows, nor does anybody's phone: what is to
        be stored meanwhile comes between two pieces."""
        room = await self.opened(3)
        ana = await room.account()
        transactions = room.store.transactions
        transactions.holding = True
        deleting = Deferred.fromCoroutine(room.people.accounts.delete(ana.number, by=COMMAND_LINE))
        transactions.let_go_of_one()
        self.assertTrue(deleting.called)
        self.assertIsNone(room.people.accounts.find("ana"))
        for left in (3, 2, 1):
            self.assertEqual({ana.number: left}, room.store.accounts.left)
            self.assertEqual(1, transactions.held)
            transactions.let_go_of_one()
        self.assertEqual({}, room.store.accounts.left)
        self.assertEqual(0, transactions.held)

    async def test_a_namesake_may_come_while_it_goes(self) -> None:
        """A wrong account is deleted and made anew within a minute."""
        room = await self.opened(2)
        old = await room.account()
        room.store.transactions.holding = True
        deleting = Deferred.fromCoroutine(room.people.accounts.delete(old.number, by=COMMAND_LINE))
        room.store.transactions.let_go_of_one()
        await deleting
        adding = Deferred.fromCoroutine(room.account())
        while not adding.called:
            await room.people.passwords.hash("whatever else the threads do")
            room.store.transactions.let_go()
        new = await adding
        self.assertNotEqual(old.number, new.number)
        await room.people.removals.settled()
        self.assertEqual({}, room.store.accounts.left)
        self.assertEqual([new], room.people.accounts.all())

    async def test_several_go_one_after_the_other(self) -> None:
        """However many are deleted, one piece at a time is in everybody's way."""
        room = await self.opened(2)
        both = [await room.account(name) for name in ("ana", "ben")]
        room.store.transactions.holding = True
        deleting = [
            Deferred.fromCoroutine(room.people.accounts.delete(a.number, by=COMMAND_LINE))
            for a in both
        ]
        room.store.transactions.let_go_of_one()
        room.store.transactions.let_go_of_one()
        self.assertEqual([True, False], [each.called for each in deleting])
        most = 0
        while room.store.transactions.held:
            room.store.transactions.let_go_of_one()
            most = max(most, room.store.transactions.held)
        self.assertTrue(deleting[1].called)
        self.assertEqual({}, room.store.accounts.left)
        self.assertLessEqual(most, 1)

    async def test_while_nothing_is_stored_it_is_tried_again(self) -> None:
        """A database that is away for an hour leaves nobody's places behind."""
        room = await self.opened(2)
        ana = await room.account()
        transactions = room.store.transactions
        transactions.holding = True
        deleting = Deferred.fromCoroutine(room.people.accounts.delete(ana.number, by=COMMAND_LINE))
        transactions.let_go_of_one()
        await deleting
        waiting = Deferred.fromCoroutine(room.people.removals.settled())
        transactions.failing = True
        transactions.let_go()
        self.assertEqual({ana.number: 1}, room.store.accounts.left)
        self.assertTrue(waiting.called, "the command waits no longer than that")
        room.timers.advance(AGAIN_AFTER)
        self.assertEqual({ana.number: 1}, room.store.accounts.left)
        transactions.failing = False
        room.timers.advance(AGAIN_AFTER)
        self.assertEqual({}, room.store.accounts.left)

    async def test_what_a_stop_leaves_goes_on_at_the_next_start(self) -> None:
        """A restart in the middle must not keep half of somebody's life for ever."""
        room = await self.opened(3)
        ana = await room.account()
        room.store.transactions.holding = True
        deleting = Deferred.fromCoroutine(room.people.accounts.delete(ana.number, by=COMMAND_LINE))
        room.store.transactions.let_go_of_one()
        await deleting
        await room.close()
        room.store.transactions.let_go()
        self.assertEqual([ana.number], list(room.store.accounts.left))
        again = await self.opened(3, room)
        await again.people.removals.settled()
        self.assertEqual({}, again.store.accounts.left)
        self.assertEqual([], again.people.accounts.all())

    async def test_a_stop_while_it_waits_leaves_no_timer(self) -> None:
        """The process ends at once."""
        room = await self.opened(1)
        ana = await room.account()
        await self.deleted_without_a_piece(room, ana.number)
        self.assertEqual(1, len(self.pauses(room)))
        await room.close()
        self.assertEqual([], self.pauses(room))

    async def deleted_without_a_piece(self, room: Room, number: int) -> None:
        room.store.transactions.holding = True
        deleting = Deferred.fromCoroutine(room.people.accounts.delete(number, by=COMMAND_LINE))
        room.store.transactions.failing = True
        room.store.transactions.let_go()
        await deleting

    def pauses(self, room: Room) -> list[float]:
        now = room.timers.seconds()
        due = [call.getTime() - now for call in room.timers.getDelayedCalls()]
        return [each for each in due if each == AGAIN_AFTER]
