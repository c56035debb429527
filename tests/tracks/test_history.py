"""Reading back: who gets what, in which order, and how much of it."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid, NotFound
from mytracks.sharing.identity import Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.devices import Devices
from mytracks.tracks.history import Answer, History, Question
from mytracks.tracks.identifiers import encode, position_of
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Flags, Recorded
from tests.tracks.memory import (
    ANA,
    BEN,
    BENS,
    PHONE,
    TABLET,
    MemoryDevices,
    MemoryLocations,
    MemoryTransactions,
    fix,
    state,
)

T = TypeVar("T")

ROWS = [
    Recorded(PHONE, fix(100)),
    Recorded(BENS, fix(105)),
    Recorded(PHONE, fix(110, 1)),
    Recorded(PHONE, fix(110, 2)),
    Recorded(TABLET, fix(110)),
    Recorded(PHONE, fix(120, flags=Flags.REPEAT)),
    Recorded(PHONE, fix(130)),
]
ANAS = [ROWS[0], ROWS[2], ROWS[3], ROWS[4], ROWS[6]]


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transactions = MemoryTransactions()
        self.history = self.made(Limits())

    def made(self, limits: Limits, rows: Sequence[Recorded] = ROWS) -> History:
        stored = MemoryDevices([state(PHONE), state(TABLET), state(BENS)])
        devices = Devices(self.transactions, stored, limits)
        self.successResultOf(Deferred.fromCoroutine(devices.load()))
        locations = MemoryLocations(rows)
        return History(self.transactions, locations, devices, Visibility, limits)

    def now(self, work: Coroutine[Deferred[Any], Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def refused(self, work: Coroutine[Deferred[Any], Any, object], kind: type[Exception]) -> Any:
        return self.failureResultOf(Deferred.fromCoroutine(work), kind).value

    def find(self, viewer: Principal = ANA, **question: Any) -> Answer:
        return self.now(self.history.find(viewer, Question(**question)))

    def test_everybody_finds_their_own_newest_first(self) -> None:
        """Also the administrator, who is nobody's watcher (contract 3)."""
        found = self.find()
        self.assertEqual(ANAS[::-1], found.results)
        self.assertEqual(
            (5, 100, 0, None), (found.count, found.limit, found.offset, found.resolution)
        )
        self.assertEqual([ROWS[1]], self.find(BEN).results)

    def test_a_range_includes_both_ends(self) -> None:
        """A day asked for from midnight to midnight has its first fix."""
        self.assertEqual(ANAS[1:4], self.find(since=110, until=110, newest_first=False).results)

    def test_devices_narrow_the_answer(self) -> None:
        """Named twice is meant once."""
        self.assertEqual([ROWS[4]], self.find(devices=["ana/tablet", "Ana/tablet"]).results)

    def test_an_unknown_device_and_somebody_elses_are_refused_alike(self) -> None:
        """Nobody learns what others own."""
        texts = set()
        for path in ("ana/none", "ben/phone", "zoe/phone", "", "phone"):
            question = Question(devices=["ana/phone", path])
            texts.add(str(self.refused(self.history.find(ANA, question), NotFound)))
            texts.add(str(self.refused(self.history.last_known(ANA, [path]), NotFound)))
        self.assertEqual(1, len(texts))

    def test_pages_join_without_loss(self) -> None:
        """Limit and offset, counted over all."""
        pages = [self.find(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
        self.assertEqual(ANAS[::-1], [one for page in pages for one in page.results])
        self.assertEqual({5}, {page.count for page in pages})

    def test_repeats_are_listed_only_when_asked_for(self) -> None:
        """A phone that rests says the same again and again (contract 6)."""
        self.assertEqual(
            [120], [r.location.at for r in self.find(repeats=True).results if r not in ANAS]
        )

    def test_a_cursor_gives_what_follows_oldest_first(self) -> None:
        """A script that asks again and again gets each location once."""
        got: list[Recorded] = []
        after, counts = "", []
        while True:
            page = self.find(after=after, limit=2)
            counts.append(page.count)
            if not page.results:
                break
            got += page.results
            after = encode(position_of(page.results[-1]))
        self.assertEqual(ANAS, got)
        self.assertEqual([5, 3, 1, 0], counts)

    def test_a_cursor_that_is_none_is_refused(self) -> None:
        """It names the field, as forms do."""
        error = self.refused(self.history.find(ANA, Question(after="!")), Invalid)
        self.assertEqual({"since_id"}, set(error.errors))

    def test_numbers_out_of_bounds_are_refused(self) -> None:
        """Each with its field; the bounds themselves are good."""
        rows: tuple[dict[str, Any], ...] = (
            {"limit": 0},
            {"limit": 10_001},
            {"offset": -1},
            {"resolution": -1},
        )
        for wrong in rows:
            error = self.refused(self.history.find(ANA, Question(**wrong)), Invalid)
            self.assertEqual(set(wrong), set(error.errors))
        self.assertEqual(5, self.find(limit=10_000, offset=0).count)

    def test_a_resolution_thins_each_device_and_is_not_paged_unless_asked(self) -> None:
        """First and last of each are there, whatever the step (original 1.2.2)."""
        found = self.find(resolution=15)
        self.assertEqual([130, 110, 100], [r.location.at for r in found.results])
        self.assertEqual((3, 15), (found.count, found.resolution))
        page = self.find(resolution=0, limit=2, offset=1)
        self.assertEqual((ANAS[::-1][1:3], 5, 2), (page.results, page.count, page.limit))

    def test_a_long_track_is_walked_in_short_reads_and_made_coarser(self) -> None:
        """Others are served in between, and the answer has an end."""
        rows = [Recorded(PHONE, fix(at)) for at in range(100)]
        self.history = self.made(Limits(read_ahead=10, max_thinned=20), rows)
        before = self.transactions.reads
        found = self.find(resolution=0)
        self.assertEqual(11, self.transactions.reads - before)
        self.assertEqual((0, 99), (found.results[-1].location.at, found.results[0].location.at))
        self.assertEqual(8, found.resolution)
        self.assertLessEqual(len(found.results), 21)

    def test_who_has_no_device_finds_nothing(self) -> None:
        """A new account sees an empty page, not an error, and costs no read."""
        self.history = self.made(Limits(), [])
        before = self.transactions.reads
        nobody = Principal(9, "zoe", False, ANA.door)
        self.assertEqual((0, []), (self.find(nobody).count, list(self.find(nobody).results)))
        self.assertEqual([], list(self.find(nobody, resolution=5).results))
        self.assertEqual([], list(self.now(self.history.last_known(nobody))))
        self.assertEqual(before, self.transactions.reads)

    def test_last_known_is_the_newest_fix_of_each(self) -> None:
        """Repetitions are no newer place."""
        self.assertEqual([ROWS[6], ROWS[4]], list(self.now(self.history.last_known(ANA))))
        self.assertEqual([ROWS[4]], list(self.now(self.history.last_known(ANA, ["ana/tablet"]))))

    def test_one_location_is_found_by_its_identifier_by_who_may_see_it(self) -> None:
        """Somebody else's, one that is gone and nonsense are told alike."""
        self.assertEqual(ROWS[2], self.now(self.history.one(ANA, encode(position_of(ROWS[2])))))
        gone = encode(position_of(Recorded(PHONE, fix(7))))
        unknown = encode(position_of(Recorded(PHONE.__class__(99, 1, "ana", "x"), fix(7))))
        theirs = encode(position_of(ROWS[1]))
        texts = {
            str(self.refused(self.history.one(ANA, identifier), NotFound))
            for identifier in (gone, unknown, theirs, "?", "")
        }
        self.assertEqual(1, len(texts))

    def test_rights_are_asked_at_each_question(self) -> None:
        """What is no longer shared is gone from the next answer on."""
        asked: list[int] = []

        def rights() -> Visibility:
            asked.append(1)
            return Visibility()

        stored = MemoryDevices([state(PHONE)])
        devices = Devices(self.transactions, stored, Limits())
        ask: Callable[[], Visibility] = rights
        history = History(self.transactions, MemoryLocations(), devices, ask, Limits())
        self.now(history.find(ANA, Question()))
        self.now(history.last_known(ANA))
        self.assertEqual(2, len(asked))
