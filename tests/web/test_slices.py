"""Long answers do not keep the others waiting."""

import msgspec
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.tracks.locations import Recorded
from mytracks.web.api.locations import LocationPage, shown
from mytracks.web.api.slices import SLICE, encoded
from tests.tracks.memory import NOW, PHONE, fix


class SlicesTests(SynchronousTestCase):
    """Ten thousand locations are not encoded in one go."""

    def setUp(self) -> None:
        self.timers = task.Clock()
        self.shown: list[int] = []

    def begin(self, number: int) -> "Deferred[msgspec.Raw]":
        def show(one: int) -> int:
            self.shown.append(one)
            return one

        return Deferred.fromCoroutine(encoded(range(number), show, Clock(self.timers)))

    def test_everybody_else_gets_a_turn_between_two_slices(self) -> None:
        """A slice takes a few milliseconds, the whole would take a hundred."""
        encoding = self.begin(2 * SLICE + 1)
        turns: list[int] = []

        def somebody_else() -> None:
            turns.append(len(self.shown))
            if not encoding.called:
                self.timers.callLater(0, somebody_else)

        somebody_else()
        self.assertNoResult(encoding)
        self.timers.advance(0)
        raw = self.successResultOf(encoding)
        self.assertEqual([SLICE, 2 * SLICE, 2 * SLICE + 1, 2 * SLICE + 1], turns)
        self.assertEqual(list(range(2 * SLICE + 1)), msgspec.json.decode(raw))

    def test_up_to_one_slice_is_told_at_once(self) -> None:
        """Most answers are short."""
        for number in (0, 1, SLICE):
            raw = self.successResultOf(self.begin(number))
            self.assertEqual(list(range(number)), msgspec.json.decode(raw))

    def test_nobody_works_on_for_a_client_that_hung_up(self) -> None:
        """Nor is a timer left behind."""
        encoding = self.begin(3 * SLICE)
        encoding.cancel()
        self.failureResultOf(encoding, CancelledError)
        self.assertEqual([], self.timers.getDelayedCalls())
        self.assertEqual(SLICE, len(self.shown))

    def test_a_page_looks_as_if_it_were_made_in_one_go(self) -> None:
        """Byte for byte."""
        found = [Recorded(PHONE, fix(NOW + n)) for n in range(SLICE + 5)]
        encoding = Deferred.fromCoroutine(encoded(found, shown, Clock(self.timers)))
        self.timers.advance(0)
        raw = self.successResultOf(encoding)
        results = [shown(one) for one in found]
        page = LocationPage(count=9, next=None, previous=None, results=results)
        sliced = msgspec.structs.replace(page, results=raw)
        self.assertEqual(msgspec.json.encode(page), msgspec.json.encode(sliced))
