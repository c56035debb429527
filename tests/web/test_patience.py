"""A database that does not answer costs nobody more than ten seconds, and costs no message."""

from collections.abc import Callable
from typing import Any, Final, cast

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock as ManualClock
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.clock import Clock
from mytracks.sharing.identity import Device
from mytracks.tracks.locations import Recorded
from mytracks.web.limits import Limits
from mytracks.web.patience import Patience, Wait
from tests.tracks.memory import fix
from tests.web.door import Browser, Door, Reply, basic

FIX: Final = b'{"_type":"location","lat":1,"lon":2,"tst":1700000000}'
LATE: Final = Limits().answer_within


class PatienceTests(SynchronousTestCase):
    """The rule by itself, in a time that only the test makes pass."""

    def setUp(self) -> None:
        self.timers = ManualClock()
        self.patience = Patience(Clock(self.timers))
        self.cancelled: list[Deferred[str]] = []

    def begun(self, seconds: float = 10) -> tuple[Wait, Deferred[str]]:
        """A request that waits, and what it waits for."""
        work: Deferred[str] = Deferred(self.cancelled.append)
        wait = self.patience.begin(seconds)
        wait.watch(work)
        return wait, work

    def test_what_comes_in_time_is_the_answer(self) -> None:
        """Whatever it is, good or bad; nothing keeps a request that is over in memory."""
        wait, work = self.begun()
        self.timers.advance(9.9)
        work.callback("stored")
        self.assertEqual("stored", self.successResultOf(work))
        _, failing = self.begun()
        failing.errback(KeyError("a bug"))
        self.failureResultOf(failing, KeyError)
        self.assertEqual(0, len(self.patience))
        self.timers.advance(100)
        self.assertEqual(([], False), (self.cancelled, wait.over))
        self.assertEqual([], self.timers.getDelayedCalls())

    def test_what_is_there_at_once_costs_no_timer(self) -> None:
        """Many answers are."""
        self.patience.begin(10).watch(succeed("known"))
        self.assertEqual(([], 0), (self.timers.getDelayedCalls(), len(self.patience)))

    def test_nobody_waits_longer(self) -> None:
        """Who is told to come again can do something else meanwhile."""
        wait, work = self.begun()
        self.timers.advance(10)
        self.failureResultOf(work, CancelledError)
        self.assertEqual(([work], True), (self.cancelled, wait.over))

    def test_each_has_its_own_time_and_all_share_one_timer(self) -> None:
        """Two thousand a second come and go."""
        first = self.begun()[1]
        self.timers.advance(4)
        second = self.begun()[1]
        self.assertEqual(1, len(self.timers.getDelayedCalls()))
        first.callback("stored")
        self.timers.advance(9.9)
        self.assertEqual([], self.cancelled)
        self.timers.advance(0.2)
        self.assertEqual([second], self.cancelled)
        self.failureResultOf(second, CancelledError)
        self.assertEqual([], self.timers.getDelayedCalls())

    def test_a_shorter_limit_counts_at_once(self) -> None:
        """It was adopted while others wait by the longer one."""
        long = self.begun(10)[1]
        short = self.begun(2)[1]
        self.timers.advance(2)
        self.assertEqual([short], self.cancelled)
        self.timers.advance(8)
        self.assertEqual([short, long], self.cancelled)
        for work in (short, long):
            self.failureResultOf(work, CancelledError)

    def test_what_goes_on_is_waited_for(self) -> None:
        """Years of history take their time, piece by piece."""
        wait, work = self.begun()
        for _ in range(5):
            self.timers.advance(9)
            wait.renew()
        self.assertNoResult(work)
        self.timers.advance(10)
        self.failureResultOf(work, CancelledError)
        wait.renew()
        self.assertEqual([], self.timers.getDelayedCalls())

    def test_what_takes_long_by_its_nature_may(self) -> None:
        """Such as a key. Whether it is said before it is waited for or after; never shorter."""
        wait, work = self.begun()
        wait.allow(60)
        wait.allow(5)
        early = self.patience.begin(10)
        early.allow(60)
        later: Deferred[str] = Deferred(self.cancelled.append)
        early.watch(later)
        self.timers.advance(59.9)
        self.assertEqual(([], 2), (self.cancelled, len(self.patience)))
        self.timers.advance(0.1)
        for each in (work, later):
            self.failureResultOf(each, CancelledError)
        self.assertEqual((2, True), (len(self.cancelled), early.over))

    def test_a_client_that_hangs_up_ends_the_work(self) -> None:
        """Nobody is there to be told, nor did anything take too long."""
        wait, work = self.begun()
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assertEqual((0, False), (len(self.patience), wait.over))

    def test_a_closed_door_leaves_no_timer_when_the_last_one_is_answered(self) -> None:
        """Those that wait are answered in time all the same."""
        (_, first), (_, second), idle = self.begun(), self.begun(), Patience(Clock(self.timers))
        idle.close()
        self.patience.close()
        first.callback("stored")
        self.assertEqual(1, len(self.timers.getDelayedCalls()))
        second.callback("stored")
        self.assertEqual([], self.timers.getDelayedCalls())
        _, late = self.begun()
        self.timers.advance(10)
        self.failureResultOf(late, CancelledError)


