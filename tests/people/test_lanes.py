"""Who goes first among those that wait."""

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.people.lanes import IN_ORDER, LANES, Lanes


@frozen
class Waiting:
    """Somebody."""

    name: str
    since: float


class LanesTests(SynchronousTestCase):
    """Turns."""

    def setUp(self) -> None:
        self.lanes: Lanes[Waiting] = Lanes()
        self.time = 0

    def come(self, name: str, lane: int, times: int = 1) -> None:
        """One, or several one after the other."""
        for number in range(times):
            self.time += 1
            self.lanes.add(lane, Waiting(f"{name}{number}", self.time))

    def turns(self, number: int) -> list[str]:
        """Who goes next."""
        return [self.lanes.next().name for _ in range(number)]

    def test_while_few_wait_they_go_as_they_came(self) -> None:
        """Whatever their lanes."""
        self.come("a", 1, 2)
        self.come("b", 2)
        self.come("c", 1)
        self.assertEqual(["a0", "a1", "b0", "c0"], self.turns(4))

    def test_whoever_comes_alone_does_not_wait_behind_a_crowd(self) -> None:
        """A hundred guesses at ana, and ben signs in."""
        self.come("ana", 1, 100)
        self.come("ben", 2)
        self.come("ana again", 1, 50)
        self.assertEqual(["ben0", "ana again49"], self.turns(2))

    def test_in_a_crowded_lane_the_newest_goes_first(self) -> None:
        """Until few wait."""
        self.come("a", 1, 30)
        self.assertEqual(["a29", "a28"], self.turns(2))
        self.turns(30 - IN_ORDER - 2)
        self.assertEqual(["a0", "a1"], self.turns(2))

    def test_crowded_lanes_take_turns(self) -> None:
        """Many guesses at few names."""
        for lane in range(3):
            self.come(f"{lane}-", lane, 20)
        self.assertEqual(["2-19", "1-19", "0-19", "2-18", "1-18"], self.turns(5))

    def test_a_thousand_names_share_a_bounded_number_of_lanes(self) -> None:
        """Inventing names does not bring more turns than that."""
        for name in range(1000):
            self.come("x", name)
        self.come("ana", LANES + 5)
        self.assertIn("ana0", self.turns(LANES))

    def test_who_gives_way_is_the_oldest_of_the_longest_lane(self) -> None:
        """Not the one who came alone, however long ago."""
        self.come("ben", 2)
        self.come("ana", 1, 3)
        self.assertEqual("ana0", self.lanes.give_way().name)
        self.assertEqual(3, len(self.lanes))

    def test_who_came_too_long_ago_waits_no_more(self) -> None:
        """In every lane."""
        self.come("a", 1, 2)
        self.come("b", 2, 2)
        gone = {each.name for each in self.lanes.since_before(4)}
        self.assertEqual({"a0", "a1", "b0"}, gone)
        self.assertEqual(["b1"], self.turns(1))
        self.assertRaises(IndexError, self.lanes.next)
        self.assertRaises(IndexError, self.lanes.give_way)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.lists(st.one_of(st.integers(-3, 70), st.sampled_from(["next", "give_way"]))))
    def test_nobody_is_lost_or_goes_twice(self, deeds: list[int | str]) -> None:
        """Whatever happens in whatever order."""
        lanes: Lanes[Waiting] = Lanes()
        there: set[str] = set()
        for time, deed in enumerate(deeds):
            if isinstance(deed, int):
                lanes.add(deed, Waiting(str(time), time))
                there.add(str(time))
            elif there:
                there.remove((lanes.next() if deed == "next" else lanes.give_way()).name)
            self.assertEqual(len(there), len(lanes))
        left = [each.name for each in lanes.since_before(len(deeds))]
        self.assertEqual(sorted(there), sorted(left))
