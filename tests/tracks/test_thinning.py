"""Thinning: what every answer with a resolution promises, for any track."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.tracks.locations import Recorded
from mytracks.tracks.thinning import Thinning
from tests.tracks.memory import BENS, PHONE, TABLET, fix

TRACKS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([PHONE, TABLET, BENS]), st.integers(0, 3)),
    max_size=60,
    unique=True,
).map(
    lambda rows: [
        Recorded(device, fix(at, seq))
        for at, device, seq in sorted(rows, key=lambda row: (row[0], row[1].number, row[2]))
    ]
)


def thinned(track: Sequence[Recorded], resolution: int, most: int = 10**6) -> Sequence[Recorded]:
    thinning = Thinning(resolution, most)
    thinning.take(track)
    return thinning.result()


class ThinningTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None)
    @given(TRACKS, st.integers(1, 200))
    def test_each_device_keeps_first_last_and_what_is_far_enough(
        self, track: list[Recorded], resolution: int
    ) -> None:
        """A busy phone does not starve a quiet one, and the ends of a track are true."""
        kept = thinned(track, resolution)
        for device in (PHONE, TABLET, BENS):
            own = [each for each in track if each.device == device]
            left = [each for each in kept if each.device == device]
            if not own:
                self.assertEqual([], left)
                continue
            self.assertEqual((own[0], own[-1]), (left[0], left[-1]))
            times = [each.location.at for each in left[:-1]]
            for earlier, later in pairwise(times):
                self.assertGreaterEqual(later - earlier, resolution)
            for each in own:
                before = [time for time in times if time <= each.location.at]
                self.assertTrue(each in left or each.location.at - before[-1] < resolution)

    @settings(derandomize=True, deadline=None)
    @given(TRACKS)
    def test_resolution_0_keeps_all_in_order(self, track: list[Recorded]) -> None:
        """0 means all points (original 1.2.2)."""
        self.assertEqual(track, thinned(track, 0))

    @settings(derandomize=True, deadline=None)
    @given(TRACKS, st.integers(0, 50), st.integers(1, 20))
    def test_memory_is_bounded_by_a_coarser_resolution(
        self, track: list[Recorded], resolution: int, most: int
    ) -> None:
        """Ten years at once give a picture, not an exhausted server."""
        devices = {each.device for each in track}
        kept = thinned(track, resolution, most)
        self.assertLessEqual(len(kept), max(most, len(devices)) + len(devices))
        for device in devices:
            own = [each for each in track if each.device == device]
            self.assertIn(own[0], kept)
            self.assertIn(own[-1], kept)

    @settings(derandomize=True, deadline=None)
    @given(TRACKS, st.integers(0, 50), st.integers(1, 10), st.integers(1, 7))
    def test_it_does_not_matter_in_what_parts_a_track_is_read(
        self, track: list[Recorded], resolution: int, most: int, part: int
    ) -> None:
        """The database gives pages; nobody sees where one ended."""
        thinning = Thinning(resolution, most)
        for start in range(0, len(track), part):
            thinning.take(track[start : start + part])
        self.assertEqual(thinned(track, resolution, most), thinning.result())

    def test_what_was_applied_is_told(self) -> None:
        """A page can say that it shows fewer points than there are."""
        thinning = Thinning(1, 10)
        thinning.take([Recorded(PHONE, fix(at)) for at in range(100)])
        self.assertEqual(16, thinning.resolution)
        self.assertEqual(
            [0, 16, 32, 48, 64, 80, 96, 99], [r.location.at for r in thinning.result()]
        )