class DoorCase(TestCase):
    """A door, in front of a store that the test holds in its hand."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = await Door().open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.door.close()))
        self.transactions = self.door.room.store.transactions

    async def until(self, look: Callable[[], object]) -> None:
        """Wait for what a request does on its way in."""
        for _ in range(2000):
            if look():
                return
            await deferLater(cast(Any, reactor), 0.001)
        self.fail("it did not come to this")

    def pass_time(self, seconds: float) -> None:
        """For the door."""
        self.door.room.timers.advance(seconds)

    def asking(self, method: str, path: str, **words: Any) -> Deferred[Reply]:
        """A request that is not waited for."""
        return Deferred.fromCoroutine(self.door.ask(method, path, basic(), **words))


class PhoneTests(DoorCase):
    """Phones in HTTP mode keep what they have until they are answered."""

    async def test_a_phone_is_told_to_come_again_and_its_message_is_stored_all_the_same(
        self,
    ) -> None:
        """Never 4xx: Android would throw the location away."""
        broker = self.door.broker
        broker.holding = True
        posting = self.asking("POST", "/pub", body=FIX)
        await self.until(lambda: broker.held)
        self.pass_time(LATE - 0.1)
        self.assertNoResult(posting)
        self.pass_time(0.2)
        reply = await posting
        self.assertEqual((503, "5"), (reply.status, reply.headers["retry-after"]))
        self.assertEqual("application/problem+json", reply.headers["content-type"])
        self.assertEqual([FIX], [message.payload for _, message in broker.published])

    async def test_the_same_holds_on_every_path_that_phones_use(self) -> None:
        """Which of them is the quick one is our own affair."""
        self.door.broker.holding = True
        for path in ("/pub/", "/owntracks", "/api/locations"):
            self.door.broker.held.clear()
            posting = self.asking("POST", path, body=FIX)
            await self.until(lambda: self.door.broker.held)
            self.pass_time(LATE)
            self.assertEqual(503, (await posting).status, path)

    async def test_an_answer_in_time_leaves_nothing_behind(self) -> None:
        """Else each would be kept for ten seconds: 20,000 of them at 2,000/s."""
        self.door.broker.holding = True
        posting = self.asking("POST", "/pub", body=FIX)
        await self.until(lambda: self.door.broker.held)
        self.assertEqual(1, len(self.door.site.patience))
        self.door.broker.held[0].callback(None)
        self.assertEqual(200, (await posting).status)
        self.assertEqual(0, len(self.door.site.patience))

    async def test_the_limit_is_adopted_while_running(self) -> None:
        """SIGHUP; it counts from the next request on."""
        self.door.site.adopt(Limits(answer_within=2))
        self.door.broker.holding = True
        posting = self.asking("POST", "/pub", body=FIX)
        await self.until(lambda: self.door.broker.held)
        self.pass_time(2)
        self.assertEqual(503, (await posting).status)

    async def test_a_client_that_hangs_up_is_no_mistake_of_ours(self) -> None:
        """Trains enter tunnels while something is stored."""
        self.door.broker.holding = True
        posting = self.asking("POST", "/pub", body=FIX)
        await self.until(lambda: self.door.broker.held)
        posting.addErrback(lambda _: None)
        posting.cancel()
        await self.until(lambda: not len(self.door.site.patience))
        self.assertEqual([], self.flushLoggedErrors())


class PageTests(DoorCase):
    """People and scripts."""

    async def test_a_sign_in_that_cannot_be_stored_is_answered_with_a_page(self) -> None:
        """Somebody looks at a browser that turns and turns."""
        browser = Browser(self.door)
        page = await browser.get("/login/")
        self.transactions.holding = True
        fields = {"csrf_token": page.token, "username": "ana", "password": "correct horse battery"}
        signing_in = Deferred.fromCoroutine(browser.post("/login/", fields))
        await self.until(lambda: self.transactions.held)
        self.pass_time(LATE)
        reply = await signing_in
        self.assertEqual((503, "5"), (reply.status, reply.headers["retry-after"]))
        self.assertIn("text/html", reply.headers["content-type"])
        stored = self.transactions.commits
        self.transactions.let_go()
        self.assertEqual(stored + 1, self.transactions.commits, "what was begun goes on")

    async def test_a_read_that_does_not_come_is_answered(self) -> None:
        """Scripts have timers of their own, but no good ones."""
        self.transactions.holding_reads = True
        self.door.store(Device(1, 1, "ana", "phone"), *self.recorded(3))
        for path in ("/api/locations", "/api/locations/last-known"):
            self.transactions.reads.clear()
            reading = self.asking("GET", path)
            await self.until(lambda: self.transactions.reads)
            self.pass_time(LATE)
            self.assertEqual(503, (await reading).status, path)

    async def test_a_long_history_may_take_longer_as_long_as_it_comes(self) -> None:
        """Years of one device, thinned, on a slow machine."""
        self.transactions.holding_reads = True
        self.door.store(Device(1, 1, "ana", "phone"), *self.recorded(5_000))
        reading = self.asking("GET", "/api/locations?resolution=60")
        for _ in range(3):
            await self.until(lambda: self.transactions.reads)
            self.pass_time(LATE - 1)
            self.assertNoResult(reading)
            self.transactions.reads.pop().callback(None)
        reply = await reading
        self.assertEqual((200, 85), (reply.status, reply.json()["count"]))

    def recorded(self, number: int) -> list[Recorded]:
        """So many fixes, one a second."""
        device = Device(1, 1, "ana", "phone")
        return [Recorded(device, fix(1_700_000_000 + each)) for each in range(number)]
