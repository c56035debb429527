"""What was just stored reaches who may see it, in order, also after a pause."""

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock as ManualClock
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.sharing.identity import Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.limits import Limits
from mytracks.tracks.live import DeviceStatus, Event, Live
from mytracks.tracks.locations import Recorded
from tests.tracks.memory import ANA, BEN, BENS, NOW, PHONE, TABLET, fix


@frozen
class Nobody(Visibility):
    """Rights of a moment at which nothing is shared at all."""

    def sees(self, viewer: Principal, owner: int) -> bool:
        """Never."""
        return False


def made(limits: Limits | None = None, now: float = NOW) -> Live:
    clock = Clock(ManualClock(), wall=lambda: now)
    return Live(Visibility, clock, limits or Limits())


def told(events: list[Event]) -> list[int]:
    return [event.what.location.at for event in events if isinstance(event.what, Recorded)]


class LiveTests(SynchronousTestCase):
    def test_each_viewer_is_told_what_they_may_see(self) -> None:
        """An administrator sees no more than anybody else."""
        live = made()
        ana: list[Event] = []
        ben: list[Event] = []
        live.subscribe(ANA, ana.append)
        live.subscribe(BEN, ben.append)
        live.tell(Recorded(PHONE, fix(1)))
        live.tell(Recorded(BENS, fix(2)))
        live.tell(DeviceStatus(device=PHONE, online=False, at=NOW))
        self.assertEqual([1], told(ana))
        self.assertEqual(DeviceStatus(device=PHONE, online=False, at=NOW), ana[-1].what)
        self.assertEqual([2], told(ben))

    def test_where_a_removed_device_was_is_not_told_any_more(self) -> None:
        """Nor to whoever comes back and asks for what they missed; numbers go on as before."""
        live = made()
        before = live.number
        live.tell(Recorded(PHONE, fix(1)))
        live.forget(PHONE)
        live.tell(Recorded(PHONE, fix(2)))
        live.tell(Recorded(TABLET, fix(3)))
        ana: list[Event] = []
        self.assertTrue(live.subscribe(ANA, ana.append, since=before).complete)
        self.assertEqual([3], told(ana))
        self.assertEqual(before + 3, ana[-1].number)

    def test_rights_are_asked_at_delivery(self) -> None:
        """What is withdrawn after somebody began to listen is not told any more, nor replayed."""
        rights: list[Visibility] = [Visibility()]
        clock = Clock(ManualClock(), wall=lambda: float(NOW))
        live = Live(lambda: rights[0], clock, Limits())
        ana: list[Event] = []
        live.subscribe(ANA, ana.append)
        before = live.number
        live.tell(Recorded(PHONE, fix(1)))
        rights[0] = Nobody()
        live.tell(Recorded(PHONE, fix(2)))
        live.subscribe(ANA, ana.append, since=before)
        self.assertEqual([1], told(ana))

    def test_who_left_is_told_nothing(self) -> None:
        """Also when they leave while others are being told; leaving twice is harmless."""
        live = made()
        ana: list[Event] = []
        second = live.subscribe(ANA, ana.append)
        first = live.subscribe(ANA, lambda _: None)
        first.close()
        live.subscribe(ANA, lambda _: second.close())
        live.tell(Recorded(PHONE, fix(1)))
        live.tell(Recorded(PHONE, fix(2)))
        second.close()
        self.assertEqual([1], told(ana))
        self.assertEqual(1, live.listeners)

    def test_one_viewers_broken_door_does_not_keep_it_from_the_others(self) -> None:
        """The failure is logged, with the name and without the place."""
        live = made()
        ana: list[Event] = []

        def broken(event: Event) -> None:
            raise RuntimeError(f"the socket is gone at {event.number}")

        live.subscribe(ANA, broken)
        live.subscribe(ANA, ana.append)
        live.tell(Recorded(PHONE, fix(1)))
        self.assertEqual([1], told(ana))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    @settings(derandomize=True, deadline=None)
    @given(st.integers(0, 12), st.integers(-3, 15), st.integers(1, 8))
    def test_coming_back_gives_exactly_what_was_missed_or_a_gap(
        self, events: int, since: int, memory: int
    ) -> None:
        """A laptop that slept shows the truth or loads anew, never half of it."""
        live = made(Limits(max_replay=memory))
        start = live.number
        for at in range(1, events + 1):
            live.tell(Recorded(PHONE, fix(at)))
        got: list[Event] = []
        subscription = live.subscribe(ANA, got.append, since=start + since)
        remembered = max(0, events - memory) <= since <= events
        self.assertEqual(remembered, subscription.complete)
        self.assertEqual(list(range(since + 1, events + 1)) if remembered else [], told(got))
        live.tell(Recorded(PHONE, fix(99)))
        self.assertEqual(99, told(got)[-1])

    def test_numbers_grow_by_one_and_over_restarts(self) -> None:
        """A number of the run before is a gap, and none is too large for JavaScript."""
        before = made(now=NOW)
        for at in range(5):
            before.tell(Recorded(PHONE, fix(at)))
        after = made(now=NOW + 0.25)
        self.assertEqual(NOW * 1000 + 250, after.startup)
        self.assertGreater(after.number, before.number)
        self.assertLess(after.number, 2**53)
        self.assertFalse(after.subscribe(ANA, lambda _: None, since=before.number).complete)
        self.assertFalse(before.subscribe(ANA, lambda _: None, since=after.number).complete)
        self.assertFalse(after.subscribe(ANA, lambda _: None, since=5).complete)

    def test_large_odd_members_are_told_but_not_remembered(self) -> None:
        """Thousands of pictures would fill the memory."""
        live = made()
        now: list[Event] = []
        later: list[Event] = []
        start = live.number
        live.subscribe(ANA, now.append)
        picture = fix(1, extra={"image": "x" * 5_000})
        small = fix(2, extra={"p": 101.3})
        live.tell(Recorded(PHONE, picture))
        live.tell(Recorded(PHONE, small))
        live.subscribe(ANA, later.append, since=start)
        self.assertEqual([picture, small], [e.what.location for e in now])  # type: ignore[union-attr]
        self.assertEqual([fix(1), small], [e.what.location for e in later])  # type: ignore[union-attr]
